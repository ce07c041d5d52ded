"""Python's tracebacks, its syntax errors, and the lines in which its compilers say that they give up."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasmrun_py.diagnostics.lines import keep, split_lines
from wasmrun_py.model.diagnostic import Diagnostic, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FRAME = re.compile(r'\s*File "(?P<file>[^"]+)", line (?P<line>\d{1,9})(?:, in .*)?')
_ERROR = re.compile(
    r"(?P<message>(?:[A-Za-z_]\w{0,80}\.){0,20}\w{0,80}(?:Error|Exception|Warning|Exit|Interrupt)(?:: .*)?)"
)
_FATAL = re.compile(r"(?:FATAL|Nuitka(?:-\w+)?:ERROR|wasm-ld: error|error): (?P<message>.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One place of a traceback.

    Attributes:
        file: As the traceback names it.
        line: 1-based.
    """

    file: str
    line: int

    def to_diagnostic(self, message: str, source: str) -> Diagnostic:
        """The error that was raised here."""
        return Diagnostic(
            file=self.file,
            line=self.line,
            column=None,
            severity=Severity.ERROR,
            message=message,
            source=source,
        )


def parse_frame(line: str) -> Frame | None:
    """``File "x.py", line 3, in f``."""
    match = _FRAME.fullmatch(line)
    return Frame(file=match["file"], line=int(match["line"])) if match else None


def parse_error(line: str) -> str | None:
    """The exception in a traceback's last line: ``ValueError: no``."""
    match = _ERROR.fullmatch(line.strip().removeprefix("| ").strip())
    return match["message"] if match else None


def parse_traceback(
    text: str, tool: str, find_file: Callable[[str], str | None] = str
) -> tuple[Diagnostic, ...]:
    """The errors in a tool's text: tracebacks with their innermost place, and lines that say error.

    Args:
        text: What the tool wrote.
        tool: Its name.
        find_file: A traceback's file -> the user's name of it; None where it is none of the user's: the
            innermost that is one is the place.
    """
    return keep(_parse(text, tool, find_file))


def _parse(text: str, tool: str, find_file: Callable[[str], str | None]) -> Iterator[Diagnostic]:
    place: Frame | None = None
    in_traceback = False
    for line in split_lines(text):
        frame = parse_frame(line)
        if frame is not None:
            inside = find_file(frame.file)
            place = Frame(file=inside, line=frame.line) if inside is not None else place
            in_traceback = True
            continue
        error = parse_error(line) if in_traceback else None
        if error is not None:
            yield place.to_diagnostic(error, tool) if place else _placeless(error, tool)
        elif fatal := _FATAL.match(line):
            yield _placeless(fatal["message"].strip(), tool)
        else:
            continue
        place, in_traceback = None, False


def _placeless(message: str, tool: str) -> Diagnostic:
    return Diagnostic(
        file=None, line=None, column=None, severity=Severity.ERROR, message=message, source=tool
    )
