"""Sizes as people write them: ``65536``, ``64KB``, ``1.5 GiB``."""

from __future__ import annotations

import re

SIZE_HINT = (
    "Write a number of bytes, or a number with KB, MB, GB (powers of 1000) or KiB, MiB, GiB (of 1024)."
)

_SIZE = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,9}))?[ ]?([a-z]{0,3})", re.IGNORECASE)
_UNIT_BYTES = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    # As in coreutils, a bare letter counts in powers of two.
    "k": 2**10,
    "m": 2**20,
    "g": 2**30,
    "t": 2**40,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}
_LARGEST_BYTES = 2**62


class SizeError(ValueError):
    """A text is not a size, or not one that makes sense; the message says which."""


def parse_size_bytes(text: str) -> int:
    """Read a size: ``65536``, ``64KB`` (64 000), ``64KiB`` (65 536), ``1.5GB``, ``64m`` (64 MiB).

    Returns:
        Bytes, at least 1, rounded down.

    Raises:
        SizeError: The text is not a size, or it is zero or absurdly large.
    """
    match = _SIZE.fullmatch(text.strip(" "))
    unit_bytes = _UNIT_BYTES.get(match[3].lower()) if match else None
    if match is None or unit_bytes is None:
        raise SizeError(f"{text!r} is not a size")
    fraction = match[2] or ""
    size_bytes: int = int(match[1] + fraction) * unit_bytes // 10 ** len(fraction)
    if not 0 < size_bytes <= _LARGEST_BYTES:
        what = "too small" if size_bytes == 0 else "too large"
        raise SizeError(f"The size {text!r} is {what}")
    return size_bytes
