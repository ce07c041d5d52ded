"""The helper's side of the FFI transport: open one library and answer for it.

Standard library and this room only. The channel is ``python_host``'s: before the library is opened, requests
and answers move to private descriptors and fd 1 leads to stderr. A library that cannot be used is an answer,
``refused``; one that answers nonsense is another, ``wrong``; one that crashes takes this process with it, and
nothing else.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time

from wasmrun_py.plugin.ffi.host_side import HostSide
from wasmrun_py.plugin.ffi.memory import MisbehavedError, RefusedError
from wasmrun_py.plugin.transport.python_host import Channel, serve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from wasmrun_py.plugin.ffi.abi1 import Abi1Plugin
    from wasmrun_py.plugin.ffi.legacy import BuilderLibrary, WaspyLibrary

_SUBREAPER = 36


class Host:
    """Answers requests for one library.

    Args:
        channel: Where events go.
    """

    def __init__(self, channel: Channel) -> None:
        self._side = HostSide(channel.send)
        self._opened: Abi1Plugin | BuilderLibrary | WaspyLibrary | None = None

    def answer(self, method: str, params: dict[str, Any]) -> Any:
        """Do what a request asks for; its result as plain data."""
        known: dict[str, Callable[[dict[str, Any]], Any]] = {
            "load": self._load,
            "can_handle_project": lambda asked: self._plugin.can_handle_project(asked["project_path"]),
            "check_dependencies": lambda _asked: self._plugin.check_dependencies(),
            "validate_project": lambda asked: self._plugin.validate_project(asked["project_path"]),
            "build": self._build,
            "clean": lambda asked: self._plugin.clean(asked["project_path"]),
            "exercise": self._exercise,
            "close": lambda _asked: self._plugin.close(),
        }
        if "deadline_s" in params:
            self._side.deadline = time.monotonic() + params["deadline_s"]
        try:
            return {"answer": known[method](params)}
        except RefusedError as error:
            return {"refused": str(error)}
        except MisbehavedError as error:
            return {"wrong": str(error)}
        finally:
            self._side.finish()

    def cancel(self) -> None:
        """Nobody waits any more."""
        self._side.cancel()

    @property
    def _plugin(self) -> Abi1Plugin | BuilderLibrary | WaspyLibrary:
        if self._opened is None:
            raise RefusedError("no library is loaded")
        return self._opened

    def _load(self, params: dict[str, Any]) -> dict[str, Any]:
        limit_data(params["max_data_bytes"])
        adopt_orphans()
        self._side.enter("load")
        opened = open_library(params["library"], self._side)
        if params["create"]:
            opened.create()
        self._opened = opened
        return {"abi": opened.name, "legacy": opened.legacy, "manifest": opened.manifest}

    def _exercise(self, params: dict[str, Any]) -> dict[str, Any]:
        from wasmrun_py.plugin.ffi.abi1 import Abi1Plugin  # noqa: PLC0415 - as in ``open_library``
        from wasmrun_py.plugin.ffi.exercise import exercise  # noqa: PLC0415 - only ``plugin test`` asks

        if not isinstance(self._plugin, Abi1Plugin):
            raise RefusedError("only a library of ABI 1 is exercised")
        self._side.mute()
        return exercise(self._plugin, params)

    def _build(self, params: dict[str, Any]) -> dict[str, Any]:
        os.environ.update(params["environ"])
        if params["cwd"] is not None:
            os.chdir(params["cwd"])
        return self._plugin.build(params["config"])


def open_library(path: str, side: HostSide) -> Abi1Plugin | BuilderLibrary | WaspyLibrary:
    """Open a library and recognise it by its symbols.

    Raises:
        RefusedError: It cannot be opened, or is none that can be called.
    """
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        raise RefusedError(str(error)) from error
    from wasmrun_py.plugin.ffi.abi1 import VERSION_SYMBOL, Abi1Plugin  # noqa: PLC0415 - one of two

    if hasattr(library, VERSION_SYMBOL):
        return Abi1Plugin(library, side)
    from wasmrun_py.plugin.ffi.legacy import open_legacy  # noqa: PLC0415 - one of two

    return open_legacy(library, side)


def limit_data(max_data_bytes: int | None) -> None:
    """Limit what this process and its children may each write to, where the system counts it.

    Not the address space: compilers reserve far more of that than they ever use.
    """
    if max_data_bytes is None or sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - not on Windows

    try:
        resource.setrlimit(resource.RLIMIT_DATA, (max_data_bytes, max_data_bytes))
    except (ValueError, OSError):
        # Less was granted to us already.
        return


def adopt_orphans() -> None:
    """Become the parent of whatever a child of the plugin leaves behind, so that the tree stays whole."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)


def serve_library() -> None:
    """Serve one library on this process's stdin and stdout."""
    channel = Channel()
    serve(channel, Host(channel))
