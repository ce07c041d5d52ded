"""Write what componentize-py is given: the interface, the entry module, and the program as data.

Everything is written into a folder of the build's own; the project is never touched.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from plugins_builtin.python.guest import with_parents
from wasmrun_py.model.target import OptimizationLevel
from wasmrun_py.system.fs import atomic_write, translate_write_errors

if TYPE_CHECKING:
    from plugins_builtin.python.program import Program

APP_MODULE = "wasmrun_app"
WORLD = "program"
# ``wasi:cli/run`` tells success from failure; the program's own exit code is an export beside it, which
# every runtime may ignore and ``wasmrun exec`` reads.
_WORLD_WIT = """package wasmrun:program;

interface status {
  exit-code: func() -> u8;
}

world program {
  export wasi:cli/run@0.2.0;
  export status;
}
"""
_CLI_WIT = """package wasi:cli@0.2.0;

interface run {
  run: func() -> result;
}
"""
# zlib's levels: at debug nothing is unpacked when it is imported.
_EFFORT = {OptimizationLevel.DEBUG: 0, OptimizationLevel.RELEASE: 1, OptimizationLevel.SIZE: 9}
# Only wanted by name: the test suite, programs with windows, and what installs Python.
_NEVER = ("test", "idlelib", "tkinter", "turtledemo", "ensurepip", "venv", "lib2to3", "pydoc_data", "_pyrepl")


def write_guest_files(folder: Path, program: Program, level: OptimizationLevel) -> None:
    """Write ``wit/`` and ``app/`` into ``folder``.

    Args:
        folder: A folder of the build's own.
        program: The program.
        level: How tightly the component keeps the sources it imports from.

    Raises:
        OutputError: The files cannot be written.
    """
    atomic_write(folder / "wit" / "world.wit", _WORLD_WIT.encode())
    atomic_write(folder / "wit" / "deps" / "cli" / "cli.wit", _CLI_WIT.encode())
    here = Path(__file__)
    for source, name in (("component_app.py", f"{APP_MODULE}.py"), ("guest.py", "wasmrun_guest.py")):
        with translate_write_errors(f"read {source}"):
            text = here.with_name(source).read_bytes()
        atomic_write(folder / "app" / name, text)
    atomic_write(folder / "app" / "wasmrun_sources.py", format_sources(program, level).encode())


def format_sources(program: Program, level: OptimizationLevel) -> str:
    """The program as a Python module of literals."""
    modules = {
        name: (module.shown, module.source, module.is_package) for name, module in program.modules.items()
    }
    values: dict[str, object] = {
        "MAIN": program.main,
        "AS_MODULE": program.entry.package is not None,
        "MODULES": modules,
        "NAMESPACES": sorted(find_namespaces(program)),
        "WANTED": sorted(program.imported - program.modules.keys()),
        "WHOLE_LIBRARY": program.is_dynamic,
        "NEVER": _NEVER,
        "EFFORT": _EFFORT[level],
    }
    return "".join(f"{name} = {value!r}\n" for name, value in values.items())


def find_namespaces(program: Program) -> frozenset[str]:
    """Packages without an ``__init__``: parents of modules that are no modules themselves."""
    closed = {parent for name in program.modules for parent in with_parents(name)[:-1]}
    return frozenset(closed - program.modules.keys())
