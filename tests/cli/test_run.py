"""``wasmrun run``: the real command, real toolchains, a real event stream."""

from __future__ import annotations

import hashlib
import signal
import socket
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.cli.serving import serving, start
from tests.conftest import copy_project, require_tool

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.conftest import Wasmrun

EMPTY_MODULE = b"\0asm\1\0\0\0"


def alter(module: bytes, text: bytes) -> bytes:
    """A module with a custom section ``t`` that holds ``text``."""
    return module + bytes([0, len(text) + 2, 1]) + b"t" + text


def is_gone(process: psutil.Process) -> bool:
    """Whether a process has ended; a zombie has."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_gone(processes: Sequence[psutil.Process], *, timeout_s: float = 5) -> None:
    """Wait until all have ended."""
    deadline = time.monotonic() + timeout_s
    while left := [each for each in processes if not is_gone(each)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.02)


def test_a_save_reaches_the_page(environ: dict[str, str], project: Path, tmp_path: Path) -> None:
    """Built with the real clang: a document when ready, one reload for one save, and the new module."""
    require_tool("clang")
    with serving(project, "--toolchain", "clang", env=environ, cwd=tmp_path) as served:
        document = served.document
        assert (document["schema"], document["command"], document["ok"]) == (1, "run", True)
        assert document["project"] == str(project)
        assert document["pid"] == served.child.pid
        assert (document["watching"], document["target"], document["status"]) == (True, "wasm", "ok")
        assert document["url"] == f"http://{document['host']}:{document['port']}/"
        before = served.module()
        with served.listening():
            main = project / "main.c"
            main.write_text(main.read_text().replace("Hello", "Howdy"))
            served.until(lambda: served.has("reload"))
            served.until(lambda: served.state["status"] == "ok" and served.state["generation"] == 2)
            after = served.module()
            assert after != before
            assert b"Howdy" in after
            listed = {each["url"]: each["sha256"] for each in served.state["files"]}
            assert listed[served.state["program"]["module"]] == hashlib.sha256(after).hexdigest()
            assert served.state["program"]["kind"] == "wasi"
            assert served.state["builds"][-1]["trigger"] == ["main.c"]
            time.sleep(0.5)
            assert [name for name, _ in served.events].count("reload") == 1
        assert served.end() == 0


def test_an_error_is_told_with_its_place_and_mended(
    environ: dict[str, str], project: Path, tmp_path: Path
) -> None:
    """A failed build keeps the page; its diagnostics and log are there; mending it clears them."""
    require_tool("clang")
    with serving(project, "--toolchain", "clang", env=environ, cwd=tmp_path) as served, served.listening():
        before = served.module()
        good = (project / "main.c").read_text()
        (project / "main.c").write_text(f"{good}\nint broken(\n")
        served.until(lambda: bool(served.state["status"] == "failed"))
        build = served.state["builds"][-1]
        assert build["error"]["code"] == "build-failed"
        assert build["diagnostics"][0]["file"] == "main.c"
        assert build["diagnostics"][0]["line"] == len(good.splitlines()) + 2
        assert build["diagnostics"][0]["source_line"] == "int broken("
        log = served.ask(f"/_wasmrun/log/{build['number']}")["lines"]
        assert any("expected" in line for line in log)
        assert served.module() == before
        served.until(lambda: "could not compile" in served.said())
        (project / "main.c").write_text(good)
        served.until(lambda: bool(served.state["status"] == "ok"))
        assert not served.has("reload")


def test_a_project_that_fails_at_first_is_served_once_it_builds(
    environ: dict[str, str], project: Path, tmp_path: Path
) -> None:
    """The first build may fail: the server waits for a better one."""
    require_tool("clang")
    good = (project / "main.c").read_text()
    (project / "main.c").write_text("int main(void) {\n")
    with serving(project, "--toolchain", "clang", env=environ, cwd=tmp_path) as served, served.listening():
        assert served.document["status"] == "failed"
        assert served.get("/").status_code == 200
        (project / "main.c").write_text(good)
        served.until(lambda: bool(served.state["status"] == "ok"))
        assert served.state["generation"] == 1
        assert served.module().startswith(b"\0asm")


@pytest.fixture
def endless(tmp_path: Path) -> tuple[Path, Path]:
    """A project whose build never ends, and the file that the build's shell writes its process id to."""
    project = tmp_path / "endless"
    project.mkdir()
    (project / "main.c").write_text("int main(void) { return 0; }\n")
    pid_file = tmp_path / "pid"
    (project / "Makefile").write_text(f"wasm:\n\techo $$$$ > {pid_file}; sleep 900\n")
    return project, pid_file


