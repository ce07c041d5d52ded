"""Write the note that ``unchanged`` reads: after a run that built or found everything, and only then.

Everything that decides about a run must be in the note, by its stat; what changed too recently for its stat
to prove anything, or cannot be told, means that there is no note. Outputs are always recent: for them the
note has their digests too, until a later look finds them old enough.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from glob import has_magic
from pathlib import Path
from typing import TYPE_CHECKING

import wasmrun_py
from wasmrun_py.build.cache.last_build import find_note
from wasmrun_py.build.fingerprint.dependencies import parse_dependencies
from wasmrun_py.build.fingerprint.kept_hashes import is_racy
from wasmrun_py.build.outputs import RECORD_NAME
from wasmrun_py.build.project_files import ProjectFiles, is_scratch_name
from wasmrun_py.build.workspace.unchanged import MAGIC, find_folder, identify, stamp_file, stamp_names
from wasmrun_py.model.errors import OutputError
from wasmrun_py.model.manifest import PluginType
from wasmrun_py.system.fs import digest_file, replace_file
from wasmrun_py.toolchain.find import find_tool

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wasmrun_py.build.compile import CompileReport
    from wasmrun_py.build.workspace.plan import Plan
    from wasmrun_py.config.settings import Settings
    from wasmrun_py.config.workspace import Member
    from wasmrun_py.system.paths import Home

_MOST_CHECKS = 50_000
_MOST_NOTES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedRun:
    """A run that built or found everything.

    Attributes:
        argv: The command's arguments.
        environ: The environment.
        cwd: The working folder.
        folder: The folder that the workspace was looked for from.
        home: Where settings, plugins and the cache are.
        started_ns: When it began, nanoseconds since the epoch.
        plan: What was done.
        reports: Name -> what was built.
    """

    argv: Sequence[str]
    environ: Mapping[str, str]
    cwd: Path
    folder: Path
    home: Home
    started_ns: int
    plan: Plan
    reports: Mapping[str, CompileReport]


class _UntoldError(Exception):
    """What decides about the run cannot all be told."""


def write_note(run: FinishedRun, said: tuple[bytes, bytes]) -> bool:
    """Write the note of a run; False when it cannot be told that nothing changed.

    Args:
        run: The run.
        said: What the command says on stderr and stdout when nothing changed.
    """
    folder = find_folder(run.environ, str(run.cwd))
    if folder is None or run.plan.changes is not None or run.environ.get("WASMRUN_PLUGIN_PATH"):
        return False
    try:
        checks = _Checks(run.started_ns)
        _add_surroundings(run, checks)
        for name, report in run.reports.items():
            _add_member(run, run.plan.workspace.members[name], report, checks)
    except (_UntoldError, OSError):
        return False
    lines = [f"{stamp}\t{path}" for path, stamp in checks.found.items()]
    if len(lines) > _MOST_CHECKS or any("\n" in line for line in lines):
        return False
    name, world = identify(run.argv, run.environ, str(run.cwd))
    head = (MAGIC.decode("ascii"), world, f"{len(lines)} {len(said[0])} {len(said[1])}")
    data = os.fsencode("\n".join((*head, *lines, ""))) + said[0] + said[1]
    with suppress(OutputError, OSError):
        replace_file(Path(folder) / name, data)
        _prune(Path(folder))
        return True
    return False


def settle(path: str, data: bytes, young: list[tuple[bytes, bytes, bytes, bytes]]) -> bool:
    """Whether young files have the bytes that the note says; those that are old by now are noted as such.

    Args:
        path: The note.
        data: What it holds.
        young: A line of it, and that line's stamp, file and digest.
    """
    now_ns = time.time_ns()
    for line, stamp, name, wanted in young:
        file = os.fsdecode(name)
        status = os.stat(file)  # noqa: PTH116 - a stat of a string
        if digest_file(Path(file)) != wanted.decode("ascii"):
            return False
        if not is_racy(status, now_ns):
            data = data.replace(line, b"f " + stamp + b"\t" + name, 1)
    with suppress(OutputError):
        replace_file(Path(path), data)
    return True


class _Checks:
    """Path -> what it must look like.

    Args:
        started_ns: What changed after that may not be what the build saw.
    """

    def __init__(self, started_ns: int) -> None:
        self._started_ns = started_ns
        self.found: dict[str, str] = {}

    def add_file(self, path: str) -> None:
        """A file as it is, or that it is not there."""
        if path in self.found:
            return
        self.found[path] = f"f {stamp_file(path)}"
        with suppress(FileNotFoundError, NotADirectoryError):
            if is_racy(os.stat(path), self._started_ns):  # noqa: PTH116 - strings: hundreds of headers
                raise _UntoldError(path)

    def add_folder(self, path: str) -> None:
        """The names in a folder: by its time where that is old enough."""
        if path in self.found:
            return
        try:
            racy = is_racy(os.stat(path), self._started_ns)  # noqa: PTH116 - as above
        except (FileNotFoundError, NotADirectoryError):
            racy = False
        self.found[path] = f"n {stamp_names(path)}" if racy else f"f {stamp_file(path)}"

    def add_output(self, path: Path, sha256: str) -> None:
        """A file that was just written."""
        if digest_file(path) != sha256:
            raise _UntoldError(str(path))
        self.found[str(path)] = f"h {stamp_file(str(path))} {sha256}"


def _add_surroundings(run: FinishedRun, checks: _Checks) -> None:
    """What decides before any member is looked at: wasmrun, its settings, and where programs are."""
    packages = {Path(wasmrun_py.__file__).parent}
    for report in run.reports.values():
        top = type(report.plugin.plugin).__module__.partition(".")[0]
        packages.update(map(Path, getattr(sys.modules.get(top), "__path__", ())))
        if (
            report.plugin.registered.type is not PluginType.BUILTIN
            or report.warnings
            or report.cache == "off"
        ):
            raise _UntoldError(report.plugin.name)
    for path in (*(path for package in packages for path in package.rglob("*.py")), run.home.config_file):
        checks.add_file(str(path))
    named = run.environ.get("PATH", "").split(os.pathsep)
    for entry in (*sys.path, *named, str(run.home.store)):
        if os.path.isabs(entry):  # noqa: PTH117 - a string
            checks.add_folder(entry)
    _add_choice(run, checks)


def _add_choice(run: FinishedRun, checks: _Checks) -> None:
    """What decides which folders are members."""
    workspace = run.plan.workspace
    checks.add_file(str(workspace.root / "wasmrun.toml"))
    for folder in (run.folder, *run.folder.parents):
        checks.add_file(str(folder / "wasmrun.toml"))
        if folder == workspace.root:
            break
    for pattern in workspace.patterns:
        before, _, last = pattern.rpartition("/")
        if has_magic(before):
            raise _UntoldError(pattern)
        if has_magic(last):
            checks.add_folder(str(workspace.root / before))


def _add_member(run: FinishedRun, member: Member, report: CompileReport, checks: _Checks) -> None:
    """A member's files, what else its build read, and its outputs."""
    settings = run.plan.settings[member.name]
    if member.file is not None and "plugins" in member.file.tables:
        raise _UntoldError(member.name)
    note = find_note(run.home, member.folder).load()
    dependencies = parse_dependencies(note.get("dependencies")) if note is not None else None
    if note is None or dependencies is None or note.get("not_kept") or not _is_of(note, member, settings):
        raise _UntoldError(member.name)
    outputs = (settings.output_dir,)
    # All of it, also what git ignores: who is named in no .gitignore today may be tomorrow.
    _add_tree(str(member.folder), outputs, checks)
    for tree in dependencies.trees:
        _add_tree(tree, outputs, checks)
    for path in dependencies.files:
        checks.add_file(path)
    for listed in dependencies.folders:
        checks.add_folder(listed[0])
    for program in dependencies.programs:
        found = find_tool(program, run.environ)
        if found is not None:
            checks.add_file(str(found))
    for folder in member.folder.parents:
        checks.add_file(str(folder / ".gitignore"))
    record = settings.output_dir / RECORD_NAME
    for artifact in report.artifacts:
        checks.add_output(artifact.path, artifact.sha256)
    checks.add_output(record, digest_file(record))
    checks.found[str(settings.output_dir)] = f"n {stamp_names(str(settings.output_dir))}"


