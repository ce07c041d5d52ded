"""One build's dealings with the remote cache: look when the local one has nothing, send what was published.

What is found has been through every check that a build of our own goes through, and some more.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasmrun_py.build.cache.record import MOST_SETS, parse_result, parse_sets, write_result, write_sets
from wasmrun_py.build.cache.remote.fault import RemoteFault
from wasmrun_py.build.cache.remote.trust import is_harmless
from wasmrun_py.model.errors import InterruptError
from wasmrun_py.model.events import StepFinished, StepStarted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wasmrun_py.build.cache.record import CachedResult
    from wasmrun_py.build.cache.remote.store import RemoteStore
    from wasmrun_py.build.cache.remote.trust import Surroundings
    from wasmrun_py.build.fingerprint.dependencies import Dependencies
    from wasmrun_py.model.events import Reporter


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parcel:
    """A build to be sent."""

    fingerprint_key: str
    key: str
    result: CachedResult
    dependencies: Dependencies


class RemoteOfBuild:
    """What a build asks of a remote cache.

    Args:
        store: The remote cache.
        around: Where this build's things are.
        note: Takes a sentence for those who want to know everything.
    """

    def __init__(self, store: RemoteStore, around: Surroundings, note: Callable[[str], None]) -> None:
        self._store = store
        self._around = around
        self._note = note
        self._sets: dict[str, tuple[Dependencies, ...]] = {}
        self._parcel: _Parcel | None = None

    @property
    def host(self) -> str:
        """What the server is called in messages."""
        return self._store.host

    def find_sets(self, fingerprint_key: str) -> tuple[Dependencies, ...]:
        """The sets of paths that builds of a fingerprint depended on elsewhere; asked for once."""
        if fingerprint_key not in self._sets:
            sets = self._load_sets(fingerprint_key)
            self._note(f"The remote cache {self.host} {'knows' if sets else 'does not know'} this project")
            taken = tuple(each for each in sets if is_harmless(each, self._around))
            if len(taken) < len(sets):
                self._note("The remote cache names files that no toolchain has: these are not looked at")
            self._sets[fingerprint_key] = taken
        return self._sets[fingerprint_key]

    def _load_sets(self, fingerprint_key: str) -> tuple[Dependencies, ...]:
        data = self._store.find_action(fingerprint_key)
        return (parse_sets(fingerprint_key, data) if data is not None else None) or ()

    def find_result(self, key: str, into: Path) -> CachedResult | None:
        """The result of a key, its files in the empty folder ``into``; else None, and the folder empty.

        Raises:
            OutputError: The folder cannot be emptied again.
        """
        data = self._store.find_action(key)
        result = parse_result(key, data) if data is not None else None
        if result is None:
            return None
        if all(
            self._store.find_blob(each.sha256, each.size_bytes, into / each.name) for each in result.files
        ):
            problem = _find_problem(result, into)
            if problem is None:
                _mark_programs(result, into)
                return result
            self._store.refuse(problem)
        from wasmrun_py.system.fs import make_empty  # noqa: PLC0415 - only when a file is missing

        make_empty(into)
        return None

    def plan(
        self, fingerprint_key: str, key: str, *, result: CachedResult, dependencies: Dependencies
    ) -> None:
        """Have a build sent later, once its files are published."""
        self._parcel = _Parcel(
            fingerprint_key=fingerprint_key, key=key, result=result, dependencies=dependencies
        )

    def describe(self) -> str:
        """What came of asking so far, for ``--explain``."""
        if not self._store.is_readable:
            return f"the remote cache {self._store.host} does not answer"
        if not self._sets:
            return f"the remote cache {self._store.host} was not asked"
        known = "not this state of it" if any(self._sets.values()) else "not this project"
        return f"the remote cache {self._store.host} has {known}"

    def send(self, folder: Path, reporter: Reporter) -> bool:
        """Send what was planned, if anything: files, then the result that names them, then the way to it.

        Args:
            folder: Where the files are now. One that was changed since is not sent, nor is the result.
            reporter: Hears that this takes a moment.

        Raises:
            InterruptError: The user has enough; what was published stays.
        """
        parcel = self._parcel
        if parcel is None or not self._store.is_writable:
            return False
        if not is_harmless(parcel.dependencies, self._around):
            self._note(
                "The build depends on files of this user's that others would not look for: it is not sent"
            )
            return False
        label = f"Sending the build to {self._store.host}"
        reporter.emit(StepStarted(label=label))
        try:
            return self._send(parcel, folder)
        except KeyboardInterrupt as interrupt:
            raise InterruptError(
                f"Interrupted while the build was sent to the remote cache {self._store.host}",
                hint="The build is done, and its artifacts are in their place.",
            ) from interrupt
        finally:
            reporter.emit(StepFinished(label=label))

    def _send(self, parcel: _Parcel, folder: Path) -> bool:
        store = self._store
        for file in parcel.result.files:
            if not store.store_blob(file.sha256, folder / file.name):
                return False
        if not store.store_action(parcel.key, write_result(parcel.key, parcel.result)):
            return False
        key = parcel.fingerprint_key
        # Asked anew: others may have built the same while we did. One of two at once loses its way here,
        # which costs a build later on.
        known = self._load_sets(key)
        if parcel.dependencies in known:
            return True
        sets = (parcel.dependencies, *known)[:MOST_SETS]
        return store.store_action(key, write_sets(key, sets))


def _find_problem(result: CachedResult, folder: Path) -> RemoteFault | None:
    """The fault of a server whose modules are none; digests only say that they are what somebody stored."""
    from wasmrun_py.wasm.verify import verify_module  # noqa: PLC0415 - 60 ms, and only a hit needs it

    for file in result.files:
        is_module = file.kind == "wasm" or file.name == result.details["wasm"]
        if is_module and not verify_module((folder / file.name).read_bytes()).valid:
            return RemoteFault(f"has a module that is not valid WebAssembly, {file.name}")
    return None


def _mark_programs(result: CachedResult, folder: Path) -> None:
    for file in result.files:
        if file.executable and os.name != "nt":
            (folder / file.name).chmod(0o755)
