"""Plugins in shared libraries, as a user meets them: installed, found on the search path, crashing."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.plugin.transport.conftest import compile_library

if TYPE_CHECKING:
    from tests.conftest import Finished, Wasmrun

_FAULTY = Path(__file__).with_name("faulty.c")
_MANIFEST = """
name = "faulty"
plugin = "faulty"
version = "1.2"
description = "Has one fault."
extensions = ["faulty"]
entry_files = ["main.faulty"]
[transports]
ffi = "faulty"
command = "faulty"
"""
_PROGRAM = r"""#!/bin/sh
case "$1 $2" in
"compile --help") echo "  -p PROJECT -o OUTPUT --optimization LEVEL" ;;
compile*)
    while [ $# -gt 0 ]; do
        if [ "$1" = -o ]; then out=$2; fi
        shift
    done
    printf '\000asm\001\000\000\000' > "$out/main.wasm"
    echo "WASM file: $out/main.wasm" ;;
*) echo "commands: compile" ;;
esac
"""


def _write_plugin(folder: Path) -> Path:
    for name in ("lib", "bin"):
        (folder / name).mkdir(parents=True)
    (folder / "wasmrun_plugin.toml").write_text(_MANIFEST)
    program = folder / "bin" / "faulty"
    program.write_text(_PROGRAM)
    program.chmod(0o755)
    compile_library(_FAULTY, folder / "lib" / "libfaulty.so", "-lpthread", "-Wno-infinite-recursion")
    (folder / "lib" / "wasmrun_plugin.h").unlink()
    return folder


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    return _write_plugin(tmp_path / "faulty")


@pytest.fixture
def faulty_project(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "main.faulty").write_text("1\n")
    return folder


@pytest.fixture
def installed(wasmrun: Wasmrun, plugin: Path) -> None:
    finished = wasmrun("plugin", "install", plugin)
    assert finished.code == 0, finished.err


def _compile(wasmrun: Wasmrun, project: Path, *options: str, fault: str = "") -> Finished:
    return wasmrun("compile", project, "--json", *options, env={"FAULT": fault})


@pytest.mark.usefixtures("installed")
def test_library_comes_first(wasmrun: Wasmrun, faulty_project: Path) -> None:
    """A plugin with both is called through its library; --transport asks for the other one."""
    finished = _compile(wasmrun, faulty_project)
    assert finished.document["plugin"]["transport"] == "ffi"
    finished = _compile(wasmrun, faulty_project, "--transport", "command")
    assert finished.document["plugin"]["transport"] == "command"
    finished = _compile(wasmrun, faulty_project, "--transport", "python")
    assert (finished.code, finished.document["error"]["code"]) == (3, "no-plugin-match")
    finished = _compile(wasmrun, faulty_project, "--transport", "python", "--plugin", "faulty")
    assert (finished.code, finished.document["error"]["code"]) == (3, "transport-unavailable")
    finished = _compile(wasmrun, faulty_project, "--transport", "telepathy")
    assert finished.code == 2
    info = wasmrun("plugin", "info", "faulty", "--json").document["plugins"][0]
    assert (info["transport"], info["transports"]) == ("ffi", ["ffi", "command"])
    assert "comes before command" in info["transport_reason"]


@pytest.mark.usefixtures("installed")
def test_crash_is_loud_and_kept(wasmrun: Wasmrun, faulty_project: Path) -> None:
    """A crash falls back with a warning, and stands in the plugin's health and history until it goes."""
    finished = _compile(wasmrun, faulty_project, fault="segv@build")
    assert finished.code == 0
    assert finished.document["plugin"]["transport"] == "command"
    said = 'Plugin "faulty" crashed in build: its process ended with signal 11 (SIGSEGV)'
    assert said in finished.err
    info = wasmrun("plugin", "info", "faulty", "--json").document["plugins"][0]
    assert [(crash["phase"], crash["transport"], crash["message"]) for crash in info["crashes"]] == [
        ("build", "ffi", said)
    ]
    assert "it crashed once, last in build through ffi" in info["health"]["message"]
    assert wasmrun("plugin", "uninstall", "faulty").code == 0


@pytest.mark.usefixtures("installed")
def test_forced_library_does_not_fall_back(wasmrun: Wasmrun, faulty_project: Path) -> None:
    """With --transport ffi a crash is the end."""
    finished = _compile(wasmrun, faulty_project, "--transport", "ffi", fault="abort@build")
    assert (finished.code, finished.document["error"]["code"]) == (3, "plugin-crashed")


@pytest.mark.usefixtures("installed")
def test_unusable_library_is_passed_over_in_silence(wasmrun: Wasmrun, faulty_project: Path) -> None:
    """Another ABI is no crash: nothing is said but with -v, and info says why the program is used."""
    finished = _compile(wasmrun, faulty_project, fault="abi_version 99")
    assert finished.document["plugin"]["transport"] == "command"
    assert "ABI" not in finished.err
    assert (
        "speaks ABI 99, and this wasmrun speaks ABI 1"
        in _compile(wasmrun, faulty_project, "-v", fault="abi_version 99").err
    )
    finished = wasmrun("plugin", "info", "faulty", "--json", env={"FAULT": "abi_version 99"})
    info = finished.document["plugins"][0]
    assert (info["transport"], info["crashes"]) == ("command", [])
    assert "speaks ABI 99" in info["transport_reason"]


@pytest.mark.usefixtures("installed")
def test_reported_failure_is_final(wasmrun: Wasmrun, faulty_project: Path) -> None:
    """After a build that the plugin itself reported as failed nobody else is asked."""
    finished = _compile(wasmrun, faulty_project, fault="reports a failed build")
    assert (finished.code, finished.document["error"]["code"]) == (1, "build-failed")
    finished = _compile(wasmrun, faulty_project, fault="reports a missing tool")
    assert (finished.code, finished.document["error"]["code"]) == (4, "missing-tool")


