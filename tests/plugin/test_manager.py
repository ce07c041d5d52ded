"""Choosing the plugin for a project (DESIGN §6, "Selection")."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wasmrun_py.model.errors import (
    AmbiguousProjectError,
    NoPluginMatchError,
    PluginFailedError,
    PluginNotFoundError,
)
from wasmrun_py.plugin.manager import PluginManager

if TYPE_CHECKING:
    from pathlib import Path

    from tests.plugin.conftest import Install
    from wasmrun_py.plugin.api import PluginContext

HIGH = "Match(confidence=99, reason='high')"
MIDDLE = "Match(confidence=60, reason='middle')"
EXTENSION = "Match(confidence=100, reason='an extension', kind=MatchKind.EXTENSION)"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project that no built-in plugin knows."""
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def test_the_highest_confidence_wins(context: PluginContext, install: Install, folder: Path) -> None:
    """Of two plugins that match, the surer one builds."""
    install("alpha", answer=MIDDLE)
    install("beta", answer=HIGH)
    assert PluginManager(context).select(folder).name == "beta"


def test_an_extension_match_never_beats_a_file_match(
    context: PluginContext, install: Install, folder: Path
) -> None:
    """Whatever confidence it claims, a match by extension stays below another plugin's file match."""
    install("alpha", answer=EXTENSION)
    install("beta", answer="Match(confidence=1, reason='its entry', kind=MatchKind.ENTRY_FILE)")
    manager = PluginManager(context)
    assert manager.select(folder).name == "beta"
    confidences = {each.plugin: each.confidence for each in manager.detect(folder).candidates}
    assert confidences["alpha"] < confidences["beta"]


def test_external_comes_before_built_in(context: PluginContext, install: Install, folder: Path) -> None:
    """With equal confidence the external plugin has the article's priority."""
    (folder / "main.c").write_text("int main(void) { return 0; }\n", encoding="utf-8")
    manager = PluginManager(context)
    confidence = next(each.confidence for each in manager.detect(folder).candidates if each.plugin == "c")
    install("zeta", answer=f"Match(confidence={confidence}, reason='the same')")
    assert PluginManager(context).select(folder).name == "zeta"


def test_a_tie_of_languages_is_an_error_that_lists_them(
    context: PluginContext, install: Install, folder: Path
) -> None:
    """Two languages that tie are the user's to decide; the message names both and the flag."""
    install("alpha", answer=HIGH)
    install("beta", answer=HIGH)
    with pytest.raises(AmbiguousProjectError) as caught:
        PluginManager(context).select(folder)
    assert caught.value.candidates == ("alpha", "beta")
    assert "alpha and beta" in caught.value.message
    assert "--plugin alpha" in caught.value.hint
    assert caught.value.exit_code == 2


def test_plugins_of_one_language_are_ordered_by_name(
    context: PluginContext, install: Install, folder: Path
) -> None:
    """Two plugins for the same language do not tie: either would do, and the choice is deterministic."""
    install("beta", answer=HIGH, language="zork")
    install("alpha", answer=HIGH, language="zork")
    assert PluginManager(context).select(folder).name == "alpha"


def test_an_explicit_plugin_wins(context: PluginContext, install: Install, folder: Path) -> None:
    """--plugin takes a plugin whatever it thinks of the project."""
    install("alpha", answer=HIGH)
    install("beta")
    assert PluginManager(context).select(folder, plugin="beta").name == "beta"


def test_an_explicit_language_wins(context: PluginContext, install: Install, folder: Path) -> None:
    """-l takes a plugin of that language, in any case of letters."""
    install("alpha", answer=HIGH)
    install("beta", answer=MIDDLE, language="Zork")
    assert PluginManager(context).select(folder, language="zorK").name == "beta"


def test_unknown_names_suggest_near_ones(context: PluginContext, install: Install, folder: Path) -> None:
    """A mistyped plugin or language is answered with the nearest."""
    install("alpha", answer=HIGH)
    manager = PluginManager(context)
    with pytest.raises(PluginNotFoundError) as caught:
        manager.select(folder, plugin="alhpa")
    assert caught.value.hint == 'Did you mean "alpha"?'
    with pytest.raises(PluginNotFoundError) as caught:
        manager.select(folder, language="cobol")
    assert "alpha" in caught.value.hint
    assert caught.value.exit_code == 3


def test_no_match_says_what_was_looked_for(context: PluginContext, install: Install, folder: Path) -> None:
    """Each plugin's reason stands in the hint."""
    install("alpha", answer="NoMatch(reason='no zork.toml is there')")
    with pytest.raises(NoPluginMatchError) as caught:
        PluginManager(context).select(folder)
    assert str(folder) in caught.value.message
    assert "alpha: no zork.toml is there" in caught.value.hint
    assert "c: " in caught.value.hint


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("exit(1)", "SystemExit"),
        ("'yes'", "it answered a str, not a Match"),
        ("Match(confidence='x', reason='')", "ValueError"),
    ],
)
def test_a_plugin_that_fails_to_answer_has_not_matched(
    context: PluginContext, install: Install, folder: Path, answer: str, said: str
) -> None:
    """Foreign code that raises, exits or answers nonsense is a candidate that says so."""
    install("alpha", answer=answer)
    install("beta", answer=MIDDLE)
    manager = PluginManager(context)
    assert manager.select(folder).name == "beta"
    alpha = next(each for each in manager.detect(folder).candidates if each.plugin == "alpha")
    assert not alpha.matched
    assert said in alpha.reason


def test_a_broken_plugin_asked_for_by_name_is_an_error(
    context: PluginContext, install: Install, folder: Path
) -> None:
    """Asking for a plugin that cannot be loaded fails with its reason, exit 3."""
    install("alpha", source="raise ValueError('boom')")
    with pytest.raises(PluginFailedError, match="boom") as caught:
        PluginManager(context).select(folder, plugin="alpha")
    assert caught.value.exit_code == 3
