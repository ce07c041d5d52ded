"""Paths as people give them: positional or ``-p``, checked at the edge, absolute from here inward."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import (
    NotAFileError,
    NotAFolderError,
    PathNotFoundError,
    UnreadablePathError,
    UsageError,
)

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from wasmrun_py.cli.context import World


def choose_path(positional: str | None, option: str | None, default: str | None = None) -> str:
    """The path to use: the positional one wins over ``-p/--path``.

    Raises:
        UsageError: Neither was given and there is no default, or it is empty.
    """
    chosen = next((each for each in (positional, option, default) if each is not None), None)
    if chosen is None:
        raise UsageError("A path is missing", hint="Give it as an argument, or with -p/--path.")
    if not chosen:
        raise UsageError("The path is empty", hint='Give a folder or file; "." is the current folder.')
    if "\0" in chosen:
        raise UsageError("The path has a NUL character in it")
    return chosen


def get_path(world: World, given: str) -> Path:
    """An existing path of any kind, absolute.

    Raises:
        PathNotFoundError, UnreadablePathError, UsageError: It is not one.
    """
    path = world.absolute(given)
    _get_status(path, given)
    return path


def get_folder(world: World, given: str) -> Path:
    """An existing, readable folder, absolute.

    Raises:
        PathNotFoundError, NotAFolderError, UnreadablePathError, UsageError: It is not one.
    """
    path = world.absolute(given)
    if not _is_folder(path, given):
        raise NotAFolderError(
            f"{given} is a file, and a project is a folder", hint=f"Give the folder: {path.parent}"
        )
    try:
        next(path.iterdir(), None)
    except OSError as error:
        raise UnreadablePathError(f"{given} cannot be read: {error.strerror}") from error
    return path


def get_file(world: World, given: str) -> Path:
    """An existing file, absolute.

    Raises:
        PathNotFoundError, NotAFileError, UsageError: It is not one.
    """
    path = world.absolute(given)
    if _is_folder(path, given):
        raise NotAFileError(f"{given} is a folder, and a .wasm file is needed")
    if not path.is_file():
        raise NotAFileError(f"{given} is not an ordinary file")
    return path


def get_served(world: World, given: str) -> Path:
    """What is served: a folder, a ``.wasm`` file, or the ``.js`` file that loads one.

    Raises:
        UsageError: It is none of these.
    """
    path = get_path(world, given)
    if path.is_dir():
        return get_folder(world, given)
    if not path.is_file():
        raise NotAFileError(f"{given} is not an ordinary file")
    if path.suffix.lower() not in {".wasm", ".js"}:
        raise NotAFolderError(
            f"{given} is a file, and a project is a folder",
            hint=f"Give the folder: {path.parent} (or a .wasm file, or the .js file that loads one)",
        )
    return path


def load_file(path: Path, given: str) -> bytes:
    """The file's bytes.

    Raises:
        UnreadablePathError: The system refuses.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnreadablePathError(f"{given} cannot be read: {error.strerror}") from error


def _is_folder(path: Path, given: str) -> bool:
    status = _get_status(path, given)
    import stat  # noqa: PLC0415 - loaded by os already

    return stat.S_ISDIR(status.st_mode)


def _get_status(path: Path, given: str) -> os.stat_result:
    try:
        return path.stat()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise UsageError(f"The path is too long ({len(given)} characters): {given[:60]}…") from error
        if error.errno in {errno.EACCES, errno.EPERM}:
            raise UnreadablePathError(f"{given} cannot be read: {error.strerror}") from error
        if error.errno == errno.ELOOP:
            raise UsageError(f"{given} is a link that leads back to itself") from error
        raise PathNotFoundError(
            f"{given} does not exist", hint=_describe_parent(path) if path.parent != path else ""
        ) from error
    except ValueError as error:
        raise UsageError(f"{given!r} is not a usable path: {error}") from error


def _describe_parent(path: Path) -> str:
    """What is near the missing path, for the person who mistyped it."""
    import difflib  # noqa: PLC0415 - only a mistake needs it

    try:
        names = sorted(each.name for each in path.parent.iterdir())
    except OSError:
        return f"The folder {path.parent} does not exist either."
    near = difflib.get_close_matches(path.name, names, n=1)
    return f"Did you mean {path.parent / near[0]}?" if near else ""
