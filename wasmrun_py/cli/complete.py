"""What may follow on a command line: commands, options, and the values that options and arguments take.

The parser's own tree is read, so that a new option is completed without a word here; its metavars say what
kind of value it takes. Nothing is run for it and nothing is installed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wasmrun_py.model.errors import WasmrunError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from wasmrun_py.cli.context import World

FILES, FOLDERS = ":files", ":folders"
"""Stand among the candidates for what every shell completes best itself."""

_HELP_CAP = 80
_PATHS = {
    "PATH": FOLDERS,
    "[PATH]": FOLDERS,
    "FOLDER": FOLDERS,
    "HOST[:GUEST][:ro]": FOLDERS,
    "FILE": FILES,
    "FILE_OR_PROJECT [ARGS]...": FILES,
    "SAMPLE": FILES,
    "SOURCE": FILES,
}
_LEVELS = ("debug", "release", "size")
_TRANSPORTS = ("auto", "ffi", "python", "command")
SHELLS = ("bash", "zsh", "fish", "powershell")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One word that may follow.

    Attributes:
        word: The whole word, or ``FILES`` or ``FOLDERS``.
        help: What it means; may be empty.
    """

    word: str
    help: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A command line taken apart."""

    world: World
    command: str
    params: tuple[Any, ...]
    before: tuple[str, ...]
    last: str


def find_candidates(words: Sequence[str], world: World) -> list[Candidate]:
    """What may stand in place of the last word.

    Args:
        words: The words behind ``wasmrun`` up to the cursor; the last may be empty.
        world: Where plugins, templates and toolchains are listed.
    """
    from wasmrun_py.cli.app import canonical, list_commands, list_subcommands  # noqa: PLC0415 - typer

    *before, last = words or [""]
    if not before:
        return _matching(list_commands(), last)
    name = canonical(before[0])
    if name is None:
        return []
    if name in {"compile", "run"} and "--" in before:
        return [Candidate(word=FILES)]
    subcommands = list_subcommands(name)
    if subcommands and len(before) == 1:
        return _matching(subcommands, last)
    command = _load_command(before, has_subcommands=bool(subcommands))
    if command is None:
        return []
    depth = 2 if subcommands else 1
    full = " ".join((name, *before[1:depth]))
    line = _Line(
        world=world, command=full, params=tuple(command.params), before=tuple(before[depth:]), last=last
    )
    return list(_complete(line))


def join_at_equals(words: Sequence[str]) -> list[str]:
    """Bash takes words apart at ``=``: ``--target``, ``=``, ``w`` is ``--target=w`` again."""
    joined: list[str] = []
    glued = False
    for word in words:
        if joined and (glued or word == "="):
            joined[-1] += word
            glued = word == "="
        else:
            joined.append(word)
    return joined


def _load_command(before: Sequence[str], *, has_subcommands: bool) -> Any:
    """The parser's own command for the words, or None."""
    import typer  # noqa: PLC0415 - loaded by the app already

    from wasmrun_py.cli.app import build_app, canonical  # noqa: PLC0415 - as above

    group: Any = typer.main.get_command(build_app(before))
    command = group.commands.get(canonical(before[0]))
    return command.commands.get(before[1]) if has_subcommands and command is not None else command


def _complete(line: _Line) -> Iterator[Candidate]:
    named, equals, begun = line.last.partition("=")
    option = _find_option(line, named) if equals else None
    if option is not None:
        for candidate in _values(line, option, begun):
            is_path = candidate.word in {FILES, FOLDERS}
            yield candidate if is_path else Candidate(word=f"{named}={candidate.word}", help=candidate.help)
        return
    waiting = _find_option(line, line.before[-1]) if line.before else None
    if waiting is not None and not waiting.is_flag:
        yield from _values(line, waiting, line.last)
    elif line.last.startswith("-"):
        yield from _options(line)
    else:
        yield from _argument(line)


def _find_option(line: _Line, word: str) -> Any:
    return next((each for each in line.params if word in each.opts and each.opts[0][0] == "-"), None)


