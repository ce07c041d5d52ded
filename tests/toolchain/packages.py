"""A package of our own on a loopback registry that speaks PyPI's and npm's protocols, and fails on demand."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import threading
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from wasmrun_py.toolchain.pin import Registry, ToolchainPin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VERSION = "1.2.3"
PACKAGE = "wasmrun-tiny"
_WHEEL = f"wasmrun_tiny-{VERSION}-py3-none-any.whl"
_TARBALL = f"{PACKAGE}-{VERSION}.tgz"
_ARCHIVES = (_WHEEL, _TARBALL)


class Behaviour(StrEnum):
    """What the registry does when the archive is asked for."""

    WHOLE = "whole"
    HALF = "half"
    WRONG = "wrong"
    WAITS = "waits"


@dataclass(kw_only=True)
class Server:
    """A running registry.

    Attributes:
        address: Its address.
        asked: Set when somebody has half of an archive and waits for the rest.
        release: Sends the rest.
        downloads: How often an archive was asked for.
    """

    address: str = ""
    behaviour: Behaviour
    asked: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)
    downloads: int = 0

    def environ(self, folder: Path) -> dict[str, str]:
        """The settings that make uv, pip and npm use it, without caches and without patience."""
        return {
            "UV_DEFAULT_INDEX": f"{self.address}simple/",
            "UV_HTTP_RETRIES": "0",
            "UV_CACHE_DIR": str(folder / "uv-cache"),
            "PIP_INDEX_URL": f"{self.address}simple/",
            "PIP_RETRIES": "0",
            "PIP_NO_CACHE_DIR": "1",
            "PIP_FIND_LINKS": "",
            "npm_config_registry": self.address,
            "npm_config_cache": str(folder / "npm-cache"),
            "npm_config_fetch_retries": "0",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Archives:
    """The same program as a wheel and as a tarball, of about ``size_bytes``."""

    wheel: bytes
    tarball: bytes

    @classmethod
    def make(cls, size_bytes: int = 400_000) -> Archives:
        """Pack a shell script, a node script, and bytes that do not shrink."""
        ballast = hashlib.shake_256(b"ballast").digest(size_bytes)
        shell = f"#!/bin/sh\necho {VERSION}\n".encode()
        wheel = io.BytesIO()
        with zipfile.ZipFile(wheel, "w") as archive:
            info = f"wasmrun_tiny-{VERSION}.dist-info"
            program = zipfile.ZipInfo("wasmrun_tiny/tiny")
            program.external_attr = 0o100755 << 16
            archive.writestr(program, shell)
            archive.writestr("wasmrun_tiny/ballast", ballast)
            metadata = f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: {VERSION}\n"
            archive.writestr(f"{info}/METADATA", metadata)
            archive.writestr(
                f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            archive.writestr(f"{info}/RECORD", "")
        tarball = io.BytesIO()
        with tarfile.open(fileobj=tarball, mode="w:gz") as packed:
            for name, data in (
                ("package.json", json.dumps({"name": PACKAGE, "version": VERSION}).encode()),
                ("tiny.js", f'console.log("{VERSION}");'.encode()),
                ("ballast", ballast),
            ):
                entry = tarfile.TarInfo(f"package/{name}")
                entry.size = len(data)
                packed.addfile(entry, io.BytesIO(data))
        return cls(wheel=wheel.getvalue(), tarball=tarball.getvalue())

    def pin(self, registry: Registry, folder: Path, *, unpacked_bytes: int = 500_000) -> ToolchainPin:
        """A pin for it, its lock file written into ``folder``."""
        if registry is Registry.PYPI:
            requirements = folder / "tiny.txt"
            digest = hashlib.sha256(self.wheel).hexdigest()
            requirements.write_text(f"{PACKAGE}=={VERSION} --hash=sha256:{digest}\n")
        else:
            requirements = folder / "tiny"
            requirements.mkdir(exist_ok=True)
            wanted = {"name": "tiny-lock", "version": "1.0.0", "dependencies": {PACKAGE: VERSION}}
            (requirements / "package.json").write_text(json.dumps(wanted))
            locked = {"version": VERSION, "integrity": _integrity(self.tarball)}
            lock = {
                "name": "tiny-lock",
                "version": "1.0.0",
                "lockfileVersion": 3,
                "requires": True,
                "packages": {"": wanted, f"node_modules/{PACKAGE}": locked},
            }
            (requirements / "package-lock.json").write_text(json.dumps(lock))
        in_npm = registry is Registry.NPM
        return ToolchainPin(
            name="tiny",
            version=VERSION,
            package=PACKAGE,
            requirements=requirements,
            program=f"node_modules/{PACKAGE}/tiny.js" if in_npm else "wasmrun_tiny/tiny",
            probe=("--version",),
            download_bytes=400_000,
            unpacked_bytes=unpacked_bytes,
            manual_install="wasmrun toolchain install tiny",
            registry=registry,
            node=(18,) if in_npm else (),
        )

    def describe(self, address: str) -> bytes:
        """What npm's registry says of the package."""
        dist = {"tarball": f"{address}{_TARBALL}", "integrity": _integrity(self.tarball)}
        versions = {VERSION: {"name": PACKAGE, "version": VERSION, "dist": dist}}
        return json.dumps({"name": PACKAGE, "versions": versions, "dist-tags": {"latest": VERSION}}).encode()

    @contextmanager
    def serve(self, behaviour: Behaviour) -> Iterator[Server]:  # noqa: C901 - one handler, small methods
        """Serve both on the loopback."""
        state = Server(behaviour=behaviour)
        archives = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.rpartition("/")[2]
                if name in _ARCHIVES:
                    self._send_archive(archives.wheel if name == _WHEEL else archives.tarball)
                elif self.path.startswith("/simple/"):
                    digest = hashlib.sha256(archives.wheel).hexdigest()
                    page = f'<!DOCTYPE html><a href="/files/{_WHEEL}#sha256={digest}">{_WHEEL}</a>'
                    self._send("text/html", page.encode())
                else:
                    dist = {
                        "tarball": f"{state.address}{_TARBALL}",
                        "integrity": _integrity(archives.tarball),
                    }
                    versions = {VERSION: {"name": PACKAGE, "version": VERSION, "dist": dist}}
                    page = json.dumps(
                        {"name": PACKAGE, "versions": versions, "dist-tags": {"latest": VERSION}}
                    )
                    self._send("application/json", page.encode())

            def _send(self, kind: str, data: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def _send_archive(self, data: bytes) -> None:
                state.downloads += 1
                if state.behaviour is Behaviour.WRONG:
                    # As long, whole, and one byte is another: of the ballast, or of the time that gzip
                    # notes in its head, so that nothing but the digest tells.
                    at = 5 if data.startswith(b"\x1f\x8b") else len(data) // 2
                    data = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                half = len(data) // 2
                self.wfile.write(data[:half])
                self.wfile.flush()
                state.asked.set()
                if state.behaviour is Behaviour.HALF:
                    self.close_connection = True
                    return
                if state.behaviour is Behaviour.WAITS:
                    state.release.wait(60)
                self.wfile.write(data[half:])

            def handle(self) -> None:
                try:
                    super().handle()
                except ConnectionError:
                    # A client that was killed hangs up.
                    return

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        state.address = f"http://127.0.0.1:{server.server_port}/"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield state
        finally:
            state.release.set()
            server.shutdown()
            server.server_close()


def _integrity(data: bytes) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()
