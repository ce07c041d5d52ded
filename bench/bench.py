"""What wasmrun costs, as ratios against the bare tools, taken in one run.

Each row runs wasmrun and its peer in turn, A B A B …, so that a machine whose speed drifts changes both;
the ratio and the difference are medians over the pairs. ``--strict`` ends with 1 when a budget is missed.

    python bench/bench.py [--quick] [--strict]
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from plugins_builtin.python.py2wasm import FIXED_OPTIONS, PATCHELF
from plugins_builtin.python.wasi_sdk import ADDED_SOURCE, format_shell
from wasmrun_py.toolchain.catalog import COMPONENTIZE_PY, PY2WASM, ZIG
from wasmrun_py.toolchain.python_tools import find_python

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROOT = Path(__file__).parent.parent
PY_HELLO = ROOT / "fixtures" / "projects" / "py-hello"
HELLO = ROOT / "fixtures" / "projects" / "c-hello"
SERIES = ROOT / "fixtures" / "projects" / "as-library"
BIG_FUNCTIONS = 40_000
INSTALLED = 20
BIG_BODY_BYTES = 512

BARE_WORLD = """package bare:hello;
world hello { export wasi:cli/run@0.2.0; }
"""
BARE_CLI = """package wasi:cli@0.2.0;
interface run { run: func() -> result; }
"""
BARE_APP = """import sys
from wit_world import exports

class Run(exports.Run):
    def run(self):
        names = sys.argv[1:] or ["Python"]
        print(f"Hello from {' and '.join(names)}")
"""

DIRECT_EXEC = """
import sys, wasmtime
engine = wasmtime.Engine()
linker = wasmtime.Linker(engine)
linker.define_wasi()
store = wasmtime.Store(engine)
wasi = wasmtime.WasiConfig()
wasi.argv = [sys.argv[1]]
wasi.inherit_stdout()
store.set_wasi(wasi)
instance = linker.instantiate(store, wasmtime.Module.from_file(engine, sys.argv[1]))
try:
    instance.exports(store)["_start"](store)
except wasmtime.ExitTrap as end:
    sys.exit(end.code)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One comparison.

    Attributes:
        name: What is compared.
        ours: wasmrun's command line.
        peer: The bare tool's.
        ratio_budget: The largest allowed ratio, or None.
        added_budget_s: The largest allowed difference in seconds, or None.
        either_budget: A largest ratio and a largest difference in seconds, of which one must hold, or None.
        total_budget_s: The largest allowed time of ours in seconds, or None.
        pairs: The largest number of pairs for a row whose runs take long, with --quick and without; or None.
        reset: Run before each of our runs (a fresh home), untimed.
    """

    name: str
    ours: Sequence[str]
    peer: Sequence[str]
    ratio_budget: float | None = None
    added_budget_s: float | None = None
    either_budget: tuple[float, float] | None = None
    total_budget_s: float | None = None
    pairs: tuple[int, int] | None = None
    reset: Callable[[], None] = lambda: None


def main() -> int:
    """Run every row that this machine has the tools for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="five pairs a row instead of fifteen")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a budget is missed")
    options = parser.parse_args()
    pairs = 5 if options.quick else 15
    missed = 0
    with tempfile.TemporaryDirectory(prefix="wasmrun-bench-") as folder:
        work = Path(folder)
        environ = {**os.environ, "WASMRUN_HOME": str(work / "home"), "NO_COLOR": "1"}
        environ.pop("PYTHONDONTWRITEBYTECODE", None)
        print(f"{'what':<44}{'ours':>9}{'peer':>9}{'ratio':>8}{'added':>9}   budget")
        for row in rows(work):
            most = pairs if row.pairs is None else row.pairs[0 if options.quick else 1]
            missed += not show(row, measure(row, most, environ))
        figures = (
            *library_rows(work, pairs),
            *rebuild_rows(work, pairs, environ),
            *workspace_rows(work, pairs),
        )
        for row, timed in figures:
            missed += not show(row, timed)
    return 1 if missed and options.strict else 0


