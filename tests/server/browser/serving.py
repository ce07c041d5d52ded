"""The real command serving a real project, and a real browser's pages that remember what they did."""

from __future__ import annotations

import contextlib
import itertools
import json
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from playwright.sync_api import Browser, ConsoleMessage, Locator, Page

ROOT = Path(__file__).parents[3]
SCREENSHOTS = ROOT / "build" / "screenshots"
# A toolchain that other tests keep busy needs its time; nothing waits for longer than it has to.
PATIENCE_MS = 60_000
_LOOPBACK = frozenset({"localhost", "127.0.0.1"})
_END_S = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A project that ``wasmrun run`` serves.

    Attributes:
        project: Its folder; what is saved there is built.
        url: The app's address, with its slash.
        ui_url: That of wasmrun's page.
    """

    project: Path
    url: str
    ui_url: str

    def edit(self, file: str, old: str, new: str) -> None:
        """Save a file in which ``old`` is ``new``, as an editor does: all of it at once."""
        path = self.project / file
        text = path.read_text()
        assert text.count(old) == 1, f"{file} has {text.count(old)} times {old!r}"
        saved = path.with_name(f".{path.name}.saved")
        saved.write_text(text.replace(old, new))
        saved.replace(path)


@contextlib.contextmanager
def served(project: Path, *options: str, environ: Mapping[str, str], said: Path) -> Iterator[Served]:
    """Serve a project on a free port for as long as the block lasts.

    Args:
        project: Its folder, or a file.
        options: Further options of ``wasmrun run``.
        environ: The environment, with a WASMRUN_HOME.
        said: The file that takes what it writes to stderr.
    """
    command = [sys.executable, "-m", "wasmrun_py", "run", str(project), "--port", "0", "--json", *options]
    with said.open("w") as errors:
        process = subprocess.Popen(
            command, env=dict(environ), cwd=said.parent, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    assert process.stdout is not None
    try:
        lines = list(itertools.takewhile(lambda line: line != "}\n", process.stdout))
        assert lines, said.read_text()
        document = json.loads("".join(lines) + "}")
        yield Served(project=project, url=document["url"], ui_url=document["ui_url"])
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One open page.

    Attributes:
        page: The browser's page.
        hosts: Every host that was asked for something.
        complaints: Errors and warnings of its console, and exceptions that nobody caught.
        loads: The addresses that the page's own frame was loaded from.
    """

    page: Page
    hosts: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)

    def by(self, testid: str) -> Locator:
        """The element with a ``data-testid``."""
        return self.page.get_by_test_id(testid)

    def choose(self, tab: str) -> None:
        """Go to one of the four pages by its tab."""
        self.page.get_by_role("tab", name=tab).click()

    def run_with(self, arguments: str) -> None:
        """Run the program with arguments, as typed."""
        self.by("args").fill(arguments)
        self.by("run").click()

    def picture(self, name: str, *, whole: bool = True) -> None:
        """Keep a picture of the page, for people to look at: the whole of it, or what the window shows."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.evaluate("scrollTo(0, 0)")
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=whole)


@contextlib.contextmanager
def visited(
    browser: Browser,
    url: str,
    *,
    width: int = 1280,
    dark: bool = False,
    harmless: frozenset[str] = frozenset(),
) -> Iterator[Visit]:
    """Open an address; at the end nothing may have left the machine, and the console must be silent.

    Args:
        browser: From ``opened_browser``.
        url: The address.
        width: Of the window, in CSS pixels.
        dark: The system's colours are dark.
        harmless: Parts of complaints that the test itself provokes.
    """
    context = browser.new_context(
        viewport={"width": width, "height": 860}, color_scheme="dark" if dark else "light"
    )
    visit = Visit(page=context.new_page())

    def hear(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            visit.complaints.append(message.text)

    context.on("request", lambda request: visit.hosts.add(urlsplit(request.url).hostname or ""))
    visit.page.on("console", hear)
    visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    visit.page.on(
        "framenavigated",
        lambda frame: visit.loads.append(frame.url) if frame == visit.page.main_frame else None,
    )
    expect.set_options(timeout=PATIENCE_MS)
    try:
        visit.page.goto(url)
        yield visit
        left = [each for each in visit.complaints if not any(part in each for part in harmless)]
        assert not left, left
        assert visit.hosts - {""} <= _LOOPBACK, visit.hosts
    finally:
        context.close()
