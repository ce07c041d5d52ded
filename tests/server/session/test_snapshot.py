"""A change is a change of bytes, of a file that matters."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from wasmrun_py.build.project_files import ProjectFiles
from wasmrun_py.server.session.snapshot import NamedFiles, Snapshot

NAMES = ("a.c", "b.c", "sub/c.c", "sub/d.c", "node_modules/e.c", "f.c~")
STEPS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(["one", "two", "gone", "touch"]), st.booleans()),
    max_size=12,
)


def load(folder: Path) -> dict[Path, str]:
    """What the files that matter hold."""
    matter = ("a.c", "b.c", "sub/c.c", "sub/d.c")
    return {folder / name: (folder / name).read_text() for name in matter if (folder / name).is_file()}


@given(STEPS)
def test_exactly_the_changed_files_are_named(steps: list[tuple[str, str, bool]]) -> None:
    """Whatever happens between two looks, and whether events name files or their folder."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "a.c").write_text("one")
        snapshot = Snapshot(ProjectFiles(folder))
        snapshot.take()
        before = load(folder)
        named: set[Path] = set()
        for name, what, by_folder in steps:
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            if what == "gone":
                path.unlink(missing_ok=True)
            elif what == "touch":
                path.touch()
            else:
                path.write_text(what)
            named.add(path.parent if by_folder and path.parent != folder else path)
        now = load(folder)
        changed = {path for path in {*before, *now} if before.get(path) != now.get(path)}
        found = set(snapshot.find_changed(named))
        # A folder's event is answered by sizes and times, which a save within one tick of the clock keeps.
        assert found <= changed
        assert {path for path in changed if path in named} <= found
        again = Snapshot(ProjectFiles(folder))
        again.take()
        assert again.find_all_changed() == ()


def test_the_time_alone_is_no_change(tmp_path: Path) -> None:
    """A newer time, a new inode and the same bytes; and other bytes under the same size and time."""
    file = tmp_path / "a.c"
    file.write_text("one")
    snapshot = Snapshot(NamedFiles([file]))
    snapshot.take()
    os.utime(file, ns=(1, 1))
    assert snapshot.find_changed([file]) == ()
    (tmp_path / "new").write_text("one")
    (tmp_path / "new").replace(file)
    assert snapshot.find_changed([file]) == ()
    status = file.stat()
    file.write_text("two")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert snapshot.find_changed([file]) == (file,)
    file.unlink()
    assert snapshot.find_changed([file]) == (file,)
    assert snapshot.find_changed([file]) == ()


def test_a_folder_that_comes_is_read(tmp_path: Path) -> None:
    """One that is moved into the project brings its files, though only the folder is named."""
    project, other = tmp_path / "project", tmp_path / "other"
    project.mkdir()
    other.mkdir()
    (other / "a.c").write_text("one")
    snapshot = Snapshot(ProjectFiles(project))
    snapshot.take()
    other.rename(project / "moved")
    assert snapshot.find_changed([project / "moved"]) == (project / "moved" / "a.c",)
    (project / "moved").rename(other)
    assert snapshot.find_changed([project / "moved"]) == (project / "moved" / "a.c",)


def test_what_is_ignored_from_now_on_has_not_changed(tmp_path: Path) -> None:
    """The ignore file is a change itself; what it takes away is none."""
    (tmp_path / "a.log").write_text("one")
    snapshot = Snapshot(ProjectFiles(tmp_path))
    snapshot.take()
    ignore = tmp_path / ".gitignore"
    ignore.write_text("*.log\n")
    assert snapshot.find_changed([ignore]) == (ignore,)
    (tmp_path / "a.log").write_text("two")
    assert snapshot.find_changed([tmp_path / "a.log"]) == ()
