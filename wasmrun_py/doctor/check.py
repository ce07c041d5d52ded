"""One finding of ``doctor``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CheckStatus(StrEnum):
    """How a check ended; the words of the JSON document (DESIGN §5)."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: What, in a few words without blanks (``c:emcc``).
        status: ok; warn (something works less well or would be installed); fail (something does not work).
        message: What was found.
        hint: What to do about it; empty when there is nothing to do.
    """

    name: str
    status: CheckStatus
    message: str
    hint: str = ""
