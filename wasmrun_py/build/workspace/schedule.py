"""Run jobs in threads, each after those it depends on, never more than so many at once.

What a job does is not known here. The calling thread waits and hears everything, so that Ctrl-C, which
reaches the main thread only, finds it between two steps.
"""

from __future__ import annotations

import contextvars
import graphlib
import queue
import threading
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, TypeVar

from wasmrun_py.build.workspace.graph import rank
from wasmrun_py.system.cancellation import Cancellation
from wasmrun_py.system.signals import deferred_interrupts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_LEAVING_S = 3.0
# Windows interrupts no endless wait.
_POLL_S = 0.2

T = TypeVar("T")


class JobState(StrEnum):
    """How a job ended.

    ``skipped`` waited for one that failed; ``dropped`` was not begun because another one had failed before.
    """

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEnd(Generic[T]):
    """A job that is over.

    Attributes:
        name: Its name.
        state: How it ended.
        result: What it gave; None when it was not run.
        blame: The failed job that it depended on, for a skipped one.
    """

    name: str
    state: JobState
    result: T | None = None
    blame: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How jobs are run.

    Attributes:
        jobs: How many at once.
        keep_going: After a failure, go on with what does not depend on it.
    """

    jobs: int
    keep_going: bool


def run_jobs(
    graph: Mapping[str, tuple[str, ...]],
    work: Callable[[str], tuple[bool, T]],
    rules: Rules,
    *,
    on_end: Callable[[JobEnd[T]], None],
) -> None:
    """Run every job of ``graph``.

    Args:
        graph: Name -> the names that must be done before; without circles.
        work: Does a job in a thread of its own: whether it succeeded, and what it gave. Must not raise.
        rules: How.
        on_end: Called in this thread with each end, in the order they come.

    Raises:
        KeyboardInterrupt: Ctrl-C; running jobs have been called off and their children ended.
    """
    crew = _Crew(work, min(rules.jobs, len(graph)))
    try:
        _drive(graph, crew, rules, on_end)
    except BaseException:
        # A second Ctrl-C must not keep the children of the first from being ended.
        with deferred_interrupts():
            crew.call_off()
            for name, succeeded, result in crew.take_rest():
                state = JobState.DONE if succeeded else JobState.FAILED
                on_end(JobEnd(name=name, state=state, result=result))
        raise
    crew.dismiss()


class _Crew(Generic[T]):
    """Threads that take jobs from one queue and put what they gave into another."""

    def __init__(self, work: Callable[[str], tuple[bool, T]], size: int) -> None:
        self._work = work
        self._todo: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[tuple[str, bool, T] | BaseException] = queue.SimpleQueue()
        self._cancellation = Cancellation()
        self._threads = [self._start(number) for number in range(size)]
        self.size = size
        self.busy = 0

    def give(self, name: str) -> None:
        """Have a job done."""
        self.busy += 1
        self._todo.put(name)

    def take(self) -> tuple[str, bool, T]:
        """The next job that is over; waits for it. What a job raised against its promise is raised here."""
        while True:
            try:
                done = self._done.get(timeout=_POLL_S)
            except queue.Empty:
                continue
            self.busy -= 1
            if isinstance(done, BaseException):
                raise done
            return done

    def take_rest(self) -> Iterator[tuple[str, bool, T]]:
        """What was over when the work was called off, and nobody has taken yet."""
        while True:
            try:
                done = self._done.get_nowait()
            except queue.Empty:
                return
            if not isinstance(done, BaseException):
                yield done

    def dismiss(self) -> None:
        """Let the threads end: there is nothing left."""
        for _ in self._threads:
            self._todo.put(None)
        for thread in self._threads:
            thread.join()

    def call_off(self) -> None:
        """End what runs; a thread that waits for something else than a child is left behind."""
        for _ in self._threads:
            self._todo.put(None)
        self._cancellation.cancel()
        deadline = time.monotonic() + _LEAVING_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _start(self, number: int) -> threading.Thread:
        context = contextvars.copy_context()
        thread = threading.Thread(
            target=context.run, args=(self._serve,), name=f"wasmrun-job-{number}", daemon=True
        )
        thread.start()
        return thread

    def _serve(self) -> None:
        with self._cancellation.active():
            while (name := self._todo.get()) is not None and not self._cancellation.cancelled:
                try:
                    succeeded, result = self._work(name)
                except BaseException as defect:  # noqa: BLE001 - the thread that waits raises it
                    self._done.put(defect)
                else:
                    self._done.put((name, succeeded, result))


def _drive(
    graph: Mapping[str, tuple[str, ...]], crew: _Crew[T], rules: Rules, on_end: Callable[[JobEnd[T]], None]
) -> None:
    """Give out jobs as they become ready, until all are over."""
    ranks = rank(graph)
    position = {name: number for number, name in enumerate(graph)}
    sorter = graphlib.TopologicalSorter(graph)
    sorter.prepare()
    blames: dict[str, str] = {}
    ready: list[str] = []
    begun: set[str] = set()
    failed = False
    while sorter.is_active():
        ready += sorter.get_ready()
        skipped = [name for name in ready if _find_blame(graph[name], blames) is not None]
        for name in skipped:
            blame = blames[name] = _find_blame(graph[name], blames) or name
            ready.remove(name)
            on_end(JobEnd(name=name, state=JobState.SKIPPED, blame=blame))
            sorter.done(name)
        if skipped:
            continue
        ready.sort(key=lambda name: (-ranks[name], position[name]))
        while ready and crew.busy < crew.size and (rules.keep_going or not failed):
            name = ready.pop(0)
            begun.add(name)
            crew.give(name)
        if not crew.busy:
            break
        name, succeeded, result = crew.take()
        if not succeeded:
            failed = True
            blames[name] = name
        state = JobState.DONE if succeeded else JobState.FAILED
        on_end(JobEnd(name=name, state=state, result=result))
        sorter.done(name)
    _tell_dropped(graph, begun, blames, on_end)


def _tell_dropped(
    graph: Mapping[str, tuple[str, ...]],
    begun: set[str],
    blames: dict[str, str],
    on_end: Callable[[JobEnd[T]], None],
) -> None:
    """What was never begun: some waited for a failure, the rest had only bad luck."""
    for name in graphlib.TopologicalSorter(graph).static_order():
        if name in begun or name in blames:
            continue
        blame = _find_blame(graph[name], blames)
        if blame is not None:
            blames[name] = blame
            on_end(JobEnd(name=name, state=JobState.SKIPPED, blame=blame))
        else:
            on_end(JobEnd(name=name, state=JobState.DROPPED))


def _find_blame(needed: tuple[str, ...], blames: Mapping[str, str]) -> str | None:
    return next((blames[each] for each in needed if each in blames), None)
