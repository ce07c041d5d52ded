"""Installations that go wrong, with the real uv, pip and npm against a registry on the loopback."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.conftest import require_tool
from tests.toolchain.packages import Archives, Behaviour, Server
from tests.toolchain.recording import RecordingReporter
from tests.toolchain.registry import bad_registry, closed_registry
from wasmrun_py.doctor.leftovers import remove_leftovers
from wasmrun_py.model.errors import ProvisionError
from wasmrun_py.model.events import Message
from wasmrun_py.system.paths import Home
from wasmrun_py.toolchain.catalog import COMPONENTIZE_PY, NODE, PY2WASM, ZIG
from wasmrun_py.toolchain.health import find_damage
from wasmrun_py.toolchain.install import get_toolchain
from wasmrun_py.toolchain.pin import Registry
from wasmrun_py.toolchain.provision import ProvisionPolicy, find_provisioned

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from wasmrun_py.toolchain.pin import ToolchainPin

BOTH = pytest.mark.parametrize("registry", list(Registry))
INSTALLER = (
    "import os, pickle, sys\n"
    "from wasmrun_py.model.events import Message\n"
    "from wasmrun_py.toolchain.install import get_toolchain\n"
    "from wasmrun_py.toolchain.provision import ProvisionPolicy\n"
    "class Printer:\n"
    "    def emit(self, event):\n"
    "        if isinstance(event, Message):\n"
    "            print(event.text, flush=True)\n"
    "pin, home = pickle.load(open(sys.argv[1], 'rb'))\n"
    "print(get_toolchain(pin, ProvisionPolicy(environ=dict(os.environ), home=home), Printer()))\n"
)


def policy_for(tmp_path: Path, settings: Mapping[str, str]) -> ProvisionPolicy:
    """An empty home; the user's own settings of the clients are left out."""
    require_tool("npm")
    own = ("PIP_", "UV_", "npm_config_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    environ = {**kept, "PIP_CONFIG_FILE": os.devnull, **settings}
    return ProvisionPolicy(environ=environ, home=Home(root=tmp_path / "home", own_cache=tmp_path / "cache"))


def refuse(pin: ToolchainPin, policy: ProvisionPolicy) -> ProvisionError:
    """The error of an installation that leaves nothing behind: exit 4, the tool's name, a hint."""
    with pytest.raises(ProvisionError) as caught:
        get_toolchain(pin, policy, RecordingReporter())
    assert caught.value.exit_code == 4
    assert caught.value.tools == (pin.name,)
    assert caught.value.hint
    assert list_toolchains(policy.home) == []
    return caught.value


def list_toolchains(home: Home) -> list[str]:
    """What lies in the toolchains' folder, hidden names included."""
    return sorted(path.name for path in home.toolchains.iterdir()) if home.toolchains.is_dir() else []


@contextmanager
def installing(pin: ToolchainPin, policy: ProvisionPolicy, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """An installation in a process group of its own, ended at the end if it still runs."""
    request = tmp_path / f"request-{time.monotonic_ns()}"
    request.write_bytes(pickle.dumps((pin, policy.home)))
    child = subprocess.Popen(
        [sys.executable, "-c", INSTALLER, str(request)],
        env=dict(policy.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        yield child
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
        child.communicate()


@pytest.mark.parametrize("pin", [ZIG, NODE, COMPONENTIZE_PY, PY2WASM], ids=lambda pin: pin.name)
@pytest.mark.parametrize(
    ("status", "said"), [(404, "not found"), (500, "500"), (None, "time"), (0, "Connection refused")]
)
def test_an_index_that_fails(pin: ToolchainPin, status: int | None, said: str, tmp_path: Path) -> None:
    """Answers with an error, never answers, is not there: each client's own words, and the tool."""
    with bad_registry(status or None) as address:
        index = closed_registry() if status == 0 else address
        settings = {
            "UV_DEFAULT_INDEX": index,
            "UV_HTTP_RETRIES": "0",
            "UV_HTTP_TIMEOUT": "1",
            "UV_CACHE_DIR": str(tmp_path / "uv-cache"),
            "PIP_INDEX_URL": index,
            "PIP_RETRIES": "0",
            "PIP_DEFAULT_TIMEOUT": "1",
            "PIP_NO_CACHE_DIR": "1",
        }
        error = refuse(pin, policy_for(tmp_path, settings))
    assert f"{pin.title} could not be installed from PyPI" in error.message
    assert said.lower() in error.message.lower()
    assert ("Check the network" in error.hint) is (status in {None, 0})


@BOTH
def test_a_whole_installation(registry: Registry, tmp_path: Path) -> None:
    """The registry of these tests is one that works when it is let."""
    archives = Archives.make()
    pin = archives.pin(registry, tmp_path)
    with archives.serve(Behaviour.WHOLE) as server:
        policy = policy_for(tmp_path, server.environ(tmp_path))
        program = get_toolchain(pin, policy, RecordingReporter())
    assert program == find_provisioned(pin, policy.home)
    assert list_toolchains(policy.home) == ["tiny-1.2.3"]
    assert find_damage(pin, policy.home, policy.environ) is None


@BOTH
def test_a_download_that_breaks_off(registry: Registry, tmp_path: Path) -> None:
    """Half an archive is no installation."""
    archives = Archives.make()
    pin = archives.pin(registry, tmp_path)
    with archives.serve(Behaviour.HALF) as server:
        error = refuse(pin, policy_for(tmp_path, server.environ(tmp_path)))
    assert "tiny 1.2.3 could not be installed" in error.message


@BOTH
def test_another_archive_than_the_pinned_one(registry: Registry, tmp_path: Path) -> None:
    """One byte that differs is refused by its digest."""
    archives = Archives.make()
    pin = archives.pin(registry, tmp_path)
    with archives.serve(Behaviour.WRONG) as server:
        error = refuse(pin, policy_for(tmp_path, server.environ(tmp_path)))
    words = error.message.lower()
    assert "hash" in words or "integrity" in words or "sha512" in words


@contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[Path]:
    """A file system of this size, mounted at ``folder``."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder)]
    if subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("file systems cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@BOTH
def test_a_disk_that_is_too_small(registry: Registry, tmp_path: Path) -> None:
    """It is seen before anything is asked of the registry."""
    archives = Archives.make()
    pin = archives.pin(registry, tmp_path)
    with archives.serve(Behaviour.WHOLE) as server, small_disk(tmp_path / "home", 400_000):
        error = refuse(pin, policy_for(tmp_path, server.environ(tmp_path)))
        assert server.downloads == 0
    assert "tiny 1.2.3 needs 0 MB in" in error.message
    assert "WASMRUN_HOME" in error.hint


@BOTH
def test_a_disk_that_fills_up(registry: Registry, tmp_path: Path) -> None:
    """The check cannot know everything: what the client says of the full disk is told, with what helps."""
    archives = Archives.make(size_bytes=3_000_000)
    pin = archives.pin(registry, tmp_path, unpacked_bytes=100_000)
    with archives.serve(Behaviour.WHOLE) as server, small_disk(tmp_path / "home", 1_000_000):
        error = refuse(pin, policy_for(tmp_path, server.environ(tmp_path)))
    assert "space" in error.message.lower()
    assert error.hint.startswith("Free some space")


@BOTH
@pytest.mark.parametrize("moment", ["staged", "downloading", "installed"])
def test_killed_at_any_moment(registry: Registry, moment: str, tmp_path: Path) -> None:
    """After ``kill -9`` there is an installation or none; the next run makes one; no trace stays."""
    archives = Archives.make()
    pin = archives.pin(registry, tmp_path)
    with archives.serve(Behaviour.WAITS) as server:
        policy = policy_for(tmp_path, server.environ(tmp_path))
        with installing(pin, policy, tmp_path) as child:
            wait_for_moment(moment, server, pin, policy.home)
            os.killpg(child.pid, signal.SIGKILL)
            child.wait(timeout=30)
        assert (find_provisioned(pin, policy.home) is not None) is (moment == "installed")
        server.behaviour = Behaviour.WHOLE
        server.release.set()
        assert get_toolchain(pin, policy, RecordingReporter()) == find_provisioned(pin, policy.home)
    # A client outlives the wasmrun that was killed, and may still write where it was told to.
    deadline = time.monotonic() + 20
    while list_toolchains(policy.home) != ["tiny-1.2.3"] and time.monotonic() < deadline:
        remove_leftovers(policy.home, now_s=time.time())
        time.sleep(0.1)
    assert list_toolchains(policy.home) == ["tiny-1.2.3"]
    assert find_damage(pin, policy.home, policy.environ) is None


def wait_for_moment(moment: str, server: Server, pin: ToolchainPin, home: Home) -> None:
    """Wait until the installation is as far as that."""
    deadline = time.monotonic() + 60
    if moment == "staged":
        while not list(home.toolchains.glob(".tmp-*")) and time.monotonic() < deadline:
            time.sleep(0.002)
        return
    assert server.asked.wait(60)
    if moment == "installed":
        server.release.set()
        while find_provisioned(pin, home) is None and time.monotonic() < deadline:
            time.sleep(0.002)


@BOTH
def test_two_installers_at_once(registry: Registry, tmp_path: Path) -> None:
    """One installs; the other says whom it waits for, and finds the work done."""
    archives = Archives.make()
    pin = archives.pin(registry, tmp_path)
    with archives.serve(Behaviour.WAITS) as server:
        policy = policy_for(tmp_path, server.environ(tmp_path))
        with installing(pin, policy, tmp_path) as first:
            assert server.asked.wait(60)
            with installing(pin, policy, tmp_path) as second:
                assert second.stdout is not None
                said = second.stdout.readline()
                assert said == f"Another wasmrun (process {first.pid}) is installing tiny 1.2.3; waiting…\n"
                downloads = server.downloads
                server.behaviour = Behaviour.WHOLE
                server.release.set()
                assert second.stdout.readline().strip() == str(pin.program_in(pin.folder(policy.home)))
                assert second.wait(timeout=60) == 0
            assert first.wait(timeout=60) == 0
        # npm asks for an archive once, uv once for what is in it and once for all of it.
        assert server.downloads - downloads <= 1
    assert list_toolchains(policy.home) == ["tiny-1.2.3"]


def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    """A file where the folder should be is a failed installation, not a failed build: exit 4."""
    archives = Archives.make()
    pin = archives.pin(Registry.PYPI, tmp_path)
    policy = policy_for(tmp_path, {})
    policy.home.root.mkdir()
    policy.home.toolchains.write_text("")
    with pytest.raises(
        ProvisionError, match=r"tiny 1\.2\.3 could not be installed\. Could not create"
    ) as caught:
        get_toolchain(pin, policy, RecordingReporter())
    assert "WASMRUN_HOME" in caught.value.hint


def test_a_lone_message_names_the_registry(tmp_path: Path) -> None:
    """The notice before an installation says what, from where and into which folder."""
    archives = Archives.make()
    pin = archives.pin(Registry.PYPI, tmp_path)
    reporter = RecordingReporter()
    with archives.serve(Behaviour.WHOLE) as server:
        policy = policy_for(tmp_path, server.environ(tmp_path))
        get_toolchain(pin, policy, reporter)
    (notice,) = reporter.of(Message)
    assert "installing wasmrun-tiny 1.2.3 from PyPI into" in notice.text
