"""The build cache from the command line: what is a hit, what is a miss and why, and looking after it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import copy_project, require_tool, without_privileges

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conftest import Finished, Wasmrun

HEADER = '#define GREETING "hello" /* one */\n'
MAIN = (
    '#include "../../shared/greeting.h"\n#include <stdio.h>\nint main(void) { puts(GREETING); return 0; }\n'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A project with a header two folders away, and a clang whose runs are counted."""

    wasmrun: Wasmrun
    folder: Path
    path: str

    @property
    def project(self) -> Path:
        return self.folder / "apps" / "greeter"

    @property
    def header(self) -> Path:
        return self.folder / "shared" / "greeting.h"

    @property
    def clang(self) -> Path:
        return self.folder / "bin" / "clang"

    @property
    def runs(self) -> int:
        """How often the compiler was started, for whatever question."""
        log = self.folder / "runs"
        return len(log.read_text().splitlines()) if log.exists() else 0

    def compile(self, *args: str | Path, env: Mapping[str, str] | None = None) -> dict[str, Any]:
        finished = self.run(*args, env=env)
        assert finished.code == 0, finished.err
        return finished.document

    def run(self, *args: str | Path, env: Mapping[str, str] | None = None) -> Finished:
        options = ("--json", "--explain", "--toolchain", "clang")
        return self.wasmrun("compile", self.project, *options, *args, env={"PATH": self.path, **(env or {})})

    def write_clang(self, comment: str = "") -> None:
        real = require_tool("clang")
        text = f'#!/bin/sh\n# {comment}\necho run >> "{self.folder}/runs"\nexec {real} "$@"\n'
        self.clang.parent.mkdir(exist_ok=True)
        self.clang.write_text(text)
        self.clang.chmod(0o755)


@pytest.fixture
def bench(wasmrun: Wasmrun, tmp_path: Path) -> Bench:
    folder = tmp_path / "work"
    bench = Bench(wasmrun=wasmrun, folder=folder, path=f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}")
    bench.project.mkdir(parents=True)
    bench.header.parent.mkdir()
    bench.header.write_text(HEADER)
    (bench.project / "main.c").write_text(MAIN)
    bench.write_clang()
    return bench


def reasons(document: dict[str, Any]) -> set[tuple[str, str]]:
    """What ``--explain`` names: kind and name."""
    return {(each["kind"], each["name"]) for each in document["explain"]["reasons"]}


def test_a_second_compile_runs_no_toolchain(bench: Bench) -> None:
    """It is a hit, publishes the same bytes, tells the same, and starts nothing."""
    first = bench.compile()
    built = Path(first["wasm_path"]).read_bytes()
    assert (first["cache"], first["explain"]["status"]) == ("miss", "first-build")
    runs = bench.runs
    assert runs > 0
    shutil.rmtree(bench.project / "dist")
    second = bench.compile()
    assert (second["cache"], second["explain"]["status"]) == ("hit", "hit")
    assert bench.runs == runs
    assert Path(second["wasm_path"]).read_bytes() == built
    told = [
        {**each, "cache": "", "cache_source": "", "duration_s": 0, "explain": ""} for each in (first, second)
    ]
    assert told[0] == told[1]
    assert second["duration_s"] != first["duration_s"]


def test_a_hit_is_published_like_a_build(bench: Bench) -> None:
    """What the user changed in dist is moved aside and never gets into the cache."""
    module = Path(bench.compile()["wasm_path"])
    built = module.read_bytes()
    module.write_bytes(b"edited")
    again = bench.compile()
    assert again["cache"] == "hit"
    assert module.read_bytes() == built
    assert module.with_name(f"{module.name}.orig").read_bytes() == b"edited"
    assert "was in the way" in again["warnings"][0]
    finished = bench.wasmrun("clean", bench.project, "--json")
    assert finished.document["removed"] == [str(module)]


