"""Publishing and cleaning: all or nothing, and never a file of the user's."""

from __future__ import annotations

import hashlib
import json
import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmrun_py.build import outputs
from wasmrun_py.build.outputs import (
    RECORD_NAME,
    StagedFile,
    clean_output_dir,
    find_output_dirs,
    forget_project,
    publish,
    remember_output_dir,
)
from wasmrun_py.model.errors import OutputError
from wasmrun_py.system.fs import staging_folder
from wasmrun_py.system.paths import Home


def publish_contents(output_dir: Path, contents: dict[str, bytes]) -> tuple[Path, ...]:
    """Publish files with these contents, as a build does."""
    with staging_folder(output_dir, prefix=".wasmrun-") as staging:
        made, previous = staging / "made", staging / "previous"
        made.mkdir()
        previous.mkdir()
        staged = []
        for name, content in contents.items():
            source = made / name
            source.parent.mkdir(parents=True, exist_ok=True)
            source.write_bytes(content)
            staged.append(
                StagedFile(source=source, name=Path(name), sha256=hashlib.sha256(content).hexdigest())
            )
        return publish(staged, output_dir, previous=previous)


def listing(folder: Path) -> dict[str, bytes]:
    """Every file of a folder but the record."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != RECORD_NAME
    }


def test_files_are_published_and_recorded(tmp_path: Path) -> None:
    """Every file arrives, and the record names it with its digest."""
    publish_contents(tmp_path / "dist", {"a.wasm": b"one", "sub/b.js": b"two"})
    assert listing(tmp_path / "dist") == {"a.wasm": b"one", "sub/b.js": b"two"}
    record = json.loads((tmp_path / "dist" / RECORD_NAME).read_text(encoding="utf-8"))
    assert record["files"] == {
        "a.wasm": hashlib.sha256(b"one").hexdigest(),
        "sub/b.js": hashlib.sha256(b"two").hexdigest(),
    }


def test_our_own_outputs_are_replaced_without_a_word(tmp_path: Path) -> None:
    """A second build replaces the first; nothing is moved aside."""
    publish_contents(tmp_path, {"a.wasm": b"one"})
    assert publish_contents(tmp_path, {"a.wasm": b"two"}) == ()
    assert listing(tmp_path) == {"a.wasm": b"two"}


def test_a_users_file_in_the_way_is_kept(tmp_path: Path) -> None:
    """A file that wasmrun did not write is moved aside, under the first free name."""
    (tmp_path / "a.wasm").write_bytes(b"mine")
    (tmp_path / "a.wasm.orig").write_bytes(b"older")
    (tmp_path / "notes.txt").write_bytes(b"notes")
    assert publish_contents(tmp_path, {"a.wasm": b"new"}) == (tmp_path / "a.wasm.orig.1",)
    assert listing(tmp_path) == {
        "a.wasm": b"new",
        "a.wasm.orig": b"older",
        "a.wasm.orig.1": b"mine",
        "notes.txt": b"notes",
    }


def test_an_output_that_the_user_edited_is_kept(tmp_path: Path) -> None:
    """A recorded file with other bytes than recorded is the user's now."""
    publish_contents(tmp_path, {"a.js": b"ours"})
    (tmp_path / "a.js").write_bytes(b"edited")
    assert publish_contents(tmp_path, {"a.js": b"new"}) == (tmp_path / "a.js.orig",)
    assert listing(tmp_path) == {"a.js": b"new", "a.js.orig": b"edited"}


def test_a_link_in_the_way_is_moved_and_not_followed(tmp_path: Path) -> None:
    """What a link points to is never written."""
    (tmp_path / "target").write_bytes(b"precious")
    output_dir = tmp_path / "dist"
    output_dir.mkdir()
    (output_dir / "a.wasm").symlink_to(tmp_path / "target")
    publish_contents(output_dir, {"a.wasm": b"new"})
    assert (tmp_path / "target").read_bytes() == b"precious"
    assert (output_dir / "a.wasm.orig").is_symlink()


def test_a_folder_in_the_way_undoes_everything(tmp_path: Path) -> None:
    """If one file cannot take its place, the ones before it go back."""
    publish_contents(tmp_path, {"a.wasm": b"one"})
    (tmp_path / "b.js").mkdir()
    with pytest.raises(OutputError, match="a folder of that name is in the way"):
        publish_contents(tmp_path, {"a.wasm": b"two", "b.js": b"two"})
    assert listing(tmp_path) == {"a.wasm": b"one"}


