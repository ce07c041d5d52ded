"""Comparing two builds: the first byte that differs, and what it looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmrun_py.build.differences import compare_outputs, find_first_difference

if TYPE_CHECKING:
    from pathlib import Path


@given(start=st.binary(max_size=9000), one=st.binary(max_size=9), other=st.binary(max_size=9))
def test_the_first_difference_is_found(start: bytes, one: bytes, other: bytes) -> None:
    """As a comparison byte by byte would find it."""
    first, second = start + one, start + other
    pairs = enumerate(zip(first, second, strict=False))
    expected = next((at for at, (a, b) in pairs if a != b), min(len(first), len(second)))
    assert find_first_difference(first, second) == expected


@pytest.mark.parametrize(
    ("one", "other", "offset", "cause"),
    [
        (b"built Nov 21 2026 x", b"built Nov 22 2026 x", 11, "the date or time"),
        (b"at 12:30:05", b"at 12:30:06", 10, "the date or time"),
        (b"in /tmp/a/x", b"in /tmp/bb/x", 8, "an absolute path is in it (/tmp/a)"),
        (b"abc", b"abcd", 3, "one ends there"),
        (b"a1", b"a2", 1, "unknown"),
    ],
)
def test_causes(tmp_path: Path, one: bytes, other: bytes, offset: int, cause: str) -> None:
    """Dates, places, lengths; what looks like nothing is unknown."""
    files = tmp_path / "one", tmp_path / "other"
    for file, data in zip(files, (one, other), strict=True):
        file.write_bytes(data)
    first, second = ({"x.js": file} for file in files)
    (found,) = compare_outputs(first, second, places=("/tmp/a", "/tmp/bb"))  # noqa: S108 - texts
    assert (found.artifact, found.offset) == ("x.js", offset)
    assert cause in found.cause


def test_equal_files_and_missing_ones(tmp_path: Path) -> None:
    """Equal ones are no difference, one that is not there is."""
    file = tmp_path / "a"
    file.write_bytes(b"same")
    assert compare_outputs({"a": file}, {"a": file}, places=()) == ()
    (found,) = compare_outputs({"a": file, "b": file}, {"a": file}, places=())
    assert (found.artifact, found.offset, found.cause) == ("b", None, "only one of the two builds made it")
