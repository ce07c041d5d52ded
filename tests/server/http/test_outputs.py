"""How outputs are sent: types, tags, ranges, packed forms, isolation, CORS, further headers."""

from __future__ import annotations

import gzip
import hashlib
import resource
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import brotli
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.server.http.conftest import PAGE
from tests.server.recorded import RecordedSession, list_files
from tests.server.running import running
from wasmrun_py.server.dev_state import Program, ProgramKind
from wasmrun_py.server.http.contents import ByteCache
from wasmrun_py.server.http.media_types import media_type
from wasmrun_py.server.http.options import ServeOptions, parse_header
from wasmrun_py.server.http.packing import choose_coding
from wasmrun_py.server.http.ranges import UnsatisfiableRangeError, parse_range

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server.running import Running

_TYPES = {
    "/app.wasm": "application/wasm",
    "/APP.WASM": "application/wasm",
    "/a/app.js": "text/javascript; charset=utf-8",
    "/app.mjs": "text/javascript; charset=utf-8",
    "/style.css": "text/css; charset=utf-8",
    "/app.wasm.map": "application/json",
    "/x.json": "application/json",
    "/index.html": "text/html; charset=utf-8",
    "/app.data": "application/octet-stream",
    "/app": "application/octet-stream",
    "/a.b/app": "application/octet-stream",
    "/.html": "text/html; charset=utf-8",
    "/x.svg": "image/svg+xml",
}


@pytest.mark.parametrize(("path", "expected"), _TYPES.items())
def test_a_name_has_its_type(path: str, expected: str) -> None:
    """By the end of the name, whatever the machine's own table says."""
    assert media_type(path) == expected


def test_an_output_is_sent_as_it_is(server: Running, outputs: Path) -> None:
    """Its bytes, its type, its digest as the tag; asked about anew each time, and read by nobody else."""
    content = (outputs / "app.wasm").read_bytes()
    reply = server.ask("/app.wasm")
    assert reply.body == content
    assert reply.headers["content-type"] == "application/wasm"
    assert reply.headers["etag"] == f'"{hashlib.sha256(content).hexdigest()}"'
    assert reply.headers["cache-control"] == "no-cache"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["cross-origin-resource-policy"] == "same-origin"
    assert reply.headers["content-security-policy"] == "frame-ancestors 'self'"
    assert "server" not in reply.headers
    assert "access-control-allow-origin" not in reply.headers
    assert "cross-origin-embedder-policy" not in reply.headers


def test_head_has_the_headers_and_no_body(server: Running) -> None:
    """The same headers as GET, for outputs and for our own pages."""
    for path in ("/app.wasm", "/", "/_wasmrun/", "/missing"):
        got, head = server.ask(path), server.ask(path, method="HEAD")
        assert head.body == b""
        assert {**head.headers, "date": ""} == {**got.headers, "date": ""}
        assert head.status == got.status


def test_what_is_known_is_not_sent_again(server: Running) -> None:
    """If-None-Match in all its forms; 304 has no body and the same tag."""
    tag = server.ask("/app.wasm").headers["etag"]
    for known in (tag, f"W/{tag}", f'"x", {tag}', "*", tag.replace('"', "", 1).join(['"', ""])):
        reply = server.ask("/app.wasm", headers={"If-None-Match": known})
        assert (reply.status, reply.body, reply.headers["etag"]) == (304, b"", tag), known
    for other in ('"x"', tag.strip('"'), "", tag[:-2] + '"'):
        assert server.ask("/app.wasm", headers={"If-None-Match": other}).status == 200, other
    packed = server.ask("/app.js", headers={"Accept-Encoding": "gzip"}).headers["etag"]
    assert server.ask("/app.js", headers={"If-None-Match": packed}).status == 304


def test_a_rebuilt_output_is_sent_anew(server: Running, outputs: Path) -> None:
    """The tag of the build before does not match any more."""
    tag = server.ask("/app.wasm").headers["etag"]
    (outputs / "app.wasm").write_bytes(b"\0asm\x01\0\0\0new")
    again = RecordedSession(outputs).state.files
    server.in_loop(lambda: server.session.change(files=again, generation=2))
    reply = server.ask("/app.wasm", headers={"If-None-Match": tag})
    assert (reply.status, reply.body) == (200, b"\0asm\x01\0\0\0new")


_RANGES = {
    "bytes=0-9": (206, 0, 10),
    "bytes=10-10": (206, 10, 11),
    "bytes=10000-": (206, 10000, 10248),
    "bytes=-8": (206, 10240, 10248),
    "bytes=-99999": (206, 0, 10248),
    "bytes=5-99999": (206, 5, 10248),
    "BYTES=0-0": (206, 0, 1),
    "bytes=0-1,5-6": (200, 0, 10248),
    "bytes=9-5": (200, 0, 10248),
    "bytes=": (200, 0, 10248),
    "bytes=-": (200, 0, 10248),
    "bytes=a-b": (200, 0, 10248),
    "bytes=--5": (200, 0, 10248),
    "lines=0-9": (200, 0, 10248),
    "bytes=10248-": (416, 0, 0),
    "bytes=99999-100000": (416, 0, 0),
    "bytes=-0": (416, 0, 0),
}


