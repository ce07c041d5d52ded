"""What a build made, as values: the files, and what was done to the module afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """One file a build made.

    Attributes:
        path: Where it lies, absolute.
        kind: ``wasm``, ``js``, ``html``… or ``file``.
        size_bytes: Its size.
        sha256: Its digest, lower-case hex.
    """

    path: Path
    kind: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WasmOptRun:
    """A run of wasm-opt whose output was kept.

    Attributes:
        version: As it says it (``108``).
        bytes_before: The module's size as the toolchain made it.
        bytes_after: Its size now.
    """

    version: str
    bytes_before: int
    bytes_after: int
