"""The local store: a folder of this user, safe with many writers, verified on every read.

Files are written beside their place and renamed, so that a reader sees all of one or nothing; what was
damaged since (bits, sizes, swaps, a folder or a link in the place of a file) is found by its digest, removed
where that is ours to do, and is a miss. A folder that cannot be written is read all the same.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from wasmrun_py.build.cache.places import ACTIONS, BLOBS, COUNTS, MARKER, MARKER_TEXT
from wasmrun_py.build.cache.store import is_key
from wasmrun_py.model.errors import OutputError
from wasmrun_py.system.fs import (
    append,
    copy_verified,
    open_plain,
    read_plain,
    remove_file,
    replace_file,
    touch,
)

if TYPE_CHECKING:
    from pathlib import Path

    from wasmrun_py.build.cache.store import Teller

_ACTION_CAP_BYTES = 32 * 1024 * 1024


class LocalStore:
    """Keeps what builds made in a folder (a ``store.BuildStore``).

    Args:
        folder: The folder; made when something is stored.
        tell: Takes a sentence when something is wrong.
    """

    def __init__(self, folder: Path, tell: Teller) -> None:
        self._folder = folder
        self._tell = tell
        self._writable = True
        self._found_damage = False

    @property
    def folder(self) -> Path:
        """Where everything is."""
        return self._folder

    def find_action(self, key: str) -> bytes | None:
        """The action record of a key, or None."""
        path = self._path(ACTIONS, key)
        try:
            data = read_plain(path, cap_bytes=_ACTION_CAP_BYTES)
        except OSError as error:
            self._miss(path, error)
            return None
        touch(path)
        return data

    def store_action(self, key: str, record: bytes) -> bool:
        """Keep a record."""
        return self._write(self._path(ACTIONS, key), record)

    def discard_action(self, key: str) -> None:
        """Remove a record that turned out to be damaged, and say so."""
        self._discard(self._path(ACTIONS, key), "its record cannot be read")

    @property
    def found_damage(self) -> bool:
        """Whether anything was found damaged so far."""
        return self._found_damage

    def find_blob(self, sha256: str, size_bytes: int, into: Path) -> bool:
        """Copy the bytes of a digest to ``into``, checked."""
        path = self._path(BLOBS, sha256)
        try:
            _copy_checked(path, into, sha256=sha256, size_bytes=size_bytes)
        except OSError as error:
            remove_file(into)
            self._miss(path, error)
            return False
        touch(path)
        return True

    def store_blob(self, sha256: str, source: Path) -> bool:
        """Keep the bytes of ``source``."""
        path = self._path(BLOBS, sha256)
        try:
            data = source.read_bytes()
            status = path.lstat()
        except OSError:
            status = None
        if status is not None and stat.S_ISREG(status.st_mode) and status.st_size == len(data):
            # Most likely whole; a reader checks it, and removes it when it is not.
            touch(path)
            return True
        if hashlib.sha256(data).hexdigest() != sha256:
            return False
        return self._write(path, data)

    def count(self, what: str) -> None:
        """Count a hit or a miss: one byte more in a file, which many may do at once."""
        if self._writable and (self._folder / MARKER).exists():
            with suppress(OutputError):
                append(self._folder / COUNTS / what, b".")

    def _path(self, kind: str, key: str) -> Path:
        if not is_key(key):
            raise ValueError(f"{key!r} is no key")
        return self._folder / kind / key[:2] / key

    def _miss(self, path: Path, error: OSError) -> None:
        """All but "it is not there" is told."""
        if isinstance(error, NotADirectoryError):
            self._found_damage = True
            self._tell(f"The build cache {self._folder} is damaged: {path.parent} is no folder")
        elif not isinstance(error, FileNotFoundError):
            self._discard(path, error.strerror or str(error))

    def _discard(self, path: Path, reason: str) -> None:
        self._found_damage = True
        self._tell(f"The build cache has a damaged entry ({reason}); it is built anew: {path}")
        with suppress(OutputError, OSError):
            if not path.is_dir() or path.is_symlink():
                remove_file(path)
            else:
                from wasmrun_py.system.fs import remove_tree  # noqa: PLC0415 - only for a damaged cache

                remove_tree(path)

    def _write(self, path: Path, data: bytes) -> bool:
        if not self._writable:
            return False
        try:
            self._mark()
            replace_file(path, data)
        except (OutputError, OSError) as error:
            self._writable = False
            self._tell(f"The build cache is not written: {error}. The build goes on without it.")
            return False
        return True

    def _mark(self) -> None:
        """Say that the folder is a cache, and ours; backups and ``cache clear`` go by that."""
        marker = self._folder / MARKER
        if not marker.exists():
            replace_file(marker, MARKER_TEXT.encode("ascii"))


def _copy_checked(path: Path, into: Path, *, sha256: str, size_bytes: int) -> None:
    with open_plain(path) as stream:
        if os.fstat(stream.fileno()).st_size != size_bytes:
            raise OSError(errno.EIO, "its size is another one")
        copied = copy_verified(stream, into)
    if copied != sha256:
        raise OSError(errno.EIO, "its bytes were changed")
