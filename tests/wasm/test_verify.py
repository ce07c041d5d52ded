from __future__ import annotations

import mmap
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wasmtime import wat2wasm

from wasmrun_py.model.errors import InvalidModuleError
from wasmrun_py.wasm.engine import Validator
from wasmrun_py.wasm.inspect import inspect_module
from wasmrun_py.wasm.module_info import ModuleKind
from wasmrun_py.wasm.verify import ValidationProblem, parse_fault, require_valid_module, verify_module

HEADER = b"\0asm\1\0\0\0"
COMPONENT_HEADER = b"\0asm\x0d\0\1\0"


def wat(text: str) -> bytes:
    return bytes(wat2wasm(text))


def get_problem(data: bytes) -> ValidationProblem:
    verdict = verify_module(data)
    assert not verdict.valid
    assert len(verdict.errors) == 1
    return verdict.errors[0]


@pytest.mark.parametrize(
    "text",
    [
        "(module)",
        "(module (memory 1 2 shared) (func (drop (i32.atomic.load (i32.const 0)))))",
        "(module (memory i64 1) (func (drop (i32.load (i64.const 0)))))",
        "(module (memory 1) (memory 1))",
        "(module (memory 1 (pagesize 1)))",
        "(module (tag $t) (func (throw $t)))",
        "(module (type $s (struct (field i32))) (func (drop (struct.new $s (i32.const 1)))))",
        "(module (type $f (func)) (func (param (ref $f)) (call_ref $f (local.get 0))))",
        "(module (func $f (return_call $f)))",
        "(module (func (param v128) (result v128) (f32x4.relaxed_min (local.get 0) (local.get 0))))",
        "(module (func (param i64) (result i64 i64) (i64.mul_wide_u (local.get 0) (local.get 0))))",
        '(module (import "a" "b" (memory 1 1 shared)) (func (param externref)))',
    ],
)  # fmt: skip
def test_modules_of_newer_proposals_are_valid(text: str) -> None:
    """A feature that wasmtime knows is never taken for a fault, wasmtime's defaults notwithstanding."""
    verdict = verify_module(wat(text))
    assert (verdict.kind, verdict.valid, verdict.errors) == (ModuleKind.MODULE, True, ())


def test_a_real_program_is_valid(clang_module: Path) -> None:
    """What clang makes is valid, handed over as bytes or as a mapped file."""
    assert verify_module(clang_module.read_bytes()).valid
    with (
        clang_module.open("rb") as opened,
        mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
    ):
        assert verify_module(mapped).valid
    require_valid_module(clang_module.read_bytes(), clang_module)


def test_the_header_alone_is_a_module() -> None:
    """Eight bytes are an empty module, or an empty component."""
    assert verify_module(HEADER).valid
    verdict = verify_module(COMPONENT_HEADER)
    assert (verdict.kind, verdict.valid) == (ModuleKind.COMPONENT, True)


def test_truncation_anywhere_is_found(rich_module: bytes) -> None:
    """Every prefix that is not itself a module is refused, at a byte inside the prefix."""
    ends = {8} | {item.offset + item.size_bytes for item in inspect_module(rich_module).sections}
    # A declared function without a body makes the prefixes up to the code section invalid as well.
    valid = {size for size in range(len(rich_module)) if verify_module(rich_module[:size]).valid}
    assert 8 in valid
    assert valid < ends
    for size in set(range(len(rich_module))) - valid:
        problem = get_problem(rich_module[:size])
        assert problem.offset is not None
        assert 0 <= problem.offset <= size
        assert problem.message


def test_truncation_of_a_component_is_found(component: bytes) -> None:
    """The same for a component, nested modules included."""
    ends = {8} | {item.offset + item.size_bytes for item in inspect_module(component).sections}
    for size in sorted(set(range(len(component))) - ends):
        problem = get_problem(component[:size])
        assert problem.offset is not None
        assert 0 <= problem.offset <= size


