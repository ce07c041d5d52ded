"""Get the artifacts of a project into a staging folder: from the cache, or by a build that is kept there.

What a cached build tells is what the build told: the same result, warnings and diagnostics. Publishing is
``compile``'s, and the same for both.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from wasmrun_py.model.artifact import Artifact, WasmOptRun
from wasmrun_py.model.build import BuildResult, Toolchain
from wasmrun_py.model.build_inputs import BuildInputs
from wasmrun_py.model.events import Level, Message

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wasmrun_py.build.cache.build_cache import BuildCache, CacheSource
    from wasmrun_py.build.cache.explanation import Explanation
    from wasmrun_py.build.cache.record import CachedResult
    from wasmrun_py.model.diagnostic import Diagnostic
    from wasmrun_py.model.events import Event, Reporter


class CacheStatus(StrEnum):
    """What the cache had to do with a build."""

    HIT = "hit"
    MISS = "miss"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Produced:
    """Checked artifacts in a staging folder.

    Attributes:
        language: In the builder's words.
        result: What the plugin gave.
        artifacts: Every file, the module first.
        wasm_opt: What wasm-opt did, or None.
        messages: Warnings that were told while it was built.
        cache: Whether it was built now.
        cache_source: Which cache it came from, or None.
        explanation: Why, when that was asked.
    """

    language: str
    result: BuildResult
    artifacts: tuple[Artifact, ...]
    wasm_opt: WasmOptRun | None
    messages: tuple[str, ...] = ()
    cache: CacheStatus = CacheStatus.OFF
    cache_source: CacheSource | None = None
    explanation: Explanation | None = None


class BuildJob(Protocol):
    """How a project is built, for when it has to be."""

    def build(self, made: Path) -> Produced:
        """Build into an empty folder."""

    def find_inputs(self, produced: Produced) -> BuildInputs | None:
        """What the build read, or must be taken to have read; None when it must not be kept."""

    def find_obstacle(self, produced: Produced) -> str:
        """Why this build must not be kept, or nothing."""


class WarningKeeper:
    """A reporter that hands every event on and keeps the warnings, for those who get the result later."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self.messages: list[str] = []

    def emit(self, event: Event) -> None:
        """Hand the event on."""
        if isinstance(event, Message) and event.level is Level.WARNING:
            self.messages.append(event.text)
        self._reporter.emit(event)


def produce(
    cache: BuildCache | None,
    make_job: Callable[[], BuildJob],
    *,
    made: Path,
    reporter: Reporter,
    explain: bool = False,
) -> Produced:
    """The artifacts, in ``made``.

    Args:
        cache: The cache, or None to build.
        make_job: How it is built; asked only when it has to be.
        made: The folder.
        reporter: Hears the warnings of a cached build again.
        explain: Say why it was a hit or not.
    """
    if cache is None:
        produced = make_job().build(made)
        return replace(produced, explanation=_explain_off() if explain else None)
    taken = _take(cache, made, reporter)
    if taken is not None:
        return replace(taken, explanation=cache.explain_hit() if explain else None)
    with cache.turn():
        # Also where nobody was waited for: another one may have been done a moment before.
        taken = _take(cache, made, reporter, near_only=True)
        if taken is not None:
            return replace(taken, explanation=cache.explain_hit() if explain else None)
        explanation = cache.explain_miss() if explain else None
        return replace(_build_and_keep(cache, make_job(), made), explanation=explanation)


def _take(cache: BuildCache, made: Path, reporter: Reporter, *, near_only: bool = False) -> Produced | None:
    """What an earlier build made, told again; None when it is not there."""
    found = cache.find(made, near_only=near_only)
    if found is None:
        return None
    produced = replace(restore(found, made), cache_source=cache.found_in)
    for text in produced.messages:
        reporter.emit(Message(level=Level.WARNING, text=text))
    return produced


