"""How a run fails, on the child's side; each has the ``code`` of the ``ExecError`` it becomes in the parent.

A second, small tree because the child starts on every ``exec``: ``model.errors`` brings ``dataclasses``, and
that alone would cost it a tenth of its time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Failure(Exception):  # noqa: N818 - "Error" is the name of what the parent raises
    """wasmrun itself could not go on.

    Attributes:
        message: What happened, one sentence.
        hint: What to do next, or "".
        backtrace: wasm frames, innermost first, where there are any.
    """

    code = "exec-failed"

    def __init__(self, message: str, *, hint: str = "", backtrace: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.backtrace = tuple(backtrace)


class CallFailure(Failure):
    """The arguments of ``--call`` do not fit the export."""

    code = "invalid-call"


class NotRunnableFailure(Failure):
    """The file cannot be run."""

    code = "not-runnable"


class NotFoundFailure(Failure):
    """The export to call does not exist."""

    code = "not-found"


class LimitFailure(Failure):
    """Time, memory or fuel ran out."""

    code = "guest-limit"


class TrapFailure(Failure):
    """The guest trapped."""

    code = "trap"
