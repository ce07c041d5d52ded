"""What a browser has to do to run a module, told from the module."""

from __future__ import annotations

import pytest
import wasmtime

from wasmrun_py.server.dev_state import ProgramKind
from wasmrun_py.server.session.program import describe_program
from wasmrun_py.wasm.header import COMPONENT_HEADER

WASI = '(import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))'
START = '(func (export "_start"))'
SHARED = '(import "env" "memory" (memory 1 2 shared))'
ABORT = '(import "env" "abort" (func (param i32 i32 i32 i32)))'
MEMORY = '(memory (export "memory") 1)'
CTORS = '(func (export "__wasm_call_ctors"))'
PAGE = "/index.html"


@pytest.mark.parametrize(
    ("text", "script", "bindgen", "urls", "kind", "isolated"),
    [
        (f"(module {WASI} {START})", None, False, [], ProgramKind.WASI, False),
        (f"(module {START})", None, False, [], ProgramKind.WASI, False),
        (f"(module {WASI})", None, False, [], ProgramKind.LIBRARY, False),
        (f'(module (import "env" "f" (func)) {START})', None, False, [], ProgramKind.LIBRARY, False),
        ('(module (func (export "add")))', None, False, [], ProgramKind.LIBRARY, False),
        (f"(module {WASI} {START})", "/a.js", False, [], ProgramKind.EMSCRIPTEN, False),
        (f"(module {ABORT} {MEMORY})", "/a.js", False, [], ProgramKind.LIBRARY, False),
        (f"(module {ABORT} {MEMORY} {CTORS})", "/a.js", False, [], ProgramKind.EMSCRIPTEN, False),
        (f"(module {ABORT})", "/a.js", False, [], ProgramKind.EMSCRIPTEN, False),
        ("(module)", "/a.js", True, [], ProgramKind.BINDGEN, False),
        (f"(module {SHARED})", "/a.js", False, [], ProgramKind.EMSCRIPTEN, True),
        (f"(module {START})", None, False, [PAGE], ProgramKind.PAGE, False),
        (f"(module {SHARED})", "/a.js", False, [PAGE], ProgramKind.PAGE, True),
    ],
)
def test_the_module_tells(
    *, text: str, script: str | None, bindgen: bool, urls: list[str], kind: ProgramKind, isolated: bool
) -> None:
    """Its imports, exports and memories decide, and whether there is a page."""
    program = describe_program(
        bytes(wasmtime.wat2wasm(text)),
        module="/a.wasm",
        script=script,
        is_wasm_bindgen=bindgen,
        urls=["/a.wasm", *urls],
    )
    assert program.kind is kind
    assert program.needs_isolation is isolated
    assert program.page == ("/" if PAGE in urls else None)
    assert program.module == "/a.wasm"


def test_a_component_is_one() -> None:
    """No browser runs it as it is."""
    program = describe_program(
        COMPONENT_HEADER, module="/a.wasm", script=None, is_wasm_bindgen=False, urls=["/a.wasm"]
    )
    assert program.kind is ProgramKind.COMPONENT