def wait_for_pid(pid_file: Path) -> int:
    """The process id that was written there."""
    deadline = time.monotonic() + 30
    while not pid_file.is_file() or not pid_file.read_text().endswith("\n"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return int(pid_file.read_text())


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGHUP, 130), (signal.SIGKILL, -9)],
)
def test_ending_in_the_middle_of_a_build_leaves_nothing(
    environ: dict[str, str], endless: tuple[Path, Path], home: Path, tmp_path: Path, number: int, code: int
) -> None:
    """However it ends, no process is left; no folder either, or the next start removes it."""
    require_tool("clang")
    project, pid_file = endless
    own_temporary = tmp_path / "tmp"
    own_temporary.mkdir()
    env = {**environ, "TMPDIR": str(own_temporary)}
    child = start(project, "--toolchain", "clang", env=env, cwd=tmp_path)
    try:
        shell = psutil.Process(wait_for_pid(pid_file))
        family = psutil.Process(child.pid).children(recursive=True)
        assert shell in family
        child.send_signal(number)
        began = time.monotonic()
        child.communicate(timeout=20)
        assert child.returncode == code
        assert time.monotonic() - began < 4
        wait_gone(family)
        serve = home / "cache" / "serve"
        if number != signal.SIGKILL:
            assert not serve.exists()
        wait_gone(family)
        assert not list(own_temporary.glob("wasmrun-build-*"))
    finally:
        if child.poll() is None:
            child.kill()
        for stream in (child.stdout, child.stderr):
            assert stream is not None
            stream.close()
    if number == signal.SIGKILL:
        assert list(serve.iterdir())
        good = copy_project("c-hello", tmp_path)
        with serving(good, "--toolchain", "clang", env=env, cwd=tmp_path) as served:
            assert len(list(serve.iterdir())) == 1
            served.end()
        assert not list(serve.iterdir())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ending_is_quick_and_clean(
    environ: dict[str, str], project: Path, home: Path, tmp_path: Path, number: int
) -> None:
    """A server that is ready ends with 0, also while a page listens; its folder and processes are gone."""
    require_tool("clang")
    with serving(project, "--toolchain", "clang", env=environ, cwd=tmp_path) as served, served.listening():
        family = psutil.Process(served.child.pid).children(recursive=True)
        began = time.monotonic()
        assert served.end(number) == 0
        assert time.monotonic() - began < 4
        wait_gone(family)
        assert not (home / "cache" / "serve").exists()
        deadline = time.monotonic() + 5
        while not served.has("goodbye"):
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_a_module_is_served_and_followed(environ: dict[str, str], tmp_path: Path) -> None:
    """``run FILE.wasm``: nothing is built, a new module reloads, a broken one keeps the last good."""
    module = tmp_path / "thing.wasm"
    module.write_bytes(EMPTY_MODULE)
    with serving(module, env=environ, cwd=tmp_path) as served, served.listening():
        assert served.document["target"] is None
        assert served.state["project"]["is_file"]
        assert served.state["program"]["kind"] == "library"
        assert served.get("/thing.wasm").content == EMPTY_MODULE
        module.write_bytes(EMPTY_MODULE[:5])
        served.until(lambda: bool(served.state["status"] == "failed"))
        assert served.get("/thing.wasm").content == EMPTY_MODULE
        module.write_bytes(alter(EMPTY_MODULE, b"two"))
        served.until(lambda: served.has("reload"))
        assert served.get("/thing.wasm").content == alter(EMPTY_MODULE, b"two")


@pytest.mark.parametrize(
    ("module", "script", "more", "kind"),
    [
        ("x_bg.wasm", "x.js", ["snippets/a-1/inline0.js"], "wasm-bindgen"),
        ("x.wasm", "x.js", ["x.data", "x.worker.js"], "emscripten"),
    ],
)
@pytest.mark.parametrize("named", ["module", "script"])
def test_a_pair_is_served(
    environ: dict[str, str], tmp_path: Path, module: str, script: str, more: list[str], kind: str, named: str
) -> None:
    """A module with its JavaScript, by the name of either; nothing else of the folder is served."""
    (tmp_path / module).write_bytes(EMPTY_MODULE)
    (tmp_path / script).write_text("export default 1;\n")
    for name in more:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{name}\n")
    (tmp_path / "secret.txt").write_text("no\n")
    given = tmp_path / (module if named == "module" else script)
    with serving(given, env=environ, cwd=tmp_path) as served, served.listening():
        program = served.state["program"]
        assert (program["kind"], program["module"], program["script"]) == (kind, f"/{module}", f"/{script}")
        assert {each["url"] for each in served.state["files"]} == {
            f"/{name}" for name in (module, script, *more)
        }
        assert served.get("/secret.txt").status_code == 404
        (tmp_path / more[0]).write_text("other\n")
        served.until(lambda: served.has("reload"))