@pytest.mark.usefixtures("installed")
def test_removed_library_leaves_the_program(wasmrun: Wasmrun, faulty_project: Path, home: Path) -> None:
    """An installed plugin whose library is gone works through its program; a changed one is refused."""
    library = next((home / "store").glob("faulty-*/plugin/lib/libfaulty.so"))
    content = library.read_bytes()
    library.unlink()
    finished = _compile(wasmrun, faulty_project)
    assert finished.document["plugin"]["transport"] == "command"
    library.write_bytes(content + b"!")
    assert _compile(wasmrun, faulty_project).document["error"]["code"] == "plugin-corrupt"


def test_folder_without_its_library_is_refused(wasmrun: Wasmrun, plugin: Path) -> None:
    """What the manifest names must have been built."""
    (plugin / "lib" / "libfaulty.so").unlink()
    finished = wasmrun("plugin", "install", plugin, "--json")
    assert finished.code != 0
    assert (
        '"transports.ffi" names faulty, and there is no libfaulty.so' in finished.document["error"]["message"]
    )


def _native(tmp_path: Path, name: str = "tally-c") -> Path:
    """A library that carries its manifest, in a folder for the search path."""
    source = Path(__file__).parents[3] / "fixtures" / "plugins" / "c" / "src" / "plugin.c"
    folder = tmp_path / "found"
    folder.mkdir(exist_ok=True)
    text = source.read_text().replace("tally-c", name)
    (tmp_path / "plugin.c").write_text(text)
    compile_library(tmp_path / "plugin.c", folder / "libtally.so")
    (folder / "wasmrun_plugin.h").unlink()
    return folder


def _detect(wasmrun: Wasmrun, project: Path, *folders: Path) -> dict[str, dict[str, object]]:
    path = os.pathsep.join(map(str, folders))
    finished = wasmrun("detect", project, "--json", env={"WASMRUN_PLUGIN_PATH": path})
    document = json.loads(finished.out)
    return {each["plugin"]: each for each in document["candidates"]}


@pytest.fixture
def tally_project(tmp_path: Path) -> Path:
    example = Path(__file__).parents[3] / "fixtures" / "plugins" / "c" / "example"
    return shutil.copytree(example, tmp_path / "tally")


def test_search_path_finds_libraries_and_folders(
    wasmrun: Wasmrun, tmp_path: Path, plugin: Path, tally_project: Path, faulty_project: Path
) -> None:
    """Libraries in the folders, whose manifest is their own; sub-folders with a manifest beside theirs."""
    folder, second = _native(tmp_path), tmp_path / "second"
    shutil.copytree(plugin, second / "some-folder")
    absent = tmp_path / "absent"
    assert _detect(wasmrun, tally_project, absent, folder, second)["tally-c"]["matched"] is True
    assert _detect(wasmrun, faulty_project, folder, second)["faulty"]["matched"] is True
    path = os.pathsep.join(map(str, (folder, second)))
    finished = wasmrun("compile", tally_project, "--json", env={"WASMRUN_PLUGIN_PATH": path})
    assert finished.document["plugin"]["name"] == "tally-c"
    assert wasmrun("exec", "-c", "answer", finished.document["wasm_path"]).out.strip() == "42"
    listed = wasmrun("plugin", "list", "--json", env={"WASMRUN_PLUGIN_PATH": path}).document["plugins"]
    sources = {each["name"]: each["source"] for each in listed}
    assert sources["tally-c"] == str(folder / "libtally.so")


def test_search_path_notices_changes(
    wasmrun: Wasmrun, tmp_path: Path, tally_project: Path, home: Path
) -> None:
    """A library is asked once for its manifest, and again when it has changed; its helper is started then."""
    folder = _native(tmp_path)
    assert "tally-c" in _detect(wasmrun, tally_project, folder)
    memory = home / "cache" / "libraries.json"
    remembered = memory.read_bytes()
    assert "tally-c" in _detect(wasmrun, tally_project, folder)
    assert memory.read_bytes() == remembered
    _native(tmp_path, "tally-again")
    found = _detect(wasmrun, tally_project, folder)
    assert "tally-again" in found
    assert "tally-c" not in found
    memory.write_bytes(b"no JSON")
    assert "tally-again" in _detect(wasmrun, tally_project, folder)


@pytest.mark.parametrize("content", [b"", b"This is no library.\n", b"\x7fELF\2\1\1"])
def test_search_path_survives_what_is_no_library(
    wasmrun: Wasmrun, tmp_path: Path, tally_project: Path, content: bytes
) -> None:
    """It is listed with the reason, and the others work."""
    folder = _native(tmp_path)
    (folder / "libbroken.so").write_bytes(content)
    found = _detect(wasmrun, tally_project, folder)
    assert found["tally-c"]["matched"] is True
    assert "its library cannot be used" in str(found["broken"]["reason"])


@pytest.mark.parametrize("fault", ["segv@load", "hang@create", "manifest not UTF-8"])
def test_search_path_survives_faults(
    wasmrun: Wasmrun, tmp_path: Path, tally_project: Path, fault: str
) -> None:
    """One that crashes when asked for its manifest is listed with that; ``create`` is not called."""
    folder = _native(tmp_path)
    compile_library(_FAULTY, folder / "libfaulty.so", "-lpthread", "-Wno-infinite-recursion")
    finished = wasmrun(
        "detect", tally_project, "--json", env={"WASMRUN_PLUGIN_PATH": str(folder), "FAULT": fault}
    )
    found = {each["plugin"]: each for each in finished.document["candidates"]}
    assert found["tally-c"]["matched"] is True
    assert found["faulty"]["matched"] is False
