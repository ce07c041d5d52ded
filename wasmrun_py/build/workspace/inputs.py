"""What the last builds of the members read, as the cache's notes tell it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from wasmrun_py.build.cache.last_build import find_note
from wasmrun_py.build.fingerprint.dependencies import parse_dependencies
from wasmrun_py.build.workspace.affected import OutsideInputs

if TYPE_CHECKING:
    from wasmrun_py.config.workspace import Workspace
    from wasmrun_py.system.paths import Home


def load_outside_inputs(workspace: Workspace, home: Home) -> dict[str, OutsideInputs]:
    """Name -> what its last build read outside its folder; no entry where that is not known."""
    known: dict[str, OutsideInputs] = {}
    for name, member in workspace.members.items():
        note = find_note(home, member.folder).load()
        dependencies = parse_dependencies(note.get("dependencies")) if note is not None else None
        if dependencies is None:
            continue
        folders = (*dependencies.trees, *(each[0] for each in dependencies.folders))
        known[name] = OutsideInputs(
            files=frozenset(map(os.path.realpath, dependencies.files)),
            folders=frozenset(
                real for each in folders if not member.folder.is_relative_to(real := os.path.realpath(each))
            ),
        )
    return known
