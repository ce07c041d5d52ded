"""Whether a missing toolchain may be installed, and what is asked before it is.

Values only. Who asks, and on which terminal, is the business of ``cli``; when, of whoever installs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path


class InstallPolicy(StrEnum):
    """What happens when a toolchain is missing; from the freest to the strictest."""

    AUTO = "auto"
    ASK = "ask"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallOffer:
    """One installation that somebody is asked about.

    Attributes:
        title: What, in the words of a sentence's subject (``zig 0.13.0``, ``the dependencies of app``).
        source: Where it comes from (``PyPI: ziglang==0.13.0``).
        folder: Where it goes, absolute; None where the package client decides.
        download_bytes: About how much is downloaded, or None when nobody can say before.
        unpacked_bytes: About how much it is on disk, or None.
    """

    title: str
    source: str
    folder: Path | None = None
    download_bytes: int | None = None
    unpacked_bytes: int | None = None


class Confirmer(Protocol):
    """Asks the user; blocks until there is an answer."""

    def __call__(self, offer: InstallOffer) -> bool:
        """Whether it may be installed."""
