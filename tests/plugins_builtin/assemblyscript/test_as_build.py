"""Real AssemblyScript projects, built and run with what wasmrun installs by itself."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import copy_project, require_tool
from tests.plugins_builtin.assemblyscript.conftest import Bench, write_project
from tests.toolchain.registry import closed_registry
from wasmrun_py.model.build import OptimizationLevel
from wasmrun_py.model.errors import ArtifactError, BuildError, ConfigError
from wasmrun_py.model.events import Level, Message, ToolStarted
from wasmrun_py.toolchain.catalog import ASC, NODE

if TYPE_CHECKING:
    from tests.conftest import Finished, Wasmrun

pytestmark = [pytest.mark.network, pytest.mark.slow]

ADD = "export function add(a: i32, b: i32): i32 {\n  return a + b;\n}\n"
TRAP = """\
function deeper(n: i32): i32 { if (n > 3) unreachable(); return n + 1; }
export function run(n: i32): i32 { return deeper(n); }
"""
LEVELS = ("debug", "release", "size")


def compile_json(wasmrun: Wasmrun, shared: Bench, project: Path, *options: str) -> dict[str, Any]:
    """Compile with the session's home; the document of a success."""
    finished = wasmrun("compile", project, "--json", *options, env={"WASMRUN_HOME": str(shared.home.root)})
    assert finished.code == 0, finished.err
    return finished.document


def kinds(document: dict[str, Any]) -> dict[str, str]:
    """Artifact name -> kind."""
    return {Path(each["path"]).name: each["kind"] for each in document["artifacts"]}


def run_exec(wasmrun: Wasmrun, shared: Bench, *arguments: str | Path, **env: str) -> Finished:
    """``wasmrun exec`` with the session's home."""
    return wasmrun("exec", *arguments, env={"WASMRUN_HOME": str(shared.home.root), **env})


def test_library_levels_and_outputs(wasmrun: Wasmrun, shared_bench: Bench, tmp_path: Path) -> None:
    """Module, JavaScript, typings, map and text as asconfig.json asks; size <= release <= debug.

    The project itself is not written to.
    """
    project = copy_project("as-library", tmp_path)
    before = sorted(project.rglob("*"))
    sizes = []
    for level in LEVELS:
        document = compile_json(wasmrun, shared_bench, project, "-O", level, "-o", str(tmp_path / level))
        named = {"as-library.wasm": "wasm", "as-library.js": "js", "as-library.d.ts": "typescript"}
        text = {"as-library.wat": "wat"} if level == "debug" else {}
        assert kinds(document) == {**named, "as-library.wasm.map": "source-map", **text}
        assert Path(document["js_path"]).name == "as-library.js"
        assert document["toolchain"] == {"name": "asc", "version": ASC.version}
        assert document["wasm_opt"] is None
        sizes.append(Path(document["wasm_path"]).stat().st_size)
    debug, release, size = sizes
    assert size <= release <= debug
    assert sorted(project.rglob("*")) == before
    source_map = json.loads((tmp_path / "release" / "as-library.wasm.map").read_text())
    assert "assembly/series.ts" in source_map["sources"]


def test_library_from_javascript(shared_bench: Bench, tmp_path: Path) -> None:
    """The bindings load the module and pass typed arrays, classes and strings."""
    result = shared_bench.build(copy_project("as-library", tmp_path))
    script = tmp_path / "use.mjs"
    assert result.js_path is not None
    script.write_text(
        f"import {{ add, describe }} from {json.dumps(result.js_path.as_uri())};\n"
        "console.log(add(2, 3), describe('three', Float64Array.of(3, 1, 2)));\n"
    )
    out = subprocess.run([require_tool("node"), script], capture_output=True, text=True, check=True)
    assert out.stdout == "5 three: from 1.0, to 3.0, mean 2.0\n"


def test_program_with_the_wasi_shim(wasmrun: Wasmrun, shared_bench: Bench, tmp_path: Path) -> None:
    """Top-level code runs under exec: arguments, console, exit code."""
    project = copy_project("as-hello", tmp_path)
    document = compile_json(wasmrun, shared_bench, project)
    assert document["js_path"] is None
    module = document["wasm_path"]
    assert run_exec(wasmrun, shared_bench, module).out == "Hello from AssemblyScript!\n"
    counted = run_exec(wasmrun, shared_bench, module, "wasm", "1 2 three")
    assert counted.out == "wasm: 4 letters\n1 2 three: 5 letters\n"
    failed = run_exec(wasmrun, shared_bench, module, "--fail")
    assert failed.code == 3
    assert (failed.out, failed.err) == ("", "as asked, this is a failure\n")


