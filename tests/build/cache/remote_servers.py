"""Real servers of the remote cache's protocol, on the loopback, each for one test.

nginx (its WebDAV module, as Bazel's documentation has it) is in every Debian. bazel-remote joins in where
``WASMRUN_TEST_BAZEL_REMOTE`` names its binary.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.conftest import require_tool

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

BAZEL_REMOTE = os.environ.get("WASMRUN_TEST_BAZEL_REMOTE", "")
SERVERS = ("nginx", *(("bazel-remote",) if BAZEL_REMOTE else ()))
USER, PASSWORD = "ci", "s3cret-pa55"
TOKEN = "t0ken-0123456789"  # noqa: S105 - as above

_START_S = 20
_NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
  access_log {folder}/access.log;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  client_max_body_size 1g;
  server {{
    listen 127.0.0.1:{port}{listen};
    {extra}
    location / {{
      root {folder}/files;
      {methods}
    }}
  }}
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RealServer:
    """A server that runs.

    Attributes:
        name: ``nginx`` or ``bazel-remote``.
        address: What ``WASMRUN_REMOTE_CACHE`` is set to.
        folder: Its files, logs and configuration.
    """

    name: str
    address: str
    folder: Path

    @property
    def requests(self) -> list[str]:
        """The requests so far, as nginx's log has them (``GET /ac/… 404``)."""
        lines = (self.folder / "access.log").read_text(encoding="utf-8").splitlines()
        parts = [line.split('"') for line in lines]
        return [f"{part[1].rsplit(' ', 1)[0]} {part[2].split()[0]}" for part in parts]

    @property
    def blobs(self) -> list[Path]:
        """The files below ``/cas/``, as nginx keeps them."""
        return sorted((self.folder / "files" / "cas").glob("*"))


@contextmanager
def nginx(
    folder: Path, *, writable: bool = True, basic: bool = False, bearer: bool = False, tls: bool = False
) -> Iterator[RealServer]:
    """Run nginx with its WebDAV module.

    Args:
        folder: Where everything of it lies; made here.
        writable: It takes PUT.
        basic: It wants ``USER`` and ``PASSWORD``.
        bearer: It wants ``TOKEN``.
        tls: It speaks https, with the certificate ``cert.pem`` that nobody signed.
    """
    binary = shutil.which("nginx", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin") or require_tool("nginx")
    (folder / "files").mkdir(parents=True)
    extra = ""
    if basic:
        (folder / "htpasswd").write_text(_htpasswd(), encoding="ascii")
        extra = f'auth_basic "builds"; auth_basic_user_file {folder}/htpasswd;'
    if bearer:
        extra = f'if ($http_authorization != "Bearer {TOKEN}") {{ return 401; }}'
    if tls:
        _make_certificate(folder)
        extra = f"ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;"
    port = free_port()
    config = folder / "nginx.conf"
    methods = "dav_methods PUT; create_full_put_path on;" if writable else ""
    listen = " ssl" if tls else ""
    config.write_text(_NGINX.format(folder=folder, port=port, extra=extra, methods=methods, listen=listen))
    command = [binary, "-e", str(folder / "error.log"), "-c", str(config), "-p", str(folder)]
    with _running(command, port, folder):
        scheme = "https" if tls else "http"
        yield RealServer(name="nginx", address=f"{scheme}://127.0.0.1:{port}", folder=folder)


@contextmanager
def bazel_remote(folder: Path, *, basic: bool = False) -> Iterator[RealServer]:
    """Run bazel-remote with everything checked that it checks by default."""
    folder.mkdir(parents=True)
    port = free_port()
    command = [BAZEL_REMOTE, "--dir", str(folder / "files"), "--max_size", "1"]
    command += ["--http_address", f"127.0.0.1:{port}", "--grpc_address", "none"]
    if basic:
        (folder / "htpasswd").write_text(_htpasswd(), encoding="ascii")
        command += ["--htpasswd_file", str(folder / "htpasswd")]
    with _running(command, port, folder):
        yield RealServer(name="bazel-remote", address=f"http://127.0.0.1:{port}", folder=folder)


def free_port() -> int:
    """A port of the loopback at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _running(command: Sequence[str], port: int, folder: Path) -> Iterator[None]:
    with (folder / "output.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        _wait_for(process, port, folder)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _wait_for(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    deadline_s = time.monotonic() + _START_S
    while time.monotonic() < deadline_s and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    said = "".join(each.read_text(errors="replace") for each in sorted(folder.glob("*.log")))
    raise AssertionError(f"the server did not start: {said}")


def _htpasswd() -> str:
    openssl = require_tool("openssl")
    done = subprocess.run([openssl, "passwd", "-apr1", PASSWORD], capture_output=True, text=True, check=True)
    return f"{USER}:{done.stdout.strip()}\n"


def _make_certificate(folder: Path) -> None:
    command = [require_tool("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(command, capture_output=True, check=True)
