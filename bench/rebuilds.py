"""What ``wasmrun run`` adds to a build: figures for ``bench.py``, from the command and its event stream."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

POLL_S = 0.5
_PAUSE_S = 0.4
_TOKEN = re.compile(r'name="wasmrun-token" content="([^"]+)"')
Pairs = list[tuple[float, float]]


def save_figures(command: Sequence[str], project: Path, pairs: int, environ: dict[str, str]) -> Pairs:
    """From a save to the reload in the page, without the build itself; beside a watcher that polls.

    Args:
        command: How wasmrun is started.
        project: A C project with a ``main.c``; it is changed.
        pairs: How many saves.
        environ: The environment.

    Returns:
        (ours, peer) in seconds. The peer looks at the file's time every half second, from a moment of its
        own, and does nothing else.
    """
    main = project / "main.c"
    text = main.read_text(encoding="utf-8")
    timed = []
    with running(command, project, environ) as events:
        for number in range(pairs + 1):
            time.sleep(_PAUSE_S)
            saved = time.perf_counter()
            main.write_text(text.replace("Hello", f"Hello {number}"), encoding="utf-8")
            reloaded_s = _wait_for_reload(events) - saved
            ours = reloaded_s - _load_duration(events)
            if number:
                timed.append((ours, _poll_once(main)))
    main.write_text(text, encoding="utf-8")
    return timed


def start_figures(command: Sequence[str], project: Path, pairs: int, environ: dict[str, str]) -> Pairs:
    """Until the server is ready with the first build; beside ``compile`` of the same project."""
    timed = []
    for number in range(pairs + 1):
        started = time.perf_counter()
        child = _start(command, project, environ)
        _read_document(child)
        ours = time.perf_counter() - started
        child.terminate()
        child.communicate()
        started = time.perf_counter()
        compile_it = (*command, "compile", str(project), "--toolchain", "clang", "-O", "debug")
        subprocess.run(compile_it, env=environ, check=True, capture_output=True)
        peer = time.perf_counter() - started
        shutil.rmtree(project / "dist")
        if number:
            timed.append((ours, peer))
    return timed


class running:  # noqa: N801 - used as a function
    """The event stream of a server that runs for the block."""

    def __init__(self, command: Sequence[str], project: Path, environ: dict[str, str]) -> None:
        self._child = _start(command, project, environ)

    def __enter__(self) -> Iterator[tuple[str, Any]]:
        origin = _read_document(self._child)["url"].rstrip("/")
        self._client = httpx.Client(trust_env=False, timeout=httpx.Timeout(10, read=60))
        (token,) = _TOKEN.findall(self._client.get(f"{origin}/_wasmrun/").text)
        headers = {"X-Wasmrun-Token": token, "Origin": origin}
        self._stream = self._client.stream("POST", f"{origin}/_wasmrun/events", headers=headers)
        return _parse(self._stream.__enter__())

    def __exit__(self, *_details: object) -> None:
        self._child.terminate()
        self._client.close()
        self._child.communicate()


def _start(command: Sequence[str], project: Path, environ: dict[str, str]) -> subprocess.Popen[str]:
    argv = (*command, "run", str(project), "--json", "--port", "0", "--toolchain", "clang")
    return subprocess.Popen(
        argv,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def _read_document(child: subprocess.Popen[str]) -> dict[str, Any]:
    lines: list[str] = []
    for line in child.stdout or ():
        lines.append(line)
        if line == "}\n":
            break
    document: dict[str, Any] = json.loads("".join(lines))
    return document


def _parse(stream: httpx.Response) -> Iterator[tuple[str, Any]]:
    name = ""
    for line in stream.iter_lines():
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            yield name, json.loads(line[6:])


def _wait_for_reload(events: Iterator[tuple[str, Any]]) -> float:
    next(name for name, _ in events if name == "reload")
    return time.perf_counter()


def _load_duration(events: Iterator[tuple[str, Any]]) -> float:
    """How long the build took that the last reload came from."""
    state = next(data for name, data in events if name == "state" and data["status"] == "ok")
    duration_s: float = state["builds"][-1]["duration_s"]
    return duration_s


def _poll_once(file: Path) -> float:
    """From a save until a watcher that looks every half second has seen it."""
    before = file.stat().st_mtime_ns
    look_at = time.perf_counter() + random.uniform(0, POLL_S)  # noqa: S311 - no secret
    saved = time.perf_counter()
    file.touch()
    while True:
        time.sleep(max(0.0, look_at - time.perf_counter()))
        if file.stat().st_mtime_ns != before:
            return time.perf_counter() - saved
        look_at += POLL_S
