"""The installed plugins in config.toml: what is written is read back, and what is broken is never touched."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import without_privileges
from wasmrun_py.config.plugin_manifest import parse_manifest
from wasmrun_py.config.plugin_state import format_installed_plugins, parse_installed_plugins
from wasmrun_py.config.toml_file import TomlFile
from wasmrun_py.model.installed_plugin import InstalledPlugin, Launch, PreviousGeneration

if TYPE_CHECKING:
    from tests.conftest import Wasmrun

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}[A-Za-z0-9]", fullmatch=True).filter(
    lambda name: name.split(".")[0].lower() not in {"con", "prn", "aux", "nul"} and name[:3].lower() != "com"
)
DIGEST = "sha256:" + "1" * 64


def make_plugin(name: str, *, previous: bool = False, enabled: bool = True) -> InstalledPlugin:
    """An entry as an installation writes it."""
    manifest = parse_manifest(
        {"name": "zork", "plugin": name, "version": "1.2", "entry_files": ["main.zork"]}, origin="test"
    )
    return InstalledPlugin(
        name=name,
        enabled=enabled,
        requested=f"crates:{name}",
        source=f"crates:{name}@1.2",
        version="1.2",
        checksum="sha256:" + "2" * 64,
        content_digest=DIGEST,
        digest=DIGEST,
        generation=f"{name}-1.2-11111111",
        installed_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        editable=False,
        manifest=manifest,
        launch=Launch(command=f"bin/{name}"),
        previous=PreviousGeneration(generation=f"{name}-1.1-0", version="1.1", digest=DIGEST)
        if previous
        else None,
    )


def read(text: str) -> tuple[InstalledPlugin, ...]:
    return parse_installed_plugins(TomlFile(path=Path("config.toml"), text=text, tables=tomllib.loads(text)))


@given(
    names=st.lists(NAMES, unique_by=str.lower, max_size=5),
    flags=st.lists(st.booleans(), min_size=5, max_size=5),
)
def test_what_is_written_is_read_back(names: list[str], flags: list[bool]) -> None:
    """Any set of plugins survives being written and read; writing it again changes no byte."""
    plugins = {
        name: make_plugin(name, previous=flag, enabled=not flag)
        for name, flag in zip(names, flags, strict=False)
    }
    text = format_installed_plugins("", plugins)
    assert {plugin.name: plugin for plugin in read(text)} == plugins
    assert format_installed_plugins(text, plugins) == text


def test_a_users_settings_survive() -> None:
    """Comments, order and settings of the user are there after an installation, and after the removal."""
    mine = '# mine\n[build]\n# keep\ntarget = "web"   # yes\n'
    text = format_installed_plugins(mine, {"a.b": make_plugin("a.b")})
    assert text.startswith(mine)
    assert read(text) == (make_plugin("a.b"),)
    assert format_installed_plugins(text, {}) == mine


def test_only_what_changed_is_written() -> None:
    """A comment that a user wrote beside a plugin stays when another plugin changes."""
    text = format_installed_plugins("", {"a": make_plugin("a"), "b": make_plugin("b")})
    text = text.replace("[external_plugins.a]", "# do not touch\n[external_plugins.a]")
    changed = {"a": make_plugin("a"), "b": replace(make_plugin("b"), enabled=False)}
    assert "# do not touch" in format_installed_plugins(text, changed)


GOOD = format_installed_plugins("", {"zork": make_plugin("zork", previous=True)})


def swap(old: str, new: str) -> bytes:
    assert old in GOOD
    return GOOD.replace(old, new, 1).encode()


BROKEN: dict[str, bytes] = {
    "truncated in a string": GOOD.encode()[: GOOD.index("crates:zork") + 4],
    "truncated in a header": GOOD.encode()[: GOOD.index("[external_plugins.zork.launch") + 9],
    "truncated in a key": GOOD.encode()[: GOOD.index("digest = ") + 3],
    "not toml": b"this is = = not toml\n",
    "binary": bytes(range(256)),
    "zeros": bytes(4096),
    "utf-16": GOOD.encode("utf-16"),
    "latin-1": GOOD.replace("zork", "z\u00f6rk").encode("latin-1"),
    "a byte order mark in the middle": swap("enabled", "\ufeffenabled"),
    "a merge conflict": b"<<<<<<< ours\n" + GOOD.encode() + b"=======\n>>>>>>> theirs\n",
    "a key twice": swap("enabled = true", "enabled = true\nenabled = false"),
    "a table twice": GOOD.encode() + b"\n[external_plugins.zork]\nenabled = true\n",
    "newer": swap("schema = 1", "schema = 2"),
    "much newer": swap("schema = 1", "schema = 9000"),
    "a schema of zero": swap("schema = 1", "schema = 0"),
    "a schema in words": swap("schema = 1", 'schema = "one"'),
    "a schema that is true": swap("schema = 1", "schema = true"),
    "plugins are a list": b"external_plugins = [1, 2]\n",
    "plugins are a number": b"external_plugins = 7\n",
    "a plugin is a string": b'[external_plugins]\nzork = "1.0"\n',
    "a plugin of a hostile name": swap("[external_plugins.zork]", '[external_plugins."../zork"]'),
    "enabled is a word": swap("enabled = true", 'enabled = "yes"'),
    "no version": swap('version = "1.2"\n', ""),
    "a version that is a number": swap('version = "1.2"', "version = 1.2"),
    "a digest too short": swap(DIGEST, "sha256:11"),
    "a digest of another kind": swap(DIGEST, "md5:" + "1" * 64),
    "a generation that climbs": swap('"zork-1.2-11111111"', '"../../etc"'),
    "a generation that is a list": swap('"zork-1.2-11111111"', "[1]"),
    "a command that climbs": swap('"bin/zork"', '"../../bin/sh"'),
    "an absolute command": swap('"bin/zork"', '"/bin/sh"'),
    "a command with a NUL": swap('"bin/zork"', '"bin\\u0000zork"'),
    "no date": swap("installed_at = 2026-01-02T03:04:05Z\n", ""),
    "a date in words": swap("2026-01-02T03:04:05Z", '"yesterday"'),
    "a manifest of another": swap('plugin = "zork"', 'plugin = "other"'),
    "a manifest with a bad field": swap('entry_files = ["main.zork"]', "entry_files = 3"),
    "an unknown table": GOOD.encode() + b"\n[bild]\ntarget = 'web'\n",
    "an unknown setting": GOOD.encode() + b"\n[build]\ntarge = 'web'\n",
    "deeply nested": b"x = " + b"[" * 5000 + b"]" * 5000,
    "two megabytes": GOOD.encode() + b"# " + b"x" * 2_000_000,
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_named_and_not_touched(kind: str, wasmrun: Wasmrun, home: Path) -> None:
    """Exit 2, file and line, and not a byte or a time stamp of the file is changed."""
    home.mkdir()
    config = home / "config.toml"
    config.write_bytes(BROKEN[kind])
    before = config.stat().st_mtime_ns
    for args in (("plugin", "list", "--json"), ("plugin", "disable", "zork", "--json")):
        finished = wasmrun(*args)
        assert finished.code == 2, finished.err
        error = finished.document["error"]
        assert error["code"] == "invalid-config"
        assert str(config) in error["message"]
        place = error["diagnostics"][0]
        assert place["file"] == str(config)
        assert place["line"] is not None
        assert "Traceback" not in finished.err
    assert config.read_bytes() == BROKEN[kind]
    assert config.stat().st_mtime_ns == before


def test_an_unreadable_file_is_named(home: Path, environ: dict[str, str]) -> None:
    """No permission to read it: exit 2 with the file's name."""
    home.mkdir()
    config = home / "config.toml"
    config.write_text(GOOD, encoding="utf-8")
    config.chmod(0)
    command = without_privileges(sys.executable, "-m", "wasmrun_py", "plugin", "list")
    finished = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    config.chmod(0o600)
    assert finished.returncode == 2
    assert str(config) in finished.stderr
    assert config.read_text(encoding="utf-8") == GOOD


def test_a_folder_in_its_place_is_named(wasmrun: Wasmrun, home: Path) -> None:
    """A folder called config.toml: exit 2, not a traceback."""
    (home / "config.toml").mkdir(parents=True)
    finished = wasmrun("plugin", "list")
    assert finished.code == 2
    assert "config.toml" in finished.err


def test_a_link_and_its_mode_stay(wasmrun: Wasmrun, home: Path, tmp_path: Path) -> None:
    """A config.toml that is a link into a dotfiles folder stays one, and a private file stays private."""
    home.mkdir()
    real = tmp_path / "dotfiles.toml"
    real.write_text(GOOD, encoding="utf-8")
    real.chmod(0o600)
    (home / "config.toml").symlink_to(real)
    finished = wasmrun("plugin", "disable", "zork")
    assert finished.code == 0, finished.err
    assert (home / "config.toml").is_symlink()
    assert "enabled = false" in real.read_text(encoding="utf-8")
    assert real.stat().st_mode & 0o777 == 0o600
