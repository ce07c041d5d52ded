"""Options that several commands share, each written once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from wasmrun_py.model.manifest import TransportKind

PathArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[PATH]", help="The project's folder (default: the current one).", show_default=False
    ),
]
FileArgument = Annotated[
    str | None,
    typer.Argument(metavar="FILE", help="A .wasm file: a module or a component.", show_default=False),
]
PathOption = Annotated[
    str | None,
    typer.Option(
        "--path", "-p", metavar="PATH", help="The same as the argument, which wins.", show_default=False
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
VerboseOption = Annotated[
    bool, typer.Option("--verbose", "-v", help="Show what the tools are called with and say.")
]
LanguageOption = Annotated[
    str | None,
    typer.Option(
        "--language", "-l", metavar="LANGUAGE", help="Take a plugin for this language.", show_default=False
    ),
]
PluginOption = Annotated[
    str | None, typer.Option("--plugin", metavar="NAME", help="Take this plugin.", show_default=False)
]
TransportOption = Annotated[
    str | None,
    typer.Option(
        "--transport",
        metavar="KIND",
        help="How external plugins are called: auto, ffi, python or command (default: auto).",
        show_default=False,
    ),
]
OptimizationOption = Annotated[
    str | None,
    typer.Option(
        "--optimization",
        "-O",
        metavar="LEVEL",
        help="debug, release or size (default: release).",
        show_default=False,
    ),
]
ToolchainOption = Annotated[
    str | None,
    typer.Option(
        "--toolchain", metavar="NAME", help="Use this toolchain (emcc, clang, zig…).", show_default=False
    ),
]
NoInstallOption = Annotated[
    bool, typer.Option("--no-toolchain-install", help="Never install a missing toolchain; fail instead.")
]
ReportOption = Annotated[
    list[str] | None,
    typer.Option(
        "--report",
        metavar="FORMAT=FILE",
        help="Write a report too: sarif, junit, ndjson, github, gitlab or markdown; - is stdout. Repeatable.",
        show_default=False,
    ),
]
OutputOption = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FOLDER",
        help="Where artifacts go (default: PATH/dist).",
        show_default=False,
    ),
]
WorkspaceOption = Annotated[
    bool, typer.Option("--workspace", help="Build every member of the workspace that PATH is in.")
]
JobsOption = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        "-j",
        metavar="N",
        help="With --workspace: build so many at once (default: one a core).",
        show_default=False,
    ),
]
AffectedOption = Annotated[
    str | None,
    typer.Option(
        "--affected",
        metavar="REF",
        help="With --workspace: only what changed since a git revision, and what depends on it.",
        show_default=False,
    ),
]
KeepGoingOption = Annotated[
    bool,
    typer.Option("--keep-going", help="With --workspace: after a failure, build what does not depend on it."),
]


def parse_transport(word: str | None) -> TransportKind | None:
    """The transport that was asked for; None to choose.

    Raises:
        UsageError: There is no such transport.
    """
    from wasmrun_py.model.errors import UsageError  # noqa: PLC0415 - --help needs none of it
    from wasmrun_py.model.manifest import TransportKind  # noqa: PLC0415 - as above

    if word in {None, "auto"}:
        return None
    try:
        return TransportKind(str(word))
    except ValueError as error:
        raise UsageError(
            f'There is no transport "{word}"', hint="--transport takes auto, ffi, python or command."
        ) from error
