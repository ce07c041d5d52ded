"""Run the user's own uv, cargo and git: the environment whole, every line reported and logged.

What they cannot do becomes a ``PluginInstallError`` in their own last words, credentials covered. Which
arguments they get is the business of ``pypi``, ``crates`` and ``git``.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import MissingToolError, PluginInstallError, ToolCrashedError
from wasmrun_py.model.events import StepFinished, StepStarted, ToolOutput, ToolStarted
from wasmrun_py.system.fs import translate_write_errors
from wasmrun_py.system.process import ToolCall, describe_exit, run_tool
from wasmrun_py.system.spool import LineLog
from wasmrun_py.toolchain.find import find_tool
from wasmrun_py.toolchain.pypi import find_uv, names_network, parse_reason, redact_credentials

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from wasmrun_py.plugin.install.steps import InstallWorld
    from wasmrun_py.system.process import ToolResult

_TIMEOUT_S = 3600.0
_REASON_LINES = 5
_REASON_CAP = 1000
_FAILURE = re.compile(r"(error|fatal)\b", re.IGNORECASE)
_CLIENTS = {
    "uv": "Install uv with `pip install uv`, or put your own uv on PATH.",
    "cargo": "Install Rust with rustup, or your system's cargo and rustc packages, and put cargo on PATH.",
    "git": "Install git and put it on PATH.",
}


def get_client(name: str, world: InstallWorld, *, needed_for: str) -> str:
    """The path of ``uv``, ``cargo`` or ``git``.

    Raises:
        MissingToolError: It is not there; says what to install.
    """
    found = find_client(name, world)
    if found is None:
        raise MissingToolError(
            f"{name} is not on PATH, and {needed_for} needs it", tools=[name], hint=_CLIENTS[name]
        )
    return str(found)


def find_client(name: str, world: InstallWorld) -> Path | None:
    """The path of ``uv``, ``cargo`` or ``git``, or None."""
    return find_uv(world.environ) if name == "uv" else find_tool(name, world.environ)


def run_client(
    argv: tuple[str, ...],
    *,
    folder: Path,
    world: InstallWorld,
    settings: Mapping[str, str | None] | None = None,
    quiet: bool = False,
) -> ToolResult:
    """Run a client in ``folder``, which is ours; temporary files stay inside it.

    Args:
        argv: The whole command.
        folder: Its working folder.
        world: Receives the command and its lines.
        settings: Environment variables on top of the user's; None takes one away.
        quiet: Its output is data for us; it is neither reported nor logged.

    Raises:
        PluginInstallError: The client is there and the system refuses to run it.
        LimitError: It ran for an hour.
    """
    temporary = folder / "tmp"
    with translate_write_errors(f"create {temporary}"):
        temporary.mkdir(parents=True, exist_ok=True)
    temporaries = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))
    whole = {**world.environ, **temporaries, **(settings or {})}
    env = {name: value for name, value in whole.items() if value is not None}
    shown = tuple(redact_credentials(argument) for argument in argv)
    world.reporter.emit(ToolStarted(argv=shown))
    log = LineLog(world.log_file)
    if not quiet:
        log.add(f"$ {' '.join(shown)}")

    def on_line(line: str) -> None:
        covered = redact_credentials(line)
        log.add(covered)
        world.reporter.emit(ToolOutput(line=covered))

    # Data is wanted whole, however long; what is only shown may lose its middle, since the log has it.
    answer = temporary / "answer.log" if quiet else None
    call = ToolCall(
        argv=argv, cwd=folder, env=env, timeout_s=_TIMEOUT_S, log_file=answer, end_with_parent=True
    )
    try:
        return run_tool(call, on_line=None if quiet else on_line)
    except ToolCrashedError as error:
        raise PluginInstallError(error.message, hint=error.hint) from error
    finally:
        log.close()


@contextmanager
def step(label: str, world: InstallWorld) -> Iterator[None]:
    """Report that something which may take a while begins and ends."""
    world.reporter.emit(StepStarted(label=label))
    try:
        yield
    finally:
        world.reporter.emit(StepFinished(label=label))


def client_reason(result: ToolResult) -> str:
    """Why a client failed, in its own words on one line."""
    lines = [line.strip() for line in redact_credentials(result.output).splitlines() if line.strip()]
    first = next((number for number, line in enumerate(lines) if _FAILURE.match(line)), None)
    last = [] if first is None else lines[first : first + _REASON_LINES]
    said = " / ".join(last) or parse_reason(result.output)
    return said[:_REASON_CAP] or describe_exit(result.returncode)


def client_failure(
    doing: str, result: ToolResult, world: InstallWorld, *, settings: str
) -> PluginInstallError:
    """The error for a client that failed.

    Args:
        doing: What could not be done, beginning a sentence (``wasmasc could not be built``).
        result: How the client ended.
        world: Its log is named.
        settings: Whose settings may be wrong (``cargo's registry and proxy settings``).
    """
    reason = client_reason(result)
    if names_network(reason):
        hint = f"Check the network and {settings}, then try again."
    else:
        hint = f"The whole output is in {world.log_file}."
    output = redact_credentials(result.output)
    return PluginInstallError(f"{doing}: {reason}", hint=hint, output=output, log_file=world.log_file)
