"""The fingerprint: what is an input, and that kept digests are never those of other bytes."""

from __future__ import annotations

import hashlib
import os
import time
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from wasmrun_py.build.fingerprint.dependencies import (
    Dependencies,
    DependencyReader,
    make_dependencies,
    parse_dependencies,
)
from wasmrun_py.build.fingerprint.kept_hashes import KeptHashes, is_racy
from wasmrun_py.build.fingerprint.key import digest_json, read_project
from wasmrun_py.build.fingerprint.presumption import find_upward_paths
from wasmrun_py.build.fingerprint.sealed import parse_sealed, seal
from wasmrun_py.build.fingerprint.variables import digest_variables, find_relevant
from wasmrun_py.model.build_inputs import BuildInputs, FolderNames

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

NAMES = ("a", "b")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["write", "write-same-time", "replace", "remove", "touch", "ask", "save", "reload"]),
        st.sampled_from(NAMES),
        st.binary(max_size=2),
    ),
    max_size=25,
)


def _truth(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None


@settings(max_examples=150, deadline=None)
@given(steps=STEPS)
def test_a_kept_digest_is_that_of_the_bytes(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, bytes]]
) -> None:
    """Whatever happens to files between two questions, and however fast."""
    folder = tmp_path_factory.mktemp("files")
    kept_file = folder / "kept.json"
    hashes = KeptHashes(kept_file)
    for action, name, data in steps:
        path = folder / name
        if action == "write":
            path.write_bytes(data)
        elif action == "write-same-time" and path.exists():
            status = path.stat()
            path.write_bytes(data)
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        elif action == "replace":
            fresh = folder / "fresh"
            fresh.write_bytes(data)
            fresh.replace(path)
        elif action == "remove":
            path.unlink(missing_ok=True)
        elif action == "touch":
            path.touch()
        elif action == "save":
            hashes.save()
        elif action == "reload":
            hashes.save()
            hashes = KeptHashes(kept_file)
        assert hashes.digest(str(path)) == _truth(path)


def test_an_old_file_is_not_read_again(tmp_path: Path) -> None:
    """Its digest is kept: proved by a kept file that says something else of the same stat."""
    path, kept_file = tmp_path / "a", tmp_path / "kept.json"
    path.write_bytes(b"one")
    time.sleep(0.05)
    hashes = KeptHashes(kept_file)
    hashes.digest(str(path))
    hashes.save()
    document = parse_sealed(kept_file.read_bytes())
    assert document is not None
    document["files"][str(path)][4] = "f" * 64
    kept_file.write_bytes(seal(document))
    assert KeptHashes(kept_file).digest(str(path)) == "f" * 64
    path.touch()
    assert KeptHashes(kept_file).digest(str(path)) == _truth(path)


def test_a_file_of_this_very_moment_is_not_remembered(tmp_path: Path) -> None:
    """It may change again in the same tick: racy, as git calls it; without fractions, for two seconds."""
    path = tmp_path / "a"
    path.write_bytes(b"one")
    status = path.stat()
    assert is_racy(status, status.st_mtime_ns + 1_000_000)
    later = max(status.st_mtime_ns, status.st_ctime_ns) + 50_000_000
    assert not is_racy(status, later) or status.st_mtime_ns % 10**9 == 0
    os.utime(path, ns=(0, 5 * 10**9))
    coarse = path.stat()
    assert is_racy(coarse, coarse.st_ctime_ns + 10**9)


@given(
    document=st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=4),
    position=st.integers(min_value=0),
    bit=st.integers(0, 7),
)
def test_a_sealed_document_is_whole_or_nothing(document: dict[str, object], position: int, bit: int) -> None:
    """One flipped bit anywhere that matters, and it is no document."""
    data = bytearray(seal(document))
    assert parse_sealed(bytes(data)) == document
    position %= len(data)
    data[position] ^= 1 << bit
    # The one byte between digest and body is nobody's.
    assert parse_sealed(bytes(data)) == (document if position == 64 else None)


@given(st.binary(max_size=200))
def test_garbage_is_no_document(data: bytes) -> None:
    """And no crash."""
    assert parse_sealed(data) is None


@given(
    left=st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=4),
    right=st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=4),
)
def test_keys_are_equal_only_for_equal_parts(left: dict[str, str], right: dict[str, str]) -> None:
    """The order of members does not matter, anything else does."""
    assert (digest_json(left) == digest_json(right)) == (left == right)
    assert digest_json(dict(reversed(left.items()))) == digest_json(left)


