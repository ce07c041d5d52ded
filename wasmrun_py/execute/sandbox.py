"""wasmtime as this project uses it: one engine, one store, its limits, and WASI with nothing granted.

Runs in the child only. What goes wrong in the guest is explained here, limits before traps.
"""

from __future__ import annotations

import hashlib
import os
import re
from typing import TYPE_CHECKING, TypeVar

from wasmtime import Config, Engine, Store, Trap, WasiConfig, WasmtimeError
from wasmtime import _ffi as ffi

from wasmrun_py.execute.failure import Failure, LimitFailure, NotRunnableFailure, TrapFailure
from wasmrun_py.execute.host_imports import THREADS_HINT
from wasmrun_py.execute.memory_limit import MemoryLimit
from wasmrun_py.execute.module_cache import CacheKey, find_entry, store_entry
from wasmrun_py.execute.traps import is_trap_text, parse_trap

if TYPE_CHECKING:
    from wasmtime import Module
    from wasmtime.component import Component

    from wasmrun_py.execute.watchdog import Watchdog
    from wasmrun_py.execute.wire import WireRequest

_Compiled = TypeVar("_Compiled", "Module", "Component")

# Far above what programs use, and low enough that a hostile module cannot fill the host with bookkeeping.
_MOST_INSTANCES = 1_000
_MOST_TABLES = 1_000
_MOST_MEMORIES = 1_000
_MOST_TABLE_ELEMENTS = 10_000_000
_MOST_FUEL = 2**64 - 1
_NO_SHARED_MEMORY = "shared memory support is disabled"
_OUT_OF_FUEL = "all fuel consumed"
_CAUSE_NUMBER = re.compile(r"^\d+: ")


class Sandbox:
    """The engine and limits of one run.

    Attributes:
        request: What to run.
        watchdog: Knows whether the time is up.
        engine: Configured for exactly the limits that were asked for.
    """

    def __init__(self, request: WireRequest, watchdog: Watchdog) -> None:
        self.request = request
        self.watchdog = watchdog
        self._memory: MemoryLimit | None = None
        config = Config()
        # Checks in every loop cost time, so they are compiled in only when something may interrupt.
        if request["timeout_s"] is not None or request["max_memory_bytes"] is not None:
            config.epoch_interruption = True
        if request["fuel"] is not None:
            config.consume_fuel = True
        if request["max_memory_bytes"] is not None:
            self._memory = MemoryLimit(request["max_memory_bytes"], on_denied=self.interrupt)
            self._memory.install(config)
        self.engine = Engine(config)

    def interrupt(self) -> None:
        """Make the guest trap at its next function or loop."""
        self.engine.increment_epoch()

    def open_store(self) -> Store:
        """A store with every limit set and WASI configured.

        Raises:
            Failure: A granted folder cannot be opened, or a text cannot be passed on.
        """
        store = Store(self.engine)
        store.set_limits(
            instances=_MOST_INSTANCES,
            tables=_MOST_TABLES,
            memories=_MOST_MEMORIES,
            table_elements=_MOST_TABLE_ELEMENTS,
        )
        if self.request["timeout_s"] is not None or self._memory is not None:
            store.set_epoch_deadline(1)
        if self.request["fuel"] is not None:
            store.set_fuel(min(self.request["fuel"], _MOST_FUEL))
        store.set_wasi(self._wasi())
        return store

    def compile(self, kind: type[_Compiled], data: bytes) -> _Compiled:
        """Compile ``data``, or take what was compiled of it before.

        Raises:
            NotRunnableFailure: It is not valid WebAssembly; the message names the offset.
        """
        folder = self.request["cache_dir"]
        key = CacheKey(hashlib.sha256(data).hexdigest(), self._engine_name(kind.__name__))
        cached = find_entry(folder, key) if folder else None
        if cached is not None:
            try:
                return kind.deserialize_file(self.engine, cached)
            except WasmtimeError:
                # Intact, and of a machine or build that the key does not tell apart: compiled anew.
                pass
        try:
            compiled = kind(self.engine, data)
        except WasmtimeError as error:
            raise NotRunnableFailure(
                f"{self.request['module']} is not valid WebAssembly: {_last_cause(str(error))}",
                hint="wasmrun verify says more; building it again may help.",
            ) from error
        if folder:
            store_entry(folder, key, compiled.serialize)
        return compiled

    def explain(self, error: Trap | WasmtimeError) -> Failure:
        """What a failure of running code was: a limit, a trap, or something that would not load."""
        if isinstance(error, Trap):
            text, names = error.message, [frame.func_name for frame in error.frames]
        else:
            text, names = str(error), []
        trap = parse_trap(text, names)
        where = f"It was in {trap.backtrace[0]}." if trap.backtrace else ""
        limit = self.find_limit(where)
        if limit is not None:
            return limit
        if _OUT_OF_FUEL in text:
            return LimitFailure(
                f"The guest used up its fuel ({self.request['fuel']} units)",
                hint=f"{where} Give it more with --fuel.".strip(),
            )
        if is_trap_text(text):
            return TrapFailure(f"The guest trapped: {trap.reason}", backtrace=trap.backtrace)
        return NotRunnableFailure(
            f"{self.request['module']} cannot be run: {_all_causes(text)}",
            hint=THREADS_HINT if _NO_SHARED_MEMORY in text else "",
        )

    def find_limit(self, where: str = "") -> LimitFailure | None:
        """The limit that was reached, if one was; a refused memory counts however the guest ended."""
        if self._memory is not None and self._memory.denied_bytes:
            return LimitFailure(
                f"The guest asked for {self._memory.denied_bytes} bytes of memory,"
                f" and its limit is {self._memory.max_bytes}",
                hint=f"{where} Give it more with --max-memory.".strip(),
            )
        return timeout_failure(self.request, where) if self.watchdog.fired else None

    def _wasi(self) -> WasiConfig:
        request = self.request
        wasi = WasiConfig()
        args = [] if request["call"] is not None else request["args"]
        wasi.argv = [os.path.basename(request["module"]), *args]  # noqa: PTH119 - pathlib costs time here
        wasi.env = request["env"]
        wasi.inherit_stdin()
        wasi.inherit_stdout()
        wasi.inherit_stderr()
        for host, guest, read_only in request["dirs"]:
            try:
                wasi.preopen_dir(host, guest, fs_mutable=not read_only)
            except WasmtimeError as error:
                raise Failure(f"The folder {host} cannot be opened for the guest") from error
        return wasi

    def _engine_name(self, kind: str) -> str:
        """The build of wasmtime (its library's size and time) and the settings that shape its code."""
        library = os.stat(ffi.filename)  # noqa: PTH116 - as above
        flags = (
            self.request["timeout_s"] is not None or self._memory is not None,
            self.request["fuel"] is not None,
            self._memory is not None,
        )
        return f"1 {kind} {library.st_size} {library.st_mtime_ns} {flags}"


def timeout_failure(request: WireRequest, where: str = "") -> LimitFailure:
    """The guest's time is up."""
    return LimitFailure(
        f"The guest timed out after {request['timeout_s']:g} s",
        hint=f"{where} Give it more with --timeout.".strip(),
    )


def _last_cause(text: str) -> str:
    """The innermost of wasmtime's chained reasons, which names what and where."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return _CAUSE_NUMBER.sub("", lines[-1]) if lines else "unknown reason"


def _all_causes(text: str) -> str:
    """The reasons that wasmtime chained, on one line, the outermost first."""
    lines = [_CAUSE_NUMBER.sub("", line.strip()) for line in text.splitlines() if line.strip()]
    return ": ".join(line for line in lines if line != "Caused by:")
