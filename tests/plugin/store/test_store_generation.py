"""A sealed generation: its digests, and what happens when a file of it is not what was installed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.config.test_plugin_state import make_plugin
from wasmrun_py.model.errors import PluginCorruptError
from wasmrun_py.model.installed_plugin import InstalledPlugin, Launch
from wasmrun_py.model.plugin_source import CratesIo, Local
from wasmrun_py.plugin.install.steps import BuiltPlugin, ResolvedPlugin
from wasmrun_py.plugin.store.generation import is_intact, require_intact, seal
from wasmrun_py.plugin.store.listing import content_digest_of, digest_of, list_files

if TYPE_CHECKING:
    from pathlib import Path


def lay_out(folder: Path, *, extra: str = "record") -> Path:
    """A folder as a builder leaves it."""
    (folder / "bin").mkdir(parents=True)
    (folder / "lib").mkdir()
    (folder / "bin" / "zork").write_bytes(b"\x7fELF" + bytes(1000))
    (folder / "lib" / "a.py").write_text("a = 1\n", encoding="utf-8")
    (folder / "lib" / "RECORD").write_text(extra, encoding="utf-8")
    (folder / "lib" / "link").symlink_to("a.py")
    return folder


def install(store: Path, *, source: CratesIo | Local | None = None) -> InstalledPlugin:
    """A sealed generation inside ``store``."""
    staging = lay_out(store / "staging")
    resolved = ResolvedPlugin(
        name="zork", version="1.2", source=source or CratesIo(name="zork", version="1.2"), checksum=None
    )
    built = BuiltPlugin(
        manifest=make_plugin("zork").manifest,
        launch=Launch(command="bin/zork"),
        content_paths={"bin": "bin", "lib": "site-packages"},
        left_out=frozenset({"RECORD"}),
    )
    plugin = seal(staging, resolved, built, requested="crates:zork")
    staging.rename(plugin.folder(store))
    return plugin


def test_a_sealed_generation_is_intact(tmp_path: Path) -> None:
    """What was just sealed is accepted, and its folder is named after name, version and digest."""
    plugin = install(tmp_path)
    require_intact(plugin, tmp_path)
    assert plugin.generation == f"zork-1.2-{plugin.digest.removeprefix('sha256:')[:8]}"
    assert plugin.enabled
    assert not plugin.editable


def test_one_flipped_bit_is_refused_wherever_it_is(tmp_path: Path) -> None:
    """A flipped bit in any file, the receipt and the list included: both digests are in the message."""
    plugin = install(tmp_path)
    files = [path for path in plugin.folder(tmp_path).rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(files) == 5
    for path in files:
        good = path.read_bytes()
        bad = bytearray(good)
        bad[len(bad) * 2 // 3] ^= 1
        path.write_bytes(bad)
        with pytest.raises(PluginCorruptError) as raised:
            require_intact(plugin, tmp_path)
        assert raised.value.expected == plugin.digest
        if path.name != "files.sha256":
            assert path.name in raised.value.message
            assert raised.value.message.count("sha256") >= 1
        assert raised.value.exit_code == 3
        assert "wasmrun plugin update --force zork" in raised.value.hint
        path.write_bytes(good)
        require_intact(plugin, tmp_path)


@pytest.mark.parametrize("change", ["added", "removed", "link", "folder gone"])
def test_more_and_less_is_refused(change: str, tmp_path: Path) -> None:
    """A file that was added (Python would load it) or removed, a link that leads elsewhere."""
    plugin = install(tmp_path)
    folder = plugin.folder(tmp_path)
    match change:
        case "added":
            (folder / "lib" / "sitecustomize.py").write_text("", encoding="utf-8")
        case "removed":
            (folder / "lib" / "a.py").unlink()
        case "link":
            (folder / "lib" / "link").unlink()
            (folder / "lib" / "link").symlink_to("/etc/passwd")
        case _:
            folder.rename(tmp_path / "elsewhere")
    assert not is_intact(plugin, tmp_path)
    with pytest.raises(PluginCorruptError):
        require_intact(plugin, tmp_path)


def test_an_editable_plugin_is_its_authors(tmp_path: Path) -> None:
    """What an author works on changes, and is not checked."""
    plugin = install(tmp_path, source=Local(path=tmp_path, editable=True))
    assert plugin.editable
    (plugin.folder(tmp_path) / "lib" / "a.py").write_text("a = 2\n", encoding="utf-8")
    require_intact(plugin, tmp_path)


def test_the_content_digest_is_the_same_everywhere(tmp_path: Path) -> None:
    """Records that differ between installations, and the interpreter's folder name, are no part of it."""
    one, two = lay_out(tmp_path / "1"), lay_out(tmp_path / "2", extra="another")
    (two / "lib").rename(two / "lib3.12")
    digests = [
        content_digest_of(list_files(one), {"lib": "site", "bin": "bin"}, frozenset({"RECORD"})),
        content_digest_of(list_files(two), {"lib3.12": "site", "bin": "bin"}, frozenset({"RECORD"})),
    ]
    assert digests[0] == digests[1]
    assert digest_of(list_files(one)) != digest_of(list_files(two))
    (two / "bin" / "zork").write_bytes(b"other")
    changed = content_digest_of(list_files(two), {"lib3.12": "site", "bin": "bin"}, frozenset({"RECORD"}))
    assert changed != digests[0]


def test_two_installations_never_share_a_folder(tmp_path: Path) -> None:
    """The receipt holds the time: a repaired generation does not collide with the broken one."""
    first = install(tmp_path)
    second = install(tmp_path)
    assert first.generation != second.generation
    assert replace(first, digest="", generation="", installed_at=second.installed_at) == replace(
        second, digest="", generation=""
    )
