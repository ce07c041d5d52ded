"""``wasmrun compile``: build a project into its output folder."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wasmrun_py.cli.options import (
    AffectedOption,
    JobsOption,
    JsonOption,
    KeepGoingOption,
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
    WorkspaceOption,
    parse_transport,
)
from wasmrun_py.cli.paths import choose_path, get_folder
from wasmrun_py.model.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

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
    explain: Annotated[
        bool, typer.Option("--explain", help="Say why this was taken from the cache, or built.")
    ] = False,
    frozen: Annotated[
        bool, typer.Option("--frozen", help="Use what is installed, and install nothing.")
    ] = False,
    no_toolchain_install: NoInstallOption = False,
    workspace: WorkspaceOption = False,
    jobs: JobsOption = None,
    affected: AffectedOption = None,
    keep_going: KeepGoingOption = False,
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

    world: World = ctx.obj
    given = choose_path(path, path_option, ".")
    workspace_options = {"-j": jobs, "--affected": affected, "--keep-going": keep_going}
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
        no_cache=no_cache,
        explain=explain,
        verbose=verbose,
    )
    reports = Reports(world, "compile", report or (), stdout_is_taken=json)
    if _is_workspace(world.absolute(given), asked=workspace, options=workspace_options):
        from wasmrun_py.cli.workspace import WorkspaceCall, compile_workspace  # noqa: PLC0415 - few builds are one

        if check_reproducible:
            raise UsageError(
                "--check-reproducible is for one project",
                hint="Check the members one by one: give a member's folder.",
            )
        call = WorkspaceCall(
            given=given,
            overrides=overrides,
            jobs=jobs,
            affected=affected,
            keep_going=keep_going,
            transport=parse_transport(transport),
            json=json,
            is_special=explain or bool(report),
        )
        with reports:
            compile_workspace(world, call, reports)
        return
    with reports, reports.project(world.absolute(given)) as case:
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
        return check_reproducible(
            world, built, (*words, "--no-toolchain-install", "--no-cache"), reporter=reporter
        )


def _is_workspace(project: Path, *, asked: bool, options: Mapping[str, object]) -> bool:
    """Whether a whole workspace is meant: it was asked for, or the folder is a root and no project."""
    if asked:
        return True
    if os.path.isfile(project / "wasmrun.toml"):  # noqa: PTH113 - a Path raises where the system does not tell
        from wasmrun_py.config.workspace import is_workspace_only  # noqa: PLC0415 - few projects have a file

        # A broken file is told where the project is built.
        with suppress(ConfigError):
            if is_workspace_only(project):
                return True
    given = [name for name, value in options.items() if value not in {None, False}]
    if given:
        raise UsageError(
            f"{given[0]} is for a workspace, and {project} is one project",
            hint="Add --workspace to build all of it.",
        )
    return False


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
        "cache": report.cache,
        "cache_source": report.cache_source,
        **_explanation_field(report),
        "duration_s": round(report.duration_s, 3),
        "warnings": report.warnings,
    }


def _explanation_field(report: CompileReport) -> dict[str, Any]:
    explanation = report.explanation
    if explanation is None:
        return {}
    reasons = [
        {"kind": each.kind, "name": each.name, "before": each.before, "after": each.after}
        for each in explanation.reasons
    ]
    return {"explain": {"status": explanation.status, "reasons": reasons, "note": explanation.note}}


def _show(world: World, report: CompileReport, *, table: bool) -> None:
    from wasmrun_py.cli.render.console import format_size  # noqa: PLC0415 - not with --json

    toolchain = f"{report.toolchain.name} {report.toolchain.version}".strip()
    if report.explanation is not None:
        from wasmrun_py.cli.render.explanation import explain_lines  # noqa: PLC0415 - only with --explain

        for line in explain_lines(report.explanation):
            world.console.note(line)
    how = "Took" if report.cache == "hit" else "Built"
    which = "remote cache" if report.cache_source == "remote" else "cache"
    from_cache = f" from the {which}" if report.cache == "hit" else ""
    world.console.note(
        f"{how} {report.project.name} for {report.target} with {toolchain}"
        f" ({report.optimization}){from_cache} in {report.duration_s:.2f} s"
    )
    if not table:
        return
    rows = [
        (_relative(world, each.path), each.kind, format_size(each.size_bytes)) for each in report.artifacts
    ]
    world.console.table(("ARTIFACT", "KIND", "SIZE"), rows, numbers=("SIZE",))


def _relative(world: World, path: Any) -> str:
    return str(path.relative_to(world.cwd)) if path.is_relative_to(world.cwd) else str(path)
