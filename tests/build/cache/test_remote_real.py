"""Remote caches that people run: builds go there and come back; with credentials, TLS, and bad disks."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.build.cache.remote_material import (
    DEPENDENCIES,
    FINGERPRINT_KEY,
    RESULT_KEY,
    SCRIPT,
    WASM,
    make_file,
    make_result,
    send,
)
from tests.build.cache.remote_servers import (
    BAZEL_REMOTE,
    PASSWORD,
    SERVERS,
    TOKEN,
    USER,
    RealServer,
    bazel_remote,
    nginx,
)
from wasmrun_py.build.cache.record import CachedResult
from wasmrun_py.build.cache.remote.entry import remote_key
from wasmrun_py.model.events import SilentReporter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.build.cache.remote_material import Asker

BASIC = f"Basic {base64.b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"
BEARER = f"Bearer {TOKEN}"
BIG_BYTES = 3_000_000


def start(name: str, folder: Path, *, basic: bool = False) -> AbstractContextManager[RealServer]:
    """Start a server by its name."""
    return nginx(folder, basic=basic) if name == "nginx" else bazel_remote(folder, basic=basic)


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RealServer]:
    """Each server that there is, in turn."""
    with start(request.param, tmp_path / "server") as running:
        yield running


@contextmanager
def nginx_with_a_build(tmp_path: Path, ask: Asker) -> Iterator[RealServer]:
    """nginx, with a build in it."""
    with nginx(tmp_path / "server") as running:
        assert send(ask(running.address, writes=True), tmp_path / "made")
        yield running


def test_a_build_comes_back(ask: Asker, server: RealServer, tmp_path: Path) -> None:
    """What one machine sends another one finds, to the byte: sets, record, files and which of them run."""
    result = make_result(tmp_path / "made")
    sender = ask(server.address, writes=True)
    assert send(sender, tmp_path / "made", result)

    finder = ask(server.address)
    into = tmp_path / "found"
    into.mkdir()
    assert finder.remote.find_sets(FINGERPRINT_KEY) == (DEPENDENCIES,)
    assert finder.remote.find_result(RESULT_KEY, into) == result
    assert (into / "a.wasm").read_bytes() == WASM
    assert (into / "web" / "a.js").read_bytes() == SCRIPT
    assert (into / "a.wasm").stat().st_mode & 0o100
    assert not (into / "web" / "a.js").stat().st_mode & 0o100
    assert sender.told == finder.told == []


def test_what_is_not_there_is_a_miss(ask: Asker, server: RealServer, tmp_path: Path) -> None:
    """An empty cache is no fault, and goes on being asked."""
    asked = ask(server.address)
    assert asked.remote.find_sets(FINGERPRINT_KEY) == ()
    assert asked.remote.find_result(RESULT_KEY, tmp_path) is None
    assert asked.told == []
    assert asked.cache.gate.is_open()


def test_a_large_build_comes_back(ask: Asker, server: RealServer, tmp_path: Path) -> None:
    """Files of more than one piece go there and come back whole."""
    big = make_file(tmp_path / "made", "a.wasm", WASM)
    data = make_file(tmp_path / "made", "web/a.js", bytes(range(256)) * (BIG_BYTES // 256) + b"end")
    result = CachedResult(files=(big, data), details=make_result(tmp_path / "other").details)
    assert send(ask(server.address, writes=True), tmp_path / "made", result)
    into = tmp_path / "found"
    into.mkdir()
    assert ask(server.address).remote.find_result(RESULT_KEY, into) == result
    assert (into / "web" / "a.js").read_bytes() == (tmp_path / "made" / "web" / "a.js").read_bytes()


def test_builds_of_two_toolchains_are_both_known(ask: Asker, server: RealServer, tmp_path: Path) -> None:
    """A second set of paths joins the first one."""
    send(ask(server.address, writes=True), tmp_path / "made")
    other = ask(server.address, writes=True)
    more = type(DEPENDENCIES)(files=("/usr/include/math.h",))
    other.remote.plan("f" * 64, "d" * 64, result=make_result(tmp_path / "made"), dependencies=more)
    assert other.remote.send(tmp_path / "made", SilentReporter())
    assert ask(server.address).remote.find_sets(FINGERPRINT_KEY) == (more, DEPENDENCIES)


def test_a_file_that_changed_is_not_sent(ask: Asker, server: RealServer, tmp_path: Path) -> None:
    """Under a digest stand the bytes of that digest, or nothing; and nobody is told of such a build."""
    result = make_result(tmp_path / "made")
    (tmp_path / "made" / "web" / "a.js").write_bytes(SCRIPT.swapcase())
    sender = ask(server.address, writes=True)
    assert not send(sender, tmp_path / "made", result)
    assert len(sender.told) == 1
    assert "its bytes were changed" in sender.told[0]
    finder = ask(server.address)
    assert finder.remote.find_result(RESULT_KEY, tmp_path) is None
    digest = result.files[1].sha256
    assert httpx.get(f"{server.address}/cas/{digest}").status_code == 404


@pytest.mark.parametrize("name", SERVERS)
def test_credentials_open_the_door(ask: Asker, name: str, tmp_path: Path) -> None:
    """User and password reach the server; without them, or with others, it is a miss with a hint."""
    wrong = f"Basic {base64.b64encode(b'ci:wrong').decode()}"
    with start(name, tmp_path / "server", basic=True) as running:
        assert send(ask(running.address, writes=True, authorization=BASIC), tmp_path / "made")
        known = ask(running.address, authorization=BASIC)
        assert known.remote.find_sets(FINGERPRINT_KEY) == (DEPENDENCIES,)
        for credentials in (None, wrong):
            stranger = ask(running.address, authorization=credentials)
            assert stranger.remote.find_sets(FINGERPRINT_KEY) == ()
            assert len(stranger.told) == 1
            assert "401 Unauthorized" in stranger.told[0]
            assert "WASMRUN_REMOTE_CACHE_TOKEN" in stranger.told[0]
            assert PASSWORD not in stranger.told[0]


def test_a_token_opens_the_door(ask: Asker, tmp_path: Path) -> None:
    """A bearer token reaches the server; a wrong one is a miss with a hint that does not repeat it."""
    with nginx(tmp_path / "server", bearer=True) as running:
        assert send(ask(running.address, writes=True, authorization=BEARER), tmp_path / "made")
        known = ask(running.address, authorization=BEARER)
        assert known.remote.find_sets(FINGERPRINT_KEY) == (DEPENDENCIES,)
        stranger = ask(running.address, authorization="Bearer nobody-s")
        assert stranger.remote.find_sets(FINGERPRINT_KEY) == ()
        assert "nobody-s" not in stranger.told[0]


def test_a_server_that_takes_nothing_can_still_be_read(ask: Asker, tmp_path: Path) -> None:
    """A refused upload is told once, and closes the door for sending only."""
    with nginx(tmp_path / "server", writable=False) as running:
        asked = ask(running.address, writes=True)
        assert not send(asked, tmp_path / "made")
        assert not send(asked, tmp_path / "made")
        assert len(asked.told) == 1
        assert "answered 405" in asked.told[0]
        assert "Builds are not sent there." in asked.told[0]
        assert asked.cache.gate.is_open()
        assert not asked.cache.gate.is_open(writing=True)


def test_a_reader_sends_nothing(ask: Asker, tmp_path: Path) -> None:
    """Read-only is the default, and means it."""
    with nginx(tmp_path / "server") as running:
        asked = ask(running.address)
        assert not send(asked, tmp_path / "made")
        assert asked.told == []
        assert running.requests == []


def test_large_files_are_sent_once(ask: Asker, tmp_path: Path) -> None:
    """What the server has is not sent again."""
    with nginx(tmp_path / "server") as running:
        for _ in range(2):
            folder = tmp_path / "made"
            files = (make_file(folder, "a.wasm", WASM), make_file(folder, "web/a.js", b"/" * 100_000))
            result = CachedResult(files=files, details=make_result(tmp_path / "other").details)
            assert send(ask(running.address, writes=True), folder, result)
        digest = files[1].sha256
        assert [each for each in running.requests if digest in each] == [
            f"HEAD /cas/{digest} 404",
            f"PUT /cas/{digest} 201",
            f"HEAD /cas/{digest} 200",
        ]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda data: data[:-1] + b"?", "sent other bytes than those of"),
        (lambda data: data + b"more", "bytes where"),
        (lambda data: data[:3], "bytes where"),
        (lambda _: b"", "bytes where"),
    ],
)
def test_a_blob_that_went_bad_on_the_server_is_a_miss(
    ask: Asker, tmp_path: Path, damage: object, said: str
) -> None:
    """Nginx serves what lies on its disk: it is compared with its digest, and nothing of it is left here."""
    assert callable(damage)
    with nginx_with_a_build(tmp_path, ask) as running:
        for blob in running.blobs:
            blob.write_bytes(damage(blob.read_bytes()))
        asked = ask(running.address)
        into = tmp_path / "found"
        into.mkdir()
        assert asked.remote.find_result(RESULT_KEY, into) is None
        assert list(into.iterdir()) == []
        assert len(asked.told) == 1
        assert said in asked.told[0]


def test_a_blob_that_was_thrown_away_is_a_miss_without_a_word(ask: Asker, tmp_path: Path) -> None:
    """Caches drop what is old, file by file."""
    with nginx_with_a_build(tmp_path, ask) as running:
        running.blobs[0].unlink()
        asked = ask(running.address)
        into = tmp_path / "found"
        into.mkdir()
        assert asked.remote.find_result(RESULT_KEY, into) is None
        assert list(into.iterdir()) == []
        assert asked.told == []


def test_a_certificate_of_nobody_is_explained(ask: Asker, tmp_path: Path) -> None:
    """A server that TLS does not trust is a miss, and the hint says how to trust it."""
    with nginx(tmp_path / "server", tls=True) as running:
        asked = ask(running.address, authorization=BEARER)
        assert asked.remote.find_sets(FINGERPRINT_KEY) == ()
        assert "cannot be trusted" in asked.told[0]
        assert "SSL_CERT_FILE" in asked.told[0]
        assert running.requests == []


def test_https_where_http_is_spoken(ask: Asker, tmp_path: Path) -> None:
    """A wrong scheme is a miss, explained as what it is."""
    with nginx(tmp_path / "server") as running:
        asked = ask(running.address.replace("http:", "https:"))
        assert asked.remote.find_sets(FINGERPRINT_KEY) == ()
        assert "cannot be trusted" in asked.told[0]


def test_the_user_s_own_authority_is_trusted(
    ask: Asker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SSL_CERT_FILE names whom to trust, and builds go over TLS."""
    with nginx(tmp_path / "server", tls=True) as running:
        monkeypatch.setenv("SSL_CERT_FILE", str(running.folder / "cert.pem"))
        assert send(ask(running.address, writes=True), tmp_path / "made")
        asked = ask(running.address)
        assert asked.remote.find_sets(FINGERPRINT_KEY) == (DEPENDENCIES,)
        assert asked.told == []


