// Runs a Python program in the page that loads this script; made by wasmrun.
//
// The program's output goes to the element with the id "output", or to one that is added to the page; what
// happens is said in the element "status", where there is one. Everything is fetched from beside this script.
(() => {
  "use strict";
  const settings = "{{settings}}";

  const own = document.currentScript
    || [...document.scripts].find((each) => each.src.split(/[?#]/)[0].endsWith(`/${settings.script}`));
  const base = new URL(".", own ? own.src : document.baseURI).href;

  function element(id, make) {
    const found = document.getElementById(id);
    if (found || !make) return found;
    const made = document.createElement("pre");
    made.id = id;
    document.body.append(made);
    return made;
  }

  function write(text, stream) {
    if (!text) return;
    const output = element("output", true);
    const last = output.lastChild;
    if (last && last.dataset && last.dataset.stream === stream) {
      last.append(text);
      return;
    }
    const part = document.createElement("span");
    part.className = part.dataset.stream = stream;
    part.append(text);
    output.append(part);
  }

  function say(text, state) {
    const status = element("status", false);
    if (status) {
      status.textContent = text;
      status.dataset.state = state;
    }
  }

  function stream(name) {
    const decoder = new TextDecoder();
    return {
      isatty: false,
      write: (bytes) => {
        write(decoder.decode(bytes, { stream: true }), name);
        return bytes.length;
      },
    };
  }

  // One line from the person at the page, asked for with the last words of the output; null at the end.
  function ask() {
    const output = element("output", true);
    const line = window.prompt(output.textContent.split("\n").pop());
    if (line !== null) write(`${line}\n`, "stdin");
    return line;
  }

  function end(code) {
    if (code === 0) {
      say("Finished", "finished");
    } else {
      say(`Ended with exit code ${code}`, "failed");
      if (!element("status", false)) write(`exit code ${code}\n`, "stderr");
    }
    document.dispatchEvent(new CustomEvent("wasmrun:exit", { detail: { code } }));
  }

  function fail(error) {
    write(`${error.message || error}\n`, "stderr");
    say("The program could not be started", "failed");
    document.dispatchEvent(new CustomEvent("wasmrun:exit", { detail: { code: null } }));
  }

  function addScript(address) {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = address;
      script.onload = resolve;
      script.onerror = () => reject(new Error(`${address} could not be loaded`));
      document.head.append(script);
    });
  }

  async function get(address) {
    const response = await fetch(address);
    if (!response.ok) throw new Error(`${address} could not be loaded: ${response.status}`);
    return response.arrayBuffer();
  }

  // What goes wrong after the program has ended: in its callbacks and tasks.
  function reportLater(event) {
    const error = event.reason || event.error;
    if (error && error.name === "PythonError") write(`${error.message.trimEnd()}\n`, "stderr");
  }

  async function start() {
    if (location.protocol === "file:") {
      throw new Error(
        "A browser does not let a page that was opened as a file load a program. Serve this folder: "
        + "`python3 -m http.server` in it, then open the address that it says."
      );
    }
    say("Loading Python…", "loading");
    const program = get(base + settings.archive);
    program.catch(() => {});
    await addScript(`${base}pyodide/pyodide.js`);
    const pyodide = await loadPyodide({ indexURL: `${base}pyodide/` });
    pyodide.setStdin({ stdin: ask, isatty: false });
    pyodide.setStdout(stream("stdout"));
    pyodide.setStderr(stream("stderr"));
    pyodide.unpackArchive(await program, "zip", { extractDir: "/" });
    globalThis.pyodide = pyodide;
    addEventListener("unhandledrejection", reportLater);
    addEventListener("error", reportLater);
    say("Running…", "running");
    // The words have to be on the screen before Python takes the thread.
    await new Promise((resolve) => setTimeout(resolve, 0));
    const args = new URLSearchParams(location.search).getAll("arg");
    pyodide.runPython("import sys; sys.path.insert(0, '/wasmrun')");
    const run = pyodide.pyimport("wasmrun_web").run;
    const given = [JSON.stringify(settings.program), JSON.stringify(args)];
    // Where the browser lets Python wait for JavaScript, asyncio.run() waits.
    end(await ("Suspending" in WebAssembly ? run.callPromising(...given) : run(...given)));
  }

  const begin = () => start().catch(fail);
  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", begin);
  } else {
    begin();
  }
})();
