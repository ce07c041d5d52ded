from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.conftest import Wasmrun, require_tool
from wasmrun_py.plugin.ffi.header import HEADER_FILE, load_header
from wasmrun_py.plugin.ffi.layouts import ABI_VERSION, OPTIMIZATION, STRUCTS
from wasmrun_py.plugin.ffi.legacy_layouts import BytesResult, LongConfig, LongResult, ShortConfig, ShortResult
from wasmrun_py.plugin.ffi.statuses import Status

if TYPE_CHECKING:
    import ctypes
    from pathlib import Path


def _probe(folder: Path, compiler: str, suffix: str) -> dict[str, int]:
    """Compile a C program that prints what the header says, and run it."""
    wanted = {name: f"sizeof({name})" for name in STRUCTS}
    for name, struct in STRUCTS.items():
        for member in struct._fields_:
            wanted[f"{name}.{member[0]}"] = f"offsetof({name}, {member[0]})"
    wanted["ABI_VERSION"] = "WASMRUN_ABI_VERSION"
    wanted |= {f"status {status.value}": f"WASMRUN_{status.name}" for status in Status}
    wanted |= {f"optimization {word}": f"WASMRUN_OPTIMIZE_{word.upper()}" for word in OPTIMIZATION}
    lines = "".join(
        f'    printf("{name}=%zu\\n", (size_t){expression});\n' for name, expression in wanted.items()
    )
    source = folder / f"probe{suffix}"
    source.write_text(
        f'#include <stdio.h>\n#include "{HEADER_FILE}"\nint main(void) {{\n{lines}    return 0;\n}}\n'
    )
    (folder / HEADER_FILE).write_text(load_header())
    program = folder / "probe"
    options = ("-Wall", "-Wextra", "-Werror", "-pedantic")
    subprocess.run([require_tool(compiler), *options, str(source), "-o", str(program)], check=True)
    said = subprocess.run([str(program)], check=True, capture_output=True, text=True).stdout
    return {name: int(value) for name, _, value in (line.rpartition("=") for line in said.splitlines())}


@pytest.mark.parametrize(("compiler", "suffix"), [("gcc", ".c"), ("clang", ".c"), ("g++", ".cpp")])
def test_layouts_are_the_headers(compiler: str, suffix: str, tmp_path: Path) -> None:
    """Every size, offset and number of ``layouts`` is what the compiled header says, in C and in C++."""
    import ctypes  # noqa: PLC0415 - beside its typing-only import

    said = _probe(tmp_path, compiler, suffix)
    ours = {name: ctypes.sizeof(struct) for name, struct in STRUCTS.items()}
    for name, struct in STRUCTS.items():
        for member in struct._fields_:
            ours[f"{name}.{member[0]}"] = getattr(struct, member[0]).offset
    ours["ABI_VERSION"] = ABI_VERSION
    ours |= {f"status {status.value}": status.value for status in Status}
    ours |= {f"optimization {word}": number for word, number in OPTIMIZATION.items()}
    assert ours == said


@pytest.mark.parametrize(
    ("struct", "size", "offsets"),
    [
        (ShortConfig, 24, (0, 8, 16, 17, 18)),
        (ShortResult, 32, (0, 8, 16, 17, 24)),
        (LongConfig, 40, (0, 8, 16, 24, 32, 33)),
        (LongResult, 40, (0, 8, 16, 24, 32)),
        (BytesResult, 32, (0, 8, 16, 24)),
    ],
)
def test_legacy_layouts_are_those_of_the_design(
    struct: type[ctypes.Structure], size: int, offsets: tuple[int, ...]
) -> None:
    """The structs of the real plugins have the sizes and offsets that DESIGN §6 lists for 64-bit systems."""
    import ctypes  # noqa: PLC0415 - as above

    assert ctypes.sizeof(struct) == size
    assert tuple(getattr(struct, member[0]).offset for member in struct._fields_) == offsets


def test_header_is_printed(wasmrun: Wasmrun) -> None:
    """``wasmrun plugin header`` prints the header, ready to be redirected into a file."""
    finished = wasmrun("plugin", "header")
    assert finished.code == 0
    assert finished.out == load_header()
