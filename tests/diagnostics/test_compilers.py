from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from wasmrun_py.diagnostics.compilers import PathMap, parse_diagnostics
from wasmrun_py.plugin.api import Diagnostic, Severity

_PROJECT = Path("/home/user/game")
_COPY = Path("/tmp/copy/tree/game")  # noqa: S108 - a name, nothing is written there
_PATHS = PathMap(
    project=_PROJECT, cwd=_PROJECT, copy=_COPY, objects={"util": "src/util.c", "0-main": "main.c"}
)


def _parsed(text: str) -> list[tuple[str | None, int | None, int | None, str, str, str]]:
    return [
        (each.file, each.line, each.column, each.severity.value, each.message, each.source)
        for each in parse_diagnostics(text, "clang", _PATHS)
    ]


def test_clang_errors_warnings_and_notes() -> None:
    """Place, severity and words of each; the quoted source lines below are not diagnostics."""
    text = (
        "./src/a.c:2:11: error: expected ';' after return statement\n"
        "  return 0\n          ^\n"
        "./src/a.c:1:5: warning: unused variable 'x' [-Wunused-variable]\n"
        "/home/user/game/include/a.h:9:1: note: declared here\n"
        "/usr/include/stdio.h:1:2: fatal error: too many errors\n"
        "2 errors generated.\n"
    )
    assert _parsed(text) == [
        ("src/a.c", 2, 11, "error", "expected ';' after return statement", "clang"),
        ("src/a.c", 1, 5, "warning", "unused variable 'x' [-Wunused-variable]", "clang"),
        ("include/a.h", 9, 1, "note", "declared here", "clang"),
        ("/usr/include/stdio.h", 1, 2, "error", "too many errors", "clang"),
    ]


def test_an_error_in_a_foreign_header_has_a_note_at_the_include() -> None:
    """At the innermost file of the project's own, in clang's order and in gcc's."""
    clang = (
        "In file included from ./main.c:2:\n"
        "In file included from ./lib/x.h:3:\n"
        "In file included from /usr/include/a.h:1:\n"
        "/usr/include/b.h:4:5: error: oops\n"
        "main.c:9:1: error: other\n"
    )
    gcc = (
        "In file included from /usr/include/a.h:1,\n"
        "                 from lib/x.h:3,\n"
        "                 from main.c:2:\n"
        "/usr/include/b.h:4:5: error: oops\n"
        "main.c:9:1: error: other\n"
    )
    for text in (clang, gcc):
        assert _parsed(text) == [
            ("/usr/include/b.h", 4, 5, "error", "oops", "clang"),
            ("lib/x.h", 3, None, "note", "included from here", "clang"),
            ("main.c", 9, 1, "error", "other", "clang"),
        ]


def test_an_error_in_a_header_of_the_project_needs_no_note() -> None:
    """Its own place is the right one; colours and a macro's second telling are left out."""
    text = (
        "In file included from ./main.c:1:\n"
        "\x1b[1m./lib/x.h:3:18: \x1b[0;1;31merror: \x1b[0mno\n"
        "./lib/x.h:3:18: error: no\n"
    )
    assert _parsed(text) == [("lib/x.h", 3, 18, "error", "no", "clang")]


def test_paths_of_the_copy_become_the_projects() -> None:
    """A build that ran in a copy reports the user's own files."""
    assert _parsed(f"{_COPY}/src/a.c:3:1: error: oops")[0][0] == "src/a.c"


def test_paths_are_relative_to_the_folder_make_is_in() -> None:
    """``Entering directory`` moves, ``Leaving directory`` moves back."""
    text = (
        f"make[1]: Entering directory '{_COPY}/lib'\n"
        "a.c:3:1: error: inner\n"
        f"make[1]: Leaving directory '{_COPY}/lib'\n"
        "b.c:4:1: error: outer\n"
    )
    assert [each[0] for each in _parsed(text)] == ["lib/a.c", "b.c"]


def test_linker_errors_name_the_source_of_the_object() -> None:
    """Temporary names of objects are led back to sources; archives stay in the words."""
    text = (
        "wasm-ld-14: error: /tmp/util-32e9e0.o: undefined symbol: foo\n"
        "wasm-ld: error: /objects/0-main.o: undefined symbol: bar\n"
        "wasm-ld: error: /usr/lib/libc.a(x.o): undefined symbol: main\n"
        "clang: error: linker command failed with exit code 1 (use -v to see invocation)\n"
    )
    assert _parsed(text) == [
        ("src/util.c", None, None, "error", "undefined symbol: foo", "wasm-ld"),
        ("main.c", None, None, "error", "undefined symbol: bar", "wasm-ld"),
        (None, None, None, "error", "/usr/lib/libc.a(x.o): undefined symbol: main", "wasm-ld"),
    ]


def test_lines_that_only_repeat_the_failure_are_kept_when_alone() -> None:
    """``failed (returned 1)`` is dropped behind a real error and shown when there is no other."""
    repeat = "emcc: error: '/usr/bin/clang -c a.c' failed (returned 1)"
    assert [each[4] for each in _parsed(f"a.c:1:1: error: oops\n{repeat}")] == ["oops"]
    assert [each[5] for each in _parsed(repeat)] == ["emcc"]


def test_emcc_link_errors() -> None:
    """The undefined symbols of emcc carry no tool name; its advice on its own options is left out."""
    text = (
        "error: undefined symbol: foo (referenced by top-level compiled C/C++ code)\n"
        "warning: Link with `-s LLD_REPORT_UNDEFINED` to get more information on undefined symbols\n"
        "warning: _foo may need to be added to EXPORTED_FUNCTIONS if it arrives from a system library\n"
        "Error: Aborting compilation due to previous errors\n"
        "emcc: error: '/usr/bin/node x.js' failed (returned 1)\n"
    )
    assert [each[4] for each in _parsed(text)] == [
        "undefined symbol: foo (referenced by top-level compiled C/C++ code)"
    ]


def test_make_and_cmake_errors() -> None:
    """A missing rule, a broken Makefile, and CMake's message that stands below its place."""
    text = (
        "make: *** No rule to make target 'x.c', needed by 'app'.  Stop.\n"
        "Makefile:3: *** missing separator.  Stop.\n"
        "CMake Error at CMakeLists.txt:3 (find_package):\n"
        "  Could not find NopePkg\n"
        "  anywhere.\n"
        "\n"
        "-- Configuring incomplete, errors occurred!\n"
        "CMake Error: CMAKE_C_COMPILER not set\n"
    )
    assert _parsed(text) == [
        (None, None, None, "error", "No rule to make target 'x.c', needed by 'app'.  Stop.", "make"),
        ("Makefile", 3, None, "error", "missing separator.  Stop.", "make"),
        ("CMakeLists.txt", 3, None, "error", "Could not find NopePkg anywhere.", "cmake"),
        (None, None, None, "error", "CMAKE_C_COMPILER not set", "cmake"),
    ]


def test_a_flood_is_capped() -> None:
    """Ten thousand errors give five hundred diagnostics."""
    text = "".join(f"a.c:{line}:1: error: oops\n" for line in range(1, 10_001))
    assert len(_parsed(text)) == 500


@given(text=st.text(max_size=500))
def test_any_text_is_survived(text: str) -> None:
    """Whatever a tool writes, reading it gives diagnostics or nothing."""
    for each in parse_diagnostics(text, "clang", _PATHS):
        assert isinstance(each, Diagnostic)
        assert each.severity in Severity
