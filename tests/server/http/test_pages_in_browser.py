"""A real browser: pages of other sites are kept out, the app's page hears of reloads, pairs run."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser import opened_browser, serving
from tests.conftest import require_tool
from tests.server.http.conftest import PAGE
from tests.server.recorded import RecordedSession
from tests.server.running import running
from wasmrun_py.server.dev_state import Program, ProgramKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from tests.server.running import Running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all of them."""
    with opened_browser("--host-resolver-rules=MAP rebind.example 127.0.0.1", "--no-proxy-server") as opened:
        yield opened


@pytest.fixture
def foreign(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """A page of another site, at another port of this machine."""
    folder = tmp_path / "foreign"
    folder.mkdir()
    (folder / "index.html").write_text("<!doctype html><title>evil</title>")
    with serving(folder) as address:
        page = browser.new_page()
        page.goto(address)
        yield page
        page.close()


_FETCH = """async ([url, options]) => {
  try { const reply = await fetch(url, options); return [reply.type, reply.status, await reply.text()]; }
  catch (error) { return ["failed", String(error)]; }
}"""
_SCRIPT = """(url) => new Promise((resolve) => {
  const script = document.createElement("script");
  script.src = url;
  script.onload = () => resolve("loaded");
  script.onerror = () => resolve("refused");
  document.head.append(script);
})"""
_IMAGE = """(url) => new Promise((resolve) => {
  const image = new Image();
  image.onload = () => resolve("loaded");
  image.onerror = () => resolve("refused");
  image.src = url;
})"""
_FRAME = """(url) => new Promise((resolve) => {
  const frame = document.createElement("iframe");
  frame.src = url;
  frame.onload = () => resolve();
  document.body.append(frame);
})"""
_PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c000000000100010000020144003b")


def test_a_foreign_page_reads_and_loads_nothing(page_server: Running, foreign: Page) -> None:
    """Neither by fetch, nor as a script or an image."""
    base = f"http://localhost:{page_server.port}"
    for path in ("/app.wasm", "/", "/app.js", "/_wasmrun/", "/_wasmrun/state", "/_wasmrun/client.js"):
        assert foreign.evaluate(_FETCH, [base + path, {}])[0] == "failed", path
        opaque = foreign.evaluate(_FETCH, [base + path, {"mode": "no-cors"}])
        assert opaque[0] == "failed", path
    for path in ("/app.js", "/_wasmrun/app/pair.js"):
        assert foreign.evaluate(_SCRIPT, base + path) == "refused", path


def test_a_foreign_page_shows_no_image(outputs: Path, foreign: Page) -> None:
    """The same image is loaded by a page of our own."""
    (outputs / "dot.gif").write_bytes(_PIXEL)
    (outputs / "index.html").write_text("<p>mine")
    with running(RecordedSession(outputs, program=PAGE)) as server:
        assert foreign.evaluate(_IMAGE, f"http://localhost:{server.port}/dot.gif") == "refused"
        own = foreign.context.browser.new_page()  # type: ignore[union-attr]
        own.goto(f"http://localhost:{server.port}/")
        assert own.evaluate(_IMAGE, "/dot.gif") == "loaded"
        own.close()


def test_a_foreign_page_posts_nothing(page_server: Running, foreign: Page) -> None:
    """With the token in its hands, without it, by fetch in every mode, or by a form."""
    base = f"http://localhost:{page_server.port}"
    for path in ("rebuild", "stop", "events"):
        for headers in ({}, {"X-Wasmrun-Token": page_server.token}):
            for mode in ("cors", "no-cors"):
                options = {"method": "POST", "headers": headers, "mode": mode}
                reply = foreign.evaluate(_FETCH, [f"{base}/_wasmrun/{path}", options])
                assert reply[0] in {"failed", "opaque"}, (path, mode)
    foreign.set_content(f'<form method="post" action="{base}/_wasmrun/rebuild"><button>go</button></form>')
    foreign.click("button")
    foreign.wait_for_url(f"{base}/_wasmrun/rebuild")
    assert "token" in foreign.content()
    assert page_server.session.rebuilds == 0
    assert not page_server.stopping.is_set()


def test_a_foreign_page_frames_nothing(page_server: Running, foreign: Page) -> None:
    """Neither wasmrun's page nor the app's own; our own page may frame the app."""
    for path in ("/_wasmrun/", "/", "/_wasmrun/app/"):
        url = f"http://localhost:{page_server.port}{path}"
        foreign.evaluate(_FRAME, url)
        frame = foreign.frames[-1]
        while frame.url in {"", "about:blank"}:
            foreign.wait_for_timeout(20)
        assert frame.url.startswith("chrome-error:"), path
        assert "wasmrun-token" not in frame.content()
    own = foreign.context.browser.new_page()  # type: ignore[union-attr]
    own.goto(f"http://localhost:{page_server.port}/sub/page.html")
    own.evaluate(_FRAME, "/")
    assert "hello" in own.frames[-1].content()
    own.evaluate(_FRAME, "/_wasmrun/")
    assert "wasmrun-token" not in own.frames[-1].content()
    own.close()


def test_a_rebinding_name_is_refused(page_server: Running, browser: Browser) -> None:
    """A name of another site that leads to this machine gets nothing but the refusal."""
    page = browser.new_page()
    response = page.goto(f"http://rebind.example:{page_server.port}/")
    assert response is not None
    assert response.status == 403
    assert "wasmrun-token" not in page.content()
    assert page.evaluate(_FETCH, ["/app.wasm", {}])[1] == 403
    options = {"method": "POST", "headers": {"X-Wasmrun-Token": page_server.token}}
    assert page.evaluate(_FETCH, ["/_wasmrun/rebuild", options])[1] == 403
    page.close()
    assert page_server.session.rebuilds == 0


_LISTEN = """async (token) => {
  const reply = await fetch("/_wasmrun/events", {method: "POST", headers: {"X-Wasmrun-Token": token}});
  const reader = reply.body.getReader();
  window.heard = "";
  (async () => {
    const decoder = new TextDecoder();
    for (;;) {
      const {done, value} = await reader.read();
      if (done) break;
      window.heard += decoder.decode(value);
    }
    window.over = true;
  })();
  return reply.status;
}"""


def test_our_own_page_hears_everything(outputs: Path, browser: Browser) -> None:
    """The app's page has the token and the client, and its stream tells of changes and of the end."""
    (outputs / "index.html").write_text("<!doctype html><title>mine</title><p>hello")
    page = browser.new_page()
    # The client would load the page anew, and what this test has in it would be gone.
    page.route("**/_wasmrun/client.js", lambda route: route.abort())
    with running(RecordedSession(outputs, program=PAGE)) as server:
        page.goto(server.ready.url)
        token = page.get_attribute('meta[name="wasmrun-token"]', "content")
        assert token == server.token
        assert page.locator('script[src="/_wasmrun/client.js"]').count() == 1
        assert page.evaluate(_LISTEN, token) == 200
        server.in_loop(lambda: server.session.change(generation=42))
        page.wait_for_function("window.heard.includes('\"generation\": 42')")
    page.wait_for_function("window.over")
    assert "event: goodbye" in page.evaluate("window.heard")
    page.close()


def test_shared_memory_is_there_when_the_program_needs_it(outputs: Path, browser: Browser) -> None:
    """The page is cross-origin isolated, with the client in it."""
    (outputs / "index.html").write_text("<p>mine")
    program = Program(kind=ProgramKind.PAGE, page="/", needs_isolation=True)
    with running(RecordedSession(outputs, program=program)) as server:
        page = browser.new_page()
        page.goto(server.ready.url)
        assert page.evaluate("crossOriginIsolated") is True
        page.close()


_HOST = """<!doctype html><iframe src="/_wasmrun/app/"></iframe>
<script>window.told = []; addEventListener("message", (event) => {
  if (event.origin === location.origin) window.told.push(event.data); });</script>"""


def _run_pair(folder: Path, browser: Browser, program: Program) -> tuple[list[dict[str, Any]], str]:
    """What the page of a pair told its parent, and what it shows."""
    (folder / "host.html").write_text(_HOST)
    with running(RecordedSession(folder, program=program)) as server:
        page = browser.new_page()
        page.goto(f"{server.ready.url}host.html")
        page.wait_for_function(
            "window.told.some((each) => ['exit', 'error'].includes(each.type) || each.text === 'done')"
        )
        told: list[dict[str, Any]] = page.evaluate("window.told")
        text = page.frames[-1].inner_text("#output")
        page.close()
    return told, text


@pytest.mark.parametrize(
    "flags",
    [
        (),
        ("-sEXIT_RUNTIME=1",),
        ("-sMODULARIZE=1",),
        ("-sMODULARIZE=1", "-sEXPORT_ES6=1"),
        ("-sEXIT_RUNTIME=1", "-O2"),
    ],
)
@pytest.mark.slow
def test_an_emscripten_pair_runs(tmp_path: Path, browser: Browser, flags: tuple[str, ...]) -> None:
    """Its output, its errors and its exit code are shown, and told to the page around."""
    source = tmp_path / "main.c"
    source.write_text(
        '#include <stdio.h>\nint main(void) { puts("hello"); fputs("oh no\\n", stderr); return 0; }\n'
    )
    folder = tmp_path / "dist"
    folder.mkdir()
    environ_node_path = "/usr/share/nodejs"
    subprocess.run(
        [require_tool("emcc"), str(source), "-o", str(folder / "app.js"), *flags],
        check=True,
        capture_output=True,
        env={"NODE_PATH": environ_node_path, "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    )
    program = Program(kind=ProgramKind.EMSCRIPTEN, script="/app.js", module="/app.wasm")
    told, text = _run_pair(folder, browser, program)
    assert {"source": "wasmrun-app", "type": "stdout", "text": "hello"} in told
    assert {"source": "wasmrun-app", "type": "stderr", "text": "oh no"} in told
    assert told[-1] == {"source": "wasmrun-app", "type": "exit", "code": 0}
    assert text.split("\n")[:2] == ["hello", "oh no"]


_BINDGEN = """
export function greet(name) { return `hi ${name}`; }
export default async function init() {
  const {instance} = await WebAssembly.instantiateStreaming(fetch(new URL("app_bg.wasm", import.meta.url)));
  console.log("started", Object.keys(instance.exports).length);
  console.error("oh no");
  console.log("done");
}
"""


def test_a_wasm_bindgen_pair_runs(tmp_path: Path, browser: Browser) -> None:
    """It is initialised, and what it writes to the console is shown."""
    (tmp_path / "app.js").write_text(_BINDGEN)
    (tmp_path / "app_bg.wasm").write_bytes(b"\0asm\x01\0\0\0")
    program = Program(kind=ProgramKind.BINDGEN, script="/app.js", module="/app_bg.wasm")
    told, text = _run_pair(tmp_path, browser, program)
    assert {"source": "wasmrun-app", "type": "stdout", "text": "started 0"} in told
    assert "oh no" in text


def test_a_pair_for_a_bundler_says_so(tmp_path: Path, browser: Browser) -> None:
    """A browser cannot load it, and the reason is told."""
    (tmp_path / "app.js").write_text('import * as wasm from "./app_bg.wasm";\nexport * from "./x.js";\n')
    (tmp_path / "app_bg.wasm").write_bytes(b"\0asm\x01\0\0\0")
    program = Program(kind=ProgramKind.BINDGEN, script="/app.js", module="/app_bg.wasm")
    told, text = _run_pair(tmp_path, browser, program)
    assert "--target web" in text
    assert told[-1]["type"] == "error"
