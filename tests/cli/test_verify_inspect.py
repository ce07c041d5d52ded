"""``wasmrun verify`` and ``wasmrun inspect`` through the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import wasmtime

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Wasmrun

VALID = (
    '(module (import "e" "f" (func (param i64))) (memory (export "m") 2 10)'
    ' (func (export "g") (result i32) i64.const 1 call 0 i32.const 2))'
)


def module(text: str = VALID) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


def overrun(data: bytes) -> bytes:
    """The first section claims more bytes than there are."""
    return data[:9] + b"\x7f" + data[10:]


BROKEN = {
    "bad-magic": b"\0asn" + module()[4:],
    "bad-version": b"\0asm\x02\0\0\0" + module()[8:],
    "overrun": overrun(module()),
    "out-of-order": module()[:8] + b"\x03\x01\x00" + module()[8:],
    "bad-leb": module()[:9] + b"\x80\x80\x80\x80\x80\x00" + module()[10:],
    "text": b"(module)",
    "empty": b"",
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_modules_are_exit_5_with_the_offset(wasmrun: Wasmrun, tmp_path: Path, name: str) -> None:
    """The document says invalid, where and why; inspect of the same bytes is an ordinary error too."""
    (tmp_path / "x.wasm").write_bytes(BROKEN[name])
    finished = wasmrun("verify", "--json", "x.wasm")
    document = finished.document
    assert (finished.code, document["ok"], document["valid"]) == (5, False, False)
    assert document["path"] == str(tmp_path / "x.wasm")
    assert isinstance(document["errors"][0]["offset"], int)
    assert document["error"]["code"] == "invalid-module"
    inspected = wasmrun("inspect", "x.wasm")
    assert inspected.code == 5
    assert inspected.err.startswith("error: x.wasm: ")
    assert "Traceback" not in inspected.err


def test_a_type_error_names_its_byte(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """A module of sound structure with a wrong body: verify says where, inspect describes it all the same."""
    broken = module().replace(b"\x42\x01\x10\x00", b"\x41\x01\x10\x00")
    (tmp_path / "x.wasm").write_bytes(broken)
    finished = wasmrun("verify", "x.wasm")
    at = broken.index(b"\x41\x01\x10\x00") + 2
    assert finished.code == 5
    assert "type mismatch: expected i64, found i32" in finished.err
    assert f"at byte {at:#x} ({at})" in finished.err
    assert wasmrun("inspect", "x.wasm").code == 0


def test_a_valid_module_and_a_component(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """Both kinds are accepted and named."""
    (tmp_path / "m.wasm").write_bytes(module())
    (tmp_path / "c.wasm").write_bytes(
        bytes(wasmtime.wat2wasm("(component (core module (func unreachable)))"))
    )
    for name, kind in (("m.wasm", "module"), ("c.wasm", "component")):
        document = wasmrun("verify", "--json", name).document
        assert (document["kind"], document["valid"], document["errors"]) == (kind, True, [])
        assert f"valid WebAssembly {kind}" in wasmrun("verify", name).out


def test_the_document_of_inspect(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """Every member that the schema promises, with the module's own facts."""
    (tmp_path / "m.wasm").write_bytes(module())
    document = wasmrun("inspect", "--json", "m.wasm").document
    assert (document["schema"], document["command"], document["ok"]) == (1, "inspect", True)
    assert (document["kind"], document["type"]) == ("module", "Standard")
    assert document["size_bytes"] == len(module())
    assert document["imports"] == [{"module": "e", "name": "f", "kind": "func", "type": "(i64) -> ()"}]
    assert {"name": "g", "kind": "func", "type": "() -> i32"} in document["exports"]
    assert document["functions"] == {"imported": 1, "defined": 1}
    assert document["start"] is None
    assert [section["name"] for section in document["sections"]][:3] == ["type", "import", "function"]
    assert set(document["sections"][0]) == {"id", "name", "offset", "size_bytes"}
    assert {"memories", "producers", "features", "custom_sections"} <= set(document)


def test_inspect_for_people(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """The summary names kind, imports and exports; -d adds the sections."""
    (tmp_path / "m.wasm").write_bytes(module())
    brief = wasmrun("inspect", "m.wasm").out
    assert "Standard module" in brief
    assert "SECTION" not in brief
    detailed = wasmrun("inspect", "-d", "m.wasm").out
    assert "SECTION" in detailed
    assert "() -> i32" in detailed
