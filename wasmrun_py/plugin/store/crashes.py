"""The crash history of external plugins: one file a plugin, a line a crash, the newest last.

Kept for the user's eyes (``plugin info``): no transport is left out because it crashed yesterday.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from wasmrun_py.model.errors import OutputError
from wasmrun_py.system.fs import atomic_write, remove_file

if TYPE_CHECKING:
    from pathlib import Path

    from wasmrun_py.system.paths import Home

_KEPT = 20
_FILE_CAP_BYTES = 256 * 1024
_TEXT_CAP = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """One crash or hang.

    Attributes:
        at: When, ISO 8601, UTC.
        build: What identifies the plugin's files: a generation, or a library's size and time.
        transport: How the plugin was called.
        phase: What it was asked to do.
        message: What happened.
        log_file: Where what it wrote was kept, or None.
    """

    at: str
    build: str
    transport: str
    phase: str
    message: str
    log_file: str | None = None


def record_crash(home: Home, plugin: str, crash: Crash) -> None:
    """Add a crash to a plugin's history; a disk that takes nothing loses it."""
    lines = [*(asdict(each) for each in load_crashes(home, plugin)), asdict(crash)][-_KEPT:]
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    with contextlib.suppress(OutputError):
        atomic_write(_file(home, plugin), text.encode())


def load_crashes(home: Home, plugin: str, *, build: str | None = None) -> tuple[Crash, ...]:
    """A plugin's crashes, the newest last; lines that nobody can read are passed over.

    Args:
        home: Where they are kept.
        plugin: The plugin's name.
        build: Only those of these files of the plugin.
    """
    try:
        with _file(home, plugin).open("rb") as stream:
            data = stream.read(_FILE_CAP_BYTES)
    except OSError:
        return ()
    found = (_parse(line) for line in data.decode("utf-8", "replace").splitlines())
    return tuple(crash for crash in found if crash is not None and build in {None, crash.build})


def forget_crashes(home: Home, plugin: str) -> None:
    """Remove a plugin's history."""
    with contextlib.suppress(OutputError):
        remove_file(_file(home, plugin))


def _parse(line: str) -> Crash | None:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return _from_fields(fields) if isinstance(fields, dict) else None


def _from_fields(fields: dict[str, Any]) -> Crash | None:
    wanted = [fields.get(name) for name in ("at", "build", "transport", "phase", "message")]
    if not all(isinstance(each, str) for each in wanted):
        return None
    at, build, transport, phase, message = (str(each)[:_TEXT_CAP] for each in wanted)
    log_file = fields.get("log_file")
    return Crash(
        at=at,
        build=build,
        transport=transport,
        phase=phase,
        message=message,
        log_file=log_file[:_TEXT_CAP] if isinstance(log_file, str) else None,
    )


def _file(home: Home, plugin: str) -> Path:
    return home.logs / f"crashes-{plugin}.jsonl"
