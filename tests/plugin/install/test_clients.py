"""Running the user's clients: environment whole, lines reported and logged, credentials covered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.plugin.material import write_tree
from wasmrun_py.model.errors import PluginInstallError
from wasmrun_py.model.events import ToolOutput, ToolStarted
from wasmrun_py.plugin.install.clients import client_failure, run_client

if TYPE_CHECKING:
    from pathlib import Path

    from tests.plugin.installing import Installer


def test_lines_are_reported_and_logged_without_credentials(installer: Installer) -> None:
    """The command, too."""
    scratch = installer.scratch()
    argv = ("/bin/sh", "-c", "echo see https://user:secret@host/; exit 7", "https://user:secret@host/")
    result = run_client(argv, folder=scratch, world=installer.world())
    log = installer.log_file.read_text()
    assert log.splitlines()[0].startswith("$ /bin/sh -c")
    assert log.splitlines()[1] == "see https://***@host/"
    shown = [*installer.reporter.of(ToolStarted), *installer.reporter.of(ToolOutput)]
    assert "secret" not in log + repr(shown)
    error = client_failure("It failed", result, installer.world(), settings="settings")
    assert error.message == "It failed: see https://***@host/"
    assert error.log_file == installer.log_file


def test_the_environment_goes_whole_and_temporary_files_stay_inside(installer: Installer) -> None:
    """What a setting names None is taken away."""
    scratch = installer.scratch()
    argv = ("/bin/sh", "-c", 'echo "$INDEX:$GONE:$MORE:$TMPDIR"')
    world = installer.world({"INDEX": "i", "GONE": "g"})
    result = run_client(argv, folder=scratch, world=world, settings={"GONE": None, "MORE": "m"})
    assert result.output.strip() == f"i::m:{scratch / 'tmp'}"


def test_data_is_neither_reported_nor_logged_and_whole(installer: Installer) -> None:
    """However long it is."""
    scratch = installer.scratch()
    argv = ("/bin/sh", "-c", "seq 300000")
    result = run_client(argv, folder=scratch, world=installer.world(), quiet=True)
    assert result.log_file is not None
    assert len(result.log_file.read_text().splitlines()) == 300_000
    assert not installer.log_file.exists()
    assert not installer.reporter.of(ToolOutput)


def test_a_client_that_the_system_will_not_run(installer: Installer, tmp_path: Path) -> None:
    """It is there and is no program of this machine."""
    program = write_tree(tmp_path, {"cargo": b"\x7fELFnothing"}) / "cargo"
    program.chmod(0o755)
    with pytest.raises(PluginInstallError, match="could not be started"):
        run_client((str(program),), folder=installer.scratch(), world=installer.world())


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("Updating index\nerror: no\n\nCaused by:\n  why\n", "error: no / Caused by: / why"),
        ("Cloning\nfatal: not there\n", "fatal: not there"),
        ("", "exit code 9"),
    ],
)
def test_the_reason_is_the_clients_own(installer: Installer, output: str, reason: str) -> None:
    """From the first line that says that something failed."""
    argv = ("/bin/sh", "-c", 'printf %s "$1"; exit 9', "sh", output)
    result = run_client(argv, folder=installer.scratch(), world=installer.world())
    assert client_failure("x", result, installer.world(), settings="s").message == f"x: {reason}"