def rows(work: Path) -> Iterator[Row]:
    """The comparisons, with what they need put into ``work``."""
    wasmrun = find_wasmrun()
    bare_python = (sys.executable, "-c", "pass")
    project = Path(shutil.copytree(HELLO, work / "c-hello", ignore=shutil.ignore_patterns("dist")))
    yield Row(
        name="--version / python -c pass", ours=(*wasmrun, "--version"), peer=bare_python, ratio_budget=1.5
    )
    yield Row(
        name="detect / python -c pass",
        ours=(*wasmrun, "detect", str(project)),
        peer=bare_python,
        ratio_budget=7,
    )
    yield from compile_rows(work, wasmrun, project)
    yield from remote_cache_rows(work, wasmrun)
    yield from plugin_rows(work, wasmrun)
    yield from assemblyscript_rows(work, wasmrun)
    yield python_row(work, wasmrun)
    yield from py2wasm_rows(work, wasmrun)
    if os.name != "nt":
        yield zig_row(work, wasmrun)
    module = project / "dist" / "c-hello.wasm"
    if not module.is_file():
        subprocess.run([*wasmrun, "compile", str(project)], check=True, capture_output=True)
    yield Row(
        name="exec of a cached hello / wasmtime package",
        ours=(*wasmrun, "exec", str(module)),
        peer=(sys.executable, "-c", DIRECT_EXEC, str(module)),
        total_budget_s=0.2,
    )
    objdump = shutil.which("wasm-objdump")
    if objdump:
        big = work / "big.wasm"
        big.write_bytes(big_module())
        yield Row(
            name=f"inspect of {big.stat().st_size // 10**6} MB / wasm-objdump -h",
            ours=(*wasmrun, "inspect", str(big)),
            peer=(objdump, "-h", str(big)),
            total_budget_s=0.3,
        )


def compile_rows(work: Path, wasmrun: Sequence[str], project: Path) -> Iterator[Row]:
    """Cold builds of one C file, against the same line typed by hand."""
    source = str(project / "main.c")
    out = str(work / "peer.wasm")
    budgets = {"emcc": 0.15, "clang": None}
    lines = {
        "emcc": ("emcc", "-O3", source, "-o", out),
        "clang": ("clang", "--target=wasm32-wasi", "-O3", source, "-o", out),
    }

    def forget() -> None:
        shutil.rmtree(work / "home", ignore_errors=True)
        shutil.rmtree(project / "dist", ignore_errors=True)

    for toolchain, line in lines.items():
        if shutil.which(line[0]):
            yield Row(
                name=f"cold compile / {toolchain} -O3 by hand",
                ours=(*wasmrun, "compile", "--no-cache", str(project), "--toolchain", toolchain),
                peer=line,
                added_budget_s=budgets[toolchain],
                reset=forget,
            )


def remote_cache_rows(work: Path, wasmrun: Sequence[str]) -> Iterator[Row]:
    """A build from a remote cache on the loopback, nothing of it known on this machine, against making it."""
    from tests.build.cache.remote_servers import nginx  # noqa: PLC0415 - it can be found only now

    if shutil.which("emcc") is None or shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") is None:
        return
    project = Path(shutil.copytree(HELLO, work / "remote-hello", ignore=shutil.ignore_patterns("dist")))
    compile_line = (*wasmrun, "compile", str(project), "--toolchain", "emcc")
    with nginx(work / "remote-cache") as server:
        variables = (f"WASMRUN_REMOTE_CACHE={server.address}", f"WASMRUN_HOME={work / 'laptop'}")
        sender = {**os.environ, "WASMRUN_REMOTE_CACHE": server.address, "WASMRUN_HOME": str(work / "ci")}
        sender["WASMRUN_REMOTE_CACHE_MODE"] = "read-write"
        subprocess.run(compile_line, env=sender, capture_output=True, check=True)

        def forget() -> None:
            for folder in (work / "laptop", project / "dist"):
                shutil.rmtree(folder, ignore_errors=True)

        yield Row(
            name="compile, remote cache hit / emcc -O3 by hand",
            ours=("env", *variables, *compile_line),
            peer=("emcc", "-O3", str(project / "main.c"), "-o", str(work / "peer.wasm")),
            ratio_budget=1,
            reset=forget,
        )


