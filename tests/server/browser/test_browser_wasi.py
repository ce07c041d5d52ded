"""A WASI program in C on wasmrun's page: run, edited, broken, mended, looked into; all in a real browser."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.conftest import copy_project, require_tool
from tests.server.browser.serving import Served, served, visited
from wasmrun_py.server.module_view import module_view

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

HERE = Path(__file__).parent
HELLO = "Hello from the first version"


@pytest.fixture(scope="module")
def playground(tmp_path_factory: pytest.TempPathFactory, serving_environ: dict[str, str]) -> Iterator[Served]:
    """The fixture project ``c-hello`` with a program of many talents, built by clang."""
    require_tool("clang")
    folder = tmp_path_factory.mktemp("playground")
    project = copy_project("c-hello", folder)
    shutil.copy(HERE / "playground.c", project / "main.c")
    with served(
        project, "--toolchain", "clang", environ=serving_environ, said=folder / "said.txt"
    ) as running:
        yield running


def test_a_save_is_seen_and_a_mistake_is_told_in_every_browser(playground: Served, browser: Browser) -> None:
    """Output, new output, the overlay with the right line, and gone again; nobody touches either browser."""
    with visited(browser, playground.ui_url) as first, visited(browser, playground.url, dark=True) as second:
        for visit in (first, second):
            expect(visit.by("output")).to_contain_text(HELLO)
            expect(visit.by("outcome")).to_contain_text("Exit code 0")
        playground.edit("main.c", HELLO, "Hello from the second version")
        for visit in (first, second):
            expect(visit.by("output")).to_have_text("Hello from the second version\n")
        playground.edit("main.c", "return greet();", "return greet()")
        for visit in (first, second):
            expect(visit.by("overlay")).to_contain_text(re.compile(r"main\.c:42:\d+"))
            expect(visit.by("overlay")).to_contain_text("expected ';'")
            # The last good build keeps running.
            expect(visit.by("output")).to_have_text("Hello from the second version\n")
        first.by("run").click()
        expect(first.by("outcome")).to_contain_text("Exit code 0")
        second.picture("overlay-dark-1280")
        first.page.keyboard.press("Escape")
        expect(first.by("overlay")).to_have_count(0)
        expect(second.by("overlay")).to_have_count(1)
        playground.edit("main.c", "return greet()", "return greet();")
        expect(second.by("overlay")).to_have_count(0)
        playground.edit("main.c", "Hello from the second version", HELLO)
        for visit in (first, second):
            expect(visit.by("output")).to_have_text(f"{HELLO}\n")
            # All of it without a single reload of wasmrun's page.
            assert len(visit.loads) == 1


def test_arguments_environment_and_input_reach_the_program(playground: Served, browser: Browser) -> None:
    """Words as a shell's, non-ASCII included; stderr told apart; the exit code shown; a bad line refused."""
    with visited(browser, playground.ui_url) as visit:
        visit.page.get_by_text("Environment and input").click()
        visit.by("env").fill("# who\nNAME=Ada Lovelace\n")
        visit.by("stdin").fill("one\ntwo\n")
        visit.run_with(r"""tell 'two words' "a\"b" ünï\ cod€""")
        expect(visit.by("outcome")).to_contain_text("Exit code 7")
        expect(visit.by("output")).to_have_text(
            'argument 2 is [two words]\nargument 3 is [a"b]\nargument 4 is [ünï cod€]\n'
            "NAME is Ada Lovelace\nread one\nread two\nthis went to stderr\n"
        )
        stderr = visit.by("output").locator("[data-stream=stderr]")
        expect(stderr).to_have_text("this went to stderr\n")
        visit.by("env").fill("no equals sign")
        visit.by("run").click()
        expect(visit.page.get_by_role("alert")).to_contain_text("NAME=VALUE")
        visit.by("env").fill("")
        visit.run_with("'never closed")
        expect(visit.page.get_by_role("alert")).to_contain_text("not closed")


