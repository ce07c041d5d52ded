"""What is done to a freshly installed pyodide package: it gets a program that proves that it works."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmrun_py.system.fs import atomic_write

if TYPE_CHECKING:
    from pathlib import Path

PROBE = "wasmrun-probe.mjs"
# Run by the installer with node; builds only copy what lies beside it.
_PROBE_SOURCE = """import { loadPyodide } from "./node_modules/pyodide/pyodide.mjs";

const pyodide = await loadPyodide();
if (pyodide.runPython("sum(range(5))") !== 10) {
  throw new Error("Python cannot count");
}
console.log(pyodide.version);
process.exit(0);
"""


def prepare_pyodide(folder: Path) -> None:
    """Write the program that starts Python once and says the version.

    Raises:
        OutputError: It cannot be written.
    """
    atomic_write(folder / PROBE, _PROBE_SOURCE.encode())


def runtime_folder(program: Path) -> Path:
    """Where the runtime's files lie, from the installed toolchain's program."""
    return program.parent / "node_modules" / "pyodide"
