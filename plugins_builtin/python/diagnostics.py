"""Turn what the Python toolchains write into diagnostics. Pure: text in, values out."""

from __future__ import annotations

import re

from wasmrun_py.model.diagnostic import Diagnostic, Severity

_FRAME = re.compile(r'\s*File "(?P<file>[^"]+)", line (?P<line>\d+)(?:, in .*)?')
_ERROR = re.compile(r"(?P<message>(?:\w+\.)*\w*(?:Error|Exception|Warning|Exit)(?:: .*)?)")
_FATAL = re.compile(r"(?:FATAL|Nuitka(?:-\w+)?:ERROR|wasm-ld: error|error): (?P<message>.*)")


def parse_traceback(text: str, tool: str) -> tuple[Diagnostic, ...]:
    """The errors in a tool's text: tracebacks with their innermost place, and lines that say error."""
    found: list[Diagnostic] = []
    place: tuple[str, int] | None = None
    for line in text.splitlines():
        frame = _FRAME.fullmatch(line)
        if frame:
            place = (frame["file"], int(frame["line"]))
            continue
        fatal = _FATAL.match(line)
        error = _ERROR.fullmatch(line.strip()) if place else None
        if fatal is None and error is None:
            continue
        found.append(
            Diagnostic(
                file=place[0] if place and error else None,
                line=place[1] if place and error else None,
                column=None,
                severity=Severity.ERROR,
                message=(error or fatal)["message"].strip(),  # type: ignore[index]
                source=tool,
            )
        )
        place = None
    return tuple(found)
