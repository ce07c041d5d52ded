"""Outcomes to write reports from, ordinary and hostile."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from wasmrun_py.model.diagnostic import Diagnostic, Severity
from wasmrun_py.model.errors import BuildError, MissingToolError
from wasmrun_py.report.outcome import ProjectOutcome, ReportedArtifact, ReportInput

if TYPE_CHECKING:
    from wasmrun_py.model.errors import WasmrunError

ROOT = Path("/home/user/team")


def said(
    message: str,
    file: str | None = "src/main.c",
    line: int | None = 3,
    column: int | None = 5,
    *,
    severity: Severity = Severity.ERROR,
    source: str = "clang",
) -> Diagnostic:
    """A diagnostic."""
    return Diagnostic(file=file, line=line, column=column, severity=severity, message=message, source=source)


def built(name: str, *diagnostics: Diagnostic) -> ProjectOutcome:
    """A project that was built."""
    module = ReportedArtifact(
        path=ROOT / name / "dist" / f"{name}.wasm", kind="wasm", size_bytes=1234, sha256="ab" * 32
    )
    return ProjectOutcome(
        project=ROOT / name,
        duration_s=1.5,
        diagnostics=diagnostics,
        artifacts=(module,),
        facts={"toolchain": "clang 14.0.6"},
    )


def failed(name: str, *diagnostics: Diagnostic, error: WasmrunError | None = None) -> ProjectOutcome:
    """A project that was not."""
    told = error or BuildError(f"clang could not compile {name}", diagnostics=diagnostics)
    return ProjectOutcome(project=ROOT / name, duration_s=0.25, error=told, diagnostics=diagnostics)


def report(*outcomes: ProjectOutcome) -> ReportInput:
    """The input of a report over these."""
    return ReportInput(command="compile", version="1.2.3", root=ROOT, outcomes=outcomes)


MISSING_TOOL = MissingToolError("make is not on PATH", tools=["make"], hint="Install make.")
WORKSPACE = report(
    *(built(f"part-{number}") for number in range(10)),
    failed(
        "game",
        said("unused variable 'x' [-Wunused-variable]", severity=Severity.WARNING),
        said("expected ';'\nsecond line, 100% sure"),
        said("declared here", "include/a.h", 9, 1, severity=Severity.NOTE),
        said("oops", "/usr/include/stdio.h", 1, 2),
        said("undefined symbol: f", None, None, None, source="wasm-ld"),
    ),
    failed("tool, with: signs", error=MISSING_TOOL),
)
"""Twelve projects, two of which failed."""

_text = st.text(st.characters(codec=None), max_size=40)
_diagnostics = st.builds(
    Diagnostic,
    file=st.none() | _text,
    line=st.none() | st.integers(1, 10**9),
    column=st.none() | st.integers(1, 10**9),
    severity=st.sampled_from(Severity),
    message=_text,
    source=_text,
)
_names = _text.map(lambda text: text.replace("/", "").replace("\0", "") or "x").filter(
    lambda text: text not in {".", ".."}
)
reports = st.lists(
    st.tuples(_names, st.lists(_diagnostics, max_size=4), st.booleans()), min_size=1, max_size=3
).map(
    lambda made: report(
        *(failed(name, *each) if is_bad else built(name, *each) for name, each, is_bad in made)
    )
)
"""Reports over names, messages and places of any characters."""
