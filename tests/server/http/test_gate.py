"""Who is let in: Host, Origin, tokens, and targets that are no path; over raw sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.server.recorded import RecordedSession
from tests.server.running import running
from wasmrun_py.server.http.options import ServeOptions

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server.running import Running

_FOREIGN_HOSTS = (
    *("evil.example", "evil.example:{port}", "localhost.evil", "localhost.evil:{port}", "localhost"),
    *("localhost:1", "127.0.0.1:1", "127.0.0.1", "127.0.0.2:{port}", "0.0.0.0:{port}", "[::2]:{port}"),
    *("localhost.:{port}", "evil@localhost:{port}", "localhost:{port}.evil", "localhost:{port}:1"),
    *("localhost,evil:{port}", "2130706433:{port}", "0x7f.1:{port}", "127.1:{port}", ".localhost:{port}"),
    *("-.localhost:{port}", "", " ", "localhost:0{port}0", "localhost:99999", "[::1:{port}", "::1:{port}"),
    *("null", "localhost:{port}/", "localhost:{port}#", "xlocalhost:{port}", "evil..localhost:{port}"),
)
_OWN_HOSTS = (
    "localhost:{port}",
    "LOCALHOST:{port}",
    "127.0.0.1:{port}",
    "[::1]:{port}",
    "app.localhost:{port}",
)
_FOREIGN_ORIGINS = (
    *("http://evil.example", "null", "http://localhost", "http://localhost:1", "https://localhost:{port}"),
    *("http://127.0.0.1:{port}", "http://localhost:{port}.evil", "http://localhost.evil:{port}", "file://"),
    *("http://localhost:{port}/", "http://evil@localhost:{port}", "", "chrome-extension://abcdef"),
)
_POSTS = ("events", "rebuild", "stop")


def _status(reply: bytes) -> int:
    assert reply.startswith(b"HTTP/1.1 "), reply[:200]
    return int(reply[9:12])


def _request(
    server: Running, target: str, *lines: str, method: str = "GET", host: str = "localhost:{port}"
) -> int:
    head = [f"{method} {target} HTTP/1.1", f"Host: {host}", "Connection: close", *lines, "", ""]
    return _status(server.send_raw("\r\n".join(head).format(port=server.port).encode("latin-1")))


def test_a_foreign_host_is_refused(server: Running) -> None:
    """Whatever name leads here, only our own are answered: also for outputs, and for wasmrun's page."""
    for target in ("/app.wasm", "/", "/_wasmrun/", "/_wasmrun/state"):
        for host in _FOREIGN_HOSTS:
            assert _request(server, target, host=host) in {400, 403}, (target, host)


def test_our_own_hosts_are_answered(server: Running) -> None:
    """The loopback names in any case, with our port, and every name below localhost."""
    for host in _OWN_HOSTS:
        assert _request(server, "/app.wasm", host=host) == 200, host


def test_a_missing_or_doubled_host_is_refused(server: Running) -> None:
    """HTTP/1.1 wants one Host; HTTP/1.0 without one cannot be told from a rebinding."""
    port = server.port
    assert _status(server.send_raw(b"GET /app.wasm HTTP/1.1\r\n\r\n")) == 400
    assert _status(server.send_raw(b"GET /app.wasm HTTP/1.0\r\n\r\n")) == 403
    doubled = f"GET /app.wasm HTTP/1.1\r\nHost: localhost:{port}\r\nHost: evil\r\n\r\n"
    assert _status(server.send_raw(doubled.encode())) == 400


def test_a_target_that_is_no_path_is_refused(server: Running) -> None:
    """The absolute form names another server, whatever the Host says."""
    for target in (
        "http://evil.example/app.wasm",
        "http://localhost:{port}/app.wasm",
        "*",
        "evil:443",
        "app.wasm",
    ):
        assert _request(server, target) == 400, target


def test_a_foreign_origin_is_refused(server: Running) -> None:
    """For every route, also those that a page of another site could read the answer of by CORS."""
    for origin in _FOREIGN_ORIGINS:
        assert _request(server, "/app.wasm", f"Origin: {origin}") == 403, origin
        token = f"X-Wasmrun-Token: {server.token}"
        assert _request(server, "/_wasmrun/state", f"Origin: {origin}", token) == 403, origin
        for route in _POSTS:
            secret = server.ready.control_token if route == "stop" else server.token
            lines = (f"Origin: {origin}", f"X-Wasmrun-Token: {secret}", "Content-Length: 0")
            assert _request(server, f"/_wasmrun/{route}", *lines, method="POST") == 403, (route, origin)
    assert server.session.rebuilds == 0
    assert not server.stopping.is_set()


