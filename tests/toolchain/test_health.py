"""What a broken installation is told as, where a whole machine cannot be had for it."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from wasmrun_py.model.tool import ToolStatus
from wasmrun_py.system.paths import Home
from wasmrun_py.toolchain.catalog import ASC, PY2WASM
from wasmrun_py.toolchain.health import find_damage
from wasmrun_py.toolchain.provision import ProvisionPolicy
from wasmrun_py.toolchain.report import report_provisionable

if TYPE_CHECKING:
    from pathlib import Path

    from wasmrun_py.toolchain.pin import ToolchainPin


def put(pin: ToolchainPin, home: Home) -> None:
    """An installation that is there as far as two files tell."""
    program = pin.program_in(pin.folder(home))
    program.parent.mkdir(parents=True)
    program.write_text("")
    (pin.folder(home) / "receipt.json").write_text("[]")


def test_a_python_that_vanished(tmp_path: Path) -> None:
    """The toolchain is whole and the Python it runs on is gone: it comes along when it may."""
    home = Home(root=tmp_path)
    pin = replace(PY2WASM, python="3.99")
    put(pin, home)
    damage = find_damage(pin, home, os.environ)
    assert damage is not None
    assert damage.message == "installed, but the Python 3.99 that it runs on is not there"
    assert damage.hint == "Install it with `uv python install 3.99`."
    assert not damage.repairable
    for may_install, status in ((True, ToolStatus.INSTALLABLE), (False, ToolStatus.BROKEN)):
        policy = ProvisionPolicy(environ=os.environ, home=home, may_install=may_install)
        assert report_provisionable(pin, policy).status is status


def test_an_asc_without_a_node(tmp_path: Path) -> None:
    """A script needs something to run it."""
    home = Home(root=tmp_path)
    put(ASC, home)
    damage = find_damage(ASC, home, {})
    assert damage is not None
    assert damage.message == "installed, but there is no node to run it"


def test_what_is_not_installed_is_not_damaged(tmp_path: Path) -> None:
    """Nothing there is nothing broken."""
    assert find_damage(ASC, Home(root=tmp_path), {}) is None
