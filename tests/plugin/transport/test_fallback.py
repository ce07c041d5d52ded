"""Which transport is used, and what happens when it does not work (DESIGN §6, "Fallback rule")."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.toolchain.recording import RecordingReporter
from wasmrun_py.model.errors import (
    BuildError,
    PluginCorruptError,
    PluginCrashedError,
    PluginFailedError,
    TransportError,
)
from wasmrun_py.model.events import Level, Message
from wasmrun_py.model.manifest import HealthStatus, Match, MatchKind, NoMatch, TransportKind
from wasmrun_py.plugin.transport.base import Deadlines

if TYPE_CHECKING:
    from tests.plugin.transport.conftest import Workshop

LEFTOVER = '(config.output_dir / "half.wasm").write_bytes(b"half")\n'


def test_python_comes_before_command(workshop: Workshop) -> None:
    """With both there, the Python object is used and reported."""
    workshop.write_python()
    workshop.write_program()
    plugin = workshop.open()
    workshop.build(plugin)
    assert plugin.transport is TransportKind.PYTHON
    assert plugin.incidents == ()


@pytest.mark.parametrize("kind", [TransportKind.PYTHON, TransportKind.COMMAND])
def test_one_can_be_forced(workshop: Workshop, kind: TransportKind) -> None:
    """``--transport`` uses that one and no other."""
    workshop.write_python()
    workshop.write_program()
    plugin = workshop.open(forced=kind)
    workshop.build(plugin)
    assert plugin.transport is kind


def test_a_forced_one_that_is_not_there_is_an_error(workshop: Workshop) -> None:
    """The error names what the plugin offers instead."""
    workshop.write_program()
    with pytest.raises(TransportError, match="has no python transport") as raised:
        workshop.build(workshop.open(forced=TransportKind.PYTHON))
    assert "command" in raised.value.hint


def test_an_unavailable_one_is_passed_over_silently(workshop: Workshop) -> None:
    """No interpreter: the program builds, and only ``-v`` says why."""
    workshop.write_python()
    workshop.write_program()
    reporter = RecordingReporter()
    plugin = workshop.open(interpreter=workshop.folder / "gone")
    workshop.build(plugin, reporter)
    assert plugin.transport is TransportKind.COMMAND
    assert [message.level for message in reporter.of(Message)] == [Level.DEBUG]
    assert [incident.loud for incident in plugin.incidents] == [False]


@pytest.mark.parametrize(
    ("place", "lines"),
    [
        ("at_load", "os.abort()"),
        ("at_load", "raise ImportError('no module named zorklib')"),
        ("at_build", LEFTOVER + "os.abort()"),
        ("at_build", LEFTOVER + "time.sleep(60)"),
    ],
)
def test_a_crash_falls_back_loudly(workshop: Workshop, place: str, lines: str) -> None:
    """The program builds into folders that are empty again; a warning names phase and cause, once."""
    workshop.deadlines = Deadlines(load_s=1.5, ask_s=5, build_s=1.5)
    workshop.write_python(**{place: lines})
    workshop.write_program()
    reporter = RecordingReporter()
    plugin = workshop.open()
    result = workshop.build(plugin, reporter)
    assert plugin.transport is TransportKind.COMMAND
    assert result.additional_files == ()
    warnings = [message.text for message in reporter.of(Message) if message.level is Level.WARNING]
    assert len(warnings) == 1
    assert '"zork"' in warnings[0]
    assert "called through command instead" in warnings[0]
    workshop.build(plugin, reporter)
    assert len([message for message in reporter.of(Message) if message.level is Level.WARNING]) == 1


@pytest.mark.parametrize("raised", ["BuildError('no semicolon')", "ValueError('a defect')"])
def test_a_failed_build_is_final(workshop: Workshop, raised: str) -> None:
    """What the plugin reported itself is never tried again another way."""
    workshop.write_python(at_build=f"raise {raised}")
    workshop.write_program()
    plugin = workshop.open()
    with pytest.raises((BuildError, PluginFailedError)):
        workshop.build(plugin)
    assert plugin.incidents == ()


def test_when_none_works_the_last_error_is_told(workshop: Workshop) -> None:
    """Both crash: the program's crash is the error, the helper's a warning."""
    workshop.write_python(at_build="os.abort()")
    workshop.write_program(at_build="os.kill(os.getpid(), signal.SIGSEGV)")
    reporter = RecordingReporter()
    with pytest.raises(PluginCrashedError, match="SIGSEGV"):
        workshop.build(workshop.open(), reporter)
    assert any("SIGABRT" in message.text for message in reporter.of(Message))


def test_files_are_verified_once_before_anything_runs(workshop: Workshop) -> None:
    """The hook runs before the first load, once; what it raises is final."""
    mark = workshop.folder / "ran"
    workshop.write_python(at_load=f"open({str(mark)!r}, 'w').close()")
    seen: list[bool] = []
    plugin = workshop.open(verify=lambda: seen.append(mark.exists()))
    workshop.build(plugin)
    workshop.build(plugin)
    assert seen == [False]
    mark.unlink()

    def refuse() -> None:
        raise PluginCorruptError("changed", plugin="zork", expected="a", found="b")

    refused = workshop.open(verify=refuse)
    for ask in (refused.health, refused.probe_transports, lambda: workshop.build(refused)):
        with pytest.raises(PluginCorruptError):
            ask()
    assert not mark.exists()


def test_the_manifest_answers_first(workshop: Workshop) -> None:
    """Nothing is run for a project without an entry file and without an extension of the plugin's."""
    workshop.write_python(at_load="os.abort()")
    plugin = workshop.open()
    assert plugin.info.name == "zork"
    project = workshop.project()
    (project / "main.zork").unlink()
    answer = plugin.can_handle_project(project)
    assert answer == NoMatch(reason="no main.zork, *.zork")
    assert plugin.incidents == ()