def test_exec_of_a_project_and_frozen_hit_too(bench: Bench) -> None:
    """Every command that builds goes through the same cache."""
    bench.compile()
    runs = bench.runs
    assert bench.compile("--frozen")["cache"] == "hit"
    # exec takes no --toolchain: its choice is another option, and its second run is the hit.
    env = {"PATH": bench.path, "WASMRUN_TOOLCHAIN": "clang"}
    ran = bench.wasmrun("exec", bench.project, env=env)
    assert (ran.code, ran.out) == (0, "hello\n")
    assert bench.runs == runs


def test_touching_files_is_no_change(bench: Bench) -> None:
    """Times alone do not matter: bytes do."""
    bench.compile()
    for path in (bench.header, bench.project / "main.c", bench.clang):
        os.utime(path, ns=(1, time.time_ns()))
    runs = bench.runs
    assert bench.compile()["cache"] == "hit"
    assert bench.runs == runs


def test_a_comment_in_a_header_two_folders_away(bench: Bench) -> None:
    """It lies outside the project and is an input; back to the old text, the old build is there."""
    bench.compile()
    bench.header.write_text(HEADER.replace("one", "two"))
    changed = bench.compile()
    assert changed["cache"] == "miss"
    assert reasons(changed) == {("file", str(bench.header))}
    bench.header.write_text(HEADER)
    assert bench.compile()["cache"] == "hit"


def test_a_header_that_begins_to_hide_another(bench: Bench) -> None:
    """A file that was looked for in vain is an input: its folder is outside the project too."""
    (bench.folder / "first").mkdir()
    (bench.folder / "second").mkdir()
    (bench.folder / "second" / "level.h").write_text("#define LEVEL 2\n")
    main = '#include <level.h>\n#include <stdio.h>\nint main(void) { printf("%d\\n", LEVEL); return 0; }\n'
    (bench.project / "main.c").write_text(main)
    args = ("--", "-I../../first", "-I../../second")
    bench.compile(*args)
    assert bench.compile(*args)["cache"] == "hit"
    (bench.folder / "first" / "level.h").write_text("#define LEVEL 1\n")
    changed = bench.compile(*args)
    assert changed["cache"] == "miss"
    assert reasons(changed) == {("file", str(bench.folder / "first"))}
    assert bench.wasmrun("exec", changed["wasm_path"]).out == "1\n"


def test_an_ignored_file_counts_when_it_was_read(bench: Bench) -> None:
    """A generated header that git ignores is an input; an ignored log is not."""
    subprocess.run(["git", "init", "-q", str(bench.folder)], check=True)
    (bench.project / ".gitignore").write_text("generated.h\n*.log\n")
    (bench.project / "generated.h").write_text('#define GREETING "one"\n')
    main = '#include "generated.h"\n#include <stdio.h>\nint main(void) { puts(GREETING); return 0; }\n'
    (bench.project / "main.c").write_text(main)
    bench.compile()
    (bench.project / "debug.log").write_text("noise")
    assert bench.compile()["cache"] == "hit"
    (bench.project / "generated.h").write_text('#define GREETING "two"\n')
    changed = bench.compile()
    assert changed["cache"] == "miss"
    assert reasons(changed) == {("file", "generated.h")}
    assert bench.wasmrun("exec", changed["wasm_path"]).out == "two\n"


def test_a_new_source_that_git_ignores(bench: Bench) -> None:
    """The builder compiles it, whatever git thinks."""
    subprocess.run(["git", "init", "-q", str(bench.folder)], check=True)
    (bench.project / ".gitignore").write_text("*.gen.c\n")
    bench.compile()
    (bench.project / "twin.gen.c").write_text("int main(void) { return 1; }\n")
    finished = bench.run()
    assert finished.code == 1
    assert "each define main" in finished.document["error"]["message"]


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (("-O", "size"), "optimization"),
        (("-g",), "debug-info"),
        (("--", "-DX=1"), "arguments"),
    ],
)
def test_an_option_is_named(bench: Bench, options: tuple[str, ...], name: str) -> None:
    """Another option is another build; the first one stays."""
    bench.compile()
    changed = bench.compile(*options)
    assert changed["cache"] == "miss"
    assert reasons(changed) == {("option", name)}
    assert bench.compile()["cache"] == "hit"