def test_a_trap_is_told_with_its_backtrace(playground: Served, browser: Browser) -> None:
    """The message, and the functions that were under way, innermost first."""
    with visited(browser, playground.ui_url) as visit:
        visit.run_with("trap")
        expect(visit.by("outcome")).to_contain_text("Trapped")
        expect(visit.by("trap")).to_contain_text("unreachable")
        frames = visit.by("trap").get_by_role("listitem")
        expect(frames.nth(0)).to_contain_text(re.compile(r"descend|function \d+"))
        assert frames.count() >= 5


def test_a_program_that_never_returns_is_stopped(playground: Served, browser: Browser) -> None:
    """Its output is there, the page answers all the while, and Stop ends it; a sleep is no spinning."""
    with visited(browser, playground.ui_url) as visit:
        visit.run_with("spin")
        expect(visit.by("output")).to_have_text("about to spin\n")
        expect(visit.by("outcome")).to_contain_text("Running")
        visit.choose("Module")
        expect(visit.page.get_by_role("listbox", name="Sections by size")).to_be_visible()
        visit.choose("Run")
        visit.by("stop").click()
        expect(visit.by("outcome")).to_contain_text("Stopped")
        expect(visit.by("stop")).to_have_count(0)
        visit.run_with("sleep")
        expect(visit.by("outcome")).to_have_text(re.compile(r"Exit code 0 after 1\.\d+ s"))


def test_a_flood_of_output_leaves_the_page_alive(playground: Served, browser: Browser) -> None:
    """100 MB: the end is shown, what was left out is said, and no frame took a second."""
    with visited(browser, playground.ui_url) as visit:
        expect(visit.by("outcome")).to_contain_text("Exit code 0")
        visit.page.evaluate(
            """() => {
              window.longestMs = 0;
              let last = performance.now();
              const look = (now) => {
                window.longestMs = Math.max(window.longestMs, now - last);
                last = now;
                requestAnimationFrame(look);
              };
              requestAnimationFrame((now) => { last = now; look(now); });
            }"""
        )
        visit.run_with("flood")
        expect(visit.by("outcome")).to_contain_text("Exit code 0 after")
        expect(visit.by("output")).to_contain_text("the flood has ended")
        expect(visit.by("dropped")).to_contain_text(re.compile(r"^[5-9]\d\.\d MiB"))
        assert len(visit.by("output").text_content() or "") < 200_000
        assert visit.page.evaluate("window.longestMs") < 1000


