"""State files that lie: they make us signal nobody, and send a token nowhere."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.server.control.servers import server_process, state_files, write_state
from wasmrun_py.server.control.state_file import parse_record
from wasmrun_py.server.control.talk import find_own_address

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Wasmrun


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[str]]:
    """A process of this user's that is no server."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"], text=True)
    yield process
    process.kill()
    process.wait()


def _record(process: subprocess.Popen[str], **changed: Any) -> dict[str, Any]:
    fields = {
        "schema": 1,
        "pid": process.pid,
        "process_started_s": psutil.Process(process.pid).create_time(),
        "scheme": "http",
        "host": "localhost",
        "port": 9,
        "url": "http://localhost:9/",
        "project": "/project",
        "started_at": "2026-01-01T00:00:00Z",
        "token": "token",
    }
    return {**fields, **changed}


def test_a_foreign_process_is_not_signalled(
    wasmrun: Wasmrun, home: Path, bystander: subprocess.Popen[str]
) -> None:
    """Its id and its time of start are right, and it is no wasmrun: the file goes, the process stays."""
    write_state(home, "9-1.json", _record(bystander))
    assert wasmrun("status", "--json").document["servers"] == []
    assert state_files(home) == []
    write_state(home, "9-1.json", _record(bystander))
    assert wasmrun("stop", "--all").code == 0
    assert bystander.poll() is None


def test_a_reused_id_is_not_signalled(wasmrun: Wasmrun, home: Path, tmp_path: Path) -> None:
    """A wasmrun of today is not the one that the file was written by."""
    with server_process(home, tmp_path) as (process, port):
        fields = json.loads(state_files(home)[0].read_text())
        fields["process_started_s"] -= 3600
        for file in state_files(home):
            file.unlink()
        write_state(home, f"{port}-{process.pid}.json", fields)
        assert wasmrun("stop", "--all", "--json").document["stopped"] == []
        assert process.poll() is None
        assert state_files(home) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"schema": 1}',
        b"[" * 100_000,
        b"x" * 200_000,
        b'{"schema": 2}',
    ],
)
def test_garbage_is_tidied(wasmrun: Wasmrun, home: Path, content: bytes) -> None:
    """Whatever it says."""
    path = write_state(home, "1-1.json", {})
    path.write_bytes(content)
    finished = wasmrun("status", "--json")
    assert (finished.code, finished.document["servers"]) == (0, [])
    assert state_files(home) == []


def test_links_pipes_and_open_files_are_not_believed(wasmrun: Wasmrun, home: Path, tmp_path: Path) -> None:
    """A link is removed and its aim stays; a pipe does not hang; a file that others may write is no proof."""
    with server_process(home, tmp_path) as (process, _):
        (real,) = state_files(home)
        aim = tmp_path / "aim.json"
        real.rename(aim)
        (home / "servers" / "link.json").symlink_to(aim)
        os.mkfifo(home / "servers" / "pipe.json")
        (home / "servers" / "folder.json").mkdir()
        open_file = home / "servers" / "open.json"
        open_file.write_text(aim.read_text())
        open_file.chmod(0o666)
        assert wasmrun("stop", "--all", "--json").document["stopped"] == []
        assert process.poll() is None
        assert [path.name for path in state_files(home)] == ["folder.json"]
        assert aim.exists()


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "192.0.2.1",
        "8.8.8.8",
        "localhost.evil",
        "127.0.0.1@evil.example",
        "evil/",
        "[::2]",
        "",
        "a\r\nb",
    ],
)
def test_the_token_stays_here(host: str) -> None:
    """Only the loopback addresses and this machine's own are talked to; names are not looked up."""
    assert find_own_address(host) is None


def test_own_addresses() -> None:
    """What a server may listen at leads to it."""
    expected = {"localhost": "127.0.0.1", "::": "::1", "[::1]": "::1", "127.0.0.3": "127.0.0.3"}
    assert {host: find_own_address(host) for host in expected} == expected


def test_a_redirect_does_not_take_the_token_away(wasmrun: Wasmrun, home: Path, tmp_path: Path) -> None:
    """Whoever answers in a server's place cannot send us to another one."""
    seen: list[bytes] = []
    with (
        socket.create_server(("127.0.0.1", 0)) as thief,
        socket.create_server(("127.0.0.1", 0)) as redirecting,
        server_process(home, tmp_path) as (process, _),
    ):
        thief.settimeout(15)
        redirecting.settimeout(15)
        aim = f"http://127.0.0.1:{thief.getsockname()[1]}/"

        def answer() -> None:
            client, _ = redirecting.accept()
            with client:
                client.recv(65536)
                client.sendall(f"HTTP/1.1 307 x\r\nLocation: {aim}\r\nContent-Length: 0\r\n\r\n".encode())

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        (file,) = state_files(home)
        fields = {**json.loads(file.read_text()), "port": redirecting.getsockname()[1]}
        file.unlink()
        write_state(home, "x.json", fields)
        assert wasmrun("status", "--json").document["servers"][0]["status"] == "no answer"
        thread.join(15)
        thief.settimeout(0.2)
        with pytest.raises(TimeoutError):
            seen.append(thief.accept()[0].recv(10))
        assert process.poll() is None
    assert seen == []


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_NAMES = ("pid", "process_started_s", "scheme", "host", "port", "url", "project", "started_at", "token")


@given(_JSON | st.fixed_dictionaries({"schema": st.just(1)}, optional=dict.fromkeys(_NAMES, _JSON)))
def test_any_document_is_a_record_or_refused(document: Any) -> None:
    """Nothing but ValueError comes out, and what is taken is within its bounds."""
    try:
        record = parse_record(document)
    except ValueError:
        return
    assert 0 < record.port <= 65535
    assert record.process.pid > 0
    assert record.project.is_absolute()
