"""Archives made by a stranger: plain files and folders below one place, everything else refused by name."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plugin.material import write_tree
from wasmrun_py.model.errors import PluginInstallError
from wasmrun_py.plugin.install.archive import ArchiveLimits, unpack

if TYPE_CHECKING:
    from collections.abc import Callable

LIMITS = ArchiveLimits(total_bytes=100_000, file_bytes=60_000, entries=50)
NAMES = [
    ("../outside", "leads out"),
    ("a/../../outside", "leads out"),
    ("/etc/outside", "absolute"),
    ("//server/share", "absolute"),
    ("..\\outside", "characters"),
    ("C:outside", "characters"),
    ("C:\\outside", "characters"),
    ("a\nb", "characters"),
    ("a\x1b[2Jb", "characters"),
    ("a\x7fb", "characters"),
    ("a\x85b", "characters"),
    ("con", "every system"),
    ("a/NUL.txt", "every system"),
    ("a/aux .c", "every system"),
    ("trailing.", "every system"),
    ("trailing /x", "every system"),
    ("what?", "characters"),
    ("x" * 300, "too long"),
    ("/".join("x" * 100), "too long"),
    ("y/" * 70 + "z", "too long"),
]


def zip_of(path: Path, *entries: tuple[str, bytes, int]) -> Path:
    """A zip of (name, content, mode with type bits)."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, mode in entries:
            info = zipfile.ZipInfo("x")
            info.filename = info.orig_filename = name
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return path


