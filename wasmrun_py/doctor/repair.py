"""Mending broken toolchains: they are taken away, and installed again where that is allowed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import WasmrunError
from wasmrun_py.toolchain.catalog import CATALOG
from wasmrun_py.toolchain.health import find_damage
from wasmrun_py.toolchain.install import get_toolchain
from wasmrun_py.toolchain.provision import remove_provisioned

if TYPE_CHECKING:
    from wasmrun_py.model.events import Reporter
    from wasmrun_py.toolchain.pin import ToolchainPin
    from wasmrun_py.toolchain.provision import ProvisionPolicy


class RepairAction(StrEnum):
    """What was done about a broken toolchain."""

    REINSTALLED = "reinstalled"
    REMOVED = "removed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """One repair.

    Attributes:
        toolchain: Name and version.
        damage: What was wrong.
        action: What was done.
        message: Why no more was done; empty when it was installed again.
    """

    toolchain: str
    damage: str
    action: RepairAction
    message: str = ""


def repair_toolchains(policy: ProvisionPolicy, reporter: Reporter) -> tuple[Repair, ...]:
    """Mend every installed toolchain that installing it again would mend."""
    repairs: list[Repair] = []
    for pin in CATALOG:
        damage = find_damage(pin, policy.home, policy.environ)
        if damage is not None and damage.repairable:
            repairs.append(_repair(pin, damage.message, policy, reporter))
    return tuple(repairs)


def _repair(pin: ToolchainPin, damage: str, policy: ProvisionPolicy, reporter: Reporter) -> Repair:
    try:
        remove_provisioned(pin, policy.home)
    except WasmrunError as error:
        return Repair(toolchain=pin.title, damage=damage, action=RepairAction.FAILED, message=error.message)
    if not policy.may_install:
        return Repair(
            toolchain=pin.title,
            damage=damage,
            action=RepairAction.REMOVED,
            message="wasmrun may not install anything",
        )
    try:
        get_toolchain(pin, policy, reporter)
    except WasmrunError as error:
        return Repair(toolchain=pin.title, damage=damage, action=RepairAction.REMOVED, message=error.message)
    return Repair(toolchain=pin.title, damage=damage, action=RepairAction.REINSTALLED)
