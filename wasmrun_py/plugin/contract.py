"""The contract that every plugin keeps, whatever its origin and transport, as checks that can be run.

``run_contract`` takes any ``plugin.api.Plugin``: a built-in, or an external one through its transports, and
gives a report. wasmrun's own tests and ``wasmrun plugin test`` run the same checks.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from wasmrun_py.model.build import WASM_TARGET, BuildConfig, BuildResult, OptimizationLevel
from wasmrun_py.model.errors import MissingToolError, PluginFailedError, WasmrunError
from wasmrun_py.model.events import SilentReporter
from wasmrun_py.model.manifest import Match, PluginInfo
from wasmrun_py.plugin.artifacts import check_artifacts
from wasmrun_py.plugin.boundary import foreign_code
from wasmrun_py.system.fs import digest_file, translate_write_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from wasmrun_py.model.events import Reporter
    from wasmrun_py.plugin.api import Plugin

_MOST_CONFIDENCE = 100
_BROKEN_SOURCE = ")}] this is no program in any language [{(\n"
# What tools do with spaces and letters outside ASCII is the commonest fault of all.
_SAMPLE_FOLDER = "sample prøject"


class CheckStatus(StrEnum):
    """How a check ended."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One promise, kept or not.

    Attributes:
        name: The check's name, kebab-case.
        promise: What the plugin promises, one sentence.
        status: pass, fail or skip.
        message: What was broken, or why it could not be checked; empty when it passed.
    """

    name: str
    promise: str
    status: CheckStatus
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractReport:
    """Every check in order.

    Attributes:
        plugin: The plugin's name.
        results: One a check.
        built: The files that each level's build gave, relative to the output folder, the module first.
    """

    plugin: str
    results: tuple[CheckResult, ...]
    built: Mapping[OptimizationLevel, tuple[str, ...]] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """No check failed."""
        return all(result.status is not CheckStatus.FAIL for result in self.results)

    @property
    def failures(self) -> tuple[CheckResult, ...]:
        """The checks that failed."""
        return tuple(result for result in self.results if result.status is CheckStatus.FAIL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A project that the plugin must build. It is copied first, and the copy is what is built.

    Attributes:
        project: Its folder.
        target: What it is built for.
        toolchain: The toolchain to use, or None for the plugin's choice.
        broken_file: The file whose content is spoilt to see a failure, relative; None for its entry file.
        broken_text: What is written into it.
    """

    project: Path
    target: str = WASM_TARGET
    toolchain: str | None = None
    broken_file: str | None = None
    broken_text: str = _BROKEN_SOURCE


class _BrokenPromiseError(Exception):
    """A check found the promise broken; the message says how."""


class _SkippedError(Exception):
    """A check cannot be done here; the message says why."""


