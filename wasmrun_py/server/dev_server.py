"""One development server, put together: session, http and the state file that ``stop`` and ``status`` read.

The only module of the server that knows all three rooms. What must not enter: a decision of theirs.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from wasmrun_py.build.outputs import find_output_dirs
from wasmrun_py.build.project_files import ProjectFiles
from wasmrun_py.config.run_settings import resolve_run_build
from wasmrun_py.model.errors import InterruptError, WasmrunError
from wasmrun_py.model.events import Message
from wasmrun_py.server.control.state_file import ServerRecord, announced
from wasmrun_py.server.dev_state import Status
from wasmrun_py.server.session.build_worker import BuildWorker
from wasmrun_py.server.session.dev_session import DevSession, SessionPlan
from wasmrun_py.server.session.file_source import FileSource, find_module, name_pair
from wasmrun_py.server.session.generations import Generations
from wasmrun_py.server.session.outcome import Failed
from wasmrun_py.server.session.snapshot import NamedFiles, Snapshot
from wasmrun_py.server.session.source import ProjectOrPage, ProjectOrPageFiles
from wasmrun_py.server.session.watcher import Watched
from wasmrun_py.system.fs import make_folder, staging_folder
from wasmrun_py.system.other_process import own_identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from wasmrun_py.model.consent import Confirmer
    from wasmrun_py.model.events import Event
    from wasmrun_py.server.dev_state import BuildRecord, DevState
    from wasmrun_py.server.http.options import ServeOptions
    from wasmrun_py.server.http.serve import Ready as Address
    from wasmrun_py.server.session.build_process import BuildProcess
    from wasmrun_py.server.session.dev_session import SessionObserver
    from wasmrun_py.server.session.outcome import BuildTask
    from wasmrun_py.server.session.snapshot import FileRules
    from wasmrun_py.server.session.source import Source

_Value = TypeVar("_Value")
_USAGE, _PLUGIN, _TOOL, _MODULE = 2, 3, 4, 5
# A plugin that fails is mended while the server waits; one that is not there is not.
_WAITED_FOR = frozenset({"plugin-failed", "plugin-crashed", "transport-unavailable"})
_FOLDER_PREFIX = "serve-"
_SNIPPETS = "snippets"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServePlan:
    """What is to be served, and how.

    Attributes:
        path: The project's folder, or a ``.wasm`` or ``.js`` file, absolute.
        task: What a build needs to know; its project is ``path``.
        environ: The environment.
        watch: Notice changes.
        poll: By looking again and again.
        isolate: Send COOP and COEP with every page.
        confirm: Asks the user before an installation, from a thread; None where nobody can be asked.
        process: A process that builds, started already; or None.
    """

    path: Path
    task: BuildTask
    environ: Mapping[str, str]
    confirm: Confirmer | None = None
    process: BuildProcess | None = None
    watch: bool = True
    poll: bool = False
    isolate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """The server listens, and the first build has ended.

    Attributes:
        address: Where it listens.
        host: What it was told to listen on.
        state: What there is to serve.
    """

    address: Address
    host: str
    state: DevState

    @property
    def record(self) -> BuildRecord:
        """The newest build that has ended."""
        ended = [each for each in self.state.builds if each.status in {Status.OK, Status.FAILED}]
        return ended[-1]

    @property
    def ui_url(self) -> str:
        """Where wasmrun's own page is."""
        return f"{self.address.url}_wasmrun/"

    def to_json(self) -> dict[str, Any]:
        """The members of the ``run`` document."""
        return {
            "url": self.address.url,
            "ui_url": self.ui_url,
            "host": self.host,
            "port": self.address.port,
            "pid": os.getpid(),
            "project": self.state.project,
            "watching": self.state.watching,
            "target": self.record.target,
            "status": self.record.status,
        }


