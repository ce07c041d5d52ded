"""How many files and connections this process may have open at once."""

from __future__ import annotations

import sys


def raise_descriptor_limit(wanted: int) -> None:
    """Allow as many open files as are wanted, or as the system lets us; never fewer than before.

    Children get the same limit. Windows has none of this kind.
    """
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - not there on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        except (OSError, ValueError):
            # A container may forbid it: fewer pages can listen then.
            return
