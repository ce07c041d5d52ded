"""Emscripten: WASI modules (``-o NAME.wasm`` is standalone) and JavaScript for browsers.

The traps are those of Debian's package 3.1.6, each seen: its JavaScript optimizer finds ``acorn`` only
through ``NODE_PATH``; a wrapper without it fails at ``-O2 -o x.js``.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from plugins_builtin.c.compilers.base import Strip, level_flags
from wasmrun_py.model.build import WEB_TARGET, OptimizationLevel
from wasmrun_py.toolchain.find import find_tool
from wasmrun_py.toolchain.version import load_emcc_version

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plugins_builtin.c.wrappers import Wrapper
    from wasmrun_py.model.build import BuildConfig

_DISTRIBUTION_NODE_PATH = Path("/usr/share/nodejs")
_MAKE_TOOLS = {"AR": "emar", "RANLIB": "emranlib", "NM": "emnm"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Emcc:
    """An Emscripten on PATH.

    Attributes:
        program: emcc, absolute.
        version: Its version.
        environ: The user's environment.
    """

    program: Path
    version: str
    environ: Mapping[str, str]

    name = "emcc"
    # Not always: finding out what its JavaScript provides takes a second run of it.
    explaining_flags = ("-sLLD_REPORT_UNDEFINED",)
    compiles_and_links_at_once = True

    @property
    def c_argv(self) -> tuple[str, ...]:
        """Emcc itself."""
        return (str(self.program),)

    @property
    def cxx_argv(self) -> tuple[str, ...]:
        """em++, which lies beside emcc."""
        return (str(self.program.with_name(self.program.name.replace("emcc", "em++"))),)

    @property
    def tools(self) -> Mapping[str, tuple[str, ...]]:
        """Emar and its kin."""
        found = {variable: find_tool(name, self.environ) for variable, name in _MAKE_TOOLS.items()}
        return {variable: (str(path),) for variable, path in found.items() if path is not None}

    @property
    def environment(self) -> Mapping[str, str]:
        """``NODE_PATH`` with the distribution's modules behind the user's own."""
        if not _DISTRIBUTION_NODE_PATH.is_dir():
            return {}
        own = self.environ.get("NODE_PATH", "")
        joined = os.pathsep.join(part for part in (own, str(_DISTRIBUTION_NODE_PATH)) if part)
        return {"NODE_PATH": joined}

    def compile_flags(self, config: BuildConfig) -> tuple[str, ...]:
        """The level."""
        return (
            *level_flags(config.optimization_level, debug_info=config.debug_info),
            "-fno-color-diagnostics",
        )

    def stand_ins(self, config: BuildConfig) -> tuple[Wrapper, ...]:
        """None."""
        del config
        return ()

    def cxx_flags(self) -> tuple[str, ...]:
        """None: emcc's C++ is whole."""
        return ()

    def link_flags(self, config: BuildConfig, *, has_cxx: bool) -> tuple[str, ...]:
        """The level is among the compile flags; release keeps function names, for backtraces of traps."""
        del has_cxx  # emcc links its C++ library on its own
        release = config.optimization_level is OptimizationLevel.RELEASE
        names = ("--profiling-funcs",) if release and config.target != WEB_TARGET else ()
        # -O2 and above would run html-minifier-terser, which distributions leave out.
        html = ("-sMINIFY_HTML=0",) if config.target == WEB_TARGET else ()
        return (*names, *html)

    def library_flags(self, exports: Sequence[str]) -> tuple[str, ...]:
        """A reactor that exports these functions under their plain names."""
        exported = ",".join(f"_{name}" for name in exports)
        return ("--no-entry", *((f"-sEXPORTED_FUNCTIONS={exported}",) if exported else ()))

    def own_strip(self, config: BuildConfig) -> Strip | None:
        """Emcc strips by its level."""
        del config
        return None


def find_emcc(environ: Mapping[str, str]) -> Emcc | None:
    """The Emscripten on PATH, or None.

    Raises:
        ToolCrashedError: It is there and does not say its version.
    """
    program = find_tool("emcc", environ)
    if program is None:
        return None
    return Emcc(program=program, version=load_emcc_version(program, environ), environ=environ)
