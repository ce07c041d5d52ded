"""Variables that keep a plugin's compilers from writing this machine's paths into what they make. Pure.

Each adds to what the user has set and takes nothing away: cargo reads ``CARGO_BUILD_RUSTFLAGS`` beside the
flags of its files and passes it over where ``RUSTFLAGS`` is set; go reads ``GOFLAGS``. The folder of the
registry's sources is cargo's own.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_RUST, _GO, _PYTHON = "CARGO_BUILD_RUSTFLAGS", "GOFLAGS", "PYTHONHASHSEED"
_TRIMPATH = "-trimpath"


def steady_variables(environ: Mapping[str, str], project: Path) -> dict[str, str]:
    """What to set beside ``environ`` for a build of ``project``.

    Args:
        environ: The environment of the build.
        project: The folder that is built, a copy with a name of its own each time.
    """
    home = environ.get("CARGO_HOME") or os.path.join(environ.get("HOME") or os.sep, ".cargo")  # noqa: PTH118 - a text
    folders = {str(project): ".", home: "/cargo"}
    # cargo takes the list apart at blanks.
    flags = [
        f"--remap-path-prefix={folder}={name}"
        for folder, name in folders.items()
        if not any(blank in folder for blank in " \t\n=")
    ]
    go = environ.get(_GO, "")
    return {
        _RUST: " ".join((*environ.get(_RUST, "").split(), *flags)),
        _GO: go if _TRIMPATH in go else f"{go} {_TRIMPATH}".strip(),
        _PYTHON: environ.get(_PYTHON, "0"),
    }
