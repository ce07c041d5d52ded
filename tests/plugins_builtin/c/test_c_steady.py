"""Dates that ``SOURCE_DATE_EPOCH`` fixes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins_builtin.c.steady import format_dates


def test_a_day_is_written_as_the_compiler_writes_it() -> None:
    """Days below ten have a blank, in UTC whatever the zone."""
    assert format_dates("86400") == (
        '#undef __DATE__\n#define __DATE__ "Jan  2 1970"\n'
        '#undef __TIME__\n#define __TIME__ "00:00:00"\n'
        '#undef __TIMESTAMP__\n#define __TIMESTAMP__ "Fri Jan  2 00:00:00 1970"\n'
    )


@pytest.mark.parametrize("epoch", [None, "", "-1", "1.5", "today", "253402300800", "9" * 40, "\u0663"])
def test_what_is_no_second_is_passed_over(epoch: str | None) -> None:
    """Unset, no number, or behind the year 9999."""
    assert format_dates(epoch) is None


@given(epoch=st.integers(0, 253_402_300_799))
def test_every_second_has_a_date(epoch: int) -> None:
    """Eleven characters of date, eight of time."""
    text = format_dates(str(epoch)) or ""
    date, time, stamp = (line.split('"')[1] for line in text.splitlines()[1::2])
    assert (len(date), len(time), len(stamp)) == (11, 8, 24)
