"""The error for a build that the plugin itself reported as failed, in its own words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import BuildError, MissingToolError
from wasmrun_py.plugin.transport.command_output import (
    parse_advice,
    parse_missing_list,
    parse_missing_tools,
    parse_places,
    parse_reason,
)
from wasmrun_py.toolchain.find import find_tool

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wasmrun_py.plugin.transport.base import Callee
    from wasmrun_py.plugin.transport.staged_project import StagedProject


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What a plugin said when it failed.

    Attributes:
        output: Its words.
        otherwise: The reason, should it have said nothing.
        environ: What it ran in.
        log_file: The whole output, or None.
    """

    output: str
    otherwise: str
    environ: Mapping[str, str]
    log_file: Path | None = None


def reported_failure(
    reported: Reported, staged: StagedProject, callee: Callee
) -> BuildError | MissingToolError:
    """The error for it; a tool that it names and that is nowhere is the reason.

    Args:
        reported: What it said.
        staged: What it was told to build; the same folder twice where no copy was made.
        callee: Who.
    """
    name, manifest = callee.name, callee.manifest
    output = staged.to_original(reported.output)
    reason = parse_reason(output) or reported.otherwise
    diagnostics = parse_places(reported.output, staged, source=name)
    absent = [tool for tool in parse_missing_tools(output) if find_tool(tool, reported.environ) is None]
    # Of "asc or yarn" the one that it cannot do without is what the user misses.
    missing = [tool for tool in absent if tool in manifest.tools]
    missing = missing or [tool for tool in absent if tool in manifest.optional_tools]
    # What it lists as missing is so, also where its manifest does not know it (a compiler's target).
    missing = missing or [tool for tool in parse_missing_list(output) if tool in absent]
    if missing and not diagnostics:
        return missing_tools(callee, tuple(missing), reason, advice=parse_advice(output))
    return BuildError(
        f'Plugin "{name}" could not build {staged.original.name}: {reason}',
        diagnostics=diagnostics,
        output=output,
        log_file=reported.log_file,
    )


def missing_tools(
    callee: Callee, missing: tuple[str, ...], reason: str = "", *, advice: tuple[str, ...] = ()
) -> MissingToolError:
    """The error for tools that a plugin needs and that are not there; its own advice is the hint."""
    listed = ", ".join(missing)
    # A reason that only announces the list says nothing beside it.
    said = "" if not reason or reason.endswith(":") else f": {reason}"
    ours = f"Install {listed} and put it on PATH, then build again."
    return MissingToolError(
        f'Plugin "{callee.name}" needs {listed}, and it is not there{said}',
        tools=missing,
        hint=f"The plugin's advice: {'; '.join(advice)}" if advice else ours,
    )
