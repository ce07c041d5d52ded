"""asc's command line for one build. Pure: configuration in, arguments out.

What asconfig.json says of a target is respected; what wasmrun must decide (where outputs go, the level of
a target that says nothing) comes after it, because asc takes the command line over the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasmrun_py.model.build import WEB_TARGET, OptimizationLevel

if TYPE_CHECKING:
    from pathlib import Path

    from plugins_builtin.assemblyscript.config import AscConfig
    from wasmrun_py.model.build import BuildConfig

_OPTIMIZATIONS = ("optimize", "optimizeLevel", "shrinkLevel")
_RELEASE = "release"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputNames:
    """Where asc writes.

    Attributes:
        module: The module, absolute; its JavaScript, typings and source map lie beside it.
        text: The text form, absolute.
    """

    module: Path
    text: Path


def build_arguments(
    build: BuildConfig, config: AscConfig, *, entries: tuple[str, ...], outputs: OutputNames
) -> tuple[str, ...]:
    """Everything after ``asc``.

    Args:
        build: What was asked for.
        config: What the project's asconfig.json says.
        entries: Entry files that it does not name.
        outputs: Where asc writes.
    """
    target = find_flag_value(build.custom_args, "--target") or _choose_target(build, config)
    chosen = () if find_flag_value(build.custom_args, "--target") else ("--target", target)
    return (
        *entries,
        *chosen,
        *_level(build, config, target),
        # Before --outFile: asc would take a following bare word for the map's address.
        *_debug(build, config, target),
        *_bindings(build, config, target),
        *(("--textFile", str(outputs.text)) if config.find_option("textFile", target) else ()),
        *("--outFile", str(outputs.module)),
        *build.custom_args,
    )


def find_flag_value(args: tuple[str, ...], flag: str) -> str | None:
    """The value of ``--flag VALUE`` or ``--flag=VALUE`` among a user's own arguments, or None."""
    for number, arg in enumerate(args):
        if arg.startswith(f"{flag}="):
            return arg.partition("=")[2]
        if arg == flag and number + 1 < len(args):
            return args[number + 1]
    return None


def _choose_target(build: BuildConfig, config: AscConfig) -> str:
    """The level's own target; for size the release one where asconfig.json has none."""
    level = build.optimization_level
    if level is OptimizationLevel.SIZE and not config.has_target(level):
        return _RELEASE
    return str(level)


def _level(build: BuildConfig, config: AscConfig, target: str) -> tuple[str, ...]:
    own = config.has_target(target) and any(config.find_option(name, target) for name in _OPTIMIZATIONS)
    match build.optimization_level:
        case OptimizationLevel.DEBUG:
            if config.has_target(target):
                return ()
            general = any(config.find_option(name, target) for name in _OPTIMIZATIONS)
            return ("--debug", *(("--optimizeLevel", "0", "--shrinkLevel", "0") if general else ()))
        case OptimizationLevel.SIZE:
            return () if own and target != _RELEASE else ("-O3", "--shrinkLevel", "2")
        case OptimizationLevel.RELEASE:
            return () if own else ("-O3",)


def _debug(build: BuildConfig, config: AscConfig, target: str) -> tuple[str, ...]:
    if not build.debug_info:
        return ()
    return ("--debug", *(() if config.find_option("sourceMap", target) is not None else ("--sourceMap",)))


def _bindings(build: BuildConfig, config: AscConfig, target: str) -> tuple[str, ...]:
    """A page needs JavaScript to load the module with."""
    if build.target != WEB_TARGET or config.find_option("bindings", target):
        return ()
    return ("--bindings", "esm")
