"""Reading wasmtime's rendering of a trap."""

from __future__ import annotations

from wasmrun_py.execute.traps import is_trap_text, parse_trap

_TEXT = """\
error while executing at wasm backtrace:
    0:    0x224 - divide
                    at /src/d.c:3:34
    1:     0x5e - maths!<wasm function 1>
    2: <unknown>!float
    3:     0x70 - <unknown>!std::panic()

Caused by:
    0: memory fault at wasm address 0x493e0
    1: wasm trap: out of bounds memory access
"""


def test_reason_and_frames_are_taken_apart() -> None:
    """The trap comes first and details in brackets; frames keep offset, name and source place."""
    trap = parse_trap(_TEXT, ["divide", None, "f", "_ZN3std5panicEv"])
    assert trap.reason == "out of bounds memory access (memory fault at wasm address 0x493e0)"
    assert trap.backtrace == [
        "0x224 divide (/src/d.c:3:34)",
        "0x5e maths!<wasm function 1>",
        "f",
        "0x70 std::panic()",
    ]


def test_text_of_another_form_is_kept_whole() -> None:
    """A message without frames is its own reason."""
    trap = parse_trap("cannot enter component instance")
    assert trap.reason == "cannot enter component instance"
    assert trap.backtrace == []


def test_a_trap_is_told_from_a_module_that_would_not_load() -> None:
    """Only text with a backtrace or a trap is about code that ran."""
    assert is_trap_text(_TEXT)
    assert is_trap_text("wasm trap: interrupt")
    assert not is_trap_text("unknown import: `env::f` has not been defined")
