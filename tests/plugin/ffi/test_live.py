"""While a build lasts: what the library says arrives at once, and what the user wants reaches it."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.plugin.transport.conftest import Workshop, compile_library, workshop
from wasmrun_py.model.errors import PluginCrashedError
from wasmrun_py.model.events import Level, Message, Progress, StepFinished, StepStarted, ToolOutput
from wasmrun_py.model.manifest import Match, TransportKind
from wasmrun_py.plugin.transport.base import Deadlines
from wasmrun_py.plugin.transport.external import ExternalPlugin
from wasmrun_py.plugin.transport.ffi import FfiTransport

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasmrun_py.model.events import Event

__all__ = ["workshop"]

_SOURCE = Path(__file__).with_name("live.c")
_STARTED = Message(level=Level.WARNING, text="started")


class _Watcher:
    """Keeps events, and does something when the build has started."""

    def __init__(self, on_start: Callable[[], None]) -> None:
        self.events: list[Event] = []
        self._on_start = on_start

    def emit(self, event: Event) -> None:
        """Take one event."""
        self.events.append(event)
        if event == _STARTED:
            self._on_start()


def _open(made: Workshop, version: int = 60) -> ExternalPlugin:
    compile_library(_SOURCE, made.folder / "zork.so", f"-DVERSION={version}")
    return made.open(forced=TransportKind.FFI)


def test_events_are_live(workshop: Workshop) -> None:
    """The build goes on only when the reporter has done something about what it was told."""
    plugin, project = _open(workshop), workshop.project()
    on_stdout = ToolOutput(line="on stdout")

    def let_go() -> None:
        deadline = time.monotonic() + 10
        while on_stdout not in watcher.events and time.monotonic() < deadline:
            time.sleep(0.001)
        (project / "go").touch()

    watcher = _Watcher(let_go)
    plugin.get_builder().build(workshop.config(), watcher)
    shown = [event for event in watcher.events if not isinstance(event, ToolOutput)]
    assert shown == [
        StepStarted(label="Waiting"),
        Progress(label="Waiting", done_bytes=2500, total_bytes=10_000),
        _STARTED,
        StepFinished(label="Waiting"),
    ]
    assert on_stdout in watcher.events
    assert not (project / "cancelled").exists()


def test_interrupt_reaches_the_plugin(workshop: Workshop) -> None:
    """After Ctrl-C ``cancelled`` says so, the plugin has a moment to end, and its process is gone."""
    plugin, project = _open(workshop), workshop.project()
    transport = FfiTransport(plugin._callee)  # noqa: SLF001 - its process is looked for
    transport.open()
    pid = transport.pid
    assert pid is not None

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        transport.build(workshop.config(), _Watcher(interrupt))
    assert (project / "cancelled").exists()
    assert not psutil.pid_exists(pid)


def test_deadline_reaches_the_plugin(workshop: Workshop) -> None:
    """A build that is out of time is ended at its deadline, its helper with it."""
    plugin = _open(workshop)
    callee = plugin._callee  # noqa: SLF001 - with another deadline
    late = replace(callee, world=replace(callee.world, deadlines=Deadlines(build_s=0.5)))
    started = time.monotonic()
    # It notices at the same moment, and may still get its answer through.
    with ExternalPlugin(late) as hurried, contextlib.suppress(PluginCrashedError):
        hurried.get_builder().build(workshop.config(), _Watcher(lambda: None))
    assert time.monotonic() - started < 0.5 + 1.0 + 1.0


def test_changed_library_is_used_by_the_next_call(workshop: Workshop) -> None:
    """A long-running command needs no restart: another file under the library's name is another library."""
    plugin, project = _open(workshop, 60), workshop.project()
    answer = plugin.can_handle_project(project)
    assert isinstance(answer, Match)
    assert answer.confidence == 60
    library = workshop.folder / "zork.so"
    other = workshop.folder / "other.so"
    compile_library(_SOURCE, other, "-DVERSION=70")
    os.replace(other, library)  # noqa: PTH105 - as an installer does
    changed = plugin.can_handle_project(project)
    assert isinstance(changed, Match)
    assert changed.confidence == 70
    assert plugin.incidents == ()
