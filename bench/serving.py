"""How fast the development server hands out a module, as ratios against the stack's own file answer.

A 1 MB ``.wasm`` over the loopback interface, asked for with wrk: by the server of ``wasmrun run``, by
starlette's ``FileResponse`` in the same uvicorn with the same settings, and by Python's ``http.server``. The
three run in turn, A B C A B C …; the ratios are medians. ``--strict`` ends with 1 when a budget is missed.

    python bench/serving.py [--quick] [--strict]
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
MODULE_BYTES = 1024 * 1024
# Ours against starlette's FileResponse: never below it.
FILE_RESPONSE_BUDGET = 1.0

OURS = """
import asyncio, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.server.recorded import RecordedSession
from wasmrun_py.server.http.options import ServeOptions
from wasmrun_py.server.http.serve import serve

async def main():
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    await serve(RecordedSession(Path(sys.argv[1])), ServeOptions(port=0), stopping=stopping,
        on_ready=lambda ready: print(ready.port, flush=True))
asyncio.run(main())
"""
FILE_RESPONSE = """
import socket, sys
import uvicorn
from starlette.responses import FileResponse
from wasmrun_py.server.http.protocol import GuardedProtocol

async def app(scope, receive, send):
    answer = FileResponse(sys.argv[1] + "/app.wasm", media_type="application/wasm")
    await answer(scope, receive, send)

listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
config = uvicorn.Config(app, http=GuardedProtocol, ws="none", lifespan="off", log_level="critical",
    access_log=False, server_header=False, proxy_headers=False)
uvicorn.Server(config).run([listener])
"""
HTTP_SERVER = """
import functools, sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

class Quiet(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *arguments):
        pass
    def handle(self):
        try:
            super().handle()
        except ConnectionError:
            pass  # wrk hangs up when its time is over

server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=sys.argv[1]))
print(server.server_port, flush=True)
server.serve_forever()
"""


def main() -> int:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="three rounds instead of nine")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a budget is missed")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        print("wrk is not installed")
        return 0
    rates: list[tuple[float, float, float]] = []
    with tempfile.TemporaryDirectory(prefix="wasmrun-bench-") as folder, ExitStack() as stack:
        (Path(folder) / "app.wasm").write_bytes(os.urandom(MODULE_BYTES))
        ports = [stack.enter_context(server(each, folder)) for each in (OURS, FILE_RESPONSE, HTTP_SERVER)]
        for _ in range(3 if options.quick else 9):
            ours, bare, plain = (requests_a_second(port) for port in ports)
            rates.append((ours, bare, plain))
    against_bare = statistics.median(ours / bare for ours, bare, _ in rates)
    against_plain = statistics.median(ours / plain for ours, _, plain in rates)
    medians = [statistics.median(column) for column in zip(*rates, strict=True)]
    print("1 MB module, requests/s: ours {:.0f}, FileResponse {:.0f}, http.server {:.0f}".format(*medians))
    met = against_bare >= FILE_RESPONSE_BUDGET
    verdict = "ok" if met else "MISSED"
    print(f"ours / FileResponse {against_bare:.2f}  (at least {FILE_RESPONSE_BUDGET:.1f}: {verdict})")
    print(f"ours / http.server  {against_plain:.2f}")
    return 1 if options.strict and not met else 0


@contextmanager
def server(program: str, folder: str) -> Iterator[int]:
    """A server in a process of its own; its port."""
    started = subprocess.Popen(
        [sys.executable, "-c", program, folder, str(ROOT)], stdout=subprocess.PIPE, text=True
    )
    try:
        line = started.stdout.readline() if started.stdout is not None else ""
        yield int(line)
    finally:
        started.terminate()
        started.communicate(timeout=10)


def requests_a_second(port: int) -> float:
    """What wrk counts in two seconds with four connections."""
    command = ["wrk", "-t1", "-c4", "-d2s", f"http://127.0.0.1:{port}/app.wasm"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"Requests/sec:\s+([0-9.]+)", said)
    failed = re.search(r"Non-2xx or 3xx responses", said)
    if found is None or failed is not None:
        raise SystemExit(said)
    return float(found[1])


if __name__ == "__main__":
    sys.exit(main())
