"""Whether an installed toolchain still works: its files are all there, and its program answers.

``find_provisioned`` looks at two files, because every build asks; this looks at all of them and runs the
program, for ``doctor``. Nothing is changed here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import MissingToolError, ToolCrashedError
from wasmrun_py.toolchain.catalog import NODE
from wasmrun_py.toolchain.find import find_tool
from wasmrun_py.toolchain.pin import Registry
from wasmrun_py.toolchain.provision import RECEIPT, find_provisioned
from wasmrun_py.toolchain.python_tools import find_python, python_argv
from wasmrun_py.toolchain.space import measure_folder
from wasmrun_py.toolchain.version import load_answer, parse_version

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wasmrun_py.system.paths import Home
    from wasmrun_py.toolchain.pin import ToolchainPin


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """Why an installed toolchain cannot be used.

    Attributes:
        message: What is wrong with it.
        hint: What to do.
        repairable: Installing it again would help.
    """

    message: str
    hint: str
    repairable: bool = True


def find_damage(pin: ToolchainPin, home: Home, environ: Mapping[str, str]) -> Damage | None:  # noqa: PLR0911 - one return a fault
    """What is wrong with an installed toolchain; None when it works, and when it is not installed."""
    folder = pin.folder(home)
    if not folder.exists():
        return None
    program = find_provisioned(pin, home)
    if program is None:
        missing = pin.program_in(folder) if (folder / RECEIPT).is_file() else folder / RECEIPT
        return _broken(pin, f"incomplete: there is no {missing}")
    lost = _find_loss(folder)
    if lost:
        return _broken(pin, f"incomplete: {lost} of {folder}")
    argv = _probe_argv(pin, program, home, environ)
    if isinstance(argv, Damage):
        return argv
    try:
        answer = load_answer((*argv, *pin.probe), environ)
    except (MissingToolError, ToolCrashedError) as error:
        # It is the tool that the user knows, not the interpreter that runs it.
        return _broken(pin, f"broken: {error.message.replace(argv[0], str(program), 1)}")
    version = parse_version(answer)
    if version != pin.version:
        return _broken(pin, f"broken: {program} says it is {version or answer[:40]!r}, not {pin.version}")
    return None


def _broken(pin: ToolchainPin, message: str) -> Damage:
    return Damage(
        message=message,
        hint=f"`wasmrun doctor --fix`, or `wasmrun toolchain remove {pin.name}` and install it again.",
    )


def _find_loss(folder: Path) -> str:
    """How much less there is than was installed; empty when all is there, or nobody wrote it down."""
    try:
        receipt = json.loads((folder / RECEIPT).read_text("utf-8"))
    except (OSError, ValueError):
        return ""
    if not isinstance(receipt, dict):
        return ""
    files, size_bytes = receipt.get("files"), receipt.get("size_bytes")
    if not isinstance(files, int) or not isinstance(size_bytes, int):
        return ""
    now = measure_folder(folder)
    if now.files < files:
        return f"{files - now.files} of {files} files are gone"
    if now.size_bytes < size_bytes:
        return f"{size_bytes - now.size_bytes} of {size_bytes} bytes are gone"
    return ""


def _probe_argv(
    pin: ToolchainPin, program: Path, home: Home, environ: Mapping[str, str]
) -> tuple[str, ...] | Damage:
    """The command to ask, or what is missing to run it."""
    if pin.python is not None:
        interpreter = find_python(pin.python, environ)
        if interpreter is None:
            return Damage(
                message=f"installed, but the Python {pin.python} that it runs on is not there",
                hint=f"Install it with `uv python install {pin.python}`.",
                repairable=False,
            )
        return python_argv(interpreter, program)
    if pin.registry is Registry.NPM:
        node = find_provisioned(NODE, home) or find_tool("node", environ)
        if node is None:
            return Damage(
                message="installed, but there is no node to run it",
                hint="wasmrun toolchain install node",
                repairable=False,
            )
        return (str(node), str(program))
    return (str(program),)