def test_exec_of_a_project_installs_once_and_then_works_offline(
    wasmrun: Wasmrun, shared_bench: Bench, tmp_path: Path
) -> None:
    """The first run installs what is missing; the second installs nothing and needs no network."""
    project = copy_project("as-hello", tmp_path)
    first = run_exec(wasmrun, shared_bench, project)
    assert first.out == "Hello from AssemblyScript!\n", first.err
    offline = {
        "npm_config_registry": closed_registry(),
        "npm_config_offline": "true",
        "npm_config_cache": str(tmp_path / "empty"),
        "UV_OFFLINE": "1",
    }
    second = run_exec(wasmrun, shared_bench, project, **offline)
    assert second.out == "Hello from AssemblyScript!\n", second.err
    assert "Installing" not in second.err


def test_plain_module_with_the_provisioned_compiler(
    wasmrun: Wasmrun, shared_bench: Bench, tmp_path: Path
) -> None:
    """Two files and no package.json are enough, and an export can be called."""
    project = write_project(tmp_path / "plain", {"assembly/index.ts": ADD})
    called = run_exec(wasmrun, shared_bench, "--call", "add", project, "2", "3")
    assert called.out == "5\n", called.err


def test_web_target_brings_bindings(shared_bench: Bench, tmp_path: Path) -> None:
    """A page needs JavaScript and typings, configured or not."""
    project = write_project(tmp_path / "plain", {"assembly/index.ts": ADD})
    result = shared_bench.build(project, target="web", name="adder")
    assert result.js_path is not None
    assert [path.name for path in (result.wasm_path, result.js_path, *result.additional_files)] == [
        "adder.wasm",
        "adder.js",
        "adder.d.ts",
    ]
    (command,) = (each.argv for each in shared_bench.reporter.of(ToolStarted) if "--outFile" in each.argv)
    assert command[command.index("--bindings") + 1] == "esm"


def test_syntax_error_has_file_line_and_column(wasmrun: Wasmrun, shared_bench: Bench, tmp_path: Path) -> None:
    """The document holds the place, the code and asc's words; the previous outputs are untouched."""
    project = write_project(tmp_path / "plain", {"assembly/index.ts": ADD})
    document = compile_json(wasmrun, shared_bench, project)
    module = Path(document["wasm_path"]).read_bytes()
    (project / "assembly" / "index.ts").write_text(ADD.replace("a + b;", "a + ;"))
    finished = wasmrun("compile", project, "--json", env={"WASMRUN_HOME": str(shared_bench.home.root)})
    assert finished.code == 1
    error = finished.document["error"]
    assert (error["code"], error["message"]) == ("build-failed", "asc could not compile plain: 1 error")
    (diagnostic,) = error["diagnostics"]
    assert diagnostic == {
        "file": "assembly/index.ts",
        "line": 2,
        "column": 14,
        "severity": "error",
        "message": "TS1109: Expression expected.",
        "source": "asc",
    }
    assert Path(document["wasm_path"]).read_bytes() == module


def test_error_in_a_copied_project_names_the_projects_file(shared_bench: Bench, tmp_path: Path) -> None:
    """Built beside its dependencies, a file is still named as it lies in the project, and asc is quoted."""
    project = copy_project("as-hello", tmp_path)
    (project / "assembly" / "letters.ts").write_text("export function count(word: string): i32 { return x; }")
    with pytest.raises(BuildError) as caught:
        shared_bench.build(project)
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.file, diagnostic.line, diagnostic.column) == ("assembly/letters.ts", 1, 51)
    assert "Cannot find name 'x'" in diagnostic.message
    assert "ERROR TS2304" in caught.value.output


def test_names_in_a_trap_with_debug_information(
    wasmrun: Wasmrun, shared_bench: Bench, tmp_path: Path
) -> None:
    """A debug build's backtrace names the functions."""
    project = write_project(tmp_path / "trap", {"assembly/index.ts": TRAP})
    trapped = run_exec(wasmrun, shared_bench, "-O", "debug", "--call", "run", project, "9")
    assert trapped.code == 134
    assert "assembly/index/deeper" in trapped.err


