"""The text of a tool that nobody named: a plugin's program passes on whatever its compiler wrote.

Every family is tried at every line. What is found counts only where it names a file of the project, so that
``12:30:05: ready`` is no diagnostic.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from wasmrun_py.diagnostics import asc, rustc
from wasmrun_py.diagnostics.lines import keep, split_lines
from wasmrun_py.diagnostics.tracebacks import Frame, parse_error, parse_frame
from wasmrun_py.model.diagnostic import Diagnostic, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_PLACE = re.compile(
    r"^\s*(?:(?P<before>fatal error|error|warning|note)\b[^:\n]*:\s*)?(?:vet: )?"
    r"(?P<file>(?:[A-Za-z]:)?[^\s:()\n][^:()\n]*?):(?P<line>\d{1,7})(?::(?P<column>\d{1,7}))?:?\s+"
    r"(?:- )?(?:(?P<severity>fatal error|error|warning|note)\b[^:\n]*:\s*)?(?P<message>\S.*)$",
    re.IGNORECASE,
)
# tsc's: ``a.ts(3,5): error TS2322: …``; and compilers of Microsoft's.
_PARENTHESES = re.compile(
    r"(?P<file>(?:[A-Za-z]:)?[^:()\n]+)\((?P<line>\d{1,7}),(?P<column>\d{1,7})\): "
    r"(?P<severity>fatal error|error|warning|note)(?: (?P<code>[A-Z]{1,6}\d{1,6}))?: (?P<message>\S.*)"
)
# Where a language has one compiler, it is who speaks.
_SOURCES = {".go": "go", ".ts": "tsc", ".tsx": "tsc", ".rs": "rustc", ".py": "python"}


def parse_any(text: str, *, source: str, find_file: Callable[[str], str | None]) -> tuple[Diagnostic, ...]:
    """Every diagnostic about a file of the project, in the text's order, at most 500.

    Args:
        text: What the program wrote.
        source: The plugin, for lines that do not tell which compiler speaks.
        find_file: A name in the text -> the project's file, relative to it; None when it is none.
    """
    return keep(_parse(split_lines(text), source, find_file))


def _parse(lines: Sequence[str], source: str, find_file: Callable[[str], str | None]) -> Iterator[Diagnostic]:
    frame: Frame | None = None
    for number, line in enumerate(lines):
        if found := parse_frame(line):
            inside = find_file(found.file)
            frame = replace(found, file=inside) if inside is not None else frame
            continue
        said = rustc.parse_at(lines, number) or asc.parse_at(lines, number) or _parse_line(line, source)
        if said is None and frame is not None and (error := parse_error(line)):
            yield frame.to_diagnostic(error, "python")
            frame = None
        if said is None or said.file is None:
            continue
        file = find_file(said.file)
        if file is not None:
            yield replace(said, file=file)


def _parse_line(line: str, source: str) -> Diagnostic | None:
    match = _PARENTHESES.fullmatch(line.strip()) or _PLACE.match(line)
    if match is None:
        return None
    groups = match.groupdict()
    word = (groups["severity"] or groups.get("before") or "error").lower()
    code, column = groups.get("code"), groups["column"]
    message = groups["message"].strip()
    file = groups["file"].strip()
    return Diagnostic(
        file=file,
        line=int(groups["line"]),
        column=int(column) if column else None,
        severity=Severity.ERROR if word.startswith("fatal") else Severity(word),
        message=f"{code}: {message}" if code else message,
        source=_SOURCES.get(PurePosixPath(file).suffix, source),
    )