def python_row(work: Path, wasmrun: Sequence[str]) -> Row:
    """A cold build of a small Python program, against componentize-py called by hand on its like.

    The first pair, which is not timed, installs componentize-py.
    """
    project = Path(shutil.copytree(PY_HELLO, work / "py-hello", ignore=shutil.ignore_patterns("dist")))
    bare = work / "bare"
    (bare / "wit" / "deps" / "cli").mkdir(parents=True)
    (bare / "wit" / "world.wit").write_text(BARE_WORLD)
    (bare / "wit" / "deps" / "cli" / "cli.wit").write_text(BARE_CLI)
    (bare / "app").mkdir()
    (bare / "app" / "app.py").write_text(BARE_APP)
    places = ("-p", str(bare / "app"), "-o", str(bare / "app.wasm"))
    pin = f"{COMPONENTIZE_PY.slug}/{COMPONENTIZE_PY.program}"
    peer = (sys.executable, "-I", str(work / "home" / "toolchains" / pin), "-d", str(bare / "wit"))
    return Row(
        name="cold Python compile / componentize-py by hand",
        ours=(*wasmrun, "compile", "--no-cache", str(project), "--toolchain", "componentize-py"),
        peer=(*peer, "-w", "hello", "componentize", "app", *places),
        either_budget=(1.1, 0.2),
        reset=lambda: shutil.rmtree(project / "dist", ignore_errors=True),
    )


def zig_row(work: Path, wasmrun: Sequence[str]) -> Row:
    """One C file with zig, whose own cache and libc are warm for both."""
    project = Path(shutil.copytree(HELLO, work / "zig-hello", ignore=shutil.ignore_patterns("dist")))
    home = work / "home"
    zig = home / "toolchains" / ZIG.slug / ZIG.program
    caches = dict.fromkeys(("ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR"), str(home / "cache" / "zig"))
    line = (str(zig), "cc", "--target=wasm32-wasi", "-O3", str(project / "main.c"))
    return Row(
        name="compile / zig cc -O3 by hand, both warm",
        ours=(*wasmrun, "compile", "--no-cache", str(project), "--toolchain", "zig"),
        peer=(
            "env",
            *(f"{name}={value}" for name, value in caches.items()),
            *line,
            "-o",
            str(work / "z.wasm"),
        ),
        reset=lambda: shutil.rmtree(project / "dist", ignore_errors=True),
    )


def py2wasm_rows(work: Path, wasmrun: Sequence[str]) -> Iterator[Row]:
    """The same for py2wasm, where the Python that it needs is there: the line that wasmrun writes, by hand.

    The first pair, which is not timed, installs py2wasm and zig and lets zig build its libc.
    """
    python = find_python(PY2WASM.python or "", os.environ)
    if python is None or os.name == "nt":
        print(f"there is no Python {PY2WASM.python}: no py2wasm row", file=sys.stderr)
        return
    home, bare = work / "home", work / "bare-py2wasm"
    project = Path(shutil.copytree(PY_HELLO, work / "py-slow", ignore=shutil.ignore_patterns("dist")))
    tools = bare / "bin"
    tools.mkdir(parents=True)
    zig = home / "toolchains" / ZIG.slug / ZIG.program
    (bare / "added.c").write_text(ADDED_SOURCE)
    for name, text in (("clang", format_shell(zig, bare / "added.c")), ("patchelf", PATCHELF)):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    cache = home / "cache"
    variables = {
        "CC": str(tools / "clang"),
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "CCFLAGS": "-O2 -fno-sanitize=undefined",
        "LDFLAGS": "-O2 -Wl,--strip-debug",
        "NUITKA_CACHE_DIR": str(cache / "py2wasm"),
        **dict.fromkeys(("ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR"), str(cache / "zig")),
    }
    launcher = home / "toolchains" / PY2WASM.slug / PY2WASM.program
    out = bare / "out"

    def forget() -> None:
        shutil.rmtree(project / "dist", ignore_errors=True)
        shutil.rmtree(out, ignore_errors=True)

    yield Row(
        name="cold Python compile / py2wasm by hand",
        ours=(*wasmrun, "compile", "--no-cache", str(project), "--toolchain", "py2wasm"),
        peer=(
            *("env", *(f"{name}={value}" for name, value in variables.items())),
            *(str(python), "-I", str(launcher), *FIXED_OPTIONS, "--lto=yes"),
            *(f"--output-dir={out}", str(project / "main.py")),
        ),
        either_budget=(1.1, 0.2),
        pairs=(1, 5),
        reset=forget,
    )


