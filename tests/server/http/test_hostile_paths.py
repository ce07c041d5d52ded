"""Paths that want out: nothing but the listed outputs is ever read."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from wasmrun_py.server.dev_state import ServedFile

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server.running import Running

_UP = (
    *("..", "%2e%2e", "%2E%2E", ".%2e", "%252e%252e", "%25252e%25252e", "%c0%ae%c0%ae", "%e0%80%ae%e0%80%ae"),
    *("...", "....", "%2e%2e%00", "..%00", "..;", "..%3b", "%uff0e%uff0e", "%ef%bc%8e%ef%bc%8e"),
)
_SLASHES = ("/", "//", "%2f", "%2F", "%252f", "\\", "%5c", "%255c", "%c0%af", "%e2%88%95")
_ODD = (
    *("//etc/passwd", "///etc/passwd", "/%2fetc/passwd", "/%2Fetc%2Fpasswd", "/etc/passwd", "/./secret.txt"),
    *("/C:/Windows/win.ini", "/c:%5cWindows%5cwin.ini", "/C%3A/secret.txt", "/file:///etc/passwd", "/~/x"),
    *("/secret.txt%00.wasm", "/app.wasm%00", "/app.wasm%00.txt", "/app.wasm.", "/app.wasm%20", "/app.wasm/"),
    *(
        "/.git/config",
        "/.env",
        "/.wasmrun-outputs.json",
        "/sub/",
        "/sub",
        "/sub/../../secret.txt",
        "/APP.WASM",
    ),
    *(
        "/%",
        "/%zz",
        "/%ff%fe",
        "/app.wasm::$DATA",
        "/app.wasm;x",
        "/CON",
        "/aux.wasm",
        "/_wasmrun/../secret.txt",
    ),
    *("/_wasmrun/assets/../../http/app.py", "/_wasmrun/%2e%2e/http/app.py", "/_wasmrun/app/../pair.js"),
    *("/dist/../secret.txt", "/sub/page.html/../../../secret.txt", "/" + "a/" * 3000, "/" + "a" * 40000),
    *("/proc/self/environ", "/dev/zero", "/link.txt", "/linked/secret.txt", "/fifo", "/?/../secret.txt"),
)


def _paths() -> list[str]:
    climbs = [f"/{up}{slash}secret.txt" for up in _UP for slash in _SLASHES]
    deep = [f"/sub{slash}..{slash}..{slash}secret.txt" for slash in _SLASHES]
    return [*climbs, *deep, *_ODD]


def test_hostile_paths_never_leave_the_outputs(server: Running, outputs: Path) -> None:
    """Far more than 80 spellings of "up", of roots, drives, NUL and hidden files: none gives a file."""
    (outputs / "link.txt").symlink_to(outputs.parent / "secret.txt")
    (outputs / "linked").symlink_to(outputs.parent)
    os.mkfifo(outputs / "fifo")
    (outputs / ".env").write_text("SECRET")
    paths = _paths()
    assert len(paths) > 200
    for path in paths:
        request = f"GET {path} HTTP/1.1\r\nHost: localhost:{server.port}\r\nConnection: close\r\n\r\n"
        reply = server.send_raw(request.encode())
        assert reply[9:12] in {b"404", b"400"} or path.startswith("/?"), (path, reply[:60])
        assert b"SECRET" not in reply
        assert b"root:" not in reply
        assert b"Refused" not in reply
    assert server.ask("/app.wasm").status == 200
    assert not server.events


def test_a_name_is_decoded_once(server: Running) -> None:
    """An output whose name has a space and a percent sign is found by its own URL, and by no other."""
    assert server.ask("/a%20b%25.data").body == b"\x01\x02"
    assert server.ask("/a%2520b%2525.data").status == 404
    assert server.ask("/sub%2fpage.html").status == 200


def _record(server: Running, url: str, path: Path, body: bytes) -> None:
    file = ServedFile(path=path, size_bytes=len(body), sha256=hashlib.sha256(body).hexdigest(), kind="other")
    files = {**server.session.state.files, url: file}
    server.in_loop(lambda: setattr(server.session, "state", replace(server.session.state, files=files)))


def test_an_output_that_became_something_else_is_not_served(server: Running, outputs: Path) -> None:
    """A link, a folder, a pipe, another size or other bytes in its place: 404, even if it was read before."""
    path = outputs / "app.wasm"
    built = path.read_bytes()
    secret = outputs.parent / "big-secret"
    secret.write_bytes(b"S" * len(built))
    assert server.ask("/app.wasm").body == built
    path.unlink()
    assert server.ask("/app.wasm").status == 404
    path.symlink_to(secret)
    assert server.ask("/app.wasm").status == 404
    path.unlink()
    path.mkdir()
    assert server.ask("/app.wasm").status == 404
    path.rmdir()
    os.mkfifo(path)
    assert server.ask("/app.wasm").status == 404
    path.unlink()
    path.write_bytes(built + b"x")
    assert server.ask("/app.wasm").status == 404
    path.write_bytes(built)
    assert server.ask("/app.wasm").body == built


def test_other_bytes_of_the_same_size_are_not_served(server: Running, outputs: Path) -> None:
    """A folder swapped for a link on the way to an output shows in the digest."""
    body = (outputs / "sub" / "page.html").read_bytes()
    elsewhere = outputs.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "other.bin").write_bytes(b"S" * len(body))
    (outputs / "sub" / "other.bin").write_bytes(body)
    _record(server, "/sub/other.bin", outputs / "sub" / "other.bin", body)
    (outputs / "sub").rename(outputs / "was-sub")
    (outputs / "sub").symlink_to(elsewhere)
    assert server.ask("/sub/other.bin").status == 404
