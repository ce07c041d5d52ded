"""Find a Node.js that is new enough, or provision one; and the npm that belongs to it.

The user's own node on PATH wins. One that is too old or broken is named in a notice, and the pinned one
is used instead. What is run with node does not belong here.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import MissingToolError, ToolCrashedError
from wasmrun_py.model.events import Level, Message
from wasmrun_py.toolchain.catalog import NODE
from wasmrun_py.toolchain.find import find_tool
from wasmrun_py.toolchain.provision import ProvisionPolicy, find_provisioned, get_provisioned
from wasmrun_py.toolchain.version import load_version

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wasmrun_py.model.events import Reporter

_MINIMUM = re.compile(r">=?\s*v?(\d+(?:\.\d+)*)")
# The wheel keeps npm beside node, and one folder higher where node lies in bin/.
_NPM_PLACES = ("lib/node_modules/npm/bin/npm-cli.js", "node_modules/npm/bin/npm-cli.js")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeNeeds:
    """What somebody wants node for.

    Attributes:
        minimum: The oldest version that will do, ``(20,)`` or ``(18, 12)``.
        wanted_by: Who needs it, for sentences (``asc 0.28.20``).
        npm: npm is needed too.
    """

    minimum: tuple[int, ...]
    wanted_by: str
    npm: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeTools:
    """A node that works.

    Attributes:
        node: The program, absolute.
        version: As it says itself, digits and dots.
        npm: The command that runs npm; empty when nobody asked for it and none is there.
    """

    node: Path
    version: str
    npm: tuple[str, ...]

    def environ(self, environ: Mapping[str, str]) -> Mapping[str, str]:
        """``environ`` in which a script that says ``node`` means this one."""
        path = os.pathsep.join(part for part in (str(self.node.parent), environ.get("PATH", "")) if part)
        return {**environ, "PATH": path}


def get_node(needs: NodeNeeds, policy: ProvisionPolicy, reporter: Reporter) -> NodeTools:
    """The user's node when it will do, else the pinned one, installed when it is not there.

    Raises:
        MissingToolError: None will do, and none may be installed.
        ProvisionError: The pinned one could not be installed.
    """
    own = _find_own(needs, policy.environ, reporter)
    if own is not None:
        return own
    program = get_provisioned(NODE, policy, reporter)
    return NodeTools(node=program, version=NODE.version, npm=(str(program), str(_npm_script(program))))


def has_node(policy: ProvisionPolicy) -> bool:
    """Whether some node is there or may be installed; nothing is run."""
    found = find_tool("node", policy.environ) or find_provisioned(NODE, policy.home)
    return found is not None or policy.may_install


def parse_minimum(engines: str, *, default: tuple[int, ...]) -> tuple[int, ...]:
    """The oldest version that a package's ``engines.node`` allows (``>=18.12``), else ``default``."""
    found = _MINIMUM.search(engines)
    return tuple(int(part) for part in found.group(1).split(".")) if found else default


def _find_own(needs: NodeNeeds, environ: Mapping[str, str], reporter: Reporter) -> NodeTools | None:
    """The node on PATH, or None with a notice that says why not."""
    node = find_tool("node", environ)
    if node is None:
        return None
    try:
        version = load_version((str(node), "--version"), environ)
    except (MissingToolError, ToolCrashedError) as error:
        _tell(reporter, f"{error.message}; wasmrun's own node {NODE.version} is used")
        return None
    if tuple(int(part) for part in version.split(".")) < needs.minimum:
        oldest = ".".join(str(part) for part in needs.minimum)
        _tell(
            reporter,
            f"{node} is node {version}, and {needs.wanted_by} needs {oldest} or newer: "
            f"wasmrun's own node {NODE.version} is used",
        )
        return None
    npm = find_tool("npm", environ) if needs.npm else None
    if needs.npm and npm is None:
        _tell(reporter, f"{node} has no npm beside it on PATH: wasmrun's own node {NODE.version} is used")
        return None
    return NodeTools(node=node, version=version, npm=(str(npm),) if npm else ())


def _npm_script(program: Path) -> Path:
    """Where npm lies inside the wheel: the Python wrapper that the wheel also holds runs the same file."""
    folders = (program.parent, program.parent.parent)
    places = [folder / place for folder in folders for place in _NPM_PLACES]
    return next((place for place in places if place.is_file()), places[0])


def _tell(reporter: Reporter, text: str) -> None:
    reporter.emit(Message(level=Level.WARNING, text=text))
