"""The line of source that a diagnostic is about: of the project's own files, short, without tricks.

The name comes from a tool's output, so it is anybody's: nothing outside the project is read.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from wasmrun_py.model.diagnostic import Diagnostic

_MOST_LINES = 200
_MOST_FILES = 50
_READ_BYTES = 1024 * 1024
_LINE_CAP = 400


def load_source_lines(project: Path, diagnostics: Iterable[Diagnostic]) -> tuple[str | None, ...]:
    """The line of each diagnostic, or None where it cannot be shown; fewer than there are when they are many.

    Args:
        project: The folder in which names are relative, absolute.
        diagnostics: What a toolchain said.
    """
    files: dict[str, list[bytes]] = {}
    found: list[str | None] = []
    for each, _ in zip(diagnostics, range(_MOST_LINES), strict=False):
        if each.file is None or each.line is None:
            found.append(None)
            continue
        if each.file not in files:
            files[each.file] = _load_lines(project, each.file) if len(files) < _MOST_FILES else []
        lines = files[each.file]
        found.append(clean_line(lines[each.line - 1]) if 1 <= each.line <= len(lines) else None)
    return tuple(found)


def clean_line(line: bytes) -> str:
    """A line as a page may show it: at most 400 characters, no control or formatting ones, tabs as spaces."""
    # The longest character has four bytes; what is removed is made up for once over.
    text = line[: 8 * _LINE_CAP].decode("utf-8", "replace").replace("\t", "    ")
    return "".join(each for each in text if not unicodedata.category(each).startswith("C"))[:_LINE_CAP]


def _load_lines(project: Path, name: str) -> list[bytes]:
    """The lines at the beginning of a file of the project; none of any other."""
    try:
        path = (project / name).resolve()
        if not path.is_relative_to(project.resolve()) or not path.is_file():
            return []
        with path.open("rb") as stream:
            data = stream.read(_READ_BYTES)
    except (OSError, ValueError, RuntimeError):
        # Not a name, a circle of links, or not for us.
        return []
    lines = data.split(b"\n")
    # The last one may go on.
    return lines if len(data) < _READ_BYTES else lines[:-1]
