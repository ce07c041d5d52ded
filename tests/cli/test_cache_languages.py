"""The build cache and every built-in kind of build: what is a hit, and which change is a miss by name."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.cli.rebuilding import Rebuilt
from tests.cli.serving import serving
from tests.conftest import copy_project, require_tool
from tests.plugin.material import zip_wheel
from tests.toolchain.recording import provisioned_home, session_home

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Wasmrun

needs_npm = pytest.mark.network


@pytest.fixture
def python_env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A home whose toolchains are installed once for all workers."""
    return {"WASMRUN_HOME": str(session_home(tmp_path_factory, "python-home").root)}


@needs_npm
def test_assemblyscript(tmp_path: Path, wasmrun: Wasmrun) -> None:
    """Sources, configuration, lock file, level; what npm installs for a build is no change."""
    require_tool("npm")
    folder = copy_project("as-hello", tmp_path)
    bench = Rebuilt(wasmrun=wasmrun, project=folder, options=("-O", "debug"))
    bench.build()
    bench.take()
    bench.touch()
    bench.take()
    source = folder / "assembly" / "letters.ts"
    source.write_text(source.read_text() + "// another\n")
    assert bench.named() == {("file", "assembly/letters.ts")}
    assert bench.named("-O", "size") == {("option", "optimization")}
    config = folder / "asconfig.json"
    config.write_text(config.read_text().replace('"shrinkLevel": 0', '"shrinkLevel": 1'))
    assert bench.named() == {("file", "asconfig.json"), ("option", "optimization")}
    lock = folder / "package-lock.json"
    lock.write_text(lock.read_text() + "\n")
    assert bench.named() == {("file", "package-lock.json")}
    bench.check_against_build()


