"""The bytes of outputs: read without following links, checked against their digest, kept while they are hot.

A file is served as the build recorded it or not at all. What fits into memory is read whole and its digest is
compared; what does not is streamed from a descriptor whose file is the one that was looked at.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wasmrun_py.server.dev_state import ServedFile

IN_MEMORY_BYTES = 16 * 1024 * 1024
"""Files up to here are read whole."""

_KEPT_BYTES = 96 * 1024 * 1024
# Neither exists on Windows.
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_BINARY = getattr(os, "O_BINARY", 0)


class ByteCache:
    """The bytes used last, by name, up to a total.

    Args:
        cap_bytes: The total.
    """

    def __init__(self, cap_bytes: int = _KEPT_BYTES) -> None:
        self._cap_bytes = cap_bytes
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._size_bytes = 0

    @property
    def size_bytes(self) -> int:
        """What is kept now."""
        return self._size_bytes

    def find(self, name: str) -> bytes | None:
        """The bytes, or None."""
        found = self._kept.get(name)
        if found is not None:
            self._kept.move_to_end(name)
        return found

    def put(self, name: str, body: bytes) -> None:
        """Keep the bytes; the ones that were not asked for the longest go."""
        self._size_bytes += len(body) - len(self._kept.pop(name, b""))
        self._kept[name] = body
        while self._size_bytes > self._cap_bytes:
            _, gone = self._kept.popitem(last=False)
            self._size_bytes -= len(gone)


def is_in_place(file: ServedFile) -> bool:
    """Whether a regular file of that size still lies there."""
    try:
        seen = os.lstat(file.path)
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(seen.st_mode) and seen.st_size == file.size_bytes


def open_served(file: ServedFile) -> int | None:
    """A descriptor of the file, for reading; None when it is not the regular file of that size any more."""
    try:
        seen = os.lstat(file.path)
        if not stat.S_ISREG(seen.st_mode) or seen.st_size != file.size_bytes:
            return None
        descriptor = os.open(file.path, os.O_RDONLY | _NO_FOLLOW | _BINARY)
    except (OSError, ValueError):
        return None
    opened = os.fstat(descriptor)
    if (opened.st_dev, opened.st_ino, opened.st_size) != (seen.st_dev, seen.st_ino, seen.st_size):
        os.close(descriptor)
        return None
    return descriptor


def load_served(file: ServedFile) -> bytes | None:
    """The file's bytes; None when they are not the ones of its digest."""
    descriptor = open_served(file)
    if descriptor is None:
        return None
    try:
        with os.fdopen(descriptor, "rb") as stream:
            body = stream.read(file.size_bytes + 1)
    except OSError:
        return None
    return body if hashlib.sha256(body).hexdigest() == file.sha256 else None
