"""Is everything as the last run of the same command left it? Answered before anything else is imported.

A note (written by ``unchanged_note``) names every file and folder that decides about a run, with its stat,
and holds what the run would say. It holds for one command line, folder, environment and Python. Whatever is
another one, or cannot be told, leads to the ordinary run: this room says "yes" or nothing.

Only ``os`` and ``sys`` may be imported here at the top: start-up is all that this costs.
"""

from __future__ import annotations

import os
import sys

# typing's own constant comes with 10 ms of imports.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAGIC = b"wasmrun-unchanged 1"
FOLDER = "unchanged"
DURATION = b"@duration@"
MARK = b"@mark@"
_COMMANDS = frozenset({"compile", "build", "c"})
# A terminal session's own; what is said does not depend on them, or is made to fit afterwards.
_SESSION = frozenset(
    {
        *("_", "SHLVL", "PWD", "OLDPWD", "COLUMNS", "LINES", "TERM", "COLORTERM", "NO_COLOR"),
        *("TMUX", "TMUX_PANE", "WINDOWID", "PYTEST_CURRENT_TEST"),
    }
)
# What wasmrun itself writes beside its outputs for a moment.
_PASSING = (b".wasmrun-", b".tmp-")
_PASSING_KEPT = b".wasmrun-outputs.json"
_HEAD_LINES = 4


def find_folder(environ: Mapping[str, str], cwd: str) -> str | None:
    """The folder of the notes, as ``system.paths`` would find the cache; None where that takes longer."""
    own = environ.get("WASMRUN_CACHE_DIR")
    home = environ.get("WASMRUN_HOME")
    if own:
        cache = os.path.join(cwd, own)
    elif home:
        cache = os.path.join(cwd, home, "cache")
    elif sys.platform == "linux":
        named = environ.get("XDG_CACHE_HOME", "")
        cache = os.path.join(named if named.strip() else os.path.expanduser("~/.cache"), "wasmrun")
    else:
        return None
    return os.path.join(cache, "builds", FOLDER)


def identify(argv: Sequence[str], environ: Mapping[str, str], cwd: str) -> tuple[str, str]:
    """A name for a command in a folder, and a digest of all that it is run with."""
    command = "\0".join((cwd, *argv))
    variables = sorted(f"{name}={value}" for name, value in environ.items() if name not in _SESSION)
    world = "\0".join((command, sys.version, sys.prefix, sys.executable, *sys.path, *variables))
    return digest(command)[:32], digest(world)


def digest(text: str) -> str:
    """A digest of text, hex: no module that takes long to import is needed for it."""
    try:
        from _blake2 import blake2b  # noqa: PLC0415 - hashlib takes 3 ms
    except ImportError:
        from hashlib import blake2b  # noqa: PLC0415 - another Python
    found: str = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=32).hexdigest()
    return found


def stamp_file(path: str | bytes) -> str:
    """What tells whether a file is the same, or a folder has the same names; ``-`` when it is not there."""
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return "-"
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino} {status.st_mode}"


def stamp_names(path: str | bytes) -> str:
    """A digest of the names in a folder, without those that wasmrun puts there for a moment."""
    try:
        names = os.listdir(os.fsencode(path))
    except OSError:
        return "-"
    kept = sorted(name for name in names if not name.startswith(_PASSING) or name == _PASSING_KEPT)
    return digest(os.fsdecode(b"\0".join(kept)))


def find_unchanged(argv: Sequence[str]) -> tuple[bytes, bytes] | None:
    """What the command would say on stderr and stdout, when it would do nothing; else None.

    Args:
        argv: The arguments, without the program's name.
    """
    if not argv or argv[0] not in _COMMANDS:
        return None
    environ = os.environ
    try:
        cwd = os.getcwd()
        folder = find_folder(environ, cwd)
        if folder is None:
            return None
        name, world = identify(argv, environ, cwd)
        path = os.path.join(folder, name)
        with open(path, "rb") as stream:
            data = stream.read()
        return _check(path, data, world)
    except (OSError, ValueError):
        return None


def _check(path: str, data: bytes, world: str) -> tuple[bytes, bytes] | None:
    """What the note says, when everything is as it says."""
    lines = data.split(b"\n")
    if len(lines) < _HEAD_LINES or lines[0] != MAGIC or lines[1] != world.encode("ascii"):
        return None
    count, *sizes = map(int, lines[2].split())
    checks = lines[3 : 3 + count]
    said = data[len(data) - sum(sizes) :]
    if len(checks) != count or sum(map(len, lines[: 3 + count])) + 3 + count + sum(sizes) != len(data):
        return None
    young = []
    for line in checks:
        stamp, _, name = line.partition(b"\t")
        kind, _, stamp = stamp.partition(b" ")
        if kind == b"f":
            now = stamp_file(name)
        elif kind == b"n":
            now = stamp_names(name)
        else:
            # Written so shortly before the note that its stat alone proves nothing.
            stamp, _, wanted = stamp.rpartition(b" ")
            now = stamp_file(name)
            young.append((line, stamp, name, wanted))
        if now.encode("ascii") != stamp:
            return None
    if young and not _settle(path, data, young):
        return None
    return said[: sizes[0]], said[sizes[0] :]


def _settle(path: str, data: bytes, young: list[tuple[bytes, bytes, bytes, bytes]]) -> bool:
    """Compare the bytes of young files, once: what is older than a tick of the clock is known by its stat."""
    from wasmrun_py.build.workspace.unchanged_note import settle  # noqa: PLC0415 - once a build

    return settle(path, data, young)


def say(said: tuple[bytes, bytes]) -> None:
    """Write what ``find_unchanged`` found to stderr and stdout."""
    import time  # noqa: PLC0415 - built in

    duration = f"{time.process_time():.2f}".encode("ascii")
    errors, document = said
    has_colour = sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    mark = "\x1b[1;32m✓\x1b[0m" if has_colour else "✓"
    if not (sys.stderr.encoding or "").lower().startswith("utf"):
        mark = mark.replace("✓", "+")
    for stream, text in ((sys.stderr, errors), (sys.stdout, document)):
        whole = text.replace(MARK, mark.encode()).replace(DURATION, duration)
        if whole:
            stream.write(whole.decode("utf-8"))
            stream.flush()