def test_what_a_project_is_by_the_manifest(workshop: Workshop) -> None:
    """An entry file of its own beats every built-in; a shared file or an extension beats nobody's own."""
    workshop.write_program()
    plugin = workshop.open(entry_files=("main.zork", "package.json"))
    project = workshop.project(package__json="{}")
    assert plugin.can_handle_project(project) == Match(
        confidence=95, reason="main.zork is there", kind=MatchKind.ENTRY_FILE
    )
    (project / "main.zork").unlink()
    assert plugin.can_handle_project(project) == NoMatch(reason="package.json is there, but no *.zork")
    (project / "other.zork").touch()
    shared = plugin.can_handle_project(project)
    assert isinstance(shared, Match)
    assert (shared.kind, shared.confidence) == (MatchKind.EXTENSION, 45)


@pytest.mark.parametrize("kind", list(TransportKind))
def test_health(workshop: Workshop, kind: TransportKind) -> None:
    """Healthy; gone; broken; and what a transport that wasmrun cannot use yet is."""
    workshop.write_python()
    workshop.write_program()
    health = workshop.open(forced=kind).health()
    there = kind is not TransportKind.FFI
    assert health.status is (HealthStatus.HEALTHY if there else HealthStatus.NOT_FOUND)


def test_health_of_the_broken(workshop: Workshop) -> None:
    """Each transport is probed; the words are the article's."""
    workshop.write_python(at_load="os.abort()")
    workshop.write_program()
    plugin = workshop.open(tools=("zorkc-that-is-nowhere",))
    probes = {probe.kind: probe.health for probe in plugin.probe_transports()}
    assert probes[TransportKind.PYTHON].status is HealthStatus.LOAD_ERROR
    assert "SIGABRT" in probes[TransportKind.PYTHON].message
    assert probes[TransportKind.COMMAND].status is HealthStatus.MISSING_DEPENDENCIES
    assert probes[TransportKind.COMMAND].message == "missing: zorkc-that-is-nowhere"
    (workshop.folder / "zork").unlink()
    assert workshop.open(forced=TransportKind.COMMAND).health().status is HealthStatus.NOT_FOUND
    tools = plugin.report_tools()
    assert [(tool.name, tool.status.value) for tool in tools] == [("zorkc-that-is-nowhere", "missing")]


def test_nothing_runs_in_the_users_folder(workshop: Workshop) -> None:
    """A helper's working folder is no project: what a plugin writes into "." is not the user's."""
    workshop.write_python(at_build="reporter.info(os.getcwd())")
    reporter = RecordingReporter()
    workshop.build(workshop.open(), reporter)
    folder = Path(reporter.of(Message)[0].text)
    assert not folder.is_relative_to(workshop.project())
