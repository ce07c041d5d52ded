"""Numbers in and out of ``--call``."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmrun_py.execute.failure import CallFailure
from wasmrun_py.execute.values import format_value, parse_integer, parse_value

_TYPES = ("i32", "i64", "f32", "f64")


@pytest.mark.parametrize(
    ("text", "type_name", "value"),
    [
        ("-1", "i32", -1),
        ("+7", "i32", 7),
        ("0x7fffffff", "i32", 2**31 - 1),
        ("4294967295", "i32", -1),
        ("0xFFFFFFFF", "i32", -1),
        ("-0x80000000", "i32", -(2**31)),
        ("18446744073709551615", "i64", -1),
        ("-9223372036854775808", "i64", -(2**63)),
        ("1.5", "f64", 1.5),
        (".5", "f32", 0.5),
        ("-inf", "f64", -math.inf),
        ("Infinity", "f32", math.inf),
        ("0x1.8p1", "f64", 3.0),
        ("007", "i32", 7),
    ],
)
def test_numbers_are_read_by_type(text: str, type_name: str, value: float) -> None:
    """Decimal, hex, signed and the unsigned range for integers; decimal, hex and specials for floats."""
    assert parse_value(text, type_name) == value


def test_nan_is_read_as_nan() -> None:
    """``nan`` is a float and no integer."""
    assert math.isnan(parse_value("nan", "f32"))
    with pytest.raises(CallFailure):
        parse_value("nan", "i32")


@pytest.mark.parametrize(
    ("text", "type_name"),
    [
        ("4294967296", "i32"),
        ("-2147483649", "i32"),
        ("0x10000000000000000", "i64"),
        ("9" * 5000, "i64"),
        ("1e39", "f32"),
        ("1e309", "f64"),
        ("0x1p2000", "f64"),
    ],
)
def test_a_number_out_of_range_says_so(text: str, type_name: str) -> None:
    """Nothing wraps or becomes infinite silently."""
    with pytest.raises(CallFailure, match=f"does not fit {type_name}"):
        parse_value(text, type_name)


@pytest.mark.parametrize(
    "text", ["", " 1", "1_000", "1.5.2", "abc", "0x", "٣", "1f", "--1", "e5", "0b1", "."]
)
@pytest.mark.parametrize("type_name", _TYPES)
def test_what_is_no_number_names_the_wanted_type(text: str, type_name: str) -> None:
    """Python's own liberties (underscores, spaces, other digits) are not taken over."""
    with pytest.raises(CallFailure, match=f"and {type_name} is wanted"):
        parse_value(text, type_name)


def test_unsigned_types_of_components_have_their_own_range() -> None:
    """A u8 takes 255 and neither -1 nor 256."""
    assert parse_integer("255", "u8", 0, 255) == 255
    for text in ("-1", "256"):
        with pytest.raises(CallFailure, match="does not fit u8"):
            parse_integer(text, "u8", 0, 255)


def test_f32_results_are_as_short_as_the_type_allows() -> None:
    """0.1 of 32 bits prints as 0.1, not as the 64-bit number nearest to it."""
    assert format_value(struct.unpack("<f", struct.pack("<f", 0.1))[0], "f32") == "0.1"
    assert format_value(0.1, "f64") == "0.1"
    assert format_value(3.0, "f32") == "3.0"
    assert format_value(-0.0, "f32") == "-0.0"


@given(st.integers(-(2**63), 2**63 - 1))
def test_integers_survive_a_round_trip(number: int) -> None:
    """What is printed reads as the same number, in every base and from its unsigned form."""
    assert parse_value(format_value(number, "i64"), "i64") == number
    assert parse_value(hex(number), "i64") == number
    assert parse_value(str(number % 2**64), "i64") == number


@given(st.floats(width=32))
def test_single_floats_survive_a_round_trip(number: float) -> None:
    """Every 32-bit float reads back bit for bit (any NaN as a NaN)."""
    again = parse_value(format_value(number, "f32"), "f32")
    assert math.isnan(again) if math.isnan(number) else struct.pack("<f", again) == struct.pack("<f", number)


@given(st.floats())
def test_double_floats_survive_a_round_trip(number: float) -> None:
    """Every 64-bit float reads back bit for bit, also from hex."""
    again = parse_value(format_value(number, "f64"), "f64")
    assert math.isnan(again) if math.isnan(number) else struct.pack("<d", again) == struct.pack("<d", number)
    if math.isfinite(number):
        assert parse_value(number.hex(), "f64") == number


@given(st.text(), st.sampled_from(_TYPES))
def test_any_text_is_a_number_or_a_call_failure(text: str, type_name: str) -> None:
    """No input makes the parser fail in another way."""
    try:
        value = parse_value(text, type_name)
    except CallFailure:
        return
    assert isinstance(value, float if type_name.startswith("f") else int)
