"""Ports and hosts: which one is taken, what is said when it cannot be, and how a server ends."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.conftest import without_privileges
from tests.server.recorded import RecordedSession
from tests.server.running import running
from wasmrun_py.model.errors import UsageError
from wasmrun_py.server.http.listening import listen
from wasmrun_py.server.http.options import (
    DEFAULT_PORT,
    ProxyRule,
    ServeOptions,
    parse_header,
    parse_port,
    parse_proxy,
)
from wasmrun_py.server.http.serve import Ready, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def taken() -> Iterator[socket.socket]:
    """A port that somebody else has, on the loopback interface."""
    listener = socket.create_server(("127.0.0.1", 0))
    yield listener
    listener.close()


def _close(listeners: list[socket.socket]) -> list[int]:
    ports = [each.getsockname()[1] for each in listeners]
    for each in listeners:
        each.close()
    return ports


def test_a_taken_port_is_an_error_that_names_who_has_it(taken: socket.socket) -> None:
    """The port was asked for, so that another one would be wrong."""
    port = taken.getsockname()[1]
    with pytest.raises(UsageError) as raised:
        listen(ServeOptions(port=port))
    assert f"Port {port} is taken" in raised.value.message
    assert f"(process {os.getpid()})" in raised.value.message
    assert "--port" in raised.value.hint
    assert raised.value.exit_code == 2


def test_two_servers_without_a_port_get_two_ports() -> None:
    """8420 or the next free one: the second one never gets the first one's, on either loopback address."""
    first = listen(ServeOptions())
    second = listen(ServeOptions())
    first_ports, second_ports = _close(first), _close(second)
    assert len(set(first_ports)) == len(set(second_ports)) == 1
    assert DEFAULT_PORT <= first_ports[0] < second_ports[0]


def test_a_port_taken_on_one_loopback_address_is_taken() -> None:
    """Or ``localhost`` would lead some browsers to somebody else."""
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as other:
        port = other.getsockname()[1]
        with pytest.raises(UsageError, match="is taken"):
            listen(ServeOptions(port=port))


def test_only_loopback_by_default() -> None:
    """Nothing listens on an address that another machine reaches."""
    listeners = listen(ServeOptions(port=0))
    assert {each.getsockname()[0] for each in listeners} <= {"127.0.0.1", "::1"}
    _close(listeners)


@pytest.mark.parametrize(
    "text", ["70000", "65536", "-1", "http", "", "8420.0", "1e3", " 80", "٨٠", "9" * 400]
)
def test_what_is_no_port_is_an_error(text: str) -> None:
    """With the range in the hint, exit code 2."""
    with pytest.raises(UsageError) as raised:
        parse_port(text)
    assert "65535" in raised.value.hint
    assert raised.value.exit_code == 2


def test_what_is_a_port() -> None:
    """0 is any free one."""
    assert [parse_port(text) for text in ("0", "1", "8420", "65535", "00080")] == [0, 1, 8420, 65535, 80]


def test_a_low_port_without_permission(tmp_path: Path) -> None:
    """The system's own ports need a permission, and that is said."""
    script = (
        "from wasmrun_py.server.http.listening import listen\n"
        "from wasmrun_py.server.http.options import ServeOptions\n"
        "try:\n    listen(ServeOptions(port=81))\n"
        "except Exception as error:\n    print(error.message, '|', error.hint, '|', error.exit_code)\n"
    )
    dropped = "--bounding-set=-net_bind_service"
    command = without_privileges(sys.executable, "-c", script)
    if command[0] != sys.executable:
        command = [command[0], dropped, *command[2:]]
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as setting:  # noqa: PTH123
        first_free = int(setting.read())
    finished = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    expected = "Port 81 cannot be taken: ports below 1024" if first_free > 81 else ""
    assert expected in finished.stdout


@pytest.mark.parametrize(
    "host", ["no-such-host.invalid", "256.1.1.1", "", "a b", "\u2603.invalid", "x" * 300]
)
def test_what_is_no_host_is_an_error(host: str) -> None:
    """A name that leads nowhere."""
    with pytest.raises(UsageError, match="host"):
        listen(ServeOptions(host=host, port=0))


def test_an_address_of_another_machine_is_an_error() -> None:
    """TEST-NET-1 is nobody's."""
    with pytest.raises(UsageError, match="not an address of this machine"):
        listen(ServeOptions(host="192.0.2.1", port=0))


@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_an_ipv6_address(outputs: Path, host: str) -> None:
    """--host ::1 is served under its address in brackets."""
    with running(RecordedSession(outputs), ServeOptions(host="127.0.0.1", port=0)):
        listeners = listen(ServeOptions(host=host, port=0))
        assert [each.getsockname()[0] for each in listeners] == ["::1"]
        _close(listeners)


