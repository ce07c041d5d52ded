"""SARIF: what the specification requires, for one project, for twelve, and for hostile text."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given

from tests.report.material import ROOT, WORKSPACE, reports
from wasmrun_py.report.sarif import format_sarif

LEVELS = {"error", "warning", "note", "none"}


def check_sarif(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Every member that SARIF 2.1.0 requires and that code scanning insists on; the results."""
    assert document["version"] == "2.1.0"
    assert document["$schema"].endswith("sarif-schema-2.1.0.json")
    (run,) = document["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "wasmrun"
    rules = [rule["id"] for rule in driver["rules"]]
    assert len(set(rules)) == len(rules)
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"]
    for invocation in run["invocations"]:
        assert isinstance(invocation["executionSuccessful"], bool)
    for base in run["originalUriBaseIds"].values():
        assert base["uri"].startswith("file:///")
        assert base["uri"].endswith("/")
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in LEVELS
        assert isinstance(result["message"]["text"], str)
        assert result["partialFingerprints"]
        for location in (*result["locations"], *result.get("relatedLocations", ())):
            artifact = location["physicalLocation"]["artifactLocation"]
            assert artifact["uri"].isascii()
            if artifact["uri"].startswith("file:///"):
                assert "uriBaseId" not in artifact
            else:
                assert artifact["uriBaseId"] in run["originalUriBaseIds"]
                assert not artifact["uri"].startswith("/")
        region = result["locations"][0]["physicalLocation"]["region"]
        assert region["startLine"] >= 1
        assert region.get("startColumn", 1) >= 1
    prints = [json.dumps(result["partialFingerprints"]) for result in run["results"]]
    assert len(set(prints)) == len(prints)
    results: list[dict[str, Any]] = run["results"]
    return results


def test_a_workspace_is_one_run() -> None:
    """Twelve invocations, and the findings of all projects with places in the repository."""
    document = json.loads(format_sarif(WORKSPACE))
    results = check_sarif(document)
    assert len(document["runs"][0]["invocations"]) == 12
    warning, error, outside, linker, tool = results
    assert warning["ruleId"] == "clang/-Wunused-variable"
    assert error["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "game/src/main.c", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 3, "startColumn": 5},
    }
    related = error["relatedLocations"][0]
    assert related["message"]["text"] == "declared here"
    assert related["physicalLocation"]["artifactLocation"]["uri"] == "game/include/a.h"
    assert outside["message"]["text"].startswith("/usr/include/stdio.h: ")
    assert linker["ruleId"] == "wasm-ld/error"
    assert (tool["ruleId"], tool["message"]["text"]) == (
        "wasmrun/missing-tool",
        "make is not on PATH. Install make.",
    )
    assert document["runs"][0]["invocations"][11]["exitCode"] == 4


def test_the_root_is_the_repository() -> None:
    """Places are relative to it, so that a log can be read on another machine."""
    run = json.loads(format_sarif(WORKSPACE))["runs"][0]
    assert run["originalUriBaseIds"]["%SRCROOT%"]["uri"] == f"{ROOT.as_uri()}/"


@given(report=reports)
def test_whatever_was_said_is_valid_sarif(report: Any) -> None:
    """Any name, message and place gives a log with every required member."""
    check_sarif(json.loads(format_sarif(report).encode("utf-8")))
