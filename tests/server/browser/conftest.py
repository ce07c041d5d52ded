"""A browser for a module's tests, and a home that keeps what was installed for all of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.browser import opened_browser
from tests.toolchain.recording import session_home

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The machine's chromium, one for a module."""
    with opened_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def serving_environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A user's environment whose WASMRUN_HOME the workers share: what one installs the others find."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WASMRUN_")}
    home = session_home(tmp_path_factory, "browser-home")
    return {**kept, "WASMRUN_HOME": str(home.root), "NO_COLOR": "1"}
