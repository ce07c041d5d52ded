"""What one build asks of the cache: is it there already, whose turn is it to make it, keep it.

Two steps lead to a result. What is known before a build (the fingerprint) finds the sets of paths that builds
of it depended on; the state of these now, together with the fingerprint, is the key of the result. A result
is kept only when nothing it depends on changed while it was made. Nothing here ends a build.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from wasmrun_py.build.cache.record import (
    MOST_SETS,
    CachedResult,
    parse_result,
    parse_sets,
    write_result,
    write_sets,
)
from wasmrun_py.build.fingerprint.dependencies import (
    Dependencies,
    DependencyReader,
    UncacheableError,
    make_dependencies,
    parse_dependencies,
)
from wasmrun_py.build.fingerprint.kept_hashes import KeptHashes, is_racy
from wasmrun_py.build.fingerprint.key import FingerprintRequest, result_key, take_fingerprint
from wasmrun_py.model.errors import OutputError
from wasmrun_py.model.events import Level, Message

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from wasmrun_py.build.cache.explanation import Explanation
    from wasmrun_py.build.cache.last_build import LastBuild
    from wasmrun_py.build.cache.remote.of_build import RemoteOfBuild
    from wasmrun_py.build.cache.store import BuildStore
    from wasmrun_py.model.build_inputs import BuildInputs
    from wasmrun_py.model.events import Reporter


class CacheSource(StrEnum):
    """Where a cached build came from."""

    LOCAL = "local"
    REMOTE = "remote"


@dataclass(frozen=True, slots=True, kw_only=True)
class CachePlace:
    """Where a build's cache is.

    Attributes:
        store: Keeps actions and blobs.
        locks: The folder of its locks.
        last: The note of the project's last build.
        max_bytes: What the cache may hold: nothing larger is kept.
        settled: A folder whose files are put in place whole and stay as they are, absolute: a toolchain that
            the build itself installed there is new, and no change.
        wait_s: How long to wait for another process that makes the same thing.
    """

    store: BuildStore
    locks: Path
    last: LastBuild
    max_bytes: int
    settled: Path
    wait_s: float = 600.0


class BuildCache:
    """One build's dealings with the cache.

    Args:
        place: Where the cache is.
        request: What the fingerprint is taken of.
        hashes: Digests of files, kept from run to run.
        reporter: Hears why something is not kept, and that another process is waited for.

    Raises:
        UncacheableError: The inputs cannot be told.
    """

    def __init__(
        self, place: CachePlace, request: FingerprintRequest, hashes: KeptHashes, reporter: Reporter
    ) -> None:
        self._place = place
        self._request = request
        self._hashes = hashes
        self._reporter = reporter
        self._started_ns = time.time_ns()
        self._fingerprint = take_fingerprint(request, hashes)
        self._reader = DependencyReader(hashes, request.environ, request.outputs)
        self._found_damage = False
        self.stored_bytes = 0
        self.was_hit = False
        self.found_in: CacheSource | None = None
        self._remote: RemoteOfBuild | None = None

    def share(self, remote: RemoteOfBuild) -> None:
        """Look there too from now on, and send there what is kept."""
        self._remote = remote

    def find(self, into: Path, *, near_only: bool = False) -> CachedResult | None:
        """The result of an earlier build, its files put into the empty folder ``into``; or None.

        Args:
            into: The folder.
            near_only: Look on this machine only.

        Raises:
            OutputError: ``into`` takes no files.
        """
        for dependencies in self._find_sets():
            key = self._find_key(dependencies)
            if key is None:
                continue
            data = self._place.store.find_action(key)
            result = parse_result(key, data) if data is not None else None
            if data is not None and result is None:
                self._discard(key)
            if result is not None and self._fetch(result, into):
                self._note(key, dependencies)
                self.was_hit = True
                self.found_in = CacheSource.LOCAL
                return result
        return None if near_only else self._find_remote(into)

    def _find_remote(self, into: Path) -> CachedResult | None:
        """The same from another machine, kept on this one from now on."""
        remote = self._remote
        if remote is None:
            return None
        for dependencies in dict.fromkeys((*remote.find_sets(self._fingerprint.key), *self._find_sets())):
            key = self._find_key(dependencies)
            result = remote.find_result(key, into) if key is not None else None
            if key is not None and result is not None:
                self._note(key, dependencies)
                self._store(key, result, dependencies, folder=into)
                self.was_hit = True
                self.found_in = CacheSource.REMOTE
                return result
        return None

    def _find_key(self, dependencies: Dependencies) -> str | None:
        """The key of a result that depends on these, as they are now; None when that cannot be told."""
        try:
            return result_key(self._fingerprint, self._reader.read(dependencies))
        except UncacheableError:
            return None

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Be the only one that makes this, as far as locks work.

        A process that holds the lock for too long is not waited for: the work is done twice then.
        """
        from wasmrun_py.system.fs import lock_within  # noqa: PLC0415 - only a miss locks

        def on_wait() -> None:
            text = "Another process builds the same project: waiting for its result"
            self._reporter.emit(Message(level=Level.INFO, text=text))

        lock_file = self._place.locks / f"{self._fingerprint.key}.lock"
        lock = lock_within(lock_file, timeout_s=self._place.wait_s, on_wait=on_wait)
        try:
            held = lock.__enter__()
        except OutputError:
            # No lock is no reason not to build.
            yield
            return
        try:
            if not held:
                text = f"Another process has been at it for more than {self._place.wait_s:g} s: building too"
                self._reporter.emit(Message(level=Level.INFO, text=text))
            yield
        finally:
            with suppress(OSError):
                lock.__exit__(None, None, None)

    def keep(self, result: CachedResult, inputs: BuildInputs, *, folder: Path) -> bool:
        """Keep what was made; False when it is not.

        Args:
            result: What was made.
            inputs: What the build read.
            folder: Where the files of ``result`` are.
        """
        dependencies = make_dependencies(inputs, covered=self._covered())
        try:
            self._require_unchanged(dependencies)
            key = result_key(self._fingerprint, self._reader.read(dependencies))
        except UncacheableError as error:
            self.leave_out(str(error))
            return False
        self._note(key, dependencies)
        size_bytes = sum(file.size_bytes for file in result.files)
        if size_bytes > self._place.max_bytes:
            self.leave_out("it is larger than the whole cache may be")
            return False
        if self._remote is not None:
            self._remote.plan(self._fingerprint.key, key, result=result, dependencies=dependencies)
        return self._store(key, result, dependencies, folder=folder)

    def send(self, folder: Path) -> None:
        """Send what was made to the other machines, if they take it; ``folder`` has it.

        Raises:
            InterruptError: The user has enough.
        """
        if self._remote is not None:
            self._remote.send(folder, self._reporter)

    def _store(self, key: str, result: CachedResult, dependencies: Dependencies, *, folder: Path) -> bool:
        """Keep a result, and the way to it, on this machine."""
        store = self._place.store
        if not all(store.store_blob(file.sha256, folder / file.name) for file in result.files):
            return False
        self.stored_bytes += sum(file.size_bytes for file in result.files)
        if not store.store_action(key, write_result(key, result)):
            return False
        known = [each for each in self._find_sets() if each != dependencies]
        sets = (dependencies, *known)[:MOST_SETS]
        return store.store_action(self._fingerprint.key, write_sets(self._fingerprint.key, sets))

    def leave_out(self, reason: str) -> None:
        """Note that a build is not kept, and why."""
        text = f"The build is not kept in the cache: {reason}"
        self._reporter.emit(Message(level=Level.DEBUG, text=text))
        self._note(f"not kept: {self._fingerprint.key}", None, not_kept=reason)

    def explain_hit(self) -> Explanation:
        """Where ``find`` found it."""
        from wasmrun_py.build.cache.explanation import ExplainStatus, Explanation  # noqa: PLC0415 - few ask

        remote = self._remote if self.found_in is CacheSource.REMOTE else None
        note = f"from the remote cache {remote.host}" if remote is not None else ""
        return Explanation(status=ExplainStatus.HIT, note=note)

    def explain_miss(self) -> Explanation:
        """Why ``find`` found nothing; asked before the build."""
        explanation = self._explain_local()
        asked = self._remote.describe() if self._remote is not None else ""
        note = "; ".join(filter(None, (explanation.note, asked)))
        return replace(explanation, note=note)

    def _explain_local(self) -> Explanation:
        from wasmrun_py.build.cache.explanation import (  # noqa: PLC0415 - only --explain
            ExplainStatus,
            Explanation,
            compare_notes,
        )
        from wasmrun_py.build.cache.last_build import describe_build  # noqa: PLC0415 - as above

        before = self._place.last.load()
        if before is None:
            return Explanation(status=ExplainStatus.FIRST_BUILD)
        try:
            now = describe_build(
                self._fingerprint,
                parse_dependencies(before.get("dependencies")),
                self._reader,
                environ=self._request.environ,
                salt=str(before.get("salt")),
            )
        except UncacheableError as error:
            return Explanation(status=ExplainStatus.UNCACHEABLE, note=str(error))
        reasons = compare_notes(before, now)
        if reasons:
            return Explanation(status=ExplainStatus.CHANGED, reasons=reasons)
        if before.get("not_kept"):
            return Explanation(status=ExplainStatus.NOT_KEPT, note=str(before["not_kept"]))
        status = ExplainStatus.CORRUPT if self._is_damaged() else ExplainStatus.EVICTED
        return Explanation(status=status)

    def close(self) -> None:
        """Keep the digests that were worked out."""
        self._hashes.save()

    def _find_sets(self) -> tuple[Dependencies, ...]:
        key = self._fingerprint.key
        data = self._place.store.find_action(key)
        if data is None:
            return ()
        sets = parse_sets(key, data)
        if sets is None:
            self._discard(key)
            return ()
        return sets

    def _fetch(self, result: CachedResult, into: Path) -> bool:
        """Put the files of a result into a folder; False, and the folder empty, when one is not there."""
        for file in result.files:
            target = into / file.name
            if os.path.lexists(target) or not self._place.store.find_blob(
                file.sha256, file.size_bytes, target
            ):
                from wasmrun_py.system.fs import make_empty  # noqa: PLC0415 - only for a damaged cache

                make_empty(into)
                return False
            if file.executable:
                target.chmod(0o755)
        return True

    def _covered(self) -> frozenset[str]:
        project = self._request.project
        return frozenset(os.path.join(project, *name.split("/")) for name in self._fingerprint.files)  # noqa: PTH118

    def _require_unchanged(self, dependencies: Dependencies) -> None:
        """Refuse what may have been read before or after a change.

        Raises:
            UncacheableError: Something changed since the fingerprint was taken.
        """
        now = take_fingerprint(self._request, self._hashes)
        if now.key != self._fingerprint.key:
            changed = _first_difference(self._fingerprint.files, now.files)
            raise UncacheableError(f"{changed or 'the project'} changed while it was built")
        self._reader.forget()
        settled = str(self._place.settled) + os.sep
        for path in self._reader.paths(dependencies):
            if path.startswith(settled):
                continue
            try:
                status = os.stat(path)  # noqa: PTH116 - strings: hundreds of headers
            except OSError:
                continue
            if is_racy(status, self._started_ns):
                raise UncacheableError(f"{path} changed while the project was built")

    def _note(self, key: str, dependencies: Dependencies | None, *, not_kept: str = "") -> None:
        """Remember what this build was made of, for the next ``--explain``."""
        if self._place.last.is_of(key):
            return
        from wasmrun_py.build.cache.last_build import describe_build  # noqa: PLC0415 - most hits need none

        with suppress(UncacheableError):
            note = describe_build(
                self._fingerprint,
                dependencies,
                self._reader,
                environ=self._request.environ,
                salt=os.urandom(16).hex(),
            )
            self._place.last.store(key, {**note, "not_kept": not_kept})

    def _discard(self, key: str) -> None:
        self._found_damage = True
        self._place.store.discard_action(key)

    def _is_damaged(self) -> bool:
        return self._found_damage or self._place.store.found_damage


def _first_difference(before: Mapping[str, str], after: Mapping[str, str]) -> str | None:
    return next((name for name in sorted({*before, *after}) if before.get(name) != after.get(name)), None)
