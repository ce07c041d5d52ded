"""``--version`` answers without loading the rest of the program."""

from __future__ import annotations

import subprocess
import sys

import pytest

from wasmrun_py import __version__


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_the_version_is_one_line(flag: str) -> None:
    """Name and version, on stdout, exit 0."""
    finished = subprocess.run(
        [sys.executable, "-m", "wasmrun_py", flag], capture_output=True, text=True, check=True
    )
    assert finished.stdout == f"wasmrun {__version__}\n"


def test_nothing_heavy_is_imported_for_it() -> None:
    """Start-up is a feature: neither the parser nor any other room is imported."""
    code = (
        "import sys; sys.argv = ['wasmrun', '--version']; from wasmrun_py.__main__ import main; main();"
        "print(sorted(m for m in sys.modules if m.startswith(('wasmrun_py.', 'typer', 'rich', 're'))))"
    )
    finished = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout.splitlines()[-1] == "['wasmrun_py.__main__']"


def test_detect_does_not_import_what_it_does_not_need(tmp_path: str) -> None:
    """A command without a build stays clear of the engine, the network, the tables and the spinner."""
    code = (
        "import sys; from wasmrun_py.cli.main import run; run(['detect', sys.argv[1]]);"
        "heavy = {'wasmtime', 'httpx', 'rich', 'psutil', 'filelock', 'tomlkit',"
        " 'platformdirs', 'importlib.metadata', 'ctypes'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    finished = subprocess.run(
        [sys.executable, "-I", "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert finished.stdout.splitlines()[-1] == "[]"
