"""Which of the running servers a user means. It follows links, and looks at nothing else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import NoServerError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wasmrun_py.server.control.state_file import ServerRecord

_LARGEST_PORT = 65535


def choose_servers(
    running: Sequence[ServerRecord],
    *,
    project: Path | None,
    port: int | None,
    everything: bool,
    cwd: Path,
) -> tuple[ServerRecord, ...]:
    """The servers to end.

    Args:
        running: All there are.
        project: Only those of this project, or None.
        port: Only the one at this port, or None.
        everything: All of them; none is fine too.
        cwd: Where the user is: decides between several when nothing was said.

    Raises:
        UsageError: Several are meant as well as one, or what was said contradicts itself.
        NoServerError: None is meant.
    """
    if everything and (project is not None or port is not None):
        raise UsageError("--all and one server were both given", hint="Leave one of them out.")
    if everything:
        return tuple(running)
    wanted = [
        each
        for each in running
        if (project is None or each.project.resolve() == project.resolve())
        and (port is None or each.port == port)
    ]
    if not wanted:
        which = f" at port {port}" if port is not None else f" for {project}" if project is not None else ""
        raise NoServerError(f"No server runs{which}", hint=_list(running) or "wasmrun run PATH starts one.")
    if len(wanted) > 1 and project is None:
        # The system tells the current folder without links.
        real = cwd.resolve()
        wanted = [each for each in wanted if each.project.resolve() in {real, *real.parents}] or wanted
    if len(wanted) > 1:
        raise UsageError(
            "Several servers run, and it is not said which one is meant",
            hint=f"Add --port or --all. {_list(wanted)}",
        )
    return tuple(wanted)


def parse_wanted_port(text: str) -> int:
    """The port of a server.

    Raises:
        UsageError: It is no port.
    """
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 0 < int(text) <= _LARGEST_PORT:
        raise UsageError(f'"{text}" is not a port', hint=f"--port takes a number from 1 to {_LARGEST_PORT}.")
    return int(text)


def _list(records: Sequence[ServerRecord]) -> str:
    named = ", ".join(f"{each.port} ({each.project})" for each in records)
    return f"These run: {named}." if named else ""
