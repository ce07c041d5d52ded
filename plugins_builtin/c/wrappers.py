"""Small programs named ``wasmrun-cc`` and so on that stand in for a build system's compiler.

A Makefile's own ``-O2`` comes after whatever ``CC`` brings along, and the last one wins; a wrapper adds the
level behind it. And a compiler of several words (``zig cc --target=…``) becomes one word without spaces.
"""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasmrun_py.system.fs import atomic_write, translate_write_errors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_ON_WINDOWS = sys.platform == "win32"
_COMPILE_ONLY = ("-c", "-S", "-E", "-M", "-MM", "-fsyntax-only", "--version")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrapper:
    """One stand-in.

    Attributes:
        name: The program's name.
        argv: What it runs, before the caller's arguments.
        always: Arguments behind the caller's.
        linking: Further ones behind those when the call links.
    """

    name: str
    argv: tuple[str, ...]
    always: tuple[str, ...] = ()
    linking: tuple[str, ...] = ()


def write_wrappers(folder: Path, wrappers: tuple[Wrapper, ...]) -> Mapping[str, Path]:
    """Write the programs into ``folder``; their paths by name.

    Raises:
        OutputError: They cannot be written.
    """
    written: dict[str, Path] = {}
    for wrapper in wrappers:
        path = folder / (wrapper.name + (".bat" if _ON_WINDOWS else ""))
        text = batch_text(wrapper) if _ON_WINDOWS else shell_text(wrapper)
        atomic_write(path, text.encode("utf-8", "surrogateescape"))
        with translate_write_errors(f"make {path} executable"):
            path.chmod(0o755)
        written[wrapper.name] = path
    return written


def shell_text(wrapper: Wrapper) -> str:
    """The wrapper as a POSIX shell script."""
    command = shlex.join(wrapper.argv)
    always = _spaced(shlex.join(wrapper.always))
    linking = _spaced(shlex.join(wrapper.linking))
    return (
        "#!/bin/sh\n"
        "for argument do\n"
        f'  case $argument in {"|".join(_COMPILE_ONLY)}) exec {command} "$@"{always} ;; esac\n'
        "done\n"
        f'exec {command} "$@"{always}{linking}\n'
    )


def batch_text(wrapper: Wrapper) -> str:
    """The wrapper as a Windows batch file."""
    command = " ".join(f'"{arg}"' for arg in wrapper.argv)
    always = _spaced(" ".join(f'"{arg}"' for arg in wrapper.always))
    linking = _spaced(" ".join(f'"{arg}"' for arg in wrapper.linking))
    tests = "".join(f'for %%a in (%*) do if "%%~a"=="{flag}" goto compile\r\n' for flag in _COMPILE_ONLY)
    return (
        f"@echo off\r\n{tests}{command} %*{always}{linking}\r\n@exit /b %errorlevel%\r\n"
        f":compile\r\n{command} %*{always}\r\n"
    )


def _spaced(text: str) -> str:
    return f" {text}" if text else ""
