"""Keeping what tools write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmrun_py.system.spool import LineLog

if TYPE_CHECKING:
    from pathlib import Path


def test_lines_are_added_as_they_come(tmp_path: Path) -> None:
    """A reader sees each at once; a second log goes on where the first ended."""
    path = tmp_path / "logs" / "one.log"
    first = LineLog(path)
    first.add("one")
    assert path.read_text() == "one\n"
    first.close()
    second = LineLog(path)
    second.add("two ü")
    second.close()
    assert path.read_text(encoding="utf-8") == "one\ntwo ü\n"


def test_a_log_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    """The work goes on without it."""
    (tmp_path / "file").write_text("")
    log = LineLog(tmp_path / "file" / "one.log")
    log.add("one")
    log.add("two")
    log.close()
