"""Where a byte lies: section, function and name, in modules and in components."""

from __future__ import annotations

import wasmtime
from hypothesis import given
from hypothesis import strategies as st

from wasmrun_py.wasm.sections import CUSTOM
from wasmrun_py.wasm.spot import Spot, find_spot

_MODULE = wasmtime.wat2wasm(
    '(module (import "a" "b" (func)) (memory 1) (data (i32.const 0) "needle")'
    " (func $first (drop (i32.const 1))) (func $second (drop (i32.const 123456))))"
)
_CUSTOM = bytes([CUSTOM, 9, 4]) + b"notehere"
_COMPONENT = wasmtime.wat2wasm(
    '(component (core module (memory 1) (data (i32.const 0) "needle") (func $f (drop (i32.const 123456)))))'
)
_NUMBER = bytes([0xC0, 0xC4, 0x07])


def test_code_names_the_function() -> None:
    """Imports count, and the name section gives the name."""
    spot = find_spot(bytes(_MODULE), bytes(_MODULE).index(_NUMBER))
    assert spot == Spot(section="code", function=2, function_name="second")
    assert spot.words == "section code, function 2 (second)"


def test_data_and_custom_sections() -> None:
    """By the format's name, or the section's own."""
    module = bytes(_MODULE) + _CUSTOM
    assert find_spot(module, module.index(b"needle")).words == "section data"
    assert find_spot(module, module.index(b"here")).words == "custom section note"


def test_inside_a_component() -> None:
    """The innermost section counts."""
    component = bytes(_COMPONENT)
    assert find_spot(component, component.index(b"needle")).section == "data"
    assert find_spot(component, component.index(_NUMBER)).function == 0


def test_a_sections_size_is_the_sections() -> None:
    """Where two modules differ in a length first, that is a place too."""
    component = bytes(_COMPONENT)
    inner = component.index(b"\0asm", 1)
    assert find_spot(component, inner - 1).section == "core module"
    module = bytes(_MODULE)
    assert find_spot(module, 9).words == "section type"


def test_the_header_is_nowhere() -> None:
    """Neither is what is no WebAssembly."""
    assert find_spot(bytes(_MODULE), 3).words == ""
    assert find_spot(b"text", 1).words == ""


@given(data=st.binary(max_size=80), offset=st.integers(0, 100), cut=st.integers(0, 200))
def test_any_bytes_are_survived(data: bytes, offset: int, cut: int) -> None:
    """Broken modules are followed as far as they go."""
    for broken in (bytes(_MODULE)[:cut] + data, bytes(_COMPONENT)[:cut] + data):
        assert isinstance(find_spot(broken, offset), Spot)
