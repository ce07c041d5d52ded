"""What every room's tests share: a private WASMRUN_HOME, the real command, and the real tools."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

FIXTURES = Path(__file__).parent.parent / "fixtures" / "projects"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A finished run of the command."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on stdout."""
        document: dict[str, Any] = json.loads(self.out)
        return document


class Wasmrun(Protocol):
    """Runs the real command in a process of its own."""

    def __call__(
        self,
        *args: str | Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdin: str = "",
    ) -> Finished: ...


def require_tool(name: str) -> str:
    """The path of a real tool; without it the test is skipped on a developer's machine and fails in CI."""
    found = shutil.which(name)
    if found is None:
        message = f"{name} is not installed"
        if os.environ.get("CI"):
            pytest.fail(f"{message}, and CI has every toolchain")
        pytest.skip(message)
    return found


def without_privileges(*command: str) -> list[str]:
    """The command line that runs ``command`` where permissions count, also for root."""
    if os.geteuid() != 0:
        return list(command)
    # root reads everything, until it gives the capabilities up that let it.
    setpriv = require_tool("setpriv")
    return [setpriv, "--bounding-set=-dac_override,-dac_read_search", "--", *command]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A private WASMRUN_HOME."""
    return tmp_path / "wasmrun-home"


@pytest.fixture
def environ(home: Path) -> dict[str, str]:
    """The environment that a user's shell would give the command, with a private home."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WASMRUN_")}
    return {**kept, "WASMRUN_HOME": str(home), "NO_COLOR": "1"}


@pytest.fixture
def wasmrun(environ: dict[str, str], tmp_path: Path) -> Wasmrun:
    """Run ``wasmrun ARGS…`` as a user would."""

    def run(
        *args: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None, stdin: str = ""
    ) -> Finished:
        finished = subprocess.run(
            [sys.executable, "-m", "wasmrun_py", *map(str, args)],
            env={**environ, **(env or {})},
            cwd=cwd or tmp_path,
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=240,
            check=False,
        )
        return Finished(code=finished.returncode, out=finished.stdout, err=finished.stderr)

    return run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the fixture project ``c-hello`` that a test may change."""
    return copy_project("c-hello", tmp_path)


def copy_project(name: str, into: Path) -> Path:
    """A copy of a fixture project."""
    return Path(shutil.copytree(FIXTURES / name, into / name, ignore=shutil.ignore_patterns("dist")))
