"""A session that says what it was told to say: a recorded state over real files, and a real broadcast."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wasmrun_py.server.broadcast import Broadcast, ServerEvent
from wasmrun_py.server.dev_state import DevState, Program, ProgramKind, ServedFile, Status

if TYPE_CHECKING:
    from pathlib import Path


class RecordedSession:
    """What a build of ``folder`` would have left: each of its files is an output."""

    def __init__(self, folder: Path, *, program: Program | None = None) -> None:
        self.broadcast = Broadcast()
        self.rebuilds = 0
        self.logs: dict[int, tuple[str, ...]] = {1: ("one line", "another")}
        self.state = DevState(
            project=folder,
            is_file=False,
            watching=True,
            status=Status.OK,
            generation=1,
            program=program or Program(kind=ProgramKind.WASI, module="/app.wasm"),
            files=list_files(folder),
        )

    def request_rebuild(self) -> None:
        """Count it."""
        self.rebuilds += 1

    def find_log(self, build: int) -> tuple[str, ...] | None:
        """The lines of a build."""
        return self.logs.get(build)

    def change(self, **fields: Any) -> None:
        """Say that the state is another one."""
        self.state = replace(self.state, **fields)
        self.broadcast.publish(ServerEvent(name="state", data=self.state.to_json()))


def list_files(folder: Path) -> dict[str, ServedFile]:
    """The regular files below a folder, by URL path."""
    return {
        f"/{path.relative_to(folder).as_posix()}": ServedFile(
            path=path,
            size_bytes=path.stat().st_size,
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            kind=path.suffix.lstrip(".") or "other",
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }
