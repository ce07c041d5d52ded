"""A page of Markdown for people: what was built, how large it is, and what went wrong where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmrun_py.report.text import for_markdown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wasmrun_py.report.outcome import Finding, ProjectOutcome, ReportInput

_MOST_FINDINGS = 50
_MOST_ARTIFACTS = 50
_CELL_CAP = 300


def format_summary(report: ReportInput) -> str:
    """The page, with a line end."""
    findings = list(report.findings())
    failed = sum(outcome.error is not None for outcome in report.outcomes)
    total = len(report.outcomes)
    ended = f"{failed} of {total} failed" if failed else f"{total} built" if total > 1 else "done"
    return "\n".join(
        (
            f"### wasmrun {report.command}: {ended}",
            "",
            "| project | result | built with | time |",
            "|---|---|---|---:|",
            *(_row(outcome) for outcome in report.outcomes),
            "",
            *_artifacts(report),
            *_findings(findings),
            "",
        )
    )


def _row(outcome: ProjectOutcome) -> str:
    error = outcome.error
    result = "✅ ok" if error is None else f"❌ {for_markdown(error.message[:_CELL_CAP])}"
    made_with = for_markdown(outcome.facts.get("toolchain", ""))
    return f"| {for_markdown(outcome.name)} | {result} | {made_with} | {outcome.duration_s:.2f} s |"


def _artifacts(report: ReportInput) -> Iterator[str]:
    made = [(outcome, each) for outcome in report.outcomes for each in outcome.artifacts]
    if not made:
        return
    yield from ("| artifact | kind | bytes | SHA-256 |", "|---|---|---:|---|")
    for outcome, each in made[:_MOST_ARTIFACTS]:
        shown = for_markdown(f"{outcome.name}/{each.path.name}")
        yield f"| {shown} | {for_markdown(each.kind)} | {each.size_bytes} | `{each.sha256[:16]}` |"
    if len(made) > _MOST_ARTIFACTS:
        yield f"| and {len(made) - _MOST_ARTIFACTS} more | | | |"
    yield ""


def _findings(findings: list[Finding]) -> Iterator[str]:
    if not findings:
        return
    yield from ("| severity | place | message | from |", "|---|---|---|---|")
    for finding in findings[:_MOST_FINDINGS]:
        said = finding.diagnostic
        message = for_markdown(said.message[:_CELL_CAP])
        place = for_markdown(finding.place.label)
        yield f"| {said.severity} | {place} | {message} | {for_markdown(said.source)} |"
    if len(findings) > _MOST_FINDINGS:
        yield f"| | | and {len(findings) - _MOST_FINDINGS} more | |"
