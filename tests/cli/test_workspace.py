"""``wasmrun compile --workspace`` with real compilers: order, failures, what changed, and Ctrl-C."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.conftest import require_tool

if TYPE_CHECKING:
    from tests.conftest import Wasmrun

MAIN = '#include <stdio.h>\nint main(void) {{ puts("{0}"); return 0; }}\n'
GIT = ("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main")


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Four members: app depends on both libraries, tool on one of them, alone on nothing."""
    require_tool("clang")
    root = tmp_path / "ws"
    build = '[build]\ntoolchain = "clang"\noptimization = "debug"\n'
    files = {"wasmrun.toml": '[workspace]\nmembers = ["apps/*", "libs/*"]\n'}
    for place, needs in (
        ("apps/app", '["core", "extra"]'),
        ("apps/tool", '["core"]'),
        ("apps/alone", "[]"),
        ("libs/core", "[]"),
        ("libs/extra", '["core"]'),
    ):
        files[f"{place}/main.c"] = MAIN.format(Path(place).name)
        files[f"{place}/wasmrun.toml"] = f"[project]\ndepends_on = {needs}\n{build}"
    write(root, files)
    return root


def statuses(document: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["status"] for each in document["projects"]}


def caches(document: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["cache"] for each in document["projects"] if "cache" in each}