def test_a_post_wants_an_origin_and_one_token(server: Running) -> None:
    """Without an Origin, without the token, with a wrong one, or with two of either, nothing happens."""
    own, token = f"Origin: {server.origin}", f"X-Wasmrun-Token: {server.token}"
    control = f"X-Wasmrun-Token: {server.ready.control_token}"
    for route in ("events", "rebuild"):
        for lines in (
            (),
            (own,),
            (token,),
            (own, "X-Wasmrun-Token: x"),
            (own, "X-Wasmrun-Token:"),
            (own, control),
        ):
            assert (
                _request(server, f"/_wasmrun/{route}", *lines, "Content-Length: 0", method="POST") == 403
            ), lines
        for doubled in ((own, own, token), (own, token, token), (own, "Origin: http://evil", token)):
            status = _request(server, f"/_wasmrun/{route}", *doubled, "Content-Length: 0", method="POST")
            assert status in {400, 403}, doubled
    assert server.session.rebuilds == 0
    assert _request(server, "/_wasmrun/rebuild", own, token, "Content-Length: 0", method="POST") == 202
    assert server.session.rebuilds == 1


def test_the_page_token_does_not_stop_the_server(server: Running) -> None:
    """Only the token of the state file does: a page that runs a stranger's program holds the other one."""
    own = f"Origin: {server.origin}"
    stop = ("/_wasmrun/stop", own, "Content-Length: 0")
    assert _request(server, *stop, f"X-Wasmrun-Token: {server.token}", method="POST") == 403
    assert not server.stopping.is_set()
    assert _request(server, *stop, f"X-Wasmrun-Token: {server.ready.control_token}", method="POST") == 202
    assert server.stopping.is_set()


def test_the_control_token_is_nowhere_in_a_page(page_server: Running) -> None:
    """No page and no answer to one has it."""
    control = page_server.ready.control_token
    for path in ("/", "/_wasmrun/", "/_wasmrun/app/", "/sub/page.html"):
        assert control not in page_server.ask(path).text
    state = page_server.ask("/_wasmrun/state", headers=page_server.page_headers)
    assert control not in state.text
    assert control not in repr(page_server.ready)


def test_reading_wants_the_token(server: Running) -> None:
    """The state, a log and the module are for our pages; ``wasmrun status`` may read the state too."""
    for path in ("state", "log/1", "module"):
        assert server.ask(f"/_wasmrun/{path}").status == 403
        assert server.ask(f"/_wasmrun/{path}", headers={"X-Wasmrun-Token": "é"}).status == 403
    control = {"X-Wasmrun-Token": server.ready.control_token}
    assert server.ask("/_wasmrun/state", headers=control).status == 200
    assert server.ask("/_wasmrun/log/1", headers=control).status == 403
    assert server.ask("/_wasmrun/log/1", headers=server.page_headers).text == (
        '{"build": 1, "lines": ["one line", "another"]}'
    )
    for number in ("2", "-1", "1.0", "²", "9" * 5000, "", "1/", "0x1"):
        path = f"/_wasmrun/log/{number}".replace("²", "%C2%B2")
        assert server.ask(path, headers=server.page_headers).status == 404


def test_other_methods_are_refused(server: Running) -> None:
    """Outputs are read; our own addresses are used as the contract says."""
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "FOO"):
        assert _request(server, "/app.wasm", "Content-Length: 0", method=method) == 405, method
    for route in _POSTS:
        assert _request(server, f"/_wasmrun/{route}") == 404
    assert _request(server, "/_wasmrun/state", "Content-Length: 0", method="POST") == 405


def test_a_host_that_was_given_is_answered(outputs: Path) -> None:
    """--host 127.0.0.1 is that address alone, and its names."""
    with running(RecordedSession(outputs), ServeOptions(host="127.0.0.1", port=0)) as server:
        assert _request(server, "/app.wasm", host="127.0.0.1:{port}") == 200
        assert server.ready.url == f"http://127.0.0.1:{server.port}/"
        assert _request(server, "/app.wasm", host="192.168.255.254:{port}") == 403
