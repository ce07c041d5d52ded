"""What parent and child tell each other: two JSON files in a private folder.

The child imports this at start, so nothing heavy may enter. The guest owns stdin, stdout and stderr; a file
works the same on every system. A report counts only when it carries the nonce of its request: a guest that
was granted the folder above could otherwise write one.
"""

from __future__ import annotations

from typing import TypedDict

REQUEST_NAME = "request.json"
REPORT_NAME = "report.json"


class WireRequest(TypedDict):
    """The parent's request.

    Attributes:
        nonce: Comes back in the report.
        module: Absolute path of the file to run.
        is_component: What the file's header says it is.
        args: The guest's arguments, or the function's.
        call: The export to call, or None.
        env: Name and value pairs.
        dirs: Host path, guest name, read only.
        timeout_s: Wall-clock seconds, or None.
        max_memory_bytes: All linear memories together, or None.
        fuel: Fuel units, or None.
        cache_dir: Absolute path, or None.
        tame_terminal: Whether to filter what goes to a terminal.
    """

    nonce: str
    module: str
    is_component: bool
    args: list[str]
    call: str | None
    env: list[tuple[str, str]]
    dirs: list[tuple[str, str, bool]]
    timeout_s: float | None
    max_memory_bytes: int | None
    fuel: int | None
    cache_dir: str | None
    tame_terminal: bool


class WireReport(TypedDict):
    """The child's report.

    Attributes:
        nonce: The request's.
        exit_code: The guest's own, when it ended by itself.
        results: What ``call`` returned.
        error: The ``code`` of the ``ExecError`` to raise, or "" when the guest ended by itself.
        message: Of the error.
        hint: Of the error.
        backtrace: Of a trap, innermost frame first.
    """

    nonce: str
    exit_code: int
    results: list[str]
    error: str
    message: str
    hint: str
    backtrace: list[str]
