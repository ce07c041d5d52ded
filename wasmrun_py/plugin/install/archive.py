"""Unpack an archive that a stranger made: zip and tar, into a folder of ours and nowhere else.

An archive holds plain files and folders below one place; everything else is refused by name, not repaired.
The rules are those of all systems at once, so that an archive that unpacks here unpacks anywhere. Formats:
PKWARE APPNOTE, POSIX pax.
"""

from __future__ import annotations

import re
import stat
import unicodedata
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING

from wasmrun_py.model.errors import PluginInstallError
from wasmrun_py.model.plugin_source import is_device_name
from wasmrun_py.system.fs import translate_write_errors

if TYPE_CHECKING:
    import tarfile
    import zipfile
    from collections.abc import Iterator
    from pathlib import Path

_CHUNK_BYTES = 256 * 1024
_NAME_CAP_BYTES = 255
_PATH_CAP_BYTES = 1024
_DEPTH_CAP = 64
_TAR_HEADER_CAP_BYTES = 64 * 1024
_ZIP_DIRECTORY_CAP_BYTES = 16 * 1024 * 1024
_ZIP_END = b"PK\x05\x06"
_ZIP_END_BYTES = 22
_ZIP64_LOCATOR = b"PK\x06\x07"
_ZIP64_LOCATOR_BYTES = 20
_ZIP_COMMENT_CAP_BYTES = 65535
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|]')


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveLimits:
    """How much an archive may become.

    Attributes:
        total_bytes: All files together.
        file_bytes: One file.
        entries: Files and folders.
    """

    total_bytes: int = 512 * 1024 * 1024
    file_bytes: int = 256 * 1024 * 1024
    entries: int = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One entry as the archive tells it, not yet believed.

    Attributes:
        name: Its path.
        kind: ``file``, ``folder``, or what it is instead, in words.
        size_bytes: What it says it will be.
        runs: It is a program.
        content: Its bytes; None for a folder.
    """

    name: str
    kind: str
    size_bytes: int
    runs: bool
    content: IO[bytes] | None = None


def unpack(archive: Path, into: Path, *, limits: ArchiveLimits | None = None) -> Path:
    """Unpack an archive into a new folder.

    Args:
        archive: The file; its name says what it is.
        into: The folder; made here, with nothing in it.
        limits: How much it may become.

    Returns:
        ``into``, or the one folder in it that holds everything.

    Raises:
        PluginInstallError: It is damaged, or an entry is refused; names the entry. ``into`` may hold some of
            it.
        OutputError: The folder cannot be written.
    """
    import lzma  # noqa: PLC0415 - only archives need it
    import tarfile  # noqa: PLC0415 - as above
    import zipfile  # noqa: PLC0415 - as above
    import zlib  # noqa: PLC0415 - as above

    with translate_write_errors(f"create {into}"):
        into.mkdir(parents=True)
    unpacking = _Unpacking(archive.name, into, limits or ArchiveLimits())
    entries = _zip_entries if archive.name.lower().endswith(".zip") else _tar_entries
    try:
        for entry in entries(archive):
            unpacking.take(entry)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError) as error:
        raise _damaged(archive, error) from error
    except (NotImplementedError, RuntimeError, ValueError, OverflowError) as error:
        # zipfile's words for a compression method or an encryption it does not know; odd numbers in headers.
        raise _damaged(archive, error) from error
    except OSError as error:
        # gzip and bz2 say so when their data is broken; what cannot be written is an OutputError already.
        raise _damaged(archive, error) from error
    top = list(into.iterdir())
    return top[0] if len(top) == 1 and top[0].is_dir() else into


class _Unpacking:
    """Takes entries one by one, and remembers what it has taken."""

    def __init__(self, archive: str, into: Path, limits: ArchiveLimits) -> None:
        self._archive = archive
        self._into = into
        self._limits = limits
        self._left_bytes = limits.total_bytes
        self._count = 0
        self._files: set[str] = set()
        self._folders: dict[str, PurePosixPath] = {}

    def take(self, entry: _Entry) -> None:
        """Check an entry, then write it.

        Raises:
            PluginInstallError: It is refused.
            OutputError: It cannot be written.
        """
        self._count += 1
        if self._count > self._limits.entries:
            raise self._refused(entry, f"the archive has more than {self._limits.entries} entries")
        path = self._check_name(entry)
        if entry.kind not in {"file", "folder"}:
            raise self._refused(entry, f"it is {entry.kind}")
        folder = path if entry.kind == "folder" else path.parent
        for parent in [*reversed(folder.parents), folder]:
            self._enter(entry, parent)
        if entry.kind == "file":
            key = _key(path)
            if key in self._files or key in self._folders:
                raise self._refused(entry, "another entry has that name, or one that differs in case only")
            self._files.add(key)
            self._write(entry, path)

    def _enter(self, entry: _Entry, folder: PurePosixPath) -> None:
        key = _key(folder)
        if folder == PurePosixPath() or self._folders.get(key) == folder:
            return
        if key in self._folders:
            raise self._refused(entry, f"{self._folders[key]} differs from its folder in case only")
        if key in self._files:
            raise self._refused(entry, f"{folder} is a file")
        self._folders[key] = folder
        with translate_write_errors(f"create {self._into / folder}"):
            (self._into / folder).mkdir()

    def _write(self, entry: _Entry, path: PurePosixPath) -> None:
        cap_bytes = min(self._limits.file_bytes, self._left_bytes)
        if entry.size_bytes > cap_bytes:
            raise self._too_large(entry)
        target = self._into / path
        written_bytes = 0
        with translate_write_errors(f"write {target}"):
            stream = target.open("xb")
        with stream:
            while entry.content is not None and (chunk := entry.content.read(_CHUNK_BYTES)):
                # What an entry says of its size is checked too: it need not be true.
                written_bytes += len(chunk)
                if written_bytes > cap_bytes:
                    raise self._too_large(entry)
                with translate_write_errors(f"write {target}"):
                    stream.write(chunk)
        self._left_bytes -= written_bytes
        with translate_write_errors(f"write {target}"):
            target.chmod(0o755 if entry.runs else 0o644)

    def _check_name(self, entry: _Entry) -> PurePosixPath:
        """The entry's path, one that means the same on every system."""
        name = entry.name
        if _FORBIDDEN.search(name) or any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in name):
            raise self._refused(entry, "its name holds characters that no portable file name has")
        if name.startswith("/"):
            raise self._refused(entry, "its path is absolute")
        parts = [part for part in name.split("/") if part not in {"", "."}]
        if ".." in parts:
            raise self._refused(entry, "its path leads out of the archive")
        if not parts and entry.kind != "folder":
            raise self._refused(entry, "it has no name")
        for part in parts:
            if part != part.rstrip(". ") or is_device_name(part):
                raise self._refused(entry, f"{part!r} cannot be a file name on every system")
        too_long = any(len(part.encode()) > _NAME_CAP_BYTES for part in parts)
        if too_long or len(name.encode()) > _PATH_CAP_BYTES or len(parts) > _DEPTH_CAP:
            raise self._refused(entry, "its path is too long")
        return PurePosixPath(*parts)

    def _too_large(self, entry: _Entry) -> PluginInstallError:
        limits = self._limits
        return self._refused(
            entry,
            f"it would be too large (at most {_megabytes(limits.file_bytes)} a file and "
            f"{_megabytes(limits.total_bytes)} in all are unpacked)",
        )

    def _refused(self, entry: _Entry, why: str) -> PluginInstallError:
        name = entry.name if len(entry.name) <= 100 else f"{entry.name[:97]}…"  # noqa: PLR2004 - fits a line
        return PluginInstallError(
            f"{self._archive}: the entry {name!r} is refused: {why}",
            hint="Nothing was installed. Ask the plugin's author for a plain archive of files and folders.",
        )


