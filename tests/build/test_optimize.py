"""wasm-opt after a build: when it runs, what it may change, and that it can break nothing."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.conftest import copy_project, require_tool
from tests.toolchain.recording import RecordingReporter
from wasmrun_py.build.optimize import OptimizeRequest, optimize_module
from wasmrun_py.model.build import BuildResult, OptimizationLevel, Toolchain
from wasmrun_py.model.events import Message, ToolStarted
from wasmrun_py.wasm.inspect import inspect_module

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Wasmrun
    from wasmrun_py.model.artifact import WasmOptRun

RELEASE, SIZE, DEBUG = OptimizationLevel.RELEASE, OptimizationLevel.SIZE, OptimizationLevel.DEBUG
# local.get 0, i32.const 2, i32.mul, after two instructions that do nothing.
CODE = bytes.fromhex("41001a200041026c0b")
# memory.fill of nothing, in front of the same.
BULK_CODE = bytes.fromhex("410041004100fc0b00") + CODE
FEATURES = b"\x0ftarget_features\x01+\x0bbulk-memory"


def module(code: bytes = CODE, *, custom: bytes = b"") -> bytes:
    """A module with a memory, an exported function ``double``, its name, and a custom section if wanted."""
    body = bytes([len(code) + 1, 0]) + code
    sections = [
        (1, b"\x01\x60\x01\x7f\x01\x7f"),
        (3, b"\x01\x00"),
        (5, b"\x01\x00\x01"),
        (7, b"\x01\x06double\x00\x00"),
        (10, b"\x01" + body),
        (0, b"\x04name" + b"\x01\x09\x01\x00\x06double"),
        *([(0, custom)] if custom else []),
    ]
    return b"\0asm\x01\0\0\0" + b"".join(bytes([id_, len(data)]) + data for id_, data in sections)


class Case:
    """A finished build in a folder, and wasm-opt's surroundings."""

    def __init__(self, tmp_path: Path, data: bytes) -> None:
        self.folder = tmp_path / "work"
        self.folder.mkdir()
        self.wasm = tmp_path / "m.wasm"
        self.wasm.write_bytes(data)
        self.result = BuildResult(wasm_path=self.wasm, toolchain=Toolchain(name="zig", version="1"))
        self.environ = dict(os.environ)
        self.reporter = RecordingReporter()
        self._bin = tmp_path / "bin"

    def fake(self, body: str) -> None:
        """Put a wasm-opt script on PATH; ``$5`` is its output file."""
        self._bin.mkdir()
        (self._bin / "wasm-opt").write_text(f"#!/bin/sh\n{body}\n")
        (self._bin / "wasm-opt").chmod(0o755)
        self.environ["PATH"] = f"{self._bin}:{self.environ['PATH']}"

    def run(
        self, level: OptimizationLevel = RELEASE, *, debug_info: bool = False, **changes: object
    ) -> WasmOptRun | None:
        """Run the step."""
        request = OptimizeRequest(
            level=level, debug_info=debug_info, folder=self.folder, environ=self.environ
        )
        return optimize_module(replace(self.result, **changes), request, self.reporter)  # type: ignore[arg-type]


@pytest.mark.parametrize(("level", "flag"), [(RELEASE, "-O3"), (SIZE, "-Oz")])
def test_real_wasm_opt_makes_a_module_smaller(level: OptimizationLevel, flag: str, tmp_path: Path) -> None:
    """The version and both sizes are told; names stay at release and go at size."""
    require_tool("wasm-opt")
    case = Case(tmp_path, module())
    run = case.run(level)
    assert run is not None
    said = subprocess.run(["wasm-opt", "--version"], capture_output=True, text=True, check=True).stdout
    assert run.version in said.split()
    assert (run.bytes_before, run.bytes_after) == (len(module()), case.wasm.stat().st_size)
    assert run.bytes_after < run.bytes_before
    (command,) = case.reporter.of(ToolStarted)
    assert command.argv[1] == flag
    assert "--all-features" not in command.argv
    info = inspect_module(case.wasm.read_bytes())
    assert [export.name for export in info.exports] == ["double"]
    assert ("name" in {section.name for section in info.sections}) is (level is RELEASE)


