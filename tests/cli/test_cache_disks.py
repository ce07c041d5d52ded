"""The build cache on a disk of its own: small, full, or another one than the project's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import require_tool

if TYPE_CHECKING:
    from pathlib import Path

# 400 kB that no compression or optimization makes smaller.
MAIN = """#include <stdio.h>
__attribute__((used)) char data[400000] = {1};
int main(void) { return puts("x") < 0; }
"""


def _compile_twice(
    environ: dict[str, str], folder: Path, mounting: str, between: str
) -> list[dict[str, Any]]:
    """Two compiles in a name space of their own, where ``mounting`` gave the cache a disk."""
    unshare = require_tool("unshare")
    require_tool("clang")
    project, cache = folder / "app", folder / "cache"
    project.mkdir()
    cache.mkdir()
    (project / "main.c").write_text(MAIN)
    compiling = f"{sys.executable} -m wasmrun_py compile {project} --json --toolchain clang -O debug"
    run = f"{compiling} > {folder}/%s.json 2> {folder}/%s.err || exit 9"
    script = f"{mounting.format(cache=cache)} && {{ {run}; {between.format(cache=cache)}; {run}; }}"
    argv = [unshare, "--map-root-user", "-m", "/bin/sh", "-c", script % ("1", "1", "2", "2")]
    env = {**environ, "WASMRUN_CACHE_DIR": str(cache)}
    finished = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    said = [(folder / f"{each}.err").read_text() for each in "12" if (folder / f"{each}.err").exists()]
    assert finished.returncode == 0, (finished.stderr, said)
    documents = [json.loads((folder / f"{each}.json").read_bytes()) for each in "12"]
    return [{**each, "said": text} for each, text in zip(documents, said, strict=True)]


@pytest.mark.parametrize("size", ["200k", "16k", "4k"])
def test_a_cache_on_a_full_disk(environ: dict[str, str], tmp_path: Path, size: str) -> None:
    """The build goes on, with one warning, and nothing half is left that the next one would trip over."""
    mounting = f"mount -t tmpfs -o size={size} none {{cache}}"
    first, second = _compile_twice(environ, tmp_path, mounting, f"find {{cache}} > {tmp_path}/left")
    for document in (first, second):
        assert document["cache"] == "miss"
        assert document["said"].count("The build cache is not written") == 1, document["said"]
        assert document["said"].count("warning") == 1, document["said"]
    names = [os.path.basename(line) for line in (tmp_path / "left").read_text().splitlines()]  # noqa: PTH119
    assert not [name for name in names if "tmp" in name.lower() or name.startswith(".")]


def test_a_disk_that_has_room_again(environ: dict[str, str], tmp_path: Path) -> None:
    """A disk that was full at the first build takes the second one."""
    mounting = (
        "mount -t tmpfs -o size=2m none {cache} && dd if=/dev/zero of={cache}/filler bs=1k 2>/dev/null;true"
    )
    first, second = _compile_twice(environ, tmp_path, mounting, "rm {cache}/filler")
    assert (first["cache"], first["said"].count("not written")) == ("miss", 1)
    assert second["cache"] == "miss"
    assert "warning" not in second["said"]


def test_a_cache_on_another_disk(environ: dict[str, str], tmp_path: Path) -> None:
    """Nothing rests on renaming from one to the other: the second build is a hit, without a warning."""
    first, second = _compile_twice(environ, tmp_path, "mount -t tmpfs -o size=8m none {cache}", "true")
    assert (first["cache"], second["cache"]) == ("miss", "hit")
    assert "warning" not in first["said"] + second["said"]
    assert [each["sha256"] for each in first["artifacts"]] == [each["sha256"] for each in second["artifacts"]]