def test_a_list_of_authorities_that_is_not_there_is_no_crash(
    ask: Asker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the environment says wrong is told, and the build goes on."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nowhere.pem"))
    asked = ask("https://127.0.0.1:9")
    assert asked.remote.find_sets(FINGERPRINT_KEY) == ()
    assert "SSL_CERT_FILE" in asked.told[0]


def test_builds_at_once_share_one_client(server: RealServer, ask: Asker, tmp_path: Path) -> None:
    """Builds of a workspace look and send from several threads, each with its own files."""
    asked = ask(server.address, writes=True)

    def build(number: int) -> bool:
        folder = tmp_path / f"made-{number}"
        data = f"export default {number};\n".encode() * 3000
        files = (make_file(folder, "a.wasm", WASM), make_file(folder, "web/a.js", data))
        store = asked.cache.for_build(asked.told.append)
        sent = all(store.store_blob(each.sha256, folder / each.name) for each in files)
        into = tmp_path / f"found-{number}"
        found = store.find_blob(files[1].sha256, files[1].size_bytes, into)
        return sent and found and into.read_bytes() == data

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(build, range(24)))
    assert asked.told == []


def test_a_path_in_the_address_is_kept(ask: Asker, tmp_path: Path) -> None:
    """Several caches can live below one host."""
    with nginx(tmp_path / "server") as running:
        assert send(ask(f"{running.address}/team/a", writes=True), tmp_path / "made")
        assert (running.folder / "files" / "team" / "a" / "ac" / remote_key(RESULT_KEY)).is_file()
        assert ask(f"{running.address}/team/b").remote.find_sets(FINGERPRINT_KEY) == ()