def test_the_configuration_is_named(bench: Bench) -> None:
    """A new wasmrun.toml is one."""
    bench.compile()
    (bench.project / "wasmrun.toml").write_text('[project]\nname = "other"\n')
    changed = bench.compile()
    assert reasons(changed) == {("config", "wasmrun.toml"), ("option", "name")}


@pytest.mark.parametrize(
    "variable",
    [
        *("CC", "CFLAGS", "EMCC_CFLAGS", "CPATH", "C_INCLUDE_PATH", "SOURCE_DATE_EPOCH", "NODE_OPTIONS"),
        *("PYTHONPATH", "LIBRARY_PATH", "ZIG_LIB_DIR", "CARGO_ENCODED_RUSTFLAGS"),
    ],
)
def test_a_variable_is_named_and_its_value_is_not(bench: Bench, variable: str, home: Path) -> None:
    """The name, whether it is set; the value nowhere, also not in the cache."""
    secret = "12345678905"  # noqa: S105 - it stands for one
    before = bench.compile(env={variable: secret})
    assert before["cache"] == "miss"
    same = bench.compile(env={variable: secret})
    assert same["cache"] == "hit"
    changed = bench.compile(env={variable: secret + "1"})
    told = [each for each in changed["explain"]["reasons"] if each["kind"] == "variable"]
    assert told == [{"kind": "variable", "name": variable, "before": "set", "after": "another value"}]
    unset = bench.compile()
    assert {"kind": "variable", "name": variable, "before": "set", "after": "unset"} in unset["explain"][
        "reasons"
    ]
    assert secret not in json.dumps([before, changed, unset])
    if variable in {"CPATH", "C_INCLUDE_PATH", "LIBRARY_PATH"}:
        # Its folders are read, and a folder that is read has its name in the cache.
        return
    kept = [path for path in (home / "cache" / "builds").rglob("*") if path.is_file()]
    assert kept
    assert not any(secret.encode() in path.read_bytes() for path in kept)


def test_another_variable_is_no_change(bench: Bench) -> None:
    """What no toolchain reads does not matter."""
    bench.compile(env={"TERM": "xterm", "EDITOR": "vi"})
    assert bench.compile(env={"TERM": "dumb", "EDITOR": "emacs"})["cache"] == "hit"


def test_a_replaced_compiler_is_named(bench: Bench) -> None:
    """The same path, other bytes."""
    bench.compile()
    bench.write_clang("updated")
    changed = bench.compile()
    assert changed["cache"] == "miss"
    assert reasons(changed) == {("tool", "clang")}


def test_a_compiler_that_would_come_first(bench: Bench) -> None:
    """A tool that was not there and now is, is another tool: which one is taken depends on it."""
    (bench.folder / "tools").mkdir()
    for name in ("clang", "wasm-ld"):
        (bench.folder / "tools" / name).symlink_to(bench.clang if name == "clang" else require_tool(name))
    (bench.folder / "tools" / "sh").symlink_to("/bin/sh")
    env = {"PATH": f"{bench.folder / 'tools'}", "WASMRUN_TOOLCHAIN": ""}
    found = bench.wasmrun("compile", bench.project, "--json", "--explain", env=env)
    assert found.code == 0, found.err
    again = bench.wasmrun("compile", bench.project, "--json", env=env).document
    assert again["cache"] == "hit"
    (bench.folder / "tools" / "emcc").symlink_to(require_tool("emcc"))
    changed = bench.wasmrun("compile", bench.project, "--json", "--explain", env=env)
    said = changed.document if changed.code == 0 else {"cache": "miss"}
    assert said["cache"] == "miss"


def test_no_cache_neither_reads_nor_writes(bench: Bench, home: Path) -> None:
    """``off``: the folder is not even made."""
    document = bench.compile("--no-cache")
    assert (document["cache"], document["explain"]["status"]) == ("off", "off")
    assert not (home / "cache" / "builds").exists()
    assert bench.compile()["cache"] == "miss"
    runs = bench.runs
    assert bench.compile("--no-cache")["cache"] == "off"
    assert bench.runs > runs


