from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.toolchain.recording import RecordingReporter, provisioned_home
from wasmrun_py.model.errors import MissingToolError, ProvisionError
from wasmrun_py.model.events import Message, Progress, StepFinished, StepStarted
from wasmrun_py.system.fs import exclusive_lock
from wasmrun_py.system.paths import Home
from wasmrun_py.toolchain.catalog import CATALOG, ZIG
from wasmrun_py.toolchain.pin import Registry
from wasmrun_py.toolchain.provision import (
    ProvisionPolicy,
    find_provisioned,
    get_provisioned,
    remove_provisioned,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# A port nobody listens on: what a machine without network looks like to a package client.
_CLOSED = "http://someone:secret@127.0.0.1:9/simple"
_NO_NETWORK = {
    "UV_DEFAULT_INDEX": _CLOSED,
    "UV_HTTP_RETRIES": "0",
    "PIP_INDEX_URL": _CLOSED,
    "PIP_RETRIES": "0",
    "PIP_CONFIG_FILE": os.devnull,
}


def _home(tmp_path: Path) -> Home:
    return Home(root=tmp_path / "home", own_cache=tmp_path / "cache")


def _environ(tmp_path: Path, more: Mapping[str, str]) -> dict[str, str]:
    """The user's environment with an empty uv cache, so that nothing comes from there."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    return {**kept, "UV_CACHE_DIR": str(tmp_path / "uv-cache"), **more}


def _leftovers(home: Home) -> list[str]:
    return [path.name for path in home.toolchains.glob("*")] if home.toolchains.is_dir() else []


def test_every_pin_has_a_hash_for_each_wheel() -> None:
    """A requirements file pins exactly one version, with sha256 hashes, and names no index."""
    for pin in CATALOG:
        if pin.registry is not Registry.PYPI:
            continue
        text = pin.requirements.read_text()
        assert text.startswith(f"{pin.package}=={pin.version} ")
        # A source archive is the same for every platform; wheels are one a platform.
        assert text.count("--hash=sha256:") >= (text.count("==") if pin.build_requirements else 5)
        assert "://" not in text


def test_nothing_is_installed_without_permission(tmp_path: Path) -> None:
    """may_install False is exit 4, names the exact command, and touches nothing."""
    policy = ProvisionPolicy(environ={}, home=_home(tmp_path), may_install=False)
    with pytest.raises(MissingToolError) as caught:
        get_provisioned(ZIG, policy, RecordingReporter())
    assert caught.value.exit_code == 4
    assert caught.value.tools == ("zig",)
    assert "`wasmrun toolchain install zig`" in caught.value.hint
    assert "ziglang==0.13.0" in caught.value.hint
    assert not (tmp_path / "home").exists()


def test_no_network_gives_both_clients_reasons_and_no_secret(tmp_path: Path) -> None:
    """The own words of uv and pip are in the message, the index's password is not, and nothing is left."""
    home = _home(tmp_path)
    reporter = RecordingReporter()
    policy = ProvisionPolicy(environ=_environ(tmp_path, _NO_NETWORK), home=home)
    with pytest.raises(ProvisionError) as caught:
        get_provisioned(ZIG, policy, reporter)
    assert caught.value.exit_code == 4
    assert "uv: error:" in caught.value.message
    assert "Connection refused" in caught.value.message
    assert "pip: " in caught.value.message
    assert "network" in caught.value.hint
    assert "secret" not in caught.value.message + repr(reporter.events)
    assert _leftovers(home) == []
    assert reporter.of(StepStarted)
    assert [event.label for event in reporter.of(StepFinished)] == ["Installing zig 0.13.0"]


def test_offline_mode_of_uv_is_honoured(tmp_path: Path) -> None:
    """UV_OFFLINE set by the user is not worked around."""
    environ = _environ(tmp_path, {**_NO_NETWORK, "UV_OFFLINE": "1"})
    with pytest.raises(ProvisionError, match="network was disabled"):
        get_provisioned(ZIG, ProvisionPolicy(environ=environ, home=_home(tmp_path)), RecordingReporter())


def test_too_little_space_names_folder_and_sizes(tmp_path: Path) -> None:
    """The disk is looked at before anything is downloaded."""
    home = _home(tmp_path)
    huge = replace(ZIG, unpacked_bytes=10**17)
    with pytest.raises(ProvisionError) as caught:
        get_provisioned(huge, ProvisionPolicy(environ={}, home=home), RecordingReporter())
    assert str(home.toolchains) in caught.value.message
    assert "needs 125000000000 MB" in caught.value.message
    assert "are free there" in caught.value.message


def _fake_installed(home: Home, folder: Path, *, receipt: bool) -> Path:
    del home
    program = ZIG.program_in(folder)
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho 0.13.0\n")
    program.chmod(0o755)
    if receipt:
        (folder / "receipt.json").write_text("{}")
    return program


def test_an_installed_toolchain_is_used_as_it_is(tmp_path: Path) -> None:
    """With a receipt nothing is run, asked or locked; not even permission is needed."""
    home = _home(tmp_path)
    program = _fake_installed(home, ZIG.folder(home), receipt=True)
    policy = ProvisionPolicy(environ={}, home=home, may_install=False)
    reporter = RecordingReporter()
    assert get_provisioned(ZIG, policy, reporter) == program
    assert reporter.events == []


def test_a_folder_without_a_receipt_does_not_count(tmp_path: Path) -> None:
    """What a foreign hand put there in part is not taken for an installation."""
    home = _home(tmp_path)
    _fake_installed(home, ZIG.folder(home), receipt=False)
    assert find_provisioned(ZIG, home) is None


def test_leftovers_of_killed_installers_are_removed_by_the_next(tmp_path: Path) -> None:
    """Staging folders of this toolchain go, those of another are not ours to judge."""
    home = _home(tmp_path)
    _fake_installed(home, home.toolchains / ".tmp-zig-0.13.0-killed" / "files", receipt=False)
    (home.toolchains / ".tmp-node-22.0.0-alive").mkdir()
    with pytest.raises(ProvisionError):
        get_provisioned(
            ZIG,
            ProvisionPolicy(environ=_environ(tmp_path, _NO_NETWORK), home=home),
            RecordingReporter(),
        )
    assert _leftovers(home) == [".tmp-node-22.0.0-alive"]


def test_a_second_installer_waits_and_finds_the_work_done(tmp_path: Path) -> None:
    """It says that it waits, and after the lock it looks again instead of installing once more."""
    home = _home(tmp_path)
    script = (
        "import sys; from pathlib import Path\n"
        "from tests.toolchain.recording import RecordingReporter\n"
        "from wasmrun_py.system.paths import Home\n"
        "from wasmrun_py.toolchain.catalog import ZIG\n"
        "from wasmrun_py.toolchain.provision import ProvisionPolicy, get_provisioned\n"
        "reporter = RecordingReporter()\n"
        "home = Home(root=Path(sys.argv[1]))\n"
        "print(get_provisioned(ZIG, ProvisionPolicy(environ={}, home=home), reporter))\n"
        "print(reporter.events[0].text)\n"
    )
    lock = home.locks / "toolchain-zig-0.13.0.lock"
    with exclusive_lock(lock, on_wait=lambda: None):
        second = subprocess.Popen(
            [sys.executable, "-c", script, str(home.root)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        time.sleep(1.0)
        assert second.poll() is None
        program = _fake_installed(home, ZIG.folder(home), receipt=True)
    out, _ = second.communicate(timeout=30)
    assert out.splitlines() == [str(program), "Another wasmrun is installing zig 0.13.0; waiting…"]


def test_removing_takes_the_folder_away_once(tmp_path: Path) -> None:
    """The second removal has nothing to do."""
    home = _home(tmp_path)
    _fake_installed(home, ZIG.folder(home), receipt=True)
    assert remove_provisioned(ZIG, home) is True
    assert _leftovers(home) == []
    assert remove_provisioned(ZIG, home) is False


@pytest.mark.network
@pytest.mark.slow
def test_zig_is_really_installed_from_pypi(tmp_path: Path) -> None:
    """A notice, growing progress, a receipt, a working program; a wrong folder in its place is replaced."""
    home = _home(tmp_path)
    _fake_installed(home, ZIG.folder(home), receipt=False)
    reporter = RecordingReporter()
    # A cache of its own: otherwise an earlier download leaves no progress to be seen.
    environ = {**os.environ, "UV_CACHE_DIR": str(tmp_path / "uv-cache")}
    program = get_provisioned(ZIG, ProvisionPolicy(environ=environ, home=home), reporter)
    ran = subprocess.run([program, "version"], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "0.13.0"
    notice = reporter.of(Message)[0].text
    assert "PyPI" in notice
    assert str(ZIG.folder(home)) in notice
    assert "314 MB" in notice
    progress = reporter.of(Progress)
    assert [each.done_bytes for each in progress] == sorted(each.done_bytes for each in progress)
    assert progress[-1].done_bytes > ZIG.unpacked_bytes // 4
    receipt = json.loads((ZIG.folder(home) / "receipt.json").read_text())
    assert (receipt["name"], receipt["version"], receipt["source"]) == (
        "zig",
        "0.13.0",
        "PyPI: ziglang==0.13.0",
    )
    assert _leftovers(home) == ["zig-0.13.0"]


@pytest.mark.network
@pytest.mark.slow
def test_a_killed_installer_leaves_nothing_that_stops_the_next(tmp_path: Path) -> None:
    """After kill -9 in the middle of the installation the toolchain is absent; the next run installs it."""
    home = _home(tmp_path)
    script = (
        "import os, sys; from pathlib import Path\n"
        "from tests.toolchain.recording import RecordingReporter\n"
        "from wasmrun_py.system.paths import Home\n"
        "from wasmrun_py.toolchain.catalog import ZIG\n"
        "from wasmrun_py.toolchain.provision import ProvisionPolicy, get_provisioned\n"
        "home = Home(root=Path(sys.argv[1]))\n"
        "get_provisioned(ZIG, ProvisionPolicy(environ=dict(os.environ), home=home), RecordingReporter())\n"
    )
    environ = {**os.environ, "UV_CACHE_DIR": str(tmp_path / "uv-cache")}
    victim = subprocess.Popen(
        [sys.executable, "-c", script, str(home.root)],
        env={**environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    deadline = time.monotonic() + 60
    while not list(home.toolchains.glob(".tmp-*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)
    victim.kill()
    victim.wait()
    assert find_provisioned(ZIG, home) is None
    program = get_provisioned(ZIG, ProvisionPolicy(environ=environ, home=home), RecordingReporter())
    assert program == ZIG.program_in(ZIG.folder(home))
    assert find_provisioned(ZIG, home) == program


@pytest.mark.network
@pytest.mark.slow
def test_a_wrong_hash_is_refused(tmp_path: Path) -> None:
    """A wheel that is not the pinned one is never installed."""
    home = _home(tmp_path)
    requirements = tmp_path / "wrong.txt"
    requirements.write_text(f"ziglang==0.13.0 --hash=sha256:{'0' * 64}\n")
    pin = replace(ZIG, requirements=requirements)
    with pytest.raises(ProvisionError, match=r"(?i)hash"):
        get_provisioned(pin, ProvisionPolicy(environ=dict(os.environ), home=home), RecordingReporter())
    assert _leftovers(home) == []


@pytest.mark.network
@pytest.mark.slow
def test_the_package_clients_cache_is_not_changed(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The files we guard are our own copies: a second installation from the cache gets clean ones."""
    home = provisioned_home(tmp_path_factory)
    guarded = ZIG.folder(home) / "ziglang" / "lib" / "libcxx" / "src" / "thread.cpp"
    assert guarded.read_text().count("#ifndef _LIBCPP_HAS_NO_THREADS") == 1
