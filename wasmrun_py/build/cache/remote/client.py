"""The exchanges of the protocol, over httpx: GET, HEAD and PUT of ``/ac/KEY`` and ``/cas/SHA256``.

Every answer is capped, counted and compared with its digest while it comes. Redirects are not followed, so
that credentials and builds go to the configured server only. "Not here" is None or False; all else is a
``RemoteFault``. Safe for several threads.
"""

from __future__ import annotations

import errno
import hashlib
import os
import ssl
import threading
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

from wasmrun_py.build.cache.remote.fault import IS_IT_A_CACHE, RemoteFault, explain_exception, explain_status
from wasmrun_py.system.fs import write_chunks
from wasmrun_py.system.net import load_httpx

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    import httpx

    from wasmrun_py.build.cache.remote.time_limit import Deadline
    from wasmrun_py.config.remote_cache import RemoteCacheSettings

ACTION_CAP_BYTES = 4 * 1024 * 1024
_CONNECT_TIMEOUT_S = 2.0
_SILENCE_TIMEOUT_S = 5.0
_CHUNK_BYTES = 256 * 1024
_CONNECTIONS = 8
_NOT_HERE = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
_AS_IT_IS = ("", "identity")


class RemoteClient:
    """Speaks to one remote cache, over connections that are kept.

    Args:
        settings: Where it is, and the credentials.
    """

    def __init__(self, settings: RemoteCacheSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._opened: httpx.Client | None = None

    def find_action(self, key: str, deadline: Deadline) -> bytes | None:
        """The action of a key, unchecked; None when there is none."""
        with self._get(f"ac/{key}", deadline) as response:
            if response is None:
                return None
            return b"".join(_read(response, ACTION_CAP_BYTES, deadline))

    def fetch_blob(self, sha256: str, size_bytes: int, into: Path, deadline: Deadline) -> bool:
        """Write the bytes of a digest to a free path; False when the server does not have them.

        Raises:
            RemoteFault: They are others, or do not come; the file may hold a part.
            OutputError: The file cannot be written.
        """
        with self._get(f"cas/{sha256}", deadline) as response:
            if response is None:
                return False
            declared = response.headers.get("content-length", "")
            if declared and declared != str(size_bytes):
                raise RemoteFault(f"has {declared[:20]} bytes where {size_bytes} belong")
            digest = hashlib.sha256()
            came_bytes = write_chunks(into, _digested(_read(response, size_bytes, deadline), digest.update))
        if came_bytes != size_bytes:
            raise RemoteFault(f"sent {came_bytes} bytes where {size_bytes} belong")
        if digest.hexdigest() != sha256:
            raise RemoteFault(f"sent other bytes than those of {sha256[:12]}…")
        return True

    def has_blob(self, sha256: str, deadline: Deadline) -> bool:
        """Whether the server says that it has the bytes of a digest.

        Raises:
            RemoteFault: It asks for credentials, or does not answer. A server that knows no HEAD has nothing.
        """
        with self._exchange("HEAD", f"cas/{sha256}", deadline) as response:
            if response.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
                raise explain_status(response)
            return bool(response.status_code == HTTPStatus.OK)

    def put_blob(self, sha256: str, source: Path, deadline: Deadline) -> None:
        """Send a file, if it is what its digest says: other bytes are never sent to the end.

        Raises:
            RemoteFault: The server does not take it.
            OSError: The file cannot be read, or has other bytes.
        """
        with source.open("rb") as stream:
            size_bytes = os.fstat(stream.fileno()).st_size
            self._put(f"cas/{sha256}", _checked(stream, sha256, deadline), size_bytes, deadline)

    def put_action(self, key: str, action: bytes, deadline: Deadline) -> None:
        """Send an action; its blobs were sent before.

        Raises:
            RemoteFault: The server does not take it.
        """
        self._put(f"ac/{key}", iter((action,)), len(action), deadline)

    def close(self) -> None:
        """Let go of the connections."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    @contextmanager
    def _get(self, path: str, deadline: Deadline) -> Iterator[httpx.Response | None]:
        # What is packed could unpack to anything; and digests are those of the bytes themselves.
        with self._exchange("GET", path, deadline, headers={"Accept-Encoding": "identity"}) as response:
            if response.status_code in _NOT_HERE:
                yield None
                return
            if response.status_code != HTTPStatus.OK:
                raise explain_status(response)
            if response.headers.get("content-type", "").startswith("text/html"):
                raise RemoteFault("answered with an HTML page", hint=IS_IT_A_CACHE)
            if response.headers.get("content-encoding", "") not in _AS_IT_IS:
                raise RemoteFault("sent a packed answer, which was not asked for")
            yield response

    def _put(self, path: str, content: Iterator[bytes], size_bytes: int, deadline: Deadline) -> None:
        headers = {"Content-Length": str(size_bytes), "Content-Type": "application/octet-stream"}
        with self._exchange("PUT", path, deadline, headers=headers, content=content) as response:
            if not response.is_success:
                raise explain_status(response, writing=True)

    @contextmanager
    def _exchange(
        self,
        method: str,
        path: str,
        deadline: Deadline,
        *,
        headers: dict[str, str] | None = None,
        content: Iterator[bytes] | None = None,
    ) -> Iterator[httpx.Response]:
        load_httpx()
        import httpx  # noqa: PLC0415 - only a build with a remote cache needs it

        deadline.check()
        silence_s = min(_SILENCE_TIMEOUT_S, deadline.left_s + 0.1)
        timeout = httpx.Timeout(silence_s, connect=min(_CONNECT_TIMEOUT_S, silence_s))
        address = f"{self._settings.address}/{path}"
        try:
            client = self._client()
            with client.stream(
                method, address, headers=headers, content=content, timeout=timeout
            ) as response:
                yield response
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            # A host name may be one that no name server can be asked for.
            raise explain_exception(error) from error

    def _client(self) -> httpx.Client:
        with self._lock:
            if self._opened is None:
                self._opened = _open_client(self._settings)
            return self._opened


def _open_client(settings: RemoteCacheSettings) -> httpx.Client:
    """A client that trusts what the environment says: proxies, certificates.

    Raises:
        RemoteFault: The environment says something impossible.
    """
    import httpx  # noqa: PLC0415 - loaded already

    headers = {"User-Agent": "wasmrun"}
    if settings.authorization is not None:
        headers["Authorization"] = settings.authorization
    # Reading every authority's certificate takes 100 ms; without TLS an empty list will do.
    verify = True if settings.is_encrypted else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    limits = httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS)
    try:
        return httpx.Client(headers=headers, verify=verify, follow_redirects=False, limits=limits)
    except (OSError, ValueError, ImportError, httpx.InvalidURL) as error:
        raise RemoteFault(
            f"cannot be asked: {' '.join(str(error).split()) or type(error).__name__}",
            hint="Check SSL_CERT_FILE, SSL_CERT_DIR, HTTPS_PROXY and HTTP_PROXY.",
        ) from error


def _read(response: httpx.Response, cap_bytes: int, deadline: Deadline) -> Iterator[bytes]:
    """The body as it comes, no longer than the cap and the deadline."""
    came_bytes = 0
    for chunk in response.iter_raw(_CHUNK_BYTES):
        deadline.check()
        came_bytes += len(chunk)
        if came_bytes > cap_bytes:
            raise RemoteFault(f"sent more than the {cap_bytes} bytes that belong")
        yield chunk


def _digested(chunks: Iterator[bytes], update: Callable[[bytes], None]) -> Iterator[bytes]:
    for chunk in chunks:
        update(chunk)
        yield chunk


def _checked(stream: BinaryIO, sha256: str, deadline: Deadline) -> Iterator[bytes]:
    """The chunks of a file; the last one only when all of them have the digest."""
    digest = hashlib.sha256()
    held = b""
    while chunk := stream.read(_CHUNK_BYTES):
        deadline.check()
        digest.update(chunk)
        if held:
            yield held
        held = chunk
    if digest.hexdigest() != sha256:
        raise OSError(errno.EIO, "its bytes were changed")
    yield held
