"""How a finished build is told: as a document, and as a line with a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wasmrun_py.cli.render.console import format_size

if TYPE_CHECKING:
    from pathlib import Path

    from wasmrun_py.build.compile import CompileReport

COLUMNS = ("ARTIFACT", "KIND", "SIZE")
NUMBERS = ("SIZE",)


def compile_fields(report: CompileReport) -> dict[str, Any]:
    """The members of the ``compile`` document (DESIGN §5)."""
    registered = report.plugin.registered
    return {
        "project": report.project,
        "language": report.language,
        "plugin": {
            "name": report.plugin.name,
            "version": report.plugin.info.version,
            "type": registered.type,
            "transport": registered.used_transport,
        },
        "toolchain": {"name": report.toolchain.name, "version": report.toolchain.version},
        "target": report.target,
        "optimization": report.optimization,
        "output_dir": report.output_dir,
        "wasm_path": report.wasm_path,
        "js_path": report.js_path,
        "is_wasm_bindgen": report.is_wasm_bindgen,
        "artifacts": [
            {"path": each.path, "kind": each.kind, "size_bytes": each.size_bytes, "sha256": each.sha256}
            for each in report.artifacts
        ],
        "wasm_opt": None
        if report.wasm_opt is None
        else {
            "version": report.wasm_opt.version,
            "bytes_before": report.wasm_opt.bytes_before,
            "bytes_after": report.wasm_opt.bytes_after,
        },
        "cache": report.cache,
        "cache_source": report.cache_source,
        **_explanation_field(report),
        "duration_s": round(report.duration_s, 3),
        "warnings": report.warnings,
    }


def _explanation_field(report: CompileReport) -> dict[str, Any]:
    explanation = report.explanation
    if explanation is None:
        return {}
    reasons = [
        {"kind": each.kind, "name": each.name, "before": each.before, "after": each.after}
        for each in explanation.reasons
    ]
    return {"explain": {"status": explanation.status, "reasons": reasons, "note": explanation.note}}


def headline(report: CompileReport, duration: str) -> str:
    """One line; ``duration`` is in seconds."""
    toolchain = f"{report.toolchain.name} {report.toolchain.version}".strip()
    how = "Took" if report.cache == "hit" else "Built"
    which = "remote cache" if report.cache_source == "remote" else "cache"
    from_cache = f" from the {which}" if report.cache == "hit" else ""
    return (
        f"{how} {report.project.name} for {report.target} with {toolchain}"
        f" ({report.optimization}){from_cache} in {duration} s"
    )


def artifact_rows(report: CompileReport, cwd: Path) -> list[tuple[str, str, str]]:
    """A row an artifact, its path as short as it can be."""
    return [(_relative(each.path, cwd), each.kind, format_size(each.size_bytes)) for each in report.artifacts]


def _relative(path: Path, cwd: Path) -> str:
    return str(path.relative_to(cwd)) if path.is_relative_to(cwd) else str(path)
