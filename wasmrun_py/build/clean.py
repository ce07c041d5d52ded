"""``clean``: every folder a project was built into, emptied of what is still ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmrun_py.build.outputs import CleanReport, clean_output_dir, find_output_dirs, forget_project
from wasmrun_py.system.fs import remove_tree

if TYPE_CHECKING:
    from pathlib import Path

    from wasmrun_py.system.paths import Home


def clean_project(project: Path, output_dir: Path, *, home: Home, everything: bool) -> CleanReport:
    """Remove the recorded, unchanged outputs of ``project``.

    Args:
        project: The project's folder.
        output_dir: The folder it is configured to build into.
        home: Where other folders it was built into are remembered.
        everything: Also drop the compiled modules that ``exec`` keeps.

    Raises:
        OutputError: A file could not be removed.
    """
    folders = dict.fromkeys((output_dir, *find_output_dirs(home, project)))
    reports = [clean_output_dir(folder) for folder in folders]
    forget_project(home, project)
    if everything:
        remove_tree(home.modules)
    return CleanReport(
        removed=tuple(path for report in reports for path in report.removed),
        kept=tuple(path for report in reports for path in report.kept),
    )
