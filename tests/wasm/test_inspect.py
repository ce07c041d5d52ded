from __future__ import annotations

import contextlib
import json
import mmap
import re
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wasmtime import Engine, FuncType, GlobalType, MemoryType, Module, TableType, wat2wasm

from wasmrun_py.model.errors import InvalidModuleError
from wasmrun_py.wasm.inspect import inspect_module
from wasmrun_py.wasm.module_info import ModuleKind, ModuleType
from wasmrun_py.wasm.reader import MalformedModuleError

if TYPE_CHECKING:
    from pathlib import Path

HEADER = b"\0asm\1\0\0\0"
COMPONENT_HEADER = b"\0asm\x0d\0\1\0"
KINDS = {FuncType: "func", TableType: "table", MemoryType: "memory", GlobalType: "global"}


def u32(value: int) -> bytes:
    return bytes([value % 128 | 0x80]) + u32(value // 128) if value > 127 else bytes([value])


def section(id_: int, contents: bytes) -> bytes:
    return bytes([id_]) + u32(len(contents)) + contents


def custom(name: str, contents: bytes = b"") -> bytes:
    return section(0, u32(len(name)) + name.encode() + contents)


def wat(text: str) -> bytes:
    return bytes(wat2wasm(text))


def test_imports_are_listed_with_types_in_words(rich_module: bytes) -> None:
    """Every kind of import is named with a type a person can read."""
    info = inspect_module(rich_module)
    assert [(item.module, item.name, item.kind, item.type) for item in info.imports] == [
        ("env", "log", "func", "(i32, i64) -> ()"),
        ("env", "table", "table", "funcref min 1 max 10"),
        ("env", "limit", "global", "const i64"),
        ("env", "heap", "memory", "min 2 pages, max 10 pages, shared"),
    ]


def test_exports_are_listed_with_types_in_words(rich_module: bytes) -> None:
    """An export's type is found through its index, past the imports of the same kind."""
    info = inspect_module(rich_module)
    assert [(item.name, item.kind, item.type) for item in info.exports] == [
        ("add", "func", "(i32, i32) -> i32"),
        ("pair", "func", "(i32, i32) -> (i32, i64)"),
        ("slots", "table", "externref min 3"),
        ("memory", "memory", "min 1 page"),
        ("oops", "tag", "(i32) -> ()"),
        ("count", "global", "mut i32"),
    ]


def test_memories_functions_and_start_are_counted(rich_module: bytes) -> None:
    """Imported memories come first; the start function keeps its index."""
    info = inspect_module(rich_module)
    assert info.kind is ModuleKind.MODULE
    assert info.size_bytes == len(rich_module)
    assert (info.functions.imported, info.functions.defined, info.start) == (1, 3, 3)
    shapes = [(m.min_pages, m.max_pages, m.shared, m.memory64, m.imported) for m in info.memories]
    assert shapes == [(2, 10, True, False, True), (1, None, False, False, False), (1, 2, False, True, False)]


STRUCTS = """(module
  (rec (type $a (sub (struct (field i8 (mut i64) (ref null $b))))) (type $b (array (mut i16))))
  (type $c (sub final $a (struct (field i8 (mut i64) (ref null $b) f32))))
  (type $f (func (param f32)))
  (func (export "f") (type $f)))"""
CONSTANTS = """(module
  (type $s (struct (field i32))) (type $a (array i32))
  (global (ref $s) (struct.new $s (i32.const 1)))
  (global (ref $a) (array.new_fixed $a 1 (i32.const 1)))
  (global (ref null any) (ref.null any))
  (global v128 (v128.const i64x2 1 2))
  (global i31ref (ref.i31 (i32.const 1)))
  (global (export "g") f32 (f32.const 1)))"""
NULLABLE = """(module (type $s (struct))
  (func (export "f")
    (param (ref null $s) (ref $s) v128 anyref eqref i31ref structref arrayref exnref)))
"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('(module (func (export "f")))', "() -> ()"),
        ('(module (memory (export "m") i64 1 4))', "min 1 page, max 4 pages, 64-bit"),
        ('(module (memory (export "m") 3 (pagesize 1)))', "min 3 pages, page size 1"),
        (
            NULLABLE,
            "((ref null 0), (ref 0), v128, anyref, eqref, i31ref, structref, arrayref, exnref) -> ()",
        ),
        ('(module (func (export "f") (result (ref extern) (ref func))))', "() -> ((ref extern), (ref func))"),
        ('(module (table (export "t") i64 1 2 funcref))', "funcref min 1 max 2 64-bit"),
        ('(module (func $f) (table (export "t") 2 (ref func) (ref.func $f)))', "(ref func) min 2"),
        (STRUCTS, "(f32) -> ()"),
        (CONSTANTS, "const f32"),
        ('(module (global (export "g") (mut i64) (i64.const -9223372036854775808)))', "mut i64"),
    ],
)
def test_newer_types_read_well(text: str, words: str) -> None:
    """Garbage-collected types, 64-bit and odd-paged memories and initialised tables are put into words."""
    assert [item.type for item in inspect_module(wat(text)).exports] == [words]


def test_a_type_of_very_many_parts_is_shortened() -> None:
    """A thousand parameters do not fill the screen, once for each export."""
    info = inspect_module(wat(f'(module (func (export "f") (param {"i32 " * 1000})))'))
    assert info.exports[0].type.endswith("i32, … 936 more) -> ()")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(module)", ModuleType.STANDARD),
        ('(module (import "env" "f" (func)))', ModuleType.STANDARD),
        ('(module (import "wasi_snapshot_preview1" "f" (func)))', ModuleType.WASI),
        ('(module (import "wasi_unstable" "f" (func)))', ModuleType.WASI),
        ('(module (import "wasi:cli/run@0.2.0" "f" (func)))', ModuleType.WASI),
        ('(module (import "wbg" "f" (func)))', ModuleType.WASM_BINDGEN),
        ('(module (import "./app_bg.js" "f" (func)))', ModuleType.WASM_BINDGEN),
        ('(module (import "env" "__wbindgen_throw" (func)))', ModuleType.WASM_BINDGEN),
        ('(module (func (export "__wbindgen_malloc")))', ModuleType.WASM_BINDGEN),
        ('(module (@custom "__wasm_bindgen_unstable" "x"))', ModuleType.WASM_BINDGEN),
        ("(component)", ModuleType.COMPONENT),
    ],
)
def test_the_type_is_told_by_imports_exports_and_sections(text: str, expected: ModuleType) -> None:
    """What a module expects of its host shows in what it imports, exports and carries."""
    assert inspect_module(wat(text)).type is expected


def test_custom_sections_producers_and_features() -> None:
    """Tool-conventions sections are read; all custom sections are listed with place and size."""
    producers = b"\x01\x0cprocessed-by\x02\x05clang\x0618.1.3\x03rld\x00"
    features = b"\x02+\x07simd128-\x07threads"
    data = (
        HEADER
        + custom("producers", producers)
        + custom("target_features", features)
        + custom("linking", b"\2")
    )
    info = inspect_module(data)
    assert info.producers == {"processed-by": ("clang 18.1.3", "rld")}
    assert info.features == ("+simd128", "-threads")
    assert [item.name for item in info.custom_sections] == ["producers", "target_features", "linking"]
    last = info.custom_sections[-1]
    assert last.offset + last.size_bytes == len(data)


@pytest.mark.parametrize("contents", [b"", b"\xff", b"\x05", b"\x01\x01\xff\x00", b"\x7f\x02+"])
@pytest.mark.parametrize("name", ["producers", "target_features", "name"])
def test_a_broken_custom_section_breaks_nothing(name: str, contents: bytes) -> None:
    """The format says errors inside custom sections do not make a module invalid."""
    info = inspect_module(HEADER + custom(name, contents))
    assert (info.producers, info.features) == ({}, ())


def test_json_has_the_documented_fields(rich_module: bytes) -> None:
    """The JSON document has the fields of DESIGN §5, of plain types only."""
    document = json.loads(json.dumps(inspect_module(rich_module).to_json()))
    assert list(document) == [
        "kind", "type", "size_bytes", "sections", "imports", "exports", "memories", "start", "functions",
        "producers", "features", "custom_sections",
    ]  # fmt: skip
    assert document["type"] == "Standard"
    assert list(document["sections"][0]) == ["id", "name", "offset", "size_bytes"]
    assert list(document["imports"][0]) == ["module", "name", "kind", "type"]
    assert list(document["exports"][0]) == ["name", "kind", "type"]
    assert document["functions"] == {"imported": 1, "defined": 3}
    assert document["memories"][0]["page_size_bytes"] == 65536


def test_a_component_shows_its_outer_level_and_what_its_modules_hold(component: bytes) -> None:
    """Imports and exports are the component's own; memories, functions and producers its core modules'."""
    info = inspect_module(component)
    assert (info.kind, info.type) == (ModuleKind.COMPONENT, ModuleType.COMPONENT)
    assert [(item.module, item.name, item.kind) for item in info.imports] == [
        ("", "host", "func"), ("", "clock", "instance"), ("", "thing", "type"),
    ]  # fmt: skip
    assert [(item.name, item.kind) for item in info.exports] == [("run", "func")]
    assert [item.name for item in info.sections if item.id == 1] == ["core module", "core module"]
    assert (info.functions.imported, info.functions.defined) == (1, 3)
    assert [memory.min_pages for memory in info.memories] == [1]
    assert info.producers == {"language": ("C 99",)}


def test_core_modules_of_nested_components_count() -> None:
    """However deep a core module lies, its functions belong to the file."""
    text = "(component (component (component (core module (func) (func)))) (core module (func)))"
    assert inspect_module(wat(text)).functions.defined == 3


def test_a_component_exporting_every_kind() -> None:
    """Core modules, components, instances and types can be exported as well as functions."""
    info = inspect_module(
        wat("""(component
        (import "m" (core module $m)) (import "c" (component $c)) (import "i" (instance $i))
        (type $u u32) (import "t" (type $t (eq $u)))
        (export "m2" (core module $m)) (export "c2" (component $c)) (export "i2" (instance $i))
        (export "t2" (type $t)))""")
    )
    kinds = ["core module", "component", "instance", "type"]
    assert [item.kind for item in info.imports] == kinds
    assert [item.kind for item in info.exports] == kinds


@pytest.mark.parametrize("text", ["rich", "component"])
def test_truncation_anywhere_is_accepted_or_refused_cleanly(
    text: str, rich_module: bytes, component: bytes
) -> None:
    """A prefix either ends where a section ends or is refused at a byte inside the prefix."""
    data = rich_module if text == "rich" else component
    ends = {8} | {item.offset + item.size_bytes for item in inspect_module(data).sections}
    for size in range(len(data)):
        if size not in ends:
            with pytest.raises(MalformedModuleError) as caught:
                inspect_module(data[:size])
            assert 0 <= caught.value.offset <= size


@pytest.mark.parametrize(
    ("data", "problem", "offset"),
    [
        (HEADER + section(3, b"\0") + section(1, b"\0"), "section 'type' comes after section 'function'", 11),
        (HEADER + section(1, b"\0") * 2, "section 'type' is repeated", 11),
        (HEADER + section(99, b""), "unknown section id 99", 8),
        (HEADER + b"\x01\x09\0", "section 'type' needs 9 bytes and only 1 are left", 10),
        (HEADER + b"\x01\xff\xff\xff\xff\xff\x00", "too long in size of section 'type'", 9),
        (HEADER + b"\x01\xff\xff\xff\xff\x7f", "integer too large in size of section 'type'", 9),
        (HEADER + b"\x01\x80", "unexpected end in size of section 'type'", 10),
        (HEADER + section(1, b"\xff\xff\xff\xff\x0f"), "4294967295 types announced", 10),
        (HEADER + section(1, b"\x01\x10"), "unknown type form 0x10", 11),
        (HEADER + section(1, b"\x01\x60\x01\x01\x00"), "unknown value type 0x01", 13),
        (HEADER + section(1, b"\x00\x00"), "1 bytes too many in section 'type'", 11),
        (HEADER + section(2, b"\x01\x01a\x01b\x00\x05"), "type 5 does not exist, there are 0", 16),
        (HEADER + section(2, b"\x01\x01a\x01b\x09\x00"), "unknown import kind 0x09", 15),
        (HEADER + section(5, b"\x01\x40\x00"), "unknown memory flags 0x40", 11),
        (HEADER + section(5, b"\x01\x08\x00\x50"), "memory page size too large", 13),
        (HEADER + section(4, b"\x01\x70\x10\x00"), "unknown table flags 0x10", 12),
        (HEADER + section(6, b"\x01\x7f\x07\x41\x00\x0b"), "malformed global mutability 0x07", 12),
        (HEADER + section(6, b"\x01\x7f\x00\x10\x0b"), "instruction 0x10 in a constant expression", 13),
        (HEADER + section(6, b"\x01\x7f\x00\x41\x00"), "unexpected end in constant expression", 15),
        (HEADER + section(7, b"\x01\x01a\x00\x07"), "export 'a' names func 7 and there are 0", 13),
        (HEADER + section(7, b"\x01\x01\xff\x00\x00"), "malformed UTF-8 in export name", 12),
        (HEADER + section(8, b"\x00"), "start names func 0 and there are 0", 10),
        (HEADER + section(13, b"\x01\x01\x00"), "unknown tag attribute 0x01", 11),
        (HEADER + section(1, b"\x01\x60\0\0") + section(3, b"\x01\0"), "there is no code section", 18),
        (HEADER + section(10, b"\x01\x02\0\x0b"), "0 functions are declared and 1 have a body", 10),
        (HEADER + section(0, b"\x01\xff"), "malformed UTF-8 in custom section name", 11),
        (COMPONENT_HEADER + section(13, b""), "unknown section id 13", 8),
        (COMPONENT_HEADER + section(1, HEADER + section(99, b"")), "unknown section id 99", 18),
        (COMPONENT_HEADER + section(1, b"\0asm"), "module header needs 8 bytes and only 4 are left", 10),
        (COMPONENT_HEADER + section(1, COMPONENT_HEADER), "a core module was expected", 10),
        (COMPONENT_HEADER + section(4, HEADER), "a component was expected", 10),
        (COMPONENT_HEADER + section(10, b"\x01\x09\x01a\x01\0"), "unknown form 0x09 of import name", 11),
        (COMPONENT_HEADER + section(10, b"\x01\x00\x01a\x09\0"), "unknown extern kind 0x09", 14),
    ],
)  # fmt: skip
def test_malformed_structure_is_refused_where_it_breaks(data: bytes, problem: str, offset: int) -> None:
    """Each structural fault has its own words and the offset of the byte at fault."""
    with pytest.raises(MalformedModuleError, match=re.escape(problem)) as caught:
        inspect_module(data)
    assert caught.value.offset == offset


def test_components_nested_without_end_are_refused() -> None:
    """Nesting is bounded, so that depth costs neither stack nor time."""
    data = COMPONENT_HEADER
    for _ in range(1500):
        data = COMPONENT_HEADER + section(4, data)
    with pytest.raises(InvalidModuleError, match="nested more than 1000 deep"):
        inspect_module(data)


@pytest.mark.parametrize(
    ("data", "hint"),
    [
        (b"(module)", "WebAssembly text"),
        (b"\n ;; comment\n (component)", "WebAssembly text"),
        (b"\x7fELF\x02\x01\x01\x00", "ELF"),
        (b"MZ\x90\x00", "Windows"),
        (b"\xcf\xfa\xed\xfe", "Mach-O"),
        (b"!<arch>\nfoo", "archive"),
        (b"BC\xc0\xde", "bitcode"),
        (b"<!DOCTYPE html><html>", "HTML"),
        (b"import { x } from './x.js'", "JavaScript"),
        (b"#!/bin/sh\n", "script"),
        (b"PK\x03\x04", "zip"),
        (b"", "build it again"),
        (b"\0as", "cut off"),
        (b"\0asm\x07\0\0\0", "version 1 of modules"),
    ],
)
def test_what_is_not_wasm_is_named(data: bytes, hint: str) -> None:
    """A file of another kind is refused with a word on what it looks like."""
    with pytest.raises(InvalidModuleError, match="WebAssembly") as caught:
        inspect_module(data)
    assert hint in caught.value.hint


def test_unknown_bytes_are_shown() -> None:
    """The message quotes the beginning of what is not wasm."""
    with pytest.raises(
        InvalidModuleError, match="not WebAssembly: the file starts with de ad be ef"
    ) as caught:
        inspect_module(b"\xde\xad\xbe\xef")
    assert caught.value.hint == ""


def test_a_clang_module_reads_as_wasmtime_reads_it(clang_module: Path) -> None:
    """Names and kinds of imports and exports are those that wasmtime's own decoder gives."""
    data = clang_module.read_bytes()
    info = inspect_module(data)
    module = Module(Engine(), data)
    assert info.type is ModuleType.WASI
    assert [(i.module, i.name, i.kind) for i in info.imports] == [
        (i.module, i.name, KINDS[type(i.type)]) for i in module.imports
    ]
    assert [(e.name, e.kind) for e in info.exports] == [(e.name, KINDS[type(e.type)]) for e in module.exports]
    assert {"memory", "_start", "add"} <= {export.name for export in info.exports}
    assert any("clang" in producer for producer in info.producers["processed-by"])


def test_function_types_agree_with_wasmtime(clang_module: Path) -> None:
    """The words for a function's type list the same parameters and results as wasmtime does."""
    data = clang_module.read_bytes()
    imports = Module(Engine(), data).imports
    for item, theirs in zip(inspect_module(data).imports, imports, strict=True):
        assert isinstance(theirs.type, FuncType)
        params = ", ".join(map(str, theirs.type.params))
        results = ", ".join(map(str, theirs.type.results))
        assert item.type == f"({params}) -> {results or '()'}"


def test_sections_agree_with_objdump(clang_module: Path) -> None:
    """Offsets and sizes are those that wabt's wasm-objdump prints."""
    objdump = shutil.which("wasm-objdump")
    if objdump is None:
        pytest.skip("wasm-objdump (wabt) is not installed")
    printed = subprocess.run(
        [objdump, "-h", str(clang_module)], check=True, capture_output=True, text=True, timeout=60
    ).stdout
    theirs = [
        (int(start, 16), int(size, 16))
        for start, size in re.findall(r"start=(0x[0-9a-f]+) end=0x[0-9a-f]+ \(size=(0x[0-9a-f]+)\)", printed)
    ]
    ours = inspect_module(clang_module.read_bytes()).sections
    assert len(theirs) > 5
    assert [(item.offset, item.size_bytes) for item in ours] == theirs


def test_an_object_file_is_a_module(clang: str, tmp_path: Path) -> None:
    """A relocatable object is described like any module; its linking section shows what it is."""
    source = tmp_path / "a.c"
    source.write_text("int f(int a) { return a; }")
    output = tmp_path / "a.o"
    subprocess.run([clang, "--target=wasm32", "-c", "-o", str(output), str(source)], check=True, timeout=60)
    assert "linking" in [item.name for item in inspect_module(output.read_bytes()).custom_sections]


def test_twenty_megabytes_take_no_time(tmp_path: Path) -> None:
    """The cost follows the declarations: code and data are stepped over in a mapped file."""
    body = u32(1000) + b"\0" + b"\x01" * 998 + b"\x0b"
    functions = 10_000
    data = b"".join([
        HEADER,
        section(1, b"\x01\x60\0\0"),
        section(3, u32(functions) + b"\0" * functions),
        section(5, b"\x01\0\x01"),
        section(10, u32(functions) + body * functions),
        section(11, b"\x01\x01" + u32(10_000_000) + bytes(10_000_000)),
    ])  # fmt: skip
    file = tmp_path / "large.wasm"
    file.write_bytes(data)
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        started = time.process_time()
        info = inspect_module(mapped)
        elapsed_s = time.process_time() - started
    assert info.functions.defined == functions
    assert info.size_bytes > 20_000_000
    assert elapsed_s < 0.15


def test_inspecting_does_not_load_wasmtime() -> None:
    """The decoder is worth having because it spares the import."""
    program = (
        "import sys; from wasmrun_py.wasm.inspect import inspect_module;"
        r"inspect_module(b'\0asm\1\0\0\0'); import wasmrun_py.wasm.verify;"
        "sys.exit('wasmtime' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


@settings(deadline=None)
@given(st.binary(max_size=300), st.sampled_from([b"", HEADER, COMPONENT_HEADER]))
def test_no_bytes_raise_anything_else(data: bytes, header: bytes) -> None:
    """Whatever the bytes, inspect answers or raises InvalidModuleError."""
    try:
        info = inspect_module(header + data)
    except InvalidModuleError:
        return
    assert info.size_bytes == len(header + data)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data(), which=st.sampled_from(["rich", "component"]))
def test_mutated_modules_raise_nothing_else(
    rich_module: bytes, component: bytes, data: st.DataObject, which: str
) -> None:
    """Flipped, inserted and removed bytes in a valid file are answered or refused, never a crash."""
    mutated = bytearray(rich_module if which == "rich" else component)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(8, len(mutated) - 1))
        mutated[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
    with contextlib.suppress(InvalidModuleError):
        assert inspect_module(bytes(mutated)).size_bytes == len(mutated)