def test_ranges(server: Running, outputs: Path) -> None:
    """One range of any form is sent; senseless ones are ignored; what lies outside is 416 with the size."""
    content = (outputs / "app.wasm").read_bytes()
    assert len(content) == 10248
    for wanted, (status, start, stop) in _RANGES.items():
        reply = server.ask("/app.wasm", headers={"Range": wanted, "Accept-Encoding": "gzip, br"})
        assert reply.status == status, wanted
        if status == 206:
            assert reply.body == content[start:stop], wanted
            assert reply.headers["content-range"] == f"bytes {start}-{stop - 1}/10248"
            assert "content-encoding" not in reply.headers
        elif status == 416:
            assert reply.headers["content-range"] == "bytes */10248"
    tag = server.ask("/app.wasm").headers["etag"]
    for condition, status in ((tag, 206), ('"old"', 200), (f"W/{tag}", 200)):
        headers = {"Range": "bytes=0-9", "If-Range": condition}
        assert server.ask("/app.wasm", headers=headers).status == status


@given(
    header=st.text(max_size=30) | st.from_regex(r"bytes=[0-9]{0,4}-[0-9]{0,4}", fullmatch=True),
    size=st.integers(0, 5000),
)
def test_a_range_lies_inside(header: str, size: int) -> None:
    """Whatever is asked for, what is given is a part of the body, or a refusal."""
    try:
        found = parse_range(header, size)
    except UnsatisfiableRangeError:
        return
    assert found is None or 0 <= found.start < found.stop <= size


def test_packed_forms(server: Running, outputs: Path) -> None:
    """The form that is asked for, with its own tag; small, packed and unlisted ones are sent as they are."""
    content = (outputs / "app.js").read_bytes()
    plain = server.ask("/app.js")
    assert plain.headers["vary"] == "Accept-Encoding"
    assert "content-encoding" not in plain.headers
    packed = server.ask("/app.js", headers={"Accept-Encoding": "gzip, deflate, br"})
    assert packed.headers["content-encoding"] == "br"
    assert brotli.decompress(packed.body) == content
    zipped = server.ask("/app.js", headers={"Accept-Encoding": "gzip"})
    assert zipped.headers["content-encoding"] == "gzip"
    assert gzip.decompress(zipped.body) == content
    assert len({plain.headers["etag"], packed.headers["etag"], zipped.headers["etag"]}) == 3
    for accepted in ("identity", "gzip;q=0", "br;q=0, gzip;q=0.0", "zstd", "gzip;q=x", ""):
        assert "content-encoding" not in server.ask("/app.js", headers={"Accept-Encoding": accepted}).headers
    assert "vary" not in server.ask("/notes.txt", headers={"Accept-Encoding": "gzip"}).headers


@given(st.text(max_size=40))
def test_any_accept_encoding_is_understood_or_ignored(header: str) -> None:
    """Nonsense asks for nothing that we do not have."""
    assert choose_coding(header) in {None, "br", "gzip"}


def test_a_weight_chooses_the_form() -> None:
    """The heavier one wins, and a star stands for both."""
    assert choose_coding("gzip;q=1, br;q=0.5") == "gzip"
    assert choose_coding("*") == "br"
    assert choose_coding("*, br;q=0") == "gzip"


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 60)), max_size=30))
def test_what_is_kept_is_bounded(puts: list[tuple[str, int]]) -> None:
    """The cache never holds more than its cap, and what it gives is what was put last."""
    cache = ByteCache(cap_bytes=100)
    last: dict[str, bytes] = {}
    for name, size in puts:
        last[name] = bytes([size]) * size
        cache.put(name, last[name])
        assert cache.size_bytes <= 100
        assert cache.find(name) == last[name]
    assert all(cache.find(name) in {None, body} for name, body in last.items())


def test_isolation_when_the_program_needs_it(outputs: Path) -> None:
    """COOP and COEP on outputs and on our own pages, from the state as it is now, or when asked for."""
    program = Program(kind=ProgramKind.WASI, module="/app.wasm", needs_isolation=True)
    with running(RecordedSession(outputs, program=program)) as server:
        for path in ("/app.wasm", "/", "/_wasmrun/", "/_wasmrun/app/", "/app.js"):
            headers = server.ask(path).headers
            assert headers["cross-origin-opener-policy"] == "same-origin", path
            assert headers["cross-origin-embedder-policy"] == "require-corp", path
        server.in_loop(lambda: server.session.change(program=None))
        assert "cross-origin-opener-policy" not in server.ask("/app.wasm").headers
    with running(RecordedSession(outputs), ServeOptions(port=0, isolation=True)) as server:
        assert server.ask("/app.wasm").headers["cross-origin-opener-policy"] == "same-origin"


