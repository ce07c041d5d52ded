"""A cache folder that was damaged in every way is a slower build, never a wrong one and never a crash."""

from __future__ import annotations

import json
import os
import random
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.build.caching import ClangProject
from wasmrun_py.build.fingerprint.sealed import parse_sealed, seal

if TYPE_CHECKING:
    from pathlib import Path

VICTIM = b"a file of the user's"


def _flip(path: Path, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


def _truncate(path: Path, chance: random.Random) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: chance.randrange(1, len(data))])


def _empty(path: Path, _chance: random.Random) -> None:
    path.write_bytes(b"")


def _extend(path: Path, _chance: random.Random) -> None:
    path.write_bytes(path.read_bytes() + b"\0more")


def _garbage(path: Path, chance: random.Random) -> None:
    path.write_bytes(chance.randbytes(500))


def _json_garbage(path: Path, chance: random.Random) -> None:
    path.write_text(chance.choice(["{}", "[]", "null", '{"schema": 1}', "[" * 5000, '{"files": 3}']))


def _folder(path: Path, _chance: random.Random) -> None:
    path.unlink()
    (path / "inside").mkdir(parents=True)


def _link(path: Path, _chance: random.Random) -> None:
    aside = path.with_name("aside")
    path.rename(aside)
    path.symlink_to(aside)


def _dangling_link(path: Path, _chance: random.Random) -> None:
    path.unlink()
    path.symlink_to(path.with_name("nothing"))


def _link_loop(path: Path, _chance: random.Random) -> None:
    path.unlink()
    path.symlink_to(path)


def _link_outside(path: Path, _chance: random.Random) -> None:
    """To a file of the user's, which must be neither read as ours nor written."""
    victim = next(each for each in path.parents if each.name == "home").with_name("victim")
    victim.write_bytes(VICTIM)
    path.unlink()
    path.symlink_to(victim)


def _pipe(path: Path, _chance: random.Random) -> None:
    path.unlink()
    os.mkfifo(path)


def _huge(path: Path, _chance: random.Random) -> None:
    os.truncate(path, 40 * 1024**3)


def _gone(path: Path, _chance: random.Random) -> None:
    path.unlink()


def _parent_is_a_file(path: Path, _chance: random.Random) -> None:
    shutil.rmtree(path.parent)
    path.parent.write_text("in the way")


DAMAGES = [
    *(_flip, _flip, _flip, _flip, _truncate, _empty, _extend, _garbage, _json_garbage, _folder, _link),
    *(_dangling_link, _link_loop, _link_outside, _pipe, _huge, _gone, _parent_is_a_file),
]
KINDS = ("actions", "blobs", "hashes", "last")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """A cache with one build in it, and what that build made."""
    folder = tmp_path_factory.mktemp("kept")
    bench = _bench(folder)
    bench.compile()
    report = bench.compile()
    assert report.cache == "hit"
    return folder, report.wasm_path.read_bytes()


def _bench(folder: Path) -> ClangProject:
    project = folder / "project"
    project.mkdir(exist_ok=True)
    (project / "main.c").write_text("int main(void) { return 7; }\n")
    return ClangProject(folder=folder, project=project)


@pytest.fixture
def bench(kept: tuple[Path, bytes]) -> ClangProject:
    """The same project in the same place, its cache whole again."""
    folder, _ = kept
    whole = folder / "whole"
    cache = folder / "home" / "cache" / "builds"
    if whole.exists():
        shutil.rmtree(cache, ignore_errors=True)
        shutil.copytree(whole, cache, symlinks=True)
    else:
        shutil.copytree(cache, whole, symlinks=True)
    return ClangProject(folder=folder, project=folder / "project")


def _files(bench: ClangProject, kind: str) -> list[Path]:
    return sorted(path for path in (bench.cache / kind).rglob("*") if path.is_file())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", range(len(DAMAGES)))
def test_damage_is_a_miss_with_the_right_bytes(
    bench: ClangProject, kept: tuple[Path, bytes], kind: str, number: int
) -> None:
    """Each kind of file, in each way; the build that follows mends it."""
    chance = random.Random(f"{kind}{number}")  # noqa: S311 - no secret
    damage = DAMAGES[number]
    files = _files(bench, kind)
    assert files
    damage(chance.choice(files), chance)
    report = bench.compile()
    assert report.wasm_path.read_bytes() == kept[1]
    if damage is _link_outside:
        assert (bench.folder / "victim").read_bytes() == VICTIM
    if kind == "blobs":
        assert report.cache == "miss"
        assert bool(bench.listener.warnings) == (damage is not _gone), bench.listener.warnings
    if kind in {"hashes", "last"}:
        assert report.cache == "hit"
    if damage is not _parent_is_a_file:
        assert bench.compile().cache == "hit"
        assert not bench.listener.warnings


