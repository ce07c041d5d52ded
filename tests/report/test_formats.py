"""JUnit, GitHub, GitLab, Markdown and events: each readable by its reader whatever was said."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given

from tests.report.material import ROOT, WORKSPACE, built, failed, report, reports, said
from wasmrun_py.model.diagnostic import Severity
from wasmrun_py.model.errors import UsageError
from wasmrun_py.model.events import Level, Message, StepStarted, ToolOutput, ToolStarted
from wasmrun_py.report.annotations import format_annotations
from wasmrun_py.report.code_quality import format_code_quality
from wasmrun_py.report.event_log import EventLog
from wasmrun_py.report.junit import format_junit
from wasmrun_py.report.outcome import find_root
from wasmrun_py.report.request import ReportFormat, ReportRequest, parse_requests
from wasmrun_py.report.summary import format_summary

_COMMAND = re.compile(r"::(error|warning|notice) ((?:[a-z]+=[^,:\n\r]*,?)+)::(.*)")


def test_junit_has_a_case_a_project() -> None:
    """Twelve cases; what the code is at fault for is a failure, what the machine is at fault for an error."""
    root = ET.fromstring(format_junit(WORKSPACE))
    (suite,) = root.findall("testsuite")
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("12", "1", "1")
    cases = suite.findall("testcase")
    assert len({case.get("name") for case in cases}) == 12
    failure, error = cases[10].find("failure"), cases[11].find("error")
    assert failure is not None
    assert failure.get("type") == "build-failed"
    assert "game/src/main.c:3:5: error: expected ';'" in (failure.text or "")
    assert "game/include/a.h:9:1: note: declared here" in (failure.text or "")
    assert error is not None
    assert error.get("type") == "missing-tool"


def test_annotations_follow_the_escapes_of_the_runner() -> None:
    """Line ends and percent signs in messages, commas and colons in properties; errors first."""
    lines = format_annotations(WORKSPACE).splitlines()
    assert lines[0] == (
        "::error file=game/src/main.c,line=3,col=5,title=clang (game)::"
        "expected ';'%0Asecond line, 100%25 sure%0Agame/include/a.h:9:1: declared here"
    )
    # A place outside the repository is told in words, at a file of the project.
    assert lines[1] == "::error file=game,title=clang (game)::/usr/include/stdio.h:1:2: oops"
    assert "title=wasmrun (tool%2C with%3A signs)::make is not on PATH" in lines[3]
    assert lines[-1].startswith("::warning file=game/src/main.c,line=3,col=5")


def test_annotations_are_capped() -> None:
    """A thousand errors are fifty annotations."""
    many = report(failed("game", *(said(f"oops {number}") for number in range(1000))))
    assert len(format_annotations(many).splitlines()) == 50


def test_code_quality_has_what_gitlab_requires() -> None:
    """Description, check name, fingerprint, severity and place of each finding."""
    issues = json.loads(format_code_quality(WORKSPACE))
    assert len(issues) == 5
    assert issues[1]["location"] == {"path": "game/src/main.c", "lines": {"begin": 3}}
    assert {issue["severity"] for issue in issues} == {"critical", "minor"}
    assert len({issue["fingerprint"] for issue in issues}) == 5


def test_the_summary_is_a_page_for_people() -> None:
    """A row a project, the artifacts, and the findings; nothing in them is markup."""
    hostile = report(built("a"), failed("b", said("<img src=x> | [link](x) @team `code`")))
    page = format_summary(hostile)
    assert page.startswith("### wasmrun compile: 1 of 2 failed\n")
    assert "a/a.wasm" in page
    assert "<img" not in page
    assert r"\| \[link\]\(x\) \@team \`code\`" in page


def test_a_fingerprint_stays_when_lines_move() -> None:
    """The same message lower down is the same finding; two of the same in one file are two."""

    def prints(*lines: int) -> list[str]:
        found = report(failed("game", *(said("oops", line=line) for line in lines)))
        return [finding.fingerprint for finding in found.findings()]

    assert prints(3) == prints(30)
    first, second = prints(3, 9)
    assert first != second


@given(made=reports)
def test_every_format_survives_any_text(made: Any) -> None:
    """XML parses, JSON parses, annotations are one well-formed line each, Markdown keeps its columns."""
    ET.fromstring(format_junit(made).encode("utf-8"))
    assert isinstance(json.loads(format_code_quality(made)), list)
    for line in format_annotations(made).encode("utf-8").decode().split("\n")[:-1]:
        assert _COMMAND.fullmatch(line), line
    for line in format_summary(made).encode("utf-8").decode().split("\n"):
        assert not line.startswith("|") or len(re.findall(r"(?<!\\)\|", line)) == 5


def test_events_are_one_object_a_line() -> None:
    """From the beginning to the end, in order, with places of the repository and no tool output."""
    lines: list[str] = []
    log = EventLog(lines.append, project=ROOT / "game", root=ROOT, clock=lambda: 1.23456)
    log.started("compile", "1.2.3")
    log.emit(StepStarted(label="Compiling"))
    log.emit(ToolStarted(argv=("clang", "-c")))
    log.emit(ToolOutput(line="noise"))
    log.emit(Message(level=Level.WARNING, text="careful"))
    log.finished(WORKSPACE.outcomes[10])
    events = [json.loads(line) for line in lines]
    kinds = [event["event"] for event in events]
    assert kinds[:4] == ["build-started", "step", "tool-started", "message"]
    assert kinds[4:] == ["diagnostic"] * 5 + ["build-finished"]
    assert {event["time_s"] for event in events} == {1.235}
    assert (events[5]["file"], events[5]["line"]) == ("game/src/main.c", 3)
    assert events[-1]["error"]["code"] == "build-failed"


def test_requests_are_parsed() -> None:
    """Files are absolute; ``-`` is stdout."""
    cwd = Path("/work")
    assert parse_requests(["sarif=out/a.sarif", "junit=-"], cwd=cwd, stdout_is_taken=False) == (
        ReportRequest(format=ReportFormat.SARIF, file=cwd / "out/a.sarif"),
        ReportRequest(format=ReportFormat.JUNIT, file=None),
    )


@pytest.mark.parametrize(
    ("words", "stdout_is_taken", "hint"),
    [
        (["sarfi=a"], False, 'Did you mean "sarif"?'),
        (["x"], False, "Formats: sarif, junit, ndjson, github, gitlab, markdown."),
        (["sarif"], False, "Write: --report sarif=FILE (- is stdout)"),
        (["sarif="], False, "Write: --report sarif=FILE (- is stdout)"),
        (["sarif=a", "junit=./a"], False, "Give each its own file."),
        (["sarif=-"], True, "Give the report a file: --report sarif=FILE"),
    ],
)
def test_requests_that_cannot_be(words: list[str], stdout_is_taken: bool, hint: str) -> None:  # noqa: FBT001
    """Each is a usage error with what to write instead."""
    with pytest.raises(UsageError) as raised:
        parse_requests(words, cwd=Path("/work"), stdout_is_taken=stdout_is_taken)
    assert raised.value.hint == hint


def test_the_repository_is_what_ci_says_else_where_git_is(tmp_path: Path) -> None:
    """A variable that does not hold the project is not believed."""
    project = tmp_path / "repo" / "game"
    project.mkdir(parents=True)
    assert find_root({}, project) in {project, *tmp_path.parents}
    (tmp_path / "repo" / ".git").mkdir()
    assert find_root({}, project) == tmp_path / "repo"
    assert find_root({"GITHUB_WORKSPACE": str(tmp_path)}, project) == tmp_path
    assert find_root({"CI_PROJECT_DIR": str(project)}, project) == project
    assert find_root({"GITHUB_WORKSPACE": "/elsewhere"}, project) == tmp_path / "repo"


def test_warnings_of_a_good_build_are_reported() -> None:
    """A project that was built with warnings has findings and no failure."""
    fine = report(built("a", said("careful", severity=Severity.WARNING)))
    root = ET.fromstring(format_junit(fine))
    assert root.get("failures") == "0"
    assert "careful" in "".join(root.itertext())
    assert format_annotations(fine).startswith("::warning ")
