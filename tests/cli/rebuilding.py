"""Compile one project again and again, and see what the build cache says to it."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conftest import Wasmrun


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """A project and how it is compiled.

    Attributes:
        wasmrun: The command.
        project: The project's folder.
        options: Of every compile.
        env: Of every compile.
    """

    wasmrun: Wasmrun
    project: Path
    options: tuple[str, ...] = ()
    env: Mapping[str, str] | None = None

    def compile(self, *args: str | Path) -> tuple[dict[str, Any], list[str]]:
        """The document, and the tools that were started, as ``-v`` shows them."""
        given = ("--json", "--explain", "-v", *self.options, *args)
        finished = self.wasmrun("compile", self.project, *given, env=self.env)
        assert finished.code == 0, finished.err
        return finished.document, [line for line in finished.err.splitlines() if line.startswith("$ ")]

    def build(self, *args: str | Path, tools: bool = True) -> dict[str, Any]:
        """A compile that must be a miss, and starts tools (unless this kind of build has none)."""
        document, started = self.compile(*args)
        assert document["cache"] == "miss", document["explain"]
        assert not tools or started
        return document

    def named(self, *args: str | Path, tools: bool = True) -> set[tuple[str, str]]:
        """What ``--explain`` names for a compile that must be a miss: kind and name."""
        document = self.build(*args, tools=tools)
        assert document["explain"]["status"] == "changed", document["explain"]
        return {(each["kind"], each["name"]) for each in document["explain"]["reasons"]}

    def take(self, *args: str | Path) -> dict[str, Any]:
        """A compile that must be a hit and start nothing."""
        document, started = self.compile(*args)
        assert document["cache"] == "hit", document["explain"]
        assert started == []
        return document

    def touch(self) -> None:
        """New times for all files of the project."""
        for path in self.project.rglob("*"):
            if path.is_file():
                os.utime(path, ns=(1, time.time_ns()))

    def check_against_build(self, *args: str | Path) -> None:
        """What the cache gives is what a build without it makes: the same files, byte for byte."""
        cached = _digests(self.take(*args))
        document, _ = self.compile(*args, "--no-cache", "-o", self.project.parent / "reference")
        assert document["cache"] == "off"
        assert _digests(document) == cached


def _digests(document: dict[str, Any]) -> dict[str, str]:
    folder = Path(document["output_dir"])
    paths = [Path(each["path"]) for each in document["artifacts"]]
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths
    }
