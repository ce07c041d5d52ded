"""The contract that every plugin keeps, whatever its origin and transport.

Each function checks one promise of ``wasmrun_py.plugin.api`` and raises ``AssertionError`` with what was
broken. ``test_contract`` drives the built-in plugins through all of them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasmrun_py.model.build import BuildConfig, BuildResult, OptimizationLevel
from wasmrun_py.model.errors import WasmrunError
from wasmrun_py.model.events import SilentReporter
from wasmrun_py.model.manifest import Match, NoMatch, PluginInfo
from wasmrun_py.plugin.artifacts import check_artifacts

if TYPE_CHECKING:
    from pathlib import Path

    from wasmrun_py.plugin.api import Plugin


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A project that the plugin must build.

    Attributes:
        project: Its folder.
        target: What it is built for.
        toolchain: The toolchain to use, or None.
    """

    project: Path
    target: str = "wasm"
    toolchain: str | None = None


def check_identity(plugin: Plugin) -> None:
    """The manifest is complete, stable, and says something a person can read."""
    info = plugin.info
    assert isinstance(info, PluginInfo)
    assert info.name
    assert info.version[0].isdigit()
    assert info.description.endswith(".")
    assert info.capabilities.targets
    assert info.capabilities.supported_languages
    assert info == plugin.info


def check_refusal(plugin: Plugin, empty: Path) -> None:
    """An empty folder is not its own, and it says what it looked for."""
    answer = plugin.can_handle_project(empty)
    assert isinstance(answer, NoMatch)
    assert len(answer.reason) > len("no")
    assert list(empty.iterdir()) == []


def check_recognition(plugin: Plugin, sample: Sample) -> None:
    """Its own project is recognised, twice in the same way, with a reason, and without a trace."""
    before = snapshot(sample.project)
    answer = plugin.can_handle_project(sample.project)
    assert isinstance(answer, Match)
    assert 1 <= answer.confidence <= 100
    assert answer.reason
    assert answer == plugin.can_handle_project(sample.project)
    assert snapshot(sample.project) == before


def check_builder(plugin: Plugin) -> None:
    """The builder describes its language in the manifest's words."""
    builder = plugin.get_builder()
    assert builder.language_name.casefold() in {
        word.casefold() for word in plugin.info.capabilities.supported_languages
    }
    assert set(builder.supported_extensions) == set(plugin.info.extensions)
    assert set(builder.entry_file_candidates) == set(plugin.info.entry_files)
    assert isinstance(builder.check_dependencies(), tuple)


def check_build(plugin: Plugin, sample: Sample, folder: Path) -> dict[OptimizationLevel, int]:
    """Every level builds into the two folders it was given and nowhere else; the module's sizes in bytes."""
    before = snapshot(sample.project)
    sizes = {}
    for level in OptimizationLevel:
        result = build(plugin, sample, level, folder / level)
        artifacts = check_artifacts(result, folder / level / "out", plugin=plugin.info.name)
        assert artifacts[0].path == result.wasm_path
        assert result.toolchain.name in plugin.info.toolchains
        assert result.toolchain.version[0].isdigit()
        sizes[level] = artifacts[0].size_bytes
    assert snapshot(sample.project) == before
    assert sizes[OptimizationLevel.SIZE] <= sizes[OptimizationLevel.RELEASE] <= sizes[OptimizationLevel.DEBUG]
    return sizes


def check_failure(plugin: Plugin, broken: Sample, folder: Path) -> WasmrunError:
    """A project that cannot be built is an error of wasmrun's tree with a message, and nothing is written."""
    before = snapshot(broken.project)
    raised: WasmrunError | None = None
    try:
        build(plugin, broken, OptimizationLevel.DEBUG, folder)
    except WasmrunError as error:
        raised = error
    assert raised is not None, "a broken project was built without an error"
    assert raised.message
    assert snapshot(broken.project) == before
    return raised


def check_cleaning(plugin: Plugin, sample: Sample) -> None:
    """Cleaning claims nothing inside the project: what a build wrote elsewhere is the host's to remove."""
    assert plugin.get_builder().clean(sample.project) == ()


def build(plugin: Plugin, sample: Sample, level: OptimizationLevel, folder: Path) -> BuildResult:
    """One build into fresh folders."""
    for name in ("out", "work"):
        (folder / name).mkdir(parents=True)
    config = BuildConfig(
        project_path=sample.project,
        output_dir=folder / "out",
        work_dir=folder / "work",
        optimization_level=level,
        target=sample.target,
        toolchain=sample.toolchain,
    )
    return plugin.get_builder().build(config, SilentReporter())


def snapshot(folder: Path) -> dict[str, str]:
    """Every file of a folder with its digest."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
