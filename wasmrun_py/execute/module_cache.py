"""Compiled modules on disk: what has been compiled once is mapped, not compiled again.

An entry is native code, so it is only loaded from a folder nobody else can write, and only when its bytes
have the digest written beside them. A missing, torn or foreign entry is a miss; a folder that cannot be used
is no cache; neither is ever a failure. Runs in the child only, which is why it writes without
``system/fs`` (whose imports would cost every run).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CAP_BYTES = 512 * 1024 * 1024
_ENTRY, _DIGEST, _TEMPORARY = ".cwasm", ".sha256", ".tmp"
_STALE_TEMPORARY_S = 3600
_READ_BYTES = 1 << 20


class CacheKey(NamedTuple):
    """What makes two compilations the same.

    Attributes:
        module_sha256: Of the module's bytes, hex.
        engine: The wasmtime build and every setting that shapes its code.
    """

    module_sha256: str
    engine: str

    @property
    def file_stem(self) -> str:
        """The entry's name without suffix."""
        return hashlib.sha256(f"{self.module_sha256} {self.engine}".encode()).hexdigest()


def find_entry(folder: str, key: CacheKey) -> str | None:
    """The path of an intact entry, now the most recently used; None when there is none."""
    path = os.path.join(folder, key.file_stem)  # noqa: PTH118 - pathlib is what costs time here
    with contextlib.suppress(OSError):
        if not _is_private(folder):
            return None
        with open(path + _DIGEST, encoding="ascii") as stream:  # noqa: PTH123 - as above
            wanted = stream.read()
        if wanted == _digest_file(path + _ENTRY):
            os.utime(path + _ENTRY)
            return path + _ENTRY
    return None


def store_entry(folder: str, key: CacheKey, serialize: Callable[[], bytes | bytearray]) -> None:
    """Keep a compiled module, and drop the least recently used ones beyond ``CAP_BYTES``."""
    with contextlib.suppress(OSError):
        os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103 - as above
        if not _is_private(folder):
            return
        compiled = serialize()
        path = os.path.join(folder, key.file_stem)  # noqa: PTH118 - as above
        # A reader between the two sees a digest that does not fit: a miss.
        _replace(path + _ENTRY, compiled)
        _replace(path + _DIGEST, hashlib.sha256(compiled).hexdigest().encode())
        evict(folder, cap_bytes=CAP_BYTES)


def evict(folder: str, *, cap_bytes: int) -> None:
    """Remove the least recently used entries until the rest fits ``cap_bytes``, and abandoned temporaries."""
    kept_bytes = 0
    oldest_temporary_s = time.time() - _STALE_TEMPORARY_S
    for path, status in sorted(_files(folder), key=lambda file: file[1].st_mtime_ns, reverse=True):
        if path.endswith(_TEMPORARY) and status.st_mtime < oldest_temporary_s:
            _remove(path)
        elif path.endswith(_ENTRY):
            kept_bytes += status.st_size
            if kept_bytes > cap_bytes:
                _remove(path)
                _remove(path.removesuffix(_ENTRY) + _DIGEST)


def _files(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            # Somebody else may be evicting too.
            with contextlib.suppress(OSError):
                yield entry.path, entry.stat(follow_symlinks=False)


def _is_private(folder: str) -> bool:
    """Whether only we can have put native code there; Windows keeps a user's own folders private."""
    geteuid = getattr(os, "geteuid", None)
    if geteuid is None:
        return True
    status = os.stat(folder, follow_symlinks=True)  # noqa: PTH116 - as above
    others_may_write = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return bool(status.st_uid == geteuid() and not others_may_write)


def _digest_file(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb", buffering=0) as stream:  # noqa: PTH123 - as above
        while chunk := stream.read(_READ_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _replace(path: str, data: bytes | bytearray) -> None:
    temporary = f"{path}.{os.getpid()}{_TEMPORARY}"
    try:
        with open(temporary, "xb") as stream:  # noqa: PTH123 - as above
            stream.write(data)
        os.replace(temporary, path)  # noqa: PTH105 - as above
    except OSError:
        _remove(temporary)
        raise


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)  # noqa: PTH108 - as above
