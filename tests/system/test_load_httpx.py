"""Importing httpx costs what the library costs, and leaves no trace of how."""

from __future__ import annotations

import subprocess
import sys

CHECK = """
import sys
from wasmrun_py.system.net import load_httpx
load_httpx()
load_httpx()
assert "httpx" in sys.modules
assert "pygments" not in sys.modules, "the command-line program came along"
assert "httpx._main" not in sys.modules
import httpx._main
assert httpx.Client
print("fine")
"""


def test_the_program_of_httpx_stays_out() -> None:
    """What its command-line program needs is not imported, and the program itself still can be."""
    done = subprocess.run([sys.executable, "-c", CHECK], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("fine\n", "")
