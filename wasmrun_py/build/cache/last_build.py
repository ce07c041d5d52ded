"""A note of the last build of each project: what it was made of, for ``--explain``. Of no use for a hit.

Variables are kept as digests with a salt of the note's own, so that nobody who has two notes can tell
whether a value is the same.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from wasmrun_py.build.cache.places import LAST
from wasmrun_py.build.fingerprint.dependencies import NUL
from wasmrun_py.build.fingerprint.sealed import parse_sealed, seal
from wasmrun_py.build.fingerprint.variables import digest_variables, find_relevant
from wasmrun_py.model.errors import OutputError
from wasmrun_py.system.fs import read_plain, replace_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from wasmrun_py.build.fingerprint.dependencies import Dependencies, DependencyReader
    from wasmrun_py.build.fingerprint.key import Fingerprint
    from wasmrun_py.system.paths import Home

_SCHEMA = 2
_KEY_CAP_BYTES = 1024
_CAP_BYTES = 256 * 1024 * 1024


class LastBuild:
    """The note of one project.

    Args:
        file: Where it is; beside it, without a suffix, lies the key alone.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def is_of(self, key: str) -> bool:
        """Whether the note is of the build with this key: then it need not be written again."""
        try:
            return read_plain(self._file.with_suffix(""), cap_bytes=_KEY_CAP_BYTES) == key.encode("ascii")
        except OSError:
            return False

    def load(self) -> dict[str, Any] | None:
        """The note, or None."""
        try:
            note = parse_sealed(read_plain(self._file, cap_bytes=_CAP_BYTES))
        except OSError:
            return None
        return note if note is not None and note.get("schema") == _SCHEMA else None

    def store(self, key: str, note: Mapping[str, Any]) -> None:
        """Keep a note; a folder that cannot be written is no failure."""
        with suppress(OutputError):
            replace_file(self._file, seal({**note, "schema": _SCHEMA}))
            replace_file(self._file.with_suffix(""), key.encode("ascii"))


def find_note(home: Home, project: Path) -> LastBuild:
    """Where the note of a project is; there may be none.

    Args:
        home: Where the cache is.
        project: The project's folder, absolute.
    """
    return LastBuild(home.builds / LAST / f"{name_project(project)}.json")


def name_project(project: Path) -> str:
    """A file name that stands for a project's folder."""
    return hashlib.sha256(os.fsencode(project)).hexdigest()[:32]


def describe_build(
    fingerprint: Fingerprint,
    dependencies: Dependencies | None,
    reader: DependencyReader,
    *,
    environ: Mapping[str, str],
    salt: str,
) -> dict[str, Any]:
    """What a build is made of now, as a note.

    Args:
        fingerprint: What was known before it.
        dependencies: What it read beside that, or None when that is not known.
        reader: Works out the state of those.
        environ: The user's environment.
        salt: Of the note.

    Raises:
        UncacheableError: A dependency cannot be read.
    """
    state = reader.read(dependencies) if dependencies is not None else {}
    read = {
        name.partition(NUL)[0]: value for kind, name, value in _split(state) if kind in {"file", "folder"}
    }
    for folder in dependencies.trees if dependencies is not None else ():
        read.update(reader.list_tree(folder))
    read = {name: value for name, value in _name_inside(read, fingerprint) if name not in fingerprint.files}
    variables = find_relevant(environ, any_variable=dependencies is not None and dependencies.any_variable)
    return {
        "files": dict(fingerprint.files),
        "options": dict(fingerprint.options),
        "plugin": dict(fingerprint.plugin),
        "host": dict(fingerprint.host),
        "variables": digest_variables(variables, salt=salt),
        "read": read,
        "tools": {name: value for kind, name, value in _split(state) if kind == "tool"},
        "dependencies": dependencies.to_json() if dependencies is not None else None,
        "salt": salt,
    }


def _name_inside(read: Mapping[str, str], fingerprint: Fingerprint) -> Iterator[tuple[str, str]]:
    """Paths as the fingerprint names its files: relative with ``/`` where they lie in the project."""
    start = fingerprint.options["project"].rstrip(os.sep) + os.sep
    for path, value in read.items():
        inside = path.startswith(start)
        yield (path[len(start) :].replace(os.sep, "/") if inside else path), value


def _split(state: Mapping[str, str]) -> list[tuple[str, str, str]]:
    return [(*label.split(" ", 1), value) for label, value in state.items()]  # type: ignore[misc]  # a label is KIND NAME
