"""Malformed, slow and many clients: they get an answer of their own, and the server lives on."""

from __future__ import annotations

import http.client
import json
import socket
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.server.recorded import RecordedSession
from tests.server.running import running
from wasmrun_py.server.http import app
from wasmrun_py.server.http.protocol import GuardedProtocol

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server.running import Running

_HOST = "Host: localhost:{port}\r\n"
_MALFORMED = (
    "\0\0\0\0\r\n\r\n",
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "GET\r\n\r\n",
    "GET /app.wasm\r\n\r\n",
    "GET /app.wasm HTTP/9.9\r\n" + _HOST + "\r\n",
    "GET /app wasm HTTP/1.1\r\n" + _HOST + "\r\n",
    "GET /a\tb HTTP/1.1\r\n" + _HOST + "\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "GET / HTTP/1.1\r\n" + _HOST + "X Y: 1\r\n\r\n",
    "GET / HTTP/1.1\r\n" + _HOST + "X : 1\r\n\r\n",
    "GET / HTTP/1.1\r\n" + _HOST + "X: a\0b\r\n\r\n",
    "GET / HTTP/1.1\r\n" + _HOST + "no colon\r\n\r\n",
    "GET / HTTP/1.1\r\n" + _HOST + "X: " + "a" * 200_000 + "\r\n\r\n",
    "GET / HTTP/1.1\r\n" + _HOST + "X: 1\r\n" * 60_000 + "\r\n",
    "GET /" + "a" * 200_000 + " HTTP/1.1\r\n" + _HOST + "\r\n",
    # Framings that two servers may read differently.
    "POST / HTTP/1.1\r\n" + _HOST + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "POST / HTTP/1.1\r\n" + _HOST + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\n" + _HOST + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\n" + _HOST + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\n" + _HOST + "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\n" + _HOST + "Content-Length: -1\r\n\r\n",
    "POST / HTTP/1.1\r\n" + _HOST + "Content-Length: +5\r\n\r\nhello",
    "POST / HTTP/1.1\r\n" + _HOST + "Content-Length: 5, 5, 6\r\n\r\nhello",
    "POST / HTTP/1.1\r\n" + _HOST + "Content-Length: 0x5\r\n\r\nhello",
    "POST / HTTP/1.1\r\n" + _HOST + " Content-Length: 5\r\n\r\nhello",
    "POST / HTTP/1.1\r\n" + _HOST + "Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    "POST / HTTP/1.1\r\n" + _HOST + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffffffffff\r\n",
)


def _lives(server: Running) -> bool:
    return server.ask("/app.wasm").status == 200


def test_malformed_requests_are_answered_with_4xx(server: Running) -> None:
    """Garbage, endless heads, bad chunks, two framings: each gets one 4xx, and the connection is closed."""
    for text in _MALFORMED:
        data = text.replace("{port}", str(server.port)).encode("latin-1")
        reply = server.send_raw(data, timeout_s=1)
        assert reply.startswith((b"HTTP/1.1 4", b"HTTP/1.1 501")), (text[:80], reply[:80])
        # What stood behind the broken request was not taken for a second one.
        assert reply.count(b"HTTP/1.1 ") == 1, text[:80]
        assert _lives(server)
    assert not server.events


def test_a_smuggled_request_is_not_answered(server: Running) -> None:
    """The tail of an ambiguous request is not a request."""
    smuggled = f"GET /app.wasm HTTP/1.1\r\nHost: localhost:{server.port}\r\n\r\n"
    for head in (
        f"Content-Length: {len(smuggled)}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}",
        f"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n{smuggled}",
    ):
        reply = server.send_raw(
            f"POST / HTTP/1.1\r\nHost: localhost:{server.port}\r\n{head}".encode(), timeout_s=1
        )
        assert reply.startswith(b"HTTP/1.1 400")
        assert b"application/wasm" not in reply


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=300))
def test_random_bytes_do_no_harm(server: Running, data: bytes) -> None:
    """Whatever the bytes are, the next client is served."""
    with server.connect() as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
    assert _lives(server)


