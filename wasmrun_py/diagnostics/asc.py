"""Turn what asc writes into diagnostics; its own text stays beside them.

Pure: text in, values out. The format is ``formatDiagnosticMessage`` of the compiler: a head line
``ERROR TS1005: ';' expected.``, the source line with a marker, and ``└─ in FILE(LINE,COLUMN)``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wasmrun_py.diagnostics.lines import keep, split_lines
from wasmrun_py.model.diagnostic import Diagnostic, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SOURCE = "asc"

# Versions differ in where they put the place: below, or in the head itself.
_HEAD = re.compile(
    r"(?P<kind>ERROR|WARNING|INFO|PEDANTIC) (?P<code>(?:TS|AS)\d{1,6})"
    r"(?: in (?P<file>[^()]+)\((?P<line>\d{1,9}),(?P<column>\d{1,9})\))?(?::? ?(?P<message>.*))"
)
_BARE = re.compile(r"(?P<kind>ERROR|WARNING):? (?P<message>(?!(?:TS|AS)\d+:).+)")
_FAILURE = re.compile(r"FAILURE (?P<message>.*)")
_COUNT = re.compile(r"\d+ (?:parse|compile|afterCompile) error\(s\)")
_THROWN = re.compile(r"(?:\w*Error): (?P<message>.+)")
_PLACE = re.compile(r"\s*(?:└─ )?in (?P<file>.+)\((?P<line>\d{1,9}),(?P<column>\d{1,9})\)")
_SEVERITIES = {"ERROR": Severity.ERROR, "WARNING": Severity.WARNING}
# Between a head and its place stand the source line, its marker, and the lines of a long message.
_PLACE_WITHIN = 12


def parse_diagnostics(text: str) -> tuple[Diagnostic, ...]:
    """Every diagnostic in asc's text, in its order, at most 500.

    ``FAILURE 2 parse error(s)`` only counts them and is left out; any other failure is a diagnostic.
    """
    return keep(_parse(split_lines(text)))


def parse_at(lines: Sequence[str], number: int) -> Diagnostic | None:
    """The diagnostic whose head is line ``number``, or None."""
    match = _HEAD.fullmatch(lines[number])
    if match is None:
        return None
    file, line, column = (
        (match["file"], int(match["line"]), int(match["column"]))
        if match["file"]
        else _find_place(lines[number + 1 : number + 1 + _PLACE_WITHIN])
    )
    message = match["message"].strip() if match["message"] else ""
    return Diagnostic(
        file=file,
        line=line,
        column=column,
        severity=_SEVERITIES.get(match["kind"], Severity.NOTE),
        message=f"{match['code']}: {message}" if message else match["code"],
        source=SOURCE,
    )


def _parse(lines: list[str]) -> Iterator[Diagnostic]:
    for number, line in enumerate(lines):
        if found := parse_at(lines, number):
            yield found
        elif match := _BARE.fullmatch(line):
            yield _placeless(match["message"], _SEVERITIES[match["kind"]])
        elif said := _find_bare_failure(line):
            yield _placeless(said, Severity.ERROR)


def _find_bare_failure(line: str) -> str | None:
    """The message of a failure without a place: asc's own, or an exception that ended it."""
    match = _FAILURE.fullmatch(line) or _THROWN.fullmatch(line)
    return match["message"] if match and not _COUNT.fullmatch(match["message"]) else None


def _find_place(lines: Sequence[str]) -> tuple[str | None, int | None, int | None]:
    """The first place below a head line; where a second one is related, the first is meant."""
    for line in lines:
        if match := _PLACE.fullmatch(line):
            return match["file"], int(match["line"]), int(match["column"])
        if _HEAD.fullmatch(line):
            break
    return None, None, None


def _placeless(message: str, severity: Severity) -> Diagnostic:
    return Diagnostic(file=None, line=None, column=None, severity=severity, message=message, source=SOURCE)
