"""The limit of open files: raised as far as it may be, never lowered."""

from __future__ import annotations

import subprocess
import sys

_SCRIPT = """
import resource
from wasmrun_py.system.descriptors import raise_descriptor_limit
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 300))
raise_descriptor_limit(200)
print(resource.getrlimit(resource.RLIMIT_NOFILE))
raise_descriptor_limit(150)
print(resource.getrlimit(resource.RLIMIT_NOFILE))
raise_descriptor_limit(4096)
print(resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def test_the_limit_is_raised_and_never_lowered() -> None:
    """Up to the system's own limit."""
    finished = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=True)
    assert finished.stdout.split("\n")[:3] == ["(200, 300)", "(200, 300)", "(300, 300)"]
