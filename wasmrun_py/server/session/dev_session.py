"""The session: builds when something changed, swaps what is served, and tells every page.

Belongs to one event loop. Builds run one at a time; changes that come together are built together, a
build that is obsolete is cancelled, and a failed one leaves what is served as it is.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import time_ns
from typing import TYPE_CHECKING, Protocol, assert_never

from wasmrun_py.server.broadcast import Broadcast, ServerEvent
from wasmrun_py.server.dev_state import BuildRecord, DevState, ServedFile, Status
from wasmrun_py.server.session.build_log import BuildLogs
from wasmrun_py.server.session.change_judge import ChangeJudge, Verdict
from wasmrun_py.server.session.ears import BuildEars, WatchEars
from wasmrun_py.server.session.outcome import Cancelled, Failed, Made, Order
from wasmrun_py.server.session.outside_watch import OutsideWatch
from wasmrun_py.server.session.snapshot import find_write_time
from wasmrun_py.server.session.source_lines import load_source_lines
from wasmrun_py.server.session.waiting import WaitingChanges
from wasmrun_py.server.session.watcher import Watched, Watcher

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from wasmrun_py.model.events import Event
    from wasmrun_py.server.session.generations import Generations
    from wasmrun_py.server.session.outcome import Outcome
    from wasmrun_py.server.session.source import Source

_BUILDS_KEPT = 50
_TRIGGERS_SHOWN = 50
# Somebody who keeps saving sees a build now and then all the same.
_MOST_CANCELLED = 3
_EVENT_DELAY_NS = 250_000_000
_WATCH_DEADLINE_S = 30.0


class SessionObserver(Protocol):
    """Shows what happens to whoever started the server. Called on the loop, but for ``hear``."""

    def build_started(self, record: BuildRecord) -> None:
        """A build begins."""

    def build_finished(self, record: BuildRecord, outcome: Outcome, *, served: bool) -> None:
        """A build has ended; ``served``: what is served has changed."""

    def notice(self, text: str) -> None:
        """A sentence for the user."""

    def hear(self, event: Event) -> None:
        """What a build says while it runs; called from its thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPlan:
    """What a session is made of.

    Attributes:
        project: The folder, or the file that is served.
        is_file: Nothing is built.
        watched: Where changes are noticed; empty for nowhere.
        plugins: Where changes mean that plugins have changed.
        isolate: Pages are sent COOP and COEP whatever the module says.
    """

    project: Path
    is_file: bool
    watched: Sequence[Watched] = ()
    plugins: Sequence[Watched] = ()
    isolate: bool = False


