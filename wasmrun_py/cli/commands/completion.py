"""``wasmrun completion``: complete commands, options and names in your shell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wasmrun_py.cli.complete import FILES, FOLDERS, SHELLS, Candidate, find_candidates, join_at_equals
from wasmrun_py.model.errors import UsageError

if TYPE_CHECKING:
    from wasmrun_py.cli.context import World

_SCRIPTS = Path(__file__).parent.parent / "completions"
_BASH = "bash"


def completion_command(
    ctx: typer.Context,
    *,
    shell: Annotated[str, typer.Argument(metavar="SHELL", help="bash, zsh, fish or powershell.")],
    words: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
) -> None:
    """Print a script that completes wasmrun's commands in your shell."""
    world: World = ctx.obj
    if shell not in SHELLS:
        from wasmrun_py.config.toml_file import suggest  # noqa: PLC0415 - only a mistake needs it

        raise UsageError(f'There is no completion for "{shell}"', hint=suggest(shell, SHELLS))
    if words is None:
        world.console.document((_SCRIPTS / f"wasmrun.{shell}").read_text("utf-8").rstrip("\n"))
        return
    # What the script asks at every press of the key: the words up to the cursor.
    typed = join_at_equals(words) if shell == _BASH else list(words)
    typed[-1] = typed[-1].rstrip(" ")
    behind = "=" if shell == _BASH and typed[-1].startswith("--") else ""
    for candidate in find_candidates(typed, world):
        world.console.data(_format(candidate, behind))


def _format(candidate: Candidate, behind: str) -> str:
    """``WORD<tab>HELP``; bash replaces only what stands behind the ``=``."""
    if candidate.word in {FILES, FOLDERS}:
        return candidate.word
    word = candidate.word
    if behind and behind in word.rstrip(behind):
        word = word.partition(behind)[2]
    return f"{word}\t{candidate.help}" if candidate.help else word