@pytest.mark.parametrize(
    ("level", "changes"),
    [
        (DEBUG, {}),
        (RELEASE, {"debug_info": True}),
        (RELEASE, {"binaryen_ran": True}),
        (SIZE, {"binaryen_ran": True}),
    ],
)
def test_not_run(level: OptimizationLevel, changes: dict[str, bool], tmp_path: Path) -> None:
    """Never for debug, never over wanted debug information, never twice."""
    case = Case(tmp_path, module())
    case.fake("touch ran; exit 0")
    assert case.run(level, **changes) is None
    assert case.reporter.events == []
    assert case.wasm.read_bytes() == module()


def test_source_maps_are_kept_true(tmp_path: Path) -> None:
    """A module with a source map beside it is left alone: its offsets must stay."""
    case = Case(tmp_path, module())
    case.fake("exit 0")
    assert case.run(additional_files=(tmp_path / "m.wasm.map",)) is None
    assert case.reporter.events == []


@pytest.mark.parametrize("data", [b"\0asm\x0d\0\x01\0", b"", b"hello"])
def test_only_core_modules(data: bytes, tmp_path: Path) -> None:
    """Components and anything else are not for wasm-opt."""
    case = Case(tmp_path, data)
    case.fake("exit 0")
    assert case.run() is None
    assert case.reporter.events == []


def test_what_is_no_plain_file_is_not_opened(tmp_path: Path) -> None:
    """A pipe is not waited for, a link not followed: the artifact check will name them."""
    case = Case(tmp_path, module())
    case.fake("exit 0")
    link = tmp_path / "link.wasm"
    link.symlink_to(case.wasm)
    os.mkfifo(tmp_path / "pipe.wasm")
    assert case.run(wasm_path=link) is None
    assert case.run(wasm_path=tmp_path / "pipe.wasm") is None
    assert case.reporter.events == []


def test_without_wasm_opt(tmp_path: Path) -> None:
    """Nothing is missed where it is not installed."""
    case = Case(tmp_path, module())
    case.environ["PATH"] = str(tmp_path)
    assert case.run() is None
    assert case.reporter.events == []


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("echo 'Fatal: error parsing wasm' >&2; exit 1", "exit code 1: Fatal: error parsing wasm"),
        ("kill -9 $$", "SIGKILL"),
        ("exit 0", "its output cannot be read"),
        ('printf "" > "$5"', "its output is not valid"),
        ('printf "not wasm" > "$5"', "its output is not valid"),
        ('cat "$3" "$3" > "$5"', "its output is not smaller"),
        ('cp "$3" "$5"', "its output is not smaller"),
    ],
)
def test_original_is_kept_on_any_failure(body: str, why: str, tmp_path: Path) -> None:
    """Whatever wasm-opt does, the module is the old one or a valid smaller one."""
    case = Case(tmp_path, module())
    case.fake(body)
    assert case.run() is None
    assert case.wasm.read_bytes() == module()
    (message,) = case.reporter.of(Message)
    assert why in message.text
    assert message.text.startswith("wasm-opt left m.wasm as it is: ")


def test_features_come_from_the_module(tmp_path: Path) -> None:
    """What the module declares is understood, and no feature is switched on from outside."""
    require_tool("wasm-opt")
    data = module(BULK_CODE, custom=FEATURES)
    case = Case(tmp_path, data)
    run = case.run()
    assert run is not None
    assert run.bytes_after < run.bytes_before == len(data)
    assert not any(arg.startswith(("--enable", "--all")) for arg in case.reporter.of(ToolStarted)[0].argv)
    assert inspect_module(case.wasm.read_bytes()).features == ("+bulk-memory",)


def test_compile_document_tells(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """``wasm_opt`` is null where the toolchain has run Binaryen itself, and the module runs."""
    require_tool("emcc")
    require_tool("wasm-opt")
    project = copy_project("c-hello", tmp_path)
    finished = wasmrun("compile", project, "--toolchain", "emcc", "--json", "-v")
    assert finished.document["wasm_opt"] is None
    assert "Optimizing" not in finished.err
    assert wasmrun("exec", finished.document["wasm_path"]).out == "Hello, world!\n"
