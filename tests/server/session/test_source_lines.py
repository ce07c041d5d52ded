"""The source line of a diagnostic: of the project's files only, short, and harmless to show."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmrun_py.model.diagnostic import Diagnostic, Severity
from wasmrun_py.server.session.source_lines import clean_line, load_source_lines

if TYPE_CHECKING:
    from pathlib import Path


def at(file: str | None, line: int | None) -> Diagnostic:
    return Diagnostic(file=file, line=line, column=1, severity=Severity.ERROR, message="", source="cc")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a neighbour that is nobody's business."""
    (tmp_path / "project" / "src").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("secret\n", encoding="utf-8")
    (tmp_path / "project" / "src" / "a.c").write_bytes("int a;\r\n\tint ü(\n".encode())
    return tmp_path / "project"


def test_each_diagnostic_has_its_line(project: Path) -> None:
    """In their order; None where there is no such file or line, or the tool named none."""
    said = (at("src/a.c", 2), at("src/a.c", 1), at("src/a.c", 9), at("src/a.c", 0), at("b.c", 1), at(None, 1))
    lines = load_source_lines(project, (*said, at("src/a.c", None)))
    assert lines == ("    int ü(", "int a;", None, None, None, None, None)


def test_nothing_outside_the_project_is_read(project: Path) -> None:
    """Neither by a path upward, nor an absolute one, nor a link; a pipe and a folder are no files."""
    secret = project.parent / "secret.txt"
    (project / "link.c").symlink_to(secret)
    (project / "loop.c").symlink_to(project / "loop.c")
    os.mkfifo(project / "pipe.c")
    names = (
        "../secret.txt",
        "src/../../secret.txt",
        str(secret),
        "link.c",
        "loop.c",
        "pipe.c",
        "src",
        "\0",
        "",
    )
    assert load_source_lines(project, [at(name, 1) for name in names]) == (None,) * len(names)
    assert load_source_lines(project, [at(str(project / "src" / "a.c"), 1)]) == ("int a;",)


def test_a_huge_file_is_read_to_a_point(project: Path) -> None:
    """The beginning of it; what is cut off there is not shown as if it were whole."""
    (project / "big.js").write_bytes(b"first\n" + b"x" * (3 << 20) + b"\nlast\n")
    lines = load_source_lines(project, [at("big.js", number) for number in (1, 2, 3)])
    assert lines == ("first", None, None)


@given(st.binary(max_size=4000))
def test_no_line_plays_tricks(line: bytes) -> None:
    """Whatever the bytes: at most 400 characters, none of them for controlling anything."""
    text = clean_line(line)
    assert len(text) <= 400
    assert text.isprintable() or all(each.isprintable() or each.isspace() for each in text)
    text.encode("utf-8")


def test_escapes_and_turned_text_are_taken_out() -> None:
    """What would change a terminal, or show text in another order than it is read."""
    assert clean_line("a\x1b[31mb\u202ec\u2066d\x00".encode()) == "a[31mbcd"
    assert clean_line(b"x" * 5000) == "x" * 400