def plugin_rows(work: Path, wasmrun: Sequence[str]) -> Iterator[Row]:
    """Listing many plugins against listing none, and installing a wheel against ``uv tool install``."""
    from tests.plugin.material import (  # noqa: PLC0415 - it can be found only now
        Zork,
        write_plain,
        write_wheel,
    )

    full, empty = work / "home-full", work / "home-empty"
    for number in range(INSTALLED):
        plugin = Zork(name=f"plugin-{number}", command=f"plugin-{number}")
        install = (*wasmrun, "plugin", "install", str(write_plain(work / "plugins" / plugin.name, plugin)))
        env = {**os.environ, "WASMRUN_HOME": str(full)}
        subprocess.run(install, env=env, capture_output=True, check=True)
    yield Row(
        name=f"plugin list, {INSTALLED} installed / none",
        ours=("env", f"WASMRUN_HOME={full}", *wasmrun, "plugin", "list"),
        peer=("env", f"WASMRUN_HOME={empty}", *wasmrun, "plugin", "list"),
        ratio_budget=1.3,
    )
    uv = Path(sys.executable).with_name("uv")
    if not uv.is_file():
        return
    wheel = str(write_wheel(work / "wheel", Zork()))
    store, tools = work / "home-wheel", work / "tools"

    def forget() -> None:
        for folder in (store, tools):
            shutil.rmtree(folder, ignore_errors=True)

    places = (f"UV_TOOL_DIR={tools}", f"UV_TOOL_BIN_DIR={tools / 'bin'}")
    yield Row(
        name="plugin install of a wheel / uv tool install",
        ours=("env", f"WASMRUN_HOME={store}", *wasmrun, "plugin", "install", wheel),
        peer=("env", *places, str(uv), "tool", "install", wheel),
        ratio_budget=1.5,
        reset=forget,
    )


def assemblyscript_rows(work: Path, wasmrun: Sequence[str]) -> Iterator[Row]:
    """A cold build of two files with asc, against the same line typed by hand."""
    node = shutil.which("node")
    if node is None:
        return
    home = work / "home"
    install = (*wasmrun, "toolchain", "install", "asc")
    env = {**os.environ, "WASMRUN_HOME": str(home)}
    done = subprocess.run(install, env=env, capture_output=True, check=False)
    found = list((home / "toolchains").glob("asc-*/node_modules/assemblyscript/bin/asc.js"))
    if done.returncode != 0 or not found:
        print("asc could not be installed: no AssemblyScript row", file=sys.stderr)
        return
    copied = shutil.ignore_patterns("package*.json", "asconfig.json")
    project = Path(shutil.copytree(SERIES, work / "series", ignore=copied))
    entry, out = str(project / "assembly" / "index.ts"), str(work / "peer.wasm")

    def forget() -> None:
        shutil.rmtree(project / "dist", ignore_errors=True)

    yield Row(
        name="cold compile / asc -O3 by hand",
        ours=(*wasmrun, "compile", "--no-cache", str(project)),
        peer=(node, str(found[0]), entry, "-O3", "--outFile", out),
        either_budget=(1.1, 0.2),
        reset=forget,
    )


def library_rows(work: Path, pairs: int) -> Iterator[tuple[Row, list[tuple[float, float]]]]:
    """Plugins in shared libraries: a call through the helper, and selection over many of them."""
    from bench.libraries import (  # noqa: PLC0415 - it can be found only now
        PLUGINS,
        call_figures,
        have_tools,
        selection_figures,
    )

    if not have_tools():
        return
    budgets = {"subprocess": 1 / 8}
    for name, timed in call_figures(work, pairs):
        budget = budgets.get(name.rpartition(" ")[2])
        yield Row(name=name, ours=(), peer=(), ratio_budget=budget), timed
    yield (
        Row(name=f"detect, {PLUGINS} libraries / none + a helper", ours=(), peer=(), ratio_budget=3),
        selection_figures(work, find_wasmrun(), pairs),
    )


def workspace_rows(work: Path, pairs: int) -> Iterator[tuple[Row, list[tuple[float, float]]]]:
    """A workspace of C projects, cold and unchanged."""
    from bench.workspaces import (  # noqa: PLC0415 - it can be found only now
        JOBS,
        PROJECTS,
        Workspace,
        have_tools,
        workspace_figures,
    )

    if not have_tools():
        return
    workspace = Workspace(work / "workspace", find_wasmrun(), work / "home-workspace")
    cold, unchanged, started = workspace_figures(workspace, pairs, seconds)
    yield Row(name=f"{PROJECTS} projects cold / make -j{JOBS}", ours=(), peer=(), ratio_budget=1.15), cold
    yield Row(name="the same unchanged / ninja", ours=(), peer=(), ratio_budget=5), unchanged
    yield Row(name="the same unchanged / python -c pass", ours=(), peer=(), ratio_budget=1.7), started


