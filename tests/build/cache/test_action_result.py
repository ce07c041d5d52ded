"""The message of the remote cache's protocol: bytes and back, and what is no message."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wasmrun_py.build.cache.remote.action_result import (
    ActionResult,
    OutputFile,
    parse_action_result,
    write_action_result,
)

# One file of 300 bytes that runs, and "hi"; put together by hand from the encoding's rules.
KNOWN = b"\x12\x12\x0a\x05a.wsm\x12\x07\x0a\x02ab\x10\xac\x02\x20\x01\x2a\x02hi"

files = st.builds(
    OutputFile,
    path=st.text(max_size=40),
    sha256=st.text(max_size=70),
    size_bytes=st.integers(0, 2**63 - 1),
    executable=st.booleans(),
)
results = st.builds(
    ActionResult, files=st.lists(files, max_size=8).map(tuple), stdout=st.binary(max_size=400)
)


@given(results)
def test_a_message_comes_back(result: ActionResult) -> None:
    """What is written is what is read, whatever the names, sizes and bytes."""
    assert parse_action_result(write_action_result(result)) == result


@given(st.binary(max_size=200))
@example(b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")
@example(b"\x2a\x80")
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Bytes from a server raise nothing: they are a message, or they are none."""
    parsed = parse_action_result(data)
    assert parsed is None or isinstance(parsed, ActionResult)


@given(results, st.integers(0, 2000))
def test_a_message_cut_short_is_never_taken_for_the_whole(result: ActionResult, cut: int) -> None:
    """A part of a message is another message or none."""
    data = write_action_result(result)
    if cut < len(data):
        assert parse_action_result(data[:cut]) != result


def test_the_encoding_is_protobuf() -> None:
    """The bytes are those that the encoding prescribes, field by field."""
    file = OutputFile(path="a.wsm", sha256="ab", size_bytes=300, executable=True)
    assert write_action_result(ActionResult(files=(file,), stdout=b"hi")) == KNOWN
    assert parse_action_result(KNOWN) == ActionResult(files=(file,), stdout=b"hi")


def test_fields_of_others_are_passed_over() -> None:
    """exit_code, metadata and fixed-width fields of a newer server are no obstacle."""
    extra = b"\x20\x01" + b"\x4a\x03abc" + b"\x79" + bytes(8) + b"\x7d" + bytes(4)
    parsed = parse_action_result(extra + KNOWN)
    assert parsed == parse_action_result(KNOWN)


@pytest.mark.parametrize(
    "data",
    [
        b"<html><body>Log in</body></html>",
        b'{"ok": true}',
        b"\x02\x00",  # field number 0
        b"\x13\x14",  # a group
        b"\x10\x01",  # output_files as a number
        b"\x12\x02\x0a\x05",  # a path longer than the message
        b"\x12\x04\x0a\x02\xff\xfe",  # a path that is not UTF-8
        b"\x2a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",  # a length of more than 64 bits
        b"\x22\x00" * 60_000,  # far too many fields
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    """HTML, JSON, broken lengths, wrong kinds and floods of fields are no message."""
    assert parse_action_result(data) is None


def test_a_negative_size_stays_negative() -> None:
    """A size with the sign bit is read as what it says, for the caller to refuse."""
    digest = b"\x0a\x02ab\x10" + b"\xff" * 9 + b"\x01"
    parsed = parse_action_result(b"\x12" + bytes([len(digest) + 2]) + b"\x12" + bytes([len(digest)]) + digest)
    assert parsed is not None
    assert parsed.files[0].size_bytes == -1
