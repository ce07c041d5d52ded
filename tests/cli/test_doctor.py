"""``wasmrun doctor`` and ``wasmrun toolchain``: the truth about this machine."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.conftest import require_tool, without_privileges
from wasmrun_py.system.fs import exclusive_lock
from wasmrun_py.system.paths import Home
from wasmrun_py.toolchain.catalog import ASC, NODE, ZIG

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


def put_zig(home: Path, *, answer: str = "0.13.0", files: int = 2) -> Path:
    """An installed zig whose program is a script, with a receipt that speaks of ``files`` files."""
    program = ZIG.program_in(ZIG.folder(Home(root=home)))
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho {answer}\n")
    program.chmod(0o755)
    receipt = {"name": "zig", "version": "0.13.0", "files": files, "size_bytes": 1}
    (ZIG.folder(Home(root=home)) / "receipt.json").write_text(json.dumps(receipt))
    return program


def bare(tmp_path: Path, **more: str) -> dict[str, str]:
    """An environment whose PATH holds nothing, and from which no index can be reached."""
    (tmp_path / "empty").mkdir(exist_ok=True)
    return {
        "PATH": str(tmp_path / "empty"),
        "UV_OFFLINE": "1",
        "UV_CACHE_DIR": str(tmp_path / "uv-cache"),
        "PIP_NO_INDEX": "1",
        "PIP_NO_CACHE_DIR": "1",
        "PIP_FIND_LINKS": "",
        **more,
    }


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("none", "0.13.0"),
        ("program", "incomplete: there is no"),
        ("receipt", "incomplete: there is no"),
        ("files", "incomplete: 3 of 5 files are gone"),
        ("answer", "says it is '0.12.1', not 0.13.0"),
        ("empty", "broken: "),
    ],
)
def test_an_installed_toolchain_is_looked_into(
    wasmrun: Wasmrun, home: Path, tmp_path: Path, damage: str, said: str
) -> None:
    """Each way in which an installation can be truncated is told with its folder, and how to mend it."""
    answer = "0.12.1" if damage == "answer" else "0.13.0"
    program = put_zig(home, answer=answer, files=5 if damage == "files" else 2)
    if damage == "program":
        program.unlink()
    elif damage == "receipt":
        (ZIG.folder(Home(root=home)) / "receipt.json").unlink()
    elif damage == "empty":
        program.write_bytes(b"")
    finished = wasmrun("doctor", "--json", env=bare(tmp_path))
    zig = checks(finished)["c:zig"]
    assert zig["status"] == ("ok" if damage == "none" else "fail")
    assert said in zig["message"]
    assert str(ZIG.folder(Home(root=home))) in zig["message"]
    assert ("doctor --fix" in zig["hint"]) is (damage != "none")


@pytest.mark.parametrize(
    ("policy", "why"), [("system", "may not install anything"), ("auto", "could not be installed")]
)
def test_fixing_takes_a_broken_toolchain_away(
    wasmrun: Wasmrun, home: Path, tmp_path: Path, policy: str, why: str
) -> None:
    """It is removed in any case and installed again where that is allowed; what was done is said."""
    put_zig(home, files=5)
    finished = wasmrun("doctor", "--fix", "--json", env=bare(tmp_path, WASMRUN_TOOLCHAINS=policy))
    (repair,) = finished.document["repaired"]
    assert (repair["toolchain"], repair["action"]) == ("zig 0.13.0", "removed")
    assert why in repair["message"]
    assert "3 of 5 files are gone" in repair["damage"]
    assert not ZIG.folder(Home(root=home)).exists()
    again = wasmrun("doctor", "--fix", env=bare(tmp_path, WASMRUN_TOOLCHAINS="auto"))
    assert "nothing to fix" in again.err


def test_a_sound_toolchain_survives_fixing(wasmrun: Wasmrun, home: Path, tmp_path: Path) -> None:
    """What works is not touched."""
    program = put_zig(home)
    assert wasmrun("doctor", "--fix", "--json", env=bare(tmp_path)).document["repaired"] == []
    assert program.exists()


def test_what_is_at_work_is_no_leftover(wasmrun: Wasmrun, home: Path) -> None:
    """A lock that is held is told; a staging folder is left alone while anybody may be working in it."""
    leftover = home / "toolchains" / ".tmp-zig-0.13.0-abc"
    leftover.mkdir(parents=True)
    with exclusive_lock(home / "locks" / "toolchain-zig-0.13.0.lock", on_wait=lambda: None):
        found = checks(wasmrun("doctor", "--fix", "--json"))
    assert "toolchain-zig-0.13.0.lock" in found["locks"]["message"]
    assert leftover.exists()
    found = checks(wasmrun("doctor", "--fix", "--json"))
    assert "locks" not in found
    assert not leftover.exists()


def test_half_written_files_go_when_they_are_old(wasmrun: Wasmrun, home: Path) -> None:
    """A young one may still become what it was meant to be."""
    home.mkdir()
    old, young = home / ".config.toml.abc.tmp", home / ".config.toml.def.tmp"
    for path in (old, young):
        path.write_text("x")
    os.utime(old, (1, 1))
    assert wasmrun("doctor", "--fix", "--json").document["removed"] == [str(old)]
    assert young.exists()


def test_a_home_that_cannot_be_written(environ: dict[str, str], home: Path) -> None:
    """The folder is named, whichever of them it is."""
    (home / "toolchains").mkdir(parents=True)
    (home / "toolchains").chmod(0o555)
    command = without_privileges(sys.executable, "-m", "wasmrun_py", "doctor", "--json")
    finished = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    (found,) = (each for each in json.loads(finished.stdout)["checks"] if each["name"] == "home")
    assert found["status"] == "fail"
    assert f"{home / 'toolchains'} cannot be written" in found["message"]


def test_the_policy_is_told(wasmrun: Wasmrun) -> None:
    """What happens to missing toolchains, and a word that is none."""
    found = checks(wasmrun("doctor", "--json", env={"WASMRUN_TOOLCHAINS": "ask"}))
    assert found["policy"]["message"].startswith("ask: wasmrun asks")
    found = checks(wasmrun("doctor", "--json", env={"WASMRUN_TOOLCHAINS": "axk"}))
    assert found["policy"]["status"] == "fail"
    assert '"ask"' in found["policy"]["hint"]


def test_a_broken_asc_and_a_node_that_is_too_old(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """Asc is asked for its version, as node is; each is named with what will be used instead."""
    package = tmp_path / "lib" / "node_modules" / "assemblyscript"
    (package / "bin").mkdir(parents=True)
    (package / "package.json").write_text('{"name": "assemblyscript", "version": "0.27.0"}')
    (package / "bin" / "asc.js").write_text("#!/usr/bin/env node\nthrow new Error('no binaryen')\n")
    (package / "bin" / "asc.js").chmod(0o755)
    env = bare(tmp_path)
    folder = tmp_path / "empty"
    (folder / "asc").symlink_to(package / "bin" / "asc.js")
    (folder / "node").symlink_to(require_tool("node"))
    found = checks(wasmrun("doctor", "--json", env=env))
    assert found["assemblyscript:asc"]["status"] == "fail"
    assert "no binaryen" in found["assemblyscript:asc"]["message"]
    (folder / "node").unlink()
    (folder / "node").write_text("#!/bin/sh\necho v12.22.9\n")
    (folder / "node").chmod(0o755)
    node = checks(wasmrun("doctor", "--json", env=env))["assemblyscript:node"]
    assert node["status"] == "warn"
    assert f"is 12.22.9, and asc {ASC.version} needs 20 or newer" in node["message"]
    assert f"would install node {NODE.version}" in node["message"]


def test_a_port_in_use_is_told(wasmrun: Wasmrun) -> None:
    """The development server's port is looked at, not taken."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(("127.0.0.1", 8420))
        except OSError:
            pytest.skip("another process on this machine has the port, so the answer is the same")
        server.listen()
        message = checks(wasmrun("doctor", "--json"))["port"]["message"]
        assert f"in use by {psutil.Process().name()} (process {os.getpid()})" in message


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
