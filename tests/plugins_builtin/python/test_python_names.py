"""Leaving names out of a component: what goes, what stays, and that what comes out still works."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins_builtin.python.names import format_leb, strip_names
from tests.conftest import FIXTURES
from wasmrun_py.wasm.verify import verify_module

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Wasmrun

MODULE, COMPONENT = b"\0asm\x01\0\0\0", b"\0asm\x0d\0\x01\0"
NAME_SECTIONS = ("name", ".debug_info", ".debug_line")


def section(number: int, content: bytes) -> bytes:
    return bytes([number]) + format_leb(len(content)) + content


def custom(name: str, content: bytes = b"x") -> bytes:
    return section(0, format_leb(len(name)) + name.encode() + content)


@given(st.lists(st.sampled_from([*NAME_SECTIONS, "producers", "dylink.0"]), max_size=6), st.integers(0, 3))
def test_names_go_and_everything_else_stays(names: list[str], depth: int) -> None:
    """In modules however deep inside components; a component's own custom sections stay."""
    made = MODULE + b"".join(custom(name, b"y" * 200) for name in names)
    kept = MODULE + b"".join(custom(name, b"y" * 200) for name in names if name not in NAME_SECTIONS)
    for level in range(depth):
        number = 4 if level else 1
        made = COMPONENT + custom("name") + section(number, made)
        kept = COMPONENT + custom("name") + section(number, kept)
    assert strip_names(made) == kept
    assert strip_names(kept) == kept


@pytest.mark.parametrize("broken", [MODULE + b"\x01\x05ab", MODULE + b"\x01", COMPONENT + b"\x01\x03abc\xff"])
def test_a_broken_file_is_refused(broken: bytes) -> None:
    """Nothing is made of what is not well-formed."""
    with pytest.raises(ValueError, match=r"longer than|ends inside"):
        strip_names(broken)


@pytest.mark.network
@pytest.mark.slow
def test_size_leaves_names_out_of_a_component(tmp_path: Path, wasmrun: Wasmrun) -> None:
    """A size build is smaller than a release, is valid, says what it should, and holds no names."""
    sizes = {}
    for level in ("release", "size"):
        options = ("--toolchain", "componentize-py", "-O", level, "-o", tmp_path / level, "--json")
        document = wasmrun("compile", FIXTURES / "py-hello", *options).document
        sizes[level] = document["artifacts"][0]["size_bytes"]
    module = tmp_path / "size" / "py-hello.wasm"
    assert verify_module(module.read_bytes()).valid
    assert wasmrun("exec", module, "Ada").out == "Hello from Ada\n"
    assert sizes["size"] < sizes["release"] - 200_000
    assert strip_names(module.read_bytes()) == module.read_bytes()
