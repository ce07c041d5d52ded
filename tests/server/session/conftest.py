"""A session that runs, and a plugin that builds in no time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.plugin.transport.conftest import compile_library
from wasmrun_py.config.settings import Overrides
from wasmrun_py.model.events import Message
from wasmrun_py.server.dev_server import ServePlan, opened_session
from wasmrun_py.server.dev_state import Status
from wasmrun_py.server.session.outcome import BuildTask
from wasmrun_py.system.paths import Home

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from wasmrun_py.model.events import Event
    from wasmrun_py.server.broadcast import ServerEvent, Subscription
    from wasmrun_py.server.dev_state import BuildRecord
    from wasmrun_py.server.session.dev_session import DevSession
    from wasmrun_py.server.session.outcome import Outcome

_SOURCE = Path(__file__).with_name("quick.c")
_MANIFEST = """
name = "quick"
plugin = "wasmrun-quick"
version = "1.0.0"
extensions = ["quick"]
entry_files = ["main.quick"]
[transports]
ffi = "quick"
"""


@dataclass(kw_only=True)
class Running:
    """A session in the middle of its life; it is its observer too.

    Attributes:
        started: The builds that began.
        ended: The builds that ended.
        notices: What the user was told.
        messages: What the builds told the user.
        events: Everything the pages were told, states left out.
    """

    started: list[BuildRecord] = field(default_factory=list)
    ended: list[BuildRecord] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    events: list[ServerEvent] = field(default_factory=list)
    session_or_none: DevSession | None = None

    @property
    def session(self) -> DevSession:
        """The session."""
        assert self.session_or_none is not None
        return self.session_or_none

    @property
    def reloads(self) -> int:
        """How often pages were told to reload."""
        return sum(event.name == "reload" for event in self.events)

    def build_started(self, record: BuildRecord) -> None:
        self.started.append(record)

    def build_finished(self, record: BuildRecord, outcome: Outcome, *, served: bool) -> None:
        del outcome, served
        self.ended.append(record)

    def notice(self, text: str) -> None:
        self.notices.append(text)

    def hear(self, event: Event) -> None:
        """Keep the sentences; what else a build says is another test's matter."""
        if isinstance(event, Message):
            self.messages.append(event.text)

    def served(self, url: str = "/main.wasm") -> bytes:
        """What is served there now."""
        return self.session.state.files[url].path.read_bytes()

    async def until(self, condition: Callable[[], bool], *, timeout_s: float = 15) -> None:
        """Wait for something to become true."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, f"{[(r.number, r.status, r.trigger) for r in self.ended]}"
            await asyncio.sleep(0.01)

    async def quiet(self, seconds: float = 0.6) -> None:
        """Wait until nothing was built for a while."""
        last = (-1, -1)
        while last != (len(self.started), len(self.ended)) or self.session.state.status is Status.BUILDING:
            last = (len(self.started), len(self.ended))
            await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where sessions are made.

    Attributes:
        home: A private WASMRUN_HOME.
        plugins: The folder that holds the quick plugin.
    """

    home: Home
    plugins: Path

    @contextlib.asynccontextmanager
    async def serving(
        self, path: Path, *, overrides: Overrides | None = None, watch: bool = True, poll: bool = False
    ) -> AsyncIterator[Running]:
        """A session whose first build has ended."""
        running = Running()
        task = BuildTask(
            project=path, overrides=overrides or Overrides(), home=self.home, plugin_path=(self.plugins,)
        )
        plan = ServePlan(path=path, task=task, environ=dict(os.environ), watch=watch, poll=poll)
        with opened_session(plan, running) as session, session.broadcast.subscribed() as pages:
            running.session_or_none = session
            building = asyncio.create_task(session.run())
            listening = asyncio.create_task(_listen(pages, running.events))
            try:
                while not session.first.done():
                    assert not building.done(), building.exception()
                    await asyncio.sleep(0.005)
                yield running
            finally:
                building.cancel()
                listening.cancel()
                await asyncio.gather(building, listening, return_exceptions=True)


async def _listen(pages: Subscription, events: list[ServerEvent]) -> None:
    while True:
        event = await pages.get()
        if event.name != "state":
            events.append(event)


def write_quick_plugin(plugins: Path, version: str = "1.0:") -> Path:
    """Make or replace the quick plugin in a folder of plugins."""
    folder = plugins / "quick"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "wasmrun_plugin.toml").write_text(_MANIFEST, encoding="utf-8")
    made = folder.parent.parent / f"libquick-{len(version)}.so"
    compile_library(_SOURCE, made, f'-DVERSION="{version}"')
    made.replace(folder / "libquick.so")
    return plugins


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A bench of the test's own."""
    return Bench(
        home=Home(root=tmp_path / "home", own_cache=tmp_path / "home" / "cache"),
        plugins=write_quick_plugin(tmp_path / "plugins"),
    )


@pytest.fixture
def quick_project(tmp_path: Path) -> Path:
    """A project of the quick plugin."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "main.quick").write_text("one", encoding="utf-8")
    return project
