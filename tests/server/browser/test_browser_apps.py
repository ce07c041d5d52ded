"""Web apps with wasmrun's reload client in them, in a real browser: reloads, style sheets, the overlay."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect
from wasmtime import wat2wasm

from tests.conftest import copy_project, require_tool
from tests.server.browser.serving import served, visited

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Route

# An icon of its own, or the browser asks for one that is not there.
TALL = '<link rel="icon" href="data:,"><style>body { min-height: 4000px; }</style></head>'


def test_a_web_app_in_c_reloads_restyles_and_tells_mistakes(
    tmp_path: Path, browser: Browser, serving_environ: dict[str, str]
) -> None:
    """Output and scroll position over a reload, a style sheet without one, the overlay, Esc, and mended."""
    require_tool("emcc")
    project = copy_project("c-web", tmp_path)
    page = project / "index.html"
    page.write_text(page.read_text().replace("</head>", TALL))
    with (
        served(project, "-t", "web", environ=serving_environ, said=tmp_path / "said.txt") as running,
        visited(browser, running.url) as visit,
        visited(browser, running.ui_url, dark=True) as ui,
    ):
        output = visit.page.locator("#output")
        expect(output).to_have_text("c-web: 64 by 64 pixels\n")
        framed = ui.page.frame_locator("[data-testid=app-frame]")
        expect(framed.locator("#output")).to_have_text("c-web: 64 by 64 pixels\n")
        visit.page.evaluate("scrollTo(0, 700)")
        running.edit("main.c", "c-web: %d by %d", "c-web now: %d by %d")
        expect(output).to_have_text("c-web now: 64 by 64 pixels\n")
        expect(framed.locator("#output")).to_have_text("c-web now: 64 by 64 pixels\n")
        assert len(visit.loads) == 2
        visit.page.wait_for_function("scrollY === 700")
        ui.picture("app-run-dark-1280")

        visit.page.evaluate("window.same = true")
        canvas = visit.page.locator("#canvas")
        expect(canvas).to_have_css("width", "256px")
        running.edit("style.css", "256px", "128px")
        expect(canvas).to_have_css("width", "128px")
        expect(visit.page.locator("link[rel=stylesheet]")).to_have_count(1)
        assert visit.page.evaluate("window.same") is True

        running.edit("main.c", "return pixels;", "return pixles;")
        overlay = visit.by("overlay")
        expect(overlay).to_be_visible()
        expect(overlay).to_contain_text(re.compile(r"main\.c:18:\d+"))
        expect(overlay).to_contain_text("pixles")
        expect(ui.by("overlay")).to_contain_text("pixles")
        # Once, beside the frame: not in it too.
        expect(framed.get_by_test_id("overlay")).to_have_count(0)
        expect(output).to_have_text("c-web now: 64 by 64 pixels\n")
        visit.picture("app-overlay-light-1280", whole=False)
        visit.page.keyboard.press("Escape")
        expect(overlay).to_have_count(0)
        running.edit("main.c", "return pixles;", "return pixxels;")
        expect(overlay).to_contain_text("pixxels")
        running.edit("main.c", "return pixxels;", "return pixels;")
        expect(overlay).to_have_count(0)
        expect(ui.by("overlay")).to_have_count(0)
        assert len(ui.loads) == 1


def test_a_page_that_missed_a_build_is_loaded_again_once(
    tmp_path: Path, browser: Browser, serving_environ: dict[str, str]
) -> None:
    """A build that ends between a page's bytes and its event stream is noticed; nothing reloads twice."""
    require_tool("emcc")
    project = copy_project("c-web", tmp_path)
    page = project / "index.html"
    page.write_text(page.read_text().replace("</head>", TALL))
    with (
        served(project, "-t", "web", environ=serving_environ, said=tmp_path / "said.txt") as running,
        visited(browser, running.ui_url) as ui,
        visited(browser, "about:blank") as visit,
    ):
        held: list[Route] = []

        def hold(route: Route) -> None:
            held.append(route)

        visit.page.route("**/_wasmrun/events", hold, times=1)
        visit.page.goto(running.url)
        output = visit.page.locator("#output")
        expect(output).to_have_text("c-web: 64 by 64 pixels\n")
        running.edit("main.c", "c-web: %d by %d", "c-web now: %d by %d")
        framed = ui.page.frame_locator("[data-testid=app-frame]").locator("#output")
        expect(framed).to_have_text("c-web now: 64 by 64 pixels\n")
        held[0].continue_()
        expect(output).to_have_text("c-web now: 64 by 64 pixels\n")
        running.edit("main.c", "c-web now: %d by %d", "c-web then: %d by %d")
        expect(output).to_have_text("c-web then: 64 by 64 pixels\n")
        assert visit.loads == ["about:blank", *[running.url] * 3]


