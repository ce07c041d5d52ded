"""What a component imports and exports, with types: from index spaces, through aliases and instances."""

from __future__ import annotations

import contextlib
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wasmtime import Engine, wat2wasm
from wasmtime.component import Component, ComponentInstanceType, FuncType, ResourceType

from wasmrun_py.model.errors import InvalidModuleError
from wasmrun_py.wasm.inspect import inspect_module

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wasmrun_py.wasm.module_info import Export, Import

COMPONENT_HEADER = b"\0asm\x0d\0\1\0"


def types_of(items: Iterable[Import | Export]) -> dict[str, str]:
    return {item.name: item.type for item in items}


def u32(value: int) -> bytes:
    return bytes([value % 128 | 0x80]) + u32(value // 128) if value > 127 else bytes([value])


def section(id_: int, *entries: bytes) -> bytes:
    contents = u32(len(entries)) + b"".join(entries)
    return bytes([id_]) + u32(len(contents)) + contents


EVERY_TYPE = """(component
  (type $point' (record (field "x" f32) (field "y" f64)))
  (import "point" (type $point (eq $point')))
  (type $shape' (variant (case "dot") (case "round" $point) (case "many" (list $point))))
  (import "shape" (type $shape (eq $shape')))
  (import "door" (type $door (sub resource)))
  (type $anonymous (enum "red" "light-blue"))
  (type $rights' (flags "read" "write"))
  (import "rights" (type $rights (eq $rights')))
  (import "numbers" (func
    (param "a" u8) (param "b" s8) (param "c" u16) (param "d" s16) (param "e" u32) (param "f" s32)
    (param "g" u64) (param "h" s64) (result bool)))
  (import "draw" (func (param "what" $shape) (param "with" $rights) (result (result $point (error string)))))
  (import "open" (func (param "name" string) (result (own $door))))
  (import "knock" (func (param "on" (borrow $door)) (result (option char))))
  (import "plain" (func (result (result))))
  (import "half" (func (result (result (error u32)))))
  (import "other-half" (func (result (result u32))))
  (import "pairs" (func (param "all" (list (tuple string f32))) (result (list u8))))
  (import "module" (core module (import "a" "b" (func)) (export "c" (func))))
  (import "clock" (instance
    (export "now" (func (result u64)))
    (export "zone" (type (sub resource)))))
  (import "maker" (component (import "a" (func)) (export "b" (func)) (export "c" (func))))
  )"""
EVERY_TYPE_IN_WORDS = {
    "point": "record { x: f32, y: f64 }",
    "shape": "variant { dot, round(point), many(list<point>) }",
    "door": "resource",
    "rights": "flags { read, write }",
    "numbers": "func(a: u8, b: s8, c: u16, d: s16, e: u32, f: s32, g: u64, h: s64) -> bool",
    "draw": "func(what: shape, with: rights) -> result<point, string>",
    "open": "func(name: string) -> door",
    "knock": "func(on: borrow<door>) -> option<char>",
    "plain": "func() -> result",
    "half": "func() -> result<_, u32>",
    "other-half": "func() -> result<u32>",
    "pairs": "func(all: list<tuple<string, f32>>) -> list<u8>",
    "module": "core module",
    "clock": "instance of 1 function, 1 type",
    "maker": "component of 2 functions",
}

# Functions reach the exports by every way there is.
EXPORTS = """(component
  (import "host" (instance $host
    (export "id" (type $id (sub resource)))
    (export "log" (func (param "text" string)))
    (export "inner" (instance (export "deep" (func (result u32)))))))
  (alias export $host "log" (func $log))
  (alias export $host "inner" (instance $inner))
  (alias export $inner "deep" (func $deep))
  (core module $m (func (export "f") (param i32) (result i32) (local.get 0)) (func (export "run") (result i32)
    (i32.const 0)))
  (core instance $i (instantiate $m))
  (core func $lowered (canon lower (func $deep)))
  (func $lifted (param "n" u32) (result u32) (canon lift (core func $i "f")))
  (func $run (result (result)) (canon lift (core func $i "run")))
  (component $shim
    (import "f" (func $f (result (result))))
    (component $unused)
    (export "run" (func $f)))
  (instance $made (instantiate $shim (with "f" (func $run))))
  (instance $inline (export "twice" (func $lifted))
    (export "say" (func $log))
  )
  (type $u u32)
  (export $size "size" (type $u))
  (func $again (param "n" $size) (result $size) (canon lift (core func $i "f")))
  (export "lifted" (func $lifted))
  (export "again" (func $again))
  (export "aliased" (func $log))
  (export "wasi:cli/run@0.2.0" (instance $made))
  (export "inline" (instance $inline))
  (export "shim" (component $shim))
)"""

UNIMPLEMENTED = ('"maker"', '"aliased"', '(export "say"', '(export "shim"')


def test_every_type_is_put_into_words() -> None:
    """As WIT writes them; what has a name is called by it."""
    info = inspect_module(wat2wasm(EVERY_TYPE))
    assert types_of(info.imports) == EVERY_TYPE_IN_WORDS
    (clock,) = (item for item in info.imports if item.name == "clock")
    assert types_of(clock.members) == {"now": "func() -> u64", "zone": "resource"}
    assert [member.kind for member in clock.members] == ["func", "type"]


def test_exports_are_followed_to_their_types() -> None:
    """Through canonical functions, aliases, inline instances, instances of nested components, and exports."""
    info = inspect_module(wat2wasm(EXPORTS))
    assert types_of(info.exports) == {
        "size": "u32",
        "lifted": "func(n: u32) -> u32",
        "again": "func(n: size) -> size",
        "aliased": "func(text: string)",
        "wasi:cli/run@0.2.0": "instance of 1 function",
        "inline": "instance of 2 functions",
        "shim": "component of 1 function",
    }
    members = {item.name: types_of(item.members) for item in info.exports if item.members}
    assert members == {
        "wasi:cli/run@0.2.0": {"run": "func() -> result"},
        "inline": {"twice": "func(n: u32) -> u32", "say": "func(text: string)"},
        "shim": {"run": "func() -> result"},
    }


@pytest.mark.parametrize("text", [EVERY_TYPE, EXPORTS])
def test_names_and_kinds_are_those_of_wasmtime(text: str) -> None:
    """Wasmtime's own decoder lists the same names, functions with the same parameters, the same members."""
    # What wasmtime reads and does not compile as yet is left out.
    lines = (line for line in text.splitlines() if not any(name in line for name in UNIMPLEMENTED))
    data = bytes(wat2wasm("\n".join(lines)))
    info, engine = inspect_module(data), Engine()
    theirs = Component(engine, data).type
    pairs: list[tuple[Iterable[Import | Export], Any]] = [
        (info.imports, theirs.imports(engine)),
        (info.exports, theirs.exports(engine)),
    ]
    for items, externs in pairs:
        # It does not list types that only give another one a name.
        listed = [item for item in items if item.kind != "type" or item.name in externs]
        assert {item.name for item in listed} == set(externs)
        for item in listed:
            kind = externs[item.name].ty
            if isinstance(kind, FuncType):
                assert item.kind == "func"
                assert [f"{name}: " in item.type for name, _ in kind.params] == [True] * len(kind.params)
                assert ("->" in item.type) is (kind.result is not None)
            elif isinstance(kind, ComponentInstanceType):
                assert [member.name for member in item.members] == list(kind.exports(engine))
            elif isinstance(kind, ResourceType):
                assert item.type == "resource"


def test_json_lists_members_and_inner_modules() -> None:
    """``members`` stands only where there are any; core modules have place, size and counts."""
    data = bytes(wat2wasm(EXPORTS))
    document = json.loads(json.dumps(inspect_module(data).to_json()))
    by_name = {item["name"]: item for item in document["exports"]}
    assert list(by_name["lifted"]) == ["name", "kind", "type"]
    assert by_name["inline"]["members"][0] == {"name": "twice", "kind": "func", "type": "func(n: u32) -> u32"}
    (module,) = document["modules"]
    assert data[module["offset"] : module["offset"] + 4] == b"\0asm"
    assert (module["imports"], module["exports"], module["functions"]) == (0, 2, 2)


def test_asynchronous_functions_and_what_they_return() -> None:
    """``async func``, streams and futures, which this wasmtime does not assemble: from bytes."""
    types = section(
        7, b"\x66\x01\x7d", b"\x65\x00", b"\x43\x01\x01s\x00\x00\x01", b"\x67\x7d\x04", b"\x63\x73\x79"
    )
    imports = section(10, b"\x00\x01f\x01\x02", b"\x00\x01l\x03\x00\x03", b"\x00\x01m\x03\x00\x04")
    info = inspect_module(COMPONENT_HEADER + types + imports)
    assert types_of(info.imports) == {
        "f": "async func(s: stream<u8>) -> future",
        "l": "list<u8, 4>",
        "m": "map<string, u32>",
    }


@pytest.mark.parametrize(
    "unreadable",
    [
        section(7, b"\x01"),
        section(7, b"\x70\x05"),
        section(8, b"\xee"),
        section(6, b"\x01\x09\x00"),
        section(5, b"\x07"),
        section(7, b"\x42\x01\x00\x60\x00\x00"),
    ],
)
def test_what_cannot_be_followed_leaves_names_and_kinds(unreadable: bytes) -> None:
    """A form this reader does not know is no reason to say nothing: the kind stands for the type."""
    imports = section(10, b"\x00\x01f\x01\x00", b"\x00\x01i\x05\x00")
    info = inspect_module(COMPONENT_HEADER + section(7, b"\x40\x00\x01\x00") + unreadable + imports)
    assert types_of(info.imports) == {"f": "func", "i": "instance"}


def test_types_that_double_stay_short() -> None:
    """Two thousand types, each a pair of the one before, cost neither time nor space."""
    doubled = [b"\x7d", *(b"\x6f\x02" + _s33(index) * 2 for index in range(2000))]
    function = b"\x40\x01\x01a" + _s33(2000) + b"\x01\x00"
    data = COMPONENT_HEADER + section(7, *doubled, function) + section(10, b"\x00\x01f\x01" + u32(2001))
    began = time.monotonic()
    (item,) = inspect_module(data).imports
    assert time.monotonic() - began < 2
    assert item.type.startswith("func(a: tuple<tuple<")
    assert len(item.type) < 2500


def test_an_instance_named_many_times_is_listed_once_or_not() -> None:
    """A thousand exports of an instance with a thousand members do not make a million entries."""
    members = [b"\x00" + u32(3) + f"{n:03}".encode() + b"\x01\x00" for n in range(1000)]
    instance = b"\x42" + u32(1001) + b"\x01\x40\x00\x01\x00" + b"".join(b"\x04" + each for each in members)
    exports = [b"\x00" + u32(4) + f"e{n:03}".encode() + b"\x05\x00\x00" for n in range(1000)]
    data = COMPONENT_HEADER + section(7, instance) + section(10, b"\x00\x01i\x05\x00") + section(11, *exports)
    info = inspect_module(data)
    listed = sum(len(item.members) for item in info.imports) + sum(len(item.members) for item in info.exports)
    assert listed <= 10_000
    assert {item.type for item in info.exports} == {"instance of 1000 functions"}


def test_types_nested_without_end() -> None:
    """Instance types in instance types, and components in components, deeper than anybody writes."""
    nested = b"\x42\x00"
    for _ in range(3000):
        nested = b"\x42\x01\x01" + nested
    info = inspect_module(COMPONENT_HEADER + section(7, nested) + section(10, b"\x00\x01f\x01\x00"))
    assert types_of(info.imports) == {"f": "func"}
    inner = COMPONENT_HEADER
    for _ in range(200):
        contents = COMPONENT_HEADER + bytes([4]) + u32(len(inner)) + inner + section(5, b"\x00\x00\x00")
        inner = contents + section(11, b"\x00\x01i\x05\x00\x00")
    assert types_of(inspect_module(inner).exports) == {"i": "instance of 1 instance"}


def _s33(value: int) -> bytes:
    """A non-negative number as signed LEB128."""
    if value < 64:
        return bytes([value])
    return bytes([value % 128 | 0x80]) + _s33(value // 128)


@given(data=st.data())
@settings(max_examples=400, deadline=2000, suppress_health_check=[HealthCheck.too_slow])
def test_damaged_components_are_described_or_refused(data: st.DataObject) -> None:
    """Whatever bytes are changed, cut or repeated: an answer or InvalidModuleError, in bounded time."""
    original = bytes(wat2wasm(data.draw(st.sampled_from([EVERY_TYPE, EXPORTS]))))
    changed = bytearray(original)
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(8, len(changed) - 1))
        what = data.draw(st.sampled_from(["set", "cut", "repeat"]))
        if what == "set":
            changed[at] = data.draw(st.integers(0, 255))
        elif what == "cut":
            del changed[at : at + data.draw(st.integers(1, 9))]
        else:
            changed[at:at] = changed[at : at + data.draw(st.integers(1, 40))]
        if len(changed) <= 9:
            break
    with contextlib.suppress(InvalidModuleError):
        inspect_module(bytes(changed)).to_json()


@given(contents=st.binary(max_size=200), id_=st.sampled_from([2, 3, 5, 6, 7, 8, 9, 12]))
@settings(max_examples=400, deadline=2000)
def test_any_definitions_are_read_or_passed_over(contents: bytes, id_: int) -> None:
    """A section of noise changes nothing about the names that follow it."""
    noise = bytes([id_]) + u32(len(contents)) + contents
    imports = section(10, b"\x00\x01f\x01\x00")
    with contextlib.suppress(InvalidModuleError):
        info = inspect_module(COMPONENT_HEADER + noise + imports)
        assert [item.name for item in info.imports] == ["f"]
