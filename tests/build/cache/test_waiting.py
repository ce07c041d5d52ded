"""Waiting for another process that builds the same thing, and giving up when it is alive and stuck."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.toolchain.recording import RecordingReporter
from wasmrun_py.build.cache.build_cache import BuildCache, CachePlace
from wasmrun_py.build.cache.last_build import LastBuild
from wasmrun_py.build.cache.local import LocalStore
from wasmrun_py.build.fingerprint.kept_hashes import KeptHashes
from wasmrun_py.build.fingerprint.key import FingerprintRequest
from wasmrun_py.config.settings import Overrides, resolve_settings
from wasmrun_py.model.events import Message
from wasmrun_py.system.paths import Home

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_HOLDER = """
import sys, time, filelock
with filelock.FileLock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


def _open(folder: Path, reporter: RecordingReporter, *, wait_s: float) -> BuildCache:
    project, cache = folder / "app", folder / "cache"
    project.mkdir(exist_ok=True)
    (project / "main.c").write_text("int main(void) { return 0; }\n")
    home = Home(root=folder / "home", own_cache=cache)
    settings = resolve_settings(project, Overrides(), environ={}, home=home)
    place = CachePlace(
        store=LocalStore(cache, lambda _: None),
        locks=cache / "locks",
        last=LastBuild(cache / "last.json"),
        max_bytes=10**9,
        settled=home.toolchains,
        wait_s=wait_s,
    )
    request = FingerprintRequest(project=project, outputs=(), settings=settings, plugin={}, environ={})
    return BuildCache(place, request, KeptHashes(None), reporter)


@contextmanager
def _stuck_holder(lock: Path) -> Iterator[None]:
    """Another process that holds the lock and does nothing: it is stopped."""
    process = subprocess.Popen([sys.executable, "-c", _HOLDER, str(lock)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "held\n"
        os.kill(process.pid, signal.SIGSTOP)
        yield
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_stuck_process_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    """After the limit the build goes on without the lock, and that is said; the lock stays the other's."""
    reporter = RecordingReporter()
    with _open(tmp_path, reporter, wait_s=0.2).turn() as waited:
        assert not waited
        (lock,) = (tmp_path / "cache" / "locks").glob("*.lock")
    assert reporter.of(Message) == []
    with _stuck_holder(lock):
        with _open(tmp_path, reporter, wait_s=0.2).turn() as waited:
            # It did not wait to the end of the other build: there is no result to look for.
            assert not waited
        said = [message.text for message in reporter.of(Message)]
        assert said == [
            "Another process builds the same project: waiting for its result",
            "Another process has been at it for more than 0.2 s: building too",
        ]
        with _open(tmp_path, reporter, wait_s=0.2).turn() as waited:
            assert not waited
    with _open(tmp_path, reporter, wait_s=5).turn() as waited:
        assert not waited
    assert len(reporter.of(Message)) == len(said) * 2
