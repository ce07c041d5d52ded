"""Read what wasmtime says of a trap: the reason in words, and the frames, innermost first.

wasmtime renders both into one text (``wasmtime::WasmBacktrace``), with source places where the module has
DWARF. Pure text work, apart from asking a trap for its functions' raw names.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_FRAME = re.compile(r"\s+\d+:\s+(?:(0x[0-9a-f]+) - )?(.+)")
_PLACE = re.compile(r"\s+at (.+)")
_CAUSE_NUMBER = re.compile(r"^\s*(?:\d+: )?")
_TRAP_PREFIX = "wasm trap: "
_BACKTRACE_TITLE = "error while executing at wasm backtrace:"
_MANGLED = ("_Z", "_R")


class TrapText(NamedTuple):
    """A trap in words.

    Attributes:
        reason: ``integer divide by zero``, with details in brackets.
        backtrace: ``0x224 divide (d.c:3:34)`` lines, innermost first.
    """

    reason: str
    backtrace: list[str]


def is_trap_text(text: str) -> bool:
    """Whether wasmtime speaks of code that ran, not of code it would not load."""
    return text.startswith(_BACKTRACE_TITLE) or _TRAP_PREFIX in text


def parse_trap(text: str, raw_names: Sequence[str | None] = ()) -> TrapText:
    """Take wasmtime's rendering of a trap apart.

    Args:
        text: The message of a ``Trap`` or ``WasmtimeError``.
        raw_names: The functions' names as the module has them, by frame; they win over the rendered ones,
            which take a short plain name for a mangled one (``f`` becomes ``float``).
    """
    head, _, causes = text.partition("Caused by:")
    if not causes:
        head, causes = "", text
    return TrapText(_parse_reason(causes), _parse_frames(head, raw_names))


def _parse_reason(causes: str) -> str:
    """The trap itself, and in brackets what else wasmtime knows about it."""
    lines = [_CAUSE_NUMBER.sub("", line).strip() for line in causes.splitlines() if line.strip()]
    traps = [line for line in lines if line.startswith(_TRAP_PREFIX)]
    details = [line for line in lines if not line.startswith(_TRAP_PREFIX)]
    if not traps:
        return ": ".join(lines) or "unknown trap"
    reason = traps[-1].removeprefix(_TRAP_PREFIX)
    return f"{reason} ({'; '.join(details)})" if details else reason


def _parse_frames(head: str, raw_names: Sequence[str | None]) -> list[str]:
    frames: list[str] = []
    for line in head.splitlines():
        place = _PLACE.fullmatch(line)
        if place and frames:
            frames[-1] += f" ({place[1]})"
            continue
        frame = _FRAME.fullmatch(line)
        if frame:
            raw_name = raw_names[len(frames)] if len(frames) < len(raw_names) else None
            name = frame[2].removeprefix("<unknown>!")
            if raw_name and not raw_name.startswith(_MANGLED):
                module = frame[2].partition("!")[0] if "!" in frame[2] else "<unknown>"
                name = raw_name if module == "<unknown>" else f"{module}!{raw_name}"
            frames.append(f"{frame[1]} {name}" if frame[1] else name)
    return frames
