"""The words of ABI 1's ``status``; both sides of the channel know them."""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    """``wasmrun_build_result.status``."""

    OK = 0
    BUILD_FAILED = 1
    INVALID_PROJECT = 2
    MISSING_TOOL = 3
    INTERNAL = 4
