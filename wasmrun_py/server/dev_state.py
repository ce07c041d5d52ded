"""What the development server knows at one moment: values only, and their JSON.

``DevState.to_json`` is the contract with the page (``ui/src/api.ts`` mirrors it) and with ``status --json``;
paths of the machine leave it only where a user needs them (the project's folder).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wasmrun_py.model.diagnostic import Diagnostic

STATE_SCHEMA = 1


class Status(StrEnum):
    """How the server stands, and how a build ended."""

    BUILDING = "building"
    OK = "ok"
    FAILED = "failed"
    CANCELLED = "cancelled"


class ProgramKind(StrEnum):
    """What a browser has to do to run what was built."""

    WASI = "wasi"  # a WASI command: ``_start``, preview-1 imports
    LIBRARY = "library"  # exports to call, no ``_start``; imports that the page can stub or shim
    PAGE = "page"  # a web app with an index.html of its own, or one that the build made
    EMSCRIPTEN = "emscripten"  # NAME.js + NAME.wasm without a page
    BINDGEN = "wasm-bindgen"  # NAME.js + NAME_bg.wasm without a page
    COMPONENT = "component"  # no browser runs it as it is; ``wasmrun exec`` does


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """How the page runs what is served.

    Attributes:
        kind: What it is.
        module: The module's URL path (``/app.wasm``), or None.
        script: The URL path of the JavaScript that loads it, or None.
        page: The URL path of the app's own page (always ``/``), or None when the UI is at ``/``.
        needs_isolation: It imports shared memory, so that pages are sent COOP and COEP.
    """

    kind: ProgramKind
    module: str | None = None
    script: str | None = None
    page: str | None = None
    needs_isolation: bool = False

    def to_json(self) -> dict[str, Any]:
        """The object the page reads."""
        return {
            "kind": self.kind.value,
            "module": self.module,
            "script": self.script,
            "page": self.page,
            "needs_isolation": self.needs_isolation,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedFile:
    """One output that may be asked for.

    Attributes:
        path: Where it lies, absolute.
        size_bytes: Its size.
        sha256: Its digest, lower-case hex; the ETag.
        kind: ``wasm``, ``js``, ``html``… as in ``compile --json``.
    """

    path: Path
    size_bytes: int
    sha256: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRecord:
    """One build of this server's life.

    Attributes:
        number: 1 for the first.
        status: How it ended, or ``building``.
        started_at: ISO 8601, UTC.
        duration_s: Wall-clock seconds of the build itself; None while it runs.
        trigger: Files whose bytes changed, relative to the project; empty for the first build.
        plugin: ``{name, version, type, transport}``, or None when none was chosen.
        toolchain: ``{name, version}``, or None.
        target: What it was built for.
        optimization: At which level.
        module_bytes: The module's size, or None.
        cache: ``hit``, ``miss`` or ``off``; None when it failed.
        warnings: Sentences.
        diagnostics: What the toolchain said, in its own order.
        source_lines: The line of source of each diagnostic, or None; there may be fewer.
        error: ``{code, message, hint}`` of a failed build, or None.
    """

    number: int
    status: Status
    started_at: str
    duration_s: float | None = None
    trigger: tuple[str, ...] = ()
    plugin: Mapping[str, str] | None = None
    toolchain: Mapping[str, str] | None = None
    target: str | None = None
    optimization: str | None = None
    module_bytes: int | None = None
    cache: str | None = None
    warnings: tuple[str, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    source_lines: tuple[str | None, ...] = ()
    error: Mapping[str, str] | None = None

    def to_json(self) -> dict[str, Any]:
        """The object the page reads."""
        return {
            "number": self.number,
            "status": self.status.value,
            "started_at": self.started_at,
            "duration_s": self.duration_s,
            "trigger": list(self.trigger),
            "plugin": None if self.plugin is None else dict(self.plugin),
            "toolchain": None if self.toolchain is None else dict(self.toolchain),
            "target": self.target,
            "optimization": self.optimization,
            "module_bytes": self.module_bytes,
            "cache": self.cache,
            "warnings": list(self.warnings),
            "diagnostics": [
                {
                    "file": each.file,
                    "line": each.line,
                    "column": each.column,
                    "severity": each.severity.value,
                    "message": each.message,
                    "source": each.source,
                    "source_line": source_line,
                }
                for each, source_line in zip_longest(
                    self.diagnostics, self.source_lines[: len(self.diagnostics)]
                )
            ],
            "error": None if self.error is None else dict(self.error),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class DevState:
    """Everything the page shows, at one moment.

    Attributes:
        project: The project's folder, or the served file.
        is_file: A file is served, and nothing is built.
        watching: Changes are noticed.
        status: ``building``, ``ok`` or ``failed``.
        generation: Counts up by one whenever what is served changed; 0 before the first good build.
        program: How to run what is served; None before the first good build.
        files: URL path (``/app.wasm``) -> what lies there. Nothing else is ever served from the disk.
        builds: The builds so far, oldest first, the last 50.
    """

    project: Path
    is_file: bool
    watching: bool
    status: Status
    generation: int = 0
    program: Program | None = None
    files: Mapping[str, ServedFile] = field(default_factory=dict)
    builds: tuple[BuildRecord, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The object the page reads: ``GET /_wasmrun/state``, and the ``state`` event."""
        return {
            "schema": STATE_SCHEMA,
            "project": {"name": self.project.name, "path": str(self.project), "is_file": self.is_file},
            "watching": self.watching,
            "status": self.status.value,
            "generation": self.generation,
            "program": None if self.program is None else self.program.to_json(),
            "files": [
                {"url": url, "size_bytes": file.size_bytes, "sha256": file.sha256, "kind": file.kind}
                for url, file in self.files.items()
            ],
            "builds": [each.to_json() for each in self.builds],
        }
