"""What asc writes, as diagnostics."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wasmrun_py.diagnostics.asc import parse_diagnostics
from wasmrun_py.model.diagnostic import Severity

TWO_ERRORS = """\
ERROR TS1109: Expression expected.
   :
 4 │ return a + b +;
   │               ^
   └─ in assembly/bad.ts(4,17)

ERROR TS6054: File 'assembly/missing.ts' not found.
   :
 1 │ import { nope } from "./missing";
   │                      ~~~~~~~~~~~
   └─ in assembly/bad.ts(1,22)

FAILURE 2 parse error(s)
"""
RELATED = """\
WARNING AS235: Only variables, functions and enums become WebAssembly module exports.
    :
  1 │ export class P { }
    │              ~
    └─ in assembly/a (copy).ts(1,14)
    :
 12 │ class P { }
    │       ~
    └─ in assembly/b.ts(12,7)

INFO AS100: Not implemented: something
"""
BROKEN_CONFIG = """\
/p/node_modules/assemblyscript/cli/index.js:1109
    throw new Error(`Asconfig is not valid json: ${location}`, { cause: ex });
          ^

Error: Asconfig is not valid json: bad.json
    at Ce (/p/node_modules/assemblyscript/cli/index.js:1109:11)
"""


def test_errors_have_file_line_and_column() -> None:
    """Code, message and place of each; the closing count is no diagnostic of its own."""
    found = parse_diagnostics(TWO_ERRORS)
    assert [(each.file, each.line, each.column, each.message) for each in found] == [
        ("assembly/bad.ts", 4, 17, "TS1109: Expression expected."),
        ("assembly/bad.ts", 1, 22, "TS6054: File 'assembly/missing.ts' not found."),
    ]
    assert {(each.severity, each.source) for each in found} == {(Severity.ERROR, "asc")}


def test_related_places_and_kinds() -> None:
    """The first place is the one that is meant; other kinds are warnings and notes."""
    warning, note = parse_diagnostics(RELATED)
    assert (warning.severity, warning.file, warning.line) == (Severity.WARNING, "assembly/a (copy).ts", 1)
    assert (note.severity, note.file, note.line) == (Severity.NOTE, None, None)


def test_colours_do_not_hide_anything() -> None:
    """A compiler that insists on colours is understood as well."""
    coloured = TWO_ERRORS.replace("ERROR", "\x1b[91mERROR\x1b[0m")
    assert parse_diagnostics(coloured) == parse_diagnostics(TWO_ERRORS)


def test_exceptions_and_bare_words() -> None:
    """What ends asc without a place, and its remarks on options, are diagnostics too."""
    (thrown,) = parse_diagnostics(BROKEN_CONFIG)
    assert (thrown.severity, thrown.message) == (Severity.ERROR, "Asconfig is not valid json: bad.json")
    warning, failure = parse_diagnostics("WARNING Unknown option '--x'\nFAILURE validate error\n")
    assert (warning.severity, warning.message) == (Severity.WARNING, "Unknown option '--x'")
    assert (failure.severity, failure.message) == (Severity.ERROR, "validate error")


@given(st.text())
def test_any_text_is_survived(text: str) -> None:
    """No text makes the parser fail."""
    parse_diagnostics(text)


def test_a_flood_is_capped() -> None:
    """Five hundred diagnostics are enough for anybody."""
    assert len(parse_diagnostics("ERROR TS1: x\nERROR TS2: y\n" * 1000)) == 500