def rebuild_rows(
    work: Path, pairs: int, environ: dict[str, str]
) -> Iterator[tuple[Row, list[tuple[float, float]]]]:
    """What ``run`` adds to a build."""
    from bench.rebuilds import save_figures, start_figures  # noqa: PLC0415 - it can be found only now

    if shutil.which("clang") is None:
        return
    project = Path(shutil.copytree(HELLO, work / "served", ignore=shutil.ignore_patterns("dist")))
    command = find_wasmrun()
    yield (
        Row(
            name="save to reload - build / a 500 ms poll",
            ours=(),
            peer=(),
            ratio_budget=0.5,
            total_budget_s=0.06,
        ),
        save_figures(command, project, max(pairs, 20), environ),
    )
    yield (
        Row(name="run, ready / compile", ours=(), peer=(), added_budget_s=0.5),
        start_figures(command, project, pairs, environ),
    )


def measure(row: Row, pairs: int, environ: dict[str, str]) -> list[tuple[float, float]]:
    """(ours, peer) in seconds for each pair, after one warm-up of both."""
    timed = []
    for number in range(pairs + 1):
        row.reset()
        pair = (seconds(row.ours, environ), seconds(row.peer, environ))
        if number:
            timed.append(pair)
    return timed


def seconds(command: Sequence[str], environ: dict[str, str]) -> float:
    """The wall-clock time of one successful run."""
    started = time.perf_counter()
    subprocess.run(command, env=environ, check=True, capture_output=True)
    return time.perf_counter() - started


def show(row: Row, timed: list[tuple[float, float]]) -> bool:
    """Print a row; False when it misses its budget."""
    ours = statistics.median(a for a, _ in timed)
    peer = statistics.median(b for _, b in timed)
    ratio = statistics.median(a / b for a, b in timed)
    added = statistics.median(a - b for a, b in timed)
    budgets = [
        (row.ratio_budget, ratio, "ratio <= {:g}"),
        (row.added_budget_s, added, "added <= {:g} s"),
        (row.total_budget_s, ours, "ours <= {:g} s"),
    ]
    either = row.either_budget
    held = either is None or ratio <= either[0] or added <= either[1]
    held &= all(budget is None or value <= budget for budget, value, _ in budgets)
    said = ", ".join(text.format(budget) for budget, _, text in budgets if budget is not None)
    said += "" if either is None else f"ratio <= {either[0]:g} or added <= {either[1]:g} s"
    verdict = "" if not said else "held" if held else "MISSED"
    print(
        f"{row.name:<44}{ours * 1000:>6.0f} ms{peer * 1000:>6.0f} ms{ratio:>8.2f}{added * 1000:>+6.0f} ms"
        f"   {said}{': ' if said else ''}{verdict}"
    )
    return held


def find_wasmrun() -> tuple[str, ...]:
    """The installed command beside this interpreter, else the module."""
    script = Path(sys.executable).parent / "wasmrun"
    return (str(script),) if script.is_file() else (sys.executable, "-m", "wasmrun_py")


def big_module() -> bytes:
    """A valid module of about 20 MB: many functions whose bodies do nothing at length."""
    body = b"\x00" + b"\x41\x00\x1a" * ((BIG_BODY_BYTES - 2) // 3) + b"\x0b"
    code = leb(BIG_FUNCTIONS) + (leb(len(body)) + body) * BIG_FUNCTIONS
    functions = leb(BIG_FUNCTIONS) + b"\x00" * BIG_FUNCTIONS
    sections = ((1, b"\x01\x60\x00\x00"), (3, functions), (7, b"\x01\x01f\x00\x00"), (10, code))
    return b"\0asm\1\0\0\0" + b"".join(bytes([number]) + leb(len(data)) + data for number, data in sections)


def leb(value: int) -> bytes:
    """Unsigned LEB128."""
    encoded = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        encoded.append(low | (0x80 if value else 0))
        if not value:
            return bytes(encoded)


if __name__ == "__main__":
    # A script's own folder is first on the path, where this file would hide the folder it lies in.
    sys.path[0] = str(ROOT)
    sys.exit(main())