class DevSession:
    """The ``Session`` that ``http`` sees.

    Args:
        plan: What it is made of.
        source: What makes something to serve.
        generations: Where it is kept.
        observer: Told of everything.
    """

    def __init__(
        self, plan: SessionPlan, source: Source, generations: Generations, observer: SessionObserver
    ) -> None:
        self._plan = plan
        self._source = source
        self._generations = generations
        self._observer = observer
        self._broadcast = Broadcast()
        self._logs = BuildLogs()
        self._judge = ChangeJudge()
        self._waiting = WaitingChanges()
        self._running: int | None = None
        self._started_ns = 0
        self._ended_ns = 0
        self._builds = 0
        self._cancelled_in_a_row = 0
        self._state = DevState(
            project=plan.project,
            is_file=plan.is_file,
            watching=bool(plan.watched),
            status=Status.BUILDING,
        )
        loop = asyncio.get_running_loop()
        self._outside = OutsideWatch(
            WatchEars(self, loop, is_plugin=False), polling=any(each.polling for each in plan.watched)
        )
        self.first: asyncio.Future[Outcome] = loop.create_future()

    @property
    def state(self) -> DevState:
        """The state now."""
        return self._state

    @property
    def broadcast(self) -> Broadcast:
        """Where events are published."""
        return self._broadcast

    def request_rebuild(self) -> None:
        """Build again although nothing changed."""
        self._waiting.ask()

    def find_log(self, build: int) -> tuple[str, ...] | None:
        """The lines that a build's tools wrote."""
        return self._logs.find(build)

    async def run(self) -> None:
        """Build, and build again, until cancelled; then everything that was started is ended."""
        loop = asyncio.get_running_loop()
        watchers = [
            Watcher(watched, WatchEars(self, loop, is_plugin=is_plugin))
            for group, is_plugin in ((self._plan.watched, False), (self._plan.plugins, True))
            for watched in group
        ]
        try:
            for watcher in watchers:
                watcher.start()
            await loop.run_in_executor(None, self._source.warm_up)
            for watcher in watchers:
                await loop.run_in_executor(None, watcher.wait_ready, _WATCH_DEADLINE_S)
            await self._build(())
            while True:
                await self._waiting.wait()
                if self._waiting.plugins_changed:
                    await loop.run_in_executor(None, self._source.renew)
                await self._build(self._waiting.take())
        finally:
            for watcher in watchers:
                watcher.stop()
            self._outside.stop()
            await asyncio.shield(loop.run_in_executor(None, self._source.close))

    def take_changes(self, files: tuple[Path, ...], at_ns: int, *, is_plugin: bool) -> None:
        """Files differ: decide what that means."""
        verdicts = {file: self._judge.judge(file, build=self._find_build(file, at_ns)) for file in files}
        for wanted in (Verdict.LATER, Verdict.NOW):
            names = [
                self._name(file, is_plugin=is_plugin)
                for file, verdict in verdicts.items()
                if verdict is wanted
            ]
            if names:
                self._waiting.add(
                    names,
                    later=wanted is Verdict.LATER,
                    is_plugin=is_plugin,
                    building=self._running is not None,
                )
        patient = self._cancelled_in_a_row < _MOST_CANCELLED
        if self._running is not None and patient and Verdict.NOW in verdicts.values():
            self._source.cancel(self._running)

    def notice(self, text: str) -> None:
        """Tell the user something about the watching."""
        self._observer.notice(text)

    def hear_lines(self, build: int, lines: list[str]) -> None:
        """Lines of a build that runs."""
        self._logs.add(build, lines)
        self._broadcast.publish(ServerEvent(name="log", data={"build": build, "lines": lines}))

    async def _build(self, trigger: tuple[str, ...]) -> None:
        self._builds += 1
        number = self._builds
        record = BuildRecord(
            number=number,
            status=Status.BUILDING,
            started_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            trigger=trigger[:_TRIGGERS_SHOWN],
        )
        self._logs.begin(number)
        self._judge.begin_build()
        self._running, self._started_ns = number, time_ns()
        self._publish(replace(self._state, status=Status.BUILDING, builds=self._with(record)))
        self._observer.build_started(record)
        listener = BuildEars(self, number, asyncio.get_running_loop(), self._observer)
        order = Order(number=number, folder=self._generations.plan(number))
        try:
            outcome = await self._source.build(order, listener)
        finally:
            self._running, self._ended_ns = None, time_ns()
        if not isinstance(outcome, Cancelled) and outcome.diagnostics:
            lines = await asyncio.to_thread(load_source_lines, self._plan.project, outcome.diagnostics)
            record = replace(record, source_lines=lines)
        self._finish(record, outcome, order)
        if isinstance(outcome, Made) and self._plan.watched:
            written = await self._outside.follow(outcome.outside, self._started_ns)
            self.take_changes(written, time_ns(), is_plugin=False)

    def _finish(self, record: BuildRecord, outcome: Outcome, order: Order) -> None:
        self._cancelled_in_a_row = self._cancelled_in_a_row + 1 if isinstance(outcome, Cancelled) else 0
        done = _describe(record, outcome)
        served = False
        match outcome:
            case Made():
                served = self._serve(outcome, order)
                status = Status.OK
            case Failed():
                status = Status.FAILED
                if not self._logs.has_output(record.number):
                    self.hear_lines(record.number, outcome.output.splitlines())
                self._generations.discard(order.folder)
            case Cancelled():
                # The next one follows at once.
                status = Status.BUILDING
                self._generations.discard(order.folder)
            case _:
                assert_never(outcome)
        self._publish(replace(self._state, status=status, builds=self._with(done)))
        self._observer.build_finished(done, outcome, served=served)
        if not (self.first.done() or isinstance(outcome, Cancelled)):
            self.first.set_result(outcome)

    def _serve(self, made: Made, order: Order) -> bool:
        """Swap what is served, if it differs at all."""
        program = replace(made.program, needs_isolation=made.program.needs_isolation or self._plan.isolate)
        changed = _list_changed(self._state.files, made.files)
        if not changed and program == self._state.program:
            self._generations.discard(order.folder)
            return False
        self._generations.adopt(order.folder)
        first = self._state.generation == 0
        generation = self._state.generation + 1
        self._state = replace(self._state, generation=generation, program=program, files=made.files)
        if not first:
            only_css = bool(changed) and all(url.endswith(".css") for url in changed)
            self._broadcast.publish(
                ServerEvent(
                    name="css" if only_css else "reload", data={"generation": generation, "changed": changed}
                )
            )
        return True

    def _with(self, record: BuildRecord) -> tuple[BuildRecord, ...]:
        kept = [each for each in self._state.builds if each.number != record.number]
        return (*kept, record)[-_BUILDS_KEPT:]

    def _publish(self, state: DevState) -> None:
        self._state = state
        self._broadcast.publish(ServerEvent(name="state", data=state.to_json()))

    def _find_build(self, file: Path, at_ns: int) -> int | None:
        """The build during which a file was written, or None."""
        written_ns = find_write_time(file) or at_ns
        if self._running is not None and written_ns >= self._started_ns:
            return self._running
        late = at_ns - self._ended_ns < _EVENT_DELAY_NS
        if self._running is None and late and self._started_ns <= written_ns <= self._ended_ns:
            return self._builds
        return None

    def _name(self, file: Path, *, is_plugin: bool) -> str:
        folder = self._plan.project.parent if self._plan.is_file else self._plan.project
        if file.is_relative_to(folder):
            return file.relative_to(folder).as_posix()
        if is_plugin or file.drive != folder.drive:
            return file.name
        return os.path.relpath(file, folder).replace(os.sep, "/")


def _describe(record: BuildRecord, outcome: Outcome) -> BuildRecord:
    """The record of a build that has ended."""
    match outcome:
        case Made():
            return replace(
                record,
                status=Status.OK,
                duration_s=round(outcome.duration_s, 4),
                plugin=outcome.plugin,
                toolchain=outcome.toolchain,
                target=outcome.target,
                optimization=outcome.optimization,
                module_bytes=outcome.module_bytes,
                cache=outcome.cache,
                warnings=outcome.warnings,
                diagnostics=outcome.diagnostics,
            )
        case Failed():
            return replace(
                record,
                status=Status.FAILED,
                duration_s=round(outcome.duration_s, 4),
                diagnostics=outcome.diagnostics,
                error={"code": outcome.code, "message": outcome.message, "hint": outcome.hint},
            )
        case Cancelled():
            return replace(record, status=Status.CANCELLED, duration_s=round(outcome.duration_s, 4))
        case _:
            assert_never(outcome)


def _list_changed(before: Mapping[str, ServedFile], now: Mapping[str, ServedFile]) -> list[str]:
    """URL paths whose bytes differ, that came, or that went."""
    return [
        url
        for url in sorted({*before, *now})
        if url not in before or url not in now or before[url].sha256 != now[url].sha256
    ]
