"""Which of the user's own arguments (after ``--``) belong to which stage and tool."""

from __future__ import annotations

from dataclasses import dataclass

_LINK_PREFIXES = ("-Wl,", "-l", "-L", "-Xlinker", "-s", "--no-entry", "--preload-file", "--embed-file")
_TAKES_NEXT = frozenset({"-s", "-Xlinker", "--preload-file", "--embed-file", "-l", "-L"})


@dataclass(frozen=True, slots=True, kw_only=True)
class StageArgs:
    """Arguments by stage.

    Attributes:
        compile: For every invocation that compiles.
        link: For the one that links: all of them, since drivers ignore what is not theirs at the link.
    """

    compile: tuple[str, ...]
    link: tuple[str, ...]


def split_custom_args(args: tuple[str, ...]) -> StageArgs:
    """Keep arguments of the linker away from compilers that would warn about them."""
    compiling: list[str] = []
    skip_next = False
    for arg in args:
        if skip_next:
            skip_next = False
        elif arg.startswith(_LINK_PREFIXES) and not arg.startswith("-std"):
            skip_next = arg in _TAKES_NEXT
        else:
            compiling.append(arg)
    return StageArgs(compile=tuple(compiling), link=args)


def is_make_arg(arg: str) -> bool:
    """A variable (``NAME=VALUE``) or a job count, which belongs to make and not to the compiler."""
    name, equals, _ = arg.partition("=")
    return (bool(equals) and name.isidentifier()) or arg.startswith("-j")


def is_cmake_arg(arg: str) -> bool:
    """A cache entry with a type or one of CMake's own (``-DCMAKE_X=…``, ``-DX:BOOL=ON``) or a generator."""
    if arg.startswith("-D"):
        name = arg[2:].partition("=")[0]
        return ":" in name or name.startswith(("CMAKE_", "BUILD_"))
    return arg.startswith("-G")