def test_settings_switch_it_off_and_size_it(bench: Bench, home: Path) -> None:
    """``[cache] enabled``, ``max_size`` and ``WASMRUN_CACHE_SIZE``; a wrong size is a usage error."""
    home.mkdir(exist_ok=True)
    (home / "config.toml").write_text('[cache]\nenabled = false\nmax_size = "64 MiB"\n')
    assert bench.compile()["cache"] == "off"
    info = bench.wasmrun("cache", "info", "--json").document
    assert (info["enabled"], info["max_bytes"]) == (False, 64 * 1024**2)
    info = bench.wasmrun("cache", "info", "--json", env={"WASMRUN_CACHE_SIZE": "1KB"}).document
    assert info["max_bytes"] == 1000
    wrong = bench.wasmrun("cache", "info", "--json", env={"WASMRUN_CACHE_SIZE": "much"})
    assert (wrong.code, wrong.document["error"]["code"]) == (2, "usage")
    (home / "config.toml").write_text("[cache]\nenabled = 1\n")
    wrong = bench.run()
    assert wrong.code == 2
    assert "config.toml:2" in wrong.document["error"]["message"]


def test_a_build_larger_than_the_cache_is_not_kept(bench: Bench) -> None:
    """It is said why, and nothing else is thrown out for it."""
    env = {"WASMRUN_CACHE_SIZE": "1KB"}
    assert bench.compile(env=env)["cache"] == "miss"
    again = bench.compile(env=env)
    assert again["cache"] == "miss"
    assert again["explain"]["status"] == "not-kept"
    assert "larger" in again["explain"]["note"]


def test_the_least_recently_used_goes_first(bench: Bench) -> None:
    """A cache that is full keeps what was used last; ``--explain`` knows that the other was dropped."""
    module = Path(bench.compile("--", "-DN=0")["wasm_path"])
    room = module.stat().st_size * 3 + 150_000
    for number in (1, 2, 3, 4, 0, 5, 6):
        bench.compile("-O", "debug", "--", f"-DN={number}", env={"WASMRUN_CACHE_SIZE": str(room)})
    info = bench.wasmrun("cache", "info", "--json").document
    assert info["size_bytes"] <= room
    last = bench.compile("-O", "debug", "--", "-DN=6", env={"WASMRUN_CACHE_SIZE": str(room)})
    assert last["cache"] == "hit"
    bench.wasmrun("cache", "prune", "--max-size", "0")
    bench.header.touch()
    assert bench.wasmrun("cache", "info", "--json").document["size_bytes"] == 0


def test_info_counts_and_clear_empties(bench: Bench, home: Path) -> None:
    """Hits and misses are counted; ``clear`` removes what is ours and nothing else."""
    for _ in range(3):
        bench.compile()
    info = bench.wasmrun("cache", "info", "--json").document
    assert (info["hits"], info["misses"], info["blobs"]) == (2, 1, 1)
    assert info["path"] == str(home / "cache" / "builds")
    assert info["size_bytes"] > 0
    foreign = home / "cache" / "builds" / "mine.txt"
    foreign.write_text("not the cache's")
    cleared = bench.wasmrun("cache", "clear", "--json").document
    assert cleared["removed_files"] > 0
    assert list(foreign.parent.iterdir()) == [foreign]
    # Without its marker the folder is nobody's.
    (foreign.parent / "blobs").mkdir()
    (foreign.parent / "blobs" / ("a" * 64)).write_text("who knows")
    assert bench.wasmrun("cache", "clear", "--json").document["removed_files"] == 0
    assert (foreign.parent / "blobs").is_dir()
    assert bench.compile()["explain"]["status"] == "first-build"


