"""A remote cache that lies, hangs, redirects or talks nonsense: a miss, one warning, no more questions."""

from __future__ import annotations

import gzip
import json
import socket
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.build.cache.hostile_server import HostileServer, Request, Wire, hostile_server
from tests.build.cache.remote_material import (
    DEPENDENCIES,
    DETAILS,
    FINGERPRINT_KEY,
    RESULT_KEY,
    SCRIPT,
    WASM,
    make_file,
    make_result,
    send,
    sha256,
)
from tests.build.cache.remote_servers import free_port
from wasmrun_py.build.cache.record import CachedFile, CachedResult, parse_sets, write_result, write_sets
from wasmrun_py.build.cache.remote.action_result import ActionResult, OutputFile, write_action_result
from wasmrun_py.build.cache.remote.entry import parse_entry, remote_key, write_entry
from wasmrun_py.build.fingerprint.dependencies import Dependencies
from wasmrun_py.model.events import SilentReporter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.build.cache.remote_material import Asker

    Misdeed = Callable[[Request, Wire], None]

BLOB = f"/cas/{sha256(WASM)}"
ACTION = f"/ac/{remote_key(RESULT_KEY)}"
HTML = b"<!doctype html><html><body>Please log in</body></html>"
# Far more than any of these takes, far less than a server that is waited for.
PATIENCE_S = 15.0


@pytest.fixture
def server(tmp_path: Path, ask: Asker) -> Iterator[HostileServer]:
    """A server with a build in it, honest so far."""
    with hostile_server() as running:
        assert send(ask(running.address, writes=True), tmp_path / "made")
        running.requests.clear()
        yield running


def plain(*parts: bytes) -> Misdeed:
    """Send bytes as they are, then close."""
    return lambda _request, wire: wire.send(b"".join(parts))


def answer(status: str, body: bytes = b"", *headers: str) -> Misdeed:
    """Send a proper answer."""
    return lambda _request, wire: wire.answer(status, body, *headers)


def hang_after(data: bytes) -> Misdeed:
    """Send bytes, then nothing more."""

    def misdeed(_request: Request, wire: Wire) -> None:
        wire.send(data)
        wire.hang()

    return misdeed


def drip_after(data: bytes, dripped: bytes) -> Misdeed:
    """Send bytes, then others one by one, each in time."""

    def misdeed(_request: Request, wire: Wire) -> None:
        wire.send(data)
        wire.drip(dripped)

    return misdeed


def endless(head: bytes, piece: bytes) -> Misdeed:
    """Send a beginning, then the same for as long as somebody listens."""

    def misdeed(_request: Request, wire: Wire) -> None:
        wire.send(head)
        for _ in range(100_000):
            wire.send(piece)

    return misdeed


OK = b"HTTP/1.1 200 OK\r\n"
LENGTH = b"Content-Length: %d\r\n\r\n" % len(WASM)

