"""``wasmrun doctor`` and ``wasmrun toolchain``: the truth about this machine."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import require_tool

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Finished, Wasmrun


def checks(finished: Finished) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in finished.document["checks"]}


def test_a_machine_with_every_tool(wasmrun: Wasmrun) -> None:
    """Each tool is named with its version and path, and nothing fails."""
    emcc, clang = require_tool("emcc"), require_tool("clang")
    finished = wasmrun("doctor", "--json")
    found = checks(finished)
    assert finished.code == 0
    assert found["c:emcc"]["status"] == "ok"
    assert emcc in found["c:emcc"]["message"]
    assert clang in found["c:clang"]["message"]
    assert {"python", "wasmtime", "home", "config", "disk", "plugin:c", "port", "browser"} <= set(found)
    assert {each["status"] for each in found.values()} <= {"ok", "warn"}


def test_a_bare_machine(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """Nothing is there: what is missing and what would be installed, with its size."""
    (tmp_path / "empty").mkdir()
    finished = wasmrun("doctor", "--json", env={"PATH": str(tmp_path / "empty")})
    found = checks(finished)
    assert finished.code == 0
    assert found["c:emcc"]["status"] == "warn"
    assert "not on PATH" in found["c:emcc"]["message"]
    assert found["c:zig"]["status"] == "warn"
    assert "would install zig 0.13.0" in found["c:zig"]["message"]
    assert "MB to download" in found["c:zig"]["message"]
    assert found["browser"]["status"] == "warn"


def test_a_bare_machine_that_may_not_install(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """Without any tool and without leave to install one, the language fails, exit 1."""
    (tmp_path / "empty").mkdir()
    env = {"PATH": str(tmp_path / "empty"), "WASMRUN_TOOLCHAINS": "system"}
    finished = wasmrun("doctor", "--json", env=env)
    found = checks(finished)
    assert finished.code == 1
    assert finished.document["ok"] is False
    assert finished.document["error"]["code"] == "unhealthy"
    assert found["c:toolchain"]["status"] == "fail"
    assert "wasmrun toolchain install zig" in found["c:zig"]["hint"]


def test_a_broken_toolchain(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """A compiler that is there and does not work is a failure with its path and its own words."""
    script = tmp_path / "emcc"
    script.write_text("#!/bin/sh\necho 'cannot find the node'; exit 1\n", encoding="utf-8")
    script.chmod(0o755)
    finished = wasmrun("doctor", "--json", env={"PATH": f"{tmp_path}{os.pathsep}/usr/bin"})
    emcc = checks(finished)["c:emcc"]
    assert finished.code == 1
    assert emcc["status"] == "fail"
    assert str(script) in emcc["message"]
    assert "cannot find the node" in emcc["message"]


def test_a_broken_configuration_is_a_finding(wasmrun: Wasmrun, home: Path) -> None:
    """The file is named with its line, the rest is examined all the same, and nothing is changed."""
    home.mkdir()
    (home / "config.toml").write_text("[build\n", encoding="utf-8")
    finished = wasmrun("doctor", "--json")
    found = checks(finished)
    assert found["config"]["status"] == "fail"
    assert "config.toml:1:" in found["config"]["message"]
    assert found["plugin:c"]["status"] == "ok"
    assert (home / "config.toml").read_text(encoding="utf-8") == "[build\n"


def test_a_home_that_is_a_file(wasmrun: Wasmrun, home: Path) -> None:
    """A WASMRUN_HOME that cannot be one is a failure with a hint."""
    home.write_text("x", encoding="utf-8")
    found = checks(wasmrun("doctor", "--json"))
    assert found["home"]["status"] == "fail"
    assert "WASMRUN_HOME" in found["home"]["hint"]


def test_leftovers_are_found_and_fixed(wasmrun: Wasmrun, home: Path) -> None:
    """What a killed installation left is told, and --fix removes it and nothing else."""
    leftover = home / "toolchains" / ".tmp-zig-0.13.0-abc"
    leftover.mkdir(parents=True)
    (leftover / "part").write_text("x", encoding="utf-8")
    kept = home / "toolchains" / "zig-0.12.0"
    kept.mkdir()
    assert checks(wasmrun("doctor", "--json"))["leftovers"]["status"] == "warn"
    assert leftover.exists()
    finished = wasmrun("doctor", "--fix", "--json")
    assert finished.document["removed"] == [str(leftover)]
    assert "leftovers" not in checks(finished)
    assert not leftover.exists()
    assert kept.exists()


def test_a_port_in_use_is_told(wasmrun: Wasmrun) -> None:
    """The development server's port is looked at, not taken."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(("127.0.0.1", 8420))
        except OSError:
            pytest.skip("another process on this machine has the port, so the answer is the same")
        server.listen()
        assert "in use" in checks(wasmrun("doctor", "--json"))["port"]["message"]


def test_the_table_for_people(wasmrun: Wasmrun) -> None:
    """One line a check on stdout, the hints on stderr."""
    finished = wasmrun("doctor")
    assert "plugin:c" in finished.out
    assert "wasmrun toolchain install zig" in finished.err


def test_toolchains_are_listed(wasmrun: Wasmrun, home: Path) -> None:
    """What can be installed, at which version and size, and whether it is."""
    document = wasmrun("toolchain", "list", "--json").document
    assert document["command"] == "toolchain list"
    zig = next(each for each in document["toolchains"] if each["name"] == "zig")
    assert (zig["version"], zig["installed"], zig["path"]) == ("0.13.0", False, None)
    assert zig["unpacked_bytes"] > zig["download_bytes"] > 0
    assert not home.exists()


def test_toolchain_mistakes(wasmrun: Wasmrun) -> None:
    """An unknown name is answered with the nearest; removing what is not there is no failure."""
    finished = wasmrun("toolchain", "install", "zigg")
    assert finished.code == 2
    assert 'Did you mean "zig"?' in finished.err
    finished = wasmrun("toolchain", "remove", "zig")
    assert finished.code == 0
    assert "nothing to remove" in finished.err
