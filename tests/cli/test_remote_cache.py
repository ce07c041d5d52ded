"""The remote cache on the command line: shared by machines, never in a build's way, mute about secrets."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.build.cache.hostile_server import Request, Wire, hostile_server
from tests.build.cache.remote_servers import (
    PASSWORD,
    SERVERS,
    TOKEN,
    USER,
    RealServer,
    bazel_remote,
    free_port,
    nginx,
)
from tests.conftest import Finished, Wasmrun, copy_project

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

HTML = b"<!doctype html><html><body>Please log in</body></html>"
PATIENCE_S = 60.0
ROOT = Path(__file__).parent.parent.parent


def serve(name: str, folder: Path, *, basic: bool = False) -> AbstractContextManager[RealServer]:
    """Start a server by its name."""
    return nginx(folder, basic=basic) if name == "nginx" else bazel_remote(folder, basic=basic)


class Machines:
    """Several users of one remote cache, each with a home of its own; the project lies in the same place."""

    def __init__(self, wasmrun: Wasmrun, folder: Path, address: str) -> None:
        self._wasmrun = wasmrun
        self._folder = folder
        self._address = address

    def compile(self, machine: str, *args: str | Path, **variables: str) -> Finished:
        """``wasmrun compile ARGS…`` on a machine; ``MODE="read-write"`` sets WASMRUN_REMOTE_CACHE_MODE."""
        env = {f"WASMRUN_REMOTE_CACHE_{name}": value for name, value in variables.items()}
        env |= {"WASMRUN_REMOTE_CACHE": self._address, "WASMRUN_HOME": str(self._folder / machine)}
        return self._wasmrun("compile", *args, env=env)


@pytest.mark.parametrize("name", SERVERS)
def test_what_one_machine_builds_another_one_takes(
    name: str, wasmrun: Wasmrun, project: Path, tmp_path: Path
) -> None:
    """Built once, taken by others to the byte, from then on out of their own cache; and it runs."""
    with serve(name, tmp_path / "server") as running:
        machines = Machines(wasmrun, tmp_path, running.address)
        built = machines.compile("ci", project, "--json", MODE="read-write").document
        module = project / "dist" / "c-hello.wasm"
        data = module.read_bytes()
        module.unlink()
        taken = machines.compile("laptop", project, "--json").document
        assert module.read_bytes() == data
        again = machines.compile("laptop", project, "--json").document
    assert (built["cache"], built["cache_source"]) == ("miss", None)
    assert (taken["cache"], taken["cache_source"]) == ("hit", "remote")
    assert (again["cache"], again["cache_source"]) == ("hit", "local")
    assert {
        each: built[each] for each in ("artifacts", "toolchain", "language", "wasm_path", "warnings")
    } == {each: taken[each] for each in ("artifacts", "toolchain", "language", "wasm_path", "warnings")}
    assert wasmrun("exec", module).out.startswith("Hello")


def test_where_wasmrun_is_installed_makes_no_difference(
    wasmrun: Wasmrun, environ: dict[str, str], project: Path, tmp_path: Path
) -> None:
    """A machine with wasmrun in another folder takes the same builds."""
    elsewhere = tmp_path / "elsewhere"
    for package in ("wasmrun_py", "plugins_builtin"):
        shutil.copytree(ROOT / package, elsewhere / package, ignore=shutil.ignore_patterns("__pycache__"))
    start = f"import sys; sys.path.insert(0, {str(elsewhere)!r})\n"
    start += "from wasmrun_py.__main__ import main\nmain()"
    with nginx(tmp_path / "server") as running:
        shared = {"WASMRUN_REMOTE_CACHE": running.address, "WASMRUN_REMOTE_CACHE_MODE": "read-write"}
        wasmrun("compile", project, env={**shared, "WASMRUN_HOME": str(tmp_path / "ci")})
        taken = subprocess.run(
            [sys.executable, "-c", start, "compile", str(project), "--json"],
            env={**environ, **shared},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    assert json.loads(taken.stdout)["cache_source"] == "remote"


def test_a_changed_source_is_another_build(wasmrun: Wasmrun, project: Path, tmp_path: Path) -> None:
    """The remote cache is never asked for what the project no longer is."""
    with nginx(tmp_path / "server") as running:
        machines = Machines(wasmrun, tmp_path, running.address)
        machines.compile("ci", project, MODE="read-write")
        main = project / "main.c"
        main.write_text(main.read_text(encoding="utf-8").replace("Hello", "Howdy"), encoding="utf-8")
        built = machines.compile("laptop", project, "--json").document
    assert built["cache"] == "miss"
    assert wasmrun("exec", project / "dist" / "c-hello.wasm").out.startswith("Howdy")


def test_no_cache_means_this_one_too(wasmrun: Wasmrun, project: Path, tmp_path: Path) -> None:
    """--no-cache asks nobody and sends nothing."""
    with nginx(tmp_path / "server") as running:
        machines = Machines(wasmrun, tmp_path, running.address)
        built = machines.compile("ci", project, "--no-cache", "--json", MODE="read-write").document
        assert running.requests == []
    assert (built["cache"], built["cache_source"]) == ("off", None)


def test_it_is_read_only_by_default(wasmrun: Wasmrun, project: Path, tmp_path: Path) -> None:
    """A build is sent only by who says so."""
    with nginx(tmp_path / "server") as running:
        assert Machines(wasmrun, tmp_path, running.address).compile("laptop", project).code == 0
        assert [each.split()[0] for each in running.requests] == ["GET"]


def test_explain_says_who_was_asked(wasmrun: Wasmrun, project: Path, tmp_path: Path) -> None:
    """A miss and a hit say what the remote cache had to do with it."""
    with nginx(tmp_path / "server") as running:
        host = running.address.removeprefix("http://")
        machines = Machines(wasmrun, tmp_path, running.address)
        missed = machines.compile("ci", project, "--explain", "--json", MODE="read-write").document
        taken = machines.compile("laptop", project, "--explain", "--json").document
    assert missed["explain"]["note"] == f"the remote cache {host} has not this project"
    assert taken["explain"] == {"status": "hit", "reasons": [], "note": f"from the remote cache {host}"}


@pytest.mark.parametrize("name", SERVERS)
def test_credentials_are_used_and_not_shown(
    name: str, wasmrun: Wasmrun, project: Path, tmp_path: Path
) -> None:
    """User and password open the server, and appear in no output, right or wrong."""
    with serve(name, tmp_path / "server", basic=True) as running:
        machines = Machines(wasmrun, tmp_path, running.address)
        right = machines.compile("ci", project, "-v", MODE="read-write", USER=USER, PASSWORD=PASSWORD)
        taken = machines.compile("laptop", project, "--json", USER=USER, PASSWORD=PASSWORD)
        wrong = machines.compile("stranger", project, "-v", USER=USER, PASSWORD=PASSWORD[::-1])
    assert taken.document["cache_source"] == "remote"
    assert wrong.code == 0
    assert wrong.err.count("401 Unauthorized") == 1
    for finished in (right, taken, wrong):
        for secret in (PASSWORD, PASSWORD[::-1]):
            assert secret not in finished.out + finished.err


def test_credentials_do_not_reach_a_project_s_build(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """What a Makefile runs does not see the token, so it can neither print it nor send it away."""
    project = copy_project("c-makefile", tmp_path)
    makefile = project / "Makefile"
    spy = f"$(shell env > {tmp_path}/seen.txt)\n"
    makefile.write_text(spy + makefile.read_text(encoding="utf-8"), encoding="utf-8")
    with nginx(tmp_path / "server", bearer=True) as running:
        machines = Machines(wasmrun, tmp_path, running.address)
        assert machines.compile("ci", project, MODE="read-write", TOKEN=TOKEN).code == 0
        assert running.requests
        assert all(not each.endswith("401") for each in running.requests)
    seen = (tmp_path / "seen.txt").read_text(encoding="utf-8")
    assert "WASMRUN_REMOTE_CACHE=" in seen
    assert TOKEN not in seen


MISDEEDS: dict[str, Callable[[Request, Wire], None]] = {
    "lies": lambda request, wire: wire.answer("200 OK", (request.kept or b"?")[::-1]),
    "hangs": lambda _request, wire: wire.hang(),
    "redirects": lambda _request, wire: wire.answer("302 Found", b"", "Location: http://192.0.2.1/"),
    "answers 500": lambda _request, wire: wire.answer("500 Internal Server Error"),
    "answers HTML": lambda _request, wire: wire.answer("200 OK", HTML, "Content-Type: text/html"),
}


@pytest.mark.parametrize("misdeed", MISDEEDS)
def test_a_bad_server_never_fails_a_build(
    misdeed: str, wasmrun: Wasmrun, project: Path, tmp_path: Path
) -> None:
    """The build is made here, the artifact is the right one, and the user is told once."""
    room = "cas" if misdeed == "lies" else "ac"

    def misbehave(request: Request, wire: Wire) -> bool:
        if request.method == "GET" and request.path.startswith(f"/{room}/"):
            MISDEEDS[misdeed](request, wire)
            return True
        return False

    with hostile_server() as server:
        machines = Machines(wasmrun, tmp_path, server.address)
        assert machines.compile("ci", project, MODE="read-write").code == 0
        module = project / "dist" / "c-hello.wasm"
        data = module.read_bytes()
        module.unlink()
        server.misdeed = misbehave
        finished = machines.compile("laptop", project, "--json", TIMEOUT="2")
    assert finished.code == 0
    assert (finished.document["cache"], finished.document["cache_source"]) == ("miss", None)
    assert module.read_bytes() == data
    assert finished.err.count("The remote cache") == 1
    assert finished.err.count("The build goes on without it.") == 1


def test_a_server_that_is_off_is_told_once(wasmrun: Wasmrun, project: Path, tmp_path: Path) -> None:
    """Neither looking nor sending fails when nobody is there."""
    machines = Machines(wasmrun, tmp_path, f"http://127.0.0.1:{free_port()}")
    finished = machines.compile("ci", project, MODE="read-write")
    assert finished.code == 0
    assert finished.err.count("cannot be reached") == 1


def hang_on_put(request: Request, wire: Wire) -> bool:
    """Take nothing, and say nothing."""
    if request.method == "PUT":
        wire.hang()
    return request.method == "PUT"


def test_an_interrupt_while_sending_keeps_the_build(
    wasmrun: Wasmrun, environ: dict[str, str], project: Path
) -> None:
    """Ctrl-C ends the sending at once; the artifacts are in place, and nobody is told of half a build."""
    with hostile_server() as server:
        server.misdeed = hang_on_put
        variables = {"WASMRUN_REMOTE_CACHE": server.address, "WASMRUN_REMOTE_CACHE_MODE": "read-write"}
        variables["WASMRUN_REMOTE_CACHE_TIMEOUT"] = "600"
        process = subprocess.Popen(
            [sys.executable, "-m", "wasmrun_py", "compile", str(project)],
            env={**environ, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline_s = time.monotonic() + PATIENCE_S
        while not any(each.startswith("PUT") for each in server.requests):
            assert time.monotonic() < deadline_s
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert "Interrupted while the build was sent" in err
    assert "artifacts are in their place" in err
    assert "Traceback" not in err
    assert not any(each.startswith("PUT /ac/") for each in server.requests)
    assert wasmrun("exec", project / "dist" / "c-hello.wasm").out.startswith("Hello")


def test_a_password_in_the_address_is_refused(wasmrun: Wasmrun, project: Path) -> None:
    """It would end up in logs; the refusal does not put it there either."""
    address = f"https://bo:{PASSWORD}@cache.example.com/"
    finished = wasmrun("compile", project, env={"WASMRUN_REMOTE_CACHE": address})
    assert finished.code == 2
    assert PASSWORD not in finished.out + finished.err
    assert "WASMRUN_REMOTE_CACHE_PASSWORD" in finished.err


def test_a_project_cannot_choose_where_builds_come_from(wasmrun: Wasmrun, project: Path) -> None:
    """A repository that names a cache is refused, with the line."""
    (project / "wasmrun.toml").write_text('[cache]\nremote = "https://evil.example.com"\n', encoding="utf-8")
    finished = wasmrun("compile", project)
    assert finished.code == 2
    assert "wasmrun.toml:2" in finished.err


def test_cache_info_shows_the_host_and_whether_it_answers(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """The host and no more of the address; and what is wrong, when something is."""
    with nginx(tmp_path / "server", bearer=True) as running:
        address = f"{running.address}/a/private/path"
        variables = {"WASMRUN_REMOTE_CACHE": address, "WASMRUN_REMOTE_CACHE_TOKEN": TOKEN}
        known = wasmrun("cache", "info", "--json", env=variables)
        stranger = wasmrun("cache", "info", env={"WASMRUN_REMOTE_CACHE": address})
    host = running.address.removeprefix("http://")
    assert known.document["remote"] == {"host": host, "mode": "read", "reachable": True, "problem": ""}
    assert f"{host}, read, It answered 401 Unauthorized." in stranger.out
    for finished in (known, stranger):
        assert TOKEN not in finished.out + finished.err
        assert "private" not in finished.out + finished.err
    assert wasmrun("cache", "info", "--json").document["remote"] is None
