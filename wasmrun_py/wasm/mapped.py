"""A module's bytes without reading them: a large file is mapped, for those who look at its few headers."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def map_module(path: Path) -> bytes | mmap.mmap:
    """The file's bytes, mapped; read where that cannot be (an empty file, a special file system).

    Raises:
        OSError: The system refuses.
    """
    with path.open("rb") as stream:
        try:
            return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError):
            return stream.read()
