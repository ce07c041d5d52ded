"""GitHub's workflow commands: each finding on its line of the pull request.

The runner reads them from both streams of a step; the escapes are those of its own toolkit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmrun_py.model.diagnostic import Severity
from wasmrun_py.report.text import capped, for_line

if TYPE_CHECKING:
    from wasmrun_py.report.outcome import Finding, ReportInput

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
# GitHub shows ten of each kind a step and fifty a job; the rest would only fill the log.
_MOST = 50


def format_annotations(report: ReportInput) -> str:
    """One line a finding, errors before warnings, at most fifty; empty when there is none."""
    order = list(_COMMANDS)
    findings = sorted(report.findings(), key=lambda finding: order.index(finding.diagnostic.severity))
    return "".join(f"{_command(finding)}\n" for finding in findings[:_MOST])


def _command(finding: Finding) -> str:
    place, said = finding.anchor, finding.diagnostic
    text = finding.text
    if place is not finding.place and finding.place.shown:
        # Its real place is outside the repository, where nothing can be annotated.
        text = f"{finding.place.label}: {text}"
    properties = {
        "file": place.path,
        "line": place.line,
        "col": place.column,
        "title": f"{said.source} ({finding.outcome.name})",
    }
    told = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items() if value)
    return f"::{_COMMANDS[said.severity]} {told}::{_data(text)}"


def _data(text: str) -> str:
    lines = (for_line(line) for line in capped(text).splitlines())
    return "%0A".join(line.replace("%", "%25") for line in lines)


def _property(text: str) -> str:
    return for_line(text).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
