"""zig's C compiler, the user's own or the one that wasmrun installs.

zig builds its libc for each new set of link flags (8 s for C, 40 s for C++, measured), so that every level
links with the same set; what the levels differ in is compiled into the objects and stripped afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plugins_builtin.c.compilers.base import Strip, level_flags
from wasmrun_py.model.build import OptimizationLevel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from plugins_builtin.c.wrappers import Wrapper
    from wasmrun_py.model.build import BuildConfig
    from wasmrun_py.system.paths import Home

TARGET_ARG = "--target=wasm32-wasi"
# The one set of flags that decides which of zig's cached libraries a link uses.
_LINK_SET = "-O3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Zig:
    """A zig.

    Attributes:
        program: zig, absolute.
        version: Its version.
        home: Whose cache folder takes zig's caches: zig would write into the project otherwise.
    """

    program: Path
    version: str
    home: Home

    name = "zig"
    explaining_flags = ()
    compiles_and_links_at_once = False

    @property
    def c_argv(self) -> tuple[str, ...]:
        """``zig cc`` for WASI."""
        return (str(self.program), "cc", TARGET_ARG)

    @property
    def cxx_argv(self) -> tuple[str, ...]:
        """``zig c++`` for WASI."""
        return (str(self.program), "c++", TARGET_ARG)

    @property
    def tools(self) -> Mapping[str, tuple[str, ...]]:
        """Zig's own archiver."""
        return {"AR": (str(self.program), "ar"), "RANLIB": (str(self.program), "ranlib")}

    @property
    def environment(self) -> Mapping[str, str]:
        """Both caches in wasmrun's cache folder."""
        cache = str(self.home.cache / "zig")
        return {"ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache}

    def compile_flags(self, config: BuildConfig) -> tuple[str, ...]:
        """The level; without the traps on undefined behaviour that zig adds and the others do not."""
        return (
            *level_flags(config.optimization_level, debug_info=config.debug_info),
            "-fvisibility=default",
            "-fno-sanitize=undefined",
            "-fno-color-diagnostics",
        )

    def stand_ins(self, config: BuildConfig) -> tuple[Wrapper, ...]:
        """None."""
        del config
        return ()

    def cxx_flags(self) -> tuple[str, ...]:
        """No exceptions: they do not link for WASI."""
        return ("-fno-exceptions",)

    def link_flags(self, config: BuildConfig, *, has_cxx: bool) -> tuple[str, ...]:
        """The same for every level."""
        del config, has_cxx  # the C++ driver links the C++ library
        return (_LINK_SET,)

    def library_flags(self, exports: Sequence[str]) -> tuple[str, ...]:
        """A reactor that exports these functions."""
        return ("-mexec-model=reactor", *(f"-Wl,--export={name}" for name in exports))

    def own_strip(self, config: BuildConfig) -> Strip | None:
        """DWARF goes with release, function names too with size: zig's own stripping rebuilds its libc."""
        if config.debug_info or config.optimization_level is OptimizationLevel.DEBUG:
            return None
        return Strip.ALL if config.optimization_level is OptimizationLevel.SIZE else Strip.DEBUG