def _is_of(note: Mapping[str, object], member: Member, settings: Settings) -> bool:
    """Whether the cache's note is of this build, and not of another one of the same project."""
    from wasmrun_py.build.fingerprint.key import describe_options  # noqa: PLC0415 - only here

    options = note.get("options")
    files = note.get("files")
    if not isinstance(options, dict) or not isinstance(files, dict):
        return False
    wanted = describe_options(member.folder, settings)
    kept = {name: value for name, value in options.items() if not name.startswith("built before: ")}
    names = ProjectFiles(member.folder, (settings.output_dir,)).walk_names()
    start = len(str(member.folder)) + 1
    return kept == wanted and {name[start:].replace(os.sep, "/") for name in names} == files.keys()


def _add_tree(folder: str, outputs: tuple[Path, ...], checks: _Checks) -> None:
    kept_out = {str(each) for each in outputs}
    for place, folders, names in os.walk(folder):
        checks.add_folder(place)
        folders[:] = [
            name
            for name in folders
            if not is_scratch_name(name) and os.path.join(place, name) not in kept_out  # noqa: PTH118 - as above
        ]
        for name in names:
            if not is_scratch_name(name):
                checks.add_file(os.path.join(place, name))  # noqa: PTH118 - as above
        if len(checks.found) > _MOST_CHECKS:
            raise _UntoldError(folder)


def _prune(folder: Path) -> None:
    """Keep the newest notes: each command line has its own."""
    notes = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for old in notes[_MOST_NOTES:]:
        old.unlink(missing_ok=True)
