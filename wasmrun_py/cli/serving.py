"""From the wishes of ``wasmrun run`` to a server that runs until Ctrl-C, and what it says meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasmrun_py.cli.render.run_log import RunLog
from wasmrun_py.config.run_settings import RunTable, load_run_table
from wasmrun_py.server.dev_server import ServePlan, run_server
from wasmrun_py.server.session.outcome import BuildTask
from wasmrun_py.system.signals import list_ending_signals

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import FrameType

    from wasmrun_py.cli.context import World
    from wasmrun_py.cli.render.reporters import ConsoleReporter
    from wasmrun_py.config.settings import Overrides
    from wasmrun_py.model.consent import Confirmer
    from wasmrun_py.model.manifest import TransportKind
    from wasmrun_py.server.dev_server import Ready
    from wasmrun_py.server.http.options import ServeOptions
    from wasmrun_py.server.session.build_process import BuildProcess


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingWishes:
    """What the command line said of the server; None or empty is "nothing".

    Attributes:
        port: 0 for any free one.
        host: The address to listen on.
        open_browser: Open one when it is ready.
        watch: Notice changes.
        poll: By looking again and again.
        cors: Let pages of other origins read what is served.
        isolate: Send COOP and COEP.
        headers: ``NAME: VALUE`` each.
        proxies: ``/PREFIX=URL`` each.
        cert: A certificate.
        key: Its key.
        as_json: One document when it is ready.
        started_s: When the command began, on the monotonic clock.
    """

    port: int | None
    host: str | None
    open_browser: bool
    watch: bool
    poll: bool
    cors: bool
    isolate: bool
    headers: tuple[str, ...]
    proxies: tuple[str, ...]
    cert: Path | None
    key: Path | None
    as_json: bool
    started_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """One ``wasmrun run``.

    Attributes:
        world: What the process was started with.
        served: What is served.
        process: A process that builds, started already; None for a file.
        overrides: What the command line said of builds.
        transport: The one way to call external plugins, or None to choose.
        wishes: What it said of the server.
    """

    world: World
    served: Path
    process: BuildProcess | None
    overrides: Overrides
    transport: TransportKind | None
    wishes: ServingWishes

    def run(self) -> None:
        """Serve until somebody ends it.

        Raises:
            WasmrunError: It cannot be served, or not be built and no change of a source would mend that.
        """
        with self.world.reporter(verbose=self.overrides.verbose) as reporter:
            asyncio.run(self._serve(reporter))

    async def _serve(self, reporter: ConsoleReporter) -> None:
        console, wishes = self.world.console, self.wishes
        log = RunLog(console, reporter, verbose=self.overrides.verbose)
        confirm = self._find_confirmer(reporter)
        plan = ServePlan(
            path=self.served,
            task=BuildTask(
                project=self.served,
                overrides=self.overrides,
                home=self.world.home,
                plugin_path=self.world.plugin_path,
                transport=self.transport,
                may_ask=confirm is not None,
            ),
            environ=self.world.environ,
            confirm=confirm,
            process=self.process,
            watch=wishes.watch,
            poll=wishes.poll,
            isolate=wishes.isolate or self._table.isolate,
        )
        stopping = asyncio.Event()

        def announce(ready: Ready) -> None:
            if wishes.as_json:
                self.world.report("run", ready.to_json())
                console.stdout.flush()
                log.show_first(ready.record)
            else:
                took_s = time.monotonic() - wishes.started_s
                log.ready(ready, took_s=took_s)
            if wishes.open_browser or self._table.open:
                _open_browser(ready.address.url)

        with _ended_by_signals(stopping):
            await run_server(plan, self._http_options(), log, stopping=stopping, on_ready=announce)

    def _find_confirmer(self, reporter: ConsoleReporter) -> Confirmer | None:
        """Who is asked before an installation; the settings say whether anybody is."""
        from wasmrun_py.model.consent import InstallPolicy  # noqa: PLC0415 - loaded by the settings

        _, confirm = self.world.find_leave(InstallPolicy.ASK, reporter, may_ask=not self.wishes.as_json)
        return confirm

    def _http_options(self) -> ServeOptions:
        """How to serve: the command line before the project's table.

        Raises:
            UsageError: A header, proxy or port cannot be.
        """
        from wasmrun_py.server.http.options import (  # noqa: PLC0415 - starlette is not among its imports
            LOCALHOST,
            ServeOptions,
            parse_header,
            parse_proxy,
        )

        wishes, table = self.wishes, self._table
        return ServeOptions(
            host=wishes.host or table.host or LOCALHOST,
            port=table.port if wishes.port is None else wishes.port,
            cors=wishes.cors or table.cors,
            isolation=wishes.isolate or table.isolate,
            headers=tuple(map(parse_header, (*table.headers, *wishes.headers))),
            proxies=tuple(map(parse_proxy, (*table.proxies, *wishes.proxies))),
            cert=wishes.cert,
            key=wishes.key,
        )

    @property
    def _table(self) -> RunTable:
        """The project's ``[run]`` table; a broken file is told by whoever reads it first."""
        if not self.served.is_dir():
            return RunTable()
        return load_run_table(self.served)


@contextlib.contextmanager
def _ended_by_signals(stopping: asyncio.Event) -> Iterator[None]:
    """Let what asks us to end set the event, once; the second Ctrl-C ends the process at once."""
    loop = asyncio.get_running_loop()

    def stop(number: int, _frame: FrameType | None) -> None:
        if stopping.is_set() and number == signal.SIGINT:
            os._exit(130)
        loop.call_soon_threadsafe(stopping.set)

    before = {number: signal.signal(number, stop) for number in list_ending_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _open_browser(url: str) -> None:
    """Open the page where there is a browser; one that writes to our terminal is no concern of ours."""
    import threading  # noqa: PLC0415 - few runs open one
    import webbrowser  # noqa: PLC0415 - as above

    threading.Thread(target=webbrowser.open, args=(url,), name="wasmrun-browser", daemon=True).start()
