"""Types in words, as ``core_types`` writes them, taken apart again for programs that call what they name.

Pure. Only what this package wrote itself is read here, never anything from a file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_ARROW = ") -> "
_LIMITS = re.compile(r"min (\d+)(?: pages?)?(?:,? max (\d+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A function's type: value types in words, ``i32`` or ``(ref null 3)``."""

    params: tuple[str, ...]
    results: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The size of a table (elements) or memory (pages); ``max`` is None where there is no bound."""

    min: int
    max: int | None


def find_signature(words: str) -> Signature | None:
    """``(i32, i64) -> f32`` as two lists; None for a type that is no function's."""
    if not words.startswith("("):
        return None
    params, arrow, results = words.partition(_ARROW)
    if not arrow:
        return None
    listed = results[1:-1] if results == "()" or _is_list(results) else results
    return Signature(params=_split(params[1:]), results=_split(listed))


def find_limits(words: str) -> Limits | None:
    """The limits in ``funcref min 1 max 10`` or ``min 2 pages, max 10 pages``."""
    found = _LIMITS.search(words)
    if found is None:
        return None
    return Limits(min=int(found[1]), max=None if found[2] is None else int(found[2]))


def _is_list(results: str) -> bool:
    """Whether the parentheses are those around several results, not those of one reference type."""
    return results.startswith("(") and not results.startswith(("(ref ", "(shared ", "(exact "))


def _split(listed: str) -> tuple[str, ...]:
    """Comma-separated types; a type has no comma, so that nothing nests here."""
    return tuple(part for part in listed.split(", ") if part)