def test_cors_opens_the_outputs_only(outputs: Path) -> None:
    """--cors lets every site read outputs, after a preflight too; our own addresses stay closed."""
    foreign = {"Origin": "http://evil.example"}
    with running(RecordedSession(outputs, program=PAGE), ServeOptions(port=0, cors=True)) as server:
        reply = server.ask("/app.wasm", headers=foreign)
        assert reply.status == 200
        assert reply.headers["access-control-allow-origin"] == "*"
        assert reply.headers["cross-origin-resource-policy"] == "cross-origin"
        preflight = {**foreign, "Access-Control-Request-Method": "GET"}
        assert server.ask("/app.wasm", method="OPTIONS", headers=preflight).status == 204
        assert server.ask("/app.wasm", method="POST", headers=foreign).status == 405
        for path in ("/_wasmrun/", "/_wasmrun/state", "/_wasmrun/app/", "/_wasmrun/client.js"):
            closed = server.ask(path, headers={**foreign, "X-Wasmrun-Token": server.token})
            assert closed.status == 403, path
            assert "access-control-allow-origin" not in closed.headers
        assert server.ask("/_wasmrun/state", method="OPTIONS", headers=preflight).status == 405
        # Where the page at / is wasmrun's own, it is no output.
    with running(RecordedSession(outputs), ServeOptions(port=0, cors=True)) as server:
        assert server.ask("/", headers=foreign).status == 403
        # An HTML output may be read, and the token that our own visitors find in it may not.
        assert server.token in server.ask("/sub/page.html").text
        assert server.ask("/sub/page.html", headers=foreign).text == "<p>sub"
        assert "access-control-allow-origin" not in server.ask("/").headers


def test_further_headers(outputs: Path) -> None:
    """--header adds to outputs and takes the place of ours, but cannot open the frame; not on our pages."""
    lines = (
        "X-Mine: 1",
        "x-mine: 2",
        "Cache-Control: max-age=5",
        "Content-Security-Policy: frame-ancestors *",
    )
    options = ServeOptions(port=0, headers=tuple(parse_header(line) for line in lines))
    with running(RecordedSession(outputs), options) as server:
        raw = server.send_raw(
            f"GET /app.wasm HTTP/1.1\r\nHost: localhost:{server.port}\r\nConnection: close\r\n\r\n".encode()
        ).partition(b"\r\n\r\n")[0]
        assert b"x-mine: 1\r\nx-mine: 2" in raw
        assert raw.count(b"cache-control") == 1
        assert b"cache-control: max-age=5" in raw
        assert b"content-security-policy: frame-ancestors 'self'" in raw
        assert b"content-security-policy: frame-ancestors *" in raw
        assert "x-mine" not in server.ask("/_wasmrun/").headers


def test_a_large_output_is_streamed(outputs: Path) -> None:
    """210 MB pass through without being held: the process grows by a fraction of that."""
    size = 210 * 1024 * 1024
    with (outputs / "big.wasm").open("wb") as stream:
        stream.write(b"\0asm\x01\0\0\0")
        stream.truncate(size)
    session = RecordedSession(outputs)
    with running(session) as server:
        server.ask("/notes.txt")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        script = (
            "import hashlib, urllib.request\n"
            f"reply = urllib.request.urlopen('http://localhost:{server.port}/big.wasm')\n"
            "print(hashlib.file_digest(reply, 'sha256').hexdigest())\n"
        )
        read = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert read.stdout.strip() == session.state.files["/big.wasm"].sha256
        part = server.ask("/big.wasm", headers={"Range": f"bytes={size - 4}-"})
        assert (part.status, part.body) == (206, bytes(4))
        head = server.ask("/big.wasm", method="HEAD")
        assert head.headers["content-length"] == str(size)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
        assert grown < size / 4


def test_a_large_output_is_read_no_further_than_it_is_taken(outputs: Path) -> None:
    """Whoever hangs up in the middle costs no more reading, and the file is closed."""
    path = outputs / "big.wasm"
    with path.open("wb") as stream:
        stream.truncate(64 * 1024 * 1024)
    with running(RecordedSession(outputs)) as server:
        with server.connect() as client:
            client.sendall(f"GET /big.wasm HTTP/1.1\r\nHost: localhost:{server.port}\r\n\r\n".encode())
            client.recv(1000)
            assert _is_open(path)
        deadline = time.monotonic() + 5
        while _is_open(path):
            assert time.monotonic() < deadline
            time.sleep(0.01)


def _is_open(path: Path) -> bool:
    return str(path) in {each.path for each in psutil.Process().open_files()}


def test_an_empty_output(server: Running, outputs: Path) -> None:
    """Nothing is sent as nothing, and has no range."""
    (outputs / "empty.data").write_bytes(b"")
    files = RecordedSession(outputs).state.files
    server.in_loop(lambda: server.session.change(files=files))
    assert server.ask("/empty.data").body == b""
    assert server.ask("/empty.data", headers={"Range": "bytes=0-"}).status == 416


def test_the_icon_that_every_browser_asks_for_is_no_error(server: Running, outputs: Path) -> None:
    """Without one the answer is empty; one among the outputs is sent as any output."""
    reply = server.ask("/favicon.ico")
    assert (reply.status, reply.body) == (204, b"")
    (outputs / "favicon.ico").write_bytes(b"icon")
    server.session.change(files=list_files(outputs))
    reply = server.ask("/favicon.ico")
    assert (reply.status, reply.body) == (200, b"icon")
