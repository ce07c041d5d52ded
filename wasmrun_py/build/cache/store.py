"""A place that keeps actions and blobs: the local folder, or another one behind the same four questions.

Keys and digests are 64 hex digits. A store never raises: what cannot be read is not there, what cannot be
written is not kept, and either is told once through the ``Teller`` it was made with.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

_HEX = re.compile(r"[0-9a-f]{64}")


class Teller(Protocol):
    """Tells the user about something that was found wrong."""

    def __call__(self, text: str, /) -> None:
        """Take one sentence."""


class BuildStore(Protocol):
    """Keeps what builds made."""

    def find_action(self, key: str) -> bytes | None:
        """The action record of a key, or None. Its bytes are not to be trusted."""

    def store_action(self, key: str, record: bytes) -> bool:
        """Keep a record in place of any other of that key; False when it was not kept."""

    def discard_action(self, key: str) -> None:
        """Drop a record that turned out to be damaged, where that can be done."""

    @property
    def found_damage(self) -> bool:
        """Whether anything was found damaged so far."""

    def find_blob(self, sha256: str, size_bytes: int, into: Path) -> bool:
        """Write the bytes of a digest to the free path ``into``, checked; False when they are not there."""

    def store_blob(self, sha256: str, source: Path) -> bool:
        """Keep the bytes of ``source``, which have this digest; False when they were not kept."""


def is_key(text: object) -> bool:
    """Whether ``text`` may be a key or a digest: 64 lower-case hex digits, so never a path."""
    return isinstance(text, str) and _HEX.fullmatch(text) is not None
