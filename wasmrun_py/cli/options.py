"""Options that several commands share, each written once."""

from __future__ import annotations

from typing import Annotated

import typer

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
