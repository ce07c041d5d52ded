"""``wasmrun verify``: is this file valid WebAssembly, and if not, at which byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from wasmrun_py.cli.options import FileArgument, JsonOption, PathOption, ReportOption
from wasmrun_py.cli.paths import choose_path, get_file, load_file

if TYPE_CHECKING:
    from pathlib import Path

    from wasmrun_py.cli.context import World
    from wasmrun_py.model.diagnostic import Diagnostic
    from wasmrun_py.wasm.verify import Verdict


def verify_command(
    ctx: typer.Context,
    *,
    path: FileArgument = None,
    path_option: PathOption = None,
    report: ReportOption = None,
    json: JsonOption = False,
) -> None:
    """Check that a file is valid WebAssembly, a module or a component."""
    from wasmrun_py.cli.failure import CommandFailure  # noqa: PLC0415 - --help needs none of it
    from wasmrun_py.cli.render.console import format_size  # noqa: PLC0415 - as above
    from wasmrun_py.cli.reports import Reports  # noqa: PLC0415 - as above
    from wasmrun_py.wasm.verify import verify_module  # noqa: PLC0415 - as above

    world: World = ctx.obj
    given = choose_path(path, path_option)
    reports = Reports(world, "verify", report or (), stdout_is_taken=json)
    with reports, reports.project(world.absolute(given)) as case:
        file = get_file(world, given)
        data = load_file(file, given)
        verdict = verify_module(data)
        fields = {
            "path": file,
            "kind": verdict.kind,
            "valid": verdict.valid,
            "errors": [{"offset": each.offset, "message": each.message} for each in verdict.errors],
        }
        case.add_diagnostics(_diagnostics(file, verdict))
        if not verdict.valid:
            raise CommandFailure(verdict.to_error(file), fields)
    if json:
        from wasmrun_py.cli.render.documents import success_document  # noqa: PLC0415 - only with --json

        world.console.document(success_document("verify", fields))
    elif not reports.takes_stdout:
        world.console.data(f"{given}: valid WebAssembly {verdict.kind}, {format_size(len(data))}")


def _diagnostics(file: Path, verdict: Verdict) -> tuple[Diagnostic, ...]:
    """What is wrong with the file, for reports: at its bytes."""
    from wasmrun_py.model.diagnostic import Diagnostic, Severity  # noqa: PLC0415 - as above

    return tuple(
        Diagnostic(
            file=file.name,
            line=None,
            column=None,
            severity=Severity.ERROR,
            message=each.message,
            source="wasmrun",
            byte_offset=each.offset,
        )
        for each in verdict.errors
    )