if BAZEL_REMOTE:

    def test_a_protobuf_library_reads_the_same(ask: Asker, tmp_path: Path) -> None:
        """bazel-remote, asked for JSON, shows our action as its own library understands it."""
        with bazel_remote(tmp_path / "server") as running:
            result = make_result(tmp_path / "made")
            assert send(ask(running.address, writes=True), tmp_path / "made", result)
            address = f"{running.address}/ac/{remote_key(RESULT_KEY)}"
            shown = httpx.get(address, headers={"Accept": "application/json"}).json()
            files = [(each["path"], each["digest"]["hash"]) for each in shown["outputFiles"]]
            assert files == [(file.name, file.sha256) for file in result.files]
            assert [each.get("isExecutable", False) for each in shown["outputFiles"]] == [True, False]
            assert b"mind the gap" in base64.b64decode(shown["stdoutRaw"])

    def test_an_action_whose_files_are_gone_is_hidden(ask: Asker, tmp_path: Path) -> None:
        """bazel-remote checks the list of files that our action carries."""
        with bazel_remote(tmp_path / "server") as running:
            result = make_result(tmp_path / "made")
            asked = ask(running.address, writes=True)
            store = asked.cache.for_build(asked.told.append)
            from wasmrun_py.build.cache.record import write_result  # noqa: PLC0415 - this test's only

            assert store.store_action(RESULT_KEY, write_result(RESULT_KEY, result))
            assert store.find_action(RESULT_KEY) is None
            assert asked.told == []