def test_prune_by_age(bench: Bench, home: Path) -> None:
    """What was not used for so long goes; a wrong age is a usage error."""
    bench.compile()
    assert bench.wasmrun("cache", "prune", "--max-age", "1h", "--json").document["removed_files"] == 0
    for path in (home / "cache" / "builds").rglob("*"):
        os.utime(path, (1, 1))
    assert bench.wasmrun("cache", "prune", "--max-age", "1h", "--json").document["removed_files"] > 0
    assert bench.compile()["cache"] == "miss"
    for age in ("soon", "-1d", "1y"):
        assert bench.wasmrun("cache", "prune", f"--max-age={age}").code == 2


def test_an_evicted_build_is_explained(bench: Bench, home: Path) -> None:
    """Nothing changed, and it is gone all the same."""
    bench.compile()
    shutil.rmtree(home / "cache" / "builds" / "blobs")
    again = bench.compile()
    assert (again["cache"], again["explain"]["status"]) == ("miss", "evicted")
    assert bench.compile()["cache"] == "hit"


def test_a_damaged_build_is_explained(bench: Bench, home: Path) -> None:
    """One warning, and the right bytes."""
    built = Path(bench.compile()["wasm_path"]).read_bytes()
    for blob in (home / "cache" / "builds" / "blobs").rglob("*"):
        if blob.is_file():
            blob.write_bytes(b"\xff" + blob.read_bytes()[1:])
    finished = bench.run()
    assert finished.document["explain"]["status"] == "corrupt"
    assert finished.err.count("damaged entry") == 1
    assert Path(finished.document["wasm_path"]).read_bytes() == built
    assert bench.compile()["cache"] == "hit"


@pytest.mark.parametrize("name", ["c-makefile", "c-cmake", "c-library", "cpp-multi"])
def test_every_kind_of_c_project_hits(wasmrun: Wasmrun, tmp_path: Path, name: str) -> None:
    """Makefiles and CMake too; a change of any of their files is a miss."""
    toolchain = "emcc" if name == "cpp-multi" else "clang"
    require_tool(toolchain)
    project = copy_project(name, tmp_path)
    options = ("--json", "--explain", "--toolchain", toolchain)
    assert wasmrun("compile", project, *options).document["cache"] == "miss"
    again = wasmrun("compile", project, *options).document
    assert again["cache"] == "hit", again["explain"]
    source = next(path for path in sorted(project.rglob("*.c*")) if path.is_file())
    source.write_text(source.read_text() + "\n// more\n")
    assert wasmrun("compile", project, *options).document["cache"] == "miss"


