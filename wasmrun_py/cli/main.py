"""From arguments to an exit code: the one place where errors become messages and exits."""

from __future__ import annotations

import gc
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wasmrun_py.cli.context import World, read_world
from wasmrun_py.cli.failure import CommandFailure, Failure, show_failure
from wasmrun_py.model.errors import (
    ExecError,
    InterruptError,
    NotFoundError,
    PathNotFoundError,
    UsageError,
    WasmrunError,
)
from wasmrun_py.system.signals import list_ending_signals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_EXEC = "exec"
_RUN = "run"
_WITH_TOOLCHAIN_ARGS = frozenset({"compile", _RUN})
_PATH_OPTIONS = ("-p", "--path", "--path=")
_COLLECT_AFTER_OBJECTS = 100_000
_INTERNAL_ERROR = 70
_BROKEN_PIPE = 141


def run(argv: Sequence[str]) -> int:
    """Run one command line.

    Args:
        argv: The arguments, without the program's name.

    Returns:
        The exit code (DESIGN §5).
    """
    # Python looks after SIGINT itself, and leaves it ignored where a shell wants that.
    for number in set(list_ending_signals()) - {signal.SIGINT}:
        signal.signal(number, signal.default_int_handler)
    ours, toolchain_args = _split_toolchain_args(_complete(argv))
    world = read_world(toolchain_args)
    as_json = "--json" in ours
    try:
        ours = ours or _find_default(world)
        code = _dispatch(ours, world)
        world.console.stdout.flush()
    except BrokenPipeError:
        # The reader of our stdout has left (a pager, ``head``): nobody to tell, nothing to flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    except (WasmrunError, CommandFailure, KeyboardInterrupt) as error:
        failure = _to_failure(ours, error)
    except Exception as error:  # noqa: BLE001 - the edge: a defect of ours, told as one
        failure = _to_defect(world, ours, error)
    else:
        return code
    show_failure(world.console, failure, as_json=as_json)
    return failure.exit_code


def _complete(argv: Sequence[str]) -> list[str]:
    """``wasmrun PATH`` is ``wasmrun run PATH``: the first word is no command, and is or looks like a path."""
    from wasmrun_py.cli.app import canonical  # noqa: PLC0415 - keeps typer out of this module's import

    words = list(argv)
    if not words or canonical(words[0]):
        return words
    first = words[0]
    if first.startswith("-"):
        return [_RUN, *words] if first.startswith(_PATH_OPTIONS) else words
    looks = first in {".", ".."} or any(mark in first for mark in (os.sep, os.altsep or os.sep))
    return [_RUN, *words] if looks or os.path.lexists(first) else words


def _find_default(world: World) -> list[str]:
    """What ``wasmrun`` alone means here: run the folder that a plugin takes, else show the help."""
    from wasmrun_py.config.settings import load_install_policy  # noqa: PLC0415 - as above
    from wasmrun_py.model.consent import InstallPolicy  # noqa: PLC0415 - few runs have no argument

    policy = load_install_policy(environ=world.environ, home=world.home)
    manager = world.plugin_manager(may_install=policy is InstallPolicy.AUTO)
    detection = manager.detect(world.cwd)
    return [_RUN] if detection.selected is not None or detection.tied else ["--help"]


def _split_toolchain_args(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """What stands after ``--`` belongs to the toolchain, for the commands that build."""
    from wasmrun_py.cli.app import canonical  # noqa: PLC0415 - keeps typer out of this module's import

    words = list(argv)
    if not words or canonical(words[0]) not in _WITH_TOOLCHAIN_ARGS or "--" not in words:
        return words, []
    at = words.index("--")
    return words[:at], words[at + 1 :]


def _dispatch(argv: list[str], world: World) -> int:
    from wasmrun_py.cli.app import build_app, usage_errors  # noqa: PLC0415 - typer is most of the start-up

    command_error, help_shown = usage_errors()
    app = build_app(argv)
    # A command lives for seconds and makes little garbage; the default threshold would scan the modules it
    # still imports four times over.
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER_OBJECTS)
    gc.enable()
    try:
        code = app(args=argv, prog_name="wasmrun", standalone_mode=False, obj=world)
    except help_shown:
        return 0
    except command_error as error:
        raise _usage_error(error, argv) from error
    return code if isinstance(code, int) else 0


def _usage_error(error: Any, argv: list[str]) -> UsageError:
    """The parser's complaint in our words."""
    from wasmrun_py.cli.app import canonical, find_near_command  # noqa: PLC0415 - only a mistake needs it

    message = error.format_message().strip()
    message = message[:1].upper() + message[1:].rstrip(".")
    command = canonical(argv[0]) if argv else ""
    hint = find_near_command(argv[0]) if argv else None
    if hint is None:
        hint = f"See: wasmrun {command} --help" if command else "See: wasmrun --help"
    return UsageError(message, hint=hint)


def _to_failure(words: Sequence[str], raised: WasmrunError | CommandFailure | KeyboardInterrupt) -> Failure:
    from wasmrun_py.cli.app import full_name, interrupted  # noqa: PLC0415 - only a failure needs it

    name = full_name(words)
    fields: Mapping[str, Any] = {}
    if isinstance(raised, KeyboardInterrupt):
        error: WasmrunError = interrupted()
    elif isinstance(raised, CommandFailure):
        error, fields = raised.error, raised.fields
    else:
        error = raised
    exit_code = error.exit_code
    if name == _EXEC and not isinstance(error, (ExecError, InterruptError)):
        # env(1): whatever keeps the guest from being run is wasmrun's own failure.
        exit_code = NotFoundError.exit_code if isinstance(error, PathNotFoundError) else ExecError.exit_code
    return Failure(command=name, error=error, exit_code=exit_code, fields=fields)


def _to_defect(world: World, words: Sequence[str], error: Exception) -> Failure:
    import traceback  # noqa: PLC0415 - only a defect needs it

    from wasmrun_py.cli.app import full_name  # noqa: PLC0415 - as above

    if world.environ.get("WASMRUN_TRACEBACK"):
        world.console.note("".join(traceback.format_exception(error)))
    where = traceback.extract_tb(error.__traceback__)[-1]
    defect = WasmrunError(
        f"Internal error: {type(error).__name__}: {error} (at {Path(where.filename).name}:{where.lineno})",
        hint="This is a fault of wasmrun. Run it again with WASMRUN_TRACEBACK=1 and report what it prints.",
    )
    return Failure(command=full_name(words), error=defect, exit_code=_INTERNAL_ERROR)
