"""Whatever is edited, and however: what comes out of the cache is what a build would have made."""

from __future__ import annotations

import os
import random
import shutil
import time
from typing import TYPE_CHECKING

import pytest

from tests.build.caching import ClangProject

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAIN = """#include "../shared/numbers.h"
#include <own.h>
#include "generated.h"
#if __has_include("optional.h")
#include "optional.h"
#else
#define OPTIONAL 0
#endif
int other(void);
int main(void) { return NUMBER + OWN + GENERATED + OPTIONAL + other() + EXTRA; }
"""
_SETTLED_S = 0.1
OTHER = "int other(void) { return 1; }\n"


def _lay_out(folder: Path) -> ClangProject:
    project = folder / "project"
    for name in ("project/src", "project/include", "project/ignored", "shared", "late"):
        (folder / name).mkdir(parents=True)
    (project / ".gitignore").write_text("generated.h\noptional.h\n*.ignored.c\n")
    (project / ".git").mkdir()
    (project / "main.c").write_text(MAIN)
    (project / "src" / "other.c").write_text(OTHER)
    (project / "include" / "own.h").write_text("#define OWN 1\n")
    (project / "generated.h").write_text("#define GENERATED 1\n")
    (folder / "shared" / "numbers.h").write_text('#include "more.h"\n#define NUMBER MORE\n')
    (folder / "shared" / "more.h").write_text("#define MORE 1\n")
    return ClangProject(folder=folder, project=project)


class _Editor:
    """Edits at random, in all the ways that people and tools do."""

    def __init__(self, bench: ClangProject, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - no secret
        self._bench = bench
        self.environ = dict(os.environ)
        self.options: dict[str, object] = {"args": ("-DEXTRA=0",)}

    def edit(self) -> str:
        ways: list[Callable[[], None]] = [
            self._change,
            self._change_keeping_size_and_time,
            self._touch,
            self._optional,
            self._ignored_source,
            self._hide,
            self._variable,
            self._option,
            self._replace,
            self._nothing,
        ]
        way = self._random.choice(ways)
        way()
        return way.__name__

    def _header(self) -> tuple[Path, str]:
        return self._random.choice(
            [
                (self._bench.project / "include" / "own.h", "OWN"),
                (self._bench.project / "generated.h", "GENERATED"),
                (self._bench.folder / "shared" / "more.h", "MORE"),
            ]
        )

    def _text(self, name: str) -> str:
        return f"#define {name} {self._random.randrange(6)}\n"

    def _change(self) -> None:
        path, name = self._header()
        path.write_text(self._text(name))

    def _change_keeping_size_and_time(self) -> None:
        path, name = self._header()
        status = path.stat()
        path.write_text(self._text(name))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    def _touch(self) -> None:
        self._header()[0].touch()

    def _optional(self) -> None:
        path = self._bench.project / "optional.h"
        if path.exists():
            path.unlink()
        else:
            path.write_text(self._text("OPTIONAL"))

    def _ignored_source(self) -> None:
        path = self._bench.project / "src" / "spare.ignored.c"
        if path.exists():
            path.unlink()
        else:
            path.write_text(f"int spare(void) {{ return {self._random.randrange(9)}; }}\n")

    def _hide(self) -> None:
        """A header in a folder that is searched before the one where it was found."""
        path = self._bench.project / "own.h"
        if path.exists():
            path.unlink()
        else:
            path.write_text(self._text("OWN"))

    def _variable(self) -> None:
        folder = self._bench.folder / "late"
        self.environ["CPATH"] = self._random.choice([str(folder), str(self._bench.folder / "shared")])

    def _option(self) -> None:
        self.options = {
            "args": (f"-DEXTRA={self._random.randrange(3)}",),
            "debug_info": self._random.random() < 0.2,
        }

    def _replace(self) -> None:
        """As editors save: another file takes the place."""
        path, name = self._header()
        fresh = path.with_name("fresh.tmp")
        fresh.write_text(self._text(name))
        fresh.replace(path)

    def _nothing(self) -> None:
        pass


def _check_edits(folder: Path, *, count: int, seed: int) -> None:
    """Compile after each edit, with the cache and without; in the end there is a hit."""
    bench = _lay_out(folder)
    editor = _Editor(bench, seed)
    for number in range(count):
        edited = editor.edit()
        cached = bench.compile(editor.environ, **editor.options)
        built = bench.compile(editor.environ, no_cache=True, output=folder / "reference", **editor.options)
        assert cached.wasm_path.read_bytes() == built.wasm_path.read_bytes(), (number, edited, cached.cache)
    # A file that was saved a moment ago counts as still changing, and what is built of it is not kept.
    time.sleep(_SETTLED_S)
    bench.compile(editor.environ, **editor.options)
    assert bench.compile(editor.environ, **editor.options).cache == "hit"


def test_random_edits_never_give_a_stale_artifact(tmp_path: Path) -> None:
    """A few, on each run of the tests."""
    _check_edits(tmp_path, count=12, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 6))
def test_two_hundred_random_edits_never_give_a_stale_artifact(tmp_path: Path, seed: int) -> None:
    """Four times fifty, and the cache still helps after them."""
    _check_edits(tmp_path, count=50, seed=seed)


def test_an_edit_while_building_is_not_kept(tmp_path: Path) -> None:
    """What was built of the old text is not kept for the new one, nor the other way round."""
    bench = _lay_out(tmp_path)
    header = tmp_path / "shared" / "more.h"
    clang = tmp_path / "bin" / "clang"
    clang.parent.mkdir()
    real = shutil.which("clang")
    clang.write_text(
        f'#!/bin/sh\n{real} "$@"; code=$?\n'
        f'case "$*" in *-###*) ;; *) echo "#define MORE 5" > {header} ;; esac\n'
        "exit $code\n"
    )
    clang.chmod(0o755)
    environ = {**os.environ, "PATH": f"{clang.parent}{os.pathsep}{os.environ['PATH']}"}
    options = {"args": ("-DEXTRA=0",)}
    stale = bench.compile(environ, **options).wasm_path.read_bytes()
    assert header.read_text() == "#define MORE 5\n"
    again = bench.compile(environ, **options)
    assert again.cache == "miss"
    assert again.wasm_path.read_bytes() != stale
