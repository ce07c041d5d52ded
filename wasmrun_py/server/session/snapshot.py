"""What the watched files held when they were last looked at: a change is a change of bytes."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_HASHED_BYTES = 64 * 1024 * 1024
_IGNORE_FILE = ".gitignore"


class FileRules(Protocol):
    """Which files matter."""

    def walk(self) -> Iterator[Path]:
        """Every file that matters."""

    def matters(self, path: Path) -> bool:
        """Whether a change of ``path`` matters."""

    def forget_rules(self) -> None:
        """Read the rules anew."""


class NamedFiles:
    """Only these files matter.

    Args:
        paths: Absolute; they need not be there.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = tuple(paths)

    def walk(self) -> Iterator[Path]:
        """Those that are there."""
        yield from (path for path in self._paths if path.is_file())

    def matters(self, path: Path) -> bool:
        """Whether it is one of them."""
        return path in self._paths

    def forget_rules(self) -> None:
        """Nothing: there are none."""


@dataclass(frozen=True, slots=True)
class _Known:
    size_bytes: int
    mtime_ns: int
    inode: int
    digest: bytes


class Snapshot:
    """The digests of the files that matter. For one thread.

    Args:
        rules: Which files matter.
    """

    def __init__(self, rules: FileRules) -> None:
        self._rules = rules
        self._known: dict[str, _Known] = {}

    def knows(self, path: Path) -> bool:
        """Whether it was there when it was last looked at."""
        return str(path) in self._known

    def take(self) -> None:
        """Look at every file."""
        self._known = {
            name: known for name in map(str, self._rules.walk()) if (known := self._look(name)) is not None
        }

    def find_changed(self, paths: Iterable[Path]) -> tuple[Path, ...]:
        """Of what an event named, the files whose bytes differ from what was known; known from now on.

        A folder that came or went, and a change of an ignore file, is answered by looking at everything.
        """
        files = set()
        for path in paths:
            if path.name == _IGNORE_FILE:
                return self.find_all_changed()
            if not self._rules.matters(path):
                continue
            if str(path) not in self._known and not path.is_file():
                return self.find_all_changed()
            files.add(path)
        return tuple(path for path in sorted(files) if self._has_changed(str(path), fresh=True))

    def find_all_changed(self) -> tuple[Path, ...]:
        """The same for every file; those whose size and times are as they were are taken for unchanged."""
        self._rules.forget_rules()
        names = {*self._known, *map(str, self._rules.walk())}
        return tuple(
            Path(name)
            for name in sorted(names)
            if self._has_changed(name, fresh=False, matters=self._rules.matters(Path(name)))
        )

    def _has_changed(self, name: str, *, fresh: bool, matters: bool = True) -> bool:
        before = self._known.get(name)
        now = self._look(name, before=None if fresh else before) if matters else None
        if now is None:
            self._known.pop(name, None)
            # What does not matter any more has not changed.
            return before is not None and matters
        self._known[name] = now
        return before is None or before.digest != now.digest

    def _look(self, name: str, *, before: _Known | None = None) -> _Known | None:
        """The file as it is now; ``before`` is believed where size, time and inode are the same."""
        try:
            status = os.stat(name)  # noqa: PTH116 - a string: this runs for every file
            if not stat.S_ISREG(status.st_mode):
                return None
            facts = (status.st_size, status.st_mtime_ns, status.st_ino)
            if before is not None and facts == (before.size_bytes, before.mtime_ns, before.inode):
                return before
            return _Known(*facts, _digest(name, status.st_size, facts))
        except OSError:
            return None


def _digest(name: str, size_bytes: int, facts: tuple[int, ...]) -> bytes:
    """A digest of the contents; of the size and time, for files that no build reads often."""
    if size_bytes > _HASHED_BYTES:
        return repr(facts[:2]).encode()
    with open(name, "rb") as stream:  # noqa: PTH123 - a string: this runs for every file
        return hashlib.file_digest(stream, "sha256").digest()


def find_write_time(file: Path) -> int | None:
    """When a file's bytes or name last changed, in nanoseconds since the epoch; None for one that is gone."""
    try:
        status = file.stat()
    except OSError:
        return None
    # Unlike the modification time, no tool sets this one.
    return status.st_mtime_ns if os.name == "nt" else status.st_ctime_ns