def test_a_cut_off_section_is_named() -> None:
    """Where wasmtime says only that the file ended, the message says in what."""
    data = wat('(module (func (export "f") (param i32)))')
    problem = get_problem(data[:12])
    assert problem == ValidationProblem(offset=10, message="section 'type' needs 5 bytes and only 2 are left")


@pytest.mark.parametrize(
    ("data", "words", "offset"),
    [
        (b"", "the file is empty", 0),
        (b"\0as", "ends inside its 8-byte header", 3),
        (b"hello, world", "starts with 68 65 6c 6c 6f 2c 20 77", 0),
        (b"\0asm\2\0\0\0", "unknown WebAssembly version 2", 4),
        (b"(module)", "not WebAssembly", 0),
        (b"(component)", "not WebAssembly", 0),
        (b"\n\n(module (func))", "not WebAssembly", 0),
    ],
)
def test_what_is_not_wasm_is_not_valid(data: bytes, words: str, offset: int) -> None:
    """Text in particular: wasmtime's Python package would assemble it without a word."""
    problem = get_problem(data)
    assert verify_module(data).kind is ModuleKind.UNKNOWN
    assert words in problem.message
    assert problem.offset == offset


@pytest.mark.parametrize(
    ("data", "words", "offset"),
    [
        (HEADER + b"\x03\x01\0\x01\x01\0", "section 'type' comes after section 'function'", 11),
        (HEADER + b"\x01\x01\0\x01\x01\0", "section 'type' is repeated", 11),
        (HEADER + b"\x0d\x09\0", "section 'tag' needs 9 bytes and only 1 are left", 10),
        (HEADER + b"\x63\x00", "unknown section id 99", 8),
        (HEADER + b"\x01\xff\xff\xff\xff\xff\x00", "integer representation too long", 13),
        (HEADER + b"\x01\xff\xff\xff\xff\x7f", "integer too large", 13),
        (HEADER + b"\x01\x80", "unexpected end in size of section 'type'", 10),
    ],
)
def test_broken_structure_is_found(data: bytes, words: str, offset: int) -> None:
    """Sections out of order, repeated, overrunning or unknown, and bad integers, at the byte at fault."""
    problem = get_problem(data)
    assert words in problem.message
    assert problem.offset == offset


def test_a_type_error_is_found_at_its_instruction() -> None:
    """The offset is that of the operator that sees the wrong type."""
    data = wat('(module (func (export "f") (result i32) i64.const 1))')
    problem = get_problem(data)
    assert problem.message == "type mismatch: expected i32, found i64"
    # The end of the function, which takes the result, is the last byte of the file.
    assert problem.offset == len(data) - 1


@pytest.mark.parametrize(
    ("text", "nested_end"),
    [
        ("(component (core module (func (result i32) i64.const 1)))", b"\x42\x01\x0b"),
        (
            "(component (core module) (component (core module (func (result i32) i64.const 1))))",
            b"\x42\x01\x0b",
        ),
    ],
)
def test_a_type_error_in_a_nested_module_is_found_in_the_file(text: str, nested_end: bytes) -> None:
    """Offsets count from the start of the file, not of the module inside it."""
    data = wat(text)
    problem = get_problem(data)
    assert problem.message == "type mismatch: expected i32, found i64"
    assert problem.offset == data.index(nested_end) + 2


def test_a_fault_of_the_component_itself_is_found(component: bytes) -> None:
    """An index that does not exist is found after the core modules have passed."""
    data = component.replace(b"realloc", b"reallox", 1)
    problem = get_problem(data)
    assert problem.offset is not None
    assert "realloc" in problem.message
    assert "Caused by" not in problem.message
    assert "offset" not in problem.message


def test_what_wasmtime_cannot_run_is_still_valid() -> None:
    """Passing an imported function on is valid, though wasmtime has not got round to it."""
    assert verify_module(wat('(component (import "a" (func $f)) (export "b" (func $f)))')).valid


def test_a_component_inside_a_module_section_is_refused() -> None:
    """A nested core module must be one."""
    nested = COMPONENT_HEADER
    problem = get_problem(COMPONENT_HEADER + bytes([1, len(nested)]) + nested)
    assert problem.offset == 10


