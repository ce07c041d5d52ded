"""The outputs of a project: published together, recorded, and removed only when they are still ours.

A record (``.wasmrun-outputs.json``) lies in each output folder and names every file wasmrun wrote there
with its digest. What the record does not name, or names with another digest, belongs to the user: a build
moves it aside instead of overwriting it, and ``clean`` leaves it alone. Which folders a project was built
into is remembered under WASMRUN_HOME, so that ``clean`` also finds outputs written elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import OutputError
from wasmrun_py.system.fs import (
    TEMPORARY_PREFIX,
    alone_in,
    atomic_write,
    digest_file,
    remove_empty_folders,
    translate_write_errors,
)
from wasmrun_py.system.signals import deferred_interrupts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wasmrun_py.system.paths import Home

RECORD_NAME = ".wasmrun-outputs.json"
_OWN_PREFIX = ".wasmrun-"
_RECORD_SCHEMA = 1
_RECORD_CAP_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedFile:
    """A finished file that waits for its place.

    Attributes:
        source: Where it lies now, on the output folder's file system.
        name: Where it goes, relative to the output folder.
        sha256: Its digest, lower-case hex.
    """

    source: Path
    name: Path
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanReport:
    """What ``clean`` did.

    Attributes:
        removed: Files that are gone.
        kept: Recorded files that were changed since and therefore stay.
    """

    removed: tuple[Path, ...]
    kept: tuple[Path, ...]


def publish(files: Iterable[StagedFile], output_dir: Path, *, previous: Path) -> tuple[Path, ...]:
    """Move staged files into the output folder, all of them or none.

    Ctrl-C is held back for the renames. If one fails, those before it are undone.

    Args:
        files: What to publish.
        output_dir: Where it goes.
        previous: An empty folder on the same file system, thrown away afterwards: the old outputs wait
            there until all new ones are in place.

    Returns:
        Files of the user that were in the way, where they are now.

    Raises:
        OutputError: The folder would not take the files; everything is as it was.
    """
    staged = tuple(files)
    # Two processes that move each other's files aside would take them for the user's.
    with translate_write_errors(f"write into {output_dir}"), deferred_interrupts(), alone_in(output_dir):
        return _publish(staged, output_dir, previous=previous)


def _publish(staged: tuple[StagedFile, ...], output_dir: Path, *, previous: Path) -> tuple[Path, ...]:
    record = _load_record(output_dir)
    undo: list[tuple[Path, Path | None]] = []
    moved_aside: list[Path] = []
    written = {file.name.as_posix(): file.sha256 for file in staged}
    try:
        if written.keys() - record.keys():
            # Known as outputs before they are there: another process that looks in between must not take
            # them for sources.
            _announce(output_dir, {**record, **written})
        for number, file in enumerate(staged):
            destination = output_dir / file.name
            aside = _step_aside(file, destination, record, previous / str(number))
            if aside is not None and aside.parent != previous:
                moved_aside.append(aside)
            undo.append((destination, aside))
            destination.parent.mkdir(parents=True, exist_ok=True)
            file.source.replace(destination)
        _store_record(output_dir, {**record, **written})
    except (OSError, OutputError):
        _roll_back(undo)
        _restore_record(output_dir, record)
        raise
    return tuple(moved_aside)


def remember_output_dir(home: Home, project: Path, output_dir: Path) -> None:
    """Note that ``project`` was built into ``output_dir``; a home that cannot be written is no failure."""
    known = find_output_dirs(home, project)
    if output_dir in known:
        return
    document = {"project": str(project), "output_dirs": [str(each) for each in (*known, output_dir)]}
    try:
        atomic_write(_index_file(home, project), json.dumps(document, indent=1).encode())
    except OutputError:
        return


def find_output_dirs(home: Home, project: Path) -> tuple[Path, ...]:
    """The folders ``project`` is remembered to have been built into."""
    document = _load_json(_index_file(home, project))
    listed = document.get("output_dirs")
    if not isinstance(listed, list):
        return ()
    return tuple(Path(each) for each in listed if isinstance(each, str) and Path(each).is_absolute())


def find_pure_outputs(project: Path, folders: Iterable[Path]) -> tuple[Path, ...]:
    """Those of the output folders inside ``project`` that hold nothing but recorded outputs.

    A folder with anything else in it may be read by a build, as a folder of sources is that somebody gave as
    output too. One that is not there yet holds nothing.
    """
    inside = (each for each in dict.fromkeys(folders) if each != project and each.is_relative_to(project))
    return tuple(each for each in inside if _is_pure(each))


def _is_pure(folder: Path) -> bool:
    record = _load_record(folder)
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(_OWN_PREFIX)]
        below = Path(place).relative_to(folder)
        for name in names:
            if name == RECORD_NAME or name.startswith(TEMPORARY_PREFIX):
                continue
            if (below / name).as_posix() not in record:
                return False
    return True


def find_published(output_dir: Path) -> dict[Path, str]:
    """The files that are recorded in ``output_dir``, absolute -> digest when they were written.

    They may have been changed or removed since. The record itself is no part of it.
    """
    return {output_dir / name: sha256 for name, sha256 in _load_record(output_dir).items()}


def clean_output_dir(output_dir: Path) -> CleanReport:
    """Remove what is recorded in ``output_dir`` and unchanged since; then the folders left empty.

    Raises:
        OutputError: A file could not be removed.
    """
    record = _load_record(output_dir)
    removed: list[Path] = []
    kept: dict[str, str] = {}
    with translate_write_errors(f"clean {output_dir}"):
        for name, sha256 in sorted(record.items()):
            path = output_dir / name
            if not os.path.lexists(path):
                continue
            if not _is_ours(path, sha256):
                kept[name] = sha256
                continue
            path.unlink()
            removed.append(path)
            remove_empty_folders(path.parent, down_to=output_dir)
        if record:
            (output_dir / RECORD_NAME).unlink(missing_ok=True)
            remove_empty_folders(output_dir, down_to=output_dir.parent)
    return CleanReport(removed=tuple(removed), kept=tuple(output_dir / name for name in kept))


def forget_project(home: Home, project: Path) -> None:
    """Drop the memory of where ``project`` was built."""
    with translate_write_errors(f"update {home.outputs}"):
        _index_file(home, project).unlink(missing_ok=True)


def _step_aside(
    file: StagedFile, destination: Path, record: Mapping[str, str], previous: Path
) -> Path | None:
    """Make room at ``destination``; where the file that was there is now, or None if there was none."""
    if not os.path.lexists(destination):
        return None
    if destination.is_dir() and not destination.is_symlink():
        raise OutputError(
            f"Could not write {destination}: a folder of that name is in the way",
            hint="Move it, or choose another folder with -o/--output.",
        )
    known = record.get(file.name.as_posix(), "")
    if _is_ours(destination, known) or _is_ours(destination, file.sha256):
        aside = previous
    else:
        aside = _free_name(destination)
    destination.rename(aside)
    return aside


def _is_ours(path: Path, sha256: str) -> bool:
    """Whether ``path`` is a plain file with exactly the recorded bytes."""
    if not sha256 or path.is_symlink() or not path.is_file():
        return False
    return digest_file(path) == sha256


def _free_name(path: Path) -> Path:
    """``NAME.orig``, or the first of ``NAME.orig.1``, ``NAME.orig.2``… that is free."""
    candidate = path.with_name(f"{path.name}.orig")
    number = 0
    while os.path.lexists(candidate):
        number += 1
        candidate = path.with_name(f"{path.name}.orig.{number}")
    return candidate


def _roll_back(undo: list[tuple[Path, Path | None]]) -> None:
    for destination, previous in reversed(undo):
        if previous is not None:
            previous.replace(destination)
        else:
            destination.unlink(missing_ok=True)


def _load_record(output_dir: Path) -> dict[str, str]:
    """Recorded name -> digest; entries that could point out of the folder are dropped."""
    files = _load_json(output_dir / RECORD_NAME).get("files")
    if not isinstance(files, dict):
        return {}
    return {
        name: sha256
        for name, sha256 in files.items()
        if isinstance(name, str) and isinstance(sha256, str) and _stays_inside(output_dir, name)
    }


def _stays_inside(output_dir: Path, name: str) -> bool:
    """Whether a recorded name is a plain relative path with no link on the way."""
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts or "\\" in name or "\0" in name:
        return False
    parents = [output_dir.joinpath(*pure.parts[:depth]) for depth in range(1, len(pure.parts))]
    return not any(parent.is_symlink() for parent in parents)


def _store_record(output_dir: Path, files: Mapping[str, str]) -> None:
    present = {name: files[name] for name in sorted(files) if os.path.lexists(output_dir / name)}
    _write_record(output_dir, present)


def _announce(output_dir: Path, files: Mapping[str, str]) -> None:
    """Record files that are about to be there."""
    _write_record(output_dir, files)


def _restore_record(output_dir: Path, record: Mapping[str, str]) -> None:
    """Take an announcement back."""
    with suppress(OSError, OutputError):
        if record:
            _write_record(output_dir, record)
        else:
            (output_dir / RECORD_NAME).unlink(missing_ok=True)


def _write_record(output_dir: Path, files: Mapping[str, str]) -> None:
    document = {"schema": _RECORD_SCHEMA, "written_by": "wasmrun", "files": dict(files)}
    data = (json.dumps(document, indent=1) + "\n").encode()
    atomic_write(output_dir / RECORD_NAME, data)


def _index_file(home: Home, project: Path) -> Path:
    key = hashlib.sha256(os.fsencode(project)).hexdigest()[:32]
    return home.outputs / f"{key}.json"


def _load_json(path: Path) -> dict[str, object]:
    """A JSON object, or an empty one for a file that is missing, huge or not that."""
    try:
        with path.open("rb") as stream:
            document = json.loads(stream.read(_RECORD_CAP_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
