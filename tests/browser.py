"""A real browser that opens a folder through a server on this machine and tells what it saw."""

from __future__ import annotations

import functools
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright

from tests.conftest import require_tool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from playwright.sync_api import Browser, Dialog, Page

# What keeps the browser from talking to anybody of its own accord.
_ARGUMENTS = (
    *("--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-gpu"),
)
_TIMEOUT_MS = 90_000
# Set before any script of the page runs: the loader tells the program's end through an event.
_NOTE_EXIT = 'document.addEventListener("wasmrun:exit", (event) => { window.exitCode = event.detail.code; });'
_HAS_ENDED = "window.exitCode !== undefined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a visit to a page came to.

    Attributes:
        output: The text of the element ``output``.
        status: The text of the element ``status``; empty when there is none.
        errors: The text that is marked as stderr.
        exit_code: The program's, as the loader told it; None when it could not be started or did not tell.
        hosts: Every host that was asked for something.
        paths: Every path that was asked for.
        console: What the browser's console said.
        asked: The questions of ``input()``.
    """

    output: str
    status: str
    errors: str
    exit_code: int | None
    hosts: frozenset[str]
    paths: tuple[str, ...]
    console: tuple[str, ...]
    asked: tuple[str, ...]


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_args: object) -> None:
        """Nothing: the test's output is the test's."""


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve a folder on the loopback interface; its address, ending in a slash."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=folder))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def opened_browser(*further: str) -> Iterator[Browser]:
    """The machine's chromium, with further arguments of its command line."""
    chromium = require_tool("chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=[*_ARGUMENTS, *further])
        try:
            yield browser
        finally:
            browser.close()


def visit(
    browser: Browser,
    folder: Path,
    *,
    query: str = "",
    answers: Sequence[str] = (),
    until: str = _HAS_ENDED,
    look: Callable[[Page], None] = lambda _page: None,
) -> Seen:
    """Open ``index.html`` of a folder and wait.

    Args:
        browser: From ``opened_browser``.
        folder: What is served.
        query: What follows the address, with its ``?``.
        answers: What is typed into the prompts of ``input()``; after the last one they are dismissed.
        until: JavaScript that is true when there is nothing more to wait for.
        look: Called with the page at the end.
    """
    asked: list[str] = []
    console: list[str] = []
    requests: list[str] = []
    left = list(answers)

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.message)
        if left:
            dialog.accept(left.pop(0))
        else:
            dialog.dismiss()

    with serving(folder) as address:
        page = browser.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: console.append(message.text))
        page.on("dialog", answer)
        page.add_init_script(_NOTE_EXIT)
        page.goto(address + query)
        page.wait_for_function(until, timeout=_TIMEOUT_MS)
        look(page)
        seen = Seen(
            output=_text(page, "#output"),
            status=_text(page, "#status"),
            errors="".join(page.locator("#output .stderr").all_text_contents()),
            exit_code=page.evaluate("window.exitCode"),
            hosts=frozenset(urlsplit(url).hostname or "" for url in requests if not url.startswith("data:")),
            paths=tuple(urlsplit(url).path for url in requests),
            console=tuple(console),
            asked=tuple(asked),
        )
        page.close()
    return seen


def _text(page: Page, selector: str) -> str:
    return "".join(page.locator(selector).all_text_contents())
