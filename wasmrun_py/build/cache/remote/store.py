"""The remote cache as a build sees it: a store like the local one, that never raises and never takes long.

``RemoteCache`` lives as long as a command and is shared by its builds; ``RemoteStore`` is what one of them
gets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from wasmrun_py.build.cache.remote.client import RemoteClient
from wasmrun_py.build.cache.remote.entry import parse_entry, remote_key, write_entry
from wasmrun_py.build.cache.remote.fault import RemoteFault
from wasmrun_py.build.cache.remote.gate import Gate
from wasmrun_py.build.cache.remote.time_limit import Budget
from wasmrun_py.model.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wasmrun_py.build.cache.remote.time_limit import Deadline
    from wasmrun_py.build.cache.store import Teller
    from wasmrun_py.config.remote_cache import RemoteCacheSettings

_Made = TypeVar("_Made")
_SMALL_BYTES = 16 * 1024


class RemoteCache:
    """One remote cache, for all builds of a command.

    Args:
        settings: Where it is.
    """

    def __init__(self, settings: RemoteCacheSettings) -> None:
        self.settings = settings
        self.client = RemoteClient(settings)
        self.gate = Gate(settings.host)

    def for_build(self, tell: Teller) -> RemoteStore:
        """What one build gets.

        Args:
            tell: Takes a sentence for the user about what went wrong.
        """
        return RemoteStore(self, tell)

    def close(self) -> None:
        """Let go of the connections."""
        self.client.close()


class RemoteStore:
    """Keeps what builds made on another machine (a ``store.BuildStore``).

    Args:
        cache: The command's.
        tell: Takes a sentence for the user about what went wrong.
    """

    def __init__(self, cache: RemoteCache, tell: Teller) -> None:
        self._cache = cache
        self._client = cache.client
        self._tell = tell
        self._reading = Budget(cache.settings.timeout_s, cache.client.close)
        self._writing = Budget(cache.settings.timeout_s, cache.client.close)

    @property
    def host(self) -> str:
        """What the server is called in messages."""
        return self._cache.settings.host

    @property
    def is_readable(self) -> bool:
        """Whether asking has a point."""
        return self._cache.gate.is_open()

    @property
    def is_writable(self) -> bool:
        """Whether sending has a point."""
        return self._cache.settings.writes and self._cache.gate.is_open(writing=True)

    def find_action(self, key: str) -> bytes | None:
        """The record of a key, checked to be one; or None."""

        def work(deadline: Deadline) -> bytes | None:
            action = self._client.find_action(remote_key(key), deadline)
            return None if action is None else parse_entry(key, action)

        return self._read(work)

    def find_blob(self, sha256: str, size_bytes: int, into: Path) -> bool:
        """Write the bytes of a digest to a free path, checked; False when they are not there."""
        found = self._read(lambda deadline: self._client.fetch_blob(sha256, size_bytes, into, deadline))
        return bool(found)

    def store_blob(self, sha256: str, source: Path) -> bool:
        """Send the bytes of a file, unless the server has them."""

        def work(deadline: Deadline) -> bool:
            large = source.stat().st_size > _SMALL_BYTES
            if not (large and self._client.has_blob(sha256, deadline)):
                self._client.put_blob(sha256, source, deadline)
            return True

        return self._write(work)

    def store_action(self, key: str, record: bytes) -> bool:
        """Send a record; what it names was sent before."""
        action = write_entry(key, record)
        if action is None:
            return False

        def work(deadline: Deadline) -> bool:
            self._client.put_action(remote_key(key), action, deadline)
            return True

        return self._write(work)

    def _read(self, work: Callable[[Deadline], _Made]) -> _Made | None:
        if not self.is_readable:
            return None
        try:
            return self._reading.run(work)
        except RemoteFault as fault:
            self.refuse(fault)
        except OutputError as error:
            # The folder of this machine; whoever needs it next will say so properly.
            self._tell(f"What the remote cache sent could not be written: {error.message}")
        return None

    def _write(self, work: Callable[[Deadline], bool]) -> bool:
        if not self.is_writable:
            return False
        try:
            return self._writing.run(work)
        except RemoteFault as fault:
            self.refuse(RemoteFault(fault.problem, hint=fault.hint, writing=True))
        except OSError as error:
            self._tell(f"A build was not sent to the remote cache: {error.strerror or error}")
        return False

    def refuse(self, fault: RemoteFault) -> None:
        """Ask no more for a while, and say why once."""
        sentence = self._cache.gate.close(fault)
        if sentence is not None:
            self._tell(sentence)
