"""Loading plugins, whatever they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wasmrun_py.model.manifest import HealthStatus, PluginType, TransportKind
from wasmrun_py.plugin.registry import RegisteredPlugin, load_registered_plugins

if TYPE_CHECKING:
    from tests.plugin.conftest import Install
    from wasmrun_py.plugin.api import PluginContext


def load_one(context: PluginContext, name: str) -> RegisteredPlugin:
    return next(each for each in load_registered_plugins(context) if each.name == name)


def test_the_built_in_plugin_loads(context: PluginContext) -> None:
    """C comes through the entry-point group, in-process, as built in."""
    registered = load_one(context, "c")
    assert registered.type is PluginType.BUILTIN
    assert registered.transport is TransportKind.PYTHON
    assert registered.health.status is HealthStatus.HEALTHY
    assert registered.info is not None
    assert registered.info.name == "c"


def test_a_third_party_class_loads_as_external(context: PluginContext, install: Install) -> None:
    """A class without parameters is called; its distribution makes it external."""
    install("zork")
    registered = load_one(context, "zork")
    assert registered.type is PluginType.EXTERNAL
    assert registered.info is not None
    assert registered.info.version == "1.2"


def test_a_factory_that_asks_for_the_context_gets_it(context: PluginContext, install: Install) -> None:
    """A function with a parameter is handed the host's context, so that it needs no os.environ."""
    source = """
        from wasmrun_py.plugin.api import PluginInfo

        class Plugin:
            def __init__(self, context):
                self.info = PluginInfo(name="ctx", version=context.environ["MARK"], description="")
            def can_handle_project(self, project_path): return None
            def get_builder(self): return None
    """
    install("ctx", source=source)
    registered = load_one(context, "ctx")
    assert registered.info is not None
    assert registered.info.version == "here"


def test_an_instance_is_taken_as_it_is(context: PluginContext, install: Install) -> None:
    """An entry point may also name an instance."""
    source = """
        from wasmrun_py.plugin.api import PluginInfo

        class _Plugin:
            info = PluginInfo(name="inst", version="3", description="")
            def can_handle_project(self, project_path): return None
            def get_builder(self): return None
        plugin = _Plugin()
    """
    install("inst", source=source, value="third_party_inst:plugin")
    registered = load_one(context, "inst")
    assert registered.info is not None
    assert registered.info.version == "3"


@pytest.mark.parametrize(
    ("name", "source", "said"),
    [
        ("syntax", "def (", "SyntaxError"),
        ("raises", "raise RuntimeError('boom')", "RuntimeError: boom"),
        ("exits", "import sys; sys.exit(3)", "SystemExit: 3"),
        ("missing", "x = 1", "AttributeError"),
        ("shapeless", "class Plugin:\n    info = 1\n", 'no "can_handle_project"'),
        (
            "wronginfo",
            "class Plugin:\n    info = 1\n    can_handle_project = get_builder = None\n",
            "its info is a int, not a PluginInfo",
        ),
        ("noimport", "import no_such_module_anywhere", "No module named"),
    ],
)
def test_a_broken_plugin_is_listed_with_its_reason(
    context: PluginContext, install: Install, name: str, source: str, said: str
) -> None:
    """A plugin that cannot be loaded stays in the list, says why, and leaves the others alone."""
    install(name, source=source)
    registered = load_one(context, name)
    assert registered.plugin is None
    assert registered.health.status is HealthStatus.LOAD_ERROR
    assert said in registered.health.message
    assert f'Plugin "{name}" failed in load' in registered.health.message
    assert load_one(context, "c").plugin is not None


def test_what_a_plugin_prints_stays_off_stdout(
    context: PluginContext, install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    """A print at import must not spoil the document that --json promises."""
    install("noisy", source="print('hello from the plugin')\nraise ValueError('x')\n")
    load_one(context, "noisy")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "hello from the plugin" in captured.err


def test_a_namesake_replaces_the_built_in_only_when_it_works(
    context: PluginContext, install: Install
) -> None:
    """An external plugin called c comes first; a broken one does not take the built-in away."""
    install("c", source="raise ValueError('x')")
    assert load_one(context, "c").type is PluginType.BUILTIN


def test_a_working_namesake_replaces_the_built_in(context: PluginContext, install: Install) -> None:
    """The article's priority: external before built-in."""
    install("c")
    assert load_one(context, "c").type is PluginType.EXTERNAL
