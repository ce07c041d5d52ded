"""A workspace of C projects: cold against GNU make, unchanged against ninja's null build. For ``bench.py``.

The peers run the very compiler lines that wasmrun shows with ``-v``, and check the same files: every source
and every header that the compiler read.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Pairs = list[tuple[float, float]]
    Seconds = Callable[[Sequence[str], dict[str, str]], float]

PROJECTS = 12
JOBS = 2
_PARTS = 3
_FUNCTIONS = 24
_CONFIG = '[project]\nname = "p{0:02}"\n[build]\ntoolchain = "clang"\n'


def have_tools() -> bool:
    """Whether this machine has the peers."""
    return all(map(shutil.which, ("clang", "make", "ninja")))


class Workspace:
    """The projects, and the peers' build files for them.

    Args:
        folder: A new folder.
        wasmrun: The command.
        home: Its WASMRUN_HOME.
    """

    def __init__(self, folder: Path, wasmrun: Sequence[str], home: Path) -> None:
        self.root = folder
        self.home = home
        self.environ = {**os.environ, "WASMRUN_HOME": str(home), "NO_COLOR": "1"}
        self.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        self.ours = (*wasmrun, "compile", "--workspace", "-j", str(JOBS), str(folder))
        self.peer_out = folder / "peer"
        self._write_projects()
        lines = self._listen()
        self._write_peers(lines)
        self.make = ("make", "-s", f"-j{JOBS}", "-C", str(folder))
        self.ninja = ("ninja", "-C", str(folder))

    def forget(self) -> None:
        """Nothing was ever built."""
        for path in (self.home, self.peer_out, *self.root.glob("apps/*/dist")):
            shutil.rmtree(path, ignore_errors=True)
        self.peer_out.mkdir()

    def settle(self) -> None:
        """Everything is built, by both; ours has had the run in which it notes that."""
        for command in (self.ours, self.ours, self.ninja):
            subprocess.run(command, env=self.environ, check=True, capture_output=True)

    def _write_projects(self) -> None:
        self.root.mkdir(parents=True)
        (self.root / "wasmrun.toml").write_text('[workspace]\nmembers = ["apps/*"]\n')
        for number in range(PROJECTS):
            folder = self.root / "apps" / f"p{number:02}"
            folder.mkdir(parents=True)
            (folder / "wasmrun.toml").write_text(_CONFIG.format(number))
            (folder / "parts.h").write_text("".join(f"int part{part}(int x);\n" for part in range(_PARTS)))
            for part in range(_PARTS):
                (folder / f"part{part}.c").write_text(part_source(part, number))
            calls = " + ".join(f"part{part}(argc)" for part in range(_PARTS))
            (folder / "main.c").write_text(
                '#include <stdio.h>\n#include "parts.h"\n'
                f'int main(int argc, char **argv) {{ (void)argv; printf("%d\\n", {calls}); return 0; }}\n'
            )

    def _listen(self) -> list[list[str]]:
        """The compiler's command lines, as wasmrun shows them."""
        said = subprocess.run(
            (*self.ours, "-v"), env=self.environ, check=True, capture_output=True, text=True
        )
        lines = [line.partition(" $ ")[2] for line in said.stderr.splitlines() if " $ " in line]
        found = [shlex.split(line) for line in lines]
        if len(found) != PROJECTS:
            raise RuntimeError(f"{len(found)} commands for {PROJECTS} projects:\n{said.stderr}")
        return found

    def _write_peers(self, lines: list[list[str]]) -> None:
        stand_ins = self.root / "stand-ins"
        stand_ins.mkdir()
        wasm_opt = stand_ins / "wasm-opt"
        if shutil.which("wasm-opt"):
            wasm_opt.write_text('#!/bin/sh\nexec wasm-opt "$@" -g\n')
            wasm_opt.chmod(0o755)
        rules, edges, targets = [], [], []
        for line in lines:
            name = Path(line[-1]).stem
            folder = self.root / "apps" / name
            out = self.peer_out / f"{name}.wasm"
            argv = [f"-B{stand_ins}" if word.startswith("-B") else word for word in line[:-1]]
            command = f"cd {shlex.quote(str(folder))} && {shlex.join([*argv, str(out)])}"
            read = self._read_files(folder, argv)
            rules.append(f"{out}: {' '.join(read)}\n\t{command}\n")
            edges.append(f"build {out}: run {' '.join(read)}\n  line = {command}\n")
            targets.append(str(out))
        (self.root / "Makefile").write_text(f"all: {' '.join(targets)}\n{''.join(rules)}")
        (self.root / "build.ninja").write_text(f"rule run\n  command = $line\n{''.join(edges)}")

    def _read_files(self, folder: Path, argv: list[str]) -> list[str]:
        """Every file that the compiler reads for these sources."""
        sources = [word for word in argv if word.endswith(".c")]
        question = [argv[0], "--target=wasm32-wasi", "-I.", "-M", *sources]
        said = subprocess.run(question, cwd=folder, check=True, capture_output=True, text=True)
        words = said.stdout.replace("\\\n", " ").split()
        return sorted({os.path.normpath(folder / word) for word in words if not word.endswith(":")})


def part_source(part: int, number: int) -> str:
    """A translation unit of an ordinary size: some dozens of functions that are not folded away."""
    functions = [
        f"static int step{each}(int x) {{\n    char text[32];\n"
        f'    snprintf(text, sizeof text, "%d-%d", x, {each + number});\n'
        f"    for (size_t i = 0; i < strlen(text); i++) x = x * 31 + text[i] % {each + 3};\n"
        f"    return x;\n}}\n"
        for each in range(_FUNCTIONS)
    ]
    calls = "".join(f"    x = step{each}(x);\n" for each in range(_FUNCTIONS))
    heads = '#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include "parts.h"\n'
    return f"{heads}{''.join(functions)}int part{part}(int x) {{\n{calls}    return x;\n}}\n"


def workspace_figures(workspace: Workspace, pairs: int, seconds: Seconds) -> tuple[Pairs, Pairs, Pairs]:
    """(ours, peer) in seconds: cold against make; unchanged against ninja, and against Python alone."""
    cold = []
    for number in range(max(2, pairs // 3) + 1):
        workspace.forget()
        pair = (seconds(workspace.ours, workspace.environ), seconds(workspace.make, workspace.environ))
        if number:
            cold.append(pair)
    workspace.settle()
    nothing = (sys.executable, "-c", "pass")
    unchanged, started = [], []
    for _ in range(pairs):
        ours = seconds(workspace.ours, workspace.environ)
        unchanged.append((ours, seconds(workspace.ninja, workspace.environ)))
        started.append((ours, seconds(nothing, workspace.environ)))
    return cold, unchanged, started
