"""The C header as text: for ``wasmrun plugin header``, and for new plugins. Nothing is called here."""

from __future__ import annotations

from pathlib import Path

HEADER_FILE = "wasmrun_plugin.h"


def load_header() -> str:
    """The text of ``wasmrun_plugin.h``, ABI 1."""
    return Path(__file__).with_name(HEADER_FILE).read_text(encoding="utf-8")