def test_a_component_of_tiny_functions_is_valid() -> None:
    """Bodies too small to be emptied in place are left as they are."""
    assert verify_module(wat(f"(component (core module {'(func)' * 300}))")).valid


def test_a_component_that_needs_its_bodies_is_valid() -> None:
    """Emptying bodies must not hide what tables, globals, data and exports refer to."""
    text = """(component (core module
        (table 2 funcref) (memory 1)
        (func $a (export "a") (param i32) (result i64) (drop (ref.func $b)) (i64.const 1234567890))
        (func $b (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 1)) (data.drop 0) (elem.drop 1))
        (global (export "g") funcref (ref.func $b))
        (elem (i32.const 0) $a $b) (elem funcref (ref.func $a)) (elem declare func $b)
        (data "some passive data") (start $b)))"""
    assert verify_module(wat(text)).valid


def test_require_names_file_and_byte() -> None:
    """The error that ends a build names the file, the fault and the place."""
    path = Path("/project/dist/app.wasm")
    with pytest.raises(InvalidModuleError) as caught:
        require_valid_module(wat("(module (func (result i32) i64.const 1))"), path)
    message = caught.value.message
    assert message.startswith(f"{path} is not valid WebAssembly: type mismatch: expected i32, found i64")
    assert message.endswith("at byte 0x1a (26)")
    assert caught.value.exit_code == 5


def test_require_passes_the_hint_on() -> None:
    """What the file looks like instead is said in the hint."""
    with pytest.raises(InvalidModuleError, match=r"app\.wasm is not valid WebAssembly") as caught:
        require_valid_module(b"(module)", Path("app.wasm"))
    assert "WebAssembly text" in caught.value.hint


@pytest.mark.parametrize(
    ("fault", "message", "offset"),
    [
        ("type mismatch: a (at offset 0x33)", "type mismatch: a", 0x33),
        ("failed to parse\n\nCaused by:\n    unknown type 5 (at offset 0x1a)\n", "unknown type 5", 0x1A),
        (
            (
                "failed to compile: f\n\nCaused by:\n  0: translation error\n"
                "  1: Invalid input WebAssembly code at offset 105: type mismatch\n"
            ),
            "type mismatch",
            105,
        ),
        (
            "failed\n\nCaused by:\n  0: an invalid module\n  1: section range 28..121 is out of bounds\n",
            "section range 28..121 is out of bounds",
            28,
        ),
        ("something without a place", "something without a place", None),
    ],
)
def test_wasmtimes_words_are_taken_apart(fault: str, message: str, offset: int | None) -> None:
    """The innermost sentence is kept; context and place are taken off it."""
    assert parse_fault(fault) == ValidationProblem(offset=offset, message=message)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([b"", HEADER, COMPONENT_HEADER]))
def test_no_bytes_raise(data: bytes, header: bytes) -> None:
    """Whatever the bytes, there is a verdict, and an invalid core module has an offset."""
    verdict = verify_module(header + data)
    assert verdict.valid == (not verdict.errors)
    if verdict.kind is not ModuleKind.COMPONENT:
        assert all(problem.offset is not None for problem in verdict.errors)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data(), which=st.sampled_from(["rich", "component"]))
def test_mutations_get_the_verdict_of_wasmtime(
    rich_module: bytes, component: bytes, data: st.DataObject, which: str
) -> None:
    """Emptying a component's bodies and validating its modules apart never changes the verdict."""
    mutated = bytearray(rich_module if which == "rich" else component)
    for _ in range(data.draw(st.integers(1, 2))):
        mutated[data.draw(st.integers(8, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    content = bytes(mutated)
    verdict = verify_module(content)
    validator = Validator()
    find = validator.find_module_fault if which == "rich" else validator.find_component_fault
    fault = find(content)
    assert verdict.valid == (fault is None or "not implemented" in fault)
    for problem in verdict.errors:
        assert problem.message
        if which == "rich":
            assert problem.offset is not None
            assert 0 <= problem.offset <= len(content)
