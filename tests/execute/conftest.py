"""Real guests for the tests: text compiled by wasmtime, C compiled by clang, run as ``exec`` runs them."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
import wasmtime

from wasmrun_py.execute.run import run_module
from wasmrun_py.execute.terminal import CappedCapture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wasmrun_py.execute.request import RunOutcome, RunRequest

_CAPTURE_BYTES = 1 << 20


@pytest.fixture
def wat(tmp_path: Path) -> Callable[[str], Path]:
    """Compile WebAssembly text to ``guest.wasm``."""

    def compile_text(text: str) -> Path:
        path = tmp_path / "guest.wasm"
        path.write_bytes(wasmtime.wat2wasm(text))
        return path

    return compile_text


@pytest.fixture(scope="session")
def clang() -> str:
    """A clang that can compile for WASI; its absence is a failure in CI and a skip elsewhere."""
    path = shutil.which("clang")
    probe = None
    if path is not None:
        probe = subprocess.run(
            [path, "--target=wasm32-wasi", "-x", "c", "-", "-o", os.devnull],
            input=b"int main(void){return 0;}",
            capture_output=True,
            check=False,
        )
    if path is None or probe is None or probe.returncode != 0:
        if os.environ.get("CI"):
            pytest.fail("CI must have clang with wasi-libc")
        pytest.skip("clang with wasi-libc is not installed")
    return path


@pytest.fixture
def compile_c(clang: str, tmp_path: Path) -> Callable[..., Path]:
    """Compile C source to ``NAME.wasm`` with extra flags."""

    def compile_source(source: str, *flags: str, name: str = "guest") -> Path:
        source_path = tmp_path / f"{name}.c"
        source_path.write_text(source)
        output = tmp_path / f"{name}.wasm"
        subprocess.run(
            [clang, "--target=wasm32-wasi", "-O1", *flags, str(source_path), "-o", str(output)], check=True
        )
        return output

    return compile_source


@pytest.fixture
def execute() -> Callable[[RunRequest], tuple[RunOutcome, str]]:
    """Run a request; the outcome and what the guest wrote to stdout."""

    def execute_request(request: RunRequest) -> tuple[RunOutcome, str]:
        stdout, stderr = CappedCapture(_CAPTURE_BYTES), CappedCapture(_CAPTURE_BYTES)
        outcome = run_module(request, stdout=stdout, stderr=stderr, environ=os.environ)
        return outcome, stdout.text

    return execute_request
