"""``wasmrun compile --report``: reports of good and of broken builds, on every way a build can fail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from tests.conftest import require_tool, without_privileges

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Wasmrun

BROKEN = "#include <stdio.h>\nint main(void) {\n    int x = 1\n    return x;\n}\n"
ACTIONS = {"GITHUB_ACTIONS": "true"}


def read_events(file: Path) -> list[dict[str, Any]]:
    """The objects of an event file."""
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def sarif_results(file: Path) -> list[dict[str, Any]]:
    """The results of a SARIF file with one run."""
    (run,) = json.loads(file.read_text("utf-8"))["runs"]
    results: list[dict[str, Any]] = run["results"]
    return results


def test_a_good_build_writes_every_report(wasmrun: Wasmrun, project: Path, tmp_path: Path) -> None:
    """Beside the one document on stdout; the events end with artifacts and success."""
    require_tool("clang")
    words = [f"--report={name}=out/{name}" for name in ("sarif", "junit", "ndjson", "github", "gitlab")]
    finished = wasmrun("compile", project, "--json", "--toolchain", "clang", *words)
    assert finished.code == 0, finished.err
    out = tmp_path / "out"
    assert sarif_results(out / "sarif") == []
    assert ET.parse(out / "junit").getroot().get("failures") == "0"
    assert json.loads((out / "gitlab").read_text("utf-8")) == []
    assert (out / "github").read_text("utf-8") == ""
    events = read_events(out / "ndjson")
    assert [event["event"] for event in events][:3] == ["build-started", "step", "tool-started"]
    artifact, end = events[-2:]
    assert artifact["path"] == finished.document["wasm_path"]
    assert artifact["sha256"] == finished.document["artifacts"][0]["sha256"]
    assert (end["event"], end["ok"], end["exit_code"]) == ("build-finished", True, 0)


def test_a_broken_build_is_in_every_report(wasmrun: Wasmrun, project: Path, tmp_path: Path) -> None:
    """On failure too, which is their point; the exit code is the build's."""
    require_tool("clang")
    (project / "main.c").write_text(BROKEN, encoding="utf-8")
    words = [f"--report={name}=out/{name}" for name in ("sarif", "junit", "ndjson", "gitlab", "markdown")]
    finished = wasmrun("compile", project, "--toolchain", "clang", *words)
    assert finished.code == 1
    out = tmp_path / "out"
    (result,) = sarif_results(out / "sarif")
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 3, "startColumn": 14}
    failure = ET.parse(out / "junit").getroot().find("testsuite/testcase/failure")
    assert failure is not None
    assert "main.c:3:14" in (failure.text or "")
    assert json.loads((out / "gitlab").read_text("utf-8"))[0]["location"]["lines"] == {"begin": 3}
    assert "| error | main.c:3:14 |" in (out / "markdown").read_text("utf-8")
    end = read_events(out / "ndjson")[-1]
    assert (end["ok"], end["error"]["code"]) == (False, "build-failed")


@pytest.mark.parametrize(
    ("files", "options", "code", "rule", "place"),
    [
        ({"main.c": "int main;"}, ("--plugin", "none"), 3, "wasmrun/plugin-not-found", ("main.c", 1)),
        ({"notes.txt": ""}, (), 3, "wasmrun/no-plugin-match", ("notes.txt", 1)),
        ({"wasmrun.toml": "[build]\ntargt = 1\n", "main.c": ""}, (), 2, None, ("wasmrun.toml", 2)),
        ({"main.c": ""}, ("-t", "moon"), 2, "wasmrun/usage", ("main.c", 1)),
    ],
)
def test_failures_before_the_toolchain_are_reported(
    wasmrun: Wasmrun,
    tmp_path: Path,
    files: dict[str, str],
    options: tuple[str, ...],
    code: int,
    rule: str | None,
    place: tuple[str, int],
) -> None:
    """No plugin, a broken configuration at its line, a target that there is none of."""
    project = tmp_path / "project"
    project.mkdir()
    for name, text in files.items():
        (project / name).write_text(text, encoding="utf-8")
    finished = wasmrun("compile", project, *options, "--report", "sarif=a.sarif")
    assert finished.code == code, finished.err
    (result,) = sarif_results(tmp_path / "a.sarif")
    where = result["locations"][0]["physicalLocation"]
    assert (where["artifactLocation"]["uri"], where["region"]["startLine"]) == place
    if rule is not None:
        assert result["ruleId"] == rule


