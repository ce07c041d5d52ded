"""``wasmrun exec``: run a module, a component or a project natively, with nothing granted by default.

Options stand before FILE; everything after FILE belongs to the guest, but for ``--call FN`` directly
after it, which the original documents (``--`` ends that).
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wasmrun_py.cli.options import (
    JsonOption,
    LanguageOption,
    NoInstallOption,
    OptimizationOption,
    PathOption,
    PluginOption,
    ToolchainOption,
    VerboseOption,
)
from wasmrun_py.model.errors import CallError, ExecError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from wasmrun_py.cli.context import World
    from wasmrun_py.config.settings import Overrides
    from wasmrun_py.execute.request import RunRequest

_CAPTURE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestLine:
    """What stood from FILE on.

    Attributes:
        target: FILE_OR_PROJECT as given.
        call: The export to call, or None to run the program.
        args: What belongs to the guest.
    """

    target: str
    call: str | None
    args: tuple[str, ...]


def exec_command(  # noqa: PLR0913 - typer: one parameter an option
    ctx: typer.Context,
    *,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE_OR_PROJECT [ARGS]...",
            help="What to run, then the guest's arguments.",
            show_default=False,
        ),
    ] = None,
    path_option: PathOption = None,
    call: Annotated[
        str | None,
        typer.Option(
            "--call", "-c", metavar="FN", help="Call this export; ARGS are its arguments.", show_default=False
        ),
    ] = None,
    env: Annotated[
        list[str] | None,
        typer.Option(
            "--env",
            metavar="K=V",
            help="Give the guest a variable (K alone: with its value here).",
            show_default=False,
        ),
    ] = None,
    dirs: Annotated[
        list[str] | None,
        typer.Option(
            "--dir", metavar="HOST[:GUEST][:ro]", help="Give the guest a folder.", show_default=False
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout", metavar="SECONDS", help="End it after this long (124).", show_default=False
        ),
    ] = None,
    max_memory: Annotated[
        str | None,
        typer.Option(
            "--max-memory",
            metavar="SIZE",
            help="End it when it asks for more, e.g. 64MB (124).",
            show_default=False,
        ),
    ] = None,
    fuel: Annotated[
        int | None,
        typer.Option(
            "--fuel", metavar="N", help="End it after about N instructions (124).", show_default=False
        ),
    ] = None,
    language: LanguageOption = None,
    plugin: PluginOption = None,
    optimization: OptimizationOption = None,
    toolchain: ToolchainOption = None,
    no_toolchain_install: NoInstallOption = False,
    json: JsonOption = False,
    verbose: VerboseOption = False,
) -> int:
    """Run a .wasm file, or build a project and run it. Options come before FILE."""
    from wasmrun_py.config.settings import Overrides  # noqa: PLC0415 - --help needs none of it
    from wasmrun_py.execute.request import Limits, RunRequest, parse_dir_grant, parse_env, parse_size  # noqa: PLC0415 - as above

    world: World = ctx.obj
    line = parse_guest_line(words or (), path_option=path_option, call=call, world=world)
    overrides = Overrides(
        language=language,
        plugin=plugin,
        optimization=optimization,
        toolchain=toolchain,
        no_toolchain_install=no_toolchain_install,
        verbose=verbose,
    )
    _check_positive("--timeout", timeout)
    _check_positive("--fuel", fuel)
    limits = Limits(
        timeout_s=timeout,
        max_memory_bytes=parse_size(max_memory) if max_memory is not None else None,
        fuel=fuel,
    )
    granted = tuple(parse_dir_grant(text, world.cwd) for text in dirs or ())
    variables = tuple(parse_env(text, world.environ) for text in env or ())
    request = RunRequest(
        module=_get_module(world, line.target, overrides, may_ask=not json),
        args=line.args,
        call=line.call,
        env=variables,
        dirs=granted,
        limits=limits,
        cache_dir=world.home.modules,
    )
    return _run_as_document(world, request) if json else _run_attached(world, request)


def parse_guest_line(
    words: Sequence[str], *, path_option: str | None, call: str | None, world: World
) -> GuestLine:
    """Split what stood from FILE on into FILE, ``--call FN`` and the guest's arguments.

    With ``-p PATH``, a first word that names an existing file or folder is FILE all the same (the
    positional path wins); any other belongs to the guest.

    Raises:
        UsageError: FILE is missing.
        CallError: ``--call`` stands without a name, or twice.
    """
    rest = list(words)
    if path_option is not None and not (rest and world.absolute(rest[0]).exists()):
        target = path_option
    elif rest:
        target = rest.pop(0)
    else:
        raise UsageError(
            "What to run is missing", hint="Give a .wasm file or a project folder: wasmrun exec ./project"
        )
    name, rest = _take_call(rest)
    if name is not None and call is not None:
        raise CallError(f"--call is given twice: {call} and {name}", hint="Call one export at a time.")
    return GuestLine(target=target, call=call if name is None else name, args=tuple(rest))


def _take_call(rest: list[str]) -> tuple[str | None, list[str]]:
    """``--call FN`` directly after FILE; a ``--`` there ends what wasmrun reads."""
    if not rest:
        return None, rest
    first = rest[0]
    if first == "--":
        return None, rest[1:]
    if first in {"--call", "-c"}:
        if len(rest) == 1:
            raise CallError(f"{first} needs the name of an export", hint="For example: --call add 2 3")
        return rest[1], rest[2:]
    if first.startswith("--call="):
        return first.removeprefix("--call="), rest[1:]
    return None, rest


def _check_positive(option: str, value: float | None) -> None:
    if value is not None and not value > 0:
        raise ExecError(f"{option} must be more than 0, not {value}")


def _get_module(world: World, target: str, overrides: Overrides, *, may_ask: bool) -> Path:
    """The module to run: the file itself, or what the project is built into."""
    from wasmrun_py.cli.paths import choose_path, get_file, get_folder  # noqa: PLC0415 - --help needs none of it

    given = choose_path(target, None)
    path = world.absolute(given)
    if not path.is_dir():
        return get_file(world, given)
    return world.compile(get_folder(world, given), overrides, may_ask=may_ask).wasm_path


def _run_attached(world: World, request: RunRequest) -> int:
    """Run with the guest on our own streams; on a terminal its control sequences are made harmless."""
    from wasmrun_py.execute.run import CHILD_TAMES_TERMINAL, run_module  # noqa: PLC0415 - --help needs none

    if CHILD_TAMES_TERMINAL:
        outcome = run_module(replace(request, tame_terminal=True), environ=world.environ)
    else:
        with _harmless(sys.stdout) as stdout, _harmless(sys.stderr) as stderr:
            outcome = run_module(request, environ=world.environ, stdout=stdout, stderr=stderr)
    for value in outcome.results:
        world.console.data(value)
    return outcome.exit_code


@contextmanager
def _harmless(stream: Any) -> Iterator[Callable[[bytes], None] | None]:
    """A sink that filters what goes to a terminal; None, which means "as it is", for anything else."""
    if not stream.isatty():
        yield None
        return
    from wasmrun_py.execute.terminal import TerminalFilter  # noqa: PLC0415 - only on a terminal

    harmless = TerminalFilter()

    def write(chunk: bytes) -> None:
        stream.buffer.write(chunk)
        stream.buffer.flush()

    yield lambda chunk: write(harmless.feed(chunk))
    write(harmless.finish())


def _run_as_document(world: World, request: RunRequest) -> int:
    """Run with the guest's output captured, so that stdout holds exactly one document."""
    from wasmrun_py.cli.failure import CommandFailure  # noqa: PLC0415 - only with --json
    from wasmrun_py.cli.render.documents import success_document  # noqa: PLC0415 - as above
    from wasmrun_py.execute.run import run_module  # noqa: PLC0415 - as above
    from wasmrun_py.execute.terminal import CappedCapture  # noqa: PLC0415 - as above

    stdout, stderr = CappedCapture(_CAPTURE_BYTES), CappedCapture(_CAPTURE_BYTES)

    def fields() -> dict[str, Any]:
        return {
            "path": request.module,
            "stdout": stdout.text,
            "stderr": stderr.text,
            "dropped_bytes": stdout.dropped_bytes + stderr.dropped_bytes,
        }

    try:
        outcome = run_module(request, environ=world.environ, stdout=stdout, stderr=stderr)
    except ExecError as error:
        raise CommandFailure(error, fields()) from error
    document = {
        **fields(),
        "exit_code": outcome.exit_code,
        "results": outcome.results,
        "duration_s": round(outcome.duration_s, 3),
    }
    world.console.document(success_document("exec", document))
    return outcome.exit_code
