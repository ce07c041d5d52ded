"""Fetch a file from a web address: streaming, capped, over https, its digest taken on the way.

With the remote build cache the only room that opens a connection of its own: registries are reached through
their own clients.
"""

from __future__ import annotations

import hashlib
import importlib
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from wasmrun_py.model.errors import DownloadError
from wasmrun_py.model.events import Progress
from wasmrun_py.system.fs import translate_write_errors

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    import httpx

    from wasmrun_py.model.events import Reporter

_CONNECT_TIMEOUT_S = 20.0
_READ_TIMEOUT_S = 60.0
_REDIRECTS = 8
_CHUNK_BYTES = 256 * 1024
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def is_fetchable(url: str) -> bool:
    """Whether an address is https, or http on this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK))


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """What is fetched to where.

    Attributes:
        url: Its address.
        to: A file that is not there yet; after a failure it may hold a part.
        cap_bytes: The most that is taken.
        label: What progress is called.
    """

    url: str
    to: Path
    cap_bytes: int
    label: str

    @property
    def shown(self) -> str:
        """The address without the user and password in it."""
        return _shown(self.url)


def fetch(wanted: Download, reporter: Reporter) -> str:
    """Fetch a file; the sha256 of what came, in hex.

    Proxies and certificates are those of the environment, as for any client. Redirects lead to https only,
    and never to this machine from another one.

    Args:
        wanted: What is fetched to where.
        reporter: Receives progress in bytes.

    Raises:
        DownloadError: It cannot be fetched, or is longer than ``cap_bytes``.
        OutputError: The file cannot be written.
    """
    load_httpx()
    import httpx  # noqa: PLC0415 - 60 ms, and only a web address needs it

    timeout = httpx.Timeout(_READ_TIMEOUT_S, connect=_CONNECT_TIMEOUT_S)
    try:
        with httpx.Client(timeout=timeout, follow_redirects=False) as client:
            return _follow(client, wanted, reporter)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = str(error) or type(error).__name__
        raise DownloadError(
            f"{wanted.shown} cannot be fetched: {reason}",
            hint="Check the address, the network and the proxy settings, then try again.",
        ) from error


def load_httpx() -> None:
    """Import httpx without its command-line program, whose imports (rich, pygments) cost more than all else.

    It leaves the program out by itself where those are not installed: that is what it is made to believe.
    """
    program = "httpx._main"
    if "httpx" in sys.modules or program in sys.modules:
        return
    modules: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment]
    modules[program] = None  # the import system's word for "cannot be had"
    try:
        importlib.import_module("httpx")
    finally:
        modules.pop(program, None)


def _follow(client: httpx.Client, wanted: Download, reporter: Reporter) -> str:
    address = wanted.url
    for _ in range(_REDIRECTS):
        with client.stream("GET", address, headers={"Accept-Encoding": "identity"}) as response:
            if response.is_redirect:
                address = _next_address(address, response.headers.get("location", ""))
                continue
            if not response.is_success:
                raise DownloadError(
                    f"{_shown(address)} answered {response.status_code} {response.reason_phrase}".rstrip(),
                    hint="Check the address.",
                )
            return _save(response, wanted, reporter)
    raise DownloadError(f"{wanted.shown} redirects more than {_REDIRECTS} times")


def _next_address(address: str, location: str) -> str:
    following = urljoin(address, location)
    leaves_https = address.startswith("https:") and not following.startswith("https:")
    if leaves_https or not is_fetchable(following):
        raise DownloadError(
            f"{_shown(address)} redirects to {_shown(following)}, which is not https",
            hint="Name the final address yourself if you trust it.",
        )
    return following


def _save(response: httpx.Response, wanted: Download, reporter: Reporter) -> str:
    length = response.headers.get("content-length", "")
    total_bytes = int(length) if length.isdecimal() else None
    digest = hashlib.sha256()
    done_bytes = 0
    with translate_write_errors(f"write {wanted.to}"):
        wanted.to.parent.mkdir(parents=True, exist_ok=True)
        stream = wanted.to.open("xb")
    with stream:
        # Raw: the digest is that of the file as it is published, never of what a server packed it in.
        for chunk in response.iter_raw(_CHUNK_BYTES):
            done_bytes += len(chunk)
            if max(done_bytes, total_bytes or 0) > wanted.cap_bytes:
                cap = f"{wanted.cap_bytes // (1024 * 1024)} MB"
                raise DownloadError(f"{wanted.shown} is longer than {cap} and is not fetched")
            digest.update(chunk)
            with translate_write_errors(f"write {wanted.to}"):
                stream.write(chunk)
            event = Progress(label=wanted.label, done_bytes=done_bytes, total_bytes=total_bytes)
            reporter.emit(event)
    return digest.hexdigest()


def _shown(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if "@" in parts.netloc else url
