"""A library on wasmrun's page: its exports called with typed values, in a real browser."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.conftest import copy_project, require_tool
from tests.server.browser.serving import Served, Visit, served, visited

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, serving_environ: dict[str, str]) -> Iterator[Served]:
    """A C library, built by clang."""
    require_tool("clang")
    folder = tmp_path_factory.mktemp("library")
    project = folder / "calls"
    project.mkdir()
    shutil.copy(HERE / "library.c", project / "library.c")
    with served(
        project, "--toolchain", "clang", environ=serving_environ, said=folder / "said.txt"
    ) as running:
        yield running


def call(visit: Visit, name: str, *values: str) -> Locator:
    """Type values in and call; the newest entry of the history."""
    form = visit.by(f"function-{name}")
    for place, value in enumerate(values):
        form.get_by_role("textbox").nth(place).fill(value)
    form.get_by_role("button", name="Call").click()
    return visit.by("history").get_by_role("listitem").first


def test_values_of_every_type_go_in_and_come_out(library: Served, browser: Browser) -> None:
    """i64 keeps all its bits, floats their precision, hexadecimal is understood; the state stays."""
    with visited(browser, library.ui_url) as visit:
        # A library begins with its functions.
        expect(visit.page.get_by_role("tab", name="Functions")).to_have_attribute("aria-selected", "true")
        expect(visit.by("function-product")).to_contain_text("(i64, i64) → i64")
        expect(call(visit, "add", "40", "0x2")).to_contain_text("42 i32")
        expect(call(visit, "product", "9007199254740993", "3")).to_contain_text("27021597764222979 i64")
        expect(call(visit, "product", "0xffffffffffffffff", "1")).to_contain_text("-1 i64")
        expect(call(visit, "half", "-inf")).to_contain_text("-Infinity f64")
        expect(call(visit, "third", "1")).to_contain_text("0.3333333432674408 f32")
        expect(call(visit, "nothing")).to_contain_text("returned nothing")
        call(visit, "count")
        expect(call(visit, "count")).to_contain_text("2 i32")
        visit.page.get_by_role("button", name="Make anew").click()
        expect(visit.by("function-count").get_by_role("button", name="Call")).to_be_enabled()
        expect(call(visit, "count")).to_contain_text("1 i32")
        entries = visit.by("history").get_by_role("listitem")
        expect(entries).to_have_count(9)
        visit.picture("library-functions-light-1280")


def test_what_is_no_value_is_refused_before_the_call(library: Served, browser: Browser) -> None:
    """The parameter is named, and nothing is called."""
    with visited(browser, library.ui_url) as visit:
        form = visit.by("function-add")
        for typed, complaint in (("seven", "not an integer"), ("4294967296", "does not fit 32 bits")):
            form.get_by_role("textbox").nth(1).fill(typed)
            form.get_by_role("button", name="Call").click()
            expect(form.get_by_role("alert")).to_contain_text(
                f"Parameter 2: {typed}".replace("seven", "“seven”")
            )
            expect(form.get_by_role("alert")).to_contain_text(complaint)
        expect(visit.by("history")).to_have_text("")


def test_a_trap_has_its_backtrace_and_the_library_lives_on(library: Served, browser: Browser) -> None:
    """Division by zero, in which function, called by which; the next call works."""
    with visited(browser, library.ui_url, dark=True) as visit:
        entry = call(visit, "divide", "1", "0")
        expect(entry).to_contain_text("divide by zero")
        frames = entry.get_by_role("list", name="Backtrace").get_by_role("listitem")
        expect(frames.nth(0)).to_contain_text("divide_deep")
        expect(frames.nth(1)).to_contain_text("divide")
        expect(call(visit, "add", "1", "1")).to_contain_text("2 i32")
        visit.picture("library-functions-dark-1280")


def test_an_import_that_no_browser_has_says_that_it_was_called(library: Served, browser: Browser) -> None:
    """The stub tells its arguments and its answer, and the call goes on with it."""
    with visited(browser, library.ui_url, width=360) as visit:
        entry = call(visit, "tell", "3")
        expect(entry).to_contain_text("host.log(3, 1099511627776) was called; the stub answered 0")
        expect(entry).to_contain_text("1 i64")
        assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        visit.picture("library-functions-light-360")


def test_a_call_that_never_returns_is_stopped(library: Served, browser: Browser) -> None:
    """The page answers meanwhile; afterwards a fresh instance takes calls."""
    with visited(browser, library.ui_url) as visit:
        expect(call(visit, "spin")).to_contain_text("Running")
        visit.choose("Build")
        expect(visit.by("build-summary")).to_be_visible()
        visit.choose("Functions")
        visit.by("stop-call").click()
        expect(visit.by("history")).to_contain_text("Stopped")
        expect(visit.by("function-count").get_by_role("button", name="Call")).to_be_enabled()
        expect(call(visit, "count")).to_contain_text("1 i32")


def test_a_save_changes_what_a_call_gives(library: Served, browser: Browser) -> None:
    """A new signature is on the page, the history stays; a mistake is told with its line."""
    with visited(browser, library.ui_url) as visit:
        expect(call(visit, "add", "2", "3")).to_contain_text("5 i32")
        library.edit(
            "library.c",
            "int add(int one, int other) { return one + other; }",
            "int add(int one) { return one * 9; }",
        )
        expect(visit.by("function-add")).to_contain_text(re.compile(r"^add\(i32\) → i32"))
        expect(call(visit, "add", "2")).to_contain_text("18 i32")
        expect(visit.by("history").get_by_role("listitem")).to_have_count(2)
        library.edit("library.c", "return one * 9; }", "return one * nine; }")
        expect(visit.by("overlay")).to_contain_text(re.compile(r"library\.c:6:\d+"))
        expect(call(visit, "add", "3")).to_contain_text("27 i32")
        library.edit(
            "library.c",
            "int add(int one) { return one * nine; }",
            "int add(int one, int other) { return one + other; }",
        )
        expect(visit.by("overlay")).to_have_count(0)
        expect(visit.by("function-add")).to_contain_text("(i32, i32) → i32")


@pytest.mark.network
def test_an_assemblyscript_library_says_its_own_exceptions(
    tmp_path: Path, browser: Browser, serving_environ: dict[str, str]
) -> None:
    """Beside its bindings too it is a library; an assertion that fails tells its message and its place."""
    project = copy_project("as-library", tmp_path)
    index = project / "assembly" / "index.ts"
    index.write_text(
        index.read_text()
        + """
