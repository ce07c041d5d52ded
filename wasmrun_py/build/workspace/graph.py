"""Who depends on whom: cycles, what is needed first, what depends on something. Pure."""

from __future__ import annotations

import graphlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wasmrun_py.config.workspace import Member


def get_dependencies(members: Mapping[str, Member]) -> dict[str, tuple[str, ...]]:
    """Name -> the names it depends on.

    Raises:
        ConfigError: They lead in a circle, which is named.
    """
    graph = {name: member.depends_on for name, member in members.items()}
    cycle = find_cycle(graph)
    if cycle:
        raise members[cycle[0]].error(
            f"the members depend on each other in a circle: {' → '.join(cycle)}",
            hint="A member is built after those it depends on: take one depends_on of the circle away.",
        )
    return graph


def find_cycle(graph: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """A circle, each depending on the next, the first again at the end; empty when there is none.

    It begins with the smallest name of the circle.
    """
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        # graphlib lists each before the one that depends on it.
        ring = list(reversed(error.args[1]))[:-1]
        start = ring.index(min(ring))
        turned = ring[start:] + ring[:start]
        return (*turned, turned[0])
    return ()


def find_dependents(graph: Mapping[str, tuple[str, ...]], names: Iterable[str]) -> set[str]:
    """Those of ``names``, and everything that depends on them, directly or not."""
    dependents: dict[str, list[str]] = {name: [] for name in graph}
    for name, needed in graph.items():
        for each in needed:
            dependents[each].append(name)
    return _closure(dependents, names)


def find_needed(graph: Mapping[str, tuple[str, ...]], names: Iterable[str]) -> set[str]:
    """Those of ``names``, and everything that they depend on, directly or not."""
    return _closure(graph, names)


def rank(graph: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """Name -> length of the longest chain of members that waits for it: what holds up most goes first."""
    dependents: dict[str, list[str]] = {name: [] for name in graph}
    for name, needed in graph.items():
        for each in needed:
            dependents[each].append(name)
    ranks: dict[str, int] = {}
    # Dependents come before what they depend on in this order.
    for name in reversed(tuple(graphlib.TopologicalSorter(graph).static_order())):
        ranks[name] = max((ranks[each] + 1 for each in dependents[name]), default=0)
    return ranks


def _closure(edges: Mapping[str, Iterable[str]], names: Iterable[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(edges[name])
    return found