def _options(line: _Line) -> list[Candidate]:
    """Options that are not there yet, or may be given again."""
    given = {word.partition("=")[0] for word in line.before}
    free = [
        each
        for each in line.params
        if each.param_type_name == "option" and (each.multiple or given.isdisjoint(each.opts))
    ]
    pairs = [(word, str(each.help or "")) for each in free for word in each.opts if word.startswith("--")]
    short = [(word, str(each.help or "")) for each in free for word in each.opts if not word.startswith("--")]
    return _matching(
        (*pairs, *(short if not line.last.startswith("--") else ()), ("--help", "Help")), line.last
    )


def _argument(line: _Line) -> Iterator[Candidate]:
    """Values of the argument that the cursor is at."""
    arguments = [each for each in line.params if each.param_type_name == "argument"]
    if not arguments:
        return
    given, is_value = 0, False
    for word in line.before:
        option = _find_option(line, word.partition("=")[0])
        given += not is_value and option is None and not (word.startswith("-") and word != "-")
        is_value = option is not None and not option.is_flag and "=" not in word
    at = min(given, len(arguments) - 1)
    if given < len(arguments) or arguments[at].nargs == -1:
        yield from _values(line, arguments[at], line.last)


def _values(line: _Line, param: Any, begun: str) -> list[Candidate]:
    metavar = str(param.metavar or "")
    if metavar == "FORMAT=FILE" and "=" in begun:
        return [Candidate(word=FILES)]
    if metavar in _PATHS:
        return [Candidate(word=_PATHS[metavar])]
    source = _SOURCES.get((line.command, param.name)) or _SOURCES.get(("", metavar))
    if source is None and param.name in {"plugin", "toolchain"}:
        source = _list_plugins if param.name == "plugin" else _list_plugin_toolchains
    try:
        return _matching(((word, "") for word in (source(line.world) if source else ())), begun)
    except WasmrunError:
        # A broken configuration is told where it matters, and not at every press of a key.
        return []


def _matching(words: Iterable[tuple[str, str]], begun: str) -> list[Candidate]:
    return [Candidate(word=word, help=_first_line(help_)) for word, help_ in words if word.startswith(begun)]


def _first_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _HELP_CAP else f"{line[: _HELP_CAP - 1]}…"


def _list_formats(_world: World) -> Iterable[str]:
    from wasmrun_py.report.request import ReportFormat  # noqa: PLC0415 - only --report

    return [f"{each}=" for each in ReportFormat]


def _list_plugins(world: World) -> Iterable[str]:
    return sorted(each.name for each in world.plugin_manager().registered)


def _list_infos(world: World) -> list[Any]:
    return [each.info for each in world.plugin_manager().registered if each.info is not None]


def _list_languages(world: World) -> Iterable[str]:
    return sorted({word for info in _list_infos(world) for word in info.capabilities.supported_languages})


def _list_targets(world: World) -> Iterable[str]:
    return sorted({word for info in _list_infos(world) for word in info.capabilities.targets})


def _list_plugin_toolchains(world: World) -> Iterable[str]:
    return sorted({word for info in _list_infos(world) for word in info.toolchains})


def _list_pins(_world: World) -> Iterable[str]:
    from wasmrun_py.toolchain.catalog import CATALOG  # noqa: PLC0415 - only ``toolchain``

    return sorted(pin.name for pin in CATALOG)


def _list_templates(_world: World) -> Iterable[str]:
    from wasmrun_py.scaffold.new_project import find_templates  # noqa: PLC0415 - only ``init``

    return find_templates()


_SOURCES: dict[tuple[str, str], Callable[[World], Iterable[str]]] = {
    ("", "LEVEL"): lambda _world: _LEVELS,
    ("", "KIND"): lambda _world: _TRANSPORTS,
    ("", "SHELL"): lambda _world: SHELLS,
    ("", "FORMAT=FILE"): _list_formats,
    ("", "LANGUAGE"): _list_languages,
    ("", "TARGET"): _list_targets,
    ("", "TEMPLATE"): _list_templates,
    **{
        (f"plugin {each}", "name"): _list_plugins
        for each in ("uninstall", "update", "enable", "disable", "info", "rollback")
    },
    **{(f"toolchain {each}", "name"): _list_pins for each in ("install", "remove")},
}