@needs_npm
def test_assemblyscript_with_packages_and_neighbours(tmp_path: Path, wasmrun: Wasmrun) -> None:
    """Inputs: an installed package, one that it needs, a file outside the project; so is the target."""
    require_tool("npm")
    folder = copy_project("as-library", tmp_path / "apps")
    npm = (require_tool("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--include=dev")
    subprocess.run(npm, cwd=folder, check=True, capture_output=True)
    for name, text in {"first": 'export { two } from "second/assembly/index";\n', "second": _two(2)}.items():
        package = folder / "node_modules" / name
        (package / "assembly").mkdir(parents=True)
        needs = {"dependencies": {"second": "1"}} if name == "first" else {}
        (package / "package.json").write_text(json.dumps({"name": name, "version": "1.0.0", **needs}))
        (package / "assembly" / "index.ts").write_text(text)
    shared = tmp_path / "shared" / "one.ts"
    shared.parent.mkdir()
    shared.write_text("export function one(): i32 { return 1; }\n")
    entry = folder / "assembly" / "index.ts"
    added = 'export { one } from "../../../shared/one";\nexport { two } from "first/assembly/index";\n'
    entry.write_text(added + entry.read_text())
    bench = Rebuilt(wasmrun=wasmrun, project=folder, options=("-O", "debug"))
    bench.build()
    bench.touch()
    bench.take()
    shared.write_text("export function one(): i32 { return 11; }\n")
    assert bench.named() == {("file", str(shared))}
    second = folder / "node_modules" / "second" / "assembly" / "index.ts"
    second.write_text(_two(22))
    assert bench.named() == {("file", "node_modules/second/assembly/index.ts")}
    bench.check_against_build()
    assert ("option", "target") in bench.named("-t", "web")
    bench.take("-t", "web")


def _two(number: int) -> str:
    return f"export function two(): i32 {{ return {number}; }}\n"


@needs_npm
def test_python_pages(tmp_path: Path, wasmrun: Wasmrun, python_env: dict[str, str]) -> None:
    """Program, module of a package, data file, requirements, and wheels inside and outside the project."""
    folder = tmp_path / "apps" / "told"
    _write_program(folder)
    inside = _write_wheel(folder / "vendor", "inside", "NUMBER = 1\n")
    outside = _write_wheel(tmp_path / "wheels", "outside", "NUMBER = 1\n")
    requirements = folder / "requirements.txt"
    requirements.write_text(f"./vendor/{inside.name}\n-r {tmp_path}/more.txt\n")
    (tmp_path / "more.txt").write_text(f"outside @ {outside.as_uri()}\n")
    bench = Rebuilt(wasmrun=wasmrun, project=folder, options=("-t", "web"), env=python_env)
    bench.build()
    bench.touch()
    bench.take()
    (folder / "main.py").write_text("print('another')\n")
    assert bench.named() == {("file", "main.py")}
    (folder / "parts" / "inner" / "thing.py").write_text("WORD = 'another'\n")
    assert bench.named() == {("file", "parts/inner/thing.py")}
    (folder / "parts" / "words.txt").write_text("words\n")
    assert bench.named() == {("file", "parts/words.txt")}
    _write_wheel(folder / "vendor", "inside", "NUMBER = 2\n")
    assert bench.named() == {("file", f"vendor/{inside.name}")}
    _write_wheel(tmp_path / "wheels", "outside", "NUMBER = 2\n")
    assert bench.named() == {("file", str(outside))}
    bench.check_against_build()
    requirements.unlink()
    project_file = '[project]\nname = "told"\nversion = "1"\ndependencies = ["outside @ URI"]\n'
    (folder / "pyproject.toml").write_text(project_file.replace("URI", outside.as_uri()))
    assert {("file", "pyproject.toml"), ("file", "requirements.txt")} <= bench.named()
    _write_wheel(tmp_path / "wheels", "outside", "NUMBER = 3\n")
    assert bench.named() == {("file", str(outside))}


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.parametrize("toolchain", ["componentize-py", "py2wasm"])
def test_python_programs(
    tmp_path: Path, wasmrun: Wasmrun, python_env: dict[str, str], toolchain: str
) -> None:
    """The same rules for both of Python's compilers."""
    folder = tmp_path / "told"
    _write_program(folder)
    bench = Rebuilt(wasmrun=wasmrun, project=folder, options=("--toolchain", toolchain), env=python_env)
    bench.build()
    bench.touch()
    bench.take()
    path = folder / "parts" / "inner" / "thing.py"
    path.write_text("WORD = 'changed'\n")
    assert bench.named() == {("file", "parts/inner/thing.py")}
    document = bench.take()
    ran = wasmrun("exec", document["wasm_path"])
    # No comparison with a build of the same: componentize-py never makes the same bytes twice.
    assert (ran.code, ran.out) == (0, "changed\n")


@pytest.mark.network
@pytest.mark.slow
def test_the_build_that_installs_its_toolchain_is_kept(tmp_path: Path, wasmrun: Wasmrun) -> None:
    """What a build itself installs is new, and is no change while it was built."""
    folder = tmp_path / "told"
    _write_program(folder)
    bench = Rebuilt(wasmrun=wasmrun, project=folder, options=("--toolchain", "componentize-py"))
    bench.build()
    bench.take()


def _write_program(folder: Path) -> None:
    (folder / "parts" / "inner").mkdir(parents=True)
    (folder / "main.py").write_text("from parts.inner.thing import WORD\nprint(WORD)\n")
    (folder / "parts" / "__init__.py").write_text("")
    (folder / "parts" / "inner" / "__init__.py").write_text("")
    (folder / "parts" / "inner" / "thing.py").write_text("WORD = 'first'\n")


def _write_wheel(folder: Path, name: str, text: str) -> Path:
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": text,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    return zip_wheel(folder / f"{name}-1.0-py3-none-any.whl", files)


@pytest.mark.network
@pytest.mark.slow
def test_zig(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, wasmrun: Wasmrun) -> None:
    """What zig names as read counts, also outside the project."""
    shared = tmp_path / "shared" / "word.h"
    shared.parent.mkdir()
    shared.write_text('#define WORD "first"\n')
    folder = tmp_path / "app"
    folder.mkdir()
    main = '#include "../shared/word.h"\n#include <stdio.h>\nint main(void) { puts(WORD); return 0; }\n'
    (folder / "main.c").write_text(main)
    env = {"WASMRUN_HOME": str(provisioned_home(tmp_path_factory).root)}
    bench = Rebuilt(wasmrun=wasmrun, project=folder, options=("--toolchain", "zig"), env=env)
    bench.build()
    bench.touch()
    bench.take()
    shared.write_text('#define WORD "second"\n')
    assert bench.named() == {("file", str(shared))}
    bench.check_against_build()
    (folder / "main.c").write_text(main.replace("puts(WORD)", "puts(WORD WORD)"))
    assert bench.named() == {("file", "main.c")}


def test_make(tmp_path: Path, wasmrun: Wasmrun, environ: dict[str, str]) -> None:
    """Header, Makefile, an ignored file that make reads, any variable; ``exec`` and ``run`` hit too."""
    require_tool("emcc")
    folder = copy_project("c-makefile", tmp_path)
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    (folder / ".gitignore").write_text("local.mk\n*.o\n")
    makefile = folder / "Makefile"
    makefile.write_text("-include local.mk\n" + makefile.read_text())
    bench = Rebuilt(wasmrun=wasmrun, project=folder, options=("--toolchain", "emcc"))
    bench.build()
    bench.touch()
    bench.take()
    (folder / "local.mk").write_text("NOTHING = 1\n")
    assert bench.named() == {("file", "local.mk")}
    header = folder / "include" / "primes.h"
    header.write_text(header.read_text() + "/* another */\n")
    assert bench.named() == {("file", "include/primes.h")}
    makefile.write_text(makefile.read_text().replace("Hello from make", "Hello again"))
    assert bench.named() == {("file", "Makefile")}
    bench.check_against_build()
    log = wasmrun("exec", folder, "-v", env={"WASMRUN_TOOLCHAIN": "emcc"})
    assert "Hello again" in log.out
    assert "$ " not in log.err
    changed = Rebuilt(wasmrun=wasmrun, project=folder, options=bench.options, env={"GREETED": "yes"})
    assert changed.named() == {("variable", "GREETED")}
    served = [_serve_once(folder, environ, tmp_path) for _ in range(2)]
    assert any(line.startswith("$ ") for line in served[0])
    assert not any(line.startswith("$ ") for line in served[1])


def _serve_once(project: Path, environ: dict[str, str], cwd: Path) -> list[str]:
    """Serve a project until its first build is there; the lines of the build's log."""
    with serving(project, "--toolchain", "emcc", "-O", "debug", env=environ, cwd=cwd) as served:
        assert served.document["status"] == "ok"
        (build,) = served.ask("/_wasmrun/state")["builds"]
        lines: list[str] = served.ask(f"/_wasmrun/log/{build['number']}")["lines"]
        return lines


def test_cmake(tmp_path: Path, wasmrun: Wasmrun) -> None:
    """Header, CMakeLists, and a file that is generated beside them."""
    require_tool("emcc")
    require_tool("cmake")
    folder = copy_project("c-cmake", tmp_path)
    lists = folder / "CMakeLists.txt"
    lists.write_text(lists.read_text() + 'include("${CMAKE_CURRENT_SOURCE_DIR}/out/local.cmake" OPTIONAL)\n')
    bench = Rebuilt(wasmrun=wasmrun, project=folder, options=("--toolchain", "emcc"))
    bench.build()
    bench.touch()
    bench.take()
    (folder / "out").mkdir()
    (folder / "out" / "local.cmake").write_text("# nothing\n")
    (folder / ".gitignore").write_text("out/\n")
    assert bench.named() == {("file", "out/local.cmake"), ("file", ".gitignore")}
    header = folder / "include" / "words.h"
    header.write_text(header.read_text() + "/* another */\n")
    lists.write_text(lists.read_text() + "# another\n")
    assert bench.named() == {("file", "include/words.h"), ("file", "CMakeLists.txt")}
    bench.check_against_build()
