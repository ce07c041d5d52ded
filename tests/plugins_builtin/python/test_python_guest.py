"""The part that runs inside a component, here on the CPython that runs the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from plugins_builtin.python import guest
from plugins_builtin.python.dependencies import find_native, load_requirements, parse_unusable
from plugins_builtin.python.entry import get_entry
from plugins_builtin.python.program import load_program
from plugins_builtin.python.py2wasm import level_flags
from plugins_builtin.python.wasi_sdk import format_shell
from wasmrun_py.diagnostics.tracebacks import parse_traceback
from wasmrun_py.model.build import BuildConfig
from wasmrun_py.model.errors import BuildError, ConfigError
from wasmrun_py.model.target import OptimizationLevel

LIBRARY = Path(os.__file__).parent
RUN_IN_MEMORY = """
import sys
from plugins_builtin.python import guest
store = guest.ModuleStore({"main": guest.StoredModule("main.py", sys.argv[1].encode(), is_package=False)})
sys.meta_path.insert(0, store)
sys.exit(guest.run_program(store, "main", as_module=False))
"""


@pytest.mark.parametrize(
    "source",
    [
        "print('hi')",
        "import sys; sys.exit(7)",
        "import sys; sys.exit(-1)",
        "import sys; sys.exit('said')",
        "import sys; sys.exit([1, 2])",
        "raise SystemExit",
        "1 / 0",
        "import sys; sys.excepthook = lambda *a: print('hooked', a[0].__name__)\n1 / 0",
        "import atexit; atexit.register(print, 'bye'); raise KeyError(1)",
        "raise KeyboardInterrupt('x')",
    ],
)
def test_a_program_in_memory_ends_as_a_program_does(tmp_path: Path, source: str) -> None:
    """stdout, the last line of stderr and the exit code are CPython's own."""
    (tmp_path / "main.py").write_text(source)
    root = Path(__file__).parents[3]
    native = subprocess.run([sys.executable, "main.py"], cwd=tmp_path, capture_output=True, check=False)
    stored = subprocess.run(
        [sys.executable, "-c", RUN_IN_MEMORY, source], cwd=root, capture_output=True, check=False
    )
    assert stored.stdout == native.stdout
    assert stored.stderr.splitlines()[-1:] == native.stderr.splitlines()[-1:]
    if "KeyboardInterrupt" not in source:  # a signal's code, which a component has not
        assert stored.returncode == native.returncode


def test_the_library_is_followed_into_functions() -> None:
    """What a standard module imports lazily is there too; tools for programmers are not, unless asked for."""
    found = guest.load_library(str(LIBRARY), {"datetime", "json"})
    assert {"datetime", "_strptime", "json", "json.decoder", "re", "calendar"} <= found.keys()
    assert "pdb" not in found
    assert "pdb" in guest.load_library(str(LIBRARY), {"pdb"})


def test_a_module_that_was_left_out_says_how_to_get_it_in() -> None:
    """The error names the import statement to write; other names are left to Python."""
    finder = guest.MissingModules(frozenset({"turtle"}))
    finder.find_spec("other")
    with pytest.raises(ModuleNotFoundError, match="Write `import turtle` anywhere"):
        finder.find_spec("turtle")


