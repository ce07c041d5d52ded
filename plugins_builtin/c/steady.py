"""What keeps one project's modules the same on every machine and day: fixed places, fixed dates. Pure."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_EPOCH = re.compile(r"[0-9]{1,12}")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
# The last second of the year 9999, which is the last that ``__DATE__`` has room for.
_LAST_EPOCH_S = 253_402_300_799


def copy_of(project: Path, work_dir: Path) -> Path:
    """Where the copy of a project lies: under its own name, which Makefiles may use."""
    return work_dir / "tree" / (project.name or "project")


def format_dates(epoch: str | None) -> str | None:
    """A header that fixes the date macros at ``SOURCE_DATE_EPOCH``; None when that is not set or no number.

    Args:
        epoch: Seconds since 1970 in UTC, as text.
    """
    if epoch is None or not _EPOCH.fullmatch(epoch) or int(epoch) > _LAST_EPOCH_S:
        return None
    # Named by hand: strftime would speak the language of the locale.
    when = time.gmtime(int(epoch))
    month, day = _MONTHS[when.tm_mon - 1], _DAYS[when.tm_wday]
    clock = f"{when.tm_hour:02}:{when.tm_min:02}:{when.tm_sec:02}"
    date = f"{month} {when.tm_mday:2} {when.tm_year:04}"
    stamp = f"{day} {month} {when.tm_mday:2} {clock} {when.tm_year:04}"
    values = {"__DATE__": date, "__TIME__": clock, "__TIMESTAMP__": stamp}
    return "".join(f'#undef {name}\n#define {name} "{value}"\n' for name, value in values.items())
