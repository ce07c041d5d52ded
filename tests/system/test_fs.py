"""Files that are old or new, never half."""

from __future__ import annotations

import errno
import multiprocessing
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from wasmrun_py.model.errors import OutputError
from wasmrun_py.system.fs import (
    atomic_write,
    exclusive_lock,
    remove_empty_folders,
    remove_tree,
    staging_folder,
    translate_write_errors,
    write_chunks,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_a_write_replaces_or_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure in the middle leaves the old bytes and no temporary file."""
    file = tmp_path / "sub" / "file"
    atomic_write(file, b"old")
    assert file.stat().st_mode & 0o777 == 0o644

    def fail(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OutputError, match="the disk is full"):
        atomic_write(file, b"new")
    assert file.read_bytes() == b"old"
    assert list(file.parent.iterdir()) == [file]


def test_staging_leaves_nothing(tmp_path: Path) -> None:
    """The folder and the parents made for it are gone afterwards, also after a failure."""
    with staging_folder(tmp_path / "a" / "b", prefix="x-") as staging:
        (staging / "file").write_text("x", encoding="utf-8")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(KeyboardInterrupt), staging_folder(tmp_path / "a", prefix="x-"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_staging_keeps_what_was_published_beside_it(tmp_path: Path) -> None:
    """A parent that holds something now stays."""
    with staging_folder(tmp_path / "dist", prefix="x-"):
        (tmp_path / "dist" / "result").write_text("x", encoding="utf-8")
    assert [path.name for path in (tmp_path / "dist").iterdir()] == ["result"]


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    """A staging folder of a dead process of this machine goes; a living one's and a foreign one stay."""
    code = (
        "import os, pathlib, sys; from wasmrun_py.system.fs import staging_folder;"
        "context = staging_folder(pathlib.Path(sys.argv[1]), prefix='x-'); context.__enter__(); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    (left,) = tmp_path.iterdir()
    (tmp_path / "x-user-notes").mkdir()
    with staging_folder(tmp_path, prefix="x-") as living, staging_folder(tmp_path, prefix="x-"):
        assert living.exists()
        assert not left.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["x-user-notes"]


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EROFS, "the file system is read-only"),
        (errno.EACCES, "permission denied"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_reasons_are_told_in_words(number: int, reason: str) -> None:
    """An OSError becomes the sentence a person understands, exit 1."""
    with pytest.raises(OutputError) as caught, translate_write_errors("write /x"):
        raise OSError(number, os.strerror(number))
    assert caught.value.message == f"Could not write /x: {reason}"
    assert caught.value.exit_code == 1


def test_removing_a_tree_does_not_follow_links(tmp_path: Path) -> None:
    """A link inside is removed, what it points to stays."""
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("x", encoding="utf-8")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "precious")
    remove_tree(tmp_path / "tree")
    assert not (tmp_path / "tree").exists()
    assert (tmp_path / "precious" / "file").exists()


def test_empty_folders_are_removed_up_to_a_stop(tmp_path: Path) -> None:
    """Only empty ones, and never the stop itself or anything outside it."""
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    (tmp_path / "a" / "file").write_text("x", encoding="utf-8")
    remove_empty_folders(tmp_path / "a" / "b" / "c", down_to=tmp_path)
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["file"]
    remove_empty_folders(tmp_path, down_to=tmp_path / "a")
    assert tmp_path.exists()


def _hold(lock: Path, log: Path, name: str, held_s: float = 0.05) -> None:
    with exclusive_lock(lock, on_wait=lambda: None):
        with log.open("a", encoding="utf-8") as stream:
            stream.write(f"{name} in\n")
        time.sleep(held_s)
        with log.open("a", encoding="utf-8") as stream:
            stream.write(f"{name} out\n")


def test_a_lock_has_one_holder(tmp_path: Path) -> None:
    """Of several processes, each is alone between taking and releasing the lock."""
    context = multiprocessing.get_context("spawn")
    lock, log = tmp_path / "locks" / "x.lock", tmp_path / "log"
    workers = [context.Process(target=_hold, args=(lock, log, str(number))) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    lines = log.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 8
    for entered, left in zip(lines[::2], lines[1::2], strict=True):
        assert (entered.split()[0], left.split()[1]) == (left.split()[0], "out")


def test_a_waiter_is_told(tmp_path: Path) -> None:
    """Somebody who must wait for a lock can say so."""
    told: list[str] = []
    context = multiprocessing.get_context("spawn")
    log = tmp_path / "log"
    worker = context.Process(target=_hold, args=(tmp_path / "lock", log, "other", 2.0))
    worker.start()
    while not log.exists():
        time.sleep(0.005)
    with exclusive_lock(tmp_path / "lock", on_wait=lambda: told.append("waiting")):
        assert log.read_text(encoding="utf-8").splitlines()[-1] == "other out"
    worker.join()
    assert told == ["waiting"]


def test_a_file_is_written_piece_by_piece(tmp_path: Path) -> None:
    """All pieces in order, in folders that are made; the size is given back."""
    path = tmp_path / "deep" / "file"
    assert write_chunks(path, iter((b"one ", b"", b"two"))) == 7
    assert path.read_bytes() == b"one two"


def test_a_file_that_is_there_is_not_written_over_piece_by_piece(tmp_path: Path) -> None:
    """Neither a file nor what a link leads to."""
    (tmp_path / "file").write_bytes(b"kept")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    for name in ("file", "link"):
        with pytest.raises(OutputError):
            write_chunks(tmp_path / name, (b"other",))
    assert (tmp_path / "file").read_bytes() == b"kept"
