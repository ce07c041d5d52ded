"""What ``wasmrun run`` says: lines that fit, and nothing that a terminal would obey."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from wasmrun_py.cli.render.console import Console
from wasmrun_py.cli.render.reporters import ConsoleReporter
from wasmrun_py.cli.render.run_log import RunLog
from wasmrun_py.server.dev_state import BuildRecord, Program, ProgramKind, Status
from wasmrun_py.server.session.outcome import Cancelled, Failed, Made

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasmrun_py.server.session.outcome import Outcome

MADE = Made(files={}, program=Program(kind=ProgramKind.WASI), duration_s=0.12)
RECORD = BuildRecord(
    number=2,
    status=Status.OK,
    started_at="2026-01-01",
    duration_s=0.12,
    module_bytes=2048,
    trigger=("main.c",),
)


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Tell builds to a log; what it wrote."""

    def tell(*builds: tuple[BuildRecord, Outcome, bool], columns: int = 80) -> list[str]:
        monkeypatch.setenv("COLUMNS", str(columns))
        stderr = io.StringIO()
        console = Console(io.StringIO(), stderr, {})
        log = RunLog(console, ConsoleReporter(console, verbose=False), verbose=False)
        log.build_finished(replace(RECORD, number=1), MADE, served=True)
        for record, outcome, served in builds:
            log.build_finished(record, outcome, served=served)
        # The time of day is first in every line of a build.
        return [line[10:] if line[2:3] == ":" else line for line in stderr.getvalue().splitlines()]

    return tell


def test_a_rebuild_is_one_line(lines: Callable[..., list[str]]) -> None:
    """How long it took, what had changed, how large the module is now, and the how-manieth reload it is."""
    larger, smaller = replace(RECORD, module_bytes=3072), replace(RECORD, module_bytes=2560)
    assert lines((larger, MADE, True), (smaller, MADE, True), (smaller, MADE, False)) == [
        "built in 0.12 s  main.c  3.0 KiB (+1.0 KiB)  reload 1",
        "built in 0.12 s  main.c  2.5 KiB (-512 B)  reload 2",
        "built in 0.12 s  main.c  no output changed",
    ]


def test_a_failure_is_told_as_compile_tells_it(lines: Callable[..., list[str]]) -> None:
    """Text, error and hint; the next good build is "again"; a cancelled one says nothing."""
    failed = Failed(code="build-failed", message="It failed", hint="Mend it.", output="main.c:1: no\n")
    record = replace(RECORD, status=Status.FAILED)
    ended = replace(RECORD, status=Status.CANCELLED)
    assert lines((record, failed, False), (ended, Cancelled(), False), (RECORD, MADE, False)) == [
        "failed in 0.12 s  main.c",
        "main.c:1: no",
        "error: It failed",
        "hint: Mend it.",
        "built again in 0.12 s  main.c  no output changed",
    ]


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("length", [5, 30, 60, 200])
@pytest.mark.parametrize("count", [1, 2, 3, 40])
def test_a_line_fits(lines: Callable[..., list[str]], columns: int, length: int, count: int) -> None:
    """However many files changed, and however long their names are."""
    trigger = tuple(f"{'x' * length}{number}.c" for number in range(count))
    (line,) = lines((replace(RECORD, trigger=trigger), MADE, True), columns=columns)
    assert len(line) + 10 <= columns
    assert "reload 1" in line


def test_names_cannot_speak_to_the_terminal(lines: Callable[..., list[str]]) -> None:
    """A file's name is shown with its control characters made visible."""
    (line,) = lines((replace(RECORD, trigger=("a\x1b[31m.c",)), MADE, True))
    assert "\x1b" not in line
    assert "a\\x1b[31m.c" in line