def _zip_entries(path: Path) -> Iterator[_Entry]:
    import zipfile  # noqa: PLC0415 - only archives need it

    with path.open("rb") as stream:
        _check_zip_directory(stream, path)
        with zipfile.ZipFile(stream) as archive:
            for info in archive.infolist():
                kind = _zip_kind(info)
                entry = _Entry(
                    name=info.orig_filename,
                    kind=kind,
                    size_bytes=info.file_size,
                    runs=bool(info.external_attr >> 16 & 0o100),
                )
                if kind != "file":
                    yield entry
                    continue
                with archive.open(info) as content:
                    yield _Entry(
                        name=entry.name,
                        kind=kind,
                        size_bytes=entry.size_bytes,
                        runs=entry.runs,
                        content=content,
                    )


def _zip_kind(info: zipfile.ZipInfo) -> str:
    mode = info.external_attr >> 16
    if info.flag_bits & 0x1:
        return "encrypted"
    if stat.S_IFMT(mode) not in {0, stat.S_IFREG, stat.S_IFDIR}:
        return "a symbolic link" if stat.S_ISLNK(mode) else "neither a file nor a folder"
    return "folder" if info.orig_filename.endswith("/") else "file"


def _check_zip_directory(stream: IO[bytes], path: Path) -> None:
    """Refuse a directory that would not fit memory: zipfile reads it whole before we see an entry."""
    size_bytes = stream.seek(0, 2)
    tail_bytes = min(size_bytes, _ZIP_COMMENT_CAP_BYTES + _ZIP_END_BYTES + _ZIP64_LOCATOR_BYTES)
    stream.seek(size_bytes - tail_bytes)
    tail = stream.read(tail_bytes)
    stream.seek(0)
    at = tail.rfind(_ZIP_END)
    if at < 0:
        return
    directory_bytes = int.from_bytes(tail[at + 12 : at + 16], "little")
    large = tail[max(0, at - _ZIP64_LOCATOR_BYTES) : at].startswith(_ZIP64_LOCATOR)
    if large or directory_bytes > _ZIP_DIRECTORY_CAP_BYTES:
        raise PluginInstallError(f"{path.name} is refused: it holds more entries than any plugin has")