def test_user_arguments_reach_asc(shared_bench: Bench, tmp_path: Path) -> None:
    """What stands after ``--`` is asc's last word; its remarks are diagnostics of a success."""
    project = write_project(tmp_path / "plain", {"assembly/index.ts": ADD})
    result = shared_bench.build(project, custom_args=("--initialMemory", "3", "--nonsense"))
    assert [each.message for each in result.diagnostics] == ["Unknown option '--nonsense'"]
    assert b"\x05\x03\x01\x00\x03" in result.wasm_path.read_bytes()
    with pytest.raises(ArtifactError, match=r"did not write plain\.wasm"):
        shared_bench.build(project, custom_args=("--noEmit",))


def test_debug_information_at_release(shared_bench: Bench, tmp_path: Path) -> None:
    """``--debug-info`` brings names and a source map, whatever the level."""
    project = write_project(tmp_path / "plain", {"assembly/index.ts": ADD})
    result = shared_bench.build(project, debug_info=True, optimization_level=OptimizationLevel.SIZE)
    assert [path.name for path in result.additional_files] == ["plain.wasm.map"]
    assert b"\x04name" in result.wasm_path.read_bytes()


def test_project_without_an_entry(shared_bench: Bench, tmp_path: Path) -> None:
    """What was looked for, and how to name it."""
    project = write_project(tmp_path / "empty", {"asconfig.json": "{}"})
    with pytest.raises(BuildError, match=r"no assembly/index\.ts, assembly/main\.ts, index\.ts") as caught:
        shared_bench.build(project)
    assert '"entries": ["FILE"]' in caught.value.hint
    (project / "asconfig.json").write_text('{"entries": ')
    with pytest.raises(ConfigError, match=r"asconfig\.json:1:13"):
        shared_bench.build(project)


def test_entry_that_the_user_names(shared_bench: Bench, tmp_path: Path) -> None:
    """An entry from wasmrun.toml is built, and named as it lies in the project."""
    project = write_project(tmp_path / "named", {"src/odd.ts": ADD})
    result = shared_bench.build(project, entry=project / "src" / "odd.ts")
    assert b"add" in result.wasm_path.read_bytes()


def test_links_in_a_project_do_not_lead_the_copy_astray(shared_bench: Bench, tmp_path: Path) -> None:
    """A link back up to the project and a dangling one are not followed for ever."""
    project = copy_project("as-hello", tmp_path)
    (project / "assembly" / "self").symlink_to(project, target_is_directory=True)
    (project / "gone").symlink_to(project / "nowhere")
    assert shared_bench.build(project).wasm_path.is_file()


def test_machine_without_node(shared_bench: Bench, tmp_path: Path) -> None:
    """With nothing on PATH node comes from PyPI and asc through its npm; the module is the same."""
    shared_bench.environ["PATH"] = str(tmp_path)
    project = write_project(tmp_path / "plain", {"assembly/index.ts": ADD})
    result = shared_bench.build(project)
    assert result.wasm_path.read_bytes()[:4] == b"\0asm"
    (command,) = (each.argv for each in shared_bench.reporter.of(ToolStarted) if "--outFile" in each.argv)
    assert command[0] == str(NODE.program_in(NODE.folder(shared_bench.home)))


def test_node_that_is_too_old(shared_bench: Bench, tmp_path: Path) -> None:
    """The old one is named, and wasmrun's own does the work."""
    shared_bench.use_path(node="echo v14.21.3")
    shared_bench.build(write_project(tmp_path / "plain", {"assembly/index.ts": ADD}))
    (warning,) = (each for each in shared_bench.reporter.of(Message) if each.level is Level.WARNING)
    assert "is node 14.21.3, and assemblyscript" in warning.text


def test_doctor_names_node_and_asc(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """On a bare machine both would be installed; with an old node that is said."""
    bare = wasmrun("doctor", "--json", env={"PATH": str(tmp_path)})
    found = {each["name"]: each for each in bare.document["checks"]}
    assert f"would install node {NODE.version}" in found["assemblyscript:node"]["message"]
    assert f"would install asc {ASC.version}" in found["assemblyscript:asc"]["message"]
    (tmp_path / "node").write_text("#!/bin/sh\necho v12.0.0\n")
    (tmp_path / "node").chmod(0o755)
    old = wasmrun("doctor", "--json", env={"PATH": f"{tmp_path}{os.pathsep}/nonexistent"})
    found = {each["name"]: each for each in old.document["checks"]}
    assert "is 12.0.0, and asc" in found["assemblyscript:node"]["message"]
