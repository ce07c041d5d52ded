"""Print the fault table: every fault, tried many times, with the counts.

    python -m tests.plugin.ffi.fault_table [--times 25] [WORD …]

A WORD keeps the faults whose name holds it. Ends with 1 when one trial was not as it must be.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path

from tests.plugin.ffi.faults import FAULTS, Fault, build_libraries, run_trial


def main() -> int:
    """Run the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--times", type=int, default=25)
    options.add_argument("words", nargs="*")
    chosen = options.parse_args()
    faults = [each for each in FAULTS if not chosen.words or any(word in each.name for word in chosen.words)]
    with tempfile.TemporaryDirectory(prefix="fault-table-") as folder:
        libraries = build_libraries(_sub(Path(folder), "libraries"))
        before = _counts()
        rows = [_row(fault, libraries[fault.library], chosen.times, Path(folder)) for fault in faults]
        after = _counts()
    failed = rows.count(False)
    sys.stdout.write(
        f"\n{len(faults)} kinds x {chosen.times}: {len(faults) - failed} as they must be, {failed} not; "
        f"this process ran through, descriptors {before[0]} -> {after[0]}, "
        f"threads {before[1]} -> {after[1]}\n"
    )
    return 1 if failed else 0


def _row(fault: Fault, library: Path, times: int, folder: Path) -> bool:
    """Try one fault, print its line; whether every trial was as it must be."""
    problems: Counter[str] = Counter()
    slowest_s, good = 0.0, 0
    for _ in range(times):
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            trial = run_trial(fault, library, Path(scratch))
        slowest_s = max(slowest_s, trial.duration_s)
        good += not trial.problems
        problems.update(trial.problems)
    phase = fault.phase or "-"
    sys.stdout.write(
        f"{fault.name:38} {fault.outcome:12} {phase:22} {good:3}/{times:<3} slowest {slowest_s:5.2f} s\n"
    )
    for problem, count in problems.most_common(3):
        sys.stdout.write(f"    {count} x {problem}\n")
    sys.stdout.flush()
    return good == times


def _counts() -> tuple[int, int]:
    """Open descriptors and threads of this process."""
    return len(os.listdir("/proc/self/fd")), threading.active_count()  # noqa: PTH208 - a count, no paths


def _sub(folder: Path, name: str) -> Path:
    made = folder / name
    made.mkdir()
    return made


if __name__ == "__main__":
    sys.exit(main())