def test_a_program_has_its_packages_whole_and_nothing_else(tmp_path: Path) -> None:
    """Imported packages whole, other files out; with a computed import all of the project's modules."""
    for name, text in {
        "main.py": "import pack.one\n",
        "pack/__init__.py": "",
        "pack/one.py": "",
        "pack/two.py": "",
        "other.py": "",
        ".venv/lib/x.py": "",
        "env/pyvenv.cfg": "",
        "env/lib/y.py": "",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    program = load_program(tmp_path, get_entry(tmp_path, None), None)
    assert set(program.modules) == {"main", "pack", "pack.one", "pack.two"}
    (tmp_path / "main.py").write_text("__import__(input())\n")
    assert set(load_program(tmp_path, get_entry(tmp_path, None), None).modules) == {
        *("main", "pack", "pack.one", "pack.two", "other")
    }


def test_a_package_with_a_main_is_run_as_a_module(tmp_path: Path) -> None:
    """``src/tool/__main__.py`` is ``python -m tool`` with ``src`` as the root of its imports."""
    (tmp_path / "src" / "tool").mkdir(parents=True)
    (tmp_path / "src" / "tool" / "__main__.py").write_text("from . import x\n")
    entry = get_entry(tmp_path, None)
    assert (entry.package, entry.root) == ("tool", tmp_path / "src")


def test_several_scripts_ask_for_a_choice(tmp_path: Path) -> None:
    """Nothing is guessed; the error names them and the key to set."""
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text("")
    with pytest.raises(BuildError, match=r"several Python files to start with: a\.py, b\.py") as caught:
        get_entry(tmp_path, None)
    assert 'entry = "FILE"' in caught.value.hint


@pytest.mark.parametrize(
    ("output", "names"),
    [
        ("Because all versions of pandas have no usable wheels and you require pandas", ("pandas",)),
        ("Because all of:\n   pyyaml<=5.1b5\n   pyyaml>=5.1\nhave no usable wheels", ("pyyaml",)),
        ("hint: Wheels are required for `docopt` because building from source is disabled", ("docopt",)),
        ("error: Failed to fetch: dns error", ()),
    ],
)
def test_packages_without_a_usable_wheel_are_named(output: str, names: tuple[str, ...]) -> None:
    """From the words of uv's resolver."""
    assert parse_unusable(output) == names


def test_native_code_in_an_installed_package_is_found(tmp_path: Path) -> None:
    """A library beside Python files counts for the package it lies in."""
    (tmp_path / "fast" / "inner").mkdir(parents=True)
    (tmp_path / "fast" / "inner" / "core.cpython-311-x86_64-linux-gnu.so").touch()
    (tmp_path / "pure.py").touch()
    assert find_native(tmp_path) == ("fast",)


def test_broken_requirements_name_the_file(tmp_path: Path) -> None:
    """A pyproject.toml that is not TOML, or whose dependencies are no list."""
    assert not load_requirements(tmp_path)
    (tmp_path / "requirements.txt").write_text("# nothing\n\n")
    assert not load_requirements(tmp_path)
    for text in ("[project", '[project]\ndependencies = "numpy"\n'):
        (tmp_path / "pyproject.toml").write_text(text)
        with pytest.raises(ConfigError, match=r"pyproject\.toml"):
            load_requirements(tmp_path)


def test_a_tools_traceback_becomes_a_diagnostic() -> None:
    """The innermost place and the last line of a traceback."""
    text = 'Traceback (most recent call last):\n  File "/0/a.py", line 3, in f\n    boom\nNameError: boom\n'
    (diagnostic,) = parse_traceback(text, "componentize-py")
    assert (diagnostic.file, diagnostic.line, diagnostic.message) == ("/0/a.py", 3, "NameError: boom")


def test_the_level_reaches_the_c_compiler(tmp_path: Path) -> None:
    """Each level has flags of its own; debug_info keeps DWARF at any of them."""
    flags = {
        level: level_flags(
            BuildConfig(
                project_path=tmp_path, output_dir=tmp_path, work_dir=tmp_path, optimization_level=level
            )
        )
        for level in OptimizationLevel
    }
    assert "-O0 -g" in flags[OptimizationLevel.DEBUG]["CCFLAGS"]
    assert "-Oz" in flags[OptimizationLevel.SIZE]["CCFLAGS"]
    assert flags[OptimizationLevel.RELEASE]["LDFLAGS"].endswith("--strip-debug")
    assert flags[OptimizationLevel.SIZE]["LDFLAGS"].endswith("--strip-all")


def test_the_made_compiler_adds_its_source_to_links_only(tmp_path: Path) -> None:
    """Compiling and asking for the version go to zig as they are; a path with spaces stays one word."""
    zig = tmp_path / "with space" / "zig"
    zig.parent.mkdir()
    zig.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    zig.chmod(0o755)
    wrapper = tmp_path / "clang"
    wrapper.write_text(format_shell(zig, Path("/x/added.c")))
    wrapper.chmod(0o755)
    for args, said in ((("-c", "a b.c"), "cc|-c|a b.c|"), (("a.o", "-o", "x"), "cc|a.o|-o|x|/x/added.c|")):
        assert subprocess.run([wrapper, *args], capture_output=True, text=True, check=True).stdout == said