def test_an_interrupt_during_publishing_is_held_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C between two renames takes effect after the last one: the outputs are of one build."""
    original = outputs._store_record  # noqa: SLF001 - the moment between renames and return

    def interrupt_then_store(*args: object) -> None:
        signal.raise_signal(signal.SIGINT)
        original(*args)  # type: ignore[arg-type]  # passed through as it came

    monkeypatch.setattr(outputs, "_store_record", interrupt_then_store)
    with pytest.raises(KeyboardInterrupt):
        publish_contents(tmp_path, {"a.wasm": b"new", "b.js": b"new"})
    assert listing(tmp_path) == {"a.wasm": b"new", "b.js": b"new"}


def test_clean_removes_what_is_recorded_and_unchanged(tmp_path: Path) -> None:
    """Outputs go, with the folders they leave empty; edited and foreign files stay."""
    output_dir = tmp_path / "dist"
    publish_contents(output_dir, {"a.wasm": b"one", "b.js": b"two", "sub/c.map": b"three"})
    (output_dir / "b.js").write_bytes(b"edited")
    (output_dir / "notes.txt").write_bytes(b"notes")
    report = clean_output_dir(output_dir)
    assert report.removed == (output_dir / "a.wasm", output_dir / "sub" / "c.map")
    assert report.kept == (output_dir / "b.js",)
    assert listing(output_dir) == {"b.js": b"edited", "notes.txt": b"notes"}
    assert not (output_dir / "sub").exists()


def test_clean_removes_the_folder_only_when_it_is_empty(tmp_path: Path) -> None:
    """The output folder itself goes with its last file."""
    publish_contents(tmp_path / "dist", {"a.wasm": b"one"})
    clean_output_dir(tmp_path / "dist")
    assert list(tmp_path.iterdir()) == []


def test_clean_without_a_record_touches_nothing(tmp_path: Path) -> None:
    """Without a record nothing is known to be ours."""
    (tmp_path / "a.wasm").write_bytes(b"mine")
    assert clean_output_dir(tmp_path).removed == ()
    assert listing(tmp_path) == {"a.wasm": b"mine"}


@pytest.mark.parametrize(
    "name", ["../precious", "/etc/hostname", "sub/../../precious", "..\\precious", "", "link/precious"]
)
def test_a_forged_record_cannot_reach_out_of_the_folder(tmp_path: Path, name: str) -> None:
    """A record is a file that anybody can write; names that leave the folder are not believed."""
    precious = tmp_path / "precious"
    precious.write_bytes(b"x")
    output_dir = tmp_path / "dist"
    output_dir.mkdir()
    (output_dir / "link").symlink_to(tmp_path)
    record = {"files": {name: hashlib.sha256(b"x").hexdigest()}}
    (output_dir / RECORD_NAME).write_text(json.dumps(record), encoding="utf-8")
    clean_output_dir(output_dir)
    assert precious.read_bytes() == b"x"


@given(st.binary(max_size=64))
def test_any_bytes_may_be_the_record(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """A broken record is no record: nothing is removed for it, and nothing is raised."""
    folder = tmp_path_factory.mktemp("out")
    (folder / RECORD_NAME).write_bytes(content)
    (folder / "a").write_bytes(b"mine")
    assert clean_output_dir(folder).removed == ()
    assert (folder / "a").exists()


def test_output_folders_of_a_project_are_remembered(tmp_path: Path) -> None:
    """Every folder is remembered once, and forgotten on request."""
    home = Home(root=tmp_path / "home")
    for name in ("one", "two", "one"):
        remember_output_dir(home, tmp_path / "project", tmp_path / name)
    assert find_output_dirs(home, tmp_path / "project") == (tmp_path / "one", tmp_path / "two")
    assert find_output_dirs(home, tmp_path / "other") == ()
    forget_project(home, tmp_path / "project")
    assert find_output_dirs(home, tmp_path / "project") == ()


def test_an_unwritable_home_does_not_fail_a_build(tmp_path: Path) -> None:
    """Remembering is a convenience of clean, and no reason to lose a finished build."""
    (tmp_path / "home").write_text("a file", encoding="utf-8")
    remember_output_dir(Home(root=tmp_path / "home"), tmp_path / "project", tmp_path / "one")
    assert (tmp_path / "home").read_text(encoding="utf-8") == "a file"
