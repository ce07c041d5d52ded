"""A tool's text as lines that can be read: no colours, no hyperlinks, none too long; and what all share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wasmrun_py.model.diagnostic import Diagnostic

MOST = 500
"""How many diagnostics are kept of one tool's text: nobody reads more, and a flood has no end."""

_CAP = 4_000
_ESCAPE = re.compile(
    r"\x1b(?:\[[0-?]{0,64}[ -/]{0,8}[@-~]|\][^\x07\x1b]{0,4000}(?:\x07|\x1b\\)|[()][A-Z0-9])"
)


def split_lines(text: str) -> list[str]:
    """The lines of ``text`` without terminal escapes, each at most 4000 characters.

    Only line ends divide: a form feed or a line separator inside a message does not.
    """
    clean = _ESCAPE.sub("", text) if "\x1b" in text else text
    return [
        line.rpartition("\r")[2][:_CAP] if "\r" in line else line[:_CAP]
        for line in clean.replace("\r\n", "\n").split("\n")
    ]


def keep(found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The first 500 of them; one that repeats the one before it, as macros make them, is left out."""
    kept: list[Diagnostic] = []
    for each in found:
        if kept and each == kept[-1]:
            continue
        kept.append(each)
        if len(kept) == MOST:
            break
    return tuple(kept)
