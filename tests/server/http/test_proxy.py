"""--proxy: another server behind ours, streaming both ways; and TLS."""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from tests.conftest import require_tool
from tests.server.recorded import RecordedSession
from tests.server.running import running
from wasmrun_py.model.errors import UsageError
from wasmrun_py.server.http.listening import listen
from wasmrun_py.server.http.options import ServeOptions, parse_proxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.server.running import Running


class _Upstream(BaseHTTPRequestHandler):
    """Says what it was asked, or does what the path says."""

    protocol_version = "HTTP/1.1"
    release = threading.Event()

    def do_GET(self) -> None:
        if "slow" in self.path:
            self._slow()
            return
        if "moved" in self.path:
            self.send_response(302)
            self.send_header("Location", f"http://{self.headers['Host']}/api/there")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        length = int(self.headers.get("Content-Length") or 0)
        seen = {
            "method": self.command,
            "path": self.path,
            "headers": [[name.lower(), value] for name, value in self.headers.items()],
            "body": self._read_body(length),
        }
        body = json.dumps(seen).encode()
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Set-Cookie", "a=1")
        self.send_header("Set-Cookie", "b=2")
        self.send_header("Connection", "X-Private")
        self.send_header("X-Private", "hop")
        self.send_header("Keep-Alive", "timeout=1")
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)

    do_POST = do_PUT = do_HEAD = do_GET  # noqa: N815 - the names that http.server looks for

    def _read_body(self, length: int) -> str:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(length).decode()
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        return body.decode()

    def _slow(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"5\r\nfirst\r\n")
        self.wfile.flush()
        self.release.wait(20)
        self.wfile.write(b"6\r\nsecond\r\n0\r\n\r\n")

    def log_message(self, *_args: object) -> None:
        """Nothing."""


@pytest.fixture
def upstream() -> Iterator[int]:
    """Another server's port."""
    _Upstream.release = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Upstream)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    _Upstream.release.set()
    server.shutdown()
    server.server_close()
    thread.join()


@contextmanager
def _proxying(outputs: Path, *rules: str) -> Iterator[Running]:
    options = ServeOptions(port=0, proxies=tuple(parse_proxy(rule) for rule in rules))
    with running(RecordedSession(outputs), options) as server:
        yield server


def test_requests_are_handed_on(outputs: Path, upstream: int) -> None:
    """Method, path, query, body and headers arrive; what belongs to one connection does not."""
    with _proxying(outputs, f"/api=http://127.0.0.1:{upstream}") as server:
        reply = server.ask(
            "/api/a%20b?x=1&y=%2f",
            method="POST",
            body=b"hello",
            headers={
                "X-Mine": "1",
                "Connection": "X-Hop",
                "X-Hop": "2",
                "TE": "trailers",
                **server.page_headers,
            },
        )
        seen = json.loads(reply.body)
        headers = dict(seen["headers"])
        assert (seen["method"], seen["path"], seen["body"]) == ("POST", "/api/a%20b?x=1&y=%2f", "hello")
        assert headers["x-mine"] == "1"
        assert headers["host"] == f"127.0.0.1:{upstream}"
        assert headers["origin"] == f"http://127.0.0.1:{upstream}"
        assert headers["x-forwarded-host"] == f"localhost:{server.port}"
        assert not {"x-hop", "te", "x-wasmrun-token"} & set(headers)
        assert reply.status == 201
        assert "x-private" not in reply.headers
        assert "keep-alive" not in reply.headers
        assert server.token not in reply.text
        chunked = server.ask("/api", method="PUT", body=iter([b"one", b"two"]))
        assert json.loads(chunked.body)["body"] == "onetwo"
        head = server.ask("/api", method="HEAD")
        assert (head.status, head.body) == (201, b"")
        assert server.ask("/app.wasm").headers["content-type"] == "application/wasm"
        assert server.ask("/apix").status == 404


def test_a_path_of_the_rule_takes_the_prefixs_place(outputs: Path, upstream: int) -> None:
    """And the longest prefix wins."""
    url = f"http://127.0.0.1:{upstream}"
    with _proxying(outputs, f"/api={url}", f"/api/v2={url}/new/") as server:
        assert json.loads(server.ask("/api/v2/x?q").body)["path"] == "/new/x?q"
        assert json.loads(server.ask("/api/v2").body)["path"] == "/new"
        assert json.loads(server.ask("/api/v3").body)["path"] == "/api/v3"
        assert server.ask("/api/moved").headers["location"] == "/api/there"


