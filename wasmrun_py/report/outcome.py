"""What a report is written from: one outcome a project, and where its findings lie in the repository."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from wasmrun_py.model.diagnostic import Diagnostic, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wasmrun_py.model.errors import WasmrunError

WASMRUN = "wasmrun"
# Where a checkout lies, in the words of the two CI systems.
_ROOT_VARIABLES = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR")
# Compiled where they are first needed: most commands report nothing.
_FLAG = r"\[(-W[\w+=#-]{1,80})\]\s*$"
_CODE = r"(?:(?P<code>(?:TS|AS)\d{1,6}|E\d{4})(?=[:\s])|(?P<name>[A-Z]\w{0,60}(?:Error|Warning))\b)"
_FINGERPRINT_LENGTH = 32
_ANCHORS = ("wasmrun.toml", "CMakeLists.txt", "Makefile", "asconfig.json", "package.json", "pyproject.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedArtifact:
    """A published file.

    Attributes:
        path: The file, absolute.
        kind: ``wasm``, ``js``, ``html``…
        size_bytes: Its size.
        sha256: Its digest, hexadecimal.
    """

    path: Path
    kind: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectOutcome:
    """How one project ended.

    Attributes:
        project: Its folder, or the file that was checked; absolute.
        duration_s: Wall-clock seconds.
        error: Why it failed, or None.
        diagnostics: What the toolchain said, in its own order, whether it failed or not.
        warnings: wasmrun's own sentences.
        artifacts: What was published.
        facts: What is known beside that (plugin, toolchain, target…), for people to read.
    """

    project: Path
    duration_s: float
    error: WasmrunError | None = None
    diagnostics: tuple[Diagnostic, ...] = ()
    warnings: tuple[str, ...] = ()
    artifacts: tuple[ReportedArtifact, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.project.name or str(self.project)

    @property
    def said(self) -> tuple[Diagnostic, ...]:
        """The diagnostics, with one for a failure that none of them tells."""
        if self.error is None or any(each.severity is Severity.ERROR for each in self.diagnostics):
            return self.diagnostics
        told = f"{self.error.message}. {self.error.hint}" if self.error.hint else self.error.message
        own = Diagnostic(
            file=None, line=None, column=None, severity=Severity.ERROR, message=told, source=WASMRUN
        )
        return (*self.diagnostics, own)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportInput:
    """Everything a report says.

    Attributes:
        command: The command (``compile``, ``verify``).
        version: wasmrun's own.
        root: The repository's folder, absolute: places are named relative to it.
        outcomes: One a project, in the order they were built.
    """

    command: str
    version: str
    root: Path
    outcomes: tuple[ProjectOutcome, ...]

    def findings(self) -> Iterator[Finding]:
        """Every diagnostic of every project, notes with what they belong to."""
        import hashlib  # noqa: PLC0415 - most commands report nothing

        seen: dict[str, int] = {}
        for outcome in self.outcomes:
            for main, notes in _grouped(outcome.said):
                place = locate(main, outcome.project, self.root)
                rule = find_rule(main, outcome)
                key = f"{rule}\0{place.shown}\0{main.message}"
                seen[key] = seen.get(key, 0) + 1
                digest = hashlib.sha256(f"{key}\0{seen[key]}".encode("utf-8", "replace")).hexdigest()
                noted = tuple((note, locate(note, outcome.project, self.root)) for note in notes)
                inside = [each for each in (place, *(there for _, there in noted)) if each.path is not None]
                yield Finding(
                    outcome=outcome,
                    diagnostic=main,
                    place=place,
                    rule=rule,
                    fingerprint=digest[:_FINGERPRINT_LENGTH],
                    anchor=inside[0] if inside else _make_place(find_anchor(outcome.project), self.root),
                    notes=noted,
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something is.

    Attributes:
        path: Relative to the repository with ``/``; None when it names no file or one outside.
        outside: The absolute path of a file outside the repository, or None.
        line: 1-based, or None.
        column: 1-based, or None.
    """

    path: str | None
    outside: str | None = None
    line: int | None = None
    column: int | None = None

    @property
    def shown(self) -> str:
        """The file as people read it; empty when there is none."""
        return self.path or self.outside or ""

    @property
    def label(self) -> str:
        """``FILE:LINE:COLUMN`` as far as it is known."""
        parts = (self.shown, self.line, self.column if self.line else None)
        return ":".join(str(part) for part in parts if part)

    @property
    def uri(self) -> str:
        """The file as a URI reference: relative to the repository, or absolute."""
        from urllib.parse import quote  # noqa: PLC0415 - only SARIF has URIs

        if self.path is not None:
            return quote(_encodable(self.path))
        return Path(self.outside or os.sep).as_uri()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One diagnostic on its way into a report.

    Attributes:
        outcome: The project it belongs to.
        diagnostic: What was said.
        place: Where in the repository.
        rule: A stable name of the kind of thing that was said.
        fingerprint: The same for the same finding on other days and lines, different for different ones.
        anchor: A place inside the repository: its own, else a note's, else a file of the project's.
        notes: What was added to it, with the places.
    """

    outcome: ProjectOutcome
    diagnostic: Diagnostic
    place: Place
    rule: str
    fingerprint: str
    anchor: Place
    notes: tuple[tuple[Diagnostic, Place], ...] = ()

    @property
    def text(self) -> str:
        """The message with its notes below."""
        lines = [self.diagnostic.message]
        lines += [f"{place.label}: {note.message}".removeprefix(": ") for note, place in self.notes]
        return "\n".join(lines)


def find_root(environ: Mapping[str, str], project: Path) -> Path:
    """The repository that a project is part of: what CI says, else the folder with ``.git``, else its own.

    Args:
        environ: The environment.
        project: The project's folder, absolute; it need not exist.
    """
    for variable in _ROOT_VARIABLES:
        named = environ.get(variable)
        if named and os.path.isabs(named) and _is_below(project, Path(named)):  # noqa: PTH117 - a word so far
            return Path(named)
    for folder in (project, *project.parents):
        if _exists(folder / ".git"):
            return folder
    return project


def locate(diagnostic: Diagnostic, project: Path, root: Path) -> Place:
    """The place of a diagnostic of a project, in the repository at ``root``."""
    if diagnostic.file is None:
        return Place(path=None)
    base = project.parent if _is_file(project) else project
    file = Path(os.path.normpath(base / diagnostic.file.replace("\0", "")))
    return _make_place(file, root, line=diagnostic.line, column=diagnostic.column)


def find_anchor(project: Path) -> Path:
    """A file that stands for the whole project, where a place is asked for and there is none."""
    if _is_file(project):
        return project
    named = next((project / name for name in _ANCHORS if _is_file(project / name)), None)
    if named is not None:
        return named
    try:
        files = sorted(path for path in project.iterdir() if _is_file(path) and path.name[0] != ".")
    except OSError:
        files = []
    return files[0] if files else project


def find_rule(diagnostic: Diagnostic, outcome: ProjectOutcome) -> str:
    """A stable name for the kind of thing that was said: the tool's own code where it has one."""
    source = diagnostic.source
    if source == WASMRUN and outcome.error is not None and diagnostic.severity is Severity.ERROR:
        return f"{WASMRUN}/{outcome.error.code}"
    message = diagnostic.message
    flag = re.search(_FLAG, message[-100:])
    if flag is not None:
        return f"{source}/{flag[1]}"
    code = re.match(_CODE, message)
    if code is not None:
        return f"{source}/{code['code'] or code['name']}"
    return f"{source}/{diagnostic.severity}"


