"""``wasmrun compile``: build a project into its output folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from wasmrun_py.cli.options import (
    JsonOption,
    LanguageOption,
    NoInstallOption,
    OptimizationOption,
    OutputOption,
    PathArgument,
    PathOption,
    PluginOption,
    ReportOption,
    ToolchainOption,
    TransportOption,
    VerboseOption,
    parse_transport,
)
from wasmrun_py.cli.paths import choose_path, get_folder

if TYPE_CHECKING:
    from wasmrun_py.build.compile import CompileReport
    from wasmrun_py.cli.context import World
    from wasmrun_py.config.settings import Overrides


def compile_command(  # noqa: PLR0913 - typer: one parameter an option
    ctx: typer.Context,
    *,
    path: PathArgument = None,
    path_option: PathOption = None,
    output: OutputOption = None,
    optimization: OptimizationOption = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            "-t",
            metavar="TARGET",
            help="wasm, web or a plugin's own (default: wasm).",
            show_default=False,
        ),
    ] = None,
    language: LanguageOption = None,
    plugin: PluginOption = None,
    transport: TransportOption = None,
    toolchain: ToolchainOption = None,
    debug_info: Annotated[
        bool, typer.Option("--debug-info", "-g", help="Keep debug information at any level.")
    ] = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Build even if nothing changed.")] = False,
    frozen: Annotated[
        bool, typer.Option("--frozen", help="Use what is installed, and install nothing.")
    ] = False,
    no_toolchain_install: NoInstallOption = False,
    report: ReportOption = None,
    check_reproducible: Annotated[
        bool,
        typer.Option(
            "--check-reproducible", help="Build twice more, in two other places, and compare every byte."
        ),
    ] = False,
    json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Build a project into WebAssembly. Arguments after -- go to the toolchain."""
    from wasmrun_py.cli.reports import Reports  # noqa: PLC0415 - --help needs none of it
    from wasmrun_py.config.settings import Overrides  # noqa: PLC0415 - as above

    del no_cache  # every build is a full build as yet
    world: World = ctx.obj
    given = choose_path(path, path_option, ".")
    reports = Reports(world, "compile", report or (), stdout_is_taken=json)
    with reports, reports.project(world.absolute(given)) as case:
        overrides = Overrides(
            language=language,
            plugin=plugin,
            target=target,
            optimization=optimization,
            toolchain=toolchain,
            output=world.absolute(choose_path(output, None)) if output is not None else None,
            args=world.toolchain_args,
            debug_info=debug_info,
            frozen=frozen,
            no_toolchain_install=no_toolchain_install,
            verbose=verbose,
        )
        built = world.compile(
            get_folder(world, given),
            overrides,
            may_ask=not json,
            transport=parse_transport(transport),
            watcher=case,
        )
        case.built(built)
        fields = compile_fields(built)
        if check_reproducible:
            fields["reproducible"] = _check(world, built, overrides, transport)
    if json:
        from wasmrun_py.cli.render.documents import success_document  # noqa: PLC0415 - only with --json

        world.console.document(success_document("compile", fields))
    else:
        _show(world, built, table=not reports.takes_stdout)
        if check_reproducible:
            count = len(built.artifacts)
            world.console.note(
                f"Reproducible: {count} artifact{'s' * (count != 1)}, the same in three places"
            )


def _check(world: World, built: CompileReport, overrides: Overrides, transport: str | None) -> dict[str, Any]:
    """Build it again elsewhere, in the way it was built."""
    from wasmrun_py.cli.reproducible import check_reproducible  # noqa: PLC0415 - only when it is asked for

    options = {
        "--plugin": overrides.plugin,
        "--language": overrides.language,
        "--target": built.target,
        "--optimization": str(built.optimization),
        "--toolchain": overrides.toolchain,
        "--transport": transport,
    }
    flags = {"--debug-info": overrides.debug_info, "--frozen": overrides.frozen}
    words = [word for name, value in options.items() if value is not None for word in (name, value)]
    words += [name for name, is_set in flags.items() if is_set]
    # What the build needed is there by now; a check that installs would be a different one.
    with world.reporter(verbose=overrides.verbose) as reporter:
        return check_reproducible(world, built, (*words, "--no-toolchain-install"), reporter=reporter)


def compile_fields(report: CompileReport) -> dict[str, Any]:
    """The members of the ``compile`` document (DESIGN §5)."""
    registered = report.plugin.registered
    return {
        "project": report.project,
        "language": report.language,
        "plugin": {
            "name": report.plugin.name,
            "version": report.plugin.info.version,
            "type": registered.type,
            "transport": registered.used_transport,
        },
        "toolchain": {"name": report.toolchain.name, "version": report.toolchain.version},
        "target": report.target,
        "optimization": report.optimization,
        "output_dir": report.output_dir,
        "wasm_path": report.wasm_path,
        "js_path": report.js_path,
        "is_wasm_bindgen": report.is_wasm_bindgen,
        "artifacts": [
            {"path": each.path, "kind": each.kind, "size_bytes": each.size_bytes, "sha256": each.sha256}
            for each in report.artifacts
        ],
        "wasm_opt": None
        if report.wasm_opt is None
        else {
            "version": report.wasm_opt.version,
            "bytes_before": report.wasm_opt.bytes_before,
            "bytes_after": report.wasm_opt.bytes_after,
        },
        "cache": "off",
        "duration_s": round(report.duration_s, 3),
        "warnings": report.warnings,
    }


def _show(world: World, report: CompileReport, *, table: bool) -> None:
    from wasmrun_py.cli.render.console import format_size  # noqa: PLC0415 - not with --json

    toolchain = f"{report.toolchain.name} {report.toolchain.version}".strip()
    world.console.note(
        f"Built {report.project.name} for {report.target} with {toolchain}"
        f" ({report.optimization}) in {report.duration_s:.2f} s"
    )
    if not table:
        return
    rows = [
        (_relative(world, each.path), each.kind, format_size(each.size_bytes)) for each in report.artifacts
    ]
    world.console.table(("ARTIFACT", "KIND", "SIZE"), rows, numbers=("SIZE",))


def _relative(world: World, path: Any) -> str:
    return str(path.relative_to(world.cwd)) if path.is_relative_to(world.cwd) else str(path)
