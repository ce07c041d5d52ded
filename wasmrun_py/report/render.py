"""From what happened to the text of a report, whatever its format."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from wasmrun_py.report.request import ReportFormat

if TYPE_CHECKING:
    from wasmrun_py.report.outcome import ReportInput


def render_report(report: ReportInput, wanted: ReportFormat) -> str:
    """The report's text. Events are no text but a stream: theirs is empty here (``event_log``)."""
    match wanted:
        case ReportFormat.SARIF:
            from wasmrun_py.report.sarif import format_sarif  # noqa: PLC0415 - one format of many

            return format_sarif(report)
        case ReportFormat.JUNIT:
            from wasmrun_py.report.junit import format_junit  # noqa: PLC0415 - as above

            return format_junit(report)
        case ReportFormat.GITHUB:
            from wasmrun_py.report.annotations import format_annotations  # noqa: PLC0415 - as above

            return format_annotations(report)
        case ReportFormat.GITLAB:
            from wasmrun_py.report.code_quality import format_code_quality  # noqa: PLC0415 - as above

            return format_code_quality(report)
        case ReportFormat.MARKDOWN:
            from wasmrun_py.report.summary import format_summary  # noqa: PLC0415 - as above

            return format_summary(report)
        case ReportFormat.NDJSON:
            return ""
        case unreachable:
            assert_never(unreachable)