def git(root: Path, *args: str) -> str:
    """Run the real git."""
    done = subprocess.run([*GIT, *args], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(root: Path, message: str = "x") -> str:
    git(root, "add", "-A")
    git(root, "commit", "-qm", message)
    return git(root, "rev-parse", "HEAD")


def repository(root: Path) -> str:
    """Everything committed, outputs ignored."""
    require_tool("git")
    (root / ".gitignore").write_text("dist/\n", encoding="utf-8")
    git(root, "init", "-q")
    return commit(root, "first")


def test_every_member_is_built_and_runs(wasmrun: Wasmrun, root: Path) -> None:
    """One document: each member's own, a summary; each output is its member's."""
    finished = wasmrun("compile", "--workspace", "--json", "-j2", cwd=root / "apps" / "app")
    assert finished.code == 0, finished.err
    document = finished.document
    assert (document["schema"], document["command"], document["ok"]) == (1, "compile", True)
    assert document["workspace"] == {"root": str(root), "jobs": 2, "affected": None}
    assert set(statuses(document).values()) == {"built"}
    assert set(caches(document).values()) == {"miss"}
    assert document["summary"]["built"] == document["summary"]["members"] == 5
    for each in document["projects"]:
        module = Path(each["wasm_path"])
        assert module.is_relative_to(root / each["path"] / "dist")
        assert wasmrun("exec", module).out == f"{each['name']}\n"
    again = wasmrun("compile", "--workspace", "--json", cwd=root)
    assert set(caches(again.document).values()) == {"hit"}


def test_a_root_that_is_no_project_is_its_workspace(wasmrun: Wasmrun, root: Path) -> None:
    """As cargo does; a member is built alone where it is named, and lines tell what happened."""
    finished = wasmrun("compile", root)
    assert finished.code == 0, finished.err
    assert finished.out == ""
    lines = finished.err.splitlines()
    assert {line.split()[1] for line in lines if line.startswith("✓")} == {
        "app",
        "tool",
        "alone",
        "core",
        "extra",
    }
    assert lines[-1].startswith("5 built: 5 misses in ")
    alone = wasmrun("compile", root / "apps" / "tool", "--json")
    assert alone.document["project"] == str(root / "apps" / "tool")


def test_a_dependency_is_built_before_and_its_change_reaches_its_dependents(
    wasmrun: Wasmrun, root: Path
) -> None:
    """What a dependency makes is an input of who depends on it; a change that makes the same is none."""
    assert wasmrun("compile", root).code == 0
    write(root, {"libs/core/main.c": f"{MAIN.format('core')}// a comment\n"})
    same = wasmrun("compile", root, "--json").document
    assert caches(same) == {"core": "miss", **dict.fromkeys(("extra", "app", "tool", "alone"), "hit")}
    write(root, {"libs/core/main.c": MAIN.format("other")})
    changed = wasmrun("compile", root, "--json").document
    assert caches(changed) == {
        "core": "miss",
        "extra": "miss",
        "tool": "miss",
        # What it depends on directly is what counts: core is.
        "app": "miss",
        "alone": "hit",
    }


def test_a_failure_skips_what_depends_on_it(wasmrun: Wasmrun, root: Path) -> None:
    """With --keep-going everything else is built; the diagnostics name files of the workspace."""
    write(root, {"libs/extra/main.c": "int main(void) { return missing; }\n"})
    finished = wasmrun("compile", root, "--json", "--keep-going", "-j1")
    document = finished.document
    assert finished.code == document["error"]["exit_code"] == 1
    assert statuses(document) == {
        "core": "built",
        "extra": "failed",
        "app": "skipped",
        "tool": "built",
        "alone": "built",
    }
    reasons = {each["name"]: each["reason"] for each in document["projects"]}
    assert reasons["app"] == "it depends on extra, which failed"
    assert document["error"]["code"] == "workspace-failed"
    first = document["error"]["diagnostics"][0]
    assert (first["file"], first["line"]) == ("libs/extra/main.c", 1)
    failed = next(each for each in document["projects"] if each["status"] == "failed")
    assert failed["error"]["code"] == "build-failed"
    assert failed["error"]["diagnostics"][0]["file"] == "libs/extra/main.c"
    summary = document["summary"]
    assert (summary["built"], summary["failed"], summary["skipped"]) == (3, 1, 1)
    assert "missing" in finished.err


def test_after_a_failure_nothing_new_begins(wasmrun: Wasmrun, root: Path) -> None:
    """Without --keep-going: as make does. What is skipped says why."""
    write(root, {"libs/core/main.c": "int main(void) { return missing; }\n"})
    finished = wasmrun("compile", root, "-j1")
    assert finished.code == 1
    lines = finished.err.splitlines()
    assert [line.split()[1] for line in lines if line.startswith("✗")] == ["core"]
    assert sum(line.startswith("⊘") for line in lines) == 4
    assert any("alone" in line and "core failed before it began" in line for line in lines)
    assert any("app" in line and "it depends on core, which failed" in line for line in lines)
    assert any(line.startswith("0 built; 1 failed; 4 skipped in ") for line in lines)
    assert "error: 1 of 5 members failed: core" in finished.err


def test_exit_codes_of_members_are_passed_on_when_they_agree(wasmrun: Wasmrun, root: Path) -> None:
    """Every failed member lacks a tool: exit 4; different failures: 1."""
    finished = wasmrun("compile", root, "--json", "-t", "nowhere", "--keep-going")
    assert finished.code == 2
    assert finished.document["error"]["message"].startswith("2 of 5 members failed")


def test_a_circle_is_named(wasmrun: Wasmrun, root: Path) -> None:
    """Before anything is built."""
    write(root, {"libs/core/wasmrun.toml": '[project]\ndepends_on = ["app"]\n'})
    finished = wasmrun("compile", root, "--json")
    assert finished.code == 2
    assert finished.document["error"]["code"] == "invalid-config"
    assert "in a circle: app → core → app" in finished.document["error"]["message"]
    assert not list(root.rglob("dist"))


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--workspace", "-j0"), "-j 0: at least one job is needed"),
        (("--workspace", "-j", "-3"), "-j -3: at least one job is needed"),
        (("--workspace", "-jx"), "-j"),
        (("apps/app", "--keep-going"), "--keep-going is for a workspace"),
        (("apps/app", "--affected", "HEAD"), "--affected is for a workspace"),
        (("apps/app", "-j2"), "-j is for a workspace"),
        (("/", "--workspace"), "is in no workspace"),
    ],
)
def test_misused_options_are_told(wasmrun: Wasmrun, root: Path, args: tuple[str, ...], said: str) -> None:
    """Each a usage error, before anything is built."""
    finished = wasmrun("compile", *args, cwd=root)
    assert finished.code == 2
    assert said in finished.err
    assert not list(root.rglob("dist"))


def test_one_output_folder_takes_a_folder_for_each(wasmrun: Wasmrun, root: Path) -> None:
    """``-o OUT`` gives OUT/NAME; one folder for several is refused."""
    out = root.parent / "out"
    assert wasmrun("compile", root, "-o", out).code == 0
    assert sorted(path.relative_to(out).as_posix() for path in out.glob("*/*.wasm")) == [
        "alone/alone.wasm",
        "app/app.wasm",
        "core/core.wasm",
        "extra/extra.wasm",
        "tool/tool.wasm",
    ]
    refused = wasmrun("compile", root, env={"WASMRUN_OUTPUT": str(out)})
    assert refused.code == 2
    assert "would both be built into" in refused.err


