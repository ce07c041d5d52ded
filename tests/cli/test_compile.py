"""``wasmrun compile`` with real toolchains: every kind of project, every level, every promise."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.conftest import copy_project, require_tool

if TYPE_CHECKING:
    from tests.conftest import Wasmrun

LEVELS = ("debug", "release", "size")
# Fixture -> the arguments that run it, and what it then prints.
PROJECTS: dict[str, tuple[list[str], str]] = {
    "c-hello": ([], "Hello, world!\n"),
    "cpp-multi": ([], "total 30.45\n"),
    "c-library": (["--call", "add"], "5\n"),
    "c-makefile": ([], "168 primes below 1000\n"),
    "c-cmake": ([], "0 words\n"),
}
# Debian's clang has no C++ library for wasm32-wasi; the zig tests build that combination instead.
CASES = [
    (name, toolchain)
    for name in PROJECTS
    for toolchain in ("emcc", "clang")
    if (name, toolchain) != ("cpp-multi", "clang")
]


def check_document(document: dict[str, Any], project: Path, output_dir: Path) -> Path:
    """Every promise of the compile document; the module's path."""
    assert (document["schema"], document["command"], document["ok"]) == (1, "compile", True)
    assert document["project"] == str(project)
    assert document["output_dir"] == str(output_dir)
    assert document["cache"] in {"hit", "miss"}
    assert document["plugin"]["name"] == "c"
    assert document["plugin"]["type"] == "builtin"
    assert document["plugin"]["transport"] == "python"
    assert document["toolchain"]["version"][0].isdigit()
    for artifact in document["artifacts"]:
        path = Path(artifact["path"])
        assert path.is_relative_to(output_dir)
        assert path.stat().st_size == artifact["size_bytes"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == artifact["sha256"]
    module = Path(document["wasm_path"])
    assert document["wasm_path"] == document["artifacts"][0]["path"]
    assert document["artifacts"][0]["kind"] == "wasm"
    assert module.is_file()
    return module


@pytest.mark.parametrize(("name", "toolchain"), CASES)
def test_every_project_at_every_level(wasmrun: Wasmrun, tmp_path: Path, name: str, toolchain: str) -> None:
    """Each builds, validates, runs, and is no larger at size than at release than at debug."""
    require_tool(toolchain)
    project = copy_project(name, tmp_path)
    before = sorted(path for path in project.rglob("*"))
    call, printed = PROJECTS[name]
    sizes = []
    for level in LEVELS:
        output_dir = tmp_path / level
        options = ("--json", "-O", level, "--toolchain", toolchain, "-o", output_dir)
        finished = wasmrun("compile", project, *options)
        assert finished.code == 0, finished.err
        document = finished.document
        module = check_document(document, project, output_dir)
        assert document["optimization"] == level
        assert document["toolchain"]["name"] == toolchain
        assert wasmrun("verify", module).code == 0
        run = wasmrun("exec", *call, module, *(["2", "3"] if call else []))
        assert run.out.endswith(printed), run.err
        sizes.append(module.stat().st_size)
    assert sizes == sorted(sizes, reverse=True)
    assert sorted(path for path in project.rglob("*")) == before


def test_emcc_is_used_where_it_is(wasmrun: Wasmrun, project: Path) -> None:
    """Without a choice the first toolchain of the order is taken, and the document says which."""
    require_tool("emcc")
    document = wasmrun("compile", project, "--json").document
    assert document["toolchain"]["name"] == "emcc"
    check_document(document, project, project / "dist")


def test_a_library_exports_readable_names(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """Every kind of number goes in and comes out of a library built at the smallest size."""
    require_tool("emcc")
    project = copy_project("c-library", tmp_path)
    module = wasmrun("compile", project, "--json", "-O", "size").document["wasm_path"]
    for function, arguments, printed in (
        ("add", ("2", "3"), "5"),
        ("multiply", ("3000000001", "-3"), "-9000000003"),
        ("average", ("0.1", "0.2"), "0.15"),
        ("hypotenuse_squared", ("0.1", "0.2"), "0.05000000000000001"),
    ):
        assert wasmrun("exec", "--call", function, module, *arguments).out == f"{printed}\n"


def test_the_web_target_gives_javascript(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """Emcc's JavaScript lies beside the module, and the document names it."""
    require_tool("emcc")
    project = copy_project("c-web", tmp_path)
    document = wasmrun("compile", project, "--json", "-t", "web").document
    check_document(document, project, project / "dist")
    assert document["target"] == "web"
    assert Path(document["js_path"]).is_file()
    assert {"wasm", "js", "html"} <= {artifact["kind"] for artifact in document["artifacts"]}


def test_arguments_after_the_dashes_reach_the_toolchain(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """``-- -DANSWER=42`` is the compiler's."""
    require_tool("clang")
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\nint main(void) { printf("%d\\n", ANSWER); }\n', encoding="utf-8"
    )
    finished = wasmrun("compile", ".", "--json", "--toolchain", "clang", "--", "-DANSWER=42")
    assert wasmrun("exec", finished.document["wasm_path"]).out == "42\n"


def test_compiler_errors_are_diagnostics_and_text(wasmrun: Wasmrun, project: Path) -> None:
    """File, line, column, severity and message in the document; the tool's own words on stderr."""
    require_tool("emcc")
    (project / "main.c").write_text(
        '#include "missing.h"\nint main(void) {\n    return 0;\n}\n', encoding="utf-8"
    )
    finished = wasmrun("compile", project, "--json")
    error = finished.document["error"]
    assert (finished.code, error["code"], error["exit_code"]) == (1, "build-failed", 1)
    first = error["diagnostics"][0]
    assert (first["file"], first["line"], first["column"], first["severity"]) == ("main.c", 1, 10, "error")
    assert "missing.h" in first["message"]
    assert "'missing.h' file not found" in finished.err
    assert not (project / "dist").exists()


def test_a_failed_build_leaves_the_last_outputs(wasmrun: Wasmrun, project: Path) -> None:
    """The previous outputs are whole after a build that failed."""
    require_tool("emcc")
    module = Path(wasmrun("compile", project, "--json").document["wasm_path"])
    before = module.read_bytes()
    (project / "main.c").write_text("broken", encoding="utf-8")
    assert wasmrun("compile", project).code == 1
    assert module.read_bytes() == before
    assert sorted(path.name for path in module.parent.iterdir()) == [".wasmrun-outputs.json", module.name]


def test_the_users_files_in_the_output_folder_stay(wasmrun: Wasmrun, project: Path) -> None:
    """Files of other names are untouched; one in the way is kept beside, with a warning."""
    require_tool("emcc")
    output_dir = project / "dist"
    output_dir.mkdir()
    (output_dir / "notes.txt").write_text("notes", encoding="utf-8")
    (output_dir / "c-hello.wasm").write_text("mine", encoding="utf-8")
    document = wasmrun("compile", project, "--json").document
    assert (output_dir / "notes.txt").read_text(encoding="utf-8") == "notes"
    assert (output_dir / "c-hello.wasm.orig").read_text(encoding="utf-8") == "mine"
    assert any("c-hello.wasm.orig" in warning for warning in document["warnings"])


@pytest.mark.parametrize(
    "name", ["with space", "quo'te", 'dou"ble', "-dash", "ünïcode", "$HOME", "semi;colon", b"non-utf8-\xff"]
)
def test_odd_folder_names_build(wasmrun: Wasmrun, project: Path, name: str | bytes) -> None:
    """Blanks, quotes, a leading dash and bytes that are no text are only names."""
    require_tool("clang")
    odd = project.parent / os.fsdecode(name)
    project.rename(odd)
    finished = wasmrun("compile", f"--path={odd.name}", "--json", "--toolchain", "clang")
    assert finished.code == 0, finished.err
    assert wasmrun("exec", Path(finished.document["wasm_path"])).out == "Hello, world!\n"


@pytest.mark.parametrize(
    ("files", "code", "said"),
    [
        ({}, 3, ["No plugin recognises", "*.c, *.cc, *.cpp or *.cxx in . or src/"]),
        ({"readme.txt": "x"}, 3, ["No plugin recognises", "*.c, *.cc, *.cpp or *.cxx in . or src/"]),
        ({"Makefile": "all:\n"}, 3, ["Makefile"]),
        ({"main.c": "int main(void){}", "wasmrun.toml": "[build]\ntarget = web\n"}, 2, ["wasmrun.toml:2:10"]),
        ({"main.c": "int main(void){}", "wasmrun.toml": "[biuld]\n"}, 2, ["wasmrun.toml:1:1", '"build"']),
        ({"main.c": "int main(void){}", "wasmrun.toml": '[build]\ntarget = "wsam"\n'}, 2, ["wsam", '"wasm"']),
        (
            {"main.c": "int main(void){}", "wasmrun.toml": '[build]\ntoolchain = "emc"\n'},
            2,
            ["emc", '"emcc"'],
        ),
        ({"main.c": "int main(void){}", "wasmrun.toml": '[project]\nlanguage = "cobol"\n'}, 3, ["cobol"]),
        ({"main.c": "int main(void){}", "dist": "a file"}, 2, ["dist is a file"]),
    ],
)
def test_projects_that_cannot_be_built_are_told(
    wasmrun: Wasmrun, tmp_path: Path, files: dict[str, str], code: int, said: list[str]
) -> None:
    """Each says what is wrong and what to do; nothing in the folder changes."""
    folder = tmp_path / "p"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
    finished = wasmrun("compile", folder)
    assert finished.code == code
    for words in said:
        assert words in finished.err
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == files


def test_a_full_disk_is_told(environ: dict[str, str], project: Path, tmp_path: Path) -> None:
    """The outputs of before are whole, exit 1, and the message says that the disk is full."""
    require_tool("emcc")
    unshare = require_tool("unshare")
    disk = tmp_path / "disk"
    disk.mkdir()
    compile_line = f"{sys.executable} -m wasmrun_py compile {project} -o {disk}"
    script = f"mount -t tmpfs -o size=8k none {disk} && {compile_line}; code=$?; ls -A {disk}; exit $code"
    finished = subprocess.run(
        [unshare, "--map-root-user", "-m", "/bin/sh", "-c", script],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "full" in finished.stderr
    assert (finished.returncode, finished.stdout) == (1, "")


def test_a_read_only_output_folder_is_told(environ: dict[str, str], project: Path, tmp_path: Path) -> None:
    """A read-only file system is named as that, exit 1."""
    require_tool("emcc")
    unshare = require_tool("unshare")
    disk = tmp_path / "disk"
    disk.mkdir()
    script = (
        f"mount -t tmpfs -o ro none {disk} && {sys.executable} -m wasmrun_py compile {project} -o {disk}/out"
    )
    finished = subprocess.run(
        [unshare, "--map-root-user", "-m", "/bin/sh", "-c", script],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "the file system is read-only" in finished.stderr
    assert finished.returncode == 1


def fake_compiler(folder: Path, body: str) -> dict[str, str]:
    """An environment whose PATH has a toolchain that misbehaves, and nothing else but the system's shell."""
    tools = folder / "tools"
    tools.mkdir()
    script = tools / "emcc"
    version = 'case "$1" in --version) echo "emcc 9.9.9"; exit;; esac'
    script.write_text(f"#!/bin/sh\n{version}\n{body}\n", encoding="utf-8")
    script.chmod(0o755)
    for name in ("em++", "emar", "emmake", "emcmake"):
        (tools / name).symlink_to(script)
    return {"PATH": f"{tools}{os.pathsep}/usr/bin{os.pathsep}/bin"}


def test_a_compiler_that_crashes_is_told(wasmrun: Wasmrun, project: Path, tmp_path: Path) -> None:
    """The signal is named, exit 1."""
    env = fake_compiler(tmp_path, "echo working; kill -SEGV $$")
    finished = wasmrun("compile", project, "--toolchain", "emcc", env=env)
    assert finished.code == 1
    assert "SIGSEGV" in finished.err
    assert "working" in finished.err


def test_a_compiler_that_floods_and_is_not_utf8(wasmrun: Wasmrun, project: Path, tmp_path: Path) -> None:
    """A hundred megabytes of bytes that are no text: the error is short, the whole is in the log."""
    env = fake_compiler(
        tmp_path, "head -c 100000000 /dev/zero | tr '\\0' '\\377'; echo; echo the end; exit 1"
    )
    finished = wasmrun("compile", project, "--toolchain", "emcc", env=env)
    assert finished.code == 1
    assert "the end" in finished.err
    assert "The whole output is in" in finished.err
    assert len(finished.err) < 4_000_000


def test_a_compiler_that_claims_success_is_not_believed(
    wasmrun: Wasmrun, project: Path, tmp_path: Path
) -> None:
    """Exit 0 without an artifact is a failure."""
    finished = wasmrun("compile", project, "--toolchain", "emcc", env=fake_compiler(tmp_path, "exit 0"))
    assert finished.code == 1
    assert not (project / "dist").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_compiler_and_its_children(
    environ: dict[str, str], wasmrun: Wasmrun, project: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """Ctrl-C while the compiler hangs: exit 130, nobody left running, the previous outputs whole."""
    require_tool("emcc")
    module = Path(wasmrun("compile", project, "--json").document["wasm_path"])
    before = module.read_bytes()
    pid_file = tmp_path / "pid"
    env = fake_compiler(tmp_path, f"trap '' TERM INT; sh -c 'echo $$ > {pid_file}; exec sleep 60'")
    command = [sys.executable, "-m", "wasmrun_py", "compile", str(project), "--toolchain", "emcc"]
    started = subprocess.Popen(command, env={**environ, **env}, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 20
    while not (pid_file.exists() and pid_file.read_text(encoding="utf-8")) and time.monotonic() < deadline:
        time.sleep(0.05)
    started.send_signal(number)
    _, err = started.communicate(timeout=20)
    assert started.returncode == 130
    assert "Interrupted" in err
    assert "Traceback" not in err
    assert is_gone(int(pid_file.read_text(encoding="utf-8")))
    assert module.read_bytes() == before
    assert sorted(path.name for path in module.parent.iterdir()) == [".wasmrun-outputs.json", module.name]


def is_gone(pid: int) -> bool:
    """Whether a process has ended, whoever has yet to take note of it."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_verbose_shows_the_tools(wasmrun: Wasmrun, project: Path) -> None:
    """-v shows the command line and streams what the tool says."""
    require_tool("emcc")
    finished = wasmrun("compile", project, "-v", "--", "-Wall")
    assert "$ " in finished.err
    assert "emcc" in finished.err
    assert "-Wall" in finished.err


def test_a_missing_toolchain_may_be_refused(wasmrun: Wasmrun, project: Path, tmp_path: Path) -> None:
    """Without any toolchain and without leave to install one: exit 4 with the command to type."""
    (tmp_path / "empty").mkdir()
    for refusal in (["--frozen"], ["--no-toolchain-install"], []):
        env = {"PATH": str(tmp_path / "empty"), **({} if refusal else {"WASMRUN_TOOLCHAINS": "system"})}
        finished = wasmrun("compile", project, "--json", *refusal, env=env)
        assert finished.code == 4
        assert finished.document["error"]["code"] == "missing-tool"
        assert "install" in finished.document["error"]["hint"]
