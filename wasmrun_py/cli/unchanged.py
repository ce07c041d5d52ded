"""After a ``compile`` that went well: note what the next one would say if nothing changes.

``build.unchanged`` reads the note before anything of this is imported. What a run said beside its result (a
warning, a notice) is to be said again next time, so that such a run leaves no note.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from wasmrun_py.model.events import Level, Message

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from wasmrun_py.build.unchanged_note import FinishedProject
    from wasmrun_py.cli.context import World
    from wasmrun_py.model.events import Event


class Ears:
    """A reporter that notices whether anything was said.

    Attributes:
        heard: A message for the user went by.
    """

    def __init__(self) -> None:
        self.heard = False

    def emit(self, event: Event) -> None:
        """Listen."""
        if isinstance(event, Message) and event.level is not Level.DEBUG:
            self.heard = True


def may_note(world: World) -> bool:
    """Whether a note is of use: under GitHub Actions every run has more to say."""
    return not world.environ.get("GITHUB_ACTIONS")


def note_unchanged(  # noqa: PLR0913 - everything that the next run must know
    world: World,
    projects: Sequence[FinishedProject],
    *,
    started_ns: int,
    text: str,
    document: str,
    files: Iterable[Path] = (),
    folders: Iterable[Path] = (),
) -> None:
    """Leave the note.

    Args:
        world: The run's.
        projects: What was built.
        started_ns: When the run began, nanoseconds since the epoch.
        text: What is to be said on stderr.
        document: What is to be said on stdout.
        files: Further files that decide which projects these are.
        folders: Folders whose names decide that.
    """
    from wasmrun_py.build.unchanged_note import FinishedRun, write_note  # noqa: PLC0415 - only after success

    run = FinishedRun(
        argv=sys.argv[1:],
        environ=world.environ,
        cwd=world.cwd,
        home=world.home,
        started_ns=started_ns,
        projects=projects,
        files=files,
        folders=folders,
    )
    write_note(run, (text.encode("utf-8", "replace"), document.encode("utf-8", "replace")))