def test_everything_is_reached_by_keyboard(playground: Served, browser: Browser) -> None:
    """Tab goes from one visible control to the next and leaves the terminal; arrows choose a tab."""
    with visited(browser, playground.ui_url) as visit:
        expect(visit.by("outcome")).to_contain_text("Exit code 0")
        seen = []
        for _ in range(14):
            visit.page.keyboard.press("Tab")
            seen.append(
                visit.page.evaluate(
                    """() => {
                      const at = document.activeElement;
                      const style = getComputedStyle(at);
                      const holder = getComputedStyle(at.closest("label") ?? at);
                      const ringed = [style, holder].some((each) => each.outlineStyle !== "none");
                      const label = at.ariaLabel ?? at.innerText.trim() ?? "";
                      if (at === document.body) return { name: "body:", ringed: true };
                      const kind = at.getAttribute("role") ?? at.tagName.toLowerCase();
                      return { name: `${kind}:${label}`, ringed };
                    }"""
                )
            )
        names = [each["name"] for each in seen]
        wanted = ["a:Skip to the page", "a:wasmrun", "button:Rebuild", "tab:Run", "region:Terminal"]
        assert [name for name in names if name in wanted][:5] == wanted
        # Past the terminal and round again: no element keeps the focus.
        assert len(set(names)) > 8
        assert [each["name"] for each in seen if not each["ringed"]] == []
        visit.page.get_by_role("tab", name="Run").focus()
        for name in ("Functions", "Module", "Build", "Run"):
            visit.page.keyboard.press("ArrowRight")
            expect(visit.page.get_by_role("tab", name=name)).to_be_focused()
            expect(visit.page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")
        visit.page.keyboard.press("End")
        expect(visit.page.get_by_role("tabpanel", name="Build")).to_be_visible()


def test_the_module_page_tells_the_bytes(playground: Served, browser: Browser) -> None:
    """Sections and functions as maps, imports and exports; the hex view shows the file's own bytes."""
    with visited(browser, playground.ui_url) as visit:
        visit.choose("Module")
        answer = visit.page.evaluate(
            """async () => {
              const bytes = new Uint8Array(await (await fetch("/c-hello.wasm")).arrayBuffer());
              return [...bytes];
            }"""
        )
        file = playground.project.parent / "fetched.wasm"
        file.write_bytes(bytes(answer))
        view = module_view(file)
        options = visit.page.get_by_role("listbox", name="Sections by size").get_by_role("option")
        expect(options).to_have_count(len(view["sections"]))
        expect(visit.by("imports")).to_contain_text("wasi_snapshot_preview1.fd_write")
        expect(visit.by("exports")).to_contain_text("_start")
        options.first.focus()
        visit.page.keyboard.press("ArrowRight")
        expect(options.nth(1)).to_be_focused()
        visit.page.keyboard.press("Enter")
        section = sorted(view["sections"], key=lambda each: -each["size_bytes"])[1]
        expect(visit.by("hex")).to_contain_text(section["name"])
        start = section["offset"]
        shown = " ".join(f"{byte:02x}" for byte in answer[start : start + 16])
        row = visit.by("hex").locator(".row").first.locator(".bytes span")
        expect(row).to_have_count(16)
        assert " ".join(row.all_text_contents()) == shown
        visit.page.get_by_role("button", name="Functions").click()
        expect(visit.page.get_by_role("listbox", name="Functions by size")).to_be_visible()


def test_the_build_page_tells_of_every_build(playground: Served, browser: Browser) -> None:
    """Plugin, toolchain, log, why it was built; a rebuild by button adds a row and a point."""
    with visited(browser, playground.ui_url) as visit:
        visit.choose("Build")
        summary = visit.by("build-summary")
        expect(summary).to_contain_text("clang")
        expect(summary).to_contain_text("builtin")
        rows = visit.page.get_by_role("row")
        before = rows.count()
        visit.page.get_by_role("button", name="Rebuild").click()
        expect(rows).to_have_count(before + 1)
        expect(visit.by("status")).to_contain_text("Built in")
        expect(visit.page.get_by_role("img", name=re.compile("size over"))).to_be_visible()


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_page_fits_its_window(playground: Served, browser: Browser, width: int, dark: bool) -> None:  # noqa: FBT001 - a parameter of the table
    """Nothing is wider than the window, and text stands out from what is behind it; pictures are kept."""
    name = f"{'dark' if dark else 'light'}-{width}"
    with visited(browser, playground.ui_url, width=width, dark=dark) as visit:
        expect(visit.by("outcome")).to_contain_text("Exit code 0")
        for tab in ("Run", "Functions", "Module", "Build"):
            visit.choose(tab)
            panel = visit.page.get_by_role("tabpanel", name=tab)
            expect(panel).to_be_visible()
            expect(panel.get_by_text("Reading the module…")).to_have_count(0)
            visit.picture(f"wasi-{tab.lower()}-{name}")
            assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), tab
            assert _list_faint(visit.page.evaluate(_COLOURS)) == [], tab


# Every visible piece of text with its colour and the nearest background behind it.
_COLOURS = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const read = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.data.trim();
    if (!text || element.closest("svg, .visually-hidden, .xterm, :disabled, script, noscript")) continue;
    if (!element.checkVisibility()) continue;
    let behind = element;
    while (behind && read(getComputedStyle(behind).backgroundColor)[3] < 255) behind = behind.parentElement;
    const background = behind ? getComputedStyle(behind).backgroundColor : "white";
    found.push([text.slice(0, 30), read(getComputedStyle(element).color), read(background)]);
  }
  return found;
}"""


def _list_faint(found: list[tuple[str, list[int], list[int]]]) -> list[tuple[str, float]]:
    """The texts whose contrast is below 4.5 to 1 (WCAG 2.2, 1.4.3)."""
    faint = []
    for text, front, back in found:
        lighter, darker = sorted((_luminance(front), _luminance(back)), reverse=True)
        contrast = (lighter + 0.05) / (darker + 0.05)
        if contrast < 4.5:
            faint.append((text, round(contrast, 2)))
    return faint


def _luminance(colour: list[int]) -> float:
    parts = [part / 255 for part in colour[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
