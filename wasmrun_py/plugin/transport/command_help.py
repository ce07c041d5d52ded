"""What a plugin's program says it takes: its ``--help``, read for flags and subcommands. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasmrun_py.model.target import WASM_TARGET, WEB_TARGET

if TYPE_CHECKING:
    from wasmrun_py.model.build import BuildConfig
    from wasmrun_py.plugin.transport.staged_project import StagedProject

_FLAG = re.compile(r"(?<![\w-])--?[A-Za-z][\w-]*")
_WORD = re.compile(r"(?<![\w-])[a-z][a-z-]*(?![\w-])")
_WEB_APP = "web-app"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandHelp:
    """A program's own description.

    Attributes:
        compile: The text of ``compile --help``, or of ``--help`` where that has none.
        general: The text of ``--help``.
    """

    compile: str
    general: str

    @property
    def flags(self) -> frozenset[str]:
        """Every flag that ``compile`` lists."""
        return frozenset(_FLAG.findall(self.compile))

    def has_command(self, name: str) -> bool:
        """Whether a line of ``--help`` begins with this subcommand, or lists it (argparse's braces)."""
        listed = re.search(
            rf"^\s+{re.escape(name)}\b|[{{,]{re.escape(name)}[,}}]", self.general, re.MULTILINE
        )
        return listed is not None

    def target_word(self, target: str) -> str:
        """The program's word for a target: the plugins that exist say ``web-app`` for ``web``."""
        return _WEB_APP if target == WEB_TARGET and _WEB_APP in _WORD.findall(self.compile) else target


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileArguments:
    """A command line and what did not fit into it.

    Attributes:
        words: The arguments.
        warnings: One sentence for each option that was asked for and left out.
    """

    words: tuple[str, ...]
    warnings: tuple[str, ...]


def compile_arguments(
    config: BuildConfig, staged: StagedProject, known: CommandHelp, *, plugin: str
) -> CompileArguments:
    """``compile -p PROJECT -o OUT --optimization LEVEL …``, with the flags that the program lists.

    ``-p`` and ``-o`` are given whatever it lists: without them there is nothing to build.

    Args:
        config: What is asked for.
        staged: The copy that is built.
        known: What the program lists.
        plugin: Its name, for warnings.
    """
    flags = known.flags
    words = ["compile", _spelled(flags, "-p", "--project"), str(staged.copy)]
    words += [_spelled(flags, "-o", "--output"), str(config.output_dir)]
    warnings = []
    for flag, value, matters in _options(config, staged, known):
        if flag in flags:
            words += [flag, value] if value is not None else [flag]
        elif matters:
            shown = f"{flag} {value}" if value is not None else flag
            warnings.append(f'Plugin "{plugin}" does not know {flag}: {shown} was left out')
    if config.verbose and not flags.isdisjoint({"-v", "--verbose"}):
        words.append(_spelled(flags, "-v", "--verbose"))
    return CompileArguments(words=(*words, *config.custom_args), warnings=tuple(warnings))


def _options(
    config: BuildConfig, staged: StagedProject, known: CommandHelp
) -> list[tuple[str, str | None, bool]]:
    """(flag, value, whether leaving it out changes what is built) for everything that is asked for."""
    options: list[tuple[str, str | None, bool]] = [
        ("--optimization", config.optimization_level.value, True),
        ("--target", known.target_word(config.target), config.target != WASM_TARGET),
    ]
    if config.debug_info:
        options.append(("--debug-info", None, True))
    if config.name is not None:
        options.append(("--name", config.name, True))
    if config.entry is not None:
        inside = config.entry.is_relative_to(staged.original)
        entry = staged.copy / config.entry.relative_to(staged.original) if inside else config.entry
        options.append(("--entry", str(entry), True))
    if config.toolchain is not None:
        options.append(("--toolchain", config.toolchain, True))
    return options


def _spelled(flags: frozenset[str], short: str, long: str) -> str:
    return long if long in flags and short not in flags else short