def affected(wasmrun: Wasmrun, root: Path, revision: str = "HEAD") -> set[str]:
    finished = wasmrun("compile", root, "--json", "--affected", revision)
    assert finished.code == 0, finished.err
    document = finished.document
    named = set(document["workspace"]["affected"]["members"])
    assert named == {name for name, status in statuses(document).items() if status == "built"}
    return named


def test_affected_builds_what_changed_and_what_depends_on_it(wasmrun: Wasmrun, root: Path) -> None:
    """Committed, staged, unstaged, untracked, renamed, deleted; outputs and scratch files are none."""
    first = repository(root)
    assert wasmrun("compile", root).code == 0
    assert affected(wasmrun, root) == set()
    write(root, {"apps/alone/main.c": MAIN.format("changed")})
    assert affected(wasmrun, root) == {"alone"}
    git(root, "add", "-A")
    assert affected(wasmrun, root) == {"alone"}
    commit(root)
    assert affected(wasmrun, root) == set()
    assert affected(wasmrun, root, first) == {"alone"}
    write(root, {"libs/extra/new file\n“.h": "", "apps/tool/main.c~": "", "apps/tool/.main.c.swp": ""})
    assert affected(wasmrun, root) == {"extra", "app"}
    second = commit(root)
    git(root, "mv", "libs/extra/new file\n“.h", "apps/tool/b.h")
    assert affected(wasmrun, root) == {"extra", "app", "tool"}
    git(root, "reset", "-q", "--hard", second)
    git(root, "rm", "-q", "libs/core/wasmrun.toml")
    assert affected(wasmrun, root) == {"core", "extra", "app", "tool"}
    git(root, "reset", "-q", "--hard", second)
    git(root, "commit", "-q", "--allow-empty", "-m", "x")
    assert affected(wasmrun, root, "HEAD~1") == set()


def test_affected_compares_with_where_the_branch_left(wasmrun: Wasmrun, root: Path) -> None:
    """What others did on main in the meantime is no change of ours."""
    repository(root)
    assert wasmrun("compile", root).code == 0
    git(root, "checkout", "-qb", "feature")
    write(root, {"apps/tool/main.c": MAIN.format("feature")})
    commit(root)
    git(root, "checkout", "-q", "main")
    write(root, {"libs/core/main.c": MAIN.format("main")})
    commit(root)
    git(root, "checkout", "-q", "feature")
    assert affected(wasmrun, root, "main") == {"tool"}


def test_affected_outputs_that_nobody_ignores_are_no_changes(wasmrun: Wasmrun, root: Path) -> None:
    """Without a .gitignore, what wasmrun wrote itself is known to be its own, wherever it was put."""
    repository(root)
    (root / ".gitignore").unlink()
    commit(root)
    assert wasmrun("compile", root).code == 0
    assert wasmrun("compile", root, "-o", root / "out").code == 0
    assert affected(wasmrun, root) == set()


def test_affected_needs_what_was_never_built(wasmrun: Wasmrun, root: Path) -> None:
    """In a fresh clone a dependency's outputs are not there: it is built too, and says why."""
    repository(root)
    write(root, {"apps/tool/main.c": MAIN.format("changed")})
    document = wasmrun("compile", root, "--json", "--affected", "HEAD").document
    reasons = {each["name"]: each["reason"] for each in document["projects"] if each["status"] == "built"}
    assert reasons == {
        "tool": "apps/tool/main.c changed",
        "core": "it is needed, and was not built yet",
    }


def test_a_file_outside_every_member_concerns_those_who_read_it(wasmrun: Wasmrun, root: Path) -> None:
    """The last build knows who read a header; who was never built might; the root's file is everyone's."""
    write(root, {"include/shared.h": "#define WORD 1\n", "README.md": "x\n"})
    source = '#include "../../include/shared.h"\nint main(void) { return WORD - 1; }\n'
    write(root, {"apps/alone/main.c": source})
    repository(root)
    write(root, {"README.md": "y\n"})
    everyone = {"app", "tool", "alone", "core", "extra"}
    assert affected(wasmrun, root) == everyone
    assert affected(wasmrun, root) == set()
    write(root, {"include/shared.h": "#define WORD 2\n"})
    assert affected(wasmrun, root) == {"alone"}
    config = '[workspace]\nmembers = ["apps/*", "libs/*"]\nshared = ["include/**"]\n'
    write(root, {"wasmrun.toml": config})
    assert affected(wasmrun, root) == everyone
    commit(root)
    write(root, {"include/shared.h": "#define WORD 3\n"})
    assert affected(wasmrun, root) == everyone


