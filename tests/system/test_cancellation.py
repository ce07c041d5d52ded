"""Work in other threads is called off: its children end, and no new one starts."""

from __future__ import annotations

import contextvars
import os
import shutil
import threading
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from wasmrun_py.model.errors import InterruptError
from wasmrun_py.system.cancellation import Cancellation
from wasmrun_py.system.fs import alone_in
from wasmrun_py.system.process import ToolCall, run_tool

if TYPE_CHECKING:
    from pathlib import Path

SHELL = shutil.which("sh") or "/bin/sh"


def run(script: str, folder: Path) -> None:
    run_tool(ToolCall(argv=(SHELL, "-c", script), cwd=folder, env=dict(os.environ)))


def test_running_children_end_and_their_threads_are_told(tmp_path: Path) -> None:
    """Also those that ignore a polite request, with what they started; the thread gets an InterruptError."""
    cancellation = Cancellation()
    raised: list[BaseException] = []

    def work(number: int) -> None:
        with cancellation.active():
            try:
                run(f"trap '' TERM; sleep 999 & echo $! > {number}; wait; sleep 999", tmp_path)
            except InterruptError as error:
                raised.append(error)

    threads = [
        threading.Thread(target=contextvars.copy_context().run, args=(work, number)) for number in range(3)
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 30
    pids: list[int] = []
    while len(pids) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
        pids = [int(text) for path in tmp_path.iterdir() if (text := path.read_text("ascii").strip())]
    cancellation.cancel()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    assert len(raised) == len(pids) == 3
    for pid in pids:
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    with cancellation.active(), pytest.raises(InterruptError):
        run("touch late", tmp_path)


def test_other_work_goes_on(tmp_path: Path) -> None:
    """What is not under it is not called off."""
    Cancellation().cancel()
    run("touch done", tmp_path)
    assert (tmp_path / "done").exists()


def test_one_after_another_in_a_folder(tmp_path: Path) -> None:
    """Threads and processes take turns, and no file is left behind."""
    inside = 0
    most = 0

    def work() -> None:
        nonlocal inside, most
        with alone_in(tmp_path):
            inside += 1
            most = max(most, inside)
            time.sleep(0.01)
            inside -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert not list(tmp_path.iterdir())
