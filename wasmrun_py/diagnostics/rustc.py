"""rustc's and cargo's text: ``error[E0425]: …`` with the place in the line ``--> FILE:LINE:COLUMN`` below."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wasmrun_py.model.diagnostic import Diagnostic, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCE = "rustc"

_HEAD = re.compile(
    r"(?P<kind>error|warning|note|help)(?:\[(?P<code>[\w:]{1,60})\])?: (?P<message>\S.*)", re.ASCII
)
_PLACE = re.compile(r"\s*--> (?P<file>.+?):(?P<line>\d{1,9}):(?P<column>\d{1,9})")
_PANIC = re.compile(
    r"thread '.{0,200}' (?:\(\d+\) )?panicked at "
    r"(?P<file>[^':][^:]*?):(?P<line>\d{1,9}):(?P<column>\d{1,9}):?"
)
_MARGIN = re.compile(r"\s*(?:\d+ )?[|=]|\s*-->|\s*:::|\s*$|\.\.\.")
_SEVERITIES = {"error": Severity.ERROR, "warning": Severity.WARNING}
# A head's place stands in the next line; a long message is several lines.
_PLACE_WITHIN = 12


def parse_at(lines: Sequence[str], number: int) -> Diagnostic | None:
    """The diagnostic whose head is line ``number``; None when that is none, or has no place."""
    line = lines[number]
    if panic := _PANIC.fullmatch(line):
        message = next((each.strip() for each in lines[number + 1 : number + 2]), "")
        return _make(panic, Severity.ERROR, f"panicked: {message}".rstrip(": "))
    head = _HEAD.fullmatch(line)
    if head is None:
        return None
    words = [head["message"]]
    for below in lines[number + 1 : number + 1 + _PLACE_WITHIN]:
        if place := _PLACE.fullmatch(below):
            message = " ".join(words)
            told = f"{head['code']}: {message}" if head["code"] else message
            return _make(place, _SEVERITIES.get(head["kind"], Severity.NOTE), told)
        if _HEAD.fullmatch(below) or _MARGIN.match(below):
            break
        words.append(below.strip())
    return None


def _make(place: re.Match[str], severity: Severity, message: str) -> Diagnostic:
    return Diagnostic(
        file=place["file"],
        line=int(place["line"]),
        column=int(place["column"]),
        severity=severity,
        message=message,
        source=SOURCE,
    )