def test_a_folder_with_a_page_is_served_as_it_is(environ: dict[str, str], tmp_path: Path) -> None:
    """No plugin takes it: its web files are served by their suffix, hidden ones never, styles in place."""
    site = tmp_path / "site"
    (site / "css").mkdir(parents=True)
    (site / "index.html").write_text("<!doctype html><html><head></head><body>Hi</body></html>\n")
    (site / "css" / "a.css").write_text("a {}\n")
    for name in (".env", "notes.key", "package.json"):
        (site / name).write_text("secret\n")
    with serving(site, env=environ, cwd=tmp_path) as served, served.listening():
        assert served.state["program"] == {
            "kind": "page",
            "module": None,
            "script": None,
            "page": "/",
            "needs_isolation": False,
        }
        assert "Hi" in served.get("/").text
        assert {each["url"] for each in served.state["files"]} == {"/index.html", "/css/a.css"}
        for name in (".env", "notes.key", "package.json"):
            assert served.get(f"/{name}").status_code == 404
        (site / "css" / "a.css").write_text("b {}\n")
        served.until(lambda: served.has("css"))
        assert not served.has("reload")
        (site / "new.html").write_text("new\n")
        served.until(lambda: served.has("reload"))
        assert served.get("/new.html").status_code == 200


def test_what_a_page_loads_is_followed_whatever_git_thinks(environ: dict[str, str], tmp_path: Path) -> None:
    """Tools put what they make into ignored folders; and once there is a source, the folder is a project."""
    site = tmp_path / "site"
    (site / "pkg").mkdir(parents=True)
    (site / "index.html").write_text("<!doctype html><script src=pkg/x.js></script>\n")
    (site / "pkg" / ".gitignore").write_text("*\n")
    (site / "pkg" / "x.js").write_text("one\n")
    options = ("-t", "wasm", "--toolchain", "clang")
    with serving(site, *options, env=environ, cwd=tmp_path) as served, served.listening():
        (site / "pkg" / "x.js").write_text("two\n")
        served.until(lambda: served.has("reload"))
        assert served.get("/pkg/x.js").text == "two\n"
        require_tool("clang")
        (site / "main.c").write_text("int main(void) { return 0; }\n")
        served.until(lambda: bool(served.state["builds"][-1]["target"] == "wasm"))
        assert served.state["program"]["kind"] == "wasi"


def test_a_project_with_a_page_is_built_for_the_web(environ: dict[str, str], tmp_path: Path) -> None:
    """Its own page asks for it; with a compiler that cannot, the module is served and the user told."""
    require_tool("emcc")
    project = copy_project("c-web", tmp_path)
    with serving(project, env=environ, cwd=tmp_path) as served:
        assert served.document["target"] == "web"
        state = served.ask("/_wasmrun/state")
        assert state["program"]["kind"] == "page"
        assert state["program"]["page"] == "/"
        assert state["builds"][0]["optimization"] == "debug"
        assert served.get("/style.css").status_code == 200
    require_tool("clang")
    project = copy_project("c-hello", tmp_path)
    (project / "index.html").write_text("<script src=c-hello.js></script>\n")
    with serving(project, "--toolchain", "clang", env=environ, cwd=tmp_path) as served:
        assert served.document["target"] == "wasm"
        assert any("only emcc" in each for each in served.ask("/_wasmrun/state")["builds"][0]["warnings"])
    with serving(project, "-t", "wasm", "--toolchain", "clang", env=environ, cwd=tmp_path) as served:
        assert served.ask("/_wasmrun/state")["builds"][0]["warnings"] == []