def _build_and_keep(cache: BuildCache, job: BuildJob, made: Path) -> Produced:
    produced = job.build(made)
    problem = job.find_obstacle(produced)
    inputs = job.find_inputs(produced)
    if problem:
        cache.leave_out(problem)
    elif inputs is None:
        cache.leave_out("the plugin does not say what it read, or does not want to be kept")
    else:
        cache.keep(describe(produced, made), inputs, folder=made)
    return replace(produced, cache=CacheStatus.MISS)


def _explain_off() -> Explanation:
    from wasmrun_py.build.cache.explanation import ExplainStatus, Explanation  # noqa: PLC0415 - few ask

    return Explanation(status=ExplainStatus.OFF)


def describe(produced: Produced, made: Path) -> CachedResult:
    """What the cache keeps of a build."""
    from wasmrun_py.build.cache.record import CachedFile, CachedResult  # noqa: PLC0415 - only with a cache

    def name_of(path: Path) -> str:
        return path.relative_to(made).as_posix()

    result = produced.result
    files = tuple(
        CachedFile(
            name=name_of(each.path),
            kind=each.kind,
            size_bytes=each.size_bytes,
            sha256=each.sha256,
            executable=os.access(each.path, os.X_OK),
        )
        for each in produced.artifacts
    )
    wasm_opt = produced.wasm_opt
    details: dict[str, Any] = {
        "language": produced.language,
        "toolchain": [result.toolchain.name, result.toolchain.version],
        "wasm": name_of(result.wasm_path),
        "js": name_of(result.js_path) if result.js_path else None,
        "is_wasm_bindgen": result.is_wasm_bindgen,
        "binaryen_ran": result.binaryen_ran,
        "warnings": list(result.warnings),
        "messages": list(produced.messages),
        "diagnostics": [_diagnostic_to_json(each) for each in result.diagnostics],
        "wasm_opt": None
        if wasm_opt is None
        else [wasm_opt.version, wasm_opt.bytes_before, wasm_opt.bytes_after],
    }
    return CachedResult(files=files, details=details)


def restore(cached: CachedResult, made: Path) -> Produced:
    """What ``describe`` described, its files lying in ``made``."""
    details = cached.details
    wasm_path = made / details["wasm"]
    js_path = made / details["js"] if details["js"] else None
    artifacts = tuple(
        Artifact(path=made / each.name, kind=each.kind, size_bytes=each.size_bytes, sha256=each.sha256)
        for each in cached.files
    )
    name, version = details["toolchain"]
    result = BuildResult(
        wasm_path=wasm_path,
        js_path=js_path,
        additional_files=tuple(each.path for each in artifacts if each.path not in {wasm_path, js_path}),
        is_wasm_bindgen=details["is_wasm_bindgen"],
        toolchain=Toolchain(name=name, version=version),
        warnings=tuple(details["warnings"]),
        diagnostics=tuple(_diagnostic_from_json(each) for each in details["diagnostics"]),
        binaryen_ran=details["binaryen_ran"],
        inputs=BuildInputs(),
    )
    ran = details["wasm_opt"]
    return Produced(
        language=details["language"],
        result=result,
        artifacts=artifacts,
        wasm_opt=None if ran is None else WasmOptRun(version=ran[0], bytes_before=ran[1], bytes_after=ran[2]),
        messages=tuple(details["messages"]),
        cache=CacheStatus.HIT,
    )


def _diagnostic_to_json(each: Diagnostic) -> list[Any]:
    return [each.file, each.line, each.column, each.severity.value, each.message, each.source]


def _diagnostic_from_json(listed: list[Any]) -> Diagnostic:
    from wasmrun_py.model.diagnostic import Diagnostic, Severity  # noqa: PLC0415 - few builds have one

    file, line, column, severity, message, source = listed
    return Diagnostic(
        file=file,
        line=line,
        column=column,
        severity=Severity(severity),
        message=message,
        source=source,
    )
