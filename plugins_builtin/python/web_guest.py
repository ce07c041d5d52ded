"""Runs a program in a browser's Python as ``python FILE`` or ``python -m NAME`` would; runs there only."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import wasmrun_guest as guest  # type: ignore[import-not-found] # guest.py, under this name in the browser

_OWN_FOLDER = "/wasmrun"


def run(program: str, arguments: str) -> int:
    """Run the program that was unpacked.

    Args:
        program: JSON of ``main``, ``file``, ``as_module``, ``folder`` and ``search`` (see ``pyodide.py``).
        arguments: JSON of what follows the program's name in ``sys.argv``.

    Returns:
        The exit code, 0 to 255.
    """
    settings = json.loads(program)
    library = [entry for entry in sys.path if entry not in {"", _OWN_FOLDER}]
    sys.path[:] = [*settings["search"], *library, *settings["packages"]]
    sys.argv[:] = [settings["file"], *json.loads(arguments)]
    os.chdir(settings["folder"])
    source = Path(settings["file"]).read_bytes()
    stored = guest.StoredModule(settings["file"], source, is_package=False)
    store = guest.ModuleStore({settings["main"]: stored})
    code: int = guest.run_program(store, settings["main"], as_module=settings["as_module"])
    return code