def test_a_makefile_may_read_any_variable_and_what_lies_above(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """Both are inputs of such a build; the variable is named."""
    require_tool("clang")
    require_tool("make")
    (tmp_path / "common.mk").write_text("FLAGS = -DLEVEL=1\n")
    project = tmp_path / "project"
    project.mkdir()
    (project / "main.c").write_text("int main(void) { return LEVEL; }\n")
    (project / "Makefile").write_text(
        "include ../common.mk\nwasm: main.c\n\t$(CC) $(FLAGS) $(MY_OWN) main.c -o main.wasm\n"
    )
    options = ("compile", project, "--json", "--explain", "--toolchain", "clang")
    assert wasmrun(*options).document["cache"] == "miss"
    assert wasmrun(*options).document["cache"] == "hit"
    named = wasmrun(*options, env={"MY_OWN": "-DY"}).document
    assert reasons(named) == {("variable", "MY_OWN")}
    (tmp_path / "common.mk").write_text("FLAGS = -DLEVEL=2\n")
    changed = wasmrun(*options, env={"MY_OWN": "-DY"}).document
    assert reasons(changed) == {("file", str(tmp_path / "common.mk"))}
    assert wasmrun("exec", changed["wasm_path"]).code == 2


def test_a_page_is_an_input(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """Also when the outputs go where it lies: an edited page is never the old one."""
    require_tool("emcc")
    project = copy_project("c-hello", tmp_path)
    page = project / "index.html"
    page.write_text("<p>one</p><script src='c-hello.js'></script>")
    options = ("compile", project, "--json", "-t", "web", "--toolchain", "emcc", "-o", tmp_path / "out")
    wasmrun(*options)
    assert wasmrun(*options).document["cache"] == "hit"
    for text in ("two", "one", "two", "three"):
        page.write_text(f"<p>{text}</p><script src='c-hello.js'></script>")
        assert wasmrun(*options).code == 0
        assert text in (tmp_path / "out" / "index.html").read_text()


def test_sixteen_processes_build_once(bench: Bench, environ: dict[str, str]) -> None:
    """They wait for each other: all have the right bytes, and the compiler ran as for one."""
    alone = bench.compile("--no-cache")
    wanted = Path(alone["wasm_path"]).read_bytes()
    before = bench.runs
    bench.compile("--no-cache")
    runs_of_one = bench.runs - before
    before = bench.runs
    command = [sys.executable, "-m", "wasmrun_py", "compile", str(bench.project), "--json"]
    started = [
        subprocess.Popen(
            [*command, "--toolchain", "clang", "-o", str(bench.folder / f"out-{number}")],
            env={**environ, "PATH": bench.path},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(16)
    ]
    ended = [(process.communicate(timeout=120), process.returncode) for process in started]
    assert [code for _, code in ended] == [0] * 16, ended
    documents = [json.loads(out) for (out, _), _ in ended]
    assert sorted(each["cache"] for each in documents) == ["hit"] * 15 + ["miss"]
    assert all(Path(each["wasm_path"]).read_bytes() == wanted for each in documents)
    assert bench.runs - before == runs_of_one


def test_a_waiter_says_so_and_a_killed_builder_holds_nobody_up(bench: Bench, environ: dict[str, str]) -> None:
    """The lock of a process that died is free."""
    gate = bench.folder / "gate"
    real = require_tool("clang")
    bench.clang.write_text(f'#!/bin/sh\nwhile [ -e "{gate}" ]; do sleep 0.05; done\nexec {real} "$@"\n')
    gate.touch()
    command = [sys.executable, "-m", "wasmrun_py", "compile", str(bench.project), "--toolchain", "clang"]
    env = {**environ, "PATH": bench.path}
    first = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    locks = Path(environ["WASMRUN_HOME"]) / "cache" / "builds" / "locks"
    deadline = time.monotonic() + 60
    while not list(locks.glob("*.lock")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    second = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert second.stderr is not None
    said = second.stderr.readline()
    assert "waiting for its result" in said
    first.send_signal(signal.SIGKILL)
    gate.unlink()
    second.communicate(timeout=120)
    assert second.returncode == 0
    first.communicate(timeout=30)


def test_a_cache_that_cannot_be_used_is_a_warning(bench: Bench, tmp_path: Path) -> None:
    """A file in its place, and a folder that cannot be written: one warning each, and a build."""
    blocked = tmp_path / "blocked"
    blocked.write_text("in the way")
    finished = bench.run(env={"WASMRUN_CACHE_DIR": str(blocked)})
    assert finished.code == 0
    assert finished.document["cache"] == "miss"
    assert finished.err.count("build cache") == 1, finished.err
    closed = tmp_path / "closed"
    closed.mkdir()
    closed.chmod(0o555)
    command = (sys.executable, "-m", "wasmrun_py", "compile", str(bench.project), "--toolchain", "clang")
    ran = subprocess.run(
        without_privileges(*command),
        env={
            **os.environ,
            "PATH": bench.path,
            "WASMRUN_HOME": str(tmp_path / "h2"),
            "WASMRUN_CACHE_DIR": str(closed),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.count("build cache") == 1, ran.stderr


def test_a_cache_that_is_removed_while_building(bench: Bench, home: Path) -> None:
    """The build ends well, and the next one too."""
    builds = home / "cache" / "builds"
    real = require_tool("clang")
    bench.clang.write_text(f'#!/bin/sh\nrm -rf "{builds}"\nexec {real} "$@"\n')
    for _ in range(2):
        finished = bench.run("--", f"-DN={time.time_ns()}")
        assert finished.code == 0, finished.err
    bench.write_clang()
    bench.compile()
    assert bench.compile()["cache"] == "hit"