# What it does -> a part of what the user is told.
FAULTS: dict[str, tuple[Misdeed, str]] = {
    "other bytes of the same length": (answer("200 OK", b"\0asm\1\0\0\1"), "sent other bytes than those"),
    "fewer bytes": (answer("200 OK", WASM[:4]), "has 4 bytes where 8 belong"),
    "more bytes": (answer("200 OK", WASM * 3), "has 24 bytes where 8 belong"),
    "no bytes": (answer("200 OK"), "has 0 bytes where 8 belong"),
    "breaks off in the body": (plain(OK, LENGTH, WASM[:4]), "does not speak HTTP properly"),
    "fewer bytes, no length": (plain(OK, b"\r\n", WASM[:4]), "sent 4 bytes where 8 belong"),
    "endless body": (endless(OK + b"\r\n", b"x" * 65536), "sent more than the 8 bytes"),
    "endless chunks": (
        endless(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"x" * 65536 + b"\r\n"),
        "sent more than the 8 bytes",
    ),
    "broken chunks": (plain(OK, b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"), "does not speak HTTP properly"),
    "a length that is no number": (
        plain(OK, b"Content-Length: many\r\n\r\n"),
        "does not speak HTTP properly",
    ),
    "a negative length": (plain(OK, b"Content-Length: -8\r\n\r\n"), "does not speak HTTP properly"),
    "two lengths": (plain(OK, b"Content-Length: 8\r\nContent-Length: 9\r\n\r\n"), "does not speak HTTP"),
    "packed bytes": (
        answer("200 OK", gzip.compress(b"\0" * 10_000_000), "Content-Encoding: gzip"),
        "sent a packed answer",
    ),
    "a part": (answer("206 Partial Content", WASM[:4]), "answered 206"),
    "no content": (plain(b"HTTP/1.1 204 No Content\r\n\r\n"), "answered 204"),
    "hangs at once": (hang_after(b""), "is too slow"),
    "hangs in the headers": (hang_after(OK), "is too slow"),
    "hangs in the body": (hang_after(OK + LENGTH + WASM[:4]), "is too slow"),
    "drips headers": (drip_after(b"", OK + b"X: " + b"y" * 5000), "is too slow"),
    "drips the body": (drip_after(OK + b"\r\n", b"x" * 5000), "is too slow"),
    "endless headers": (endless(OK, b"X-Y: " + b"z" * 1000 + b"\r\n"), "does not speak HTTP properly"),
    "endless preliminary answers": (endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100), "is too slow"),
    "redirects to another host": (
        answer("302 Found", b"", "Location: http://169.254.169.254/latest/meta-data"),
        "redirects to 169.254.169.254, which is not followed",
    ),
    "redirects to itself": (answer("307 Temporary Redirect", b"", "Location: /"), "redirects to 127.0.0.1"),
    "redirects to a file": (
        answer("301 Moved Permanently", b"", "Location: file:///etc/passwd"),
        "redirects",
    ),
    "redirects nowhere": (answer("302 Found", b"", "Location: http://[::1/"), ""),
    "400": (answer("400 Bad Request"), "answered 400 Bad Request"),
    "401": (answer("401 Unauthorized"), "answered 401 Unauthorized"),
    "403": (answer("403 Forbidden"), "WASMRUN_REMOTE_CACHE_TOKEN"),
    "407": (answer("407 Proxy Authentication Required"), "HTTP_PROXY"),
    "418": (answer("418 I'm a Teapot"), "answered 418"),
    "429": (answer("429 Too Many Requests"), "answered 429"),
    "500": (answer("500 Internal Server Error", b"\x1b]0;owned\x07"), "answered 500 Internal Server Error"),
    "503": (answer("503 Service Unavailable", b"", "Retry-After: 3600"), "answered 503"),
    "599": (answer("599 Whatever"), "answered 599"),
    "HTML": (answer("200 OK", HTML, "Content-Type: text/html; charset=utf-8"), "an HTML page"),
    "no HTTP": (plain(b"SSH-2.0-OpenSSH_9.2\r\n"), "does not speak HTTP properly"),
    "HTTP/0.9": (plain(b"hello"), "does not speak HTTP properly"),
    "a status that is none": (plain(b"HTTP/1.1 abc Hm\r\n\r\n"), "does not speak HTTP properly"),
    "closes at once": (plain(), "does not speak HTTP properly"),
    "breaks off with a reset": (lambda _request, wire: wire.reset(), "broke off"),
}


def on(path: str, misdeed: Misdeed) -> Callable[[Request, Wire], bool]:
    """Do it for one path, and be honest about all others."""

    def choose(request: Request, wire: Wire) -> bool:
        if request.path != path or request.method != "GET":
            return False
        misdeed(request, wire)
        return True

    return choose


@pytest.mark.parametrize("path", [BLOB, ACTION], ids=["file", "action"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_a_miss(server: HostileServer, ask: Asker, tmp_path: Path, fault: str, path: str) -> None:
    """Whatever it does, nothing of it is left, it is told once, and the server is not asked again."""
    misdeed, said = FAULTS[fault]
    server.misdeed = on(path, misdeed)
    asked = ask(server.address, timeout_s=1.0)
    into = tmp_path / "found"
    into.mkdir()
    started = time.monotonic()
    assert asked.remote.find_result(RESULT_KEY, into) is None
    assert time.monotonic() - started < PATIENCE_S
    assert list(into.iterdir()) == []
    assert len(asked.told) == 1
    if path == BLOB:
        assert said in asked.told[0]
    assert asked.told[0].startswith(f"The remote cache {server.address.removeprefix('http://')} ")
    assert "The build goes on without it." in asked.told[0]
    assert asked.told[0].isprintable()
    before = len(server.requests)
    assert asked.remote.find_result(RESULT_KEY, into) is None
    assert asked.remote.find_sets(FINGERPRINT_KEY) == ()
    assert len(server.requests) == before
    assert len(asked.told) == 1


def entry(result: CachedResult, **changed: Any) -> bytes:
    """The action of a record, without asking whether anybody would take it."""
    files = tuple(
        OutputFile(path=each.name, sha256=each.sha256, size_bytes=each.size_bytes, executable=each.executable)
        for each in result.files
    )
    return write_action_result(
        ActionResult(files=changed.get("files", files), stdout=write_result(RESULT_KEY, result))
    )


def named(*names: str) -> CachedResult:
    """A result with files of these names and the module."""
    wasm = CachedFile(name="a.wasm", kind="wasm", size_bytes=8, sha256=sha256(WASM), executable=False)
    return CachedResult(
        files=(wasm, *(replace(wasm, name=name) for name in names)), details={**DETAILS, "js": None}
    )


def sized(*sizes_bytes: int) -> CachedResult:
    """A result with files of these sizes."""
    base = named()
    more = [replace(base.files[0], name=f"f{n}", size_bytes=size) for n, size in enumerate(sizes_bytes)]
    return replace(base, files=(*base.files, *more))


def detailed(**changed: Any) -> CachedResult:
    """A result whose details are others."""
    return replace(named(), details={**DETAILS, "js": None, **changed})


ANOTHER_KEY = write_action_result(ActionResult(stdout=write_result("d" * 64, named())))
UNSEALED = write_action_result(
    ActionResult(stdout=json.dumps({"schema": 1, "key": RESULT_KEY, "files": [], "details": {}}).encode())
)
BAD_ENTRIES = {
    "nothing": b"",
    "no protobuf": b"\xff\xff\xff\xff",
    "HTML without saying so": HTML,
    "JSON": b'{"result": "fine"}',
    "an action of Bazel's": write_action_result(
        ActionResult(files=(OutputFile(path="bin/x", sha256="a" * 64, size_bytes=3),))
    ),
    "a record that is no JSON": write_action_result(ActionResult(stdout=b"0" * 64 + b"\n{")),
    "a record that nobody sealed": UNSEALED,
    "a record of another build": ANOTHER_KEY,
    "a list of files that is not the record's": entry(
        named(), files=(OutputFile(path="a.wasm", sha256="a" * 64, size_bytes=8),)
    ),
    "a list of files that is empty": entry(named(), files=()),
    "leaves the folder": entry(named("../evil.js")),
    "leaves the folder on the way": entry(named("web/../../evil.js")),
    "an absolute name": entry(named("/etc/cron.d/evil")),
    "a drive": entry(named("C:/evil.js")),
    "a backslash": entry(named("web\\evil.js")),
    "a device": entry(named("aux.js")),
    "a device in a folder": entry(named("com1/x.js")),
    "an alternate stream": entry(named("a.wasm:evil")),
    "a dot at the end": entry(named("evil.js.")),
    "a space at the end": entry(named("evil.js ")),
    "an escape in the name": entry(named("evil\x1b[2J.js")),
    "a line end in the name": entry(named("evil\n.js")),
    "a very long name": entry(named("x" * 300)),
    "a very deep name": entry(named("/".join(["d"] * 400))),
    "a name that is two": entry(named("web//a.js")),
    "a name with a dot in it": entry(named("./a.js")),
    "the same name twice": entry(named("a.wasm")),
    "names that differ by case": entry(named("A.WASM")),
    "a file in a file": entry(named("a.wasm/inner.js")),
    "far too many files": entry(named(*(f"f{n}" for n in range(5000)))),
    "a file that is far too large": entry(sized(600 * 1024 * 1024)),
    "files that are too large together": entry(sized(*[400 * 1024 * 1024] * 3)),
    "a size beyond all numbers": entry(sized(2**62)),
    "no module": entry(detailed(wasm="b.wasm")),
    "a module that is a list": entry(detailed(wasm=["a.wasm"])),
    "a script that is not there": entry(detailed(js="../../evil.js")),
    "a toolchain of one word": entry(detailed(toolchain=["emcc"])),
    "a toolchain of numbers": entry(detailed(toolchain=[1, 2])),
    "warnings that are no list": entry(detailed(warnings="all is lost")),
    "warnings that are no texts": entry(detailed(messages=[None])),
    "a diagnostic of no severity": entry(detailed(diagnostics=[["m.c", 1, 1, "fatal", "x", "y"]])),
    "a diagnostic whose severity is a list": entry(
        detailed(diagnostics=[["m.c", 1, 1, ["error"], "x", "y"]])
    ),
    "half of a character in a warning": entry(detailed(warnings=["\ud83d"])),
    "half of a character as a kind": entry(
        replace(named(), files=(replace(named().files[0], kind="\udead"),))
    ),
    "a diagnostic of too few parts": entry(detailed(diagnostics=[["m.c"]])),
    "a wasm-opt run of nothing": entry(detailed(wasm_opt=[])),
    "details of another version": entry(replace(named(), details={})),
    "far too many bytes": b"\x2a" + b"\xff\xff\xff\x03" + b"x" * 9_000_000,
}


@pytest.mark.parametrize("bad", BAD_ENTRIES)
def test_an_action_that_is_not_ours_is_a_miss(
    server: HostileServer, ask: Asker, tmp_path: Path, bad: str
) -> None:
    """What an action says is believed only when all of it is such as a build of ours says."""
    server.kept[ACTION] = BAD_ENTRIES[bad]
    asked = ask(server.address)
    into = tmp_path / "found"
    into.mkdir()
    assert asked.remote.find_result(RESULT_KEY, into) is None
    assert list(into.iterdir()) == []
    assert len(asked.told) == 1
    assert asked.told[0].isprintable()
    assert not asked.cache.gate.is_open()
    assert server.requests == [f"GET {ACTION}"]


def test_the_bad_actions_are_bad_for_one_reason_each(
    server: HostileServer, ask: Asker, tmp_path: Path
) -> None:
    """The action that they are made of is taken."""
    server.kept[ACTION] = entry(named("web/fine.js"))
    into = tmp_path / "found"
    into.mkdir()
    asked = ask(server.address)
    assert asked.remote.find_result(RESULT_KEY, into) == named("web/fine.js")
    assert asked.told == []


def test_a_module_that_is_none_is_a_miss(ask: Asker, tmp_path: Path) -> None:
    """The right digest of wrong bytes does not make them WebAssembly."""
    with hostile_server() as server:
        bad = make_file(tmp_path / "made", "a.wasm", b"\0asm\1\0\0\0\xff")
        result = CachedResult(files=(bad,), details={**DETAILS, "js": None})
        assert send(ask(server.address, writes=True), tmp_path / "made", result)
        asked = ask(server.address)
        into = tmp_path / "found"
        into.mkdir()
        assert asked.remote.find_result(RESULT_KEY, into) is None
        assert list(into.iterdir()) == []
        assert "not valid WebAssembly" in asked.told[0]
        assert not asked.cache.gate.is_open()


@pytest.mark.parametrize(
    "dependencies",
    [
        Dependencies(files=("{home}/.ssh/id_ed25519",)),
        Dependencies(files=("{home}/work/.git/config",)),
        Dependencies(files=("{home}/.cargo/credentials.toml",)),
        Dependencies(files=("/etc/shadow",)),
        Dependencies(files=("/usr/\ud83d.h",)),
        Dependencies(programs=("c\x1bc",)),
        Dependencies(files=("/proc/self/environ",)),
        Dependencies(files=("/usr/../etc/shadow",)),
        Dependencies(files=("//server/share/file",)),
        Dependencies(files=("/dev/zero",)),
        Dependencies(trees=("/",)),
        Dependencies(programs=tuple(f"tool-{n}" for n in range(1000))),
        Dependencies(trees=("/usr",)),
        Dependencies(folders=(("{home}/.config",),)),
        Dependencies(files=tuple(f"/usr/include/{n}.h" for n in range(30_000))),
    ],
    ids=lambda each: ascii((*each.files, *each.trees, *each.folders, *each.programs)[0]),
)
def test_a_server_cannot_make_us_look_where_no_toolchain_is(
    server: HostileServer, ask: Asker, tmp_path: Path, dependencies: Dependencies
) -> None:
    """Private files are not looked at, and their digests go nowhere: neither by themselves nor in a key."""
    home = str(tmp_path / "home")
    asked_for = replace(
        dependencies,
        files=tuple(each.replace("{home}", home) for each in dependencies.files),
        folders=tuple((each[0].replace("{home}", home), *each[1:]) for each in dependencies.folders),
    )
    action = write_entry(FINGERPRINT_KEY, write_sets(FINGERPRINT_KEY, (asked_for,)))
    assert action is not None
    server.kept[f"/ac/{remote_key(FINGERPRINT_KEY)}"] = action
    asked = ask(server.address)
    assert asked.remote.find_sets(FINGERPRINT_KEY) == ()
    assert any("no toolchain has" in each for each in asked.noted)
    assert asked.told == []


def test_what_toolchains_have_is_looked_at(server: HostileServer, ask: Asker, tmp_path: Path) -> None:
    """Headers, compilers, settings of toolchains and the project's own files are what builds depend on."""
    home, project = tmp_path / "home", tmp_path / "project"
    usual = Dependencies(
        files=("/usr/include/stdio.h", f"{home}/.emscripten", f"{home}/.cargo/config.toml", f"{home}/sdk/cc"),
        folders=((f"{project}/src", ".c"),),
        trees=(str(project),),
        programs=("cc",),
        any_variable=True,
    )
    action = write_entry(FINGERPRINT_KEY, write_sets(FINGERPRINT_KEY, (usual,)))
    assert action is not None
    server.kept[f"/ac/{remote_key(FINGERPRINT_KEY)}"] = action
    assert ask(server.address).remote.find_sets(FINGERPRINT_KEY) == (usual,)


def test_a_build_that_names_private_files_is_not_sent(ask: Asker, tmp_path: Path) -> None:
    """Where a user's private files lie is nobody's business, and others would not look there."""
    private = Dependencies(files=(str(tmp_path / "home" / ".work" / "secret.h"),))
    with hostile_server() as server:
        asked = ask(server.address, writes=True)
        result = make_result(tmp_path / "made")
        asked.remote.plan(FINGERPRINT_KEY, RESULT_KEY, result=result, dependencies=private)
        assert not asked.remote.send(tmp_path / "made", SilentReporter())
        assert server.requests == []
        assert any("it is not sent" in each for each in asked.noted)


def test_sets_of_others_stay(server: HostileServer, ask: Asker, tmp_path: Path) -> None:
    """What another machine said meanwhile, and what we would not look at, is kept for those who would."""
    foreign = Dependencies(files=("/etc/foreign.h",))
    asked = ask(server.address, writes=True)
    asked.remote.find_sets(FINGERPRINT_KEY)
    action = write_entry(FINGERPRINT_KEY, write_sets(FINGERPRINT_KEY, (foreign,)))
    assert action is not None
    server.kept[f"/ac/{remote_key(FINGERPRINT_KEY)}"] = action
    assert send(asked, tmp_path / "made")
    record = parse_entry(FINGERPRINT_KEY, server.kept[f"/ac/{remote_key(FINGERPRINT_KEY)}"])
    assert parse_sets(FINGERPRINT_KEY, record) == (DEPENDENCIES, foreign)


HEADS = st.sampled_from(
    [
        *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 200\r\n", b"HTTP/2 200 OK\r\n"),
        *(b"Set-Cookie: a=b; expires=never; max-age=x\r\n", b"Set-Cookie: =;;=\r\n", b"Location: ::::\r\n"),
        *(b"Content-Type: text/html; charset=\xff\r\n", b"Content-Length: 8\r\n", b"Content-Length: 3\r\n"),
        *(b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip\r\n", b"Content-Encoding: br\r\n"),
        *(
            b"Connection: upgrade\r\n",
            b"Upgrade: h2c\r\n",
            b": x\r\n",
            b" folded\r\n",
            b"\r\n",
            b"3\r\nabc\r\n",
        ),
        *(b"HTTP/1.1 101 Switching Protocols\r\n", b"HTTP/1.1 302 Found\r\n", b"HTTP/1.1 999 \xe9\r\n"),
    ]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(HEADS, st.binary(max_size=12)), max_size=10).map(b"".join))
def test_any_bytes_are_a_miss(server: HostileServer, ask: Asker, reply: bytes) -> None:
    """No answer, however mangled, comes out as anything but "not here"."""
    server.misdeed = on(ACTION, plain(reply))
    asked = ask(server.address)
    try:
        assert asked.remote.find_sets(RESULT_KEY) == ()
        assert all(each.isprintable() for each in asked.told)
    finally:
        asked.cache.close()


def test_the_environment_s_proxy_is_asked(
    server: HostileServer, ask: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTTP_PROXY says which way to go, NO_PROXY where not; a proxy that fails is a miss like others."""
    address = f"http://cache.invalid/ac/{remote_key(FINGERPRINT_KEY)}"
    monkeypatch.setenv("HTTP_PROXY", server.address)
    assert ask("http://cache.invalid").remote.find_sets(FINGERPRINT_KEY) == ()
    assert server.requests == [f"GET {address}"]
    server.misdeed = on(address, answer("407 Proxy Authentication Required"))
    refused = ask("http://cache.invalid")
    assert refused.remote.find_sets(FINGERPRINT_KEY) == ()
    assert "HTTP_PROXY" in refused.told[0]
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    direct = ask(server.address)
    assert direct.remote.find_sets(FINGERPRINT_KEY) == (DEPENDENCIES,)


@pytest.mark.parametrize("proxy", ["gopher://127.0.0.1:9", "http://[::1", "socks5://127.0.0.1:9"])
def test_a_proxy_that_cannot_be_is_no_crash(ask: Asker, monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    """What the environment says wrong is told, and the build goes on."""
    monkeypatch.setenv("HTTP_PROXY", proxy)
    asked = ask("http://cache.invalid")
    assert asked.remote.find_sets(FINGERPRINT_KEY) == ()
    assert "HTTP_PROXY" in asked.told[0]


def test_a_name_that_cannot_be_looked_up(ask: Asker) -> None:
    """A host name that no name server is asked for is a miss like others."""
    asked = ask(f"http://{'a' * 70}.localhost")
    assert asked.remote.find_sets(FINGERPRINT_KEY) == ()
    assert len(asked.told) == 1


@pytest.mark.parametrize("fault", ["hangs at once", "drips headers", "500", "403", "closes at once", "HTML"])
@pytest.mark.parametrize("method", ["PUT", "HEAD"])
def test_a_fault_while_sending_is_told_once(ask: Asker, tmp_path: Path, fault: str, method: str) -> None:
    """A build that cannot be sent is no failure; and reading goes on where only sending fails."""
    misdeed, _ = FAULTS[fault]

    def choose(request: Request, wire: Wire) -> bool:
        if request.method == method:
            misdeed(request, wire)
        return request.method == method

    with hostile_server() as server:
        server.misdeed = choose
        asked = ask(server.address, writes=True, timeout_s=1.0)
        folder = tmp_path / "made"
        files = (make_file(folder, "a.wasm", WASM), make_file(folder, "web/a.js", SCRIPT * 5000))
        sent = send(asked, folder, CachedResult(files=files, details=DETAILS))
        knows_no_head = method == "HEAD" and fault in {"500", "HTML"}
        assert sent is knows_no_head or (fault == "HTML" and method == "PUT")
        assert len(asked.told) == (0 if sent else 1)
        assert asked.cache.gate.is_open()
        assert sent or f"PUT {ACTION}" not in server.requests


def test_a_server_that_reads_slowly_is_not_waited_for(ask: Asker, tmp_path: Path) -> None:
    """An upload ends with its time, however little the server takes at once."""

    def choose(request: Request, wire: Wire) -> bool:
        if request.method != "PUT" or int(request.headers["content-length"]) < 1_000_000:
            return False
        wire.pause(PATIENCE_S * 2)
        return True

    with hostile_server() as server:
        server.misdeed = choose
        asked = ask(server.address, writes=True, timeout_s=0.5)
        big = make_file(tmp_path / "made", "a.wasm", WASM + b"\0" * 30_000_000)
        started = time.monotonic()
        assert not send(asked, tmp_path / "made", CachedResult(files=(big,), details=DETAILS))
        assert time.monotonic() - started < PATIENCE_S
        assert len(asked.told) == 1


def test_nobody_listens(ask: Asker) -> None:
    """A server that is switched off is a miss."""
    asked = ask(f"http://127.0.0.1:{free_port()}")
    assert asked.remote.find_sets(FINGERPRINT_KEY) == ()
    assert "cannot be reached" in asked.told[0]


def test_nobody_accepts(ask: Asker) -> None:
    """A machine that drops packets, or whose queue is full, is given up in time."""
    with socket.socket() as full, suppress(OSError):
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.settimeout(0)
            each.connect_ex(("127.0.0.1", port))
        asked = ask(f"http://127.0.0.1:{port}", timeout_s=1.0)
        started = time.monotonic()
        assert asked.remote.find_sets(FINGERPRINT_KEY) == ()
        assert time.monotonic() - started < PATIENCE_S
        assert len(asked.told) == 1
        for each in waiting:
            each.close()


def test_credentials_go_to_no_other_host(server: HostileServer, ask: Asker) -> None:
    """A redirect to another server is named and not followed: that one hears nothing at all."""
    with hostile_server() as thief:
        redirect = answer("307 Temporary Redirect", b"", f"Location: {thief.address}/ac/x")
        server.misdeed = on(f"/ac/{remote_key(FINGERPRINT_KEY)}", redirect)
        asked = ask(server.address, writes=True, authorization="Bearer s3cret")
        assert asked.remote.find_sets(FINGERPRINT_KEY) == ()
        assert server.authorizations == ["Bearer s3cret"]
        assert thief.requests == []
        assert "s3cret" not in asked.told[0]


def test_a_silent_server_is_given_up_before_the_time_is_over(server: HostileServer, ask: Asker) -> None:
    """However much time a build gives, one that says nothing does not use it up."""
    server.misdeed = on(ACTION, hang_after(b""))
    asked = ask(server.address, timeout_s=600)
    started = time.monotonic()
    assert asked.remote.find_sets(RESULT_KEY) == ()
    assert time.monotonic() - started < PATIENCE_S
    assert "did not answer in time" in asked.told[0]


def test_many_builds_wait_for_a_dead_server_once(server: HostileServer, ask: Asker) -> None:
    """Builds of one command share what is known of the server, and tell it once."""
    server.misdeed = on(f"/ac/{remote_key(FINGERPRINT_KEY)}", hang_after(b""))
    asked = ask(server.address, timeout_s=0.5)
    for _ in range(20):
        store = asked.cache.for_build(asked.told.append)
        assert store.find_action(FINGERPRINT_KEY) is None
    assert len(server.requests) == 1
    assert len(asked.told) == 1
