"""Every source through its whole life: installed, used, disabled, updated, rolled back, gone."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import require_tool
from tests.plugin.material import (
    C_RIVAL,
    Zork,
    commit,
    serving,
    sha256_of,
    wheel_index,
    write_archive,
    write_crate,
    write_crate_registry,
    write_package,
    write_plain,
    write_wheel,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.conftest import Wasmrun

FIRST = replace(C_RIVAL, version="1.0.0", marker="first")
SECOND = replace(C_RIVAL, version="2.0.0", marker="second")
NAME = C_RIVAL.name


@dataclass(frozen=True)
class Shelf:
    """A place that a plugin is installed from.

    Attributes:
        source: What is typed after ``plugin install``.
        env: Variables that the registries' clients need.
        put: Makes the place offer a version of the plugin.
        transport: How the plugin is called.
        options: Options of ``plugin install`` that it needs.
    """

    source: str
    put: Callable[[Zork], None]
    transport: str
    env: Mapping[str, str]
    options: tuple[str, ...] = ()


def pypi_shelf(tmp_path: Path) -> Shelf:
    index = tmp_path / "index"
    return Shelf(
        f"pypi:{NAME}", lambda plugin: void(write_wheel(index, plugin)), "python", wheel_index(index)
    )


def script_shelf(tmp_path: Path) -> Shelf:
    index = tmp_path / "index"

    def put(plugin: Zork) -> None:
        write_wheel(index, replace(plugin, python_transport=False))

    return Shelf(f"pypi:{NAME}", put, "command", wheel_index(index))


def wheel_shelf(tmp_path: Path) -> Shelf:
    """One file that is replaced: a wheel's name holds its version, so that the newest is linked."""
    shelf = tmp_path / "wheels"

    def put(plugin: Zork) -> None:
        write_package(shelf, plugin)

    return Shelf(str(shelf), put, "python", {})


def crate_shelf(tmp_path: Path) -> Shelf:
    require_tool("cargo")
    crates = tmp_path / "crates"

    def put(plugin: Zork) -> None:
        write_crate(crates / plugin.version, plugin, cli_feature=True)
        write_crate_registry(tmp_path / "registry", *sorted(crates.iterdir()))

    put(FIRST)
    env = write_crate_registry(tmp_path / "registry", crates / "1.0.0")
    return Shelf(f"crates:{NAME}", put, "command", env)


def crate_folder_shelf(tmp_path: Path) -> Shelf:
    require_tool("cargo")
    return Shelf(
        str(tmp_path / "crate"), lambda plugin: void(write_crate(tmp_path / "crate", plugin)), "command", {}
    )


def folder_shelf(tmp_path: Path) -> Shelf:
    return Shelf(
        str(tmp_path / "plain"), lambda plugin: void(write_plain(tmp_path / "plain", plugin)), "command", {}
    )


def git_shelf(tmp_path: Path) -> Shelf:
    require_tool("git")
    repository = tmp_path / "repository"

    def put(plugin: Zork) -> None:
        write_plain(repository / "tools" / "plugin", plugin)
        commit(repository)

    return Shelf(f"git+file://{repository}@main#subdirectory=tools/plugin", put, "command", {})


def archive_shelf(tmp_path: Path) -> Shelf:
    archive = tmp_path / "plugin.tar.gz"

    def put(plugin: Zork) -> None:
        write_archive(archive, write_plain(tmp_path / f"plain-{plugin.version}", plugin))

    return Shelf(str(archive), put, "command", {})


@contextmanager
def web_shelf(tmp_path: Path) -> Iterator[Shelf]:
    """An address whose archive changes: nobody can name its digest beforehand."""
    shelf = tmp_path / "shelf"

    def put(plugin: Zork) -> None:
        write_archive(shelf / "plugin.tar.gz", write_plain(tmp_path / f"plain-{plugin.version}", plugin))

    shelf.mkdir()
    with serving(shelf) as address:
        yield Shelf(f"{address}plugin.tar.gz", put, "command", {}, ("--allow-unverified",))


def void(_: object) -> None:
    """Drop a value."""


SHELVES: dict[str, Callable[[Path], Shelf]] = {
    "pypi, python": pypi_shelf,
    "pypi, console script": script_shelf,
    "package folder": wheel_shelf,
    "crates registry": crate_shelf,
    "crate folder": crate_folder_shelf,
    "plain folder": folder_shelf,
    "git": git_shelf,
    "archive": archive_shelf,
}


@pytest.fixture(params=SHELVES)
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    """Each source in turn."""
    return SHELVES[request.param](tmp_path)


@pytest.mark.slow
def test_the_whole_life(shelf: Shelf, tmp_path: Path, home: Path, wasmrun: Wasmrun) -> None:
    """Installed, listed, described, used, disabled, enabled, updated, rolled back, gone without a trace."""
    live_through(shelf, tmp_path, home, wasmrun)


@pytest.mark.slow
def test_the_whole_life_from_the_web(tmp_path: Path, home: Path, wasmrun: Wasmrun) -> None:
    """The same for a web address."""
    with web_shelf(tmp_path) as shelf:
        live_through(shelf, tmp_path, home, wasmrun)


