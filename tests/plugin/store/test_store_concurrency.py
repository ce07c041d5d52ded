"""Many processes changing plugins at once: a serial order explains what each of them said, and the end."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.plugin.material import Zork, write_plain
from tests.plugin.store.kill_every_operation import find_stray

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Wasmrun

PROCESSES = 16
NAMES = ("one", "two")
Edge = tuple[str | None, str | None]


def explains(edges: Counter[Edge], start: str | None, end: str | None) -> bool:
    """Whether the steps can be put in an order in which each begins where the one before it ended."""
    seen: set[tuple[str | None, frozenset[tuple[Edge, int]]]] = set()

    def walk(state: str | None, left: Counter[Edge]) -> bool:
        if not left:
            return state == end
        key = (state, frozenset(left.items()))
        if key in seen:
            return False
        seen.add(key)
        return any(walk(edge[1], left - Counter([edge])) for edge in list(left) if edge[0] == state)

    return walk(start, edges)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_a_serial_order_explains_sixteen_processes(
    seed: int, tmp_path: Path, home: Path, environ: dict[str, str], wasmrun: Wasmrun
) -> None:
    """Install, update, enable, disable, roll back and uninstall, all at once, of two plugins."""
    chance = random.Random(seed)  # noqa: S311 - a repeatable shuffle
    sources = {
        (name, version): write_plain(
            tmp_path / f"{name}-{version}", Zork(name=name, command=name, version=version)
        )
        for name in NAMES
        for version in ("1.0.0", "2.0.0")
    }
    lines: list[tuple[str, tuple[str, ...]]] = []
    for number in range(PROCESSES):
        name = NAMES[number % 2]
        verb = chance.choice(
            ("install", "install", "install", "update", "uninstall", "disable", "enable", "rollback")
        )
        target = str(sources[name, chance.choice(("1.0.0", "2.0.0"))]) if verb == "install" else name
        lines.append((name, ("plugin", verb, target, "--json")))
    running = [
        (
            name,
            argv,
            subprocess.Popen(
                [sys.executable, "-m", "wasmrun_py", *argv],
                env=environ,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            ),
        )
        for name, argv in lines
    ]
    edges: dict[str, Counter[Edge]] = {name: Counter() for name in NAMES}
    for name, argv, process in running:
        out, err = process.communicate(timeout=240)
        assert process.returncode in {0, 1, 3}, (argv, out, err)
        document = json.loads(out)
        if process.returncode == 0:
            edges[name][document["previous_version"], document["version"]] += 1
            continue
        # The only failures there are: it was not installed at that moment, or had nothing to roll back to.
        assert document["error"]["code"] in {"plugin-not-found", "plugin-install-failed"}, err
        if process.returncode == 3:
            edges[name][None, None] += 1
        else:
            assert "rollback" in argv
    listed = wasmrun("plugin", "list", "--json").document
    plugins: dict[str, Any] = {each["name"]: each for each in listed["plugins"] if each["type"] == "external"}
    for name in NAMES:
        end = plugins[name]["version"] if name in plugins else None
        assert explains(edges[name], None, end), (edges[name], end)
    assert all(each["health"]["status"] == "healthy" for each in plugins.values())
    assert find_stray(home, listed) == []


def test_a_waiter_says_who_holds_the_lock(tmp_path: Path, home: Path, environ: dict[str, str]) -> None:
    """A second change of the same plugin names the first one's command and process while it waits."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home)], stdout=subprocess.PIPE, text=True, env=environ
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        out, err = _wait_for(holder, tmp_path, environ)
    assert f"Waiting for another wasmrun: wasmrun plugin update zork (process {holder.pid})" in err
    assert "Installed zork 1.0.0" in out


def _wait_for(holder: subprocess.Popen[str], tmp_path: Path, environ: dict[str, str]) -> tuple[str, str]:
    """Install while the lock is held, let it go after a moment; what the installation said."""
    source = write_plain(tmp_path / "zork", Zork(name="zork"))
    waiter = subprocess.Popen(
        [sys.executable, "-m", "wasmrun_py", "plugin", "install", str(source)],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(1.5)
    assert waiter.poll() is None
    holder.terminate()
    holder.wait(timeout=20)
    out, err = waiter.communicate(timeout=60)
    assert waiter.returncode == 0, err
    return out, err


HOLD = """
import sys, time
from pathlib import Path
from wasmrun_py.model.events import SilentReporter
from wasmrun_py.plugin.store.lock import plugin_lock
from wasmrun_py.system.paths import Home
with plugin_lock(Home(root=Path(sys.argv[1])), "zork", "plugin update zork", SilentReporter()):
    print("held", flush=True)
    time.sleep(60)
"""
