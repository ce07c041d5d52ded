"""What stands under an action's key, and the check of what comes back: our record and the files it names.

The record (``build.cache.record``) stands in the field for what an action said, so that one answer brings
it; the files are listed as the protocol wants them, so that a server knows which blobs belong together.
Both must agree. A key of ours is not a key of Bazel's: it is digested once more, with this format's name.
Pure.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import PurePosixPath

from wasmrun_py.build.cache.record import CachedFile, CachedResult, parse_result, parse_sets
from wasmrun_py.build.cache.remote.action_result import (
    ActionResult,
    OutputFile,
    parse_action_result,
    write_action_result,
)
from wasmrun_py.build.cache.remote.fault import IS_IT_A_CACHE, RemoteFault
from wasmrun_py.model.plugin_source import is_device_name

FILE_CAP_BYTES = 512 * 1024 * 1024
TOTAL_CAP_BYTES = 1024 * 1024 * 1024
MOST_FILES = 4096
_FORMAT = "wasmrun build cache 1"
_NAME_CAP = 512
_PART_CAP = 200
_FORBIDDEN = frozenset('\\:*?"<>|')


def remote_key(key: str) -> str:
    """The key of the protocol for a key of ours: 64 hex digits."""
    return hashlib.sha256(f"{_FORMAT}\n{key}".encode("ascii")).hexdigest()


def write_entry(key: str, record: bytes) -> bytes | None:
    """The action for a record, or None for one that no reader would take."""
    result = parse_result(key, record)
    try:
        files = tuple(map(_describe, result.files if result else ()))
        action = write_action_result(ActionResult(files=files, stdout=record))
        parse_entry(key, action)
    except (RemoteFault, UnicodeEncodeError):
        # A name that only this system can write, or more than fits.
        return None
    return action


def parse_entry(key: str, action: bytes) -> bytes:
    """The record in an action that a server sent, checked.

    Raises:
        RemoteFault: It is none of ours, or names what no build makes.
    """
    parsed = parse_action_result(action)
    if parsed is None:
        raise RemoteFault("sent something that is no action", hint=IS_IT_A_CACHE)
    result = parse_result(key, parsed.stdout)
    if result is None:
        if parsed.files or parse_sets(key, parsed.stdout) is None:
            raise RemoteFault("sent an action that is none of this build")
        return parsed.stdout
    if parsed.files != tuple(map(_describe, result.files)):
        raise RemoteFault("sent an action whose files are not those of its record")
    _check_files(result.files)
    _check_texts(result)
    return parsed.stdout


def _describe(file: CachedFile) -> OutputFile:
    return OutputFile(
        path=file.name, sha256=file.sha256, size_bytes=file.size_bytes, executable=file.executable
    )


def _check_files(files: tuple[CachedFile, ...]) -> None:
    if len(files) > MOST_FILES:
        raise RemoteFault(f"sent an action with more than {MOST_FILES} files")
    largest, total = max(file.size_bytes for file in files), sum(file.size_bytes for file in files)
    if largest > FILE_CAP_BYTES or total > TOTAL_CAP_BYTES:
        raise RemoteFault(f"sent an action whose files are larger than {TOTAL_CAP_BYTES >> 20} MB")
    names = [PurePosixPath(file.name) for file in files]
    for file, name in zip(files, names, strict=True):
        if file.name != str(name) or len(file.name) > _NAME_CAP or not all(map(_is_portable, name.parts)):
            raise RemoteFault(f"sent an action with a file called {file.name[:80]!r}")
    # Where letters' case does not count, one would replace the other.
    folded = [PurePosixPath(str(name).casefold()) for name in names]
    if len(set(folded)) != len(folded) or {each for name in folded for each in name.parents} & set(folded):
        raise RemoteFault("sent an action with two files in one place")


def _check_texts(result: CachedResult) -> None:
    """Refuse what no terminal and no document can show: half of a character."""
    texts = [result.details, *(file.kind for file in result.files)]
    try:
        json.dumps(texts, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise RemoteFault("sent an action with text that is none") from error


def _is_portable(part: str) -> bool:
    """Whether a part of a path is a plain name on every system."""
    return (
        len(part) <= _PART_CAP
        and part == part.rstrip(". ")
        and part.isprintable()
        and not _FORBIDDEN.intersection(part)
        and not is_device_name(part)
    )
