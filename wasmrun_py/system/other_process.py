"""Other processes of this machine: whether one is still the same, what it is, and its end.

A process id is given to another process sooner or later; together with the time of its start it is not.
"""

from __future__ import annotations

import itertools
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

_GRACE_S = 2.0
# The system tells a start relative to its own, which moves a little when the clock is set.
_SAME_START_S = 2.0
_OUR_PROGRAMS = frozenset({"wasmrun", "wasmrun.exe", "wasmrun-script.py"})
_OUR_PACKAGE = "wasmrun_py"
_LEADING_WORDS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessIdentity:
    """One process, for ever.

    Attributes:
        pid: Its id.
        started_s: When it started, seconds since the epoch.
    """

    pid: int
    started_s: float


def own_identity() -> ProcessIdentity:
    """This process."""
    import psutil  # noqa: PLC0415 - 20 ms, and few commands need it

    return ProcessIdentity(pid=os.getpid(), started_s=psutil.Process().create_time())


def is_running(identity: ProcessIdentity) -> bool:
    """Whether it has not ended, and its id was not given to another one."""
    return _find(identity) is not None


def is_wasmrun_of_ours(identity: ProcessIdentity) -> bool:
    """Whether it runs, is this user's, and was started as wasmrun."""
    import psutil  # noqa: PLC0415 - 20 ms, and few commands need it

    process = _find(identity)
    if process is None:
        return False
    try:
        if hasattr(os, "getuid") and process.uids().real != os.getuid():
            return False
        words = process.cmdline()
    except psutil.Error:
        return False
    return _names_wasmrun(words)


def wait_for_end(identity: ProcessIdentity, timeout_s: float) -> bool:
    """Wait until it has ended; False when it has not after ``timeout_s``."""
    deadline = time.monotonic() + timeout_s
    while is_running(identity):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)
    return True


def end_process(identity: ProcessIdentity, *, grace_s: float = _GRACE_S) -> bool:
    """Ask it to end, and kill it when it does not; False when the system does not let us."""
    import psutil  # noqa: PLC0415 - 20 ms, and few commands need it

    for action in ("terminate", "kill"):
        process = _find(identity)
        if process is None:
            return True
        try:
            getattr(process, action)()
        except psutil.NoSuchProcess:
            return True
        except psutil.Error:
            return False
        if wait_for_end(identity, grace_s):
            return True
    return False


def _find(identity: ProcessIdentity) -> psutil.Process | None:
    import psutil  # noqa: PLC0415 - 20 ms, and few commands need it

    try:
        process = psutil.Process(identity.pid)
        same = abs(process.create_time() - identity.started_s) <= _SAME_START_S
        # A process that has ended and that nobody has asked about is there in name only.
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except (psutil.Error, ValueError, OverflowError):
        return None


def _names_wasmrun(words: list[str]) -> bool:
    """Whether a command line starts wasmrun: its own program, ``python -m``, or the package's file."""
    # An interpreter, a few of its options, and the program; what follows is that one's business.
    first = words[:_LEADING_WORDS]
    if ("-m", _OUR_PACKAGE) in itertools.pairwise(first):
        return True
    paths = [Path(word) for word in first]
    return any(
        path.name in _OUR_PROGRAMS or (path.name == "__main__.py" and path.parent.name == _OUR_PACKAGE)
        for path in paths
    )


def describe_listener(port: int) -> str:
    """`` by NAME (process N)``; empty where the system does not tell."""
    import psutil  # noqa: PLC0415 - 20 ms, and only a port in use needs it

    try:
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN
            if listens and connection.laddr and connection.laddr.port == port and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    except (psutil.Error, OSError):
        return ""
    return ""