def _tar_entries(path: Path) -> Iterator[_Entry]:
    import tarfile  # noqa: PLC0415 - only archives need it

    class Header(tarfile.TarInfo):
        """A header whose extension, which tarfile reads into memory, has a sensible length."""

        @classmethod
        def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Header:
            header = super().frombuf(buf, encoding, errors)
            plain = header.type in {*tarfile.REGULAR_TYPES, tarfile.DIRTYPE}
            if not plain and header.size > _TAR_HEADER_CAP_BYTES:
                raise PluginInstallError(f"{path.name} is refused: a header of {header.size} bytes is in it")
            return header

    with tarfile.open(path, "r:*", tarinfo=Header) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isreg() and not member.issparse() else None
            yield _Entry(
                name=member.name,
                kind=_tar_kind(member),
                size_bytes=member.size,
                runs=bool(member.mode & 0o100),
                content=content,
            )


def _tar_kind(member: tarfile.TarInfo) -> str:
    kinds = (
        (member.issparse(), "a sparse file"),
        (member.isdir(), "folder"),
        (member.isreg(), "file"),
        (member.issym(), "a symbolic link"),
        (member.islnk(), "a hard link"),
        (member.isdev(), "a device"),
    )
    return next((words for holds, words in kinds if holds), "neither a file nor a folder")


def _key(path: PurePosixPath) -> str:
    """What a file system that ignores case and normal form takes for the same name."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", str(path)).casefold())


def _damaged(archive: Path, error: Exception) -> PluginInstallError:
    said = str(error) or type(error).__name__
    return PluginInstallError(f"{archive.name} cannot be unpacked: {said}", hint="Download it again.")


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes // (1024 * 1024)} MB"
