"""What can be said about an installable toolchain without installing it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmrun_py.model.tool import ToolReport, ToolStatus
from wasmrun_py.toolchain.health import find_damage
from wasmrun_py.toolchain.provision import find_provisioned

if TYPE_CHECKING:
    from wasmrun_py.toolchain.pin import ToolchainPin
    from wasmrun_py.toolchain.provision import ProvisionPolicy

_MEGABYTE = 1_000_000


def report_provisionable(pin: ToolchainPin, policy: ProvisionPolicy) -> ToolReport:
    """Installed and where, broken and why, or what an installation would bring and how large it would be."""
    program = find_provisioned(pin, policy.home)
    damage = find_damage(pin, policy.home, policy.environ)
    if damage is not None:
        return ToolReport(
            name=pin.name,
            # What only needs something beside it is had together with that.
            status=ToolStatus.BROKEN
            if damage.repairable or not policy.may_install
            else ToolStatus.INSTALLABLE,
            path=pin.folder(policy.home),
            message=damage.message,
            hint=damage.hint,
        )
    if program is not None:
        return ToolReport(name=pin.name, status=ToolStatus.READY, version=pin.version, path=program)
    if not policy.may_install:
        return ToolReport(
            name=pin.name,
            status=ToolStatus.MISSING,
            message="not installed, and wasmrun may not install it",
            hint=f"wasmrun toolchain install {pin.name}",
        )
    return ToolReport(
        name=pin.name,
        status=ToolStatus.INSTALLABLE,
        message=f"not installed; wasmrun would install {describe_installation(pin)} when it is needed",
        hint=f"wasmrun toolchain install {pin.name}",
    )


def describe_installation(pin: ToolchainPin) -> str:
    """``zig 0.13.0 (81 MB to download, 314 MB on disk)``."""
    return (
        f"{pin.title} ({pin.download_bytes // _MEGABYTE} MB to download, "
        f"{pin.unpacked_bytes // _MEGABYTE} MB on disk)"
    )
