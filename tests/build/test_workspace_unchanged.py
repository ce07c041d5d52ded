"""A run in which nothing changed is answered from a note: when it must be, and when it must not."""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import require_tool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Finished, Wasmrun

MAIN = '#include <stdio.h>\n#include "../../shared.h"\nint main(void) {{ puts("{0}" WORD); return 0; }}\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two members that read a header outside, old enough for their stats to be believed."""
    require_tool("clang")
    root = tmp_path / "ws"
    for name in ("one", "two"):
        folder = root / "apps" / name
        folder.mkdir(parents=True)
        (folder / "main.c").write_text(MAIN.format(name), encoding="utf-8")
        (folder / "wasmrun.toml").write_text(
            '[build]\ntoolchain = "clang"\noptimization = "debug"\n', encoding="utf-8"
        )
    (root / "wasmrun.toml").write_text('[workspace]\nmembers = ["apps/*"]\n', encoding="utf-8")
    (root / "shared.h").write_text('#define WORD "!"\n', encoding="utf-8")
    time.sleep(0.05)
    return root


@pytest.fixture
def compile_all(wasmrun: Wasmrun, root: Path) -> Callable[..., Finished]:
    """``compile --json`` of the workspace, its success checked."""

    def run(*args: str, **options: Any) -> Finished:
        finished = wasmrun("compile", "--workspace", "--json", *args, cwd=root, **options)
        assert finished.code == 0, finished.err
        return finished

    return run


def was_answered(finished: Finished) -> bool:
    """Whether the note answered: no member took any time then."""
    return all(each["duration_s"] == 0.0 for each in finished.document["projects"])


def test_nothing_changed_is_answered_at_once(compile_all: Callable[..., Finished]) -> None:
    """The second and every further run say what a run full of hits says."""
    first = compile_all()
    assert not was_answered(first)
    for _ in range(3):
        again = compile_all()
        assert was_answered(again)
        document = again.document
        assert document["ok"]
        assert document["summary"]["hits"] == document["summary"]["built"] == 2
        assert {each["cache"] for each in document["projects"]} == {"hit"}
        artifacts = [each["artifacts"] for each in document["projects"]]
        assert artifacts == [each["artifacts"] for each in first.document["projects"]]
        assert [line for line in again.err.splitlines() if line.startswith("✓")]
        assert again.err.splitlines()[-1].startswith("2 built: 2 hits in 0.")
        time.sleep(0.05)


def keep_times(path: Path, data: bytes) -> None:
    """Change a file's bytes and give it its old modification time back."""
    status = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def write_below(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")


CHANGES: dict[str, Callable[[Path, Path], Any]] = {
    "a source": lambda root, _: (root / "apps/one/main.c").write_text(MAIN.format("x")),
    "a source with its old time": lambda root, _: keep_times(
        root / "apps/one/main.c", MAIN.format("eno").encode()
    ),
    "a new source": lambda root, _: (root / "apps/one/more.c").write_text("int more;\n"),
    "a new source below": lambda root, _: write_below(root / "apps/one/src/more.c", "int more;\n"),
    "a removed source": lambda root, _: (root / "apps/one/extra.h").unlink(),
    "a header outside": lambda root, _: (root / "shared.h").write_text('#define WORD "?"\n'),
    "a header in front": lambda root, _: (root / "apps/one/stdio.h").write_text("int puts(const char *);\n"),
    "a new member": lambda root, _: shutil.copytree(root / "apps/one", root / "apps/three"),
    "the root's file": lambda root, _: (root / "wasmrun.toml").write_text(
        '[workspace]\nmembers = ["apps/*"]\nexclude = ["apps/old"]\n'
    ),
    "a member's file": lambda root, _: (root / "apps/one/wasmrun.toml").write_text(
        '[build]\ntoolchain = "clang"\noptimization = "size"\n'
    ),
    "the user's file": lambda _, home: (home / "config.toml").write_text('[build]\ntarget = "wasm"\n'),
    "an ignore file": lambda root, _: (root / ".gitignore").write_text("extra.h\n"),
    "an output": lambda root, _: (root / "apps/two/dist/two.wasm").write_bytes(b"\0asm"),
    "an output with its old time": lambda root, _: keep_times(
        root / "apps/two/dist/two.wasm",
        (root / "apps/two/dist/two.wasm").read_bytes().replace(b"two", b"owt"),
    ),
    "a removed output": lambda root, _: (root / "apps/two/dist/two.wasm").unlink(),
    "a removed record": lambda root, _: (root / "apps/two/dist/.wasmrun-outputs.json").unlink(),
    "a stray file among the outputs": lambda root, _: (root / "apps/two/dist/x.c").write_text("int x;\n"),
    "the outputs": lambda root, _: shutil.rmtree(root / "apps/two/dist"),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("settled", [True, False])
def test_every_change_is_noticed(
    compile_all: Callable[..., Finished], root: Path, home: Path, change: str, *, settled: bool
) -> None:
    """Whatever decides about a run is in the note, from the first moment on; the outputs are right."""
    (root / "apps/one/extra.h").write_text("", encoding="utf-8")
    time.sleep(0.05)
    compile_all()
    if settled:
        assert was_answered(compile_all())
        time.sleep(0.05)
        assert was_answered(compile_all())
    whole = {path: path.read_bytes() for path in root.glob("apps/*/dist/*.wasm")}
    CHANGES[change](root, home)
    after = compile_all()
    assert not was_answered(after)
    changed = {
        *("a source", "a source with its old time", "a new source", "a new source below"),
        *("a header outside", "a member's file"),
    }
    module = root / "apps/one/dist/one.wasm"
    assert (module.read_bytes() != whole[module]) == (change in changed)
    other = root / "apps/two/dist/two.wasm"
    assert (other.read_bytes() != whole[other]) == (change == "a header outside")


def test_another_command_is_another_question(compile_all: Callable[..., Finished], tmp_path: Path) -> None:
    """Options, variables and folders are part of it; what a terminal sets for itself is not."""
    compile_all()
    assert was_answered(compile_all(env={"COLUMNS": "80", "SHLVL": "7"}))
    assert not was_answered(compile_all(env={"CPATH": str(tmp_path)}))
    assert not was_answered(compile_all("-O", "size"))
    assert not was_answered(compile_all())


def test_a_damaged_note_is_none(compile_all: Callable[..., Finished], home: Path) -> None:
    """Every truncation and flipped line leads to an ordinary run, which writes it anew."""
    compile_all()
    (note,) = (home / "cache" / "builds" / "unchanged").iterdir()
    data = note.read_bytes()
    for broken in (b"", data[:-1], data[:200], data.replace(b"\t", b"", 1), data + b"x", b"\xff" * 900):
        note.write_bytes(broken)
        assert not was_answered(compile_all())
        assert was_answered(compile_all())
    note.unlink()
    note.mkdir()
    assert not was_answered(compile_all())


def test_warnings_are_told_each_time(compile_all: Callable[..., Finished], root: Path) -> None:
    """A run that had something to say is never answered by a note."""
    (root / "wasmrun.toml").write_text('[workspace]\nmembers = ["apps/*", "libs/*"]\n', encoding="utf-8")
    time.sleep(0.05)
    for _ in range(3):
        finished = compile_all()
        assert 'warning: [workspace] members: "libs/*" matches no folder' in finished.err
        assert not was_answered(finished)
