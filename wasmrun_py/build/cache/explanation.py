"""Why a build was not found: what is another file, option, tool or variable than at the last build.

Pure comparison of two notes; ``last_build`` keeps them. Values of variables are secrets and never get here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from wasmrun_py.build.fingerprint.dependencies import ABSENT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SHOWN_DIGITS = 12
_CONFIG_FILE = "wasmrun.toml"
_MOST_REASONS = 1000


class ExplainStatus(StrEnum):
    """What can be said of a look into the cache."""

    HIT = "hit"
    OFF = "off"
    FIRST_BUILD = "first-build"
    CHANGED = "changed"
    NOT_KEPT = "not-kept"
    EVICTED = "evicted"
    CORRUPT = "corrupt"
    UNCACHEABLE = "uncacheable"


class ReasonKind(StrEnum):
    """What differs."""

    FILE = "file"
    OPTION = "option"
    TOOL = "tool"
    PLUGIN = "plugin"
    VARIABLE = "variable"
    CONFIG = "config"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One difference.

    Attributes:
        kind: What it is.
        name: Of the file (relative to the project where it lies inside), option, tool or variable.
        before: At the last build: a value, the beginning of a digest, ``absent``; for variables only
            ``set``, ``unset`` or ``another value``.
        after: Now.
    """

    kind: ReasonKind
    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a build was a hit, or not.

    Attributes:
        status: In one word.
        reasons: What differs from the last build; only with ``changed``.
        note: A sentence more, or empty.
    """

    status: ExplainStatus
    reasons: tuple[Reason, ...] = ()
    note: str = ""


def compare_notes(before: Mapping[str, object], after: Mapping[str, object]) -> tuple[Reason, ...]:
    """Every difference between two notes of ``last_build``, files first; each name of a kind once."""
    found: dict[tuple[ReasonKind, str], Reason] = {}
    for reason in _compare(before, after):
        if len(found) == _MOST_REASONS:
            break
        found.setdefault((reason.kind, reason.name), reason)
    return tuple(found.values())


def _compare(before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[Reason]:
    for name, old, new in _differences(before, after, "files"):
        kind = ReasonKind.CONFIG if name == _CONFIG_FILE else ReasonKind.FILE
        yield Reason(kind=kind, name=name, before=_short(old), after=_short(new))
    for name, old, new in _differences(before, after, "read"):
        yield Reason(kind=ReasonKind.FILE, name=name, before=_short(old), after=_short(new))
    for name, old, new in _differences(before, after, "options"):
        yield Reason(kind=ReasonKind.OPTION, name=name, before=_value(old), after=_value(new))
    for name, old, new in _differences(before, after, "tools"):
        yield Reason(kind=ReasonKind.TOOL, name=name, before=_tool(old), after=_tool(new))
    for group in ("plugin", "host"):
        for name, old, new in _differences(before, after, group):
            yield Reason(kind=ReasonKind.PLUGIN, name=name, before=_short(old), after=_short(new))
    for name, old, new in _differences(before, after, "variables"):
        was, now = ("set" if old else "unset"), ("set" if new else "unset")
        yield Reason(
            kind=ReasonKind.VARIABLE,
            name=name,
            before=was,
            after="another value" if was == now else now,
        )


def _differences(
    before: Mapping[str, object], after: Mapping[str, object], group: str
) -> Iterator[tuple[str, str | None, str | None]]:
    old, new = _group(before, group), _group(after, group)
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            yield name, old.get(name), new.get(name)


def _group(note: Mapping[str, object], group: str) -> Mapping[str, str]:
    found = note.get(group)
    return found if isinstance(found, dict) else {}


def _short(value: str | None) -> str:
    if value is None:
        return ABSENT
    is_digest = len(value.removesuffix("+x")) == 64  # noqa: PLR2004 - SHA-256 in hex
    return value[:_SHOWN_DIGITS] + (" +x" if value.endswith("+x") else "") if is_digest else value


def _value(value: str | None) -> str:
    if value and value.startswith("["):
        return " ".join(json.loads(value))
    return value or ""


def _tool(value: str | None) -> str:
    path, space, digest = (value or ABSENT).rpartition(" ")
    return f"{path} {_short(digest)}" if space else _short(digest)