def test_half_requests_end_at_the_time_limit(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A head that never ends, trickles, or never begins is given up; one that was answered before, too."""
    monkeypatch.setattr(GuardedProtocol, "head_timeout_s", 0.4)
    with running(RecordedSession(outputs)) as server, ExitStack() as stack:
        whole = f"GET /notes.txt HTTP/1.1\r\nHost: localhost:{server.port}\r\n\r\n".encode()
        starts = (b"", b"G", whole[:-2], whole + b"GET /no")
        clients = [stack.enter_context(server.connect()) for _ in starts]
        for client, start in zip(clients, starts, strict=True):
            client.sendall(start)
        trickling = clients[1]
        began = time.monotonic()
        with pytest.raises(OSError):  # noqa: PT011 - which one depends on who closes first
            _trickle(trickling)
        assert time.monotonic() - began < 5
        for client in clients:
            client.settimeout(5)
            try:
                while client.recv(65536):
                    pass
            except ConnectionError:
                pass
        assert _lives(server)


def test_a_long_answer_outlives_the_time_limit_for_heads(
    outputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event stream is no half request."""
    monkeypatch.setattr(GuardedProtocol, "head_timeout_s", 0.2)
    with running(RecordedSession(outputs)) as server:
        stream = _open_stream(server)
        time.sleep(0.6)
        server.in_loop(lambda: server.session.change(generation=9))
        assert b'"generation": 9' in _read_until(stream, b'"generation": 9')
        stream.close()


def _open_stream(server: Running) -> socket.socket:
    client = server.connect()
    head = "".join(f"{name}: {value}\r\n" for name, value in server.page_headers.items())
    start = f"POST /_wasmrun/events HTTP/1.1\r\nHost: localhost:{server.port}\r\n{head}"
    client.sendall(f"{start}Content-Length: 0\r\n\r\n".encode())
    return client


def _trickle(client: socket.socket) -> None:
    for byte in b"ET /" + b"a" * 500:
        client.sendall(bytes([byte]))
        time.sleep(0.05)


def _flood(client: socket.socket) -> None:
    for _ in range(10_000):
        client.sendall(b"2000\r\n" + b"x" * 0x2000 + b"\r\n")


def _read_until(client: socket.socket, wanted: bytes) -> bytes:
    received = b""
    while wanted not in received:
        chunk = client.recv(65536)
        assert chunk, received[-300:]
        received += chunk
    return received


def test_five_hundred_idle_streams_stop_nobody(outputs: Path) -> None:
    """500 pages listen and read nothing: outputs are served, and the server ends in about a second."""
    with running(RecordedSession(outputs)) as server, ExitStack() as stack:
        streams = [stack.enter_context(_open_stream(server)) for _ in range(500)]
        _read_until(streams[-1], b"event: state")
        assert _lives(server)
        for number in range(50):
            server.in_loop(lambda number=number: server.session.change(generation=number))  # type: ignore[misc]
        assert _lives(server)
        assert b'"generation": 49' in _read_until(streams[250], b'"generation": 49')
        began = time.monotonic()
        server.loop.call_soon_threadsafe(server.stopping.set)
        assert b"event: goodbye" in _read_until(streams[0], b"event: goodbye")
        for stream in streams:
            stream.settimeout(5)
            try:
                while stream.recv(65536):
                    pass
            except ConnectionError:
                pass
        assert time.monotonic() - began < 5


def test_streams_beyond_the_cap_are_told_so(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 with a sentence; a stream that ends makes room."""
    monkeypatch.setattr(app, "STREAM_CAP", 3)
    with running(RecordedSession(outputs)) as server:
        streams = [_open_stream(server) for _ in range(3)]
        for stream in streams:
            _read_until(stream, b"event: state")
        refused = server.ask("/_wasmrun/events", method="POST", headers=server.page_headers)
        assert refused.status == 503
        assert "3 pages listen already" in refused.text
        streams.pop().close()
        deadline = time.monotonic() + 5
        again = _open_stream(server)
        while b" 200 OK" not in again.recv(65536):
            # The server hears of the hang-up a moment later.
            again.close()
            assert time.monotonic() < deadline
            again = _open_stream(server)
        for stream in (again, *streams):
            stream.close()


def test_connections_beyond_the_cap_are_told_so(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are answered with 503 at once, and those that are open go on."""
    with running(RecordedSession(outputs)) as server, ExitStack() as stack:
        monkeypatch.setattr(GuardedProtocol, "connection_cap", 5)
        kept = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        stack.callback(kept.close)
        kept.connect()
        for _ in range(4):
            stack.enter_context(server.connect())
        assert server.send_raw(b"", timeout_s=5).startswith(b"HTTP/1.1 503 ")
        kept.request("GET", "/notes.txt", headers={"Host": f"localhost:{server.port}"})
        assert kept.getresponse().read() == b"short"


def test_a_reader_that_stands_still_does_not_hold_the_end_up(outputs: Path) -> None:
    """A client that asks for a large file and never reads is dropped when the server ends."""
    (outputs / "large.data").write_bytes(bytes(40 * 1024 * 1024))
    with running(RecordedSession(outputs)) as server, server.connect() as client:
        request = f"GET /large.data HTTP/1.1\r\nHost: localhost:{server.port}\r\n\r\n"
        client.sendall(request.encode())
        client.recv(100)
        began = time.monotonic()
        server.loop.call_soon_threadsafe(server.stopping.set)
        while True:
            try:
                with socket.create_connection(("127.0.0.1", server.port), timeout=1):
                    time.sleep(0.05)
            except OSError:
                break
        assert time.monotonic() - began < 5


def test_a_stream_that_sends_without_end_is_closed(server: Running) -> None:
    """What a page sends with its question is nothing; whoever sends more is let go."""
    with server.connect() as client:
        head = "".join(f"{name}: {value}\r\n" for name, value in server.page_headers.items())
        client.sendall(
            f"POST /_wasmrun/events HTTP/1.1\r\nHost: localhost:{server.port}\r\n{head}"
            "Transfer-Encoding: chunked\r\n\r\n".encode()
        )
        _read_until(client, b"event: state")
        with pytest.raises(OSError):  # noqa: PT011 - as above
            _flood(client)
    assert _lives(server)


def test_events_tell_what_the_session_says(server: Running) -> None:
    """The first event is the state; then whatever is published, as JSON on one line."""
    with _open_stream(server) as stream:
        received = _read_until(stream, b"\n\n")
        assert b"content-type: text/event-stream; charset=utf-8" in received
        line = next(line for line in received.splitlines() if line.startswith(b"data: "))
        document = json.loads(line.removeprefix(b"data: "))
        assert document == json.loads(json.dumps(server.session.state.to_json()))
        server.in_loop(lambda: server.session.change(generation=7))
        assert b'"generation": 7' in _read_until(stream, b'"generation": 7')
