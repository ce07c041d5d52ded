"""Reading entry points without importlib.metadata, and agreeing with it."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmrun_py.plugin.entry_points import EntryPoint, load_entry_points, parse_group

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("group", ["wasmrun.plugins", "console_scripts", "pytest11"])
def test_it_agrees_with_importlib_metadata(group: str) -> None:
    """For everything installed here, the names and values are those of the standard library."""
    ours = {(each.name, each.value) for each in load_entry_points(group, sys.path)}
    assert ours == {(each.name, each.value) for each in entry_points(group=group)}


def test_the_built_in_plugin_is_announced_like_any_other() -> None:
    """The distribution announces its own plugins in the group; nothing else names them."""
    announced = {each.name: each.distribution for each in load_entry_points("wasmrun.plugins", sys.path)}
    assert announced["c"] == "wasmrun-py"


def test_the_first_of_two_installed_copies_counts(tmp_path: Path) -> None:
    """As with imports, a distribution earlier on the path shadows a later one."""
    for folder, value in (("a", "x:one"), ("b", "x:two")):
        info = tmp_path / folder / "Some_Plugin-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "entry_points.txt").write_text(f"[g]\nname = {value}\n", encoding="utf-8")
    found = load_entry_points("g", [str(tmp_path / "a"), str(tmp_path / "b"), str(tmp_path / "missing")])
    assert found == (EntryPoint(name="name", value="x:one", distribution="some-plugin"),)


def test_comments_and_other_groups_are_passed_over() -> None:
    """Only the lines under the group's own header count."""
    text = "# c\n[other]\na = b:c\n[g]\n; c\nx=m:o\ny = m.n : o.p [extra]\nbroken\n[other2]\nz = q\n"
    assert list(parse_group(text, "g")) == [("x", "m:o"), ("y", "m.n : o.p [extra]")]


@pytest.mark.parametrize("value", ["", "a b", "m:o;n", "../x:y"])
def test_a_reference_that_is_none_is_refused(value: str) -> None:
    """What is not module:object is a ValueError, which the registry turns into the plugin's health."""
    with pytest.raises(ValueError, match="module:object"):
        EntryPoint(name="n", value=value, distribution="d").load()


@given(st.text())
def test_any_text_is_parsed(text: str) -> None:
    """A broken announcement of one distribution cannot stop the others from being found."""
    for name, value in parse_group(text, "g"):
        assert "=" not in name
        assert value == value.strip()