def test_which_files_of_a_project_count(tmp_path: Path) -> None:
    """Bytes and the right to run of what git does not ignore; outputs and caches do not."""
    project = tmp_path / "project"
    for name in ("src", "dist", "node_modules/x", "build"):
        (project / name).mkdir(parents=True)
    (project / ".git").mkdir()
    (project / ".gitignore").write_text("build/\n*.log\n!keep.log\n")
    counted = {".gitignore", "main.c", "src/x.c", "keep.log", "run.sh"}
    for name in (
        *counted - {".gitignore"},
        "a.log",
        "dist/x.wasm",
        "node_modules/x/i.js",
        "build/x",
        "x.swp",
    ):
        (project / name).write_text(name)
    (project / "run.sh").chmod(0o755)
    found = read_project(project, (project / "dist",), KeptHashes(None))
    assert set(found) == counted
    assert found["run.sh"].endswith("+x")
    assert found["main.c"] == hashlib.sha256(b"main.c").hexdigest()


def test_dependencies_come_back_as_they_were(tmp_path: Path) -> None:
    """What a builder reports, without what is covered, through JSON."""
    inputs = BuildInputs(
        files=(tmp_path / "x" / ".." / "a.h", tmp_path / "covered.h"),
        folders=(FolderNames(path=tmp_path, suffixes=(".h", "/")),),
        trees=(tmp_path / "t",),
        programs=("clang",),
        any_variable=True,
    )
    made = make_dependencies(inputs, covered={str(tmp_path / "covered.h")})
    assert made.files == (str(tmp_path / "a.h"),)
    assert parse_dependencies(made.to_json()) == made


def test_what_is_not_there_has_a_state(tmp_path: Path) -> None:
    """A file, a tool, a name in a folder: each that appears is a change, and only those that matter."""
    folder = tmp_path / "include"
    folder.mkdir()
    dependencies = Dependencies(
        files=(str(tmp_path / "later.h"),),
        folders=((str(folder), ".h"),),
        trees=(str(tmp_path / "tree"),),
        programs=("zork",),
    )
    environ = {"PATH": str(tmp_path / "bin")}

    def read() -> dict[str, str]:
        return DependencyReader(KeptHashes(None), environ, ()).read(dependencies)

    states = [read()]
    (folder / "notes.txt").write_text("")
    assert read() == states[0]
    for path in (tmp_path / "later.h", folder / "x.h", tmp_path / "tree" / "a", tmp_path / "bin" / "zork"):
        path.parent.mkdir(exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
        states.append(read())
    assert len({tuple(state.items()) for state in states}) == len(states)


def test_a_circle_of_links_ends(tmp_path: Path) -> None:
    """A tree follows links to folders, each once."""
    (tmp_path / "tree" / "inner").mkdir(parents=True)
    (tmp_path / "tree" / "inner" / "up").symlink_to(tmp_path / "tree")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a").write_text("1")
    (tmp_path / "tree" / "out").symlink_to(tmp_path / "outside")
    reader = DependencyReader(KeptHashes(None), {}, ())
    assert list(reader.list_tree(str(tmp_path / "tree"))) == [str(tmp_path / "tree" / "out" / "a")]


def test_relevant_variables() -> None:
    """Those that toolchains read; the terminal's never, even where any may be read."""
    environ = {"CFLAGS": "-g", "EM_CONFIG": "x", "TERM": "xterm", "MY_OWN": "1", "PWD": "/", "LC_ALL": "C"}
    assert set(find_relevant(environ)) == {"CFLAGS", "EM_CONFIG", "LC_ALL"}
    assert set(find_relevant(environ, any_variable=True)) == {"CFLAGS", "EM_CONFIG", "LC_ALL", "MY_OWN"}
    digests = digest_variables({"CFLAGS": "secret"}, salt="1")
    assert "secret" not in str(digests)
    assert digests != digest_variables({"CFLAGS": "secret"}, salt="2")


def test_what_a_project_names_outside(tmp_path: Path) -> None:
    """``../`` in any file, without its suffix too, and what is named from there."""
    project = tmp_path / "app"
    project.mkdir()
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "util.ts").write_text('import "./deep"')
    (tmp_path / "shared" / "deep.ts").write_text("")
    (tmp_path / "shared" / "unused.ts").write_text("")
    (project / "index.ts").write_text('import { a } from "../shared/util"; // see ../nothing and ../app')
    assert set(find_upward_paths(project)) == {
        tmp_path / "shared" / "util.ts",
        tmp_path / "shared" / "deep.ts",
    }
