"""SARIF 2.1.0 (OASIS): one run, one result a finding, one invocation a project."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from wasmrun_py.model.diagnostic import Severity
from wasmrun_py.report.text import capped

if TYPE_CHECKING:
    from wasmrun_py.model.diagnostic import Diagnostic
    from wasmrun_py.report.outcome import Finding, Place, ProjectOutcome, ReportInput

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "%SRCROOT%"
# SARIF's levels happen to have our names.
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}


def format_sarif(report: ReportInput) -> str:
    """The whole log, with a line end."""
    findings = list(report.findings())
    rules = list(dict.fromkeys(finding.rule for finding in findings))
    run = {
        "tool": {
            "driver": {
                "name": "wasmrun",
                "version": report.version,
                "rules": [_rule(rule, findings) for rule in rules],
            }
        },
        "automationDetails": {"id": f"wasmrun/{report.command}/"},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"uri": f"{report.root.as_uri().rstrip('/')}/"}},
        "invocations": [_invocation(outcome) for outcome in report.outcomes],
        "results": [_result(finding, rules) for finding in findings],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(rule: str, findings: list[Finding]) -> dict[str, Any]:
    first = next(finding for finding in findings if finding.rule == rule)
    source, _, kind = rule.partition("/")
    return {
        "id": rule,
        "shortDescription": {"text": f"{source}: {kind}"},
        "defaultConfiguration": {"level": _LEVELS[first.diagnostic.severity]},
    }


def _result(finding: Finding, rules: list[str]) -> dict[str, Any]:
    # A reader wants a place in the repository even for what has none; the message names the real one.
    where = finding.place if finding.place.path is not None else finding.anchor
    shown = finding.place.outside
    message = finding.diagnostic.message if shown is None else f"{shown}: {finding.diagnostic.message}"
    result = {
        "ruleId": finding.rule,
        "ruleIndex": rules.index(finding.rule),
        "level": _LEVELS[finding.diagnostic.severity],
        "message": {"text": capped(message)},
        "locations": [{"physicalLocation": _location(where, finding.diagnostic, whole=True)}],
        "partialFingerprints": {"wasmrun/v1": finding.fingerprint},
        "properties": {"project": finding.outcome.name, "source": finding.diagnostic.source},
    }
    related = [
        {"physicalLocation": _location(place, note), "message": {"text": capped(note.message)}}
        for note, place in finding.notes
        if place.shown
    ]
    return {**result, "relatedLocations": related} if related else result


def _location(place: Place, said: Diagnostic, *, whole: bool = False) -> dict[str, Any]:
    """A place; one without a line is the file's first, which readers of SARIF insist on (``whole``)."""
    base = {"uriBaseId": _ROOT} if place.path is not None else {}
    location: dict[str, Any] = {"artifactLocation": {"uri": place.uri, **base}}
    if said.byte_offset is not None:
        return {**location, "region": {"byteOffset": said.byte_offset, "byteLength": 1}}
    if place.line or whole:
        column = {"startColumn": place.column} if place.column else {}
        location["region"] = {"startLine": place.line or 1, **column}
    return location


def _invocation(outcome: ProjectOutcome) -> dict[str, Any]:
    error = outcome.error
    invocation: dict[str, Any] = {
        "executionSuccessful": error is None,
        "exitCode": 0 if error is None else error.exit_code,
        "workingDirectory": {"uri": f"{outcome.project.as_uri().rstrip('/')}/"},
        "properties": {"project": outcome.name, "duration_s": round(outcome.duration_s, 3), **outcome.facts},
    }
    if error is not None:
        notice = {"level": "error", "message": {"text": capped(error.message)}}
        invocation["toolExecutionNotifications"] = [{**notice, "descriptor": {"id": error.code}}]
    return invocation