@pytest.mark.parametrize("revision", ["nowhere", "", "HEAD~9", "--output=x", "HEAD:wasmrun.toml"])
def test_a_revision_that_is_none_is_told(wasmrun: Wasmrun, root: Path, revision: str) -> None:
    """A usage error, and nothing git would take for an option reaches it as one."""
    repository(root)
    finished = wasmrun("compile", root, "--json", f"--affected={revision}")
    assert finished.code == 2
    assert finished.document["error"]["message"] == f'There is no revision "{revision}" in this repository'
    assert not (root / "x").exists()


def test_affected_without_git_or_a_repository(wasmrun: Wasmrun, root: Path, tmp_path: Path) -> None:
    """A missing tool is exit 4; a folder that is in no repository a usage error."""
    finished = wasmrun("compile", root, "--affected", "HEAD", env={"GIT_CEILING_DIRECTORIES": str(tmp_path)})
    assert finished.code == 2
    assert "is in no git repository" in finished.err
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "clang").symlink_to(require_tool("clang"))
    missing = wasmrun("compile", root, "--affected", "HEAD", env={"PATH": str(tools)})
    assert missing.code == 4
    assert "git is not on PATH" in missing.err


def test_a_shallow_clone_compares_with_what_it_has(wasmrun: Wasmrun, root: Path, tmp_path: Path) -> None:
    """Without the common ancestor the revision itself, and a warning; without that, what to fetch."""
    repository(root)
    git(root, "checkout", "-qb", "feature")
    write(root, {"apps/tool/main.c": MAIN.format("feature")})
    commit(root)
    git(root, "checkout", "-q", "main")
    write(root, {"apps/alone/main.c": MAIN.format("main")})
    commit(root)
    clone = tmp_path / "clone"
    url = root.as_uri()
    git(tmp_path, "clone", "-q", "--depth=1", "--no-single-branch", "--branch=feature", url, str(clone))
    finished = wasmrun("compile", clone, "--json", "--affected", "origin/main")
    assert finished.code == 0, finished.err
    assert "this clone is shallow" in finished.err
    assert finished.document["warnings"]
    assert {"tool", "alone"} <= set(finished.document["workspace"]["affected"]["members"])
    missing = wasmrun("compile", clone, "--affected", "HEAD~1")
    assert missing.code == 2
    assert "fetch-depth: 0" in missing.err


def test_a_changed_submodule_is_its_members_change(wasmrun: Wasmrun, root: Path, tmp_path: Path) -> None:
    """A member that is a submodule changes with its commit, and with what is changed inside it."""
    other = tmp_path / "other"
    write(other, {"main.c": MAIN.format("sub")})
    git(other.parent, "init", "-q", str(other))
    commit(other)
    repository(root)
    git(root, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other), "apps/sub")
    commit(root)
    assert wasmrun("compile", root, "--toolchain", "clang").code == 0
    write(root, {"apps/sub/main.c": MAIN.format("changed")})
    finished = wasmrun("compile", root, "--json", "--affected", "HEAD", "--toolchain", "clang")
    assert "sub" in finished.document["workspace"]["affected"]["members"], finished.document


