"""Third-party plugins as pip would install them: a module and a ``dist-info`` folder on ``sys.path``."""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING, Protocol

import pytest

from wasmrun_py.plugin.api import PluginContext
from wasmrun_py.system.paths import Home

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PLUGIN_SOURCE = """
    from wasmrun_py.plugin.api import Match, MatchKind, NoMatch, PluginCapabilities, PluginInfo

    class Plugin:
        info = PluginInfo(
            name="{name}", version="1.2", description="A test",
            capabilities=PluginCapabilities(supported_languages=("{language}",)),
        )

        def can_handle_project(self, project_path):
            return {answer}

        def get_builder(self):
            raise NotImplementedError
"""


class Install(Protocol):
    """Installs a third-party plugin."""

    def __call__(
        self, name: str, *, source: str = "", answer: str = "None", language: str = "", value: str = ""
    ) -> None: ...


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install plugins into a folder of their own that is on ``sys.path`` for the test."""
    site = tmp_path / "site-packages"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    modules: list[str] = []

    def install_plugin(
        name: str, *, source: str = "", answer: str = "None", language: str = "", value: str = ""
    ) -> None:
        module = f"third_party_{name.replace('-', '_')}"
        text = source or PLUGIN_SOURCE.format(name=name, answer=answer, language=language or name)
        (site / f"{module}.py").write_text(textwrap.dedent(text), encoding="utf-8")
        info = site / f"{module}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.2\n", encoding="utf-8"
        )
        announced = value or f"{module}:Plugin"
        (info / "entry_points.txt").write_text(
            f"[console_scripts]\nx = y:z\n\n[wasmrun.plugins]\n{name} = {announced}\n", encoding="utf-8"
        )
        modules.append(module)

    yield install_plugin
    for module in modules:
        sys.modules.pop(module, None)


@pytest.fixture
def context(tmp_path: Path) -> PluginContext:
    """A context with a private home."""
    return PluginContext(environ={"MARK": "here"}, home=Home(root=tmp_path / "home"))
