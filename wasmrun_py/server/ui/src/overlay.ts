// What a failed build said, over an app's page: in a shadow root, so that neither sees the other's styles.
import type { Build, Diagnostic } from "./api";
import { countProblems, describePlace, orderProblems } from "./problems";

const MOST_SHOWN = 50;

const STYLE = `
:host { all: initial; display: block; position: fixed; inset: 0; z-index: 2147483647; }
.veil { position: absolute; inset: 0; overflow: auto; padding: 4vh 16px;
  background: rgb(9 10 16 / .72); backdrop-filter: blur(3px); color: #e8eaf2;
  font: 14px/1.5 ui-sans-serif, system-ui, -apple-system, "Segoe UI", sans-serif; }
.box { box-sizing: border-box; max-width: 860px; margin: 0 auto; background: #14161f; border-radius: 12px;
  border: 1px solid #343a4d; border-top: 4px solid #ff6b6b; box-shadow: 0 24px 80px rgb(0 0 0 / .55); outline: none; }
header { display: flex; gap: 12px; align-items: flex-start; padding: 18px 20px 6px; }
h1 { all: unset; display: block; font-size: 18px; font-weight: 650; flex: 1; }
.count { color: #ff8f8f; font-weight: 600; font-size: 13px; }
button { all: unset; box-sizing: border-box; min-width: 32px; height: 32px; border-radius: 8px; text-align: center;
  font-size: 20px; line-height: 32px; color: #aeb5c8; cursor: pointer; }
button:hover { background: #262b3a; color: #fff; }
button:focus-visible { outline: 2px solid #a99dff; outline-offset: 2px; }
.message { margin: 0; padding: 0 20px 12px; color: #c6ccdb; white-space: pre-wrap; overflow-wrap: anywhere; }
ol { list-style: none; margin: 0; padding: 0; border-top: 1px solid #2a2f3f; }
li { padding: 12px 20px; border-bottom: 1px solid #2a2f3f; }
.place { color: #b3a8ff; font: 13px/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.severity { font-weight: 650; font-size: 12px; margin-right: 8px; color: #ff8f8f; }
.warning { color: #f2c166; } .note { color: #8fb8ff; }
.words { margin: 2px 0 0; white-space: pre-wrap; overflow-wrap: anywhere; }
pre { margin: 8px 0 0; padding: 8px 12px; overflow: auto; background: #0c0e15; border-radius: 8px;
  font: 13px/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
footer { padding: 12px 20px 16px; color: #9aa2b6; font-size: 13px; }
kbd { font: inherit; border: 1px solid #3a4157; border-radius: 4px; padding: 0 5px; }
@media (prefers-color-scheme: light) {
  .veil { background: rgb(30 34 48 / .45); color: #171a24; }
  .box { background: #fff; border-color: #d8dce8; border-top-color: #d92d3a; }
  .count, .severity { color: #b91c2c; } .warning { color: #8a5a00; } .note { color: #1d4fa8; }
  button { color: #596079; } button:hover { background: #eef0f6; color: #111; }
  .message { color: #3a4154; } ol, li { border-color: #e4e7f0; } .place { color: #4a38c4; }
  pre { background: #f4f5fa; } footer { color: #5d657b; } kbd { border-color: #c8cddd; }
}`;

export class Overlay {
  readonly #host = document.createElement("wasmrun-overlay");
  readonly #root = this.#host.attachShadow({ mode: "open" });
  #shown = 0;
  #focused: Element | null = null;

  constructor() {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    this.#root.adoptedStyleSheets = [sheet];
    this.#host.dataset["testid"] = "overlay";
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.#host.isConnected) this.hide();
    });
  }

  /** Show what a build said; a build that was closed stays closed. */
  show(build: Build): void {
    if (this.#shown === build.number) return;
    this.#shown = build.number;
    this.#root.replaceChildren(this.#draw(build));
    if (!this.#host.isConnected) {
      this.#focused = document.activeElement;
      document.documentElement.append(this.#host);
    }
    this.#root.querySelector<HTMLElement>(".box")?.focus();
  }

  hide(): void {
    if (!this.#host.isConnected) return;
    this.#host.remove();
    if (this.#focused instanceof HTMLElement) this.#focused.focus();
  }

  #draw(build: Build): HTMLElement {
    const problems = orderProblems(build.diagnostics);
    const close = element("button", "", "×");
    close.setAttribute("aria-label", "Close");
    close.addEventListener("click", () => this.hide());
    const title = element("h1", "", "The build failed");
    title.append(element("div", "count", countProblems(problems)));
    const header = element("header", "");
    header.append(title, close);
    const box = element("div", "box");
    box.setAttribute("role", "alertdialog");
    box.setAttribute("aria-label", "The build failed");
    box.tabIndex = -1;
    box.append(header);
    const error = build.error;
    if (error) box.append(element("p", "message", [error.message, error.hint].filter(Boolean).join("\n")));
    const list = element("ol", "");
    list.append(...problems.slice(0, MOST_SHOWN).map(drawProblem));
    if (problems.length) box.append(list);
    const foot = element("footer", "");
    foot.append(element("kbd", "", "Esc"), " closes this. The last good build keeps running; it goes by itself once the build is mended.");
    box.append(foot);
    const veil = element("div", "veil");
    veil.append(box);
    return veil;
  }
}

function drawProblem(problem: Diagnostic): HTMLElement {
  const item = element("li", "");
  item.append(element("span", `severity ${problem.severity}`, problem.severity));
  const place = describePlace(problem);
  if (place) item.append(element("span", "place", place));
  item.append(element("p", "words", problem.message));
  if (problem.source_line) item.append(element("pre", "", problem.source_line));
  return item;
}

function element(name: string, className: string, text = ""): HTMLElement {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}