def _make_place(file: Path, root: Path, *, line: int | None = None, column: int | None = None) -> Place:
    inside = _find_inside(file, root)
    outside = None if inside is not None else str(file)
    return Place(path=inside, outside=outside, line=line, column=column if line else None)


def _find_inside(file: Path, root: Path) -> str | None:
    """The path below ``root`` with ``/``, by name or behind links; None when it is not there."""
    for path, folder in ((file, root), (_resolve(file), _resolve(root))):
        if path != folder and path.is_relative_to(folder):
            return path.relative_to(folder).as_posix()
    return None


def _is_below(path: Path, root: Path) -> bool:
    return path == root or _find_inside(path, root) is not None or _resolve(path) == _resolve(root)


def _exists(path: Path) -> bool:
    """False also where the system does not tell: pathlib's own raises then."""
    return os.path.exists(path)  # noqa: PTH110 - see above


def _is_file(path: Path) -> bool:
    """As ``_exists``."""
    return os.path.isfile(path)  # noqa: PTH113 - see there


def _resolve(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):
        return path


def _encodable(text: str) -> bytes:
    """Names that are no Unicode keep their bytes."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def _grouped(diagnostics: tuple[Diagnostic, ...]) -> Iterator[tuple[Diagnostic, list[Diagnostic]]]:
    """Errors and warnings, each with the notes that follow it; a note with nothing before it is its own."""
    main: Diagnostic | None = None
    notes: list[Diagnostic] = []
    for each in diagnostics:
        if main is not None and each.severity is Severity.NOTE:
            notes.append(each)
            continue
        if main is not None:
            yield main, notes
        main, notes = each, []
    if main is not None:
        yield main, notes
