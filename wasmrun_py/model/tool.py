"""What is known about one tool on this machine, for ``doctor`` and ``toolchain list``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class ToolStatus(StrEnum):
    """Whether a tool can be used."""

    READY = "ready"
    INSTALLABLE = "installable"
    MISSING = "missing"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolReport:
    """One tool of one plugin.

    Attributes:
        name: The tool's name.
        status: ready; installable (wasmrun would install it when it is needed); missing; or broken (it is
            there and does not work).
        version: As it says it, when it is ready.
        path: Where it is, when it is there.
        message: One sentence on a tool that is not ready: what is wrong, or what would be installed.
        hint: What to do about it; may be empty.
    """

    name: str
    status: ToolStatus
    version: str = ""
    path: Path | None = None
    message: str = ""
    hint: str = ""
