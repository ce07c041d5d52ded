"""A state file for each running server: written by it, read by ``stop`` and ``status``, believed by nobody.

What stands in one is checked against the system: the process must be running, this user's, started when the
file says and started as wasmrun. Anything else is a leftover, and is removed.
"""

from __future__ import annotations

import json
import os
import re
import stat
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wasmrun_py.model.errors import OutputError
from wasmrun_py.system.fs import atomic_write, make_folder, remove_file
from wasmrun_py.system.other_process import ProcessIdentity, is_wasmrun_of_ours

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wasmrun_py.system.paths import Home

_SCHEMA = 1
_CAP_BYTES = 64 * 1024
_LARGEST_PORT = 65535
_LARGEST_PID = 2**31 - 1
_TEXT_CAP = 8192
_NOT_OURS_ALONE = 0o077
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerRecord:
    """What a server says of itself.

    Attributes:
        process: Which process it is.
        scheme: ``http`` or ``https``.
        host: What it was told to listen at, as ``--host`` has it.
        port: Its port.
        url: Where to open it; for people, never for us.
        project: The project's folder, or the served file.
        started_at: ISO 8601, UTC.
        token: The control token.
    """

    process: ProcessIdentity
    scheme: str
    host: str
    port: int
    url: str
    project: Path
    started_at: str
    token: str = field(repr=False)


@contextmanager
def announced(record: ServerRecord, home: Home) -> Iterator[Path]:
    """Keep a state file for as long as the block lasts; gives its path.

    Raises:
        OutputError: It cannot be written.
    """
    path = home.servers / f"{record.port}-{record.process.pid}.json"
    make_folder(home.servers)
    # Whatever lies there, a link above all, is not written through.
    remove_file(path)
    atomic_write(path, json.dumps(_to_json(record), indent=2).encode(), mode=0o600)
    try:
        yield path
    finally:
        remove_file(path)


def load_servers(home: Home) -> tuple[ServerRecord, ...]:
    """Every running server of this user, by port; what servers that crashed left behind is removed."""
    try:
        paths = sorted(home.servers.glob("*.json"))
    except OSError:
        return ()
    found: list[ServerRecord] = []
    for path in paths:
        record = _load(path)
        if record is not None and is_wasmrun_of_ours(record.process):
            found.append(record)
        else:
            _tidy(path)
    return tuple(sorted(found, key=lambda record: record.port))


def forget(record: ServerRecord, home: Home) -> None:
    """Remove the state file of a server that has ended."""
    _tidy(home.servers / f"{record.port}-{record.process.pid}.json")


def _tidy(path: Path) -> None:
    try:
        if not path.is_dir() or path.is_symlink():
            remove_file(path)
    except (OutputError, OSError):
        # Somebody else's file in a folder that is not ours to change: it is not believed, and may stay.
        return


def _load(path: Path) -> ServerRecord | None:
    """The record in a file; None when it is not a private file of this user's with a record in it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | _NO_FOLLOW)
    except OSError:
        return None
    try:
        if path.is_symlink() or not _is_private(os.fstat(descriptor)):
            return None
        data = os.read(descriptor, _CAP_BYTES + 1)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    if len(data) > _CAP_BYTES:
        return None
    try:
        return parse_record(json.loads(data))
    except (ValueError, OverflowError, RecursionError):
        return None


def _is_private(status: os.stat_result) -> bool:
    if not stat.S_ISREG(status.st_mode):
        return False
    if not hasattr(os, "getuid"):
        # Windows: the folder is in the user's profile, which others cannot write to.
        return True
    return status.st_uid == os.getuid() and not status.st_mode & _NOT_OURS_ALONE


def parse_record(document: Any) -> ServerRecord:
    """A record from what stands in a file.

    Raises:
        ValueError: It is none.
    """
    if not isinstance(document, dict) or document.get("schema") != _SCHEMA:
        raise ValueError("not a record")
    started = document.get("process_started_s")
    if isinstance(started, bool) or not isinstance(started, (int, float)):
        raise ValueError("process_started_s")  # noqa: TRY004 - one error for one meaning: it is no record
    project = Path(_text(document, "project"))
    scheme = _text(document, "scheme")
    token = _text(document, "token")
    if (
        scheme not in {"http", "https"}
        or not project.is_absolute()
        or not re.fullmatch(r"[\w-]+", token, re.ASCII)
    ):
        raise ValueError("scheme, project or token")
    return ServerRecord(
        process=ProcessIdentity(pid=_whole(document, "pid", _LARGEST_PID), started_s=float(started)),
        scheme=scheme,
        host=_text(document, "host"),
        port=_whole(document, "port", _LARGEST_PORT),
        url=_text(document, "url"),
        project=project,
        started_at=_text(document, "started_at"),
        token=token,
    )


def _text(document: dict[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _TEXT_CAP or "\0" in value:
        raise ValueError(name)
    return value


def _whole(document: dict[str, Any], name: str, largest: int) -> int:
    value = document.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= largest:
        raise ValueError(name)
    return value


def _to_json(record: ServerRecord) -> dict[str, Any]:
    return {
        "schema": _SCHEMA,
        "pid": record.process.pid,
        "process_started_s": record.process.started_s,
        "scheme": record.scheme,
        "host": record.host,
        "port": record.port,
        "url": record.url,
        "project": str(record.project),
        "started_at": record.started_at,
        "token": record.token,
    }
