"""Ask a tool for its version, as cheaply as the tool allows.

A tool that is there and does not answer is reported by name: nothing here returns a made-up version.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import LimitError, ToolCrashedError
from wasmrun_py.system.process import ToolCall, describe_exit, run_tool

if TYPE_CHECKING:
    from collections.abc import Mapping

_VERSION = re.compile(r"\d+(?:\.\d+)+")
_PROBE_TIMEOUT_S = 60.0
_OUTPUT_TAIL_LINES = 3
_OUTPUT_TAIL_CHARACTERS = 300


def parse_version(text: str) -> str | None:
    """The first dotted number in a tool's ``--version`` text (``3.1.6``), or None."""
    found = _VERSION.search(text)
    return found.group() if found else None


def load_emcc_version(emcc: Path, environ: Mapping[str, str]) -> str:
    """The version of an Emscripten, from the file beside the compiler.

    Running ``emcc --version`` starts Python and clang (165 ms measured); ``emscripten-version.txt`` lies
    beside the script in every distribution. A wrapper that lies elsewhere is run after all.

    Raises:
        ToolCrashedError: emcc is there and does not work.
    """
    try:
        text = emcc.resolve().with_name("emscripten-version.txt").read_text("utf-8", errors="replace")
    except OSError:
        return load_version((str(emcc), "--version"), environ)
    return parse_version(text) or load_version((str(emcc), "--version"), environ)


def load_version(argv: tuple[str, ...], environ: Mapping[str, str]) -> str:
    """Run a tool's version command and read its answer.

    Args:
        argv: The whole command, ``(program, "--version")``.
        environ: The tool's environment.

    Raises:
        MissingToolError: The program does not exist.
        ToolCrashedError: It is there and does not answer with a version.
    """
    output = load_answer(argv, environ)
    version = parse_version(output)
    if version is None:
        raise broken_tool(argv[0], f"{' '.join(argv[1:])} names no version", output)
    return version


def load_answer(argv: tuple[str, ...], environ: Mapping[str, str]) -> str:
    """Run a short question to a tool and return what it wrote.

    Raises:
        MissingToolError: The program does not exist.
        ToolCrashedError: It ended with a failure or did not end.
    """
    call = ToolCall(argv=argv, cwd=Path(argv[0]).parent, env=environ, timeout_s=_PROBE_TIMEOUT_S)
    try:
        result = run_tool(call)
    except LimitError as error:
        raise broken_tool(argv[0], f"no answer within {_PROBE_TIMEOUT_S:g} s", "") from error
    if result.returncode != 0:
        raise broken_tool(argv[0], describe_exit(result.returncode), result.output)
    return result.output


def broken_tool(program: str, reason: str, output: str) -> ToolCrashedError:
    """The error for a tool that is there and does not work."""
    said = " / ".join(output.split("\n")[-_OUTPUT_TAIL_LINES:]).strip(" /") if output.strip() else ""
    tail = f": {said[-_OUTPUT_TAIL_CHARACTERS:]}" if said else ""
    return ToolCrashedError(
        f"{program} is there but does not work ({reason}){tail}",
        hint="Repair or remove it, or choose another with --toolchain NAME.",
        output=output,
    )
