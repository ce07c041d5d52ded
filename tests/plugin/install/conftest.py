"""What every test of the installer needs: a world, and the two steps run one after the other."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

import pytest

from tests.plugin.installing import Installed, Installer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wasmrun_py.model.plugin_source import PluginSource


class Install(Protocol):
    """Resolves and builds a source."""

    def __call__(
        self,
        source: PluginSource,
        *,
        env: Mapping[str, str] | None = None,
        allow_unverified: bool = False,
        frozen: bool = False,
    ) -> Installed: ...


@pytest.fixture
def installer(tmp_path: Path) -> Installer:
    """An installer whose folders lie below the test's own."""
    return Installer(folder=tmp_path / "install", environ=dict(os.environ))


@pytest.fixture
def install(installer: Installer) -> Install:
    """Resolve and build."""
    return installer.install
