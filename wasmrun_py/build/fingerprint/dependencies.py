"""What a build turned out to depend on beside its project, and the state of that now.

The sets are stored by path; the state (a digest for every path) is worked out anew for each look into the
cache and goes into the key of the result. What is not there has a state too: a header that appears in front
of another one is a change.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wasmrun_py.build.fingerprint.variables import digest_variables, find_relevant
from wasmrun_py.build.project_files import ProjectFiles, is_scratch_name
from wasmrun_py.model.build_inputs import BuildInputs, FolderNames
from wasmrun_py.toolchain.find import find_tool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from wasmrun_py.build.fingerprint.kept_hashes import KeptHashes

ABSENT = "absent"
NUL = "\0"
"""Between the parts of a label that are paths."""
_MOST_FILES = 100_000


class UncacheableError(Exception):
    """The inputs of a build cannot be told exactly; the message says why. Never leaves ``build``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """Paths and names, sorted; no state. The attributes are those of ``BuildInputs``, as strings."""

    files: tuple[str, ...] = ()
    folders: tuple[tuple[str, ...], ...] = ()
    trees: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    any_variable: bool = False

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "files": list(self.files),
            "folders": [list(each) for each in self.folders],
            "trees": list(self.trees),
            "programs": list(self.programs),
            "any_variable": self.any_variable,
        }

    def to_inputs(self) -> BuildInputs:
        """The same as a builder reports it."""
        return BuildInputs(
            files=tuple(map(Path, self.files)),
            folders=tuple(
                FolderNames(path=Path(folder), suffixes=tuple(suffixes)) for folder, *suffixes in self.folders
            ),
            trees=tuple(map(Path, self.trees)),
            programs=self.programs,
            any_variable=self.any_variable,
        )


def parse_dependencies(document: object) -> Dependencies | None:
    """The set that ``to_json`` wrote, or None for anything else."""
    if not isinstance(document, dict):
        return None
    files, trees = (_parse_texts(document.get(name)) for name in ("files", "trees"))
    programs, listed = _parse_texts(document.get("programs")), document.get("folders")
    folders = [_parse_texts(each) for each in listed] if isinstance(listed, list) else [None]
    if files is None or trees is None or programs is None:
        return None
    whole = tuple(each for each in folders if each)
    paths = (*files, *trees, *(each[0] for each in whole))
    if len(whole) != len(folders) or not all(map(os.path.isabs, paths)):
        return None
    if any(not name or set(name) & {"/", os.sep} for name in programs):
        return None
    return Dependencies(
        files=files,
        folders=whole,
        trees=trees,
        programs=programs,
        any_variable=document.get("any_variable") is True,
    )


def _parse_texts(listed: object) -> tuple[str, ...] | None:
    if not isinstance(listed, list):
        return None
    texts = tuple(each for each in listed if isinstance(each, str) and "\0" not in each)
    return texts if len(texts) == len(listed) else None


def make_dependencies(
    inputs: BuildInputs, *, covered: Iterable[str], programs: Iterable[str] = ()
) -> Dependencies:
    """What a builder reported, without what the project's own files cover.

    Args:
        inputs: The report.
        covered: Absolute paths whose content is in the fingerprint already.
        programs: Further names that were looked up.
    """
    known = covered if isinstance(covered, (set, frozenset, dict)) else frozenset(covered)
    files = {os.path.normpath(path) for path in inputs.files}
    return Dependencies(
        files=tuple(sorted(path for path in files if path not in known)),
        folders=tuple(sorted({(os.path.normpath(each.path), *each.suffixes) for each in inputs.folders})),
        trees=tuple(sorted({os.path.normpath(path) for path in inputs.trees})),
        programs=tuple(sorted({*inputs.programs, *programs})),
        any_variable=inputs.any_variable,
    )


class DependencyReader:
    """Works out the state of dependencies; each path once.

    Args:
        hashes: Digests of files.
        environ: The user's environment.
        outputs: Output folders, which are no part of any list or tree.
    """

    def __init__(self, hashes: KeptHashes, environ: Mapping[str, str], outputs: Iterable[Path]) -> None:
        self._hashes = hashes
        self._environ = environ
        self._outputs = tuple(outputs)
        self._states: dict[str, str] = {}

    def read(self, dependencies: Dependencies) -> dict[str, str]:
        """``KIND NAME`` -> what it is now.

        Raises:
            UncacheableError: Something is there and cannot be read, or is too much.
        """
        state: dict[str, str] = {}
        for name in dependencies.files:
            self._look(state, f"file {name}", partial(self._file, name))
        for folder in dependencies.folders:
            label = f"folder {NUL.join(folder)}"
            self._look(state, label, partial(self._folder, folder))
        for name in dependencies.trees:
            self._look(state, f"tree {name}", partial(self._tree, name))
        for name in dependencies.programs:
            self._look(state, f"tool {name}", partial(self._program, name))
        if dependencies.any_variable:
            variables = find_relevant(self._environ, any_variable=True)
            for name, digest in digest_variables(variables).items():
                state[f"variable {name}"] = digest
        return state

    def paths(self, dependencies: Dependencies) -> Iterator[str]:
        """Every file and folder whose time tells whether it changed."""
        yield from dependencies.files
        for folder in dependencies.trees:
            yield from ProjectFiles(Path(folder), self._outputs, with_ignored=True).walk_names()

    def list_tree(self, folder: str) -> dict[str, str]:
        """Every file of a tree, absolute -> digest.

        Raises:
            UncacheableError: One cannot be read, or there are too many.
        """
        found: dict[str, str] = {}
        for path in ProjectFiles(Path(folder), self._outputs, with_ignored=True).walk_names():
            if len(found) >= _MOST_FILES:
                raise UncacheableError(f"{folder} holds more than {_MOST_FILES} files")
            found[path] = self._file(path)
        return found

    def forget(self) -> None:
        """Look at everything anew from now on."""
        self._states.clear()

    def _look(self, state: dict[str, str], label: str, look: Callable[[], str]) -> None:
        if label not in self._states:
            self._states[label] = look()
        state[label] = self._states[label]

    def _file(self, path: str) -> str:
        try:
            return self._hashes.digest(path) or ABSENT
        except OSError as error:
            raise UncacheableError(f"{path} cannot be read: {error.strerror or error}") from error

    def _program(self, name: str) -> str:
        path = find_tool(name, self._environ)
        return ABSENT if path is None else f"{path} {self._file(str(path))}"

    def _folder(self, wanted: tuple[str, ...]) -> str:
        folder, *suffixes = wanted
        outputs = {str(path) for path in self._outputs}
        try:
            with os.scandir(folder) as entries:
                names = sorted(
                    name
                    for entry in entries
                    if not is_scratch_name(entry.name)
                    and entry.path not in outputs
                    and _is_wanted(name := entry.name + ("/" if entry.is_dir() else ""), suffixes)
                )
        except (FileNotFoundError, NotADirectoryError):
            return ABSENT
        except OSError as error:
            raise UncacheableError(f"{folder} cannot be listed: {error.strerror or error}") from error
        return hashlib.sha256("\0".join(names).encode("utf-8", "surrogateescape")).hexdigest()

    def _tree(self, folder: str) -> str:
        digest = hashlib.sha256()
        for path, state in self.list_tree(folder).items():
            digest.update(os.fsencode(f"{path}\0{state}\0"))
        return digest.hexdigest()


def _is_wanted(name: str, suffixes: list[str]) -> bool:
    if not suffixes:
        return True
    return any(name.endswith(suffix) if suffix else "." not in name for suffix in suffixes)
