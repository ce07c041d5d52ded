"""End the process at every file operation of every change of the store, and see what the next commands find.

A script (``python -m tests.plugin.store.kill_every_operation``) that prints its counts, and what
``test_store_kill`` runs. For each operation (install, update, uninstall, enable, disable, rollback) the
number of file operations is counted first; then, for each of them, a fresh copy of the home is taken, the
operation is run again in a process that kills itself (SIGKILL) right before the Nth one, and after it
``plugin list`` and a build are run as a user would. What may be found: the old state or the new one, whole;
no stray file.

The operations are seen through CPython's audit events (PEP 578), so that nothing of wasmrun knows of it.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import signal
import sys
import tempfile
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.plugin.material import write_tree

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "wasmrun-zork"
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = {
    *("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "os.link", "os.chmod", "os.truncate"),
    *("os.utime", "shutil.rmtree", "shutil.copyfile", "shutil.move", "tempfile.mkstemp", "tempfile.mkdtemp"),
    "subprocess.Popen",
}


@dataclass
class Tally:
    """What was seen.

    Attributes:
        killed: Operation -> how many times it was ended.
        old: How many times the old state was found.
        new: How many times the new one.
        broken: What was wrong, one line each.
    """

    killed: dict[str, int] = field(default_factory=dict)
    old: int = 0
    new: int = 0
    broken: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Operation:
    """One change: its command line, the homes before and after it, and what builds may say after it."""

    name: str
    argv: tuple[str, ...]
    before: Path
    versions: tuple[str | None, str | None]
    enabled: tuple[bool, bool] = (True, True)


def run(
    argv: tuple[str, ...], home: Path, out: Path, *, on_event: Callable[[int], None] | None = None
) -> int:
    """Run a command line in a fork; its exit code, or minus the signal. ``on_event`` is told each count."""
    child = os.fork()
    if child == 0:
        try:
            _become_wasmrun(argv, home, out, on_event)
        finally:
            os._exit(99)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def count_operations(argv: tuple[str, ...], home: Path, folder: Path) -> int:
    """How many file operations a command line makes."""
    counted = folder / "count"
    handle = os.open(counted, os.O_CREAT | os.O_RDWR)

    def note(count: int) -> None:
        os.pwrite(handle, str(count).encode(), 0)

    code = run(argv, home, folder / "out", on_event=note)
    os.close(handle)
    if code != 0:
        raise RuntimeError(f"{argv} ended with {code}: {(folder / 'out.err').read_text()}")
    return int(counted.read_text())


def kill_everywhere(
    operation: Operation, folder: Path, project: Path, tally: Tally, *, step: int = 1
) -> None:
    """End one operation at each of its file operations and judge what is found."""
    scratch = _copy_home(operation.before, folder / "home")
    total = count_operations(operation.argv, scratch, folder)
    for point in range(1, total + 1, step):
        home = _copy_home(operation.before, folder / "home")

        def kill(count: int, point: int = point) -> None:
            if count == point:
                os.kill(os.getpid(), signal.SIGKILL)

        ended = run(operation.argv, home, folder / "out", on_event=kill)
        if ended != -signal.SIGKILL:
            tally.broken.append(f"{operation.name} at {point} of {total}: it ended with {ended}")
            continue
        tally.killed[operation.name] = tally.killed.get(operation.name, 0) + 1
        problem = _judge(operation, home, folder, project, tally)
        if problem is not None:
            tally.broken.append(f"{operation.name} at {point} of {total}: {problem}")


def _judge(  # noqa: PLR0911 - one a finding
    operation: Operation, home: Path, folder: Path, project: Path, tally: Tally
) -> str | None:
    """What is wrong with what the next commands find, or None."""
    listed = _json(("plugin", "list", "--json"), home, folder)
    if listed is None:
        return f"plugin list failed: {(folder / 'out.err').read_text()}"
    plugins = {each["name"]: each for each in listed["plugins"]}
    found = plugins.get(NAME)
    version = found["version"] if found else None
    enabled = found["enabled"] if found else True
    config = home / "config.toml"
    if config.exists():
        tomllib.loads(config.read_text(encoding="utf-8"))
    states = list(zip(operation.versions, operation.enabled, strict=True))
    if (version, enabled) not in states:
        return f"neither old nor new: {version}, enabled {enabled}"
    if (version, enabled) == states[0]:
        tally.old += 1
    else:
        tally.new += 1
    if found and found["health"]["status"] != "healthy":
        return f"unhealthy: {found['health']}"
    stray = find_stray(home, listed)
    if stray:
        return f"stray: {stray}"
    output = folder / "dist"
    shutil.rmtree(output, ignore_errors=True)
    built = _json(("compile", str(project), "-o", str(output), "--json"), home, folder)
    if version is None or not enabled:
        return "a build without the plugin succeeded" if built else None
    if built is None:
        return f"the build failed: {(folder / 'out.err').read_text()} {(folder / 'out').read_text()}"
    if built["plugin"]["version"] != version:
        return f"built by {built['plugin']['version']}, and {version} is listed"
    return None


def find_stray(home: Path, listed: dict[str, Any]) -> list[str]:
    """What lies in the home and belongs to no installed plugin."""
    names = {each["name"] for each in listed["plugins"] if each["type"] == "external"}
    config = home / "config.toml"
    tables = tomllib.loads(config.read_text(encoding="utf-8")) if config.exists() else {}
    kept = set()
    for entry in tables.get("external_plugins", {}).values():
        kept.add(entry["generation"])
        kept.add(entry.get("previous", {}).get("generation"))
    stray = [path.name for path in home.glob(".*")]
    for folder, wanted in (("store", kept), ("plugins", names), ("bin", names)):
        if (home / folder).is_dir():
            stray += [
                f"{folder}/{path.name}" for path in (home / folder).iterdir() if path.name not in wanted
            ]
    return stray


def _json(argv: tuple[str, ...], home: Path, folder: Path) -> dict[str, Any] | None:
    out = folder / "out"
    code = run(argv, home, out)
    if code != 0:
        return None
    document: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return document


def _become_wasmrun(
    argv: tuple[str, ...], home: Path, out: Path, on_event: Callable[[int], None] | None
) -> None:
    """The rest of a forked process's life."""
    for number, path in ((1, out), (2, out.with_name("out.err"))):
        handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        os.dup2(handle, number)
    # The parent's may be somebody's capture, which no descriptor leads to.
    sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
    os.environ.update(WASMRUN_HOME=str(home), NO_COLOR="1")
    from wasmrun_py.cli.main import run as run_wasmrun  # noqa: PLC0415 - in the child only

    if on_event is not None:
        count = 0
        inside = str(home)

        def hook(event: str, args: tuple[Any, ...]) -> None:
            nonlocal count
            if event == "open" and not (
                isinstance(args[2], int) and args[2] & _WRITES and str(args[0]).startswith(inside)
            ):
                return
            if event == "open" or event in _CHANGES:
                count += 1
                on_event(count)

        sys.addaudithook(hook)
    code = run_wasmrun(list(argv))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _copy_home(home: Path, into: Path) -> Path:
    shutil.rmtree(into, ignore_errors=True)
    if home.exists():
        shutil.copytree(home, into, symlinks=True)
    return into


