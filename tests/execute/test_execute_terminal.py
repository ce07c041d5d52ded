"""What a guest's output may do to a terminal."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wasmrun_py.execute.terminal import CappedCapture, TerminalFilter

_SGR = re.compile(rb"\x1b\[[0-9;:]*m")
_PIECES = st.one_of(
    st.binary(max_size=8),
    st.text(max_size=8).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.sampled_from(
        [
            b"\x1b",
            b"\x1b[",
            b"\x1b[31m",
            b"\x1b[1;38:5:7",
            b"\x1b]0;t\x07",
            b"\x9b31m",
            b"\xc2",
            b"\xc2\x9b",
            b"m",
        ]
    ),
)
_STREAMS = st.lists(_PIECES, max_size=12)


def _filter(*chunks: bytes) -> bytes:
    terminal = TerminalFilter()
    return b"".join(terminal.feed(chunk) for chunk in chunks) + terminal.finish()


def test_text_layout_and_colours_pass_unchanged() -> None:
    """Printable text of any script, newline, tab, return, backspace and SGR."""
    text = "plain\tä€😀\r\n\b\x1b[0;1;31mred\x1b[m\x1b[38:5:7m".encode()
    assert _filter(text) == text


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (b"\x1b]0;title\x07", b"^[]0;title^G"),
        (b"\x1b]52;c;eA==\x1b\\", b"^[]52;c;eA==^[\\"),
        (b"\x1bP1$r0m\x1b\\", b"^[P1$r0m^[\\"),
        (b"\x1b[6n", b"^[[6n"),
        (b"\x1b[2J", b"^[[2J"),
        (b"\x1b[?25l", b"^[[?25l"),
        (b"\x1b[>4;1m", b"^[[>4;1m"),
        (b"\x1bc", b"^[c"),
        (b"\x07\x00\x7f\x0c", b"^G^@^?^L"),
        (b"\x9b31m", b"\\x9b31m"),
        (b"\xc2\x9b31m", b"\\x9b31m"),
        (b"\xff\xc3", b"\\xff\\xc3"),
        (b"\xed\xa0\x80", b"\\xed\\xa0\\x80"),
        (b"end\x1b[1", b"end^[[1"),
        (b"\x1b[" + b"1" * 100 + b"m", b"^[[" + b"1" * 100 + b"m"),
        (b"\x1b\x1b[1m", b"^[\x1b[1m"),
    ],
)
def test_everything_else_is_shown_not_sent(sent: bytes, shown: bytes) -> None:
    """Titles, clipboard writes, queries, cursor moves, C1 in both spellings and bytes that are no text."""
    assert _filter(sent) == shown


@given(_STREAMS)
@example([b"\xc2", b"\x9b"])
@example([b"\x1b", b"[", b"3", b"1", b"m"])
def test_chunk_borders_make_no_difference(chunks: list[bytes]) -> None:
    """The same bytes give the same output however they are cut."""
    whole = b"".join(chunks)
    assert _filter(*chunks) == _filter(whole)
    assert _filter(*(whole[index : index + 1] for index in range(len(whole)))) == _filter(whole)


@given(_STREAMS)
def test_no_control_but_layout_and_colours_ever_comes_out(chunks: list[bytes]) -> None:
    """The output is UTF-8 whose only escape sequences are SGR."""
    out = _SGR.sub(b"", _filter(*chunks)).decode()
    assert not re.search(r"[\x00-\x07\x0b\x0c\x0e-\x1f\x7f-\x9f]", out)


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])))
def test_ordinary_text_is_never_changed(text: str) -> None:
    """Text without control characters comes out as it went in."""
    assert _filter(text.encode()) == text.encode()


@given(st.lists(st.binary()), st.integers(0, 64))
def test_a_capture_keeps_the_beginning_and_counts_the_rest(chunks: list[bytes], limit_bytes: int) -> None:
    """No more than the limit is kept, and nothing goes uncounted."""
    capture = CappedCapture(limit_bytes)
    for chunk in chunks:
        capture(chunk)
    whole = b"".join(chunks)
    assert capture.data == whole[:limit_bytes]
    assert capture.total_bytes == len(whole)
    assert capture.dropped_bytes == max(0, len(whole) - limit_bytes)


def test_a_character_cut_by_the_limit_is_left_out() -> None:
    """The text of a capture ends with a whole character."""
    capture = CappedCapture(2)
    capture("a€".encode())
    assert capture.text == "a"
    whole = CappedCapture(4)
    whole(b"a\xe2\x82")
    assert whole.text == "a\N{REPLACEMENT CHARACTER}"
