"""Write files so that they are old or new, never half: staging folders, atomic replaces, locks.

No other module writes, renames or removes. ``OSError`` becomes ``OutputError`` here, with the reason a
person understands.
"""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import re
import shutil
import stat
import sys
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wasmrun_py.model.errors import InterruptError, OutputError, UnreadablePathError, UsageError
from wasmrun_py.system.cancellation import find_cancellation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import BinaryIO

    import filelock

_FILE_MODE = 0o644
TEMPORARY_PREFIX: Final = ".tmp-"
"""How the names of our temporary files and links begin, and of the store's staging folders."""

_STAGING_TRIES = 5
_COPY_BYTES = 1 << 20
_PROGRAM_MODE = 0o755
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
    errno.EISDIR: ("it is a folder", "Name a file."),
    errno.EISDIR: ("it is a folder", "Name a file in it."),
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


def atomic_write(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Write ``data`` to ``path`` so that a reader sees the old bytes or the new, never a part.

    A link is followed and stays one; a file that is there keeps its mode. A device or a pipe is written to:
    root could replace one, for the whole machine.

    Args:
        path: The file.
        data: Its bytes.
        mode: Its permissions, from before it has its name; None for those of an ordinary file.

    Raises:
        OutputError: The disk would not take it; ``path`` is as it was.
    """
    with translate_write_errors(f"write {path}"):
        if _is_special(path):
            path.write_bytes(data)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_beside(path.resolve(), data, durable=True, mode=mode)


def replace_file(path: Path, data: bytes) -> None:
    """Put a file into a folder of ours, in place of whatever lies there; readers see all of it or nothing.

    A link is replaced and never written through, and a folder goes: both are damage where only our files
    are. It may be lost when the machine stops, so that its readers must check it.

    Raises:
        OutputError: The disk would not take it.
    """
    with translate_write_errors(f"write {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir() and not path.is_symlink():
            remove_tree(path)
        _write_beside(path, data, durable=False)


def _write_beside(target: Path, data: bytes, *, durable: bool, mode: int | None = None) -> None:
    """Write a temporary file beside ``target`` and rename it."""
    with translate_write_errors(f"write {target}"):
        prefix = f"{TEMPORARY_PREFIX}{_own_tag()}"
        import tempfile  # noqa: PLC0415 - 4 ms, and most commands write nothing

        handle, temporary = tempfile.mkstemp(prefix=prefix, dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                if durable:
                    os.fsync(stream.fileno())
            # A temporary file is its owner's alone; what it becomes is an ordinary file.
            kept = mode or (_find_mode(target) if durable else None)
            Path(temporary).chmod(kept or _FILE_MODE)
            Path(temporary).replace(target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def append(path: Path, data: bytes) -> None:
    """Add a few bytes at the end of a file of ours, in one step also among many writers.

    Raises:
        OutputError: The disk would not take them, or a link or a pipe lies there.
    """
    flags = (getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY", "O_CLOEXEC"))
    with translate_write_errors(f"write {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, sum(flags, start=os.O_WRONLY | os.O_APPEND | os.O_CREAT), _FILE_MODE)
        try:
            if stat.S_ISREG(os.fstat(handle).st_mode):
                os.write(handle, data)
        finally:
            os.close(handle)


def touch(path: Path) -> None:
    """Set a file's times to now, where the system lets us."""
    with contextlib.suppress(OSError):
        os.utime(path)


def require_writable(path: Path) -> None:
    """Find out before the work whether ``path`` can be written after it; nothing is left behind.

    Raises:
        OutputError: It is a folder, or its folder cannot be made or written to.
    """
    with translate_write_errors(f"write {path}"):
        if _is_special(path):
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        target = path.resolve()
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        import tempfile  # noqa: PLC0415 - as above

        with tempfile.TemporaryFile(dir=target.parent):
            pass


class LineFile:
    """A file that is written line by line while something runs, for those who watch it.

    The first failure to write ends it silently: a watched build is not ended by a full disk of the watcher.

    Args:
        path: The file; what it held is gone.
        append: Keep what it held.

    Raises:
        OutputError: It cannot be opened.
    """

    def __init__(self, path: Path, *, append: bool = False) -> None:
        self._path = path
        with translate_write_errors(f"write {path}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = path.open("ab" if append else "wb", buffering=0)
        self._failed: OSError | None = None

    def write(self, text: str) -> None:
        """Write a line and its end, in one call to the system; never raises."""
        if self._failed is not None:
            return
        try:
            self._stream.write(f"{text}\n".encode("utf-8", "backslashreplace"))
        except OSError as error:
            self._failed = error

    def close(self) -> None:
        """Close the file.

        Raises:
            OutputError: A line could not be written.
        """
        with translate_write_errors(f"write {self._path}"):
            self._stream.close()
            if self._failed is not None:
                raise self._failed


def remove_file(path: Path) -> None:
    """Remove a file or a link of ours; it may be gone already.

    Raises:
        OutputError: The system refuses.
    """
    with translate_write_errors(f"remove {path}"):
        path.unlink(missing_ok=True)


def rename(path: Path, target: Path) -> None:
    """Move a file or folder to a free name on the same file system, in one step.

    Raises:
        OutputError: The system refuses.
    """
    with translate_write_errors(f"move {path.name} to {target}"):
        path.rename(target)


def make_folder(folder: Path) -> None:
    """Make a folder and its parents; it may be there already.

    Raises:
        OutputError: The system refuses.
    """
    with translate_write_errors(f"create {folder}"):
        folder.mkdir(parents=True, exist_ok=True)


def write_staged(path: Path, data: bytes) -> None:
    """Write a file into a staging folder, where nobody reads it before it is whole.

    Raises:
        OutputError: The disk would not take it.
    """
    with translate_write_errors(f"write {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def write_chunks(path: Path, chunks: Iterable[bytes]) -> int:
    """Write a file that is not there yet, piece by piece, where nobody reads it before it is whole.

    Returns:
        Its size in bytes.

    Raises:
        OutputError: The disk would not take it; a part may be there. What ``chunks`` raises stays as it is.
    """
    with translate_write_errors(f"write {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = path.open("xb")
    size_bytes = 0
    try:
        for chunk in chunks:
            with translate_write_errors(f"write {path}"):
                size_bytes += stream.write(chunk)
    finally:
        with translate_write_errors(f"write {path}"):
            stream.close()
    return size_bytes


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
            remove_orphans(parent, prefix)
            staging = _make_staging(parent, prefix)
        except OSError:
            _remove_empty(made)
            raise
    try:
        yield staging
    finally:
        remove_tree(staging)
        _remove_empty(made)


def replace_link(link: Path, *, to: Path) -> None:
    """Make ``link`` lead to ``to``, whatever it led to before: a symbolic link, on Windows a junction.

    Windows lets only some users make symbolic links, and everybody junctions (which lead to folders only).
    The old link is there until the new one takes its place.

    Raises:
        OutputError: The link cannot be made.
    """
    with translate_write_errors(f"link {link} to {to}"):
        link.parent.mkdir(parents=True, exist_ok=True)
        if sys.platform == "win32":
            import _winapi  # noqa: PLC0415 - exists on Windows only

            if link.exists():
                link.rmdir()
            _winapi.CreateJunction(str(to), str(link))
            return
        temporary = link.with_name(f"{TEMPORARY_PREFIX}{_own_tag()}link")
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(to)
        temporary.replace(link)


def copy_tree(source: Path, to: Path, *, left_out: frozenset[str] = frozenset()) -> None:
    """Copy a folder; what runs stays executable, links that stay inside the folder stay links.

    Args:
        source: The folder.
        to: What it becomes; it is not there yet.
        left_out: Names of files and folders that are not copied, at any depth.

    Raises:
        UsageError: Something in it is not a file, a folder or a link inside.
        UnreadablePathError: Something in it cannot be read.
        OutputError: The copy cannot be written.
    """
    with translate_write_errors(f"create {to}"):
        to.mkdir(parents=True)
    root = source.resolve()
    waiting = [(source, to)]
    while waiting:
        folder, copy = waiting.pop()
        for entry in _scan(folder):
            if entry.name in left_out:
                continue
            path, target = Path(entry.path), copy / entry.name
            if entry.is_symlink():
                _copy_link(path, target, root)
            elif entry.is_dir():
                with translate_write_errors(f"create {target}"):
                    target.mkdir()
                waiting.append((path, target))
            elif entry.is_file():
                copy_file(path, target)
            else:
                raise UsageError(f"{path} is neither a file nor a folder", hint="Remove it, then try again.")


def copy_file(path: Path, target: Path) -> None:
    """Copy a file to a free name; what runs stays executable.

    Raises:
        UnreadablePathError: It cannot be read.
        OutputError: The copy cannot be written.
    """
    try:
        source = path.open("rb")
    except OSError as error:
        raise UnreadablePathError(f"{path} cannot be read: {error.strerror or error}") from error
    with source, translate_write_errors(f"write {target}"), target.open("xb") as copy:
        shutil.copyfileobj(source, copy)
        runs = os.fstat(source.fileno()).st_mode & 0o100
        target.chmod(_PROGRAM_MODE if runs else _FILE_MODE)


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


def digest_file(path: Path) -> str:
    """The SHA-256 of a file, lower-case hex.

    Raises:
        OSError: It cannot be read.
    """
    import hashlib  # noqa: PLC0415 - 3 ms, and most commands digest nothing

    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def open_plain(path: Path) -> BinaryIO:
    """Open a regular file that is no link, where anything else may lie: a pipe is not waited for.

    Raises:
        OSError: It is not there, or something else.
    """
    flags = (getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY", "O_CLOEXEC"))
    handle = os.open(path, sum(flags, start=os.O_RDONLY))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is no plain file")
    return os.fdopen(handle, "rb")


def read_plain(path: Path, *, cap_bytes: int) -> bytes:
    """The bytes of a regular file that is no link and not too large.

    Raises:
        OSError: It is not there, something else, or larger.
    """
    with open_plain(path) as stream:
        if os.fstat(stream.fileno()).st_size > cap_bytes:
            raise OSError(errno.EFBIG, "it is far too large")
        return stream.read(cap_bytes)


def copy_verified(source: BinaryIO, to: Path) -> str:
    """Copy an open file to a free path; the SHA-256 of what was copied, lower-case hex.

    Raises:
        OSError: The source cannot be read.
        OutputError: The copy cannot be written.
    """
    import hashlib  # noqa: PLC0415 - as above

    digest = hashlib.sha256()
    with translate_write_errors(f"write {to}"):
        to.parent.mkdir(parents=True, exist_ok=True)
        target = to.open("xb")
    with target:
        while chunk := source.read(_COPY_BYTES):
            digest.update(chunk)
            with translate_write_errors(f"write {to}"):
                target.write(chunk)
        with translate_write_errors(f"write {to}"):
            target.flush()
    return digest.hexdigest()


def remove_tree(folder: Path) -> None:
    """Remove a folder of ours and everything in it; links are removed, not followed."""
    shutil.rmtree(folder, ignore_errors=True)


def make_empty(folder: Path) -> None:
    """Remove everything in a folder of ours and keep the folder.

    Raises:
        OutputError: It cannot be made again.
    """
    remove_tree(folder)
    with translate_write_errors(f"create {folder}"):
        folder.mkdir(exist_ok=True)


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
            _acquire(lock)
    try:
        yield
    finally:
        _release(lock, path)


@contextmanager
def lock_within(path: Path, *, timeout_s: float, on_wait: Callable[[], None]) -> Iterator[bool]:
    """Hold the lock file ``path`` for the block, or go on without it; gives whether it is held.

    Args:
        path: The lock file; made when missing.
        timeout_s: How long to wait for it.
        on_wait: Called once when somebody else holds it, before waiting.

    Raises:
        OutputError: The lock file cannot be made, or the file system has no locks.
    """
    import filelock  # noqa: PLC0415 - 40 ms, and most commands lock nothing

    held = True
    with translate_write_errors(f"create the lock {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(path)
        try:
            lock.acquire(blocking=False)
        except filelock.Timeout:
            on_wait()
            try:
                lock.acquire(timeout=timeout_s, cancel_check=_is_called_off)
            except filelock.Timeout:
                held = False
        except NotImplementedError as error:
            raise OSError(str(error)) from error
    try:
        yield held
    finally:
        if held:
            _release(lock, path)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Be the only process of wasmrun that changes files in ``folder`` during the block, for milliseconds.

    The folder itself is locked, so that no file is left behind. Where the file system has no such locks,
    everybody goes on as before; so it is on Windows, which locks no folders.
    """
    if sys.platform == "win32":
        yield
        return
    import fcntl  # noqa: PLC0415 - exists on POSIX only

    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        # Closing lets go of it.
        os.close(handle)


@contextmanager
def held_if_free(path: Path) -> Iterator[bool]:
    """Hold the lock file ``path`` for the block when nobody else does; gives whether it is held.

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
            yield False
            return
    try:
        yield True
    finally:
        _release(lock, path)


def _acquire(lock: filelock.BaseFileLock) -> None:
    import filelock  # noqa: PLC0415 - loaded by whoever made the lock

    try:
        lock.acquire(cancel_check=_is_called_off)
    except filelock.Timeout as error:
        raise InterruptError("Interrupted while waiting for a lock") from error


def _is_called_off() -> bool:
    cancellation = find_cancellation()
    return cancellation is not None and cancellation.cancelled


def _release(lock: filelock.BaseFileLock, path: Path) -> None:
    """Let go of a lock and leave no file: whoever opened the old one sees that it is gone and tries again.

    Windows keeps a file that is open.
    """
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            path.unlink()
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


def find_orphans(folder: Path, prefix: str) -> list[Path]:
    """Temporary files and folders of this machine in ``folder`` whose process is gone.

    Args:
        folder: Where to look; it may be missing.
        prefix: How their names begin (``TEMPORARY_PREFIX``, a staging folder's).
    """
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.name.startswith(prefix)]
    except OSError:
        return []
    if not names:
        return []
    own = re.compile(rf"{re.escape(prefix)}{_machine_tag()}-(\d+)-\w+")
    matches = [(name, own.fullmatch(name)) for name in names]
    return [folder / name for name, match in matches if match and not _is_alive(int(match[1]))]


def remove_orphans(folder: Path, prefix: str) -> None:
    """Remove what ``find_orphans`` finds."""
    for path in find_orphans(folder, prefix):
        if path.is_dir() and not path.is_symlink():
            remove_tree(path)
        else:
            path.unlink(missing_ok=True)


def _make_staging(parent: Path, prefix: str) -> Path:
    import tempfile  # noqa: PLC0415 - as above

    for _ in range(_STAGING_TRIES):
        try:
            return Path(tempfile.mkdtemp(prefix=f"{prefix}{_own_tag()}", dir=parent))
        except FileNotFoundError:
            # Another process, done with the folder, has just removed it because it was empty.
            parent.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=f"{prefix}{_own_tag()}", dir=parent))


def _is_special(path: Path) -> bool:
    """A device, a pipe or a socket."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _find_mode(path: Path) -> int | None:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return None


def _own_tag() -> str:
    """What a temporary name says of its maker: the machine and the process."""
    return f"{_machine_tag()}-{os.getpid()}-"


def _scan(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise UnreadablePathError(f"{folder} cannot be read: {error.strerror or error}") from error


def _copy_link(path: Path, target: Path, root: Path) -> None:
    aim = path.readlink()
    inside = path.parent.resolve() / aim
    if aim.is_absolute() or not inside.resolve().is_relative_to(root):
        raise UsageError(
            f"{path} is a link that leads out of {root}, to {aim}",
            hint="Put a copy in its place: an installed plugin holds all its files.",
        )
    with translate_write_errors(f"create the link {target}"):
        target.symlink_to(aim, target_is_directory=inside.is_dir())


def _machine_tag() -> str:
    """Six hex digits for this machine: a shared folder may be in use by another one's processes."""
    return f"{zlib.crc32(platform.node().encode()) & 0xFFFFFF:06x}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StagingOwner:
    """The process of this machine that made a temporary file or folder."""

    pid: int
    alive: bool


def find_staging_owner(path: Path) -> StagingOwner | None:
    """Who made a temporary file or folder, by its name; None for another machine's, and for any other."""
    match = re.fullmatch(rf".*[.-]{_machine_tag()}-(\d+)-\w+", path.name)
    return StagingOwner(pid=int(match[1]), alive=_is_alive(int(match[1]))) if match else None


def find_staging_process(parent: Path, *, prefix: str) -> int | None:
    """The living process of this machine that works in a staging folder of ``parent``, or None."""
    try:
        owners = [find_staging_owner(path) for path in parent.glob(f"{prefix}*")]
    except OSError:
        return None
    return next((owner.pid for owner in owners if owner is not None and owner.alive), None)


def _is_alive(pid: int) -> bool:
    if pid == os.getpid():
        return True
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