def test_a_plugin_may_wish_for_a_target(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """Python asks for the web, whose runtime may not be installed here; an explicit target wins."""
    project = copy_project("py-hello", tmp_path)
    finished = wasmrun("run", project, "--no-toolchain-install", "--port", "0", "--json")
    assert finished.code == 4
    assert "pyodide" in finished.document["error"]["message"]
    finished = wasmrun("run", project, "-t", "wasm", "--no-toolchain-install", "--port", "0", "--json")
    assert finished.code == 4
    assert "pyodide" not in finished.document["error"]["message"]


def test_the_output_folder_is_written_too(environ: dict[str, str], project: Path, tmp_path: Path) -> None:
    """With ``-o`` the artifacts are there as well; without it the project is never written to."""
    require_tool("clang")
    before = sorted(project.rglob("*"))
    with serving(project, "--toolchain", "clang", env=environ, cwd=tmp_path) as served:
        served.end()
    assert sorted(project.rglob("*")) == before
    with serving(project, "--toolchain", "clang", "-o", "out", env=environ, cwd=tmp_path) as served:
        (written,) = (tmp_path / "out").glob("*.wasm")
        assert served.module() == written.read_bytes()


@pytest.mark.parametrize(
    ("files", "args", "code", "message", "hint"),
    [
        ({}, ["nope"], 2, "nope does not exist", ""),
        ({}, ["nope.wasm"], 2, "nope.wasm does not exist", ""),
        ({"a.wasm": ""}, ["a.wasm"], 5, "not WebAssembly: the file is empty", "build it again"),
        ({"a.wasm": "<html>"}, ["a.wasm"], 5, "not WebAssembly", "HTML page"),
        ({"a.js": "x"}, ["a.js"], 2, "a.js has no module beside it", "project's folder"),
        ({"main.c": "x"}, ["main.c"], 2, "main.c is a file, and a project is a folder", "Give the folder"),
        ({}, ["."], 3, "No plugin recognises", ""),
        ({"a.wasm": "x"}, ["."], 3, "No plugin recognises", "wasmrun run"),
        ({"main.c": "x"}, [".", "--plugin", "nope"], 3, 'There is no plugin "nope"', ""),
        ({"main.c": "x"}, [".", "-t", "wep"], 2, 'has no target "wep"', 'Did you mean "web"?'),
        ({"main.c": "x"}, [".", "-O", "fast"], 2, "--optimization cannot be", ""),
        ({"main.c": "x"}, [".", "--transport", "x"], 2, 'There is no transport "x"', ""),
        ({"main.c": "x"}, [".", "--proxy", "x"], 2, "is not a prefix and an address", "--proxy"),
        ({"main.c": "x"}, [".", "--port", "eighty"], 2, '"eighty" is not a port', "--port takes"),
        ({"main.c": "x"}, [".", "--header", "x"], 2, "is not a header", "--header"),
        ({"main.c": "x", "wasmrun.toml": "[run]\nprot = 1\n"}, ["."], 2, 'has no key "prot"', 'mean "port"'),
        ({"main.c": "x", "wasmrun.toml": '[run]\nport = "1"\n'}, ["."], 2, "must be an integer", "8420"),
        ({"main.c": "x", "wasmrun.toml": "[run]\nport = 70000\n"}, ["."], 2, "cannot be 70000", "65535"),
        ({"main.c": "x", "wasmrun.toml": "[run]\nopen = 1\n"}, ["."], 2, "must be a boolean", "true"),
    ],
)
def test_what_cannot_be_served_is_answered(
    wasmrun: Wasmrun,
    tmp_path: Path,
    files: dict[str, str],
    args: list[str],
    code: int,
    message: str,
    hint: str,
) -> None:
    """The exit code of ``compile``, one message, one hint."""
    folder = tmp_path / "work"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    arguments = ["run", *args] if "--port" in args else ["run", *args, "--port", "0"]
    finished = wasmrun(*arguments, cwd=folder)
    assert finished.code == code, finished.err
    assert finished.out == ""
    assert message in finished.err
    assert hint in finished.err
    assert "Traceback" not in finished.err
    finished = wasmrun(*arguments, "--json", cwd=folder)
    assert finished.document["error"]["exit_code"] == code


def test_a_missing_tool_ends_it(wasmrun: Wasmrun, project: Path, tmp_path: Path) -> None:
    """Without leave to install, exit 4 as ``compile`` has it."""
    (tmp_path / "empty").mkdir()
    finished = wasmrun(
        "run", project, "--no-toolchain-install", "--port", "0", env={"PATH": str(tmp_path / "empty")}
    )
    assert finished.code == 4
    assert "hint:" in finished.err


def test_a_port_that_is_taken_is_told(wasmrun: Wasmrun, project: Path) -> None:
    """A port that was asked for and is another program's is a mistake with an answer."""
    require_tool("clang")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        finished = wasmrun("run", project, "--port", str(other.getsockname()[1]), "--toolchain", "clang")
    assert finished.code == 2
    assert "is taken" in finished.err


def test_the_table_is_obeyed(environ: dict[str, str], project: Path, tmp_path: Path) -> None:
    """``[run]`` says target, level, headers and isolation; a level of ``[build]`` holds for ``run`` too."""
    require_tool("clang")
    (project / "wasmrun.toml").write_text(
        '[build]\ntoolchain = "clang"\noptimization = "size"\n'
        '[run]\nheaders = ["X-Mine: yes"]\nisolate = true\n'
    )
    with serving(project, env=environ, cwd=tmp_path) as served, served.listening():
        assert served.state["builds"][0]["optimization"] == "size"
        response = served.get(served.state["program"]["module"])
        assert response.headers["X-Mine"] == "yes"
        assert served.get("/").headers["Cross-Origin-Opener-Policy"] == "same-origin"
        (project / "wasmrun.toml").write_text(
            '[build]\ntoolchain = "clang"\noptimization = "size"\n[run]\noptimization = "release"\n'
        )
        served.until(lambda: bool(served.state["builds"][-1]["optimization"] == "release"))


def test_a_path_alone_is_run(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """``wasmrun PATH``, ``wasmrun -p PATH`` and ``wasmrun`` in a project run it; elsewhere there is help."""
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "a.wasm").write_bytes(b"no")
    for args in (("a.wasm",), ("./a.wasm",), ("-p", "a.wasm"), ("--path", "a.wasm"), ("--path=a.wasm",)):
        assert wasmrun(*args, cwd=folder).code == 5
    assert wasmrun("./missing", cwd=folder).code == 2
    assert "Usage" in wasmrun(cwd=folder).out
    (folder / "main.c").write_text("x")
    (folder / "wasmrun.toml").write_text("[run]\nprot = 1\n")
    assert 'has no key "prot"' in wasmrun(cwd=folder).err
    for alias in ("dev", "serve"):
        assert 'has no key "prot"' in wasmrun(alias, cwd=folder).err


def test_without_json_the_addresses_are_shown(environ: dict[str, str], project: Path, tmp_path: Path) -> None:
    """Stdout stays empty; stderr has the page, what was built, and a line for each save."""
    require_tool("clang")
    import subprocess  # noqa: PLC0415 - here only
    import sys  # noqa: PLC0415 - here only

    command = [sys.executable, "-m", "wasmrun_py", str(project), "--toolchain", "clang", "--port", "0"]
    with (tmp_path / "err").open("wb") as err:
        child = subprocess.Popen(command, env=environ, cwd=tmp_path, stdout=subprocess.PIPE, stderr=err)

    def shown() -> str:
        return (tmp_path / "err").read_text()

    def wait_for(text: str) -> None:
        deadline = time.monotonic() + 30
        while text not in shown():
            assert time.monotonic() < deadline, shown()
            time.sleep(0.02)

    try:
        wait_for("Ctrl-C ends it")
        assert "Page:     http://localhost:" in shown()
        assert "Built for wasm with clang" in shown()
        main = project / "main.c"
        main.write_text(main.read_text().replace("Hello", "Howdy, dear"))
        wait_for("reload 1")
        assert "built in" in shown()
        assert "main.c" in shown()
        child.send_signal(signal.SIGINT)
        out, _ = child.communicate(timeout=20)
        assert (child.returncode, out) == (0, b"")
        assert "Traceback" not in shown()
    finally:
        if child.poll() is None:
            child.kill()
            child.communicate()


def test_stop_and_status_know_it(
    wasmrun: Wasmrun, environ: dict[str, str], project: Path, home: Path, tmp_path: Path
) -> None:
    """While it runs there is a state file; ``stop`` ends it with 0, and the file is gone."""
    require_tool("clang")
    with serving(project, "--toolchain", "clang", env=environ, cwd=tmp_path) as served:
        assert len(list(home.glob("servers/*.json"))) == 1
        listed = wasmrun("status", "--json").out
        assert str(served.document["port"]) in listed
        assert wasmrun("stop", str(project)).code == 0
        assert served.child.wait(timeout=10) == 0
    assert not list(home.glob("servers/*.json"))
