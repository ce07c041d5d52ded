"""``--explain`` in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmrun_py.build.cache.explanation import ExplainStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wasmrun_py.build.cache.explanation import Explanation

_WORDS = {
    ExplainStatus.HIT: "hit: nothing that matters is another one than when it was built",
    ExplainStatus.OFF: "off: neither read nor written",
    ExplainStatus.FIRST_BUILD: "miss: no earlier build of this project is known",
    ExplainStatus.CHANGED: "miss, because these differ from the last build:",
    ExplainStatus.NOT_KEPT: "miss: the last build was not kept",
    ExplainStatus.EVICTED: "miss: nothing differs from the last build, but the cache has dropped it",
    ExplainStatus.CORRUPT: "miss: nothing differs from the last build, but its entry was damaged",
    ExplainStatus.UNCACHEABLE: "miss: the inputs cannot be told exactly",
}
_MOST_LINES = 40


def explain_lines(explanation: Explanation) -> Iterator[str]:
    """The lines to show, at most about forty."""
    note = f" ({explanation.note})" if explanation.note else ""
    yield f"Cache: {_WORDS[explanation.status]}{note}"
    for reason in explanation.reasons[:_MOST_LINES]:
        yield f"  {reason.kind:<8} {reason.name}: {reason.before or 'none'} -> {reason.after or 'none'}"
    left = len(explanation.reasons) - _MOST_LINES
    if left > 0:
        yield f"  and {left} more"
