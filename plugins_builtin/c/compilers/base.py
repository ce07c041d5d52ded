"""What the three compilers have in common."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plugins_builtin.c.wrappers import Wrapper
    from wasmrun_py.model.build import BuildConfig, OptimizationLevel


class Compiler(Protocol):
    """One compiler, found and able.

    The flags are split by stage: compile flags go to every invocation, link flags only to those that link.
    """

    @property
    def name(self) -> str:
        """``emcc``, ``clang`` or ``zig``."""

    @property
    def version(self) -> str:
        """As the tool says it."""

    @property
    def c_argv(self) -> tuple[str, ...]:
        """The C driver with what it always needs."""

    @property
    def cxx_argv(self) -> tuple[str, ...]:
        """The C++ driver with what it always needs."""

    @property
    def tools(self) -> Mapping[str, tuple[str, ...]]:
        """Commands for make's ``AR``, ``RANLIB`` and ``NM``, those that are there."""

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables it needs beside the user's own."""

    @property
    def compiles_and_links_at_once(self) -> bool:
        """One invocation from sources to module is right for every level."""

    @property
    def explaining_flags(self) -> tuple[str, ...]:
        """Link flags that make it name the object of an undefined symbol; empty where it does so anyway."""

    def compile_flags(self, config: BuildConfig) -> tuple[str, ...]:
        """Flags for every translation unit."""

    def stand_ins(self, config: BuildConfig) -> tuple[Wrapper, ...]:
        """Programs that the driver must find in place of its own (clang's ``-B``); usually none."""

    def cxx_flags(self) -> tuple[str, ...]:
        """Further flags for C++ units."""

    def link_flags(self, config: BuildConfig, *, has_cxx: bool) -> tuple[str, ...]:
        """Flags for the link of a program or a library."""

    def library_flags(self, exports: Sequence[str]) -> tuple[str, ...]:
        """Further link flags for a project without ``main``; ``exports`` are C symbol names."""

    def own_strip(self, config: BuildConfig) -> Strip | None:
        """What we take out of the linked module ourselves; None when the linker did it."""


class Strip(StrEnum):
    """What is taken out of a linked module."""

    DEBUG = "debug"
    ALL = "all"


def level_flags(level: OptimizationLevel, *, debug_info: bool) -> tuple[str, ...]:
    """``-g -O0``, ``-O3`` or ``-Oz`` (DESIGN §7), with ``-g`` when debug information is wanted."""
    if level == "debug":
        return ("-g", "-O0")
    flag = "-O3" if level == "release" else "-Oz"
    return ("-g", flag) if debug_info else (flag,)
