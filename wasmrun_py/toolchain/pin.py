"""One installable toolchain as a value: what to install, at which version, and how to prove it works.

Data only; ``provision`` does the work, ``catalog`` holds the pins themselves.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wasmrun_py.system.paths import Home


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolchainPin:
    """A toolchain that wasmrun can install from PyPI, at exactly one version.

    Attributes:
        name: The tool's name as a user types it (``zig``).
        version: The pinned version.
        package: The PyPI project that carries it (``ziglang``).
        requirements: A requirements file with the pin and the hashes of its wheels for every platform.
        program: Path of the program inside the installed folder, with ``/``; ``.exe`` is added on Windows.
        probe: Arguments after which a working program prints ``version``.
        download_bytes: About how much is downloaded.
        unpacked_bytes: How much it is on disk, measured; the progress bar's whole.
        manual_install: The command that installs it because the user said so.
        prepare: What is done to the staged folder before it is probed, or None. Files are replaced, never
            changed in place: the package client may have linked them to its own cache.
    """

    name: str
    version: str
    package: str
    requirements: Path
    program: str
    probe: tuple[str, ...]
    download_bytes: int
    unpacked_bytes: int
    manual_install: str
    prepare: Callable[[Path], None] | None = None

    @property
    def title(self) -> str:
        """Name and version, for sentences and labels."""
        return f"{self.name} {self.version}"

    @property
    def slug(self) -> str:
        """Name and version, for file names."""
        return f"{self.name}-{self.version}"

    def folder(self, home: Home) -> Path:
        """Where it is installed, whether it is there or not."""
        return home.toolchains / self.slug

    def program_in(self, folder: Path) -> Path:
        """The program inside an installed or staged folder."""
        suffix = ".exe" if sys.platform == "win32" else ""
        return folder / (self.program + suffix)
