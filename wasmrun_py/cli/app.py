"""The typer application, made of only those commands that this command line needs.

Each command lives in ``commands/<name>.py`` as a function of that name; importing all of them for every
call would cost more than most commands do.
"""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wasmrun_py import __version__
from wasmrun_py.model.errors import InterruptError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

# Command -> (its aliases, how the parser treats it).
_PASS_THROUGH: dict[str, Any] = {"allow_interspersed_args": False}
_COMMANDS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "run": (("dev", "serve"), {}),
    "compile": (("build", "c"), {}),
    "exec": ((), _PASS_THROUGH),
    "verify": ((), {}),
    "inspect": ((), {}),
    "detect": ((), {}),
    "clean": ((), {}),
    "stop": ((), {}),
    "status": ((), {}),
    "init": ((), {}),
    "doctor": ((), {}),
    "plugin": ((), {}),
    "toolchain": ((), {}),
    "cache": ((), {}),
    "completion": ((), {}),
}
# Command -> its subcommands, each a function ``<subcommand>_command`` of the command's file, or of a file
# of its own where the command is a folder.
_SUBCOMMANDS = {
    "plugin": (
        *("list", "install", "uninstall", "update", "enable", "disable", "info", "search", "rollback"),
        *("lock", "sync", "new", "test", "header"),
    ),
    "toolchain": ("list", "install", "remove"),
    "cache": ("info", "clear", "prune"),
}
_ALIASES = {alias: name for name, (aliases, _) in _COMMANDS.items() for alias in aliases}
_MODULES = {"exec": "exec_"}


def canonical(word: str) -> str | None:
    """The command that ``word`` names, itself or by an alias; None when there is none."""
    return word if word in _COMMANDS else _ALIASES.get(word)


def list_commands() -> list[tuple[str, str]]:
    """Every command, with nothing said of it: saying it would load them all."""
    return [(name, "") for name in _COMMANDS]


def list_subcommands(name: str) -> list[tuple[str, str]]:
    """The subcommands of a command; empty where it has none."""
    return [(each, "") for each in _SUBCOMMANDS.get(name, ())]


def build_app(argv: Sequence[str]) -> typer.Typer:
    """The application for this command line: one command when it names one, else all of them."""
    app = typer.Typer(
        name="wasmrun",
        help="Turn a project in any language into WebAssembly, and run it.",
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_main)
    wanted = canonical(argv[0]) if argv else None
    for name in [wanted] if wanted else _COMMANDS:
        _add_command(app, name, argv[1:] if wanted else ())
    return app


def full_name(words: Sequence[str]) -> str:
    """The command that a line names, as documents call it: ``compile``, ``plugin list``."""
    named = [word for word in words if not word.startswith("-")]
    first = canonical(named[0]) if named else None
    if first is None:
        return named[0] if named else "wasmrun"
    if len(named) > 1 and named[1] in _SUBCOMMANDS.get(first, ()):
        return f"{first} {named[1]}"
    return first


def usage_errors() -> tuple[type[Exception], tuple[type[Exception], ...]]:
    """The parser's exception types: a usage mistake, and "help was shown, stop here".

    Typer vendors its parser in some versions and depends on it in others; the public ``BadParameter``
    leads to the base class in both.
    """
    base = next(each for each in typer.BadParameter.__mro__ if each.__name__ == "ClickException")
    return base, (typer.Exit,)


def find_near_command(word: str) -> str | None:
    """A hint for a word that is not a command, or None when it is one or an option."""
    if word.startswith("-") or canonical(word):
        return None
    import difflib  # noqa: PLC0415 - only a mistake needs it

    near = difflib.get_close_matches(word, [*_COMMANDS, *_ALIASES], n=1)
    if near:
        return f"Did you mean: wasmrun {near[0]}"
    return f"Commands: {', '.join(_COMMANDS)}. To build and serve a project: wasmrun run {word}"


def _add_command(app: typer.Typer, name: str, rest: Sequence[str]) -> None:
    aliases, settings = _COMMANDS[name]
    module = importlib.import_module(f"wasmrun_py.cli.commands.{_MODULES.get(name, name)}")
    if name in _SUBCOMMANDS:
        group = typer.Typer(help=_group_help(module))
        for subcommand in _wanted_subcommands(name, rest):
            group.command(subcommand)(_interruptible(_find_function(module, subcommand)))
        # One command in a group would be run without its name.
        group.callback()(_group)
        app.add_typer(group, name=name, help=_group_help(module))
        return
    function = _interruptible(_find_function(module, name))
    app.command(name, context_settings=settings)(function)
    for alias in aliases:
        app.command(alias, context_settings=settings, hidden=True)(function)


def _wanted_subcommands(name: str, rest: Sequence[str]) -> Sequence[str]:
    """The subcommand that the line names; all of them when it names none."""
    known = _SUBCOMMANDS[name]
    return rest[:1] if rest and rest[0] in known else known


def _find_function(module: ModuleType, name: str) -> Callable[..., Any]:
    if hasattr(module, "__path__"):
        module = importlib.import_module(f"{module.__name__}.{name}")
    function: Callable[..., Any] = getattr(module, f"{name}_command")
    return function


def _group_help(module: ModuleType) -> str:
    return (module.__doc__ or "").split(": ", 1)[1].splitlines()[0].capitalize()


def _group() -> None:
    """Nothing of its own: the subcommands do it."""


def _interruptible(function: Callable[..., Any]) -> Callable[..., Any]:
    """Turn Ctrl-C into our error inside the command: the parser would swallow it and exit silently."""

    @functools.wraps(function)
    def run(*args: Any, **options: Any) -> Any:
        try:
            return function(*args, **options)
        except KeyboardInterrupt as interrupt:
            raise interrupted() from interrupt

    return run


def interrupted() -> InterruptError:
    """The error for Ctrl-C and for a polite request to end."""
    return InterruptError("Interrupted", hint="Outputs of earlier builds are as they were.")


def _main(
    *,
    _version: Annotated[
        bool, typer.Option("--version", "-V", help=f"Show the version ({__version__}) and exit.")
    ] = False,
) -> None:
    # Answered in __main__ before typer is imported; the option stands here for --help.
    """Turn a project in any language into WebAssembly, and run it."""
