"""The one message of the protocol: ``build.bazel.remote.execution.v2.ActionResult``, as bytes and back.

Servers check it (they refuse an entry that is no ActionResult, and hide one whose files they do not have),
so it is a real one, with the two fields that we need: what was made, and what was said. That is two kinds
of values, which does not justify a library with generated code. What is not ours to know is skipped; what
is no protobuf is None. Pure.

Source: remote_execution.proto of the Remote Execution API v2; protobuf's "Encoding".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_OUTPUT_FILES, _STDOUT_RAW = 2, 5
_FILE_PATH, _FILE_DIGEST, _FILE_IS_EXECUTABLE = 1, 2, 4
_DIGEST_HASH, _DIGEST_SIZE = 1, 2
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_FIXED_BYTES = {_FIXED64: 8, _FIXED32: 4}
_VARINT_BYTES = 10
_MOST_FIELDS = 50_000
_VARINT_CAP = 1 << 64
_SIGN_BIT = 1 << 63


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFile:
    """One file of an action.

    Attributes:
        path: Relative, with ``/``; not to be trusted.
        sha256: Whatever stands for its digest; not to be trusted.
        size_bytes: Its size; not to be trusted.
        executable: It runs.
    """

    path: str
    sha256: str
    size_bytes: int
    executable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionResult:
    """What the protocol keeps of an action.

    Attributes:
        files: What it made.
        stdout: What it said: our own record.
    """

    files: tuple[OutputFile, ...] = ()
    stdout: bytes = b""


def write_action_result(result: ActionResult) -> bytes:
    """The message."""
    files = b"".join(_field(_OUTPUT_FILES, _write_file(file)) for file in result.files)
    return files + (_field(_STDOUT_RAW, result.stdout) if result.stdout else b"")


def parse_action_result(data: bytes) -> ActionResult | None:
    """The message in ``data``, or None when it is none."""
    files: list[OutputFile] = []
    stdout = b""
    try:
        for number, value in _fields(data):
            if number == _OUTPUT_FILES:
                files.append(_parse_file(_as_bytes(value)))
            elif number == _STDOUT_RAW:
                stdout = _as_bytes(value)
    except ValueError:
        return None
    return ActionResult(files=tuple(files), stdout=stdout)


def _write_file(file: OutputFile) -> bytes:
    digest = _field(_DIGEST_HASH, file.sha256.encode()) + _number(_DIGEST_SIZE, file.size_bytes)
    runs = _number(_FILE_IS_EXECUTABLE, 1) if file.executable else b""
    return _field(_FILE_PATH, file.path.encode()) + _field(_FILE_DIGEST, digest) + runs


def _parse_file(data: bytes) -> OutputFile:
    path, sha256, size_bytes, executable = "", "", 0, False
    for number, value in _fields(data):
        if number == _FILE_PATH:
            path = _as_bytes(value).decode()
        elif number == _FILE_DIGEST:
            sha256, size_bytes = _parse_digest(_as_bytes(value))
        elif number == _FILE_IS_EXECUTABLE:
            executable = bool(_as_number(value))
    return OutputFile(path=path, sha256=sha256, size_bytes=size_bytes, executable=executable)


def _parse_digest(data: bytes) -> tuple[str, int]:
    sha256, size_bytes = "", 0
    for number, value in _fields(data):
        if number == _DIGEST_HASH:
            sha256 = _as_bytes(value).decode()
        elif number == _DIGEST_SIZE:
            size_bytes = _as_number(value)
    # An int64 that is negative is written as its complement.
    return sha256, size_bytes - _VARINT_CAP if size_bytes & _SIGN_BIT else size_bytes


def _fields(data: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Every field's number with its value; those of a fixed width are passed over.

    Raises:
        ValueError: ``data`` is no message.
    """
    at = count = 0
    while at < len(data):
        count += 1
        if count > _MOST_FIELDS:
            raise ValueError("a message has too many fields")
        tag, at = _read_varint(data, at)
        number, wire_type = tag >> 3, tag & 7
        if number == 0:
            raise ValueError("a field has the number 0")
        if wire_type == _VARINT:
            value, at = _read_varint(data, at)
            yield number, value
            continue
        if wire_type == _LENGTH:
            length, at = _read_varint(data, at)
        elif wire_type in _FIXED_BYTES:
            length = _FIXED_BYTES[wire_type]
        else:
            raise ValueError(f"wire type {wire_type} is none")
        if length > len(data) - at:
            raise ValueError("a field is longer than the message")
        if wire_type == _LENGTH:
            yield number, data[at : at + length]
        at += length


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins at ``at``, and where it ends."""
    value = 0
    for index, byte in enumerate(data[at : at + _VARINT_BYTES]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:  # noqa: PLR2004 - the bit that says "more follows"
            if value >= _VARINT_CAP:
                raise ValueError("a number has more than 64 bits")
            return value, at + index + 1
    raise ValueError("a number does not end")


def _write_varint(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - as above
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def _field(number: int, content: bytes) -> bytes:
    return _write_varint(number << 3 | _LENGTH) + _write_varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _write_varint(number << 3 | _VARINT) + _write_varint(value)


def _as_bytes(value: bytes | int) -> bytes:
    if isinstance(value, int):
        raise ValueError("a number stands where bytes belong")  # noqa: TRY004 - of a message, not of a type
    return value


def _as_number(value: bytes | int) -> int:
    if isinstance(value, bytes):
        raise ValueError("bytes stand where a number belongs")  # noqa: TRY004 - as above
    return value
