"""Try a plugin that is not installed: build it as an installation would, and hold it to the contract.

What ``wasmrun plugin test`` does. Everything happens in a temporary folder; the store is not touched.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import UsageError
from wasmrun_py.model.manifest import TransportKind
from wasmrun_py.model.plugin_source import Local
from wasmrun_py.plugin.contract import CheckResult, CheckStatus, ContractReport, Sample, run_contract
from wasmrun_py.plugin.library_checks import check_library
from wasmrun_py.plugin.transport.base import Callee, StartPaths
from wasmrun_py.plugin.transport.external import ExternalPlugin
from wasmrun_py.system.fs import staging_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wasmrun_py.plugin.install.steps import BuiltPlugin, InstallWorld, ResolvedPlugin
    from wasmrun_py.plugin.transport.base import TransportWorld

_EXAMPLE = "example"


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportReport:
    """The contract through one transport.

    Attributes:
        transport: Which one.
        report: What was found.
    """

    transport: TransportKind
    report: ContractReport


@dataclass(frozen=True, slots=True, kw_only=True)
class TryOutReport:
    """A plugin's folder, tried out.

    Attributes:
        name: The plugin's name.
        version: Its version.
        sample: The project it was asked to build, or None.
        transports: The contract, once a transport, in the order they are tried.
        parity: Whether they all build the same files.
    """

    name: str
    version: str
    sample: Path | None
    transports: tuple[TransportReport, ...]
    parity: CheckResult

    @property
    def passed(self) -> bool:
        """No check failed through any transport."""
        kept = all(each.report.passed for each in self.transports)
        return kept and self.parity.status is not CheckStatus.FAIL


def try_out(
    folder: Path,
    sample: Path | None,
    *,
    install: InstallWorld,
    world: TransportWorld,
    on_result: Callable[[TransportKind, CheckResult], None] | None = None,
) -> TryOutReport:
    """Build the plugin in ``folder`` and check every promise through every transport it offers.

    Args:
        folder: The plugin's folder (or wheel, or archive), absolute.
        sample: A project that it must build; None for its own ``example`` folder, where it has one.
        install: The world it is built in.
        world: The world it is called in; ``world.forced`` restricts the check to one transport.
        on_result: Called with each result as it is known.

    Raises:
        PluginInstallError: It cannot be built, or its manifest is malformed.
        UsageError: It is no plugin, or has no transport to try.
        OutputError: The temporary folder cannot be written.
    """
    example = folder / _EXAMPLE
    project = sample or (example if example.is_dir() else None)
    reports = []
    with _built(folder, install) as (resolved, built, generation, scratch):
        kinds = [kind for kind in built.manifest.transports.kinds if world.forced in {None, kind}]
        if not kinds:
            raise UsageError(
                f"{folder} offers no {world.forced or ''} transport".replace("  ", " "),
                hint="A plugin is called through python, ffi or command: see [transports] in its manifest.",
            )
        for kind in kinds:
            callee = _callee(resolved, built, generation, replace(world, forced=kind))

            def tell(result: CheckResult, kind: TransportKind = kind) -> None:
                if on_result is not None:
                    on_result(kind, result)

            place = scratch / f"contract-{kind}"
            place.mkdir()
            with ExternalPlugin(callee) as plugin:
                wanted = None if project is None else Sample(project=project)
                report = run_contract(
                    plugin, wanted, scratch=place, reporter=install.reporter, on_result=tell
                )
            if kind is TransportKind.FFI:
                more = check_library(callee, scratch / "library", tell)
                report = replace(report, results=(*report.results, *more))
            reports.append(TransportReport(transport=kind, report=report))
    return TryOutReport(
        name=resolved.name,
        version=resolved.version,
        sample=project,
        transports=tuple(reports),
        parity=_compare(reports),
    )


@contextmanager
def _built(folder: Path, install: InstallWorld) -> Iterator[tuple[ResolvedPlugin, BuiltPlugin, Path, Path]]:
    """The plugin as an installation lays it out, in a temporary folder."""
    from wasmrun_py.plugin.install.dispatch import build, resolve  # noqa: PLC0415 - names every kind of source

    with staging_folder(Path(tempfile.gettempdir()), prefix="wasmrun-try-") as staging:
        generation, scratch = staging / "generation", staging / "scratch"
        generation.mkdir()
        scratch.mkdir()
        resolved = resolve(Local(path=folder), scratch=scratch, world=install)
        yield resolved, build(resolved, generation, scratch=scratch, world=install), generation, scratch


def _callee(resolved: ResolvedPlugin, built: BuiltPlugin, generation: Path, world: TransportWorld) -> Callee:
    launch = built.launch

    def start_path(launched: str | None) -> Path | None:
        return None if launched is None else generation / launched

    paths = StartPaths(
        interpreter=start_path(launch.interpreter),
        python=launch.python,
        command=start_path(launch.command),
        library=start_path(launch.library),
    )
    return Callee(name=resolved.name, manifest=built.manifest, paths=paths, world=world)


def _compare(reports: list[TransportReport]) -> CheckResult:
    """Whether every transport built files of the same names at each level."""
    status, message = CheckStatus.PASS, ""
    built = [each for each in reports if each.report.built]
    if len(built) <= 1:
        status, message = CheckStatus.SKIP, "fewer than two transports built the sample"
    for each in built[1:]:
        if each.report.built != built[0].report.built:
            first, other = (
                ", ".join(dict.fromkeys(name for names in one.report.built.values() for name in names))
                for one in (built[0], each)
            )
            status = CheckStatus.FAIL
            message = f"{built[0].transport} builds {first}; {each.transport} builds {other}"
    return CheckResult(
        name="parity",
        promise="Every transport builds the same files from the same options.",
        status=status,
        message=message,
    )
