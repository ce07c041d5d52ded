"""What calling a plugin in a shared library costs: figures for ``bench.py``, from calls in this process."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

from wasmrun_py.model.manifest import PluginInfo, PluginManifest, Transports
from wasmrun_py.plugin.ffi.layouts import PluginTable, make_str
from wasmrun_py.plugin.transport.base import Callee, StartPaths, TransportWorld
from wasmrun_py.plugin.transport.ffi import FfiTransport
from wasmrun_py.scaffold.new_plugin import new_plugin
from wasmrun_py.system.paths import Home

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

CALLS = 200
PLUGINS = 20
# The same question as a program: opens the entry file, and says so with its exit code.
PROGRAM = """#include <stdio.h>
int main(int count, char **words) {
    char path[4096];
    snprintf(path, sizeof path, "%s/main.tallyc", count > 1 ? words[1] : ".");
    FILE *file = fopen(path, "rb");
    return file == NULL;
}
"""
Pairs = list[tuple[float, float]]


def have_tools() -> bool:
    """Whether a library can be compiled here."""
    return all(shutil.which(name) is not None for name in ("cc", "make"))


def call_figures(work: Path, pairs: int) -> Iterator[tuple[str, Pairs]]:
    """Seconds for so many calls of ``can_handle``: through the helper, and through something else."""
    folder = _build("tally-c", work / "calls")
    library = next((folder / "lib").glob("libtally_c.*"))
    project = folder / "example"
    program = work / "calls" / "can-handle"
    source = program.with_suffix(".c")
    source.write_text(PROGRAM)
    subprocess.run(["cc", "-O2", "-o", str(program), str(source)], check=True)
    transport = _transport(library, work)

    def through_helper() -> None:
        transport.can_handle_project(project)

    def through_program() -> None:
        subprocess.run([str(program), str(project)], check=True)

    opened = ctypes.CDLL(str(library))
    opened.wasmrun_plugin_entry.restype = ctypes.POINTER(PluginTable)
    table = opened.wasmrun_plugin_entry().contents

    def directly() -> None:
        kept: list[object] = []
        table.can_handle(None, make_str(str(project), kept))

    for name, peer in (("subprocess", through_program), ("ctypes", directly)):
        yield f"{CALLS} can_handle: helper / {name}", _pairs(through_helper, peer, pairs)
    transport.close()


def selection_figures(work: Path, wasmrun: Sequence[str], pairs: int) -> Pairs:
    """Seconds for ``detect`` with 20 plugins installed, and for one with none plus a helper's start."""
    full, empty = work / "home-full", work / "home-empty"
    library = None
    for number in range(PLUGINS):
        folder = _build(f"tally-{number}", work / "many")
        library = next((folder / "lib").glob("lib*"))
        _run((*wasmrun, "plugin", "install", str(folder)), home=full)
    assert library is not None  # noqa: S101 - there are twenty
    project = work / "many" / "tally-0" / "example"
    found = library

    def start_helper() -> None:
        transport = _transport(found, work)
        transport.open()
        transport.end()

    detect = (*wasmrun, "detect", str(project))
    none = work / "c-hello"
    timed: Pairs = []
    for number in range(pairs + 1):
        ours = _seconds(lambda: _run(detect, home=full))
        without = _seconds(lambda: _run((*wasmrun, "detect", str(none)), home=empty))
        pair = (ours, without + _seconds(start_helper))
        if number:
            timed.append(pair)
    return timed


def _build(name: str, parent: Path) -> Path:
    parent.mkdir(parents=True, exist_ok=True)
    new_plugin(name, "c", parent)
    folder = parent / name
    subprocess.run(["make"], cwd=folder, check=True, capture_output=True)
    return folder


def _transport(library: Path, work: Path) -> FfiTransport:
    info = PluginInfo(name="tally-c", version="1", description="Counts.", entry_files=("main.tallyc",))
    manifest = PluginManifest(info=info, language="tallyc", transports=Transports(ffi="tally_c"))
    world = TransportWorld(environ=dict(os.environ), home=Home(root=work / "home"))
    return FfiTransport(
        Callee(name="tally-c", manifest=manifest, paths=StartPaths(library=library), world=world)
    )


def _pairs(ours: Callable[[], None], peer: Callable[[], None], pairs: int) -> Pairs:
    def many(call: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            for _ in range(CALLS):
                call()

        return run

    ours()
    return [(_seconds(many(ours)), _seconds(many(peer))) for _ in range(pairs)]


def _seconds(call: Callable[[], None]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _run(command: Sequence[str], *, home: Path) -> None:
    env = {**os.environ, "WASMRUN_HOME": str(home)}
    subprocess.run(command, env=env, check=True, capture_output=True)