async def run_server(
    plan: ServePlan,
    options: ServeOptions,
    observer: SessionObserver,
    *,
    stopping: asyncio.Event,
    on_ready: Callable[[Ready], None],
) -> None:
    """Serve until ``stopping`` is set; everything that was started is ended then.

    Raises:
        InterruptError: It was set before the server was ready.
        WasmrunError: It cannot listen, or the first build failed for a reason that no source can mend.
    """
    loop = asyncio.get_running_loop()
    with opened_session(plan, observer) as session:
        building = asyncio.create_task(session.run())
        # 150 ms, beside the first build.
        serve = (await loop.run_in_executor(None, import_module, "wasmrun_py.server.http.serve")).serve
        listening: asyncio.Future[Address] = loop.create_future()
        serving = asyncio.create_task(
            serve(
                session, options, stopping=stopping, on_ready=listening.set_result, reporter=_Faults(observer)
            )
        )
        ending = asyncio.create_task(stopping.wait())
        try:
            address = await _first(listening, serving, building, ending=ending)
            with announced(_record(address, plan, options), plan.task.home):
                outcome = await _first(session.first, serving, building, ending=ending)
                require_start(outcome)
                on_ready(Ready(address=address, host=options.host, state=session.state))
                await asyncio.wait({serving, building, ending}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.set()
            building.cancel()
            await asyncio.gather(building, serving, ending, return_exceptions=True)
        for task in (serving, building):
            if not task.cancelled() and task.exception() is not None:
                task.result()


class _Faults:
    """Tells what the server has to say (its ``Reporter``)."""

    def __init__(self, observer: SessionObserver) -> None:
        self._observer = observer

    def emit(self, event: Event) -> None:
        """Show a message; the rest is no news here."""
        if isinstance(event, Message):
            self._observer.notice(event.text)


@contextlib.contextmanager
def opened_session(plan: ServePlan, observer: SessionObserver) -> Iterator[DevSession]:
    """A session with its private folder, which is removed at the end. Inside a running event loop.

    Raises:
        WasmrunError: There is nothing to serve, or no place to serve it from.
    """
    home = plan.task.home
    is_file = not plan.path.is_dir()
    with staging_folder(home.cache / "serve", prefix=_FOLDER_PREFIX) as root:
        files = FileSource(plan.path, root / "files")
        source: Source = files
        rules: FileRules = NamedFiles(())
        if is_file:
            files.find_files()
        else:
            worker = BuildWorker(plan.task, environ=plan.environ, confirm=plan.confirm, process=plan.process)
            source = project = ProjectOrPage(worker, files)
            rules = ProjectOrPageFiles(ProjectFiles(plan.path, _find_outputs(plan)), files, project)
        session_plan = SessionPlan(
            project=plan.path,
            is_file=is_file,
            watched=()
            if not plan.watch
            else _watch_files(plan)
            if is_file
            else (Watched(folder=plan.path, snapshot=Snapshot(rules), polling=plan.poll),),
            plugins=_watch_plugins(plan) if plan.watch and not is_file else (),
            isolate=plan.isolate,
        )
        yield DevSession(session_plan, source, Generations(root), observer)


def _record(address: Address, plan: ServePlan, options: ServeOptions) -> ServerRecord:
    """What ``stop`` and ``status`` read."""
    return ServerRecord(
        process=own_identity(),
        scheme=options.scheme,
        host=options.host,
        port=address.port,
        url=address.url,
        project=plan.path,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        token=address.control_token,
    )


def require_start(outcome: object) -> None:
    """Refuse to go on serving after a first build that no change of a source file would mend.

    Raises:
        WasmrunError: What ``compile`` would have ended with.
    """
    if not isinstance(outcome, Failed) or outcome.code in _WAITED_FOR:
        return
    if outcome.exit_code in {_USAGE, _PLUGIN, _TOOL, _MODULE}:
        raise outcome.to_error()


async def _first(
    wanted: asyncio.Future[_Value], *tasks: asyncio.Task[None], ending: asyncio.Future[Any]
) -> _Value:
    """What is waited for; or the failure of a task without which it will not come.

    Raises:
        InterruptError: The server is to end.
    """
    every: set[asyncio.Future[Any]] = {wanted, *tasks, ending}
    await asyncio.wait(every, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        if task.done():
            task.result()
    if wanted.done():
        return wanted.result()
    raise InterruptError("Interrupted before it was ready")


def _watch_files(plan: ServePlan) -> tuple[Watched, ...]:
    """The module, what belongs to it, and its snippets."""
    module = find_module(plan.path)
    named = NamedFiles(name_pair(module))
    watched = Watched(folder=module.parent, snapshot=Snapshot(named), recursive=False, polling=plan.poll)
    snippets = module.parent / _SNIPPETS
    if not snippets.is_dir():
        return (watched,)
    return watched, Watched(folder=snippets, snapshot=Snapshot(ProjectFiles(snippets)), polling=plan.poll)


def _watch_plugins(plan: ServePlan) -> tuple[Watched, ...]:
    """The user's configuration, which names the installed plugins, and the folders of others."""
    home = plan.task.home
    make_folder(home.root)
    configuration = Snapshot(NamedFiles((home.config_file,)))
    return (
        Watched(folder=home.root, snapshot=configuration, recursive=False, polling=plan.poll),
        *(
            Watched(folder=folder, snapshot=Snapshot(ProjectFiles(folder)), polling=plan.poll)
            for folder in plan.task.plugin_path
            if folder.is_dir()
        ),
    )


def _find_outputs(plan: ServePlan) -> tuple[Path, ...]:
    """The folders that builds of this project are written to."""
    home = plan.task.home
    # A broken file is the first build's to tell.
    with contextlib.suppress(WasmrunError):
        settings = resolve_run_build(plan.path, plan.task.overrides, environ=plan.environ, home=home)
        return (settings.output_dir, *find_output_dirs(home, plan.path))
    return find_output_dirs(home, plan.path)