def test_a_missing_tool_and_a_missing_folder_are_reported(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """Exit 4 with the name of the tool, exit 2 with the name of the folder."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "Makefile").write_text("all:\n", encoding="utf-8")
    (project / "main.c").write_text("int main(void) { return 0; }\n", encoding="utf-8")
    empty = {"PATH": str(tmp_path / "nothing")}
    finished = wasmrun("compile", project, "--frozen", "--report", "sarif=a.sarif", env=empty)
    assert finished.code == 4, finished.err
    assert sarif_results(tmp_path / "a.sarif")[0]["ruleId"] == "wasmrun/missing-tool"
    finished = wasmrun("compile", "nowhere", "--report", "junit=a.xml")
    assert finished.code == 2
    error = ET.parse(tmp_path / "a.xml").getroot().find("testsuite/testcase/error")
    assert error is not None
    assert error.get("type") == "path-not-found"


def test_a_report_that_cannot_be_written_is_told_before_the_build(
    wasmrun: Wasmrun, project: Path, tmp_path: Path
) -> None:
    """A folder in its place, or a file in place of its folder: exit 1, and nothing was built."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("", encoding="utf-8")
    for where in ("folder", "file/inside.sarif"):
        finished = wasmrun("compile", project, "--json", "--report", f"sarif={where}")
        error = finished.document["error"]
        assert (finished.code, error["code"]) == (1, "output-failed")
        assert error["hint"] == "Give --report another file."
        assert not (project / "dist").exists()


def test_a_report_without_permission_is_told_before_the_build(
    environ: dict[str, str], project: Path, tmp_path: Path
) -> None:
    """A folder that may not be written to: exit 1, and nothing was built."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    command = [sys.executable, "-m", "wasmrun_py", "compile", str(project), "--report"]
    done = subprocess.run(
        without_privileges(*command, f"junit={closed}/a.xml"),
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "permission denied" in done.stderr
    assert not (project / "dist").exists()


def test_an_unknown_format_is_a_usage_error(wasmrun: Wasmrun, project: Path) -> None:
    """With the word that was meant."""
    finished = wasmrun("compile", project, "--report", "sarfi=a")
    assert finished.code == 2
    assert 'Did you mean "sarif"?' in finished.err


def test_a_pipe_is_written_to_and_stays_one(wasmrun: Wasmrun, project: Path, tmp_path: Path) -> None:
    """A special file is never replaced: for root, /dev/null would be one."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text("utf-8")), daemon=True)
    reader.start()
    assert wasmrun("compile", project, "--plugin", "none", "--report", f"sarif={pipe}").code == 3
    reader.join(30)
    assert json.loads(read[0])["version"] == "2.1.0"
    assert pipe.is_fifo()


def test_a_report_on_stdout_is_all_there_is_on_it(wasmrun: Wasmrun, project: Path) -> None:
    """``-`` is stdout: one document, or events; never beside ``--json``."""
    require_tool("clang")
    finished = wasmrun("compile", project, "--toolchain", "clang", "--report", "sarif=-")
    assert finished.document["version"] == "2.1.0"
    finished = wasmrun("compile", project, "--toolchain", "clang", "--report", "ndjson=-")
    assert json.loads(finished.out.splitlines()[-1])["event"] == "build-finished"
    finished = wasmrun("compile", project, "--json", "--report", "sarif=-")
    assert (finished.code, finished.document["error"]["code"]) == (2, "usage")


def test_actions_gets_annotations_and_a_summary(wasmrun: Wasmrun, project: Path, tmp_path: Path) -> None:
    """Without being asked: paths from the checkout, on stderr, the summary behind what is there."""
    require_tool("clang")
    (project / "main.c").write_text(BROKEN, encoding="utf-8")
    page = tmp_path / "summary.md"
    page.write_text("before\n", encoding="utf-8")
    env = {**ACTIONS, "GITHUB_WORKSPACE": str(tmp_path), "GITHUB_STEP_SUMMARY": str(page)}
    finished = wasmrun("compile", project, "--json", "--toolchain", "clang", env=env)
    assert finished.document["ok"] is False
    annotations = [line for line in finished.err.splitlines() if line.startswith("::")]
    assert annotations == [
        "::error file=c-hello/main.c,line=3,col=14,title=clang (c-hello)::expected ';' at end of declaration"
    ]
    text = page.read_text("utf-8")
    assert text.startswith("before\n### wasmrun compile: 1 of 1 failed\n")
    off = wasmrun("compile", project, "--toolchain", "clang", env={**env, "WASMRUN_ANNOTATIONS": "off"})
    assert "::error" not in off.err
    assert page.read_text("utf-8") == text


def test_warnings_of_a_good_build_are_annotated(wasmrun: Wasmrun, project: Path) -> None:
    """What the compiler said although it succeeded, with its flag as the rule."""
    require_tool("clang")
    (project / "main.c").write_text("int main(void) {\n    int x;\n    return 0;\n}\n", encoding="utf-8")
    words = ("--toolchain", "clang", "--report", "gitlab=a.json", "--", "-Wall")
    finished = wasmrun("compile", project, *words, env={**ACTIONS, "GITHUB_WORKSPACE": str(project)})
    assert finished.code == 0
    assert (
        "::warning file=main.c,line=2,col=9,title=clang (c-hello)::unused variable 'x' [-Wunused-variable]"
        in finished.err.splitlines()
    )
    (issue,) = json.loads((project.parent / "a.json").read_text("utf-8"))
    assert (issue["check_name"], issue["severity"]) == ("clang/-Wunused-variable", "minor")


def test_no_annotations_outside_of_actions(wasmrun: Wasmrun, project: Path) -> None:
    """A terminal gets none."""
    (project / "main.c").write_text(BROKEN, encoding="utf-8")
    finished = wasmrun("compile", project, env={"GITHUB_ACTIONS": ""})
    assert finished.code == 1
    assert "::error" not in finished.err


def test_events_are_there_while_the_build_runs(
    environ: dict[str, str], project: Path, tmp_path: Path
) -> None:
    """Each line is written as it happens: the tool's start is read before the tool has ended."""
    slow = tmp_path / "bin" / "clang"
    slow.parent.mkdir()
    slow.write_text(f'#!/bin/sh\ncase "$*" in *main.c*) sleep 3;; esac\nexec {require_tool("clang")} "$@"\n')
    slow.chmod(0o755)
    env = {**environ, "PATH": f"{slow.parent}{os.pathsep}{environ['PATH']}"}
    file = tmp_path / "events.ndjson"
    command = [sys.executable, "-m", "wasmrun_py", "compile", str(project), "--toolchain", "clang"]
    done = threading.Event()

    def run() -> None:
        subprocess.run([*command, "--report", f"ndjson={file}"], env=env, check=False, capture_output=True)
        done.set()

    worker = threading.Thread(target=run)
    worker.start()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not done.is_set():
        if file.is_file() and "tool-started" in file.read_text("utf-8"):
            break
        time.sleep(0.02)
    seen_early = not done.is_set()
    worker.join()
    assert seen_early
    assert read_events(file)[-1]["event"] == "build-finished"


def test_verify_reports_the_byte(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """An invalid module is a finding at its byte offset; a valid one is none."""
    module = tmp_path / "broken.wasm"
    module.write_bytes(b"\0asm\1\0\0\0\x01\x04\x01\x60\0\0" + b"\x0a\x04\x01\x02\0\x0b")
    finished = wasmrun("verify", module, "--json", "--report", "sarif=a.sarif", "--report", "junit=a.xml")
    assert finished.code == 5
    (expected,) = finished.document["errors"]
    (result,) = sarif_results(tmp_path / "a.sarif")
    assert result["ruleId"] == "wasmrun/invalid-module"
    region = result["locations"][0]["physicalLocation"]["region"]
    assert region == {"byteOffset": expected["offset"], "byteLength": 1}
    failure = ET.parse(tmp_path / "a.xml").getroot().find("testsuite/testcase/failure")
    assert failure is not None
    module.write_bytes(b"\0asm\1\0\0\0")
    assert wasmrun("verify", module, "--report", "sarif=a.sarif").code == 0
    assert sarif_results(tmp_path / "a.sarif") == []