def start(root: Path, environ: dict[str, str], *args: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "wasmrun_py", "compile", str(root), *args],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def is_sleep(process: psutil.Process) -> bool:
    try:
        return bool(process.name() == "sleep")
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(("number", "verbose"), [(signal.SIGINT, False), (signal.SIGTERM, True)])
def test_an_interrupted_run_leaves_no_process_and_keeps_what_is_done(
    wasmrun: Wasmrun, root: Path, environ: dict[str, str], number: signal.Signals, *, verbose: bool
) -> None:
    """Ctrl-C ends every tool of every thread at once; the members that were finished are hits afterwards."""
    require_tool("make")
    stubborn = "x.wasm: main.c\n\ttrap '' TERM; sleep 54321 & wait\n\tsleep 54321\n"
    for name in ("slow1", "slow2"):
        write(root, {f"apps/{name}/main.c": MAIN.format(name), f"apps/{name}/Makefile": stubborn})
        write(root, {f"apps/{name}/wasmrun.toml": '[project]\ndepends_on = ["core"]\n'})
    run = start(root, environ, "--json", "-j4", "--toolchain", "clang", *(["-v"] if verbose else []))
    tree = psutil.Process(run.pid)
    deadline = time.monotonic() + 60
    finished = [root / place / "dist" for place in ("apps/alone", "apps/app", "apps/tool", "libs/extra")]
    while time.monotonic() < deadline:
        children = tree.children(recursive=True)
        if sum(is_sleep(each) for each in children) >= 2 and all(
            list(folder.glob("*.wasm")) for folder in finished
        ):
            break
        time.sleep(0.05)
    else:
        pytest.fail("the slow members were never reached")
    run.send_signal(number)
    out, err = run.communicate(timeout=20)
    assert run.returncode == 130, err
    assert not [each for each in children if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]
    document = json.loads(out)
    assert document["error"]["code"] == "interrupted"
    found = statuses(document)
    assert {found["slow1"], found["slow2"]} == {"cancelled"}
    assert {found[name] for name in ("core", "extra", "alone", "app", "tool")} == {"built"}
    for name in ("slow1", "slow2"):
        (root / "apps" / name / "Makefile").unlink()
        assert not (root / "apps" / name / "dist").exists()
    again = wasmrun("compile", root, "--json", "--toolchain", "clang").document
    assert caches(again) == {
        "slow1": "miss",
        "slow2": "miss",
        **dict.fromkeys(("core", "extra", "alone", "app", "tool"), "hit"),
    }


def test_sixteen_processes_build_each_project_once(
    wasmrun: Wasmrun, root: Path, environ: dict[str, str]
) -> None:
    """One cache, one workspace, sixteen at once: right outputs, and each project was compiled by one only."""
    runs = [start(root, environ, "--json", "-j2") for _ in range(16)]
    documents = []
    for run in runs:
        out, err = run.communicate(timeout=240)
        assert run.returncode == 0, err
        documents.append(json.loads(out))
    for name in ("app", "tool", "alone", "core", "extra"):
        found = [caches(document)[name] for document in documents]
        assert sorted(found) == ["hit"] * 15 + ["miss"], name
        place = next(each["wasm_path"] for each in documents[0]["projects"] if each["name"] == name)
        assert wasmrun("exec", place).out == f"{name}\n"
    assert not list(root.rglob(".wasmrun-*-*"))


def test_other_toolchains_share_a_workspace(wasmrun: Wasmrun, root: Path) -> None:
    """A library with emcc and programs with clang; what is no project says how to leave it out."""
    require_tool("emcc")
    write(
        root,
        {
            "libs/math/add.c": "int add(int a, int b) { return a + b; }\n",
            "libs/math/wasmrun.toml": '[build]\ntoolchain = "emcc"\n',
            "apps/docs/index.md": "",
        },
    )
    finished = wasmrun("compile", root, "--json", "--keep-going")
    document = finished.document
    assert finished.code == 3
    tools = {each["name"]: each["toolchain"]["name"] for each in document["projects"] if "toolchain" in each}
    assert (tools["math"], tools["core"]) == ("emcc", "clang")
    failed = next(each for each in document["projects"] if each["status"] == "failed")
    assert failed["error"]["code"] == "no-plugin-match"
    assert 'exclude = ["apps/docs"]' in failed["error"]["hint"]


def test_reports_are_of_the_whole_workspace(wasmrun: Wasmrun, root: Path, tmp_path: Path) -> None:
    """One SARIF and one JUnit file: every member that was begun, its files named from the repository."""
    repository(root)
    write(root, {"libs/extra/main.c": "int main(void) { return missing; }\n"})
    sarif, junit = tmp_path / "out.sarif", tmp_path / "out.xml"
    reports = ("--report", f"sarif={sarif}", "--report", f"junit={junit}")
    finished = wasmrun("compile", root, "--keep-going", *reports)
    assert finished.code == 1, finished.err
    run = json.loads(sarif.read_text("utf-8"))["runs"][0]
    (result,) = [each for each in run["results"] if each["level"] == "error"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "libs/extra/main.c"
    text = junit.read_text("utf-8")
    assert text.count("<testcase") == 4
    assert text.count("<failure") == 1
    write(root, {"libs/core/wasmrun.toml": '[project]\ndepends_on = ["app"]\n'})
    assert wasmrun("compile", root, "--report", f"junit={junit}").code == 2
    assert "in a circle: app → core → app" in junit.read_text("utf-8")
