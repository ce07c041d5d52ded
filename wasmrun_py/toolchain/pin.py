"""One installable toolchain as a value: what to install, at which version, and how to prove it works.

Data only; ``provision`` does the work, ``catalog`` holds the pins themselves.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wasmrun_py.system.paths import Home


class Registry(StrEnum):
    """Where a toolchain comes from, in the word a user reads."""

    PYPI = "PyPI"
    NPM = "npm"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolchainPin:
    """A toolchain that wasmrun can install at exactly one version.

    Attributes:
        name: The tool's name as a user types it (``zig``).
        version: The pinned version.
        package: The package that carries it (``ziglang``).
        requirements: The pin with its hashes: for PyPI a requirements file with those of the wheels for
            every platform, for npm a folder with ``package.json`` and ``package-lock.json``.
        program: Path of the program inside the installed folder, with ``/``; ``.exe`` is added on Windows
            to one without a suffix.
        probe: Arguments after which a working program prints ``version``.
        download_bytes: About how much is downloaded.
        unpacked_bytes: How much it is on disk, measured; the progress bar's whole.
        manual_install: The command that installs it because the user said so.
        registry: Where the package is; decides which client fetches it.
        node: The oldest node that runs it and installs it, for npm's packages.
        windows_program: ``program`` where the package is laid out differently for Windows, or None.
        python: The version of Python that runs the program (``3.11``), empty for any; None when it is no
            Python program.
        build_requirements: Parts of the package are published as source only: the pins, with hashes, of what
            the client builds them with. None when there are wheels for everything.
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
    registry: Registry = Registry.PYPI
    node: tuple[int, ...] = ()
    windows_program: str | None = None
    python: str | None = None
    build_requirements: Path | None = None
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
        on_windows = sys.platform == "win32"
        program = folder / ((self.windows_program if on_windows else None) or self.program)
        return program.with_suffix(".exe") if on_windows and not program.suffix else program

    @property
    def source(self) -> str:
        """Registry, package and version, for receipts and hints."""
        joint = "@" if self.registry is Registry.NPM else "=="
        return f"{self.registry}: {self.package}{joint}{self.version}"
