"""What an action says: of a fingerprint, what its builds depended on; of a result, what was made.

Pure: values to bytes and back. What cannot be parsed, is of another schema or could point outside a folder is
no record.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from wasmrun_py.build.cache.details import are_details
from wasmrun_py.build.cache.store import is_key
from wasmrun_py.build.fingerprint.dependencies import Dependencies, parse_dependencies
from wasmrun_py.build.fingerprint.sealed import parse_sealed, seal

if TYPE_CHECKING:
    from collections.abc import Mapping

_SCHEMA = 1
# A fingerprint whose builds read ever other files is rebuilt rather than searched for long.
MOST_SETS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedFile:
    """One artifact.

    Attributes:
        name: Relative to the output folder, with ``/``.
        kind: As ``plugin.artifacts.Artifact`` has it.
        size_bytes: Its size.
        sha256: Its digest: the blob's.
        executable: It runs.
    """

    name: str
    kind: str
    size_bytes: int
    sha256: str
    executable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedResult:
    """What a build made.

    Attributes:
        files: Every artifact, the module first.
        details: What else the host needs to tell of it; ``restore`` knows its shape.
    """

    files: tuple[CachedFile, ...]
    details: Mapping[str, Any]


def write_sets(key: str, sets: tuple[Dependencies, ...]) -> bytes:
    """The record of a fingerprint."""
    return seal({"schema": _SCHEMA, "key": key, "sets": [each.to_json() for each in sets[:MOST_SETS]]})


def parse_sets(key: str, data: bytes) -> tuple[Dependencies, ...] | None:
    """What ``write_sets`` wrote for this key, or None."""
    document = _parse(key, data)
    listed = document.get("sets") if document else None
    if not isinstance(listed, list) or len(listed) > MOST_SETS:
        return None
    sets = tuple(parse_dependencies(each) for each in listed)
    return None if None in sets else tuple(each for each in sets if each is not None)


def write_result(key: str, result: CachedResult) -> bytes:
    """The record of a result."""
    files = [
        {
            "name": file.name,
            "kind": file.kind,
            "size_bytes": file.size_bytes,
            "sha256": file.sha256,
            "executable": file.executable,
        }
        for file in result.files
    ]
    return seal({"schema": _SCHEMA, "key": key, "files": files, "details": dict(result.details)})


def parse_result(key: str, data: bytes) -> CachedResult | None:
    """What ``write_result`` wrote for this key, or None."""
    document = _parse(key, data)
    listed, details = (document.get("files"), document.get("details")) if document else (None, None)
    if not isinstance(listed, list) or not listed or not isinstance(details, dict):
        return None
    files = tuple(_parse_file(each) for each in listed)
    whole = tuple(each for each in files if each is not None)
    if len(whole) != len(files) or not are_details(details, {each.name for each in whole}):
        return None
    return CachedResult(files=whole, details=details)


def _parse(key: str, data: bytes) -> dict[str, Any] | None:
    document = parse_sealed(data)
    if document is None or document.get("schema") != _SCHEMA or document.get("key") != key:
        return None
    return document


def _parse_file(document: object) -> CachedFile | None:
    if not isinstance(document, dict):
        return None
    name, kind, size_bytes = document.get("name"), document.get("kind"), document.get("size_bytes")
    sha256, executable = document.get("sha256"), document.get("executable")
    if not isinstance(name, str) or not is_plain_name(name) or not isinstance(kind, str):
        return None
    if type(size_bytes) is not int or size_bytes <= 0 or type(executable) is not bool:
        return None
    if not isinstance(sha256, str) or not is_key(sha256):
        return None
    return CachedFile(name=name, kind=kind, size_bytes=size_bytes, sha256=sha256, executable=executable)


def is_plain_name(name: str) -> bool:
    """Whether a name stays inside the folder it is put into, on every system."""
    pure = PurePosixPath(name)
    parts = pure.parts
    return bool(parts) and not pure.is_absolute() and ".." not in parts and not set(name) & set("\\:\0")