def live_through(shelf: Shelf, tmp_path: Path, home: Path, wasmrun: Wasmrun) -> None:
    """Installed, listed, described, used, disabled, enabled, updated, rolled back, gone without a trace."""
    require_tool("clang")
    project = tmp_path / "project"
    project.mkdir()
    (project / "main.c").write_text("int main(void) { return 7; }\n", encoding="utf-8")
    before = tree(home)

    def run(*args: str | Path) -> dict[str, Any]:
        finished = wasmrun(*args, "--json", env=shelf.env)
        assert finished.code == 0, finished.err + finished.out
        return finished.document

    def build() -> dict[str, Any]:
        plugin: dict[str, Any] = run("compile", project, "--no-toolchain-install")["plugin"]
        return plugin

    shelf.put(FIRST)
    install = ("plugin", "install", shelf.source, *shelf.options)
    installed = run(*install)
    assert (installed["outcome"], installed["version"]) == ("installed", "1.0.0")
    assert run(*install)["outcome"] == "already-installed"

    listed = {each["name"]: each for each in run("plugin", "list")["plugins"]}
    assert listed[NAME]["type"] == "external"
    assert listed[NAME]["health"] == {"status": "healthy", "message": ""}
    (info,) = run("plugin", "info", NAME)["plugins"]
    assert info["digest"].startswith("sha256:")
    assert info["size_bytes"] > 0
    assert info["transport"] == shelf.transport

    assert build() == {"name": NAME, "version": "1.0.0", "type": "external", "transport": shelf.transport}
    (module,) = (project / "dist").glob("*.wasm")
    assert b"1.0.0 first" in module.read_bytes()
    assert run("plugin", "disable", NAME)["outcome"] == "disabled"
    assert build()["type"] == "builtin"
    assert run("plugin", "enable", NAME)["outcome"] == "enabled"
    assert build()["name"] == NAME

    assert run("plugin", "update", NAME)["outcome"] == "up-to-date"
    shelf.put(SECOND)
    planned = run("plugin", "update", NAME, "--dry-run")
    assert (planned["outcome"], planned["available_version"]) == ("would-update", "2.0.0")
    assert build()["version"] == "1.0.0"
    updated = run("plugin", "update", NAME)
    assert (updated["outcome"], updated["previous_version"], updated["version"]) == (
        "updated",
        "1.0.0",
        "2.0.0",
    )
    assert build()["version"] == "2.0.0"
    assert run("plugin", "rollback", NAME)["version"] == "1.0.0"
    assert build()["version"] == "1.0.0"

    assert run("plugin", "uninstall", NAME)["outcome"] == "uninstalled"
    assert build()["type"] == "builtin"
    assert {name for name in tree(home) - before if not name.startswith(("outputs", "cache"))} <= {"locks"}


def test_a_web_address(tmp_path: Path, wasmrun: Wasmrun) -> None:
    """With its digest an archive is installed; without one it is refused, unless that is said to be fine."""
    shelf = tmp_path / "shelf"
    archive = write_archive(shelf / "plugin.zip", write_plain(tmp_path / "plain", FIRST))
    with serving(shelf) as address:
        refused = wasmrun("plugin", "install", f"{address}plugin.zip", "--json")
        assert refused.code != 0
        assert "sha256" in json.dumps(refused.document["error"])
        wrong = wasmrun("plugin", "install", f"{address}plugin.zip#sha256={'0' * 64}", "--json")
        assert wrong.code == 1
        assert sha256_of(archive) in wrong.document["error"]["message"]
        right = wasmrun("plugin", "install", f"{address}plugin.zip#sha256={sha256_of(archive)}", "--json")
        assert right.code == 0, right.err
        assert right.document["outcome"] == "installed"
        assert wasmrun("plugin", "uninstall", NAME).code == 0
        loose = wasmrun("plugin", "install", f"{address}plugin.zip", "--allow-unverified", "--json")
        assert loose.code == 0, loose.err


def test_a_flipped_bit_is_refused_and_repaired(tmp_path: Path, home: Path, wasmrun: Wasmrun) -> None:
    """Refused at load with both digests; update --force, or a rollback, mends it."""
    source = write_plain(tmp_path / "plain", FIRST)
    assert wasmrun("plugin", "install", source).code == 0
    project = tmp_path / "project"
    project.mkdir()
    (project / "main.c").write_text("1\n", encoding="utf-8")
    program = next((home / "store").rglob("compiler.py"))
    data = bytearray(program.read_bytes())
    data[len(data) // 2] ^= 1
    program.write_bytes(data)
    refused = wasmrun("compile", project, "--plugin", NAME, "--json")
    assert refused.code == 3
    error = refused.document["error"]
    assert error["code"] == "plugin-corrupt"
    assert "compiler.py" in error["message"]
    assert error["message"].count("sha256") == 1
    assert f"wasmrun plugin update --force {NAME}" in error["hint"]
    repaired = wasmrun("plugin", "update", "--force", NAME, "--json")
    assert repaired.document["outcome"] == "repaired"
    built = wasmrun("compile", project, "--plugin", NAME, "--json")
    assert built.document["plugin"]["name"] == NAME, built.err


def test_a_rollback_mends_a_flipped_bit(tmp_path: Path, home: Path, wasmrun: Wasmrun) -> None:
    """The generation before the damaged one is whole, and builds."""
    source = write_plain(tmp_path / "plain", FIRST)
    assert wasmrun("plugin", "install", source).code == 0
    write_plain(tmp_path / "plain", SECOND)
    assert wasmrun("plugin", "update", NAME).code == 0
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "main.c").write_text("1\n", encoding="utf-8")
    (home / "bin" / NAME).resolve().write_bytes(b"#!/bin/sh\nexit 0\n")
    # Also unnamed: a plugin that would take the project is not passed over in silence.
    assert wasmrun("compile", tmp_path / "project", "--json").document["error"]["code"] == "plugin-corrupt"
    assert wasmrun("plugin", "rollback", NAME, "--json").document["version"] == "1.0.0"
    built = wasmrun("compile", tmp_path / "project", "--plugin", NAME, "--json")
    assert built.document["plugin"]["version"] == "1.0.0", built.err


def tree(home: Path) -> set[str]:
    """Every path below the home."""
    return {str(path.relative_to(home)) for path in home.rglob("*")} if home.exists() else set()
