"""``wasmrun plugin test``: hold a plugin that is not installed to the contract, through every transport."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from wasmrun_py.cli.options import JsonOption, PathOption, TransportOption, VerboseOption, parse_transport
from wasmrun_py.cli.paths import choose_path, get_folder

if TYPE_CHECKING:
    from wasmrun_py.cli.context import World
    from wasmrun_py.plugin.contract import CheckResult
    from wasmrun_py.plugin.try_out import TryOutReport

PluginPathArgument = Annotated[
    str | None,
    typer.Argument(metavar="[PATH]", help="A plugin's folder, wheel or archive.", show_default=False),
]
ProjectOption = Annotated[
    str | None,
    typer.Option(
        "--project",
        metavar="SAMPLE",
        help="A project that it must build (default: its own example folder).",
        show_default=False,
    ),
]


def test_command(  # noqa: PLR0913 - a command has as many parameters as options
    ctx: typer.Context,
    *,
    path: PluginPathArgument = None,
    path_option: PathOption = None,
    project: ProjectOption = None,
    transport: TransportOption = None,
    json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Run the contract suite against a plugin and print a report."""
    world: World = ctx.obj
    sample = get_folder(world, project) if project is not None else None
    folder = world.absolute(choose_path(path, path_option, "."))
    with world.reporter(verbose=verbose) as reporter:
        report = world.try_out_plugin(folder, sample, transport=parse_transport(transport), reporter=reporter)
    if not json:
        _show(world, report)
    _finish(world, report, as_json=json)


def _finish(world: World, report: TryOutReport, *, as_json: bool) -> None:
    from wasmrun_py.cli.failure import CommandFailure  # noqa: PLC0415 - --help needs none of it
    from wasmrun_py.model.errors import ContractError  # noqa: PLC0415 - as above

    fields: dict[str, Any] = {
        "plugin": {"name": report.name, "version": report.version},
        "sample": report.sample,
        "passed": report.passed,
        "transports": [
            {
                "transport": each.transport,
                "passed": each.report.passed,
                "checks": [_check_fields(result) for result in each.report.results],
            }
            for each in report.transports
        ],
        "parity": _check_fields(report.parity),
    }
    if report.passed:
        if as_json:
            world.report("plugin test", fields)
        return
    failed = sum(len(each.report.failures) for each in report.transports) + (
        report.parity.status == "fail"  # a StrEnum
    )
    raise CommandFailure(
        ContractError(
            f'Plugin "{report.name}" breaks {failed} of its promises',
            hint="docs/plugins.md tells the contract.",
        ),
        fields,
    )


def _check_fields(result: CheckResult) -> dict[str, Any]:
    return {
        "name": result.name,
        "promise": result.promise,
        "status": result.status,
        "message": result.message,
    }


def _show(world: World, report: TryOutReport) -> None:
    rows = [
        (str(each.transport), result.name, str(result.status), result.message or result.promise)
        for each in report.transports
        for result in each.report.results
    ]
    parity = report.parity
    rows.append(("all", parity.name, str(parity.status), parity.message or parity.promise))
    world.console.table(("TRANSPORT", "CHECK", "RESULT", "WHAT"), rows)
    if report.sample is None:
        world.console.note("It was asked to build nothing: give --project SAMPLE, or put one into example/")
