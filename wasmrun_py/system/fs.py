"""Write files so that they are old or new, never half: staging folders, atomic replaces, locks.

No other module writes, renames or removes. ``OSError`` becomes ``OutputError`` here, with the reason a
person understands.
"""

from __future__ import annotations

import errno
import os
import platform
import re
import shutil
import sys
import tempfile
import zlib
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FILE_MODE = 0o644
_REASONS = {
    errno.ENOSPC: ("the disk is full", "Free some space, or choose another folder with -o/--output."),
    errno.EDQUOT: (
        "the disk quota is used up",
        "Free some space, or choose another folder with -o/--output.",
    ),
    errno.EROFS: ("the file system is read-only", "Choose a writable folder with -o/--output."),
    errno.EACCES: (
        "permission denied",
        "Choose a writable folder with -o/--output, or change its permissions.",
    ),
    errno.EPERM: ("the system forbids it", "Choose a writable folder with -o/--output."),
    errno.ENOTDIR: ("a part of the path is a file, not a folder", "Choose another folder with -o/--output."),
    errno.EEXIST: (
        "a file of that name is in the way",
        "Move it, or choose another folder with -o/--output.",
    ),
    errno.ENAMETOOLONG: ("the name is too long", "Choose a shorter path with -o/--output."),
}


@contextmanager
def translate_write_errors(doing: str) -> Iterator[None]:
    """Turn an ``OSError`` inside the block into an ``OutputError`` that begins ``Could not <doing>``.

    Raises:
        OutputError: With the reason and a hint.
    """
    try:
        yield
    except OSError as error:
        reason, hint = _REASONS.get(error.errno or 0, (error.strerror or str(error), ""))
        raise OutputError(f"Could not {doing}: {reason}", hint=hint) from error


def atomic_write(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` so that a reader sees the old bytes or the new, never a part.

    Raises:
        OutputError: The disk would not take it; ``path`` is as it was.
    """
    with translate_write_errors(f"write {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name[:40]}.", suffix=".tmp", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            # A temporary file is its owner's alone; what it becomes is an ordinary file.
            Path(temporary).chmod(_FILE_MODE)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


@contextmanager
def staging_folder(parent: Path, *, prefix: str) -> Iterator[Path]:
    """A fresh private folder inside ``parent``, removed at the end whatever happens.

    It lies beside what it will become, so that publishing is a rename on one file system. Folders that had
    to be made for it are removed again when they are left empty. Its name says which process it belongs to;
    those that a killed process of this machine left behind are removed on the way.

    Raises:
        OutputError: The folder cannot be made.
    """
    with translate_write_errors(f"create a folder in {parent}"):
        made = _make_folders(parent)
        try:
            _remove_orphans(parent, prefix)
            staging = Path(tempfile.mkdtemp(prefix=f"{prefix}{_machine_tag()}-{os.getpid()}-", dir=parent))
        except OSError:
            _remove_empty(made)
            raise
    try:
        yield staging
    finally:
        remove_tree(staging)
        _remove_empty(made)


def link_folder(link: Path, *, to: Path) -> None:
    """Make ``link`` lead to the folder ``to``: a symbolic link, on Windows a junction.

    Windows lets only some users make symbolic links, and everybody junctions.

    Raises:
        OutputError: The link cannot be made.
    """
    with translate_write_errors(f"link {link} to {to}"):
        if sys.platform == "win32":
            import _winapi  # noqa: PLC0415 - exists on Windows only

            _winapi.CreateJunction(str(to), str(link))
        else:
            link.symlink_to(to, target_is_directory=True)


def remove_tree(folder: Path) -> None:
    """Remove a folder of ours and everything in it; links are removed, not followed."""
    shutil.rmtree(folder, ignore_errors=True)


def remove_empty_folders(folder: Path, *, down_to: Path) -> None:
    """Remove ``folder`` and its parents while they are empty, stopping below ``down_to``."""
    while folder != down_to and down_to in folder.parents:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


@contextmanager
def exclusive_lock(path: Path, *, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold the lock file ``path`` for the block; one holder at a time across processes.

    Args:
        path: The lock file; made when missing.
        on_wait: Called once when somebody else holds it, before waiting.

    Raises:
        OutputError: The lock file cannot be made.
    """
    import filelock  # noqa: PLC0415 - 40 ms, and most commands lock nothing

    with translate_write_errors(f"create the lock {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(path)
        try:
            lock.acquire(blocking=False)
        except filelock.Timeout:
            on_wait()
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


def is_locked(path: Path) -> bool:
    """Whether somebody holds the lock file ``path`` now."""
    import filelock  # noqa: PLC0415 - 40 ms, and most commands lock nothing

    try:
        with filelock.FileLock(path, blocking=False):
            return False
    except filelock.Timeout:
        return True
    except OSError:
        return False


def _machine_tag() -> str:
    """Six hex digits for this machine: a shared folder may be in use by another one's processes."""
    return f"{zlib.crc32(platform.node().encode()) & 0xFFFFFF:06x}"


def _remove_orphans(parent: Path, prefix: str) -> None:
    """Remove staging folders of this machine whose process is gone."""
    own = re.compile(rf"{re.escape(prefix)}{_machine_tag()}-(\d+)-\w+")
    for path in parent.iterdir():
        match = own.fullmatch(path.name)
        if match and not _is_alive(int(match[1])):
            remove_tree(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class StagingOwner:
    """The process of this machine that made a staging folder."""

    pid: int
    alive: bool


def find_staging_owner(folder: Path) -> StagingOwner | None:
    """Who made a staging folder, by its name; None for another machine's, and for any other folder."""
    match = re.fullmatch(rf".*-{_machine_tag()}-(\d+)-\w+", folder.name)
    return StagingOwner(pid=int(match[1]), alive=_is_alive(int(match[1]))) if match else None


def find_staging_process(parent: Path, *, prefix: str) -> int | None:
    """The living process of this machine that works in a staging folder of ``parent``, or None."""
    try:
        owners = [find_staging_owner(path) for path in parent.glob(f"{prefix}*")]
    except OSError:
        return None
    return next((owner.pid for owner in owners if owner is not None and owner.alive), None)


def remove_file(path: Path) -> None:
    """Remove a file of ours; one that cannot be removed stays."""
    with suppress(OSError):
        path.unlink()


def _is_alive(pid: int) -> bool:
    import psutil  # noqa: PLC0415 - 20 ms, and only a folder that was left behind needs it

    return bool(psutil.pid_exists(pid))


def _make_folders(folder: Path) -> list[Path]:
    """Make ``folder`` with its parents; the ones that were missing, outermost first."""
    missing: list[Path] = []
    current = folder
    while not current.exists():
        missing.append(current)
        current = current.parent
    folder.mkdir(parents=True, exist_ok=True)
    return missing[::-1]


def _remove_empty(folders: list[Path]) -> None:
    for folder in reversed(folders):
        try:
            folder.rmdir()
        except OSError:
            return
