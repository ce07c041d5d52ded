"""The cache of compiled modules, seen from outside: entries on disk and what a run makes of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from wasmrun_py.execute.module_cache import CacheKey, evict, find_entry, store_entry
from wasmrun_py.execute.request import Limits, RunOutcome, RunRequest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Execute = Callable[[RunRequest], tuple[RunOutcome, str]]
    Wat = Callable[[str], Path]

_TEXT = '(module (func (export "f") (result i32) (i32.const 5)))'
_KEY = CacheKey("module", "engine")


def _entries(cache: Path) -> list[Path]:
    return sorted(cache.glob("*.cwasm"))


@pytest.fixture
def request_with_cache(wat: Wat, tmp_path: Path) -> RunRequest:
    """A call that answers 5, with a cache folder that does not exist yet."""
    return RunRequest(module=wat(_TEXT), call="f", cache_dir=tmp_path / "cache" / "modules")


def test_a_second_run_uses_the_entry(request_with_cache: RunRequest, wat: Wat, execute: Execute) -> None:
    """With the entry replaced by another module's, its answer comes: nothing was compiled."""
    cache = request_with_cache.cache_dir
    assert cache is not None
    assert execute(request_with_cache)[0].results == ("5",)
    assert len(_entries(cache)) == 1
    own = _entries(cache)[0]
    module = wat(_TEXT.replace("5", "6"))
    assert execute(request_with_cache)[0].results == ("6",)
    other = next(entry for entry in _entries(cache) if entry != own)
    for suffix in (".cwasm", ".sha256"):
        own.with_suffix(suffix).write_bytes(other.with_suffix(suffix).read_bytes())
    module.write_bytes(wat(_TEXT).read_bytes())
    assert execute(request_with_cache)[0].results == ("6",)


def test_the_folder_is_private_and_holds_no_leftovers(
    request_with_cache: RunRequest, execute: Execute
) -> None:
    """Only its owner may enter, and an entry is exactly two files."""
    cache = request_with_cache.cache_dir
    assert cache is not None
    execute(request_with_cache)
    assert cache.stat().st_mode & 0o777 == 0o700
    assert sorted(path.suffix for path in cache.iterdir()) == [".cwasm", ".sha256"]


@pytest.mark.parametrize("damage", ["entry", "digest", "both", "no digest", "empty"])
def test_a_damaged_entry_is_compiled_anew(
    request_with_cache: RunRequest, execute: Execute, damage: str
) -> None:
    """Torn, foreign or half-written entries are a miss, and are mended by the next run."""
    cache = request_with_cache.cache_dir
    assert cache is not None
    execute(request_with_cache)
    entry = _entries(cache)[0]
    digest = entry.with_suffix(".sha256")
    good = entry.read_bytes()
    if damage in {"entry", "both"}:
        entry.write_bytes(good[:1000] + b"\0" * (len(good) - 1000))
    if damage == "empty":
        entry.write_bytes(b"")
    if damage == "digest":
        digest.write_text("0" * 64)
    if damage == "no digest":
        digest.unlink()
    if damage == "both":
        import hashlib  # noqa: PLC0415 - one case of five

        digest.write_text(hashlib.sha256(entry.read_bytes()).hexdigest())
    assert execute(request_with_cache)[0].results == ("5",)
    assert find_entry(str(cache), CacheKey("other", "")) is None
    assert len(entry.read_bytes()) == len(good)
    assert execute(request_with_cache)[0].results == ("5",)


def test_different_limits_have_different_entries(request_with_cache: RunRequest, execute: Execute) -> None:
    """Code with and without checks is never mixed up."""
    cache = request_with_cache.cache_dir
    assert cache is not None
    for limits in (Limits(), Limits(timeout_s=20), Limits(fuel=1000), Limits(max_memory_bytes=2**20)):
        request = RunRequest(
            module=request_with_cache.module, call="f", cache_dir=request_with_cache.cache_dir, limits=limits
        )
        assert execute(request)[0].results == ("5",)
        assert execute(request)[0].results == ("5",)
    assert len(_entries(cache)) == 4


def test_a_folder_others_can_write_is_not_trusted(request_with_cache: RunRequest, execute: Execute) -> None:
    """Entries are native code: a folder open to others is neither read nor written."""
    cache = request_with_cache.cache_dir
    assert cache is not None
    cache.mkdir(parents=True)
    cache.chmod(0o777)
    assert execute(request_with_cache)[0].results == ("5",)
    assert list(cache.iterdir()) == []


def test_an_unusable_folder_is_no_cache_and_no_failure(
    request_with_cache: RunRequest, execute: Execute, tmp_path: Path
) -> None:
    """A file in the way does not keep the guest from running."""
    (tmp_path / "cache").write_text("in the way")
    assert execute(request_with_cache)[0].results == ("5",)


def test_an_entry_is_found_after_it_was_stored(tmp_path: Path) -> None:
    """Storing and finding agree, and a find marks the entry as used."""
    store_entry(str(tmp_path), _KEY, lambda: b"code")
    entry = tmp_path / f"{_KEY.file_stem}.cwasm"
    os.utime(entry, (1, 1))
    assert find_entry(str(tmp_path), _KEY) == str(entry)
    assert entry.stat().st_mtime > 1
    assert find_entry(str(tmp_path), CacheKey("module", "other engine")) is None


def test_the_least_recently_used_entries_go_first(tmp_path: Path) -> None:
    """Beyond the cap the oldest go, with their digests; strangers' files and fresh temporaries stay."""
    for age_s, name in ((300, "old"), (200, "middle"), (100, "new")):
        for suffix in (".cwasm", ".sha256"):
            path = tmp_path / f"{name}{suffix}"
            path.write_bytes(b"x" * 100)
            os.utime(path, (1_000_000 - age_s, 1_000_000 - age_s))
    (tmp_path / "fresh.cwasm.1.tmp").touch()
    (tmp_path / "stale.cwasm.1.tmp").touch()
    os.utime(tmp_path / "stale.cwasm.1.tmp", (1, 1))
    (tmp_path / "README").touch()
    evict(str(tmp_path), cap_bytes=200)
    kept = {path.name for path in tmp_path.iterdir()}
    assert kept == {
        "middle.cwasm",
        "middle.sha256",
        "new.cwasm",
        "new.sha256",
        "fresh.cwasm.1.tmp",
        "README",
    }
