"""How a failure looks: message, the tool's own text, the hint; or the JSON document."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wasmrun_py.cli.render.console import Style
from wasmrun_py.model.errors import BuildError, TrapError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wasmrun_py.cli.render.console import Console
    from wasmrun_py.model.errors import WasmrunError


class CommandFailure(Exception):  # noqa: N818 - it carries an error, it is not one
    """A command failed and knows more than the error: what its document holds all the same.

    Attributes:
        error: What went wrong.
        fields: Members of the document beside ``error``.
    """

    def __init__(self, error: WasmrunError, fields: Mapping[str, Any]) -> None:
        super().__init__(error.message)
        self.error = error
        self.fields = fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A failure on its way out.

    Attributes:
        command: The command's name.
        error: What went wrong.
        exit_code: What the process will end with.
        fields: Members of the document beside ``error``.
    """

    command: str
    error: WasmrunError
    exit_code: int
    fields: Mapping[str, Any] = field(default_factory=dict)


def show_failure(console: Console, failure: Failure, *, as_json: bool) -> None:
    """Tell a failure on stderr; with ``--json``, as the one document on stdout instead.

    A tool's own text goes to stderr in both cases: it is never lost.
    """
    error = failure.error
    if isinstance(error, BuildError) and error.output.strip():
        console.raw_note(error.output)
    if isinstance(error, BuildError) and error.log_file is not None:
        console.note(f"The whole output is in {error.log_file}")
    if as_json:
        from wasmrun_py.cli.render.documents import failure_document  # noqa: PLC0415 - only with --json

        console.document(
            failure_document(failure.command, error, exit_code=failure.exit_code, fields=failure.fields)
        )
        return
    console.labelled("error", Style.RED, error.message)
    if isinstance(error, TrapError):
        for frame in error.backtrace:
            console.note(f"    {frame}")
    if error.hint:
        console.labelled("hint", Style.CYAN, error.hint)
