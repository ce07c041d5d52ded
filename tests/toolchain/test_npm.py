"""Installing asc through npm: bad registries, no network, kills, disk space, and the real thing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.conftest import require_tool
from tests.toolchain.recording import RecordingReporter
from tests.toolchain.registry import bad_registry, closed_registry
from wasmrun_py.model.errors import MissingToolError, ProvisionError
from wasmrun_py.model.events import Message, Progress, ToolStarted
from wasmrun_py.system.paths import Home
from wasmrun_py.toolchain.catalog import ASC
from wasmrun_py.toolchain.install import get_toolchain
from wasmrun_py.toolchain.npm import parse_npm_reason
from wasmrun_py.toolchain.provision import ProvisionPolicy, find_provisioned

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Wasmrun


def policy_for(tmp_path: Path, *, may_install: bool = True, **settings: str) -> ProvisionPolicy:
    """The machine's own node and npm, an empty home, an empty npm cache, and these npm settings."""
    require_tool("node")
    require_tool("npm")
    npm = {
        "npm_config_cache": str(tmp_path / "npm-cache"),
        "npm_config_fetch_retries": "0",
        **{f"npm_config_{name}": value for name, value in settings.items()},
    }
    home = Home(root=tmp_path / "home")
    return ProvisionPolicy(environ={**os.environ, **npm}, home=home, may_install=may_install)


def fail(policy: ProvisionPolicy) -> ProvisionError:
    """The error of an installation that leaves nothing behind."""
    with pytest.raises(ProvisionError) as caught:
        get_toolchain(ASC, policy, RecordingReporter())
    assert list(policy.home.toolchains.iterdir()) == []
    assert caught.value.exit_code == 4
    assert caught.value.tools == ("asc",)
    return caught.value


def test_lock_file_names_digests_and_no_registry() -> None:
    """Every package is pinned by a digest, and no address could lead npm past the user's registry."""
    text = (ASC.requirements / "package-lock.json").read_text()
    packages = {name: each for name, each in json.loads(text)["packages"].items() if name}
    assert packages["node_modules/assemblyscript"]["version"] == ASC.version
    assert all(each["integrity"].startswith("sha512-") for each in packages.values())
    assert all("resolved" not in each for each in packages.values())
    assert "://" not in text


@pytest.mark.parametrize(("status", "said"), [(404, "404 Not Found"), (500, "500 Internal Server Error")])
def test_registry_that_answers_with_an_error(status: int, said: str, tmp_path: Path) -> None:
    """What npm says reaches the user, and no half installation is left."""
    with bad_registry(status) as address:
        error = fail(policy_for(tmp_path, registry=address))
    assert said in error.message
    assert "npm config list" in error.hint


def test_registry_that_hangs(tmp_path: Path) -> None:
    """A registry that never answers ends at npm's own timeout, as the user set it."""
    with bad_registry(None) as address:
        error = fail(policy_for(tmp_path, registry=address, fetch_timeout="1500"))
    assert "network timeout" in error.message
    assert "Check the network" in error.hint


def test_no_network(tmp_path: Path) -> None:
    """A registry that cannot be reached is a matter of the network, and said so."""
    error = fail(policy_for(tmp_path, registry=closed_registry()))
    assert "ECONNREFUSED" in error.message
    assert "Check the network" in error.hint


def test_offline_with_nothing_cached(tmp_path: Path) -> None:
    """The user's offline mode is obeyed."""
    error = fail(policy_for(tmp_path, offline="true"))
    assert "no cached response is available" in error.message
    assert "Check the network" in error.hint


def test_reason_without_credentials() -> None:
    """Credentials in npm's words are covered, codes and small talk left out."""
    said = parse_npm_reason(
        "npm warn old\nnpm error code E401\nnpm error 401 GET http://me:secret@mirror.example/x\nnpm error\n"
    )
    assert said == "401 GET http://***@mirror.example/x"


def test_refused(tmp_path: Path) -> None:
    """Without leave to install: exit 4, with the command and the exact package."""
    with pytest.raises(MissingToolError) as caught:
        get_toolchain(ASC, policy_for(tmp_path, may_install=False), RecordingReporter())
    assert "`wasmrun toolchain install asc`" in caught.value.hint
    assert f"npm: assemblyscript@{ASC.version}" in caught.value.hint


def test_full_disk_is_seen_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too little space is told before anything is downloaded."""
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000_000))
    error = fail(policy_for(tmp_path, offline="true"))
    assert "needs 131 MB" in error.message
    assert "1 MB are free" in error.message


def test_killed_installer_is_repaired(tmp_path: Path) -> None:
    """``kill -9`` in the middle leaves no installation, and the next run removes what was left."""
    with bad_registry(None) as address:
        policy = policy_for(tmp_path, registry=address)
        code = (
            "import os, sys; from pathlib import Path; from wasmrun_py.model.events import SilentReporter; "
            "from wasmrun_py.system.paths import Home; from wasmrun_py.toolchain.catalog import ASC; "
            "from wasmrun_py.toolchain.install import get_toolchain; "
            "from wasmrun_py.toolchain.provision import ProvisionPolicy; "
            "get_toolchain(ASC, ProvisionPolicy(environ=dict(os.environ), home=Home(root=Path(sys.argv[1]))),"
            " SilentReporter())"
        )
        child = subprocess.Popen(
            [sys.executable, "-c", code, str(policy.home.root)],
            env=dict(policy.environ),
            start_new_session=True,
        )
        toolchains = policy.home.toolchains
        deadline = time.monotonic() + 30
        while not list(toolchains.glob(".tmp-asc-*/files/package.json")) and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    assert list(toolchains.glob(".tmp-asc-*"))
    assert find_provisioned(ASC, policy.home) is None
    fail(policy_for(tmp_path, offline="true"))


@pytest.mark.network
def test_asc_is_really_installed(tmp_path: Path, wasmrun: Wasmrun) -> None:
    """The pinned asc is installed; it answers, has a receipt, and a second call runs nothing."""
    policy = policy_for(tmp_path)
    reporter = RecordingReporter()
    script = get_toolchain(ASC, policy, reporter)
    assert script == ASC.folder(policy.home) / "node_modules" / "assemblyscript" / "bin" / "asc.js"
    receipt = json.loads((ASC.folder(policy.home) / "receipt.json").read_text())
    assert (receipt["name"], receipt["source"]) == ("asc", f"npm: assemblyscript@{ASC.version}")
    assert not (ASC.folder(policy.home) / "node_modules" / "binaryen" / "bin").exists()
    assert "from npm into" in reporter.of(Message)[0].text
    assert reporter.of(Progress)
    (command,) = reporter.of(ToolStarted)
    assert command.argv[1:3] == ("ci", "--ignore-scripts")
    again = RecordingReporter()
    offline = policy_for(tmp_path, registry=closed_registry())
    assert get_toolchain(ASC, offline, again) == script
    assert again.events == []
    listed = wasmrun("toolchain", "list", "--json", env={"WASMRUN_HOME": str(policy.home.root)})
    (asc,) = (each for each in listed.document["toolchains"] if each["name"] == "asc")
    assert asc["installed"]
    assert wasmrun("toolchain", "remove", "asc", env={"WASMRUN_HOME": str(policy.home.root)}).code == 0
    assert find_provisioned(ASC, policy.home) is None
