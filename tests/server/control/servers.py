"""Real servers in processes of their own, started as wasmrun is, with a state file each."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[3]

_PROGRAM = """
import asyncio, datetime, signal, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests.server.recorded import RecordedSession
from wasmrun_py.server.control.state_file import ServerRecord, announced
from wasmrun_py.server.http.options import ServeOptions
from wasmrun_py.server.http.serve import serve
from wasmrun_py.system.other_process import own_identity
from wasmrun_py.system.paths import Home

home, project, deaf = Home(root=Path(sys.argv[2])), Path(sys.argv[3]), sys.argv[4] == "deaf"

def hear_nothing(ready):
    print(ready.port, flush=True)
    if deaf:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("deaf", flush=True)
        time.sleep(300)

async def main():
    stopping = asyncio.Event()
    files = []
    def on_ready(ready):
        record = ServerRecord(process=own_identity(), scheme="http", host="localhost", port=ready.port,
            url=ready.url, project=project, started_at="2026-01-01T00:00:00Z", token=ready.control_token)
        files.append(announced(record, home))
        files[0].__enter__()
        hear_nothing(ready)
    await serve(RecordedSession(project), ServeOptions(port=0), stopping=stopping, on_ready=on_ready)
    files[0].__exit__(None, None, None)

asyncio.run(main())
"""


@contextmanager
def server_process(
    home: Path, project: Path, *, name: str = "wasmrun", deaf: bool = False
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A server for a folder: its process, and its port. It is killed at the end when it still runs."""
    program = home / "programs" / name
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(_PROGRAM)
    arguments = [str(ROOT), str(home), str(project), "deaf" if deaf else "hearing"]
    started = subprocess.Popen(
        [sys.executable, str(program), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert started.stdout is not None
        line = started.stdout.readline()
        assert line.strip().isdecimal(), started.communicate()[1]
        yield started, int(line)
    finally:
        if started.poll() is None:
            started.kill()
        started.communicate()


def state_files(home: Path) -> list[Path]:
    """What lies in the folder of state files."""
    folder = home / "servers"
    return sorted(folder.iterdir()) if folder.is_dir() else []


def write_state(home: Path, name: str, fields: Mapping[str, Any]) -> Path:
    """A state file that says what it is told to say, private as a real one is."""
    folder = home / "servers"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(json.dumps(fields))
    path.chmod(0o600)
    return path