def tar_of(path: Path, *members: tuple[str, bytes, bytes, str]) -> Path:
    """A tar of (name, content, type, link's aim)."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content, kind, aim in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, aim, len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def refuse(archive: Path, folder: Path, *, limits: ArchiveLimits = LIMITS) -> str:
    """The message of the refusal; nothing outside the folder was touched."""
    inside = folder / "deep" / "inside"
    before = sorted(folder.rglob("*"))
    with pytest.raises(PluginInstallError) as caught:
        unpack(archive, inside, limits=limits)
    after = [
        path
        for path in folder.rglob("*")
        if inside not in path.parents and path not in {inside, inside.parent}
    ]
    assert sorted(after) == before
    assert all(path.is_file() or path.is_dir() for path in inside.rglob("*"))
    return caught.value.message


@pytest.mark.parametrize(("name", "why"), NAMES)
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_names_that_are_refused(tmp_path: Path, name: str, why: str, kind: str) -> None:
    """The entry is named, readable on a terminal."""
    if kind == "zip":
        archive = zip_of(tmp_path / "a.zip", ("fine", b"x", 0o644), (name, b"x", 0o644))
    else:
        archive = tar_of(tmp_path / "a.tar.gz", (name, b"x", tarfile.REGTYPE, ""))
    message = refuse(archive, tmp_path)
    assert why in message
    assert repr(name)[1:40] in message
    assert message.isprintable()


@pytest.mark.parametrize(
    ("kind", "aim", "why"),
    [
        (tarfile.SYMTYPE, "/etc/passwd", "a symbolic link"),
        (tarfile.SYMTYPE, "inside", "a symbolic link"),
        (tarfile.LNKTYPE, "/etc/passwd", "a hard link"),
        (tarfile.CHRTYPE, "", "a device"),
        (tarfile.BLKTYPE, "", "a device"),
        (tarfile.FIFOTYPE, "", "a device"),
        (tarfile.GNUTYPE_SPARSE, "", "a sparse file"),
        (b"?", "", "neither a file nor a folder"),
    ],
)
def test_kinds_of_a_tar_that_are_refused(tmp_path: Path, kind: bytes, aim: str, why: str) -> None:
    """Only files and folders are unpacked."""
    message = refuse(tar_of(tmp_path / "a.tar.gz", ("entry", b"", kind, aim)), tmp_path)
    assert message == f"a.tar.gz: the entry 'entry' is refused: it is {why}"


@pytest.mark.parametrize(
    ("mode", "why"),
    [
        (stat.S_IFLNK | 0o777, "a symbolic link"),
        (stat.S_IFCHR | 0o666, "neither a file nor a folder"),
        (stat.S_IFIFO | 0o666, "neither a file nor a folder"),
        (stat.S_IFSOCK | 0o666, "neither a file nor a folder"),
    ],
)
def test_kinds_of_a_zip_that_are_refused(tmp_path: Path, mode: int, why: str) -> None:
    """The same, by the mode of a unix archiver."""
    assert f"it is {why}" in refuse(zip_of(tmp_path / "a.zip", ("entry", b"/etc/passwd", mode)), tmp_path)


@pytest.mark.parametrize(
    "names",
    [
        ("a", "a"),
        ("a", "A"),
        ("dir/a", "DIR/b"),
        ("dir/a", "dir/A"),
        ("straße", "STRASSE"),
        ("e\u0301", "\u00e9"),
        ("a", "a/b"),
        ("a/b", "a"),
        ("a", "./a"),
        ("a/b", "a//b"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_that_collide(tmp_path: Path, names: tuple[str, str]) -> None:
    """What one system would write twice, none does."""
    archive = zip_of(tmp_path / "a.zip", *((name, b"x", 0o644) for name in names))
    assert "case only" in (message := refuse(archive, tmp_path)) or "is a file" in message


def bomb_zip(path: Path) -> Path:
    return zip_of(path, ("bomb", bytes(1_000_000), 0o644))


def bomb_zip_that_lies(path: Path) -> Path:
    """The directory and the header say one byte; the data is a million."""
    zip_of(path, ("bomb", bytes(1_000_000), 0o644))
    data = path.read_bytes()
    path.write_bytes(data.replace((1_000_000).to_bytes(4, "little"), (1).to_bytes(4, "little")))
    return path


def many_zip(path: Path) -> Path:
    return zip_of(path, *((f"file-{number}", b"", 0o644) for number in range(60)))


def sum_zip(path: Path) -> Path:
    return zip_of(path, *((f"file-{number}", bytes(40_000), 0o644) for number in range(3)))


def bomb_tar(path: Path) -> Path:
    """A gigabyte of zeros, 1 MB packed: the header alone must do."""
    info = tarfile.TarInfo("bomb")
    info.size = 1024 * 1024 * 1024
    packer = zlib.compressobj(9, wbits=31)
    with path.open("wb") as stream:
        stream.write(packer.compress(info.tobuf()))
        for _ in range(64):
            stream.write(packer.compress(bytes(1024 * 1024)))
        stream.write(packer.flush())
    return path


def header_bomb_tar(path: Path) -> Path:
    """An extended header of 256 MB, which tarfile would read into memory."""
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, 256 * 1024 * 1024
    path.write_bytes(info.tobuf() + bytes(1024))
    return path


def directory_bomb_zip(path: Path) -> Path:
    """An end record that tells of a directory of 3 GB."""
    end = b"PK\x05\x06" + bytes(8) + (3_000_000_000).to_bytes(4, "little") + bytes(4) + bytes(2)
    path.write_bytes(bytes(1000) + end)
    return path


@pytest.mark.parametrize(
    ("make", "name", "why"),
    [
        (bomb_zip, "a.zip", "too large"),
        (bomb_zip_that_lies, "a.zip", ""),
        (many_zip, "a.zip", "more than 50 entries"),
        (sum_zip, "a.zip", "too large"),
        (bomb_tar, "a.tar.gz", "too large"),
        (header_bomb_tar, "a.tar", "a header of"),
        (directory_bomb_zip, "a.zip", "more entries than"),
    ],
)
def test_bombs(tmp_path: Path, make: Callable[[Path], Path], name: str, why: str) -> None:
    """Size, sum, number and headers are limited by what comes, not by what is said."""
    assert why in refuse(make(tmp_path / name), tmp_path)
    written = sum(path.stat().st_size for path in (tmp_path / "deep").rglob("*") if path.is_file())
    assert written <= LIMITS.total_bytes


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tar.xz", "a.tar.bz2"])
@pytest.mark.parametrize("content", [b"", b"garbage" * 100, b"PK\x05\x06", b"\x1f\x8b\x08" + bytes(40)])
def test_damaged_archives(tmp_path: Path, name: str, content: bytes) -> None:
    """Every failure of the formats is one error."""
    write_tree(tmp_path, {name: content})
    assert "cannot be unpacked" in refuse(tmp_path / name, tmp_path)


def test_truncated_archives(tmp_path: Path) -> None:
    """Cut anywhere, an archive is refused, or everything is there (what ends a tar is only padding)."""
    members = [(f"top/{n}", bytes([n]) * 3000, tarfile.REGTYPE, "") for n in range(3)]
    data = tar_of(tmp_path / "whole.tar.gz", *members).read_bytes()
    for length in range(0, len(data), 7):
        with TemporaryDirectory() as folder:
            cut = Path(folder, "a.tar.gz")
            cut.write_bytes(data[:length])
            try:
                top = unpack(cut, Path(folder, "inside"))
            except PluginInstallError as error:
                assert "cannot be unpacked" in error.message  # noqa: PT017 - not every length is an error
                continue
            assert [path.stat().st_size for path in top.iterdir()] == [3000] * 3


def test_an_encrypted_zip(tmp_path: Path) -> None:
    """Nobody is asked for a password."""
    path = zip_of(tmp_path / "a.zip", ("secret", b"x", 0o644))
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert "it is encrypted" in refuse(path, tmp_path)


def test_a_good_archive(tmp_path: Path) -> None:
    """Its one top folder is stripped; programs stay programs, and nothing else of a mode is kept."""
    path = zip_of(
        tmp_path / "a.zip",
        *(("top/", b"", 0o40755), ("top/bin/run", b"#!", 0o104755), ("top/./data", b"x", 0o100600)),
    )
    folder = unpack(path, tmp_path / "inside")
    assert folder == tmp_path / "inside" / "top"
    assert (folder / "bin" / "run").stat().st_mode & 0o7777 == 0o755
    assert (folder / "data").stat().st_mode & 0o7777 == 0o644


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(
                st.sampled_from(["a", "A", "b", "..", ".", "", "con", "\\", "\0", "é", "x:y"]), max_size=4
            ),
            st.sampled_from(
                [0, 0o644, 0o755, stat.S_IFLNK | 0o777, stat.S_IFDIR | 0o755, stat.S_IFREG | 0o644]
            ),
        ),
        max_size=5,
    )
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_whatever_is_in_it_stays_inside(entries: list[tuple[list[str], int]]) -> None:
    """Any zip unpacks to plain files inside the folder, or is refused."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        archive = zip_of(folder / "a.zip", *(("/".join(parts), b"x", mode) for parts, mode in entries))
        with suppress(PluginInstallError):
            unpack(archive, folder / "deep" / "inside", limits=LIMITS)
        found = {path for path in folder.rglob("*") if path.is_file() or path.is_symlink()}
        inside = folder / "deep" / "inside"
        assert all(path == archive or inside in path.parents for path in found)
        assert not any(path.is_symlink() for path in found)
