"""The values that ``exec``'s options are parsed into."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmrun_py.execute.request import DirGrant, parse_dir_grant, parse_env, parse_size, split_dir_grant
from wasmrun_py.model.errors import ExecError

if TYPE_CHECKING:
    from pathlib import Path

_UNITS = {
    "": 1,
    "B": 1,
    "KB": 1000,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 1024,
    "MiB": 2**20,
    "GiB": 2**30,
    "k": 1024,
}


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("65536", 65536),
        ("64MB", 64_000_000),
        ("64MiB", 64 * 2**20),
        ("1g", 2**30),
        ("1.5GB", 1_500_000_000),
        ("0.5k", 512),
        ("64 MB", 64_000_000),
    ],
)
def test_sizes_count_decimal_units_in_thousands_and_binary_ones_in_1024s(text: str, size_bytes: int) -> None:
    """MB is 10^6, MiB is 2^20, and a bare letter is binary, as in coreutils."""
    assert parse_size(text) == size_bytes


@pytest.mark.parametrize(
    "text",
    ["", "MB", "-1", "0", "0.1", "1e6", "64XB", "1_000", "٣", "64MB!", "nan", "9" * 18 + "TB", "9" * 40],
)
def test_what_is_no_size_is_an_error_with_a_hint(text: str) -> None:
    """Bad, zero and absurd sizes are refused with the forms that are allowed."""
    with pytest.raises(ExecError) as caught:
        parse_size(text)
    assert "MiB" in caught.value.hint


@given(number=st.integers(1, 10**9), unit=st.sampled_from(sorted(_UNITS)))
def test_every_whole_size_is_read_exactly(number: int, unit: str) -> None:
    """A whole number and a unit, in any case, give exactly their product."""
    wanted = number * _UNITS[unit]
    assert parse_size(f"{number}{unit}") == wanted
    assert parse_size(f"{number}{unit.lower()}") == wanted


@given(st.text())
def test_any_text_is_a_size_or_an_exec_error(text: str) -> None:
    """No input makes the parser fail in another way, and a size is positive."""
    try:
        size_bytes = parse_size(text)
    except ExecError:
        return
    assert size_bytes > 0


def test_an_environment_variable_is_a_pair_or_copied_from_the_host() -> None:
    """``K=V`` is taken as it is, with further equals signs; ``K`` alone takes the host's value."""
    assert parse_env("A=b=c", {}) == ("A", "b=c")
    assert parse_env("A=", {"A": "host"}) == ("A", "")
    assert parse_env("A", {"A": "host"}) == ("A", "host")


@pytest.mark.parametrize("text", ["", "=v", "MISSING", "A=\0"])
def test_an_unusable_environment_variable_is_refused(text: str) -> None:
    """No name, a NUL, or nothing to copy."""
    with pytest.raises(ExecError):
        parse_env(text, {})


def test_a_grant_is_host_guest_and_ro(tmp_path: Path) -> None:
    """``HOST:GUEST:ro``, relative to the working folder; the guest's name defaults to HOST as written."""
    (tmp_path / "data").mkdir()
    data = tmp_path / "data"
    assert parse_dir_grant("data", tmp_path) == DirGrant(host=data, guest="data", read_only=False)
    assert parse_dir_grant(f"{data}", tmp_path) == DirGrant(host=data, guest=str(data), read_only=False)
    assert parse_dir_grant(".:/data:ro", tmp_path) == DirGrant(host=tmp_path, guest="/data", read_only=True)
    assert parse_dir_grant("data:ro", tmp_path) == DirGrant(host=data, guest="data", read_only=True)
    assert parse_dir_grant("data:./ro", tmp_path) == DirGrant(host=data, guest="./ro", read_only=False)
    assert parse_dir_grant("data/../data", tmp_path).host == data


@pytest.mark.parametrize("text", ["", ":/data", "data:", "data::ro", "data:/a:rw", "data:/a:/b:ro", "a\0b"])
def test_a_grant_of_another_form_is_refused(text: str, tmp_path: Path) -> None:
    """Empty and surplus parts are errors whose hint shows the form."""
    (tmp_path / "data").mkdir()
    with pytest.raises(ExecError) as caught:
        parse_dir_grant(text, tmp_path)
    assert "HOST[:GUEST][:ro]" in caught.value.hint


def test_a_missing_folder_or_a_file_cannot_be_granted(tmp_path: Path) -> None:
    """The message names the whole path and what is wrong with it."""
    (tmp_path / "file").touch()
    with pytest.raises(ExecError, match=r"missing.* does not exist"):
        parse_dir_grant("missing", tmp_path)
    with pytest.raises(ExecError, match=r"file.* is not a folder"):
        parse_dir_grant("file", tmp_path)


def test_a_drive_letter_belongs_to_the_host_on_windows_only() -> None:
    r"""``C:\x:/data`` splits behind the drive there; elsewhere ``c`` is a folder."""
    assert split_dir_grant("C:\\x", windows=True) == ("C:\\x", "C:\\x", False)
    assert split_dir_grant("C:/x:/data:ro", windows=True) == ("C:/x", "/data", True)
    assert split_dir_grant("c:/data", windows=False) == ("c", "/data", False)


_PART = st.text(st.characters(exclude_characters=":\0"), min_size=1).filter(lambda text: text != "ro")


@given(host=_PART, guest=st.none() | _PART, read_only=st.booleans())
def test_every_grant_splits_into_what_it_was_joined_from(
    host: str,
    guest: str | None,
    read_only: bool,  # noqa: FBT001 - hypothesis passes by keyword
) -> None:
    """Joining with colons and splitting are inverse for parts without colons."""
    text = ":".join([host, *([guest] if guest else []), *(["ro"] if read_only else [])])
    assert split_dir_grant(text, windows=False) == (host, guest or host, read_only)


@given(st.text(), st.booleans())
def test_any_text_is_a_grant_or_an_exec_error(text: str, windows: bool) -> None:  # noqa: FBT001 - as above
    """No input makes the splitter fail in another way, and no part is empty."""
    try:
        host, guest, _ = split_dir_grant(text, windows=windows)
    except ExecError:
        return
    assert host
    assert guest
