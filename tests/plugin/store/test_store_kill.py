"""``kill -9`` anywhere leaves a working installation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.plugin.store.kill_every_operation import Tally, kill_everywhere, prepare, report

if TYPE_CHECKING:
    from pathlib import Path

OPERATIONS = ("install", "update", "rollback", "uninstall", "enable", "disable")


@pytest.mark.slow
@pytest.mark.parametrize("name", OPERATIONS)
def test_killed_at_every_file_operation(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ended before each of its file operations, a change leaves old or new, and no stray file."""
    monkeypatch.delenv("WASMRUN_CACHE_DIR", raising=False)
    operations, project = prepare(tmp_path)
    operation = next(each for each in operations if each.name == name)
    tally = Tally()
    kill_everywhere(operation, tmp_path, project, tally)
    with capsys.disabled():
        report(tally)
    assert tally.broken == []
    assert tally.killed[name] >= 5
    assert tally.old > 0
