// The page of a .js + .wasm pair that has none: loads it, shows what it writes, tells the page around it.
//
// To a same-origin parent go messages {source: "wasmrun-app", type, …}: "ready", "stdout" and "stderr" with
// `text`, "exit" with `code`, "error" with `text`.

const output = document.getElementById("output");
const status = document.getElementById("status");
const canvas = document.getElementById("canvas");
const MOST_CHARACTERS = 1_000_000;
let shown = 0;

function tell(type, fields) {
  if (parent !== window) {
    parent.postMessage({ source: "wasmrun-app", type, ...fields }, location.origin);
  }
}

function write(stream, text) {
  tell(stream, { text });
  if (shown > MOST_CHARACTERS) return;
  shown += text.length + 1;
  const line = document.createElement("span");
  line.className = stream;
  line.textContent = shown > MOST_CHARACTERS ? "… more is not shown\n" : `${text}\n`;
  output.append(line);
}

function ended(code) {
  status.textContent = code === 0 ? "Ended" : `Ended with exit code ${code}`;
  status.dataset.exit = String(code);
  tell("exit", { code });
}

function failed(error) {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  write("stderr", text);
  status.textContent = "Failed";
  status.dataset.failed = "true";
  tell("error", { text });
}

function token() {
  return document.querySelector('meta[name="wasmrun-token"]').content;
}

async function loadProgram() {
  const answer = await fetch("/_wasmrun/state", { headers: { "X-Wasmrun-Token": token() } });
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  return (await answer.json()).program;
}

function describe(value) {
  if (typeof value === "string") return value;
  if (value instanceof Error) return value.stack ?? String(value);
  try {
    return typeof value === "object" ? JSON.stringify(value) : String(value);
  } catch {
    return String(value);
  }
}

// A wasm-bindgen program writes to the console, and shows nothing else.
function listenToConsole() {
  for (const [method, stream] of [["log", "stdout"], ["info", "stdout"], ["debug", "stdout"], ["warn", "stderr"], ["error", "stderr"]]) {
    const before = console[method].bind(console);
    console[method] = (...values) => {
      before(...values);
      write(stream, values.map(describe).join(" "));
    };
  }
}

// Hidden until somebody draws on it.
function listenToCanvas() {
  const getContext = canvas.getContext.bind(canvas);
  canvas.getContext = (...wishes) => {
    canvas.hidden = false;
    return getContext(...wishes);
  };
}

function loadScript(url) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    script.onload = () => resolve();
    script.onerror = () => reject(new Error(`${url} could not be loaded`));
    document.head.append(script);
  });
}

function emscriptenModule(folder) {
  let hasEnded = false;
  const end = (code) => {
    if (!hasEnded) {
      hasEnded = true;
      ended(code);
    }
  };
  return {
    print: (text) => write("stdout", String(text)),
    printErr: (text) => write("stderr", String(text)),
    onExit: end,
    quit: (code, error) => {
      end(code);
      throw error;
    },
    onAbort: (reason) => failed(new Error(`aborted: ${reason}`)),
    locateFile: (path) => folder + path,
    canvas,
    onRuntimeInitialized: () => {
      status.textContent = "Running";
      tell("ready", {});
    },
    // Without this, most programs keep the runtime and never tell that main has returned.
    postRun: [() => setTimeout(() => end(0), 0)],
  };
}

async function runEmscripten(program, source) {
  const folder = program.script.slice(0, program.script.lastIndexOf("/") + 1);
  const settings = emscriptenModule(folder);
  listenToCanvas();
  if (/\bexport\s+default\b/.test(source)) {
    const { default: create } = await import(program.script);
    await create(settings);
    return;
  }
  window.Module = settings;
  await loadScript(program.script);
  if (typeof window.Module === "function") await window.Module(settings);
}

async function runBindgen(program, source) {
  listenToConsole();
  if (/\bimport\s[^;]*["'][^"']*\.wasm["']/.test(source)) {
    throw new Error("this pair was made for a bundler; build it with wasm-bindgen --target web");
  }
  if (/\bexport\s+default\b|\bexport\s*\{[^}]*\bdefault\b/.test(source)) {
    const exports = await import(program.script);
    window.wasm_bindgen = exports;
    await exports.default();
  } else {
    await loadScript(program.script);
    if (typeof window.wasm_bindgen !== "function") throw new Error("the script has nothing to start");
    await window.wasm_bindgen(program.module);
  }
  status.textContent = "Running; its exports are in wasm_bindgen";
  tell("ready", {});
}

async function run() {
  const program = await loadProgram();
  if (program === null || program.script === null) {
    status.textContent = "There is no script to run.";
    return;
  }
  document.title = program.script.slice(1);
  const source = await (await fetch(program.script)).text();
  if (program.kind === "wasm-bindgen") await runBindgen(program, source);
  else await runEmscripten(program, source);
}

// What ends a program on purpose is thrown like a fault, and told by the program's own means.
const isExit = (error) => error?.name === "ExitStatus" || error === "unwind";

addEventListener("error", (event) => {
  if (!isExit(event.error)) failed(event.error ?? event.message);
});
addEventListener("unhandledrejection", (event) => {
  if (!isExit(event.reason)) failed(event.reason);
});
run().catch((error) => {
  if (!isExit(error)) failed(error);
});