@pytest.mark.network
def test_a_web_app_in_python_follows_its_source(
    tmp_path: Path, browser: Browser, serving_environ: dict[str, str]
) -> None:
    """What it prints, what it prints after a save, a syntax error at its line, and mended."""
    project = copy_project("py-hello", tmp_path)
    source = project / "main.py"
    source.write_text('print("Hello from the first version")\n')
    with (
        served(project, "-t", "web", environ=serving_environ, said=tmp_path / "said.txt") as running,
        visited(browser, running.url) as visit,
    ):
        output = visit.page.locator("#output")
        expect(output).to_contain_text("Hello from the first version")
        running.edit("main.py", "first", "second")
        expect(output).to_contain_text("Hello from the second version")
        running.edit("main.py", 'version")', 'version"')
        expect(visit.by("overlay")).to_contain_text(re.compile(r"main\.py:1"))
        running.edit("main.py", 'version"', 'version")')
        expect(visit.by("overlay")).to_have_count(0)
        expect(output).to_contain_text("Hello from the second version")


def test_a_pair_without_a_page_gets_one(
    tmp_path: Path, browser: Browser, serving_environ: dict[str, str]
) -> None:
    """JavaScript, a module and nothing to open: its output in a frame, its end in the bar, and reloads."""
    require_tool("emcc")
    project = copy_project("c-hello", tmp_path)
    with (
        served(project, "-t", "web", environ=serving_environ, said=tmp_path / "said.txt") as running,
        visited(browser, running.url, width=360) as visit,
    ):
        framed = visit.page.frame_locator("[data-testid=app-frame]").locator("#output")
        expect(framed).to_have_text("Hello, world!\n")
        expect(visit.by("outcome")).to_have_text("Exit code 0")
        running.edit("main.c", "Hello, world!", "Hello, pair!")
        expect(framed).to_have_text("Hello, pair!\n")
        assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        visit.picture("pair-run-light-360")


def test_a_component_is_described_and_the_command_that_runs_it_given(
    tmp_path: Path, browser: Browser, serving_environ: dict[str, str]
) -> None:
    """No browser runs one; the Module page works, and Functions says why not."""
    file = tmp_path / "greet er.wasm"
    file.write_bytes(bytes(wat2wasm('(component (core module $inner (func (export "f"))))')))
    with (
        served(file, environ=serving_environ, said=tmp_path / "said.txt") as running,
        visited(browser, running.ui_url, width=360) as visit,
    ):
        expect(visit.by("command")).to_have_text(f"wasmrun exec '{file}'")
        assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        visit.picture("component-run-light-360")
        visit.choose("Functions")
        expect(visit.page.get_by_role("tabpanel")).to_contain_text("not called from a browser")
        visit.choose("Module")
        expect(visit.page.get_by_role("listbox")).to_contain_text("core module")
        visit.choose("Build")
        expect(visit.page.get_by_role("tabpanel")).not_to_be_empty()


def test_a_page_finds_its_server_again(
    tmp_path: Path, browser: Browser, serving_environ: dict[str, str]
) -> None:
    """A banner while the server is gone; the next one on the same port takes the page over by itself."""
    require_tool("clang")
    project = copy_project("c-hello", tmp_path)
    options = ("--toolchain", "clang")
    harmless = frozenset({"Failed to load resource", "net::ERR"})
    with contextlib.ExitStack() as open_pages:
        with served(project, *options, environ=serving_environ, said=tmp_path / "first.txt") as first:
            visit = open_pages.enter_context(visited(browser, first.ui_url, harmless=harmless))
            expect(visit.by("output")).to_have_text("Hello, world!\n")
        expect(visit.by("gone")).to_be_visible()
        # What ran is still there.
        expect(visit.by("output")).to_have_text("Hello, world!\n")
        again = (*options, "--port", str(urlsplit(first.url).port))
        with served(project, *again, environ=serving_environ, said=tmp_path / "again.txt") as second:
            assert second.ui_url == first.ui_url
            expect(visit.by("gone")).to_have_count(0)
            second.edit("main.c", "Hello, world!", "Hello, again!")
            expect(visit.by("output")).to_have_text("Hello, again!\n")
