"""Turn what asc writes into diagnostics; its own text stays beside them.

Pure: text in, values out. The format is ``formatDiagnosticMessage`` of the compiler: a head line
``ERROR TS1005: ';' expected.``, the source line with a marker, and ``└─ in FILE(LINE,COLUMN)``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wasmrun_py.model.diagnostic import Diagnostic, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = "asc"

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_HEAD = re.compile(r"(?P<kind>ERROR|WARNING|INFO|PEDANTIC) (?P<code>(?:TS|AS)\d+): (?P<message>.*)")
_BARE = re.compile(r"(?P<kind>ERROR|WARNING):? (?P<message>(?!(?:TS|AS)\d+:).+)")
_FAILURE = re.compile(r"FAILURE (?P<message>.*)")
_COUNT = re.compile(r"\d+ (?:parse|compile|afterCompile) error\(s\)")
_THROWN = re.compile(r"(?:\w*Error): (?P<message>.+)")
_PLACE = re.compile(r"\s*└─ in (?P<file>.+)\((?P<line>\d+),(?P<column>\d+)\)")
_MARGIN = re.compile(r"\s*(?:\d+ )?[:│]")
_SEVERITIES = {"ERROR": Severity.ERROR, "WARNING": Severity.WARNING}
_MOST = 500


def parse_diagnostics(text: str) -> tuple[Diagnostic, ...]:
    """Every diagnostic in asc's text, in its order, at most 500.

    ``FAILURE 2 parse error(s)`` only counts them and is left out; any other failure is a diagnostic.
    """
    found: list[Diagnostic] = []
    for diagnostic in _parse(_COLOUR.sub("", text).splitlines()):
        found.append(diagnostic)
        if len(found) == _MOST:
            break
    return tuple(found)


def _parse(lines: list[str]) -> Iterator[Diagnostic]:
    for number, line in enumerate(lines):
        if match := _HEAD.fullmatch(line):
            file, line_number, column = _find_place(lines[number + 1 :])
            yield Diagnostic(
                file=file,
                line=line_number,
                column=column,
                severity=_SEVERITIES.get(match["kind"], Severity.NOTE),
                message=f"{match['code']}: {match['message']}",
                source=SOURCE,
            )
        elif match := _BARE.fullmatch(line):
            yield _placeless(match["message"], _SEVERITIES[match["kind"]])
        elif said := _find_bare_failure(line):
            yield _placeless(said, Severity.ERROR)


def _find_bare_failure(line: str) -> str | None:
    """The message of a failure without a place: asc's own, or an exception that ended it."""
    match = _FAILURE.fullmatch(line) or _THROWN.fullmatch(line)
    return match["message"] if match and not _COUNT.fullmatch(match["message"]) else None


def _find_place(lines: list[str]) -> tuple[str | None, int | None, int | None]:
    """The first place below a head line; where a second one is related, the first is meant."""
    for line in lines:
        if match := _PLACE.fullmatch(line):
            return match["file"], int(match["line"]), int(match["column"])
        if not _MARGIN.match(line):
            break
    return None, None, None


def _placeless(message: str, severity: Severity) -> Diagnostic:
    return Diagnostic(file=None, line=None, column=None, severity=severity, message=message, source=SOURCE)
