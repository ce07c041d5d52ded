"""JUnit's XML as CI systems read it: one suite, one test case a project."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from wasmrun_py.model.diagnostic import Severity
from wasmrun_py.report.text import for_line, for_xml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wasmrun_py.report.outcome import Finding, ProjectOutcome, ReportInput

# What the code is at fault for; anything else is a matter of the machine or the configuration.
_FAILURE_CODES = frozenset({1, 5})


def format_junit(report: ReportInput) -> str:
    """The whole document, with a line end."""
    lines: dict[int, list[str]] = {}
    for finding in report.findings():
        lines.setdefault(id(finding.outcome), []).append(_line(finding))
    failed = [outcome for outcome in report.outcomes if outcome.error is not None]
    failures = sum(_is_failure(outcome) for outcome in failed)
    counts = {
        "name": f"wasmrun {report.command}",
        "tests": str(len(report.outcomes)),
        "failures": str(failures),
        "errors": str(len(failed) - failures),
        "time": _seconds(sum(outcome.duration_s for outcome in report.outcomes)),
    }
    cases = [_case(outcome, report, lines.get(id(outcome), [])) for outcome in report.outcomes]
    return "\n".join(
        (
            '<?xml version="1.0" encoding="UTF-8"?>',
            f"<testsuites{_attributes(counts)}>",
            f"<testsuite{_attributes({**counts, 'skipped': '0'})}>",
            *cases,
            "</testsuite>",
            "</testsuites>",
            "",
        )
    )


def _case(outcome: ProjectOutcome, report: ReportInput, lines: list[str]) -> str:
    named = {
        "name": _name(outcome, report),
        "classname": f"wasmrun.{report.command}",
        "time": _seconds(outcome.duration_s),
    }
    return "\n".join((f"<testcase{_attributes(named)}>", *_body(outcome, lines), "</testcase>"))


def _body(outcome: ProjectOutcome, lines: list[str]) -> Iterator[str]:
    said = escape(for_xml("\n".join(lines)))
    error = outcome.error
    if error is not None:
        kind = "failure" if _is_failure(outcome) else "error"
        attributes = _attributes({"type": error.code, "message": error.message})
        yield f"<{kind}{attributes}>{said}</{kind}>"
    elif said:
        yield f"<system-err>{said}</system-err>"
    made = "\n".join(f"{each.sha256}  {each.path.name}  {each.size_bytes} B" for each in outcome.artifacts)
    if made:
        yield f"<system-out>{escape(for_xml(made))}</system-out>"


def _name(outcome: ProjectOutcome, report: ReportInput) -> str:
    """The project by its path in the repository, so that two of one name are two."""
    inside = outcome.project.is_relative_to(report.root) and outcome.project != report.root
    return outcome.project.relative_to(report.root).as_posix() if inside else outcome.name


def _line(finding: Finding) -> str:
    said = finding.diagnostic
    place = f"{finding.place.label}: " if finding.place.label else ""
    notes = [f"    {place.label}: note: {note.message}" for note, place in finding.notes]
    word = said.severity if said.severity is not Severity.NOTE else "note"
    return "\n".join((f"{place}{word}: {said.message} ({said.source})", *notes))


def _is_failure(outcome: ProjectOutcome) -> bool:
    return outcome.error is not None and outcome.error.exit_code in _FAILURE_CODES


def _seconds(duration_s: float) -> str:
    return f"{duration_s:.3f}"


def _attributes(values: Mapping[str, str]) -> str:
    return "".join(f" {name}={quoteattr(for_line(value))}" for name, value in values.items())