@dataclass(slots=True, kw_only=True)
class _Subject:
    """A plugin under test, and what earlier checks found out.

    Attributes:
        plugin: It.
        sample: The copy of the sample project, or None.
        scratch: An empty folder.
        reporter: Receives what builds say.
        sizes: The module's size in bytes at each level that was built.
        built: The files of each level, relative.
    """

    plugin: Plugin
    sample: Sample | None
    scratch: Path
    reporter: Reporter
    sizes: dict[OptimizationLevel, int] = field(default_factory=dict)
    built: dict[OptimizationLevel, tuple[str, ...]] = field(default_factory=dict)

    def need_sample(self) -> Sample:
        if self.sample is None:
            raise _SkippedError("no sample project was given")
        return self.sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One promise and how it is checked.

    Attributes:
        name: Its name, kebab-case.
        promise: One sentence.
        run: Raises when the promise is broken.
    """

    name: str
    promise: str
    run: Callable[[_Subject], None]


def run_contract(
    plugin: Plugin,
    sample: Sample | None,
    *,
    scratch: Path,
    reporter: Reporter | None = None,
    on_result: Callable[[CheckResult], None] | None = None,
) -> ContractReport:
    """Check every promise of ``plugin.api``.

    Args:
        plugin: The plugin, in this process or behind a transport.
        sample: A project that it must build, or None: the checks that need one are skipped.
        scratch: An existing, empty folder; everything happens in it, and it is left for the caller to remove.
        reporter: Receives what the builds say.
        on_result: Called with each result as it is known.

    Raises:
        OutputError: The sample cannot be copied.
    """
    copied = None
    if sample is not None:
        place = scratch / _SAMPLE_FOLDER / sample.project.name
        with translate_write_errors(f"copy {sample.project}"):
            shutil.copytree(sample.project, place, symlinks=True)
        copied = replace(sample, project=place)
    subject = _Subject(plugin=plugin, sample=copied, scratch=scratch, reporter=reporter or SilentReporter())
    results = []
    for check in CHECKS:
        result = _run(check, subject)
        results.append(result)
        if on_result is not None:
            on_result(result)
    return ContractReport(plugin=_name(plugin), results=tuple(results), built=subject.built)


def _run(check: Check, subject: _Subject) -> CheckResult:
    status, message = CheckStatus.PASS, ""
    try:
        with foreign_code(_name(subject.plugin), check.name):
            try:
                check.run(subject)
            except _BrokenPromiseError as broken:
                status, message = CheckStatus.FAIL, str(broken)
            except _SkippedError as skipped:
                status, message = CheckStatus.SKIP, str(skipped)
            except MissingToolError as error:
                status, message = CheckStatus.SKIP, error.message
    except WasmrunError as error:
        status, message = CheckStatus.FAIL, error.message
    return CheckResult(name=check.name, promise=check.promise, status=status, message=message)


def _check_identity(subject: _Subject) -> None:
    info = subject.plugin.info
    _expect(isinstance(info, PluginInfo), f"its info is a {type(info).__name__}, not a PluginInfo")
    _expect(bool(info.name), "it has no name")
    _expect(info.version[:1].isdigit(), f"its version {info.version!r} does not begin with a digit")
    _expect(bool(info.description.strip()), "it has no description")
    _expect(bool(info.capabilities.targets), "it builds no target: its capabilities are all false")
    _expect(bool(info.capabilities.supported_languages), "it names no language (supported_languages)")
    _expect(info == subject.plugin.info, "asked twice who it is, it gives two answers")


def _check_refusal(subject: _Subject) -> None:
    empty = subject.scratch / "empty"
    empty.mkdir()
    answer = subject.plugin.can_handle_project(empty)
    _expect(not isinstance(answer, Match), f"it takes an empty folder: {getattr(answer, 'reason', '')}")
    reason = answer.reason if answer is not None else "nothing said"
    _expect(bool(reason.strip()), "it refuses an empty folder without a reason")
    _expect(not any(empty.iterdir()), "it left files in a folder that it only looked at")


def _check_recognition(subject: _Subject) -> None:
    project = subject.need_sample().project
    before = _snapshot(project)
    answer = subject.plugin.can_handle_project(project)
    if not isinstance(answer, Match):
        raise _BrokenPromiseError(f"it does not take the sample: {answer.reason if answer else 'no reason'}")
    _expect(1 <= answer.confidence <= _MOST_CONFIDENCE, f"its confidence {answer.confidence} is not 1 to 100")
    _expect(bool(answer.reason.strip()), "it takes the sample without a reason")
    _expect(answer == subject.plugin.can_handle_project(project), "asked twice, it gives two answers")
    _expect_untouched(project, before)


def _check_builder(subject: _Subject) -> None:
    info, builder = subject.plugin.info, subject.plugin.get_builder()
    languages = {word.casefold() for word in info.capabilities.supported_languages}
    spoken = builder.language_name
    _expect(
        spoken.casefold() in languages,
        f"its builder's language {spoken!r} is none of {', '.join(sorted(languages))}",
    )
    for what, said, declared in (
        ("extensions", builder.supported_extensions, info.extensions),
        ("entry files", builder.entry_file_candidates, info.entry_files),
    ):
        _expect(
            set(said) == set(declared),
            f"its builder's {what} ({', '.join(said)}) are not its manifest's ({', '.join(declared)})",
        )


def _check_dependencies(subject: _Subject) -> None:
    missing = subject.plugin.get_builder().check_dependencies()
    _expect(isinstance(missing, tuple), f"it answers a {type(missing).__name__}, not a tuple")
    odd = [name for name in missing if not str(name).strip()]
    _expect(not odd, f"it names tools that are no names: {odd!r}"[:200])
    if missing:
        raise _SkippedError(f"it cannot build here, tools are missing: {', '.join(missing)}")


def _check_builds(subject: _Subject) -> None:
    sample = subject.need_sample()
    before = _snapshot(sample.project)
    for level in OptimizationLevel:
        folder = subject.scratch / f"built-{level}"
        result = _build(subject, sample, level, folder)
        artifacts = check_artifacts(result, folder / "out", plugin=_name(subject.plugin))
        toolchains = subject.plugin.info.toolchains
        _expect(
            not toolchains or result.toolchain.name in toolchains,
            f"it built with {result.toolchain.name!r}, and its manifest names {', '.join(toolchains)}",
        )
        _expect_untouched(sample.project, before)
        subject.sizes[level] = artifacts[0].size_bytes
        names = (each.path.relative_to(folder / "out").as_posix() for each in artifacts)
        subject.built[level] = tuple(names)


def _check_sizes(subject: _Subject) -> None:
    if not subject.plugin.info.capabilities.optimization:
        raise _SkippedError("its manifest does not promise it (capabilities.optimization)")
    if len(subject.sizes) < len(OptimizationLevel):
        raise _SkippedError("the sample was not built at every level")
    size, release, debug = (
        subject.sizes[level]
        for level in (OptimizationLevel.SIZE, OptimizationLevel.RELEASE, OptimizationLevel.DEBUG)
    )
    _expect(size <= release <= debug, f"size is {size} bytes, release {release}, debug {debug}")


def _check_failure(subject: _Subject) -> None:
    sample = subject.need_sample()
    name = sample.broken_file or _find_entry(subject, sample)
    place = subject.scratch / "broken" / sample.project.name
    shutil.copytree(sample.project, place, symlinks=True)
    (place / name).write_text(sample.broken_text, encoding="utf-8")
    before = _snapshot(place)
    try:
        _build(subject, replace(sample, project=place), OptimizationLevel.DEBUG, subject.scratch / "failed")
    except (PluginFailedError, MissingToolError):
        # Neither says anything about the project.
        raise
    except WasmrunError as error:
        _expect(bool(error.message.strip()), "it fails without a message")
    else:
        raise _BrokenPromiseError(f"it built a project whose {name} is no program, and reported success")
    _expect_untouched(place, before)


def _check_cleaning(subject: _Subject) -> None:
    project = subject.need_sample().project
    kept = {project / name for name in _snapshot(project)}
    claimed = subject.plugin.get_builder().clean(project)
    odd = [path for path in claimed if not path.is_absolute() or path in kept or path in project.parents]
    _expect(not odd, f"it would have the user's own files removed: {', '.join(map(str, odd[:3]))}")


CHECKS: tuple[Check, ...] = (
    Check(name="identity", promise="It says who it is, and the same each time.", run=_check_identity),
    Check(name="refusal", promise="An empty folder is not its own, and it says why.", run=_check_refusal),
    Check(
        name="recognition",
        promise="Its own project is recognised, with a reason and without a trace.",
        run=_check_recognition,
    ),
    Check(name="builder", promise="Its builder and its manifest say the same.", run=_check_builder),
    Check(name="dependencies", promise="It names the tools that are missing.", run=_check_dependencies),
    Check(
        name="build",
        promise="Each level gives a valid module in the output folder; the project is left alone.",
        run=_check_builds,
    ),
    Check(
        name="levels",
        promise="size is not larger than release, and release not than debug.",
        run=_check_sizes,
    ),
    Check(name="failure", promise="A project that cannot be built is an error.", run=_check_failure),
    Check(name="cleaning", promise="Cleaning claims none of the project's own files.", run=_check_cleaning),
)


def _build(subject: _Subject, sample: Sample, level: OptimizationLevel, folder: Path) -> BuildResult:
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
    result = subject.plugin.get_builder().build(config, subject.reporter)
    _expect(isinstance(result, BuildResult), f"it returned a {type(result).__name__}, not a BuildResult")
    return result


def _find_entry(subject: _Subject, sample: Sample) -> str:
    """A file of the sample whose content must matter."""
    info = subject.plugin.info
    entries = [name for name in info.entry_files if (sample.project / name).is_file()]
    suffixes = tuple(f".{extension}" for extension in info.extensions)
    sources = [name for name in _snapshot(sample.project) if suffixes and name.endswith(suffixes)]
    own = [name for name in entries if name.endswith(suffixes)] if suffixes else entries
    found = next(iter((*own, *sources, *entries)), None)
    if found is None:
        raise _SkippedError("the sample holds no file of the plugin's entry files or extensions")
    return found


def _expect_untouched(project: Path, before: dict[str, str]) -> None:
    after = _snapshot(project)
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    _expect(not changed, f"it changed the project: {', '.join(changed[:5])}")


def _expect(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - it is what is expected
    if not holds:
        raise _BrokenPromiseError(otherwise)


def _snapshot(folder: Path) -> dict[str, str]:
    """Every file of a folder with its digest; links with where they lead."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = str(path.readlink())
        elif path.is_file():
            found[name] = digest_file(path)
    return found


def _name(plugin: Plugin) -> str:
    name = getattr(getattr(plugin, "info", None), "name", "")
    return name if isinstance(name, str) and name else "plugin"
