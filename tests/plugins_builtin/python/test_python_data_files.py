"""Which files of a project are its program's data, and what is said of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugins_builtin.python.data_files import describe_left_out, walk_data_files
from plugins_builtin.python.entry import get_entry
from plugins_builtin.python.program import load_program

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


def names(project: Path, output_dir: Path) -> list[str]:
    return [path.relative_to(project).as_posix() for path in walk_data_files(project, output_dir=output_dir)]


def test_data_is_what_is_no_code_and_nobodys_secret(tmp_path: Path) -> None:
    """Hidden files, links, environments, tools' files and whatever was built before stay behind."""
    kept = {"data.json": "1", "tool/words/one.txt": "1"}
    left = (
        *("main.py", "tool/x.pyi", ".env", ".git/config", "README.md", "pyproject.toml", "dist/old.txt"),
        *("node_modules/a/b.json", "env/pyvenv.cfg", "env/x.txt", "site/.staging/made/x", "site/index.html"),
    )
    project = write(tmp_path / "p", {**kept, **dict.fromkeys(left, "")})
    (project / "link.txt").symlink_to(tmp_path)
    assert names(project, project / "site" / ".staging" / "made") == list(kept)


def test_left_out_data_is_named_when_the_program_reads_such(tmp_path: Path) -> None:
    """A few by name with the folder to grant; nothing where nothing reads them."""
    project = write(tmp_path / "p", {"main.py": "print(__file__)\n", **{f"{n}.txt": "" for n in "abcd"}})
    program = load_program(project, get_entry(project, None), None)
    (said,) = describe_left_out(program, project, output_dir=tmp_path, granted=project)
    assert said.startswith("a.txt, b.txt, c.txt and 1 more are not in the module: ")
    assert f"--dir {project}:.:ro" in said
    (project / "main.py").write_text("print(1)\n")
    program = load_program(project, get_entry(project, None), None)
    assert describe_left_out(program, project, output_dir=tmp_path, granted=project) == ()
