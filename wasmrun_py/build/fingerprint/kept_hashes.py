"""The digests of files, kept from run to run: a file whose stat is the same is not read again.

The rule of racy timestamps is that of git's index (its Documentation/technical/racy-git): a file that may
have been changed in the same tick of the clock in which it was read is not remembered, since a second change
in that tick would leave its stat as it is.
"""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING

from wasmrun_py.build.fingerprint.sealed import parse_sealed, seal
from wasmrun_py.model.errors import OutputError
from wasmrun_py.system.fs import read_plain, replace_file

if TYPE_CHECKING:
    from pathlib import Path

_SCHEMA = 1
_CAP_BYTES = 256 * 1024 * 1024
_READ_BYTES = 1 << 20
# A tick of the kernel's clock is at most 10 ms; file systems without fractions of a second need two seconds.
_TICK_NS = 20_000_000
_COARSE_TICK_NS = 2_000_000_000
_SECOND_NS = 1_000_000_000
_SPARE_ENTRIES = 1000
_MOST_SHARED = 16_384

_Entry = list[int | str]


class KeptHashes:
    """Digests by path, valid as long as size, times and inode stay.

    Args:
        file: Where they are kept; None to keep them for this run only.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._loaded: dict[str, _Entry] | None = None
        self._seen: dict[str, _Entry] = {}
        self._racy: set[str] = set()
        self._changed = False

    def digest(self, path: str) -> str | None:
        """The SHA-256 of the file that ``path`` leads to; None when there is no regular file.

        Raises:
            OSError: It is there and cannot be read.
        """
        try:
            status = os.stat(path)  # noqa: PTH116 - strings: this runs for every file of a project
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
        return self.digest_known(path, status)

    def digest_known(self, path: str, status: os.stat_result) -> str:
        """The same for a regular file whose stat is at hand.

        Raises:
            OSError: It cannot be read.
        """
        stamp: _Entry = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
        kept = self._seen.get(path) or self._entries().get(path)
        if kept is not None and kept[:4] == stamp and path not in self._racy:
            self._seen[path] = kept
            return str(kept[4])
        racy = is_racy(status, time.time_ns())
        digest = _hash(path) if racy else _hash_settled(path, tuple(stamp))
        entry: _Entry = [*stamp, digest]
        self._changed = True
        if racy:
            self._racy.add(path)
            self._seen.pop(path, None)
        else:
            self._racy.discard(path)
            self._seen[path] = entry
        return digest

    def save(self) -> None:
        """Keep what was learnt; a folder that cannot be written is no failure."""
        if self._file is None or not self._changed:
            return
        kept = self._entries()
        if len(kept) > 2 * len(self._seen) + _SPARE_ENTRIES:
            kept = {}
        entries = {**kept, **self._seen}
        for path in self._racy:
            entries.pop(path, None)
        with suppress(OutputError):
            replace_file(self._file, seal({"schema": _SCHEMA, "files": entries}))
        self._changed = False

    def _entries(self) -> dict[str, _Entry]:
        if self._loaded is None:
            self._loaded = _load(self._file)
        return self._loaded


def is_racy(status: os.stat_result, now_ns: int) -> bool:
    """Whether a file with this stat may still change at ``now_ns`` without its times telling."""
    newest_ns = max(status.st_mtime_ns, status.st_ctime_ns)
    coarse = status.st_mtime_ns % _SECOND_NS == 0
    return newest_ns >= now_ns - (_COARSE_TICK_NS if coarse else _TICK_NS)


def _hash(path: str) -> str:
    import hashlib  # noqa: PLC0415 - 3 ms, and a hit of the cache hashes nothing

    digest = hashlib.sha256()
    with open(path, "rb", buffering=0) as stream:  # noqa: PTH123 - as above
        while chunk := stream.read(_READ_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


@lru_cache(maxsize=_MOST_SHARED)
def _hash_settled(path: str, _stamp: tuple[int | str, ...]) -> str:
    """For all projects of this process: the members of a workspace read the same compilers and headers."""
    return _hash(path)


def _load(file: Path | None) -> dict[str, _Entry]:
    if file is None:
        return {}
    try:
        document = parse_sealed(read_plain(file, cap_bytes=_CAP_BYTES))
    except OSError:
        return {}
    if document is None or document.get("schema") != _SCHEMA:
        return {}
    files = document.get("files")
    return files if isinstance(files, dict) else {}
