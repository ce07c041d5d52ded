"""A thousand calls through one helper leave the process that makes them as it was."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.plugin.transport.conftest import Workshop, workshop
from tests.toolchain.recording import RecordingReporter
from wasmrun_py.model.manifest import Match, TransportKind

if TYPE_CHECKING:
    from wasmrun_py.plugin.transport.ffi import FfiTransport

__all__ = ["workshop"]

_CALLS = 1000
_GROWTH_BYTES = 2 * 1024 * 1024
_PLUGIN = Path(__file__).parent.parent / "transport" / "parity.c"


def _counts() -> tuple[int, int]:
    return len(os.listdir("/proc/self/fd")), threading.active_count()  # noqa: PTH208 - a count, no paths


def _resident(pid: int) -> int:
    resident: int = psutil.Process(pid).memory_info().rss
    return resident


def _transport(made: Workshop) -> FfiTransport:
    from wasmrun_py.plugin.transport.ffi import FfiTransport  # noqa: PLC0415 - beside its typing-only import

    made.write_library(_PLUGIN)
    plugin = made.open(forced=TransportKind.FFI)
    return FfiTransport(plugin._callee)  # noqa: SLF001 - the transport alone is what is measured


def test_calls_leave_nothing_behind(workshop: Workshop) -> None:
    """Memory of both processes, descriptors and threads are flat over 1,000 calls."""
    transport, project = _transport(workshop), workshop.project()
    for _ in range(100):
        assert isinstance(transport.can_handle_project(project), Match)
    pid = transport.pid
    assert pid is not None
    before = (_counts(), _resident(os.getpid()), _resident(pid))
    for _ in range(_CALLS):
        transport.can_handle_project(project)
    after = (_counts(), _resident(os.getpid()), _resident(pid))
    assert transport.pid == pid
    assert after[0] == before[0]
    assert after[1] - before[1] < _GROWTH_BYTES
    assert after[2] - before[2] < _GROWTH_BYTES
    transport.close()
    assert not psutil.pid_exists(pid)


def test_builds_leave_nothing_behind(workshop: Workshop) -> None:
    """The same for 100 builds."""
    transport = _transport(workshop)
    for _ in range(10):
        transport.build(workshop.config(), RecordingReporter())
    pid = transport.pid
    assert pid is not None
    before = (_counts(), _resident(os.getpid()), _resident(pid))
    for _ in range(100):
        transport.build(workshop.config(), RecordingReporter())
    after = (_counts(), _resident(os.getpid()), _resident(pid))
    assert after[0] == before[0]
    assert after[1] - before[1] < _GROWTH_BYTES
    assert after[2] - before[2] < _GROWTH_BYTES
    transport.close()


@pytest.mark.parametrize("closed", ["explicitly", "by nobody"])
def test_helper_ends_with_its_owner(workshop: Workshop, closed: str) -> None:
    """A transport that is dropped without ``close`` leaves no process behind."""
    transport = _transport(workshop)
    transport.open()
    pid = transport.pid
    assert pid is not None
    if closed == "explicitly":
        transport.close()
    else:
        del transport
    assert not psutil.pid_exists(pid)
