"""What the Module and Functions pages are told of a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wasmtime import wat2wasm

from wasmrun_py.model.errors import InvalidModuleError
from wasmrun_py.server.module_view import module_view

if TYPE_CHECKING:
    from pathlib import Path

HEADER = b"\0asm\1\0\0\0"
TEXT = """(module $rich
  (import "env" "log" (func $log (param i32 i64)))
  (import "env" "table" (table 1 10 funcref))
  (import "env" "heap" (memory 2 10 shared))
  (func $small (export "add") (export "plus") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add)
  (func $pair (export "pair") (param f32) (result i64 f64) i64.const 1 f64.const 2)
  (func $largest (result (ref null func)) (local i32) nop nop nop nop nop nop nop nop ref.null func)
  (global (export "count") (mut i32) (i32.const 7)))"""


def u32(value: int) -> bytes:
    return bytes([value % 128 | 0x80]) + u32(value // 128) if value > 127 else bytes([value])


def section(id_: int, contents: bytes) -> bytes:
    return bytes([id_]) + u32(len(contents)) + contents


@pytest.fixture
def rich(tmp_path: Path) -> Path:
    file = tmp_path / "rich.wasm"
    file.write_bytes(bytes(wat2wasm(TEXT)))
    return file


def test_functions_are_named_and_come_largest_first(rich: Path) -> None:
    """The name section's name, else none; the first export; where the body lies and how long it is."""
    view = module_view(rich)
    listed = [(each["name"], each["index"], each["export"]) for each in view["functions"]]
    assert listed == [("largest", 3, None), ("pair", 2, "pair"), ("small", 1, "add")]
    sizes = [each["size_bytes"] for each in view["functions"]]
    assert sizes == sorted(sizes, reverse=True)
    data = rich.read_bytes()
    small = view["functions"][-1]
    # no locals; local.get 0; local.get 1; i32.add; end
    body = data[small["offset"] : small["offset"] + small["size_bytes"]]
    assert body == bytes.fromhex("00 20 00 20 01 6a 0b")
    assert view["counts"]["functions"] == 3
    assert view["counts"]["imported_functions"] == 1


def test_functions_have_signatures_as_lists_and_memories_limits(rich: Path) -> None:
    """A page builds an input for each parameter; several results and references are told apart."""
    view = module_view(rich)
    exports = {each["name"]: each for each in view["exports"]}
    assert (exports["add"]["params"], exports["add"]["results"]) == (["i32", "i32"], ["i32"])
    assert (exports["pair"]["params"], exports["pair"]["results"]) == (["f32"], ["i64", "f64"])
    assert exports["count"]["type"] == "mut i32"
    imports = {each["name"]: each for each in view["imports"]}
    assert (imports["log"]["params"], imports["log"]["results"]) == (["i32", "i64"], [])
    assert imports["table"]["limits"] == {"min": 1, "max": 10}
    assert imports["heap"]["limits"] == {"min": 2, "max": 10}


def test_a_reference_result_is_one_type(tmp_path: Path) -> None:
    """The parentheses of ``(ref null 3)`` are not those around several results."""
    file = tmp_path / "reference.wasm"
    text = """(module (type $f (func))
      (func (export "one") (result (ref null $f)) ref.null $f)
      (func (export "two") (param (ref null $f) i32) (result (ref null $f) i32) local.get 0 local.get 1))"""
    file.write_bytes(bytes(wat2wasm(text)))
    one, two = module_view(file)["exports"]
    assert one["results"] == ["(ref null 0)"]
    assert (two["params"], two["results"]) == (["(ref null 0)", "i32"], ["(ref null 0)", "i32"])


def test_without_names_the_export_is_the_name(tmp_path: Path) -> None:
    """A stripped module's exported functions are still called something."""
    file = tmp_path / "stripped.wasm"
    file.write_bytes(bytes(wat2wasm('(module (func (export "go")) (func))')))
    assert [each["name"] for each in module_view(file)["functions"]] == ["go", None]


def test_a_malformed_name_section_costs_the_names_only(rich: Path) -> None:
    """A custom section cannot make a module unreadable."""
    data = rich.read_bytes()
    start = data.index(b"\x04name")
    rich.write_bytes(data[: start + 5] + b"\xff" * (len(data) - start - 5))
    assert {each["name"] for each in module_view(rich)["functions"]} == {"add", "pair", None}


def test_a_component_is_described_without_functions(tmp_path: Path) -> None:
    """Its bodies belong to the modules inside it."""
    file = tmp_path / "component.wasm"
    file.write_bytes(bytes(wat2wasm('(component (core module (func (export "f"))))')))
    view = module_view(file)
    assert (view["kind"], view["functions"], view["counts"]["functions"]) == ("component", [], 1)


def test_the_list_of_functions_is_capped_and_the_count_is_true(tmp_path: Path) -> None:
    """25,000 functions: the 20,000 largest are listed, all are counted."""
    bodies = [bytes([3 + place % 2, 0]) + b"\1" * (place % 2) + b"\1\x0b" for place in range(25_000)]
    file = tmp_path / "many.wasm"
    file.write_bytes(
        HEADER
        + section(1, b"\1\x60\0\0")
        + section(3, u32(25_000) + b"\0" * 25_000)
        + section(10, u32(25_000) + b"".join(bodies))
    )
    view = module_view(file)
    assert (len(view["functions"]), view["counts"]["functions"]) == (20_000, 25_000)
    assert [view["functions"][0]["size_bytes"], view["functions"][-1]["size_bytes"]] == [4, 3]


@pytest.mark.parametrize(
    "data",
    [
        HEADER + b"\0\1\0" * 60_000,
        HEADER + section(1, b"\1\x60\0\0") + section(3, u32(2_000_000) + b"\0" * 2_000_000),
    ],
    ids=["sections", "declarations"],
)
def test_an_absurd_module_is_refused_before_it_is_decoded(tmp_path: Path, data: bytes) -> None:
    """Neither time nor memory is spent on what no page could show."""
    file = tmp_path / "absurd.wasm"
    file.write_bytes(data)
    with pytest.raises(InvalidModuleError, match="too many to show"):
        module_view(file)


@pytest.mark.parametrize("data", [b"", b"<!doctype html>", HEADER[:5], HEADER + b"\x0a\5\1"])
def test_what_is_no_module_is_said_to_be_none(tmp_path: Path, data: bytes) -> None:
    """A file that changed under the server is an error with words, never a traceback."""
    file = tmp_path / "no.wasm"
    file.write_bytes(data)
    with pytest.raises(InvalidModuleError):
        module_view(file)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_damaged_modules_are_described_or_refused(data: st.DataObject, rich: Path, tmp_path: Path) -> None:
    """Whatever the bytes: JSON, or the one error."""
    bytes_ = bytearray(rich.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        bytes_[data.draw(st.integers(8, len(bytes_) - 1))] = data.draw(st.integers(0, 255))
    file = tmp_path / "damaged.wasm"
    file.write_bytes(bytes_[: data.draw(st.integers(8, len(bytes_)))])
    try:
        view = module_view(file)
    except InvalidModuleError:
        return
    assert json.loads(json.dumps(view))["size_bytes"] == file.stat().st_size