def test_an_answer_is_streamed(outputs: Path, upstream: int) -> None:
    """The first part arrives while the second is not written yet."""
    with _proxying(outputs, f"/api=http://127.0.0.1:{upstream}") as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request("GET", "/api/slow", headers={"Host": f"localhost:{server.port}"})
        response = connection.getresponse()
        assert response.read(5) == b"first"
        _Upstream.release.set()
        assert response.read() == b"second"
        connection.close()


def test_a_server_that_does_not_answer_is_502(outputs: Path) -> None:
    """With the rule and what to do; the server lives on."""
    listeners = listen(ServeOptions(port=0))
    port = listeners[0].getsockname()[1]
    for each in listeners:
        each.close()
    with _proxying(outputs, f"/api=http://127.0.0.1:{port}") as server:
        reply = server.ask("/api/x")
        assert reply.status == 502
        assert "--proxy" in reply.text
        assert f"http://127.0.0.1:{port} does not answer" in reply.text
        assert server.ask("/app.wasm").status == 200


def test_other_sites_do_not_reach_what_is_behind(outputs: Path, upstream: int) -> None:
    """A foreign Origin, a foreign Host, or a path that climbs: refused before it is handed on."""
    with _proxying(outputs, f"/api=http://127.0.0.1:{upstream}") as server:
        for headers in (
            {"Origin": "http://evil.example"},
            {"Origin": "null"},
            {"Host": f"evil:{server.port}"},
        ):
            assert server.ask("/api/x", method="POST", headers=headers, body=b"").status == 403
        for path in ("/api/../admin", "/api/%2e%2e/admin", "/%61pi/x", "/api/..%5cx", "/api/./x"):
            assert server.ask(path).status == 400, path


def test_a_slow_answer_does_not_hold_the_end_up(outputs: Path, upstream: int) -> None:
    """The server ends although the other one has more to say."""
    with _proxying(outputs, f"/api=http://127.0.0.1:{upstream}") as server, server.connect() as client:
        client.sendall(f"GET /api/slow HTTP/1.1\r\nHost: localhost:{server.port}\r\n\r\n".encode())
        received = b""
        while b"first" not in received:
            received += client.recv(1000)
        began = time.monotonic()
        server.loop.call_soon_threadsafe(server.stopping.set)
        try:
            while client.recv(1000):
                pass
        except ConnectionError:
            pass
        assert time.monotonic() - began < 5


def _make_certificate(folder: Path) -> tuple[Path, Path]:
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            *(require_tool("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *(
                "-subj",
                "/CN=localhost",
                "-addext",
                "subjectAltName=DNS:localhost",
                "-keyout",
                key,
                "-out",
                cert,
            ),
        ],
        check=True,
        capture_output=True,
    )
    return cert, key


def test_tls(outputs: Path, tmp_path: Path) -> None:
    """With --cert and --key everything is https: the address, the Origin, the files."""
    cert, key = _make_certificate(tmp_path)
    session = RecordedSession(outputs)
    context = ssl.create_default_context(cafile=str(cert))
    options = ServeOptions(port=0, cert=cert, key=key)
    with running(session, options, context=context) as server:
        assert server.ready.url == f"https://localhost:{server.port}/"
        assert server.ask("/app.wasm").body == (outputs / "app.wasm").read_bytes()
        headers = {**server.page_headers, "Origin": f"https://localhost:{server.port}"}
        assert server.ask("/_wasmrun/rebuild", method="POST", headers=headers).status == 202
        assert server.ask("/_wasmrun/rebuild", method="POST", headers=server.page_headers).status == 403
        assert b"HTTP/1.1 200" not in server.send_raw(b"GET / HTTP/1.1\r\n\r\n", timeout_s=2)
        assert server.ask("/app.wasm").status == 200
    other = _make_other_key(tmp_path)
    with (
        pytest.raises(UsageError, match="certificate"),
        running(session, ServeOptions(port=0, cert=cert, key=other), context=context),
    ):
        pass


def _make_other_key(folder: Path) -> Path:
    (folder / "other").mkdir()
    return _make_certificate(folder / "other")[1]