def preload() -> None:
    """Import what the commands import, once, so that every fork has it."""
    for name in (
        *("typer", "tomlkit", "filelock", "psutil", "wasmtime", "wasmrun_py.cli.main", "wasmrun_py.cli.app"),
        *("wasmrun_py.cli.commands.compile", "wasmrun_py.build.compile", "wasmrun_py.plugin.probe"),
        *("wasmrun_py.plugin.store.changes", "wasmrun_py.plugin.install.dispatch"),
        *("wasmrun_py.plugin.transport.command", "wasmrun_py.build.outputs", "wasmrun_py.build.optimize"),
    ):
        importlib.import_module(name)


def prepare(folder: Path) -> tuple[list[Operation], Path]:
    """The homes that the operations start from, made by real installations; and a project to build."""
    preload()
    source, project = folder / "source", write_tree(folder / "project", {"main.zork": "42"})
    install = ("plugin", "install", str(source))
    homes = {name: folder / f"home-{name}" for name in ("empty", "one", "stale", "two", "disabled")}

    def must(argv: tuple[str, ...], home: Path) -> None:
        count_operations(argv, home, folder)

    write_shell_plugin(source, "1.0.0")
    must(install, homes["one"])
    _copy_home(homes["one"], homes["stale"])
    _copy_home(homes["one"], homes["two"])
    _copy_home(homes["one"], homes["disabled"])
    must(("plugin", "disable", NAME), homes["disabled"])
    write_shell_plugin(source, "2.0.0")
    must(("plugin", "update", NAME), homes["two"])
    return [
        Operation("install", install, homes["empty"], (None, "2.0.0")),
        Operation("update", ("plugin", "update", NAME), homes["stale"], ("1.0.0", "2.0.0")),
        Operation("rollback", ("plugin", "rollback", NAME), homes["two"], ("2.0.0", "1.0.0")),
        Operation("uninstall", ("plugin", "uninstall", NAME), homes["two"], ("2.0.0", None)),
        Operation("enable", ("plugin", "enable", NAME), homes["disabled"], ("1.0.0", "1.0.0"), (False, True)),
        Operation("disable", ("plugin", "disable", NAME), homes["one"], ("1.0.0", "1.0.0"), (True, False)),
    ], project


def write_shell_plugin(folder: Path, version: str) -> Path:
    """A plugin that takes two milliseconds: its program is a shell script with a finished module."""
    manifest = (
        f'name = "zork"\nplugin = "{NAME}"\nversion = "{version}"\nentry_files = ["main.zork"]\n'
        f'[transports]\ncommand = "{NAME}"\n'
    )
    program = (
        '#!/bin/sh\ncase "$1 $2" in\n  "compile --help") echo "-p -o --optimization" ;;\n'
        '  compile*) cp "$(dirname "$0")/../share/answer.wasm" "$5/answer.wasm"\n'
        '    echo "WASM file: $5/answer.wasm" ;;\nesac\n'
    )
    module = b"\0asm\1\0\0\0"
    write_tree(folder, {"wasmrun_plugin.toml": manifest, f"bin/{NAME}": program, "share/answer.wasm": module})
    (folder / "bin" / NAME).chmod(0o755)
    return folder


def main() -> int:
    """Run it all and print the counts."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve()
        operations, project = prepare(folder)
        for operation in operations:
            kill_everywhere(operation, folder, project, tally)
    report(tally)
    return 1 if tally.broken else 0


def report(tally: Tally) -> None:
    """Print the counts."""
    for name, killed in tally.killed.items():
        print(f"{name}: ended at {killed} file operations")  # noqa: T201 - a script's output
    total = sum(tally.killed.values())
    found = f"old state {tally.old}, new state {tally.new}, broken {len(tally.broken)}"
    print(f"in all: ended {total} times, {found}")  # noqa: T201 - as above
    for line in tally.broken:
        print(f"  {line}")  # noqa: T201 - as above


if __name__ == "__main__":
    sys.exit(main())
