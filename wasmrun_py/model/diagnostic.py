"""What a compiler or validator says about one place in one file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is, in the words every compiler uses."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One message about one place.

    Attributes:
        file: The file as the tool named it, made relative to the project where it lies inside it;
            None when the tool named none (a linker error).
        line: 1-based, or None.
        column: 1-based, or None.
        severity: error, warning or note.
        message: The tool's own words, without the place.
        source: The tool that said it (``clang``, ``wasm-ld``, ``emcc``…).
        byte_offset: The byte that is meant, from 0, in a file without lines; None elsewhere.
    """

    file: str | None
    line: int | None
    column: int | None
    severity: Severity
    message: str
    source: str
    byte_offset: int | None = None
