"""Plain folders: a manifest and a program, copied or used where they are; and what kind a folder is."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from tests.plugin.material import MANIFEST, ZORK, Zork, write_crate, write_package, write_plain, write_tree
from wasmrun_py.model.errors import (
    ManifestError,
    NotAFolderError,
    PathNotFoundError,
    PluginInstallError,
    UsageError,
)
from wasmrun_py.model.plugin_source import Local
from wasmrun_py.plugin.install.folders import FolderKind, digest_folder, find_kind

if TYPE_CHECKING:
    from pathlib import Path

    from tests.plugin.install.conftest import Install


def test_a_folder_is_copied(install: Install, tmp_path: Path) -> None:
    """Program and manifest are the plugin's own; version control and caches stay behind."""
    folder = write_plain(tmp_path / "plain")
    write_tree(folder, {".git/HEAD": "x", "lib/__pycache__/a.pyc": "x", "node_modules/a/index.js": "x"})
    found = install(Local(path=folder))
    assert (found.resolved.name, found.resolved.version) == ("wasmrun-zork", "1.0.0")
    assert found.built.launch.command == "plugin/bin/wasmrun-zork"
    assert found.built.content_paths == {"plugin": "plugin"}
    assert "plugin/node_modules/a/index.js" in found.files()
    assert not [name for name in found.files() if ".git" in name or "__pycache__" in name]
    assert found.builds(ZORK, tmp_path / "use")


def test_an_editable_folder_is_used_where_it_is(install: Install, tmp_path: Path) -> None:
    """Nothing is copied, and the program's path is absolute."""
    folder = write_plain(tmp_path / "plain")
    found = install(Local(path=folder, editable=True))
    assert found.built.launch.command == str(folder / "bin" / "wasmrun-zork")
    assert found.files() == set()
    assert found.resolved.checksum is None
    write_plain(folder, Zork(marker="changed"))
    assert found.builds(Zork(marker="changed"), tmp_path / "use")


def test_links_inside_stay_links(install: Install, tmp_path: Path) -> None:
    """They lead to the copy, not to the original."""
    folder = write_plain(tmp_path / "plain")
    (folder / "lib" / "again").symlink_to("wasmrun_zork", target_is_directory=True)
    copied = install(Local(path=folder)).generation / "plugin" / "lib" / "again"
    assert copied.is_symlink()
    assert copied.resolve() == copied.parent / "wasmrun_zork"


@pytest.mark.parametrize("aim", ["/etc/passwd", "../../outside", "../.."])
def test_links_out_of_the_folder_are_refused(install: Install, tmp_path: Path, aim: str) -> None:
    """What they lead to would not be there on another day."""
    folder = write_plain(tmp_path / "plain")
    (folder / "lib" / "away").symlink_to(aim)
    with pytest.raises(UsageError, match="is a link that leads out of"):
        install(Local(path=folder))


def test_pipes_and_sockets_are_refused(install: Install, tmp_path: Path) -> None:
    """Copying them would wait for ever."""
    folder = write_plain(tmp_path / "plain")
    os.mkfifo(folder / "lib" / "pipe")
    with pytest.raises(UsageError, match="pipe is neither a file nor a folder"):
        install(Local(path=folder))
    (folder / "lib" / "pipe").unlink()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "sock"))
        with pytest.raises(UsageError, match="sock is neither a file nor a folder"):
            install(Local(path=folder))


@pytest.mark.parametrize(
    ("transports", "field"),
    [
        ('command = "nothing"', "transports.command"),
        ('command = "data"', "transports.command"),
        ('python = "a:b"', "transports.python"),
    ],
)
def test_the_program_must_be_there(install: Install, tmp_path: Path, transports: str, field: str) -> None:
    """A name that is no program is the manifest's fault."""
    text = f'name = "zork"\nversion = "1"\n[transports]\n{transports}\n'
    folder = write_tree(tmp_path / "plain", {MANIFEST: text, "data": "not executable"})
    with pytest.raises(ManifestError) as caught:
        install(Local(path=folder))
    assert caught.value.field == field


def test_a_folder_without_a_transport(install: Install, tmp_path: Path) -> None:
    """A manifest alone builds nothing."""
    folder = write_tree(tmp_path / "plain", {MANIFEST: 'name = "zork"\nversion = "1"\n'})
    with pytest.raises(PluginInstallError, match=r"no \[transports\] command"):
        install(Local(path=folder))


def test_a_folder_that_is_no_plugin(install: Install, tmp_path: Path) -> None:
    """The error names the file that is wanted."""
    with pytest.raises(ManifestError, match=r"holds no wasmrun_plugin\.toml"):
        install(Local(path=write_tree(tmp_path / "empty", {"README": "x"})))


def test_a_path_that_is_not_there(install: Install, tmp_path: Path) -> None:
    """Exit code 2."""
    with pytest.raises(PathNotFoundError, match="does not exist"):
        install(Local(path=tmp_path / "nothing"))


def test_a_file_that_is_no_plugin(install: Install, tmp_path: Path) -> None:
    """The kinds that are known are named."""
    write_tree(tmp_path, {"plugin.rar": "x"})
    with pytest.raises(UsageError, match="neither a wheel nor an archive") as caught:
        install(Local(path=tmp_path / "plugin.rar"))
    assert ".tar.gz" in caught.value.hint


def test_what_kind_a_folder_is(tmp_path: Path) -> None:
    """A program that is ready comes first, then a crate with a table, then a package, then a crate."""
    crate, package = write_crate(tmp_path / "crate"), write_package(tmp_path / "package")
    assert find_kind(crate) is FolderKind.CRATE
    assert find_kind(package) is FolderKind.PACKAGE
    # A Python package that is built from a crate has both files.
    write_tree(package, {"Cargo.toml": '[package]\nname = "part"\nversion = "1.0.0"\n'})
    assert find_kind(package) is FolderKind.PACKAGE
    write_tree(crate, {"pyproject.toml": '[project]\nname = "x"\n'})
    assert find_kind(crate) is FolderKind.CRATE
    write_plain(crate)
    assert find_kind(crate) is FolderKind.PLAIN
    tools = write_tree(tmp_path / "tools", {MANIFEST: 'name = "x"\n', "pyproject.toml": "[tool.ruff]\n"})
    assert find_kind(tools) is FolderKind.PLAIN
    with pytest.raises(NotAFolderError):
        find_kind(tmp_path / "nothing")


def test_the_digest_of_a_folder(tmp_path: Path) -> None:
    """It follows names, bytes and what runs, and nothing that is left out of the copy."""
    one, two = write_plain(tmp_path / "one"), write_plain(tmp_path / "two")
    assert digest_folder(one) == digest_folder(two)
    write_tree(two, {".git/HEAD": "x"})
    assert digest_folder(one) == digest_folder(two)
    (two / MANIFEST).chmod(0o755)
    assert digest_folder(one) != digest_folder(two)
    (two / MANIFEST).chmod(0o644)
    write_tree(two, {"lib/more": ""})
    assert digest_folder(one) != digest_folder(two)
