"""The words for what is built and how hard the toolchain tries."""

from __future__ import annotations

from enum import StrEnum

WASM_TARGET = "wasm"
WEB_TARGET = "web"


class OptimizationLevel(StrEnum):
    """How hard the toolchain tries (the article's name; DESIGN §2)."""

    DEBUG = "debug"
    RELEASE = "release"
    SIZE = "size"
