"""Web addresses: a wheel or an archive, known by its digest before it is used."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from tests.plugin.material import (
    ZORK,
    serving,
    sha256_of,
    write_archive,
    write_crate,
    write_plain,
    write_wheel,
)
from tests.toolchain.recording import RecordingReporter
from tests.toolchain.registry import closed_registry
from wasmrun_py.model.errors import DownloadError, PluginInstallError, PluginLockError, UsageError
from wasmrun_py.model.events import Progress, StepFinished, StepStarted
from wasmrun_py.model.plugin_source import Local, Url
from wasmrun_py.system.net import Download, fetch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.plugin.install.conftest import Install


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tar.xz", "a.tar.bz2"])
def test_an_archive_is_fetched_and_unpacked(install: Install, tmp_path: Path, name: str) -> None:
    """Its one top folder is stripped; the digest is what identifies it."""
    archive = write_archive(tmp_path / "served" / name, write_plain(tmp_path / "plain"))
    digest = sha256_of(archive)
    with serving(tmp_path / "served") as address:
        source = Url(url=f"{address}{name}", sha256=digest)
        found = install(source)
    assert found.resolved.source == source
    assert found.resolved.checksum == f"sha256:{digest}"
    assert found.builds(ZORK, tmp_path / "use")
    assert found.reporter.of(Progress)[-1].done_bytes == archive.stat().st_size
    labels = [event.label for event in found.reporter.of(StepStarted)]
    assert labels == [event.label for event in found.reporter.of(StepFinished)] == [f"Downloading {name}"]
    assert install(Local(path=archive)).resolved.checksum == f"sha256:{digest}"


def test_a_wheel_is_fetched(install: Install, tmp_path: Path) -> None:
    """It is installed as any wheel."""
    wheel = write_wheel(tmp_path)
    with serving(tmp_path) as address:
        found = install(Url(url=f"{address}{wheel.name}", sha256=sha256_of(wheel)))
    assert found.built.launch.python == "wasmrun_zork:plugin"


def test_an_archive_may_hold_a_crate(install: Install, tmp_path: Path) -> None:
    """What is in it is treated as any folder, also without a top folder."""
    archive = write_archive(tmp_path / "a.zip", write_crate(tmp_path / "crate"), top=None)
    assert install(Local(path=archive)).files() == {"bin/wasmrun-zork"}


def test_without_a_digest_nothing_is_fetched(install: Install) -> None:
    """The error says what to append; --allow-unverified takes what comes and pins it."""
    with pytest.raises(UsageError, match="is not installed without its sha256") as caught:
        install(Url(url="https://localhost:1/a.zip"))
    assert "https://localhost:1/a.zip#sha256=" in caught.value.hint
    assert "--allow-unverified" in caught.value.hint


def test_unverified_is_pinned(install: Install, tmp_path: Path) -> None:
    """What came is recorded."""
    archive = write_archive(tmp_path / "a.zip", write_plain(tmp_path / "plain"))
    with serving(tmp_path) as address:
        url = f"{address}a.zip"
        found = install(Url(url=url), allow_unverified=True)
        assert found.resolved.source == Url(url=url, sha256=sha256_of(archive))
        with pytest.raises(PluginLockError, match="is not exact"):
            install(Url(url=url), allow_unverified=True, frozen=True)


def test_a_wrong_digest_is_refused(install: Install, tmp_path: Path) -> None:
    """Both digests are named."""
    archive = write_archive(tmp_path / "a.zip", write_plain(tmp_path / "plain"))
    with serving(tmp_path) as address, pytest.raises(PluginInstallError) as caught:
        install(Url(url=f"{address}a.zip", sha256="0" * 64))
    assert sha256_of(archive) in caught.value.message
    assert "0" * 64 in caught.value.message


@pytest.mark.parametrize("name", ["plugin.rar", "plugin", "%2e%2e%2fa%20b.zip", ".zip", ""])
def test_names_that_are_no_archive(install: Install, name: str) -> None:
    """What it is must be seen by its name."""
    with pytest.raises(UsageError, match="neither a wheel nor an archive"):
        install(Url(url=f"https://localhost:1/{name}", sha256="0" * 64))


def test_what_cannot_be_fetched(install: Install, tmp_path: Path) -> None:
    """No network and no such file are ordinary errors, the password covered."""
    address = closed_registry().replace("http://", "http://user:secret@")
    with pytest.raises(DownloadError, match="cannot be fetched") as caught:
        install(Url(url=f"{address}a.zip", sha256="0" * 64))
    assert "secret" not in caught.value.message
    with serving(tmp_path) as served, pytest.raises(DownloadError, match="answered 404"):
        install(Url(url=f"{served}a.zip", sha256="0" * 64))


@contextmanager
def answering(status: int, headers: dict[str, str], body: bytes = b"") -> Iterator[str]:
    """A server with one answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def download(url: str, folder: Path, cap_bytes: int = 1000) -> Download:
    return Download(url=url, to=folder / "file", cap_bytes=cap_bytes, label="Downloading")


@pytest.mark.parametrize(
    "to", ["http://example.invalid/a.zip", "ftp://example.invalid/a", "file:///etc/passwd"]
)
def test_redirects_lead_to_https_only(tmp_path: Path, to: str) -> None:
    """A server cannot send us to a file of this machine or to the clear."""
    with (
        answering(302, {"Location": to}) as address,
        pytest.raises(DownloadError, match="which is not https"),
    ):
        fetch(download(address, tmp_path), RecordingReporter())


def test_redirects_end(tmp_path: Path) -> None:
    """A circle is noticed."""
    with (
        answering(302, {"Location": "/"}) as address,
        pytest.raises(DownloadError, match="redirects more than"),
    ):
        fetch(download(address, tmp_path), RecordingReporter())


@pytest.mark.parametrize("headers", [{}, {"Content-Length": "2000"}])
def test_what_is_too_long_is_not_taken(tmp_path: Path, headers: dict[str, str]) -> None:
    """Whether the server says how long it is or not."""
    with (
        answering(200, headers, bytes(2000)) as address,
        pytest.raises(DownloadError, match="is longer than"),
    ):
        fetch(download(address, tmp_path), RecordingReporter())


def test_a_broken_answer(tmp_path: Path) -> None:
    """A connection that ends early is an error, not a short file."""
    with (
        answering(200, {"Content-Length": "900"}, bytes(10)) as address,
        pytest.raises(DownloadError, match="cannot be fetched"),
    ):
        fetch(download(address, tmp_path), RecordingReporter())
