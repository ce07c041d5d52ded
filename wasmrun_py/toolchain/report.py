"""What can be said about an installable toolchain without installing it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmrun_py.model.tool import ToolReport, ToolStatus
from wasmrun_py.toolchain.provision import find_provisioned

if TYPE_CHECKING:
    from wasmrun_py.system.paths import Home
    from wasmrun_py.toolchain.pin import ToolchainPin

_MEGABYTE = 1_000_000


def report_provisionable(pin: ToolchainPin, home: Home, *, may_install: bool) -> ToolReport:
    """Installed and where, or what an installation would bring and how large it would be."""
    program = find_provisioned(pin, home)
    if program is not None:
        return ToolReport(name=pin.name, status=ToolStatus.READY, version=pin.version, path=program)
    if not may_install:
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
