"""Start the real ``wasmrun run``, wait until it is ready, listen to its events, and end it."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

import httpx
import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

_READY_S = 60.0
_TOKEN = re.compile(r'name="wasmrun-token" content="([^"]+)"')


@dataclass(kw_only=True)
class Served:
    """A server that is ready.

    Attributes:
        child: Its process.
        document: What it printed.
        stderr: Everything it said so far.
        events: ``(name, data)`` of everything the pages were told, states left out.
        state: The newest state.
    """

    child: subprocess.Popen[str]
    document: dict[str, Any]
    stderr: list[str]
    events: list[tuple[str, Any]] = field(default_factory=list)
    state: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where its page is, with a slash at its end."""
        url: str = self.document["url"]
        return url

    @property
    def origin(self) -> str:
        """Its origin."""
        return self.url.rstrip("/")

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Ask for something."""
        return httpx.get(self.origin + path, headers=headers, trust_env=False, timeout=10)

    def token(self) -> str:
        """The token that stands in wasmrun's page."""
        match = _TOKEN.search(self.get("/_wasmrun/").text)
        assert match is not None
        return match[1]

    def ask(self, path: str) -> dict[str, Any]:
        """A JSON answer that wants the token."""
        answer: dict[str, Any] = self.get(path, **{"X-Wasmrun-Token": self.token()}).json()
        return answer

    def module(self) -> bytes:
        """The served module."""
        return self.get(self.ask("/_wasmrun/state")["program"]["module"]).content

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Collect events for as long as the block lasts."""
        headers = {"X-Wasmrun-Token": self.token(), "Origin": self.origin}
        with (
            httpx.Client(trust_env=False, timeout=httpx.Timeout(10, read=None)) as client,
            client.stream("POST", f"{self.origin}/_wasmrun/events", headers=headers) as stream,
        ):
            assert stream.status_code == 200, stream.read()
            thread = threading.Thread(target=self._listen, args=(stream,), daemon=True)
            thread.start()
            self.until(lambda: bool(self.state))
            yield

    def until(self, condition: Callable[[], bool], *, timeout_s: float = 60) -> None:
        """Wait for something to become true."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, (self.events, self.state.get("builds"), self.stderr)
            assert self.child.poll() is None, self.stderr
            time.sleep(0.02)

    def has(self, name: str) -> bool:
        """Whether pages were told something."""
        return any(each == name for each, _ in self.events)

    def said(self) -> str:
        """Everything on stderr so far."""
        return "".join(self.stderr)

    def end(self, number: int = signal.SIGINT) -> int:
        """Ask it to end; its exit code."""
        self.child.send_signal(number)
        return self.child.wait(timeout=20)

    def _listen(self, stream: httpx.Response) -> None:
        name = ""
        with contextlib.suppress(httpx.HTTPError, httpx.StreamError):
            for line in stream.iter_lines():
                if line.startswith("event: "):
                    name = line[7:]
                elif line.startswith("data: "):
                    data = json.loads(line[6:])
                    if name == "state":
                        self.state = data
                    else:
                        self.events.append((name, data))


@contextlib.contextmanager
def serving(*args: str | Path, env: Mapping[str, str], cwd: Path) -> Iterator[Served]:
    """``wasmrun run ARGS… --json --port 0``, ready; it is killed at the end if it still runs."""
    child = start(*args, env=env, cwd=cwd)
    stderr: list[str] = []
    document: list[str] = []
    ready = threading.Event()
    readers = [
        threading.Thread(target=_drain, args=(child.stderr, stderr), daemon=True),
        threading.Thread(target=_read_document, args=(child.stdout, document, ready), daemon=True),
    ]
    for reader in readers:
        reader.start()
    try:
        assert ready.wait(_READY_S), f"it was not ready: {''.join(stderr)}"
        assert document, f"it ended before it was ready: {''.join(stderr)}"
        yield Served(child=child, document=json.loads(document[0]), stderr=stderr)
    finally:
        family = [] if child.poll() is not None else psutil.Process(child.pid).children(recursive=True)
        if child.poll() is None:
            child.kill()
        child.wait()
        for process in family:
            with contextlib.suppress(psutil.Error):
                process.wait(timeout=5)
        for reader in readers:
            reader.join(timeout=5)


def start(*args: str | Path, env: Mapping[str, str], cwd: Path) -> subprocess.Popen[str]:
    """Start it, and wait for nothing."""
    return subprocess.Popen(
        [sys.executable, "-m", "wasmrun_py", "run", *map(str, args), "--json", "--port", "0"],
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _drain(stream: IO[str], into: list[str]) -> None:
    with stream:
        while line := stream.readline():
            into.append(line)


def _read_document(stream: IO[str], into: list[str], ready: threading.Event) -> None:
    text = ""
    with stream:
        for line in stream:
            text += line
            if line == "}\n":
                into.append(text)
                ready.set()
    ready.set()