def test_open_to_the_network(outputs: Path) -> None:
    """--host 0.0.0.0 answers to this machine's addresses and tells them; other names stay refused."""
    with running(RecordedSession(outputs), ServeOptions(host="0.0.0.0", port=0)) as server:  # noqa: S104
        assert server.ready.url == f"http://localhost:{server.port}/"
        assert server.ready.network_urls
        for url in server.ready.network_urls:
            name = url.removeprefix("http://").removesuffix("/")
            assert server.ask("/app.wasm", headers={"Host": name}).status == 200, url
        assert server.ask("/app.wasm", headers={"Host": f"evil.example:{server.port}"}).status == 403


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("X-A: 1", ("X-A", "1")),
        ("x-a:1", ("x-a", "1")),
        ("X-A: http://a:1/", ("X-A", "http://a:1/")),
        ("X-A:", ("X-A", "")),
    ],
)
def test_a_header(text: str, expected: tuple[str, str]) -> None:
    """The name is what stands before the first colon."""
    assert parse_header(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "X-A",
        ": 1",
        "X A: 1",
        "X-A: a\r\nX-B: 1",
        "X-A: a\nb",
        "X-A: \0",
        "X-Ä: 1",
        "X-A: ä",
        "Content-Length: 5",
        "transfer-encoding: chunked",
        "Connection: close",
        "ETag: x",
    ],
)
def test_what_is_no_header(text: str) -> None:
    """Also a second header smuggled in by a line end, and what only the server may say."""
    with pytest.raises(UsageError):
        parse_header(text)


def test_a_proxy_rule() -> None:
    """A URL without a path keeps the prefix; the prefix ends at a segment."""
    rule = parse_proxy("/api=http://localhost:3000")
    assert rule == ProxyRule(prefix="/api", scheme="http", netloc="localhost:3000", base_path=None)
    assert rule.matches("/api")
    assert rule.matches("/api/x")
    assert not rule.matches("/apix")
    assert parse_proxy("/api/=https://[::1]:1/v1/").base_path == "/v1"
    assert parse_proxy("/=http://a").matches("/anything")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/api",
        "api=http://a",
        "/api=",
        "/api=a",
        "/api=ftp://a",
        "/api=http://",
        "/api=http://a:0",
        "/api=http://a:x",
        "/api=http://u:p@a",
        "/api=http://a/?q",
        "/api=http://a/#f",
        "/a b=http://a",
        "/../x=http://a",
        "/a%2fb=http://a",
        "/_wasmrun=http://a",
        "/_wasmrun/x=http://a",
        "/api=http://a b",
        "/api=http://a\r\nx",
        "//x=http://a",
    ],
)
def test_what_is_no_proxy_rule(text: str) -> None:
    """With an example in the hint."""
    with pytest.raises(UsageError) as raised:
        parse_proxy(text)
    assert "--proxy /api=http://localhost:3000" in raised.value.hint


def test_a_broken_certificate_is_an_error(outputs: Path, tmp_path: Path) -> None:
    """Missing, garbage, or a certificate without its key: said before anything is served."""
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("garbage")
    for cert in (tmp_path / "missing.pem", garbage, tmp_path):
        options = ServeOptions(port=0, cert=cert)
        with pytest.raises(UsageError, match="certificate"):
            asyncio.run(
                serve(
                    RecordedSession(outputs),
                    options,
                    stopping=asyncio.Event(),
                    on_ready=lambda _ready: pytest.fail("it served"),
                )
            )


_CHILD = """
import asyncio, signal, sys
from pathlib import Path
from tests.server.recorded import RecordedSession
from wasmrun_py.server.http.options import ServeOptions
from wasmrun_py.server.http.serve import serve

async def main():
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stopping.set)
    session = RecordedSession(Path(sys.argv[1]))
    await serve(session, ServeOptions(port=0), stopping=stopping,
        on_ready=lambda ready: print(ready.port, flush=True))
asyncio.run(main())
"""


def test_ctrl_c_with_500_streams_ends_in_about_a_second(outputs: Path) -> None:
    """Every page is told goodbye; nothing is written to the terminal; the exit code is the caller's 0."""
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(outputs)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    port = int(child.stdout.readline())
    token = _page_token(port)
    head = (
        f"POST /_wasmrun/events HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: http://localhost:{port}\r\n"
        f"X-Wasmrun-Token: {token}\r\nContent-Length: 0\r\n\r\n"
    ).encode()
    streams = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(500)]
    for stream in streams:
        stream.sendall(head)
    assert b"event: state" in _read_all(streams[-1], until=b"event: state")
    began = time.monotonic()
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=20)
    took_s = time.monotonic() - began
    received = [_read_all(stream) for stream in streams]
    for stream in streams:
        stream.close()
    assert (child.returncode, out, err) == (0, "", "")
    assert all(b"event: goodbye" in each for each in received)
    assert took_s < 6


def _page_token(port: int) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(
            f"GET /_wasmrun/ HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n".encode()
        )
        page = _read_all(client).decode()
    return page.partition('name="wasmrun-token" content="')[2].partition('"')[0]


def _read_all(client: socket.socket, *, until: bytes = b"\xff\xff") -> bytes:
    received = b""
    try:
        while until not in received and (chunk := client.recv(65536)):
            received += chunk
    except ConnectionError:
        pass
    return received


def test_nothing_is_logged(outputs: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Requests, with their secrets, leave no trace in any log."""
    with caplog.at_level(logging.DEBUG), running(RecordedSession(outputs)) as server:
        server.ask("/_wasmrun/state", headers=server.page_headers)
        server.send_raw(b"garbage\r\n\r\n", timeout_s=1)
        secrets = (server.token, server.ready.control_token)
    assert not any(secret in caplog.text for secret in secrets)
    assert "uvicorn" not in caplog.text


def test_stopping_before_it_is_up(outputs: Path) -> None:
    """A server that was told to end at once does."""

    async def main() -> list[Ready]:
        stopping = asyncio.Event()
        stopping.set()
        ready: list[Ready] = []
        await serve(RecordedSession(outputs), ServeOptions(port=0), stopping=stopping, on_ready=ready.append)
        return ready

    assert len(asyncio.run(main())) == 1