def test_swapped_blobs_are_found_out(bench: ClangProject, kept: tuple[Path, bytes]) -> None:
    """Whole bytes in a wrong place."""
    bench.compile(optimization="size")
    first, second = _files(bench, "blobs")
    aside = first.with_name("aside")
    first.rename(aside)
    second.rename(first)
    aside.rename(second)
    assert bench.compile().wasm_path.read_bytes() == kept[1]
    assert any("damaged" in text for text in bench.listener.warnings)


def test_swapped_records_are_found_out(bench: ClangProject, kept: tuple[Path, bytes]) -> None:
    """A whole record under another key is no record."""
    bench.compile(optimization="size")
    records = _files(bench, "actions")
    assert len(records) == 4
    texts = [path.read_bytes() for path in records]
    for path, text in zip(records, texts[1:] + texts[:1], strict=True):
        path.write_bytes(text)
    report = bench.compile()
    assert (report.cache, report.wasm_path.read_bytes()) == ("miss", kept[1])


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 2},
        {"schema": None},
        {"key": "0" * 64},
        {"files": []},
        {"files": [{"name": "x"}]},
        {"details": None},
        {"details": {}},
        *(
            {"name": name}
            for name in (
                "../x.wasm",
                "/etc/x.wasm",
                "a/../../x.wasm",
                "..",
                "",
                "a\\..\\b",
                "C:x",
                "x\0y",
                ".",
            )
        ),
        {"sha256": "../../../../etc/passwd"},
        {"sha256": "F" * 64},
        {"size_bytes": -1},
        {"size_bytes": True},
        {"size_bytes": 10**30},
        {"kind": 4},
        {"executable": "yes"},
        {"wasm": "../../main.c"},
        {"wasm": 5},
        {"js": ["x"]},
        {"toolchain": "clang"},
        {"toolchain": [1, 2]},
        {"diagnostics": [[1]]},
        {"diagnostics": [["f", 1, 1, "terrible", "m", "s"]]},
        {"wasm_opt": ["1"]},
        {"warnings": "text"},
        {"messages": [1]},
        {"language": None},
    ],
)
def test_records_that_are_whole_and_wrong(
    bench: ClangProject, kept: tuple[Path, bytes], change: dict[str, object]
) -> None:
    """A record from a later wasmrun, or made by somebody else: never a path outside, never a crash."""
    for path in _files(bench, "actions"):
        document = parse_sealed(path.read_bytes())
        assert document is not None
        if "files" not in document:
            continue
        for name, value in change.items():
            if name in document:
                document[name] = value
            elif name in document["files"][0]:
                document["files"][0][name] = value
            else:
                assert name in document["details"]
                document["details"][name] = value
        path.write_bytes(seal(document))
    report = bench.compile()
    assert (report.cache, report.wasm_path.read_bytes()) == ("miss", kept[1])
    assert bench.listener.warnings
    assert (bench.project / "main.c").read_text() == "int main(void) { return 7; }\n"
    assert bench.compile().cache == "hit"


def test_dependency_sets_that_are_whole_and_wrong(bench: ClangProject, kept: tuple[Path, bytes]) -> None:
    """Hostile paths in a set lead to a miss."""
    wrong: list[object] = [
        None,
        [3],
        [{}],
        [{"files": ["relative"], "folders": [], "trees": [], "programs": []}],
        [{"files": [], "folders": [[]], "trees": [], "programs": []}],
        [{"files": [], "folders": [], "trees": [], "programs": ["../../bin/sh"]}],
        [{"files": ["/x\0y"], "folders": [], "trees": [], "programs": []}],
        [{"files": [], "folders": [], "trees": ["/proc/self/fd"], "programs": []}],
        [{"files": [], "folders": [], "trees": [], "programs": []}] * 100,
    ]
    for sets in wrong:
        for path in _files(bench, "actions"):
            document = parse_sealed(path.read_bytes())
            if document is not None and "sets" in document:
                path.write_bytes(seal({**document, "sets": sets}))
        report = bench.compile()
        assert (report.cache, report.wasm_path.read_bytes()) == ("miss", kept[1]), json.dumps(sets)[:200]


def test_a_folder_that_nobody_may_read(bench: ClangProject, kept: tuple[Path, bytes]) -> None:
    """Permissions: the build goes on (root reads everything, and hits)."""
    for path in bench.cache.rglob("*"):
        path.chmod(0)
    report = bench.compile()
    assert report.wasm_path.read_bytes() == kept[1]
    for path in bench.cache.rglob("*"):
        path.chmod(0o755)
