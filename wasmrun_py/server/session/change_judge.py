"""Decide what a changed file means: build now, build later, or nothing, because a tool wrote it.

Nobody can see who wrote a file. What can be seen is when: a tool writes while a build runs, and every time;
a person also writes while none runs. So a file that changes in two builds in a row and never outside of one
counts as generated, until it does change outside. Pure: no clock, no disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

_SUSPICIOUS = 2
_CERTAIN = 4


class Verdict(StrEnum):
    """What a change asks for."""

    NOW = "now"
    LATER = "later"  # perhaps a tool's: let the build end, and wait until nothing changes any more
    IGNORE = "ignore"


@dataclass(slots=True)
class _Suspect:
    builds_in_a_row: int
    last_build: int


class ChangeJudge:
    """Remembers which files changed in which builds."""

    def __init__(self) -> None:
        self._suspects: dict[Hashable, _Suspect] = {}
        self._persons: set[Hashable] = set()
        self._generated: set[Hashable] = set()
        self._self_caused = 0
        self._outside_since = True

    @property
    def generated(self) -> frozenset[Hashable]:
        """The files that count as generated now."""
        return frozenset(self._generated)

    def begin_build(self) -> None:
        """A build begins, because of every change since the one before."""
        self._self_caused = 0 if self._outside_since else self._self_caused + 1
        self._outside_since = False

    def judge(self, file: Hashable, *, build: int | None) -> Verdict:
        """What a change of ``file`` asks for.

        Args:
            file: Its bytes changed.
            build: The number of the build that ran then, or None.
        """
        if build is None:
            self._persons.add(file)
            self._suspects.pop(file, None)
            self._generated.discard(file)
            self._outside_since = True
            return Verdict.NOW
        if file in self._generated:
            return Verdict.IGNORE
        in_a_row = self._count(file, build)
        if self._is_generated(file, in_a_row):
            self._generated.add(file)
            return Verdict.IGNORE
        suspicious = in_a_row >= _SUSPICIOUS or self._self_caused >= _SUSPICIOUS
        return Verdict.LATER if suspicious else Verdict.NOW

    def _count(self, file: Hashable, build: int) -> int:
        """In how many builds in a row it has changed, this one included."""
        suspect = self._suspects.setdefault(file, _Suspect(0, build - 1))
        if suspect.last_build != build:
            follows = suspect.last_build == build - 1
            suspect.builds_in_a_row = suspect.builds_in_a_row + 1 if follows else 1
            suspect.last_build = build
        elif not suspect.builds_in_a_row:
            suspect.builds_in_a_row = 1
        return suspect.builds_in_a_row

    def _is_generated(self, file: Hashable, in_a_row: int) -> bool:
        if in_a_row >= _SUSPICIOUS and file not in self._persons:
            return True
        return in_a_row >= _CERTAIN or self._self_caused >= _CERTAIN
