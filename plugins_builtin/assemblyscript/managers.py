"""The package managers a lock file may name, and their command lines, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasmrun_py.toolchain.npm import QUIET_OPTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_YARN_SETTINGS = ".yarnrc.yml"


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageManager:
    """One package manager.

    Attributes:
        name: As a user types it.
        lock_files: The lock files it writes, the usual one first.
        install: Arguments that install exactly what the lock file says; scripts of packages are not run.
        by_hand: What a user types to do the same in the project.
    """

    name: str
    lock_files: tuple[str, ...]
    install: tuple[str, ...]
    by_hand: str


NPM = PackageManager(
    name="npm",
    lock_files=("package-lock.json", "npm-shrinkwrap.json"),
    # A user's NODE_ENV or omit=dev must not leave the compiler out.
    install=("ci", *QUIET_OPTIONS, "--include=dev"),
    by_hand="npm ci",
)
NPM_WITHOUT_LOCK = PackageManager(
    name="npm",
    lock_files=(),
    install=("install", *QUIET_OPTIONS, "--include=dev", "--no-package-lock"),
    by_hand="npm install",
)
YARN = PackageManager(
    name="yarn",
    lock_files=("yarn.lock",),
    install=("install", "--frozen-lockfile", "--ignore-scripts", "--non-interactive", "--production=false"),
    by_hand="yarn install",
)
YARN_BERRY = PackageManager(
    name="yarn",
    lock_files=("yarn.lock",),
    install=("install", "--immutable", "--mode=skip-build"),
    by_hand="yarn install",
)
PNPM = PackageManager(
    name="pnpm",
    lock_files=("pnpm-lock.yaml",),
    install=("install", "--frozen-lockfile", "--ignore-scripts", "--prod=false"),
    by_hand="pnpm install",
)
BUN = PackageManager(
    name="bun",
    lock_files=("bun.lock", "bun.lockb"),
    install=("install", "--frozen-lockfile", "--ignore-scripts"),
    by_hand="bun install",
)
_BY_LOCK = (NPM, YARN, PNPM, BUN)

# What a package manager reads beside package.json and the lock file.
SETTINGS_FILES = (".npmrc", ".yarnrc", _YARN_SETTINGS, "bunfig.toml", "pnpm-workspace.yaml")

# yarn's later versions install archives instead of folders, which asc cannot read.
SETTINGS: Mapping[str, str] = {"YARN_NODE_LINKER": "node-modules", "YARN_ENABLE_TELEMETRY": "0"}


def find_manager(project: Path, named: str | None) -> tuple[PackageManager, str | None]:
    """The package manager of a project and the lock file that names it, or npm and None.

    Args:
        project: The project's folder.
        named: What package.json calls its package manager: it decides between several lock files.
    """
    found = [
        (manager, lock) for manager in _BY_LOCK for lock in manager.lock_files if (project / lock).is_file()
    ]
    found.sort(key=lambda pair: pair[0].name != named)
    if not found:
        return NPM_WITHOUT_LOCK, None
    manager, lock = found[0]
    if manager is YARN and _is_berry(project / lock):
        return YARN_BERRY, lock
    return manager, lock


def _is_berry(lock: Path) -> bool:
    """Yarn 2 and later write YAML with a ``__metadata`` entry near the top."""
    try:
        with lock.open("rb") as stream:
            return b"__metadata:" in stream.read(2048)
    except OSError:
        return False
