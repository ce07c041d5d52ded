"""The one JSON document that ``--json`` prints (DESIGN §5): schema 1, success or failure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wasmrun_py.model.diagnostic import Diagnostic
    from wasmrun_py.model.errors import WasmrunError

SCHEMA = 1


def success_document(command: str, fields: Mapping[str, Any]) -> str:
    """``{"schema": 1, "command": …, "ok": true, …}``."""
    return _dump({"schema": SCHEMA, "command": command, "ok": True, **fields})


def failure_document(
    command: str, error: WasmrunError, *, exit_code: int, fields: Mapping[str, Any] | None = None
) -> str:
    """``{"schema": 1, "command": …, "ok": false, "error": {…}}``, with what is known beside the error."""
    return _dump(
        {
            "schema": SCHEMA,
            "command": command,
            "ok": False,
            **(fields or {}),
            "error": {**error_member(error), "exit_code": exit_code},
        }
    )


def error_member(error: WasmrunError, *, diagnostics: Sequence[Diagnostic] | None = None) -> dict[str, Any]:
    """The member ``error``: what happened, and what the tools said of it.

    Args:
        error: It.
        diagnostics: The error's own in another form, or None for them as they are.
    """
    listed = error.diagnostics if diagnostics is None else diagnostics
    return {
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        "exit_code": error.exit_code,
        "diagnostics": [_diagnostic(each) for each in listed],
    }


def _diagnostic(diagnostic: Diagnostic) -> dict[str, Any]:
    return {
        "file": diagnostic.file,
        "line": diagnostic.line,
        "column": diagnostic.column,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "source": diagnostic.source,
    }


def _dump(document: Mapping[str, Any]) -> str:
    # ASCII only: undecodable path bytes (lone surrogates) survive as escapes, and no locale can break it.
    return json.dumps(document, indent=2, default=str)
