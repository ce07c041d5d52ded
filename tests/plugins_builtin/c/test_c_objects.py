from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins_builtin.c.objects import NotAnObjectError, is_object, parse_symbols, strip_sections
from plugins_builtin.c.scan import parse_traits
from tests.conftest import require_tool

if TYPE_CHECKING:
    from pathlib import Path

_C_SOURCE = """
static int hidden_by_static(void) { return 1; }
__attribute__((visibility("hidden"))) int hidden_by_attribute(void) { return 2; }
__attribute__((weak)) int weak_one(void) { return 3; }
extern int elsewhere(void);
int table[4] = {1, 2, 3, 4};
int first(void) { return hidden_by_static() + hidden_by_attribute(); }
int second(void) { return elsewhere() + weak_one() + table[1]; }
"""


def _compiled(folder: Path, source: str, *flags: str) -> bytes:
    clang = require_tool("clang")
    (folder / "x.c").write_text(source)
    subprocess.run(
        [clang, "--target=wasm32-wasi", "-fvisibility=default", *flags, "-c", "x.c", "-o", "x.o"],
        cwd=folder,
        check=True,
    )
    return (folder / "x.o").read_bytes()


@pytest.mark.parametrize("flags", [("-O0", "-g"), ("-O3",), ("-Oz", "-ffunction-sections")])
def test_only_strong_visible_functions_are_listed(flags: tuple[str, ...], tmp_path: Path) -> None:
    """Static, hidden, weak and undefined functions and data are not; levels make no difference."""
    symbols = parse_symbols(_compiled(tmp_path, _C_SOURCE, *flags))
    assert symbols.functions == ("first", "second")
    assert symbols.has_main is False


@pytest.mark.parametrize("main", ["int main(void) { return 0; }", "int main(int c, char **v) { return c; }"])
def test_main_is_found_in_each_spelling(main: str, tmp_path: Path) -> None:
    """Compilers rename main by its signature; it is never listed among the functions."""
    symbols = parse_symbols(_compiled(tmp_path, f"{main}\nint other(void) {{ return 1; }}"))
    assert symbols.has_main is True
    assert symbols.functions == ("other",)


def test_objects_and_modules_are_told_apart(tmp_path: Path) -> None:
    """An object has a linking section, a linked module has none."""
    assert is_object(_compiled(tmp_path, _C_SOURCE)) is True
    assert is_object(b"\0asm\1\0\0\0") is False
    assert is_object(b"no wasm at all") is False


@given(data=st.binary(max_size=200))
def test_garbage_is_refused_and_never_crashes(data: bytes) -> None:
    """Bytes that only begin like an object end in NotAnObjectError."""
    for whole in (data, b"\0asm\1\0\0\0" + data):
        with pytest.raises(NotAnObjectError):
            parse_symbols(whole)


def test_stripping_leaves_everything_but_the_named_sections() -> None:
    """DWARF goes, names go only when asked, the rest stays byte for byte in its order."""

    def custom(name: bytes) -> bytes:
        body = bytes([len(name)]) + name + b"xyz"
        return b"\0" + bytes([len(body)]) + body

    head, memory = b"\0asm\1\0\0\0", b"\5\3\1\0\1"
    module = head + custom(b".debug_info") + memory + custom(b"name") + custom(b"producers")
    assert strip_sections(module, names=False) == head + memory + custom(b"name") + custom(b"producers")
    assert strip_sections(module, names=True) == head + memory + custom(b"producers")
    with pytest.raises(NotAnObjectError):
        strip_sections(b"#!/bin/sh", names=True)


@pytest.mark.parametrize(
    ("text", "has_main"),
    [
        ("int main(void) { return 0; }", True),
        ("int\nmain (int argc, char **argv)\n{", True),
        ("// int main(void)\n", False),
        ("/* int main(void) { } */", False),
        ('const char *s = "int main(void)";', False),
        ('const char *s = "\\"int main(";', False),
        ('auto s = R"(int main(void))";', False),
        ("int domain(int x); int main_loop(void);", False),
        ("", False),
    ],
)
def test_main_is_guessed_from_code_only(text: str, has_main: bool) -> None:  # noqa: FBT001 - a table's column
    """Comments, strings and longer names do not count."""
    assert parse_traits(text.encode()).has_main is has_main


def test_files_and_exceptions_are_noticed() -> None:
    """Calls that open files and the words of exceptions are seen, in code only."""
    assert parse_traits(b'FILE *f = fopen("x", "r");').opens_files is True
    assert parse_traits(b'std::ifstream in{"x"};').opens_files is True
    assert parse_traits(b"// fopen(\nint reopen(int x);").opens_files is False
    assert parse_traits(b"try { f(); } catch (...) {}").throws is True
    assert parse_traits(b'puts("throw");').throws is False


@given(data=st.binary(max_size=300))
def test_any_bytes_can_be_scanned(data: bytes) -> None:
    """The guess never fails, whatever the encoding of the source."""
    parse_traits(data)
