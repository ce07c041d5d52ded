"""Serve what is there without a build: a module, a module with its JavaScript, or a folder with a page.

Files are copied before they are served, under the name of their digest: what is half written by another
program replaces nothing, and a page in the middle of loading gets the files that belong together.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from pathlib import PurePath
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import (
    NotAFileError,
    PathNotFoundError,
    UnreadablePathError,
    UsageError,
    WasmrunError,
)
from wasmrun_py.model.page import ASSET_SUFFIXES, NOT_ASSETS, PAGE_NAME, find_page_file
from wasmrun_py.server.dev_state import Program, ProgramKind, ServedFile
from wasmrun_py.server.session.outcome import Made, describe_failure
from wasmrun_py.system.fs import copy_file, digest_file, make_folder, remove_file, rename

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from wasmrun_py.server.session.build_worker import BuildListener
    from wasmrun_py.server.session.outcome import Order, Outcome

_MODULE = ".wasm"
_BINDGEN_END = "_bg"
_SNIPPETS = "snippets"
_SERVED = ASSET_SUFFIXES | {_MODULE, ".map", ".data", ".glb", ".gltf", ".bin", ".xml", ".md"}
_KINDS = {".wasm": "wasm", ".js": "js", ".mjs": "js", ".html": "html", ".css": "css", ".map": "source-map"}
_MOST_FILES = 20_000


class FileSource:
    """Collects files.

    Args:
        path: A ``.wasm`` or ``.js`` file, or a folder that has a page; absolute.
        store: A private folder for the copies.
    """

    def __init__(self, path: Path, store: Path) -> None:
        self.path = path
        self._store = store
        self._seen: dict[Path, tuple[tuple[int, int, int], ServedFile]] = {}
        self._kept: dict[str, Path] = {}
        self._generations: list[frozenset[str]] = []

    def warm_up(self) -> None:
        """Nothing to get ready."""

    async def build(self, order: Order, listener: BuildListener) -> Outcome:
        """Collect the files, beside the event loop."""
        del order, listener
        return await asyncio.get_running_loop().run_in_executor(None, self._collect)

    def cancel(self, number: int) -> None:
        """Nothing: it takes moments."""

    def renew(self) -> None:
        """Nothing: no plugin has a part in it."""

    def close(self) -> None:
        """Nothing was started."""

    def find_files(self) -> Mapping[str, Path]:
        """URL path -> file.

        Raises:
            UsageError: There is nothing to serve.
        """
        return _list_folder(self.path) if self.path.is_dir() else _list_pair(self.path)

    def walk(self) -> Iterator[Path]:
        """Every file of the folder that would be served; nothing where that cannot be said."""
        with contextlib.suppress(UsageError):
            yield from self.find_files().values()

    def serves(self, path: Path) -> bool:
        """Whether a file of the folder, there or not, would be served."""
        page = find_page_file(self.path)
        if page is None or not path.is_relative_to(page.parent):
            return False
        *folders, name = path.relative_to(page.parent).parts
        return _is_served(name) and not any(_is_hidden(folder) for folder in folders)

    def _collect(self) -> Outcome:
        started = time.monotonic()
        try:
            found = self.find_files()
            files = {url: self._keep(path) for url, path in found.items()}
            program = _describe(files, found)
        except WasmrunError as error:
            self._forget_old()
            return describe_failure(error, duration_s=time.monotonic() - started)
        self._generations = [*self._generations[-1:], frozenset(each.sha256 for each in files.values())]
        self._forget_old()
        return Made(files=files, program=program, duration_s=time.monotonic() - started)

    def _keep(self, path: Path) -> ServedFile:
        """A copy of the file as it is now."""
        try:
            status = path.stat()
            facts = (status.st_size, status.st_mtime_ns, status.st_ino)
            seen = self._seen.get(path)
            if seen is not None and seen[0] == facts:
                return seen[1]
            make_folder(self._store)
            copy = self._store / f".copy-{len(self._seen)}"
            remove_file(copy)
            copy_file(path, copy)
            sha256 = digest_file(copy)
            kept = self._store / sha256
            if kept.exists():
                remove_file(copy)
            else:
                rename(copy, kept)
            self._kept[sha256] = kept
            served = ServedFile(
                path=kept, size_bytes=kept.stat().st_size, sha256=sha256, kind=_KINDS.get(path.suffix, "file")
            )
        except OSError as error:
            raise UnreadablePathError(f"{path} cannot be read: {error.strerror or error}") from error
        self._seen[path] = (facts, served)
        return served

    def _forget_old(self) -> None:
        """Remove copies that neither of the last two generations has."""
        wanted = frozenset().union(*self._generations)
        for sha256 in self._kept.keys() - wanted:
            remove_file(self._kept.pop(sha256))
        self._seen = {path: seen for path, seen in self._seen.items() if seen[1].sha256 in wanted}


def _describe(files: Mapping[str, ServedFile], found: Mapping[str, Path]) -> Program:
    """How to run what was found; a module must be valid.

    Args:
        files: URL path -> copy.
        found: URL path -> the user's own file, which messages name.

    Raises:
        InvalidModuleError: It is not.
    """
    modules = [url for url in files if url.endswith(_MODULE)]
    if f"/{PAGE_NAME}" in files and len(modules) != 1:
        return Program(kind=ProgramKind.PAGE, page="/")
    from wasmrun_py.server.session.program import describe_program  # noqa: PLC0415 - pages need it not
    from wasmrun_py.wasm.verify import require_valid_module  # noqa: PLC0415 - as above

    module = modules[0]
    data = files[module].path.read_bytes()
    require_valid_module(data, found[module])
    stem = module.removesuffix(_MODULE)
    bindgen = f"{stem.removesuffix(_BINDGEN_END)}.js"
    script = next((url for url in (bindgen, f"{stem}.js") if url in files), None)
    return describe_program(
        data,
        module=module,
        script=script,
        is_wasm_bindgen=stem.endswith(_BINDGEN_END) and script == bindgen,
        urls=files,
    )


def find_module(path: Path) -> Path:
    """The module of a ``.wasm`` file, or of the ``.js`` file that loads it.

    Raises:
        UsageError: There is none.
    """
    if path.suffix != ".js":
        return path
    pair = [path.with_name(f"{path.stem}{end}{_MODULE}") for end in (_BINDGEN_END, "")]
    found = next((each for each in pair if each.is_file()), None)
    if found is None:
        raise NotAFileError(
            f"{path.name} has no module beside it: neither {pair[0].name} nor {pair[1].name} is there",
            hint="Name the .wasm file, or the project's folder.",
        )
    return found


def name_pair(module: Path) -> tuple[Path, ...]:
    """Every file that may belong to a module: its JavaScript, data and worker; they need not be there."""
    base = module.stem.removesuffix(_BINDGEN_END)
    ends = (".js", ".data", ".worker.js", ".worker.mjs", ".wasm.map", "_bg.wasm.d.ts")
    return (module, *(module.with_name(f"{base}{end}") for end in ends))


def _list_pair(path: Path) -> dict[str, Path]:
    if not path.exists():
        raise PathNotFoundError(f"{path} is not there any more")
    module = find_module(path)
    files = {f"/{each.name}": each for each in name_pair(module) if each.is_file()}
    if module.with_name(f"{module.stem.removesuffix(_BINDGEN_END)}.js") in files.values():
        snippets = module.parent / _SNIPPETS
        files |= {f"/{each.relative_to(module.parent).as_posix()}": each for each in _walk(snippets)}
    return files


def _list_folder(folder: Path) -> dict[str, Path]:
    page = find_page_file(folder)
    if page is None:
        raise UsageError(f"{folder} has no {PAGE_NAME} any more")
    return {f"/{each.relative_to(page.parent).as_posix()}": each for each in _walk(page.parent)}


def _walk(folder: Path) -> Iterator[Path]:
    """Every file of a page below ``folder``, by its suffix: nothing hidden, no links, no configuration.

    Raises:
        UsageError: There are too many.
    """
    count = 0
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _is_hidden(name))
        base = folder / os.path.relpath(place, folder)
        for name in sorted(names):
            path = base / name
            if not _is_served(name) or path.is_symlink() or not path.is_file():
                continue
            count += 1
            if count > _MOST_FILES:
                raise UsageError(
                    f"{folder} has more than {_MOST_FILES} files to serve", hint="Name a folder further down."
                )
            yield path


def _is_hidden(folder: str) -> bool:
    return folder.startswith(".") or folder == "node_modules"


def _is_served(name: str) -> bool:
    hidden = name.startswith(".") or name in NOT_ASSETS
    return not hidden and PurePath(name).suffix.lower() in _SERVED
