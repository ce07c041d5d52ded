"""``wasmrun stop`` and ``wasmrun status``, against real servers in processes of their own."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest

from tests.server.control.servers import server_process, state_files

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Wasmrun


@pytest.fixture
def projects(tmp_path: Path) -> tuple[Path, Path]:
    """Two projects with something to serve."""
    made = (tmp_path / "one", tmp_path / "two")
    for project in made:
        project.mkdir()
        (project / "app.wasm").write_bytes(b"\0asm\x01\0\0\0")
    return made


def test_no_server_runs(wasmrun: Wasmrun) -> None:
    """Nothing to list is fine, nothing to stop is not; --all is content with nothing."""
    assert wasmrun("status", "--json").document["servers"] == []
    assert "No server runs" in wasmrun("status").err
    stopped = wasmrun("stop", "--json")
    assert (stopped.code, stopped.document["error"]["code"]) == (1, "no-server")
    assert wasmrun("stop", "--all", "--json").document["stopped"] == []


def test_the_only_server_is_stopped(wasmrun: Wasmrun, home: Path, projects: tuple[Path, Path]) -> None:
    """It is listed, asked to end, ends by itself with code 0, and leaves no file."""
    with server_process(home, projects[0]) as (process, port):
        (file,) = state_files(home)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        (listed,) = wasmrun("status", "--json").document["servers"]
        assert listed == {
            "pid": process.pid,
            "port": port,
            "url": f"http://localhost:{port}/",
            "project": str(projects[0]),
            "started_at": "2026-01-01T00:00:00Z",
            "status": "ok",
        }
        assert json.loads(file.read_text())["token"] not in wasmrun("status").out
        finished = wasmrun("stop", "--json")
        assert finished.document["stopped"] == [
            {"pid": process.pid, "port": port, "project": str(projects[0])}
        ]
        assert process.wait(10) == 0
        assert state_files(home) == []
        assert wasmrun("status", "--json").document["servers"] == []


def test_one_of_several(wasmrun: Wasmrun, home: Path, projects: tuple[Path, Path]) -> None:
    """Without a word it is an error that lists them; a project, its folder or a port say which one."""
    one, two = projects
    with server_process(home, one) as (first, first_port), server_process(home, two) as (second, second_port):
        ports = {each["port"] for each in wasmrun("status", "--json").document["servers"]}
        assert ports == {first_port, second_port}
        unclear = wasmrun("stop", "--json")
        assert (unclear.code, unclear.document["error"]["code"]) == (2, "usage")
        for part in (str(first_port), str(second_port), str(one), str(two)):
            assert part in unclear.document["error"]["hint"]
        assert wasmrun("stop", one, "--port", str(second_port)).code == 1
        assert wasmrun("stop", "--all", one).code == 2
        (one / "src").mkdir()
        assert wasmrun("stop", cwd=one / "src").code == 0
        assert first.wait(10) == 0
        assert second.poll() is None
        assert wasmrun("stop", one).code == 1
        assert wasmrun("stop", "--port", "1").code == 1
        assert wasmrun("stop", "--port", "x").code == 2
        assert wasmrun("stop", two).code == 0
        assert second.wait(10) == 0


def test_a_link_and_what_it_leads_to_are_one_project(
    wasmrun: Wasmrun, home: Path, projects: tuple[Path, Path], tmp_path: Path
) -> None:
    """A server that was started by a link's name is ended by the folder's, and in the folder."""
    one, two = projects
    link = tmp_path / "link"
    link.symlink_to(one)
    with server_process(home, link) as (process, _), server_process(home, two) as (other, _):
        assert wasmrun("stop", one).code == 0
        assert process.wait(10) == 0
        with server_process(home, link) as (again, _):
            assert wasmrun("stop", cwd=one).code == 0
            assert again.wait(10) == 0
        assert other.poll() is None


def test_all_of_them(wasmrun: Wasmrun, home: Path, projects: tuple[Path, Path]) -> None:
    """--all ends each."""
    with server_process(home, projects[0]) as (first, _), server_process(home, projects[1]) as (second, _):
        assert len(wasmrun("stop", "--all", "--json").document["stopped"]) == 2
        assert (first.wait(10), second.wait(10)) == (0, 0)


def test_a_server_that_does_not_listen_is_ended(
    wasmrun: Wasmrun, home: Path, projects: tuple[Path, Path]
) -> None:
    """It neither answers nor ends when asked, and is killed because it is proven ours."""
    with server_process(home, projects[0], deaf=True) as (process, _):
        assert process.stdout is not None
        assert process.stdout.readline() == "deaf\n"
        assert wasmrun("status", "--json").document["servers"][0]["status"] == "no answer"
        assert wasmrun("stop").code == 0
        assert process.wait(10) == -9
        assert state_files(home) == []


def test_a_crashed_server_is_forgotten(wasmrun: Wasmrun, home: Path, projects: tuple[Path, Path]) -> None:
    """The file that a killed server left is removed, and nothing is signalled."""
    with server_process(home, projects[0]) as (process, _):
        process.kill()
        process.wait(10)
        assert len(state_files(home)) == 1
        assert wasmrun("status", "--json").document["servers"] == []
        assert state_files(home) == []