export function check(count: i32): i32 {
  console.log("checking " + count.toString());
  assert(count > 2, "three at least");
  return count;
}
"""
    )
    with (
        served(project, environ=serving_environ, said=tmp_path / "said.txt") as running,
        visited(browser, running.url) as visit,
    ):
        expect(call(visit, "add", "2", "3")).to_contain_text("5 i32")
        entry = call(visit, "check", "2")
        expect(entry).to_contain_text("checking 2")
        expect(entry).to_contain_text("three at least at assembly/index.ts:")
        expect(call(visit, "check", "3")).to_contain_text("3 i32")


@pytest.mark.network
def test_an_assemblyscript_program_and_its_abort(
    tmp_path: Path, browser: Browser, serving_environ: dict[str, str]
) -> None:
    """Output, new output, a mistake at its line, mended; an exception says its own message and place."""
    project = copy_project("as-hello", tmp_path)
    with (
        served(project, environ=serving_environ, said=tmp_path / "said.txt") as running,
        visited(browser, running.ui_url) as visit,
    ):
        expect(visit.by("output")).to_have_text("Hello from AssemblyScript!\n")
        visit.run_with("wasm 'a b'")
        expect(visit.by("output")).to_have_text("wasm: 4 letters\na b: 2 letters\n")
        running.edit("assembly/index.ts", "Hello from AssemblyScript!", "Hello again!")
        visit.by("args").fill("")
        visit.by("run").click()
        expect(visit.by("output")).to_have_text("Hello again!\n")
        running.edit("assembly/index.ts", "args.length == 0", "args.length == zero")
        expect(visit.by("overlay")).to_contain_text(re.compile(r"assembly/index\.ts:6:\d+"))
        expect(visit.by("overlay")).to_contain_text("zero")
        running.edit("assembly/index.ts", "args.length == zero", "args.length == 0")
        expect(visit.by("overlay")).to_have_count(0)
        running.edit("assembly/index.ts", 'console.log("Hello again!");', 'throw new Error("no more");')
        expect(visit.by("outcome")).to_contain_text(re.compile("Trapped|Exit code"))
        expect(visit.by("status")).to_contain_text("Built in")
        expect(visit.page.locator("#panel-run")).to_contain_text("no more")
