"""``wasmrun run``: build, serve, watch, and keep every open page up to date."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from wasmrun_py.cli.options import (
    JsonOption,
    LanguageOption,
    NoInstallOption,
    PathOption,
    PluginOption,
    ToolchainOption,
    TransportOption,
    VerboseOption,
    parse_transport,
)
from wasmrun_py.cli.paths import choose_path, get_served

if TYPE_CHECKING:
    from wasmrun_py.cli.context import World


def run_command(  # noqa: PLR0913 - typer: one parameter an option
    ctx: typer.Context,
    *,
    path: Annotated[
        str | None,
        typer.Argument(
            metavar="[PATH]",
            help="A project, a folder with an index.html, or a .wasm file (default: the current folder).",
            show_default=False,
        ),
    ] = None,
    path_option: PathOption = None,
    port: Annotated[
        str | None,
        typer.Option(
            "--port",
            "-P",
            metavar="PORT",
            help="This port; 0 for any free one (default: 8420, or the next free one).",
            show_default=False,
        ),
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(
            "--host", metavar="ADDRESS", help="Listen here (default: localhost).", show_default=False
        ),
    ] = None,
    open_browser: Annotated[bool, typer.Option("--open", "--serve", "-s", help="Open a browser.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch/--no-watch", help="Notice changes, and build again.")
    ] = True,
    poll: Annotated[
        bool, typer.Option("--poll", help="Look for changes again and again: for network drives.")
    ] = False,
    cors: Annotated[
        bool, typer.Option("--cors", help="Let pages of other origins read what is served.")
    ] = False,
    header: Annotated[
        list[str] | None,
        typer.Option(
            "--header",
            metavar="NAME: VALUE",
            help="Send this header too; may be repeated.",
            show_default=False,
        ),
    ] = None,
    proxy: Annotated[
        list[str] | None,
        typer.Option(
            "--proxy",
            metavar="/PREFIX=URL",
            help="Pass requests on to another server; may be repeated.",
            show_default=False,
        ),
    ] = None,
    cert: Annotated[
        str | None,
        typer.Option("--cert", metavar="FILE", help="Serve https with this certificate.", show_default=False),
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", metavar="FILE", help="The certificate's key.", show_default=False)
    ] = None,
    isolate: Annotated[
        bool, typer.Option("--isolate", help="Send COOP and COEP with every page, for shared memory.")
    ] = False,
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            "-t",
            metavar="TARGET",
            help="wasm, web or a plugin's own (default: what suits the project).",
            show_default=False,
        ),
    ] = None,
    optimization: Annotated[
        str | None,
        typer.Option(
            "--optimization",
            "-O",
            metavar="LEVEL",
            help="debug, release or size (default: debug).",
            show_default=False,
        ),
    ] = None,
    language: LanguageOption = None,
    plugin: PluginOption = None,
    transport: TransportOption = None,
    toolchain: ToolchainOption = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="Write the artifacts here too.", show_default=False
        ),
    ] = None,
    debug_info: Annotated[
        bool, typer.Option("--debug-info", "-g", help="Keep debug information at any level.")
    ] = False,
    frozen: Annotated[
        bool, typer.Option("--frozen", help="Use what is installed, and install nothing.")
    ] = False,
    no_toolchain_install: NoInstallOption = False,
    json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Build a project, serve it, and build again on every save. Arguments after -- go to the toolchain."""
    from wasmrun_py.server.session.build_process import BuildProcess  # noqa: PLC0415 - --help needs none of it

    started_s = time.monotonic()
    world: World = ctx.obj
    served = get_served(world, choose_path(path, path_option, "."))
    from wasmrun_py.server.http.options import parse_port  # noqa: PLC0415 - as above

    # It starts while this process imports what serving needs.
    process = BuildProcess(world.environ) if served.is_dir() else None
    from wasmrun_py.cli.serving import Serving, ServingWishes  # noqa: PLC0415 - as just said
    from wasmrun_py.config.settings import Overrides  # noqa: PLC0415 - as above

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
    serving = Serving(
        world=world,
        served=served,
        process=process,
        overrides=overrides,
        transport=parse_transport(transport),
        wishes=ServingWishes(
            port=None if port is None else parse_port(port),
            host=host,
            open_browser=open_browser,
            watch=watch,
            poll=poll,
            cors=cors,
            isolate=isolate,
            headers=tuple(header or ()),
            proxies=tuple(proxy or ()),
            cert=None if cert is None else world.absolute(cert),
            key=None if key is None else world.absolute(key),
            as_json=json,
            started_s=started_s,
        ),
    )
    serving.run()
