"""The process that builds: it stays warm between builds, and a crash in it takes no server down.

Started by ``build_worker``; one JSON line a message on what were its stdin and stdout. Requests: ``build``,
``cancel``, ``answer``. Replies: ``event`` (a Reporter's), ``ask`` (an installation), ``done``. A build is
cancelled as Ctrl-C cancels one: inside the build only, so that toolchains end and staging is removed.
"""

from __future__ import annotations

import gc
import json
import os
import queue
import signal
import threading
import time
from dataclasses import asdict
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

from wasmrun_py.model.consent import InstallOffer, InstallPolicy
from wasmrun_py.model.errors import WasmrunError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from wasmrun_py.build.cache.remote.store import RemoteCache
    from wasmrun_py.config.settings import Settings
    from wasmrun_py.model.events import Event
    from wasmrun_py.plugin.manager import PluginManager
    from wasmrun_py.server.session.outcome import BuildTask, Order, Outcome

_NEEDED = (
    "wasmrun_py.config.run_settings",
    "wasmrun_py.plugin.manager",
    "wasmrun_py.server.session.run_build",
)


class Channel:
    """The pipe to the parent. A thread reads, so that a cancellation is heard while a build runs."""

    def __init__(self) -> None:
        # What plugins and their children read and print is not the conversation.
        self._incoming = os.fdopen(os.dup(0), "rb")
        self._outgoing = os.fdopen(os.dup(1), "wb", buffering=0)
        with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - a descriptor is wanted
            os.dup2(nothing.fileno(), 0)
        os.dup2(2, 1)
        self._sending = threading.Lock()
        self._requests: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._main = threading.main_thread().ident
        self.building: int | None = None
        self.cancelled: int | None = None
        threading.Thread(target=self._read, name="wasmrun-requests", daemon=True).start()

    def requests(self) -> Iterator[dict[str, Any]]:
        """Every request to build, until the parent is gone."""
        while (request := self._requests.get()) is not None:
            yield request

    def send(self, reply: dict[str, Any]) -> None:
        """Tell the parent; one that is gone is noticed by the reader."""
        data = json.dumps(reply).encode() + b"\n"
        with self._sending:
            try:
                self._outgoing.write(data)
            except OSError:
                return

    def emit(self, event: Event) -> None:
        """Be a ``Reporter``: the parent shows it."""
        self.send({"event": {"type": type(event).__name__, **asdict(event)}})

    def confirm(self, offer: InstallOffer) -> bool:
        """Be a ``Confirmer``: the parent asks."""
        self.send({"ask": {**asdict(offer), "folder": None if offer.folder is None else str(offer.folder)}})
        return self._answers.get()

    def _read(self) -> None:
        for line in self._incoming:
            request = json.loads(line)
            if request["do"] == "build":
                self._requests.put(request)
            elif request["do"] == "answer":
                self._answers.put(request["yes"])
            else:
                # One that was not begun yet finds this when it begins.
                self.cancelled = request["number"]
                if self.building == self.cancelled:
                    self._interrupt()
        # The parent is gone, however it went: a build that runs is ended too.
        self._requests.put(None)
        if self.building is not None:
            self._interrupt()
        self._answers.put(False)  # noqa: FBT003 - the answer

    def _interrupt(self) -> None:
        if self._main is not None and hasattr(signal, "pthread_kill"):
            # A signal to the main thread also ends the wait for a tool that it is in.
            signal.pthread_kill(self._main, signal.SIGTERM)
        else:
            import _thread  # noqa: PLC0415 - Windows only

            _thread.interrupt_main(signal.SIGTERM)


class Builder:
    """Builds one order after another.

    Args:
        channel: Where events and questions go.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        from wasmrun_py.config.remote_cache import without_credentials  # noqa: PLC0415 - see main

        self._environ = dict(os.environ)
        self._tool_environ = without_credentials(self._environ)
        for name in self._environ.keys() - self._tool_environ.keys():
            # A plugin may run in this process.
            del os.environ[name]
        self._manager: PluginManager | None = None
        self._remote: RemoteCache | None = None
        self._for: tuple[bool, bool, object] | None = None

    def build(self, order: Order, task: BuildTask) -> Outcome:
        """Build; however it ends is an outcome."""
        from wasmrun_py.server.session.outcome import Cancelled, describe_failure  # noqa: PLC0415 - see main

        started = time.monotonic()
        try:
            try:
                self._channel.building = order.number
                if self._channel.cancelled == order.number:
                    return Cancelled()
                return self._build(order, task)
            finally:
                self._channel.building = None
        except KeyboardInterrupt:
            return Cancelled(duration_s=time.monotonic() - started)
        except WasmrunError as error:
            return describe_failure(error, duration_s=time.monotonic() - started)

    def _build(self, order: Order, task: BuildTask) -> Outcome:
        from wasmrun_py.config.run_settings import resolve_run_build  # noqa: PLC0415 - see main
        from wasmrun_py.server.session.run_build import build_to_serve  # noqa: PLC0415 - see main

        settings = resolve_run_build(task.project, task.overrides, environ=self._environ, home=task.home)
        manager = self._get_manager(settings, task)
        remote = self._get_remote(settings)
        return build_to_serve(
            order, settings, task=task, manager=manager, reporter=self._channel, remote=remote
        )

    def _get_remote(self, settings: Settings) -> RemoteCache | None:
        """What the builds share of the remote cache: its connections, and that it does not answer."""
        wanted = settings.cache.remote if settings.cache.enabled else None
        if self._remote is not None and self._remote.settings != wanted:
            self._remote.close()
            self._remote = None
        if self._remote is None and wanted is not None:
            from wasmrun_py.build.cache.remote.store import RemoteCache  # noqa: PLC0415 - few users have one

            self._remote = RemoteCache(wanted)
        return self._remote

    def _get_manager(self, settings: Settings, task: BuildTask) -> PluginManager:
        """The plugins; loaded once, because the parent starts another process when they change."""
        asks = settings.install_policy is InstallPolicy.ASK
        may_install = task.may_ask if asks else settings.install_policy is InstallPolicy.AUTO
        wanted = (may_install, asks, task.transport)
        if self._manager is None or self._for != wanted:
            from wasmrun_py.plugin.api import PluginContext  # noqa: PLC0415 - see main
            from wasmrun_py.plugin.manager import PluginManager  # noqa: PLC0415 - see main

            context = PluginContext(
                environ=self._tool_environ,
                home=task.home,
                may_install=may_install,
                confirm=self._channel.confirm if asks and may_install else None,
                plugin_path=task.plugin_path,
                transport=task.transport,
            )
            self._manager, self._for = PluginManager(context), wanted
        return self._manager


def main() -> NoReturn:
    """Serve requests until the parent is gone. What is needed after a build is loaded beside its tools."""
    channel = Channel()

    def stop_building(_number: int, _frame: FrameType | None) -> None:
        if channel.building is not None:
            raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop_building)
    # Ctrl-C is the parent's, which then says what is to be done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from pathlib import Path  # noqa: PLC0415 - after the handlers

    from wasmrun_py.server.session.outcome import Order, parse_task  # noqa: PLC0415 - as above

    # What every build needs, while the parent gets ready itself.
    for module in _NEEDED:
        import_module(module)
    builder = Builder(channel)
    for request in channel.requests():
        order = Order(number=request["number"], folder=Path(request["folder"]))
        outcome = builder.build(order, parse_task(request["task"]))
        channel.send({"done": order.number, "outcome": outcome.to_json()})
        gc.collect()
    os._exit(0)


if __name__ == "__main__":
    main()
