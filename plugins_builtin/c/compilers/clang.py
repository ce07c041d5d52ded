"""The system's clang with wasi-libc.

A clang is able when its own link line for ``wasm32-wasi`` names files that exist: the linker, wasi-libc's
start file and compiler-rt. One ``-###`` run (10 ms measured) answers that and the version.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from plugins_builtin.c.compilers.base import Strip, level_flags
from plugins_builtin.c.wrappers import Wrapper
from wasmrun_py.model.build import OptimizationLevel
from wasmrun_py.toolchain.find import find_tool
from wasmrun_py.toolchain.version import broken_tool, load_answer, parse_version

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wasmrun_py.model.build import BuildConfig

TARGET_ARG = "--target=wasm32-wasi"
_MAKE_TOOLS = {"AR": "llvm-ar", "RANLIB": "llvm-ranlib", "NM": "llvm-nm"}
_LIBRARY_DIRECTORY = re.compile(r"-L(.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Clang:
    """A clang that can build for WASI.

    Attributes:
        program: clang, absolute.
        version: Its version.
        environ: The user's environment.
    """

    program: Path
    version: str
    environ: Mapping[str, str]

    name = "clang"
    explaining_flags = ()
    compiles_and_links_at_once = True

    @property
    def c_argv(self) -> tuple[str, ...]:
        """Clang for WASI."""
        return (str(self.program), TARGET_ARG)

    @property
    def cxx_argv(self) -> tuple[str, ...]:
        """clang++ for WASI: the same program in its C++ mode."""
        return (str(self.program), "--driver-mode=g++", TARGET_ARG)

    @property
    def tools(self) -> Mapping[str, tuple[str, ...]]:
        """llvm-ar and its kin: a system ar writes archives without an index of wasm symbols."""
        home = self.program.resolve().parent
        major = self.version.partition(".")[0]
        tools = {}
        for variable, name in _MAKE_TOOLS.items():
            beside = home / name
            found = beside if beside.is_file() else find_tool(f"{name}-{major}", self.environ)
            found = found or find_tool(name, self.environ)
            if found is not None:
                tools[variable] = (str(found),)
        return tools

    @property
    def environment(self) -> Mapping[str, str]:
        """Nothing."""
        return {}

    def compile_flags(self, config: BuildConfig) -> tuple[str, ...]:
        """The level; visibility as on other systems (clang hides everything on WASI by itself)."""
        return (
            *level_flags(config.optimization_level, debug_info=config.debug_info),
            "-fvisibility=default",
            "-fno-color-diagnostics",
        )

    def stand_ins(self, config: BuildConfig) -> tuple[Wrapper, ...]:
        """A ``wasm-opt`` that keeps names and DWARF.

        clang runs the wasm-opt of PATH after an optimizing link, without ``-g``: function names would be
        lost, and debug information left as it was for code that is no longer there.
        """
        wasm_opt = find_tool("wasm-opt", self.environ)
        keeps = config.debug_info or config.optimization_level is OptimizationLevel.RELEASE
        if wasm_opt is None or not keeps:
            return ()
        return (Wrapper(name="wasm-opt", argv=(str(wasm_opt),), always=("-g",)),)

    def cxx_flags(self) -> tuple[str, ...]:
        """No exceptions: WASI's C++ library is built without the unwinder they need."""
        return ("-fno-exceptions",)

    def link_flags(self, config: BuildConfig, *, has_cxx: bool) -> tuple[str, ...]:
        """Strip wasi-libc's own DWARF, which would be most of the module; size strips names too."""
        cxx = ("-lc++", "-lc++abi") if has_cxx else ()
        if config.debug_info or config.optimization_level is OptimizationLevel.DEBUG:
            return cxx
        size = config.optimization_level is OptimizationLevel.SIZE
        return (*cxx, "-Wl,--strip-all" if size else "-Wl,--strip-debug")

    def library_flags(self, exports: Sequence[str]) -> tuple[str, ...]:
        """A reactor: ``_initialize`` runs constructors, the functions are exported as they are called."""
        return ("-mexec-model=reactor", *(f"-Wl,--export={name}" for name in exports))

    def own_strip(self, config: BuildConfig) -> Strip | None:
        """The linker strips."""
        del config
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClangFinding:
    """What looking for clang gave.

    Attributes:
        clang: The compiler, or None.
        missing: What it lacks, in words; ``("clang",)`` when it is not there at all.
    """

    clang: Clang | None
    missing: tuple[str, ...] = ()


def find_clang(environ: Mapping[str, str], *, has_cxx: bool) -> ClangFinding:
    """Look for a clang that can build for WASI.

    Args:
        environ: The user's environment.
        has_cxx: The project needs the C++ library too.

    Raises:
        ToolCrashedError: clang is there and does not work at all.
    """
    program = find_tool("clang", environ)
    if program is None:
        return ClangFinding(clang=None, missing=("clang",))
    mode = ("--driver-mode=g++",) if has_cxx else ()
    question = (str(program), *mode, TARGET_ARG, "-###", "-x", "c++" if has_cxx else "c", "/dev/null")
    answer = load_answer((*question, "-o", "a.wasm"), environ)
    version = parse_version(answer)
    if version is None:
        raise broken_tool(str(program), "-### names no version", answer)
    missing = parse_missing_parts(answer, has_cxx=has_cxx)
    if missing:
        return ClangFinding(clang=None, missing=missing)
    return ClangFinding(clang=Clang(program=program, version=version, environ=environ))


def parse_missing_parts(answer: str, *, has_cxx: bool) -> tuple[str, ...]:
    """What a clang's ``-###`` answer names that is not on this machine, in words."""
    lines = [line for line in answer.splitlines() if line.startswith((' "', '"'))]
    if not lines:
        return ("wasm32-wasi support",)
    link = shlex.split(lines[-1])
    missing = []
    if not Path(link[0]).is_absolute() or not Path(link[0]).is_file():
        missing.append("wasm-ld")
    if not any(Path(arg).is_file() for arg in link if arg.endswith(("crt1-command.o", "crt1.o"))):
        missing.append("wasi-libc")
    if not any(Path(arg).is_file() for arg in link if "builtins" in arg):
        missing.append("compiler-rt for wasm32")
    folders = [match.group(1) for match in map(_LIBRARY_DIRECTORY.fullmatch, link) if match]
    if has_cxx and not any((Path(folder) / "libc++.a").is_file() for folder in folders):
        missing.append("libc++ for wasm32-wasi")
    return tuple(missing)
