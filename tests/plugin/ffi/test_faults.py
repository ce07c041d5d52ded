from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.plugin.ffi.faults import FAULTS, Fault, build_libraries, run_trial

if TYPE_CHECKING:
    from pathlib import Path

_TIMES = 3


@pytest.fixture(scope="session")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return build_libraries(tmp_path_factory.mktemp("faulty"))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault(fault: Fault, libraries: dict[str, Path], tmp_path: Path) -> None:
    """A fault of a library ends its helper and nothing else, in time, and is told as DESIGN §6 rules.

    ``python -m tests.plugin.ffi.fault_table`` prints the table, each fault tried 25 times.
    """
    problems: list[str] = []
    for number in range(1 if fault.hangs else _TIMES):
        scratch = tmp_path / str(number)
        scratch.mkdir()
        problems += run_trial(fault, libraries[fault.library], scratch).problems
    assert not problems


def test_table_is_large_enough() -> None:
    """At least 35 kinds, each of its own name."""
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 35
