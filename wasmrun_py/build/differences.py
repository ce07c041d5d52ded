"""Compare what two builds of one project made, byte by byte, and say where and why they differ."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasmrun_py.system.fs import translate_write_errors
from wasmrun_py.wasm.spot import find_spot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_WINDOW_BYTES = 96
_CHUNK_BYTES = 4096
_DATE = re.compile(rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ 0-3]\d \d{4}|\d{4}-\d\d-\d\d")
_TIME = re.compile(rb"\d\d:\d\d:\d\d")
_DATE_CAUSE = "the date or time of the build is in it (__DATE__, __TIME__, a timestamp)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One artifact that two builds made differently.

    Attributes:
        artifact: Its path in the output folder, with ``/``.
        offset: The first byte that differs, from 0; None when only one build made the artifact.
        place: The section and function that byte lies in; empty for what is not WebAssembly.
        cause: What probably made the difference, in words.
    """

    artifact: str
    offset: int | None
    place: str
    cause: str

    @property
    def words(self) -> str:
        """One line for people."""
        where = "" if self.offset is None else f" differs from byte {self.offset} (0x{self.offset:x}) on"
        place = f", in {self.place}" if self.place else ""
        return f"{self.artifact}{where}{place}: {self.cause}"


def compare_outputs(
    one: Mapping[str, Path], other: Mapping[str, Path], *, places: Sequence[str]
) -> tuple[Difference, ...]:
    """Every artifact that is not the same in both, by name.

    Args:
        one: The artifacts of one build: path in the output folder -> file.
        other: Those of the other.
        places: Folders that only this build or that one knows; finding one in an artifact is a cause.

    Raises:
        OutputError: A file cannot be read.
    """
    found = []
    for name in sorted(one.keys() | other.keys()):
        if name not in one or name not in other:
            cause = "only one of the two builds made it"
            found.append(Difference(artifact=name, offset=None, place="", cause=cause))
            continue
        with translate_write_errors(f"read {name}"):
            first, second = one[name].read_bytes(), other[name].read_bytes()
        if first != second:
            found.append(_describe(name, first, second, places))
    return tuple(found)


def _describe(name: str, first: bytes, second: bytes, places: Sequence[str]) -> Difference:
    offset = find_first_difference(first, second)
    shorter = first if len(first) <= len(second) else second
    spot = find_spot(first if offset < len(first) else second, offset)
    return Difference(
        artifact=name,
        offset=offset,
        place=spot.words,
        cause=_guess((first, second), offset, places, is_end=offset == len(shorter)),
    )


def find_first_difference(first: bytes, second: bytes) -> int:
    """The index of the first byte that differs; the length of the shorter where it is the other's start."""
    shared = min(len(first), len(second))
    for start in range(0, shared, _CHUNK_BYTES):
        end = min(start + _CHUNK_BYTES, shared)
        if first[start:end] != second[start:end]:
            return next(index for index in range(start, end) if first[index] != second[index])
    return shared


def _guess(both: tuple[bytes, bytes], offset: int, places: Sequence[str], *, is_end: bool) -> str:
    """What the bytes around the difference look like."""
    around = [data[max(0, offset - _WINDOW_BYTES) : offset + _WINDOW_BYTES] for data in both]
    named = next((place for place in places for data in both if os.fsencode(place) in data), None)
    dated = [(_DATE.findall(part), _TIME.findall(part)) for part in around]
    if dated[0] != dated[1] and any(dates or times for dates, times in dated):
        return _DATE_CAUSE
    if named is not None:
        return f"an absolute path is in it ({named}): __FILE__, debug information, a generated file"
    sizes = {len(data) for data in both}
    if len(sizes) > 1:
        ended = "one ends there" if is_end else f"sizes {min(sizes)} and {max(sizes)} bytes"
        return f"unknown; {ended} (a path, a random name, the order of files or of a hash table)"
    return "unknown (a random number, the order of files or of a hash table, a time as a number)"
