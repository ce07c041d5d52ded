"""A build to be kept, a remote cache to keep it in, and what was told about it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from wasmrun_py.build.cache.record import CachedFile, CachedResult
from wasmrun_py.build.fingerprint.dependencies import Dependencies
from wasmrun_py.model.events import SilentReporter

if TYPE_CHECKING:
    from pathlib import Path

    from wasmrun_py.build.cache.remote.of_build import RemoteOfBuild
    from wasmrun_py.build.cache.remote.store import RemoteCache

WASM = b"\0asm\1\0\0\0"
SCRIPT = b"export default 1;\n"
FINGERPRINT_KEY = "f" * 64
RESULT_KEY = "e" * 64
DEPENDENCIES = Dependencies(files=("/usr/include/stdio.h",), programs=("cc",))
DETAILS: dict[str, Any] = {
    "language": "C",
    "toolchain": ["emcc", "3.1.6"],
    "wasm": "a.wasm",
    "js": "web/a.js",
    "is_wasm_bindgen": False,
    "binaryen_ran": True,
    "warnings": ["mind the gap"],
    "messages": [],
    "diagnostics": [["main.c", 3, 7, "warning", "unused", "clang"]],
    "wasm_opt": ["105", 900, 800],
}


def sha256(data: bytes) -> str:
    """The digest, hex."""
    return hashlib.sha256(data).hexdigest()


def make_file(folder: Path, name: str, data: bytes, **changed: Any) -> CachedFile:
    """A file of a build in ``folder``, and what the record says of it."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    kind = "wasm" if name.endswith(".wasm") else "js"
    file = CachedFile(name=name, kind=kind, size_bytes=len(data), sha256=sha256(data), executable=False)
    return replace(file, **changed)


def make_result(folder: Path) -> CachedResult:
    """A build of two files in ``folder``."""
    files = (make_file(folder, "a.wasm", WASM, executable=True), make_file(folder, "web/a.js", SCRIPT))
    return CachedResult(files=files, details=DETAILS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A build that asks a remote cache, as another process would: nothing is shared with others.

    Attributes:
        remote: What it asks.
        cache: What the builds of its command share.
        told: The warnings so far.
        noted: What ``-v`` shows.
    """

    remote: RemoteOfBuild
    cache: RemoteCache
    told: list[str] = field(default_factory=list)
    noted: list[str] = field(default_factory=list)


class Asker(Protocol):
    """Makes a build that asks a remote cache."""

    def __call__(self, address: str, *, timeout_s: float = 20, **settings: Any) -> Asked:
        """Ask the cache at ``address``."""


def send(asked: Asked, folder: Path, result: CachedResult | None = None) -> bool:
    """Send the build in ``folder``."""
    made = make_result(folder) if result is None else result
    asked.remote.plan(FINGERPRINT_KEY, RESULT_KEY, result=made, dependencies=DEPENDENCIES)
    return asked.remote.send(folder, SilentReporter())
