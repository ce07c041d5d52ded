"""GitLab's Code Quality report: a JSON array, one object a finding."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from wasmrun_py.model.diagnostic import Severity
from wasmrun_py.report.text import capped

if TYPE_CHECKING:
    from wasmrun_py.report.outcome import Finding, ReportInput

_SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "minor", Severity.NOTE: "info"}


def format_code_quality(report: ReportInput) -> str:
    """The whole document, with a line end."""
    return json.dumps([_issue(finding) for finding in report.findings()], indent=2) + "\n"


def _issue(finding: Finding) -> dict[str, Any]:
    return {
        "description": capped(f"{finding.diagnostic.source}: {finding.text}"),
        "check_name": finding.rule,
        "fingerprint": finding.fingerprint,
        "severity": _SEVERITIES[finding.diagnostic.severity],
        "location": {"path": finding.anchor.shown, "lines": {"begin": finding.anchor.line or 1}},
    }
