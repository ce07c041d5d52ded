"""``--report FORMAT=FILE``: which report, and where it goes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

STDOUT = "-"


class ReportFormat(StrEnum):
    """The words that ``--report`` takes."""

    SARIF = "sarif"
    JUNIT = "junit"
    NDJSON = "ndjson"
    GITHUB = "github"
    GITLAB = "gitlab"
    MARKDOWN = "markdown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRequest:
    """One report that was asked for.

    Attributes:
        format: Which.
        file: Where it goes, absolute; None for stdout.
    """

    format: ReportFormat
    file: Path | None


def parse_requests(words: Sequence[str], *, cwd: Path, stdout_is_taken: bool) -> tuple[ReportRequest, ...]:
    """Every ``FORMAT=FILE`` of a command line.

    Args:
        words: What followed each ``--report``.
        cwd: What relative files are relative to.
        stdout_is_taken: Something else is printed on stdout, so that ``-`` cannot be.

    Raises:
        UsageError: An unknown format, no file, or two reports for one place.
    """
    requests: list[ReportRequest] = []
    for word in words:
        request = _parse(word, cwd)
        if request.file is None and stdout_is_taken:
            raise UsageError(
                f"--report {word} and --json would both print on stdout",
                hint=f"Give the report a file: --report {request.format}=FILE",
            )
        if any(each.file == request.file for each in requests):
            raise UsageError(
                f"Two reports would be written to {request.file or 'stdout'}", hint="Give each its own file."
            )
        requests.append(request)
    return tuple(requests)


def _parse(word: str, cwd: Path) -> ReportRequest:
    name, equals, file = word.partition("=")
    known = [each.value for each in ReportFormat]
    if name not in known:
        raise UsageError(f'There is no report format "{name}"', hint=_suggest(name, known))
    if not equals or not file or "\0" in file:
        raise UsageError(f"--report {name} needs a file", hint=f"Write: --report {name}=FILE (- is stdout)")
    path = None if file == STDOUT else Path(os.path.normpath(cwd / file))
    return ReportRequest(format=ReportFormat(name), file=path)


def _suggest(word: str, known: list[str]) -> str:
    import difflib  # noqa: PLC0415 - only a mistake needs it

    near = difflib.get_close_matches(word, known, n=1)
    return f'Did you mean "{near[0]}"?' if near else f"Formats: {', '.join(known)}."
