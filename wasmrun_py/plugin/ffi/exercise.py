"""Exercise a library of ABI 1 harder than a build does, for ``wasmrun plugin test``. Helper's side."""

from __future__ import annotations

import sys
import time

from wasmrun_py.plugin.ffi.memory import RefusedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wasmrun_py.plugin.ffi.abi1 import Abi1Plugin

_STRETCHES = 4
_PATIENCE_S = 5.0
_ODD_PATH = b"/nowhere/\xff\xfe\x80"


def exercise(plugin: Abi1Plugin, params: dict[str, Any]) -> dict[str, Any]:
    """Do what ``params["what"]`` names; what it saw.

    Raises:
        RefusedError: It names nothing.
        MisbehavedError: The library answered nonsense.
    """
    known = {"empty": _give_nothing, "odd": _give_odd_paths, "questions": _ask_often, "failures": _fail_often}
    if params["what"] not in known:
        raise RefusedError(f"there is no exercise {params['what']!r}")
    return known[params["what"]](plugin, params)


def _give_nothing(plugin: Abi1Plugin, params: dict[str, Any]) -> dict[str, Any]:
    """Null pointers with a length of 0, and a build that is given nothing it could do without."""
    plugin.can_handle_project("")
    plugin.validate_project("")
    built = plugin.build(params["config"])
    return {"status": built["status"], "message": built["message"]}


def _give_odd_paths(plugin: Abi1Plugin, _params: dict[str, Any]) -> dict[str, Any]:
    """A path that is no UTF-8: wasmrun passes none, and others may."""
    taken = plugin.can_handle_project(_ODD_PATH)
    plugin.validate_project(_ODD_PATH)
    return {"taken": taken is not None}


def _ask_often(plugin: Abi1Plugin, params: dict[str, Any]) -> dict[str, Any]:
    """The questions, again and again."""

    def ask() -> None:
        plugin.can_handle_project(params["project_path"])
        plugin.validate_project(params["project_path"])
        plugin.check_dependencies()

    return _repeat(ask, params["calls"])


def _fail_often(plugin: Abi1Plugin, params: dict[str, Any]) -> dict[str, Any]:
    """A build of an empty folder, again and again: each result has a message to free."""
    return _repeat(lambda: plugin.build(params["config"]), params["calls"])


def _repeat(call: Any, calls: int) -> dict[str, Any]:
    """Call that often, some times over; how often once, and by how much that grew this process at least.

    The first time fills what a plugin keeps on purpose, and a garbage collector's heap goes up and down; what
    is lost is lost every time.
    """
    done, grown = 0, []
    for stretch in range(_STRETCHES):
        before = _resident_bytes()
        done = _call(call, calls)
        if stretch:
            grown.append(_resident_bytes() - before)
    return {"calls": done, "growth_bytes": max(0, min(grown))}


def _call(call: Any, calls: int) -> int:
    """Call that often, at most for some seconds; how often it was."""
    started, done = time.monotonic(), 0
    while done < calls and time.monotonic() - started < _PATIENCE_S:
        call()
        done += 1
    return done


def _resident_bytes() -> int:
    """What this process has in memory; where only its peak is known, the peak."""
    try:
        with open("/proc/self/statm", "rb") as stream:  # noqa: PTH123 - no pathlib here
            pages = int(stream.read().split()[1])
    except OSError:
        if sys.platform == "win32":
            return 0
        import resource  # noqa: PLC0415 - not on Windows

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    import resource  # noqa: PLC0415 - as above

    return pages * resource.getpagesize()
