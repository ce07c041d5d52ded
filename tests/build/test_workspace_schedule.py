"""Graphs and schedules, with graphs that hypothesis makes up."""

from __future__ import annotations

import threading
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wasmrun_py.build.workspace.graph import find_cycle, find_dependents, find_needed, rank
from wasmrun_py.build.workspace.schedule import JobEnd, JobState, Rules, run_jobs

Graph = dict[str, tuple[str, ...]]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Acyclic: each depends on some of those before it."""
    size = draw(st.integers(1, 9))
    names = [f"n{number}" for number in range(size)]
    graph = {}
    for number, name in enumerate(names):
        before = st.lists(st.sampled_from(names[:number]), unique=True) if number else st.just([])
        graph[name] = tuple(draw(before))
    order = draw(st.permutations(names))
    return {name: graph[name] for name in order}


@st.composite
def any_graphs(draw: st.DrawFn) -> Graph:
    """With circles or without."""
    names = [f"n{number}" for number in range(draw(st.integers(1, 6)))]
    return {name: tuple(draw(st.lists(st.sampled_from(names), unique=True, max_size=3))) for name in names}


def reach(graph: Graph, name: str) -> set[str]:
    """What a name depends on, by walking."""
    found: set[str] = set()
    waiting = list(graph[name])
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting += graph[each]
    return found


@given(any_graphs())
def test_a_circle_is_found_exactly_when_there_is_one(graph: Graph) -> None:
    """It is told as it is walked: each depends on the next, and the first comes again."""
    cycle = find_cycle(graph)
    assert bool(cycle) == any(name in reach(graph, name) for name in graph)
    if cycle:
        assert cycle[0] == cycle[-1] == min(cycle)
        assert all(second in graph[first] for first, second in pairwise(cycle))
        assert len(set(cycle)) == len(cycle) - 1


def test_a_circle_is_read_along_the_arrows() -> None:
    """``a → b → c → a`` says that a depends on b; one that depends on itself is a circle too."""
    assert find_cycle({"a": ("b",), "b": ("c",), "c": ("a",)}) == ("a", "b", "c", "a")
    assert find_cycle({"c": ("b",), "a": ("c",), "b": ("a",)}) == ("a", "c", "b", "a")
    assert find_cycle({"x": ("x",)}) == ("x", "x")


@given(graphs(), st.data())
def test_closures_are_what_walking_finds(graph: Graph, data: st.DataObject) -> None:
    """What is needed is below, what depends is above, and both hold what was asked for."""
    names = data.draw(st.lists(st.sampled_from(sorted(graph)), unique=True))
    assert find_needed(graph, names) == set(names).union(*(reach(graph, name) for name in names))
    dependents = {name for name in graph if name in names or reach(graph, name) & set(names)}
    assert find_dependents(graph, names) == dependents
    ranks = rank(graph)
    assert all(ranks[each] > ranks[name] for name in graph for each in graph[name])


@settings(deadline=None, max_examples=60)
@given(graphs(), st.data())
def test_a_run_keeps_order_and_bound_and_blames_rightly(graph: Graph, data: st.DataObject) -> None:
    """Each after what it needs; never more at once than allowed; a failure skips what depends on it."""
    jobs = data.draw(st.integers(1, 4))
    keep_going = data.draw(st.booleans())
    failing = set(data.draw(st.lists(st.sampled_from(sorted(graph)), unique=True, max_size=3)))
    lock = threading.Lock()
    running: set[str] = set()
    done: list[str] = []
    most = 0

    def work(name: str) -> tuple[bool, str]:
        nonlocal most
        with lock:
            assert all(each in done for each in graph[name])
            running.add(name)
            most = max(most, len(running))
        time.sleep(0.001)
        with lock:
            running.remove(name)
            done.append(name)
        return name not in failing, name.upper()

    ends: list[JobEnd[str]] = []
    run_jobs(graph, work, Rules(jobs=jobs, keep_going=keep_going), on_end=ends.append)
    states = {end.name: end.state for end in ends}
    assert len(ends) == len(graph) == len(states)
    assert most <= jobs
    assert all(end.result == end.name.upper() for end in ends if end.name in done)
    failed = {name for name in done if name in failing}
    for name, state in states.items():
        if name in done:
            assert state is (JobState.FAILED if name in failing else JobState.DONE)
        elif reach(graph, name) & failed:
            assert state is JobState.SKIPPED
        else:
            assert state is JobState.DROPPED
            assert failed
            assert not keep_going
    blames = {end.name: end.blame for end in ends if end.state is JobState.SKIPPED}
    assert all(blame in reach(graph, name) & failed for name, blame in blames.items())
    if keep_going:
        assert failed | {name for name in graph if not reach(graph, name) & failed} == set(done)


def test_the_longest_chain_goes_first() -> None:
    """What holds up most is begun first, whatever the order of the names."""
    graph: Graph = {"a": (), "b": (), "z": (), "y": ("z",), "x": ("y",)}
    begun: list[str] = []

    def work(name: str) -> tuple[bool, None]:
        begun.append(name)
        return True, None

    run_jobs(graph, work, Rules(jobs=1, keep_going=False), on_end=lambda _: None)
    assert begun == ["z", "y", "a", "b", "x"]


def test_what_a_job_raises_is_raised() -> None:
    """A defect in a thread does not leave the run waiting for ever."""

    def work(name: str) -> tuple[bool, None]:
        raise ZeroDivisionError(name)

    with pytest.raises(ZeroDivisionError):
        run_jobs({"a": (), "b": ()}, work, Rules(jobs=2, keep_going=True), on_end=lambda _: None)
