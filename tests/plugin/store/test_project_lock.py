"""A project's plugins: locked, installed as locked, and nothing else under ``--frozen``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.plugin.material import ZORK, wheel_index, write_plain, write_wheel

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Wasmrun

FIRST = replace(ZORK, version="1.0.0", marker="first")
SECOND = replace(ZORK, version="2.0.0", marker="second")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A zork project with a plugin of its own in a folder of it."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "main.zork").write_text("42\n", encoding="utf-8")
    (folder / "wasmrun.toml").write_text(f'[plugins]\n{ZORK.name} = "./tools/zork"\n', encoding="utf-8")
    write_plain(folder / "tools" / "zork", FIRST)
    return folder


def test_a_missing_plugin_is_named(project: Path, wasmrun: Wasmrun) -> None:
    """A project that names a plugin is not built by another one; the hint installs it."""
    finished = wasmrun("compile", project, "--json")
    assert finished.code == 3
    error = finished.document["error"]
    assert error["code"] == "plugin-not-found"
    assert ZORK.name in error["message"]
    assert "wasmrun plugin install" in error["hint"]


def test_frozen_takes_what_is_locked_and_nothing_else(
    project: Path, wasmrun: Wasmrun, home: Path, tmp_path: Path
) -> None:
    """Locked, built, replaced by another version: refused with both versions; sync brings it back."""
    assert wasmrun("plugin", "install", project / "tools" / "zork").code == 0
    unlocked = wasmrun("compile", project, "--frozen", "--json")
    assert unlocked.code == 3
    assert unlocked.document["error"]["code"] == "plugin-lock"
    assert "wasmrun plugin lock" in unlocked.document["error"]["hint"]

    locked = wasmrun("plugin", "lock", project, "--json")
    assert locked.code == 0, locked.err
    text = (project / "wasmrun.lock").read_text(encoding="utf-8")
    assert 'source = "./tools/zork"' in text
    assert str(project) not in text
    # The registries' clients are not on PATH: nothing is fetched.
    offline = {"PATH": "/usr/bin:/bin", "UV_OFFLINE": "1"}
    assert wasmrun("compile", project, "--frozen", "--json", env=offline).code == 0

    other = write_plain(tmp_path / "elsewhere", SECOND)
    assert wasmrun("plugin", "install", other).code == 0
    refused = wasmrun("compile", project, "--frozen", "--json")
    assert refused.code == 3
    assert refused.document["error"]["code"] == "plugin-lock"

    synced = wasmrun("plugin", "sync", project, "--json")
    assert synced.code == 0, synced.err + synced.out
    assert synced.document["changes"][0]["version"] == "1.0.0"
    assert wasmrun("compile", project, "--frozen", "--json").code == 0

    assert wasmrun("plugin", "uninstall", ZORK.name).code == 0
    assert wasmrun("plugin", "sync", project).code == 0
    built = wasmrun("compile", project, "--frozen", "--json")
    assert built.document["plugin"]["version"] == "1.0.0"
    assert (home / "plugins" / ZORK.name).is_dir()


def test_a_changed_source_is_not_synced(project: Path, wasmrun: Wasmrun) -> None:
    """Other bytes under the same version: refused with both digests, and nothing is installed."""
    assert wasmrun("plugin", "lock", project).code == 0
    assert wasmrun("plugin", "uninstall", ZORK.name).code == 0
    write_plain(project / "tools" / "zork", replace(FIRST, marker="forged"))
    refused = wasmrun("plugin", "sync", project, "--json")
    assert refused.code == 3
    error = refused.document["error"]
    assert error["code"] == "plugin-lock"
    assert error["message"].count("sha256:") == 2
    listed = wasmrun("plugin", "list", "--json").document["plugins"]
    assert ZORK.name not in {each["name"] for each in listed}


def test_the_lock_is_the_same_wherever_it_is_written(tmp_path: Path, wasmrun: Wasmrun) -> None:
    """Two homes, one wheel: the same bytes; a second lock changes nothing."""
    index = wheel_index(write_wheel(tmp_path / "index", FIRST).parent)
    locks = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "main.zork").write_text("42\n", encoding="utf-8")
        (folder / "wasmrun.toml").write_text(
            f'[plugins]\n{ZORK.name} = "pypi:{ZORK.name}"\n', encoding="utf-8"
        )
        env = {**index, "WASMRUN_HOME": str(tmp_path / f"home-{name}")}
        for _ in range(2):
            assert wasmrun("plugin", "lock", folder, env=env).code == 0
            locks.append((folder / "wasmrun.lock").read_bytes())
    assert len(set(locks)) == 1
    assert b'version = "1.0.0"' in locks[0]
    assert b"checksum" in locks[0]


def test_a_plugin_that_is_not_named_is_refused_when_frozen(tmp_path: Path, wasmrun: Wasmrun) -> None:
    """An installed plugin takes part in a frozen build only when the lock names it."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "main.zork").write_text("42\n", encoding="utf-8")
    assert wasmrun("plugin", "install", write_plain(tmp_path / "zork", FIRST)).code == 0
    assert wasmrun("compile", folder, "--json").code == 0
    refused = wasmrun("compile", folder, "--frozen", "--json")
    assert refused.code == 3
    assert ZORK.name in refused.document["error"]["message"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version = 2\n", "version 2"),
        ("version = 1\nplugin = 3\n", "array of tables"),
        ('version = 1\n[[plugin]]\nname = "../x"\nversion = "1"\nsource = "pypi:x"\n', "../x"),
        ('version = 1\n[[plugin]]\nname = "x"\nsource = "pypi:x"\n', '"version"'),
        ("not toml", "TOML"),
    ],
)
def test_a_broken_lock_is_named(text: str, said: str, project: Path, wasmrun: Wasmrun) -> None:
    """Exit 2, the file, and what is wrong with it."""
    assert wasmrun("plugin", "install", project / "tools" / "zork").code == 0
    (project / "wasmrun.lock").write_text(text, encoding="utf-8")
    finished = wasmrun("compile", project, "--frozen", "--json")
    assert finished.code == 2, finished.out
    assert "wasmrun.lock" in finished.document["error"]["message"]
    assert said in finished.document["error"]["message"]


def test_nothing_to_lock(tmp_path: Path, wasmrun: Wasmrun) -> None:
    """A project without [plugins]: exit 2 and what to write."""
    finished = wasmrun("plugin", "lock", tmp_path, "--json")
    assert finished.code == 2
    assert "[plugins]" in finished.document["error"]["hint"]
