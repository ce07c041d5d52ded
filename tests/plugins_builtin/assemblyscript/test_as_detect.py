"""Which folders are AssemblyScript projects, and why the others are not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plugins_builtin.assemblyscript.detect import match_project
from tests.plugins_builtin.assemblyscript.conftest import write_project
from wasmrun_py.model.errors import NotAFolderError, PathNotFoundError
from wasmrun_py.model.manifest import Match, MatchKind, NoMatch

if TYPE_CHECKING:
    from tests.conftest import Wasmrun

DEV = json.dumps({"devDependencies": {"assemblyscript": "^0.28.0"}})


@pytest.mark.parametrize(
    ("files", "kind", "reason"),
    [
        ({"asconfig.json": "{}"}, MatchKind.ENTRY_FILE, "asconfig.json is there"),
        ({"asconfig.json": "{ broken"}, MatchKind.ENTRY_FILE, "asconfig.json is there"),
        ({"package.json": DEV}, MatchKind.PROJECT_FILE, "among its devDependencies"),
        (
            {"package.json": json.dumps({"dependencies": {"assemblyscript": "*"}})},
            MatchKind.PROJECT_FILE,
            "among its dependencies",
        ),
        ({"package.json": "\ufeff" + DEV}, MatchKind.PROJECT_FILE, "among its devDependencies"),
        ({"assembly/index.ts": ""}, MatchKind.ENTRY_FILE, "assembly/index.ts is there"),
        ({"assembly/main.ts": ""}, MatchKind.ENTRY_FILE, "assembly/main.ts is there"),
        ({"assembly/index.ts": "", "package.json": "{ broken"}, MatchKind.ENTRY_FILE, "assembly/index.ts"),
    ],
)
def test_projects_that_are_assemblyscript(
    files: dict[str, str], kind: MatchKind, reason: str, tmp_path: Path
) -> None:
    """Each of the three signs is enough, and the answer names it."""
    answer = match_project(write_project(tmp_path, files))
    assert isinstance(answer, Match)
    assert answer.kind is kind
    assert reason in answer.reason


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "no asconfig.json, no assembly/index.ts or assembly/main.ts, no package.json"),
        ({"index.ts": "", "src/index.ts": ""}, "no asconfig.json"),
        ({"package.json": json.dumps({"name": "asc-tools", "scripts": {"b": "asc"}})}, "does not depend on"),
        ({"package.json": json.dumps({"keywords": ["assemblyscript"]})}, "does not depend on"),
        ({"package.json": json.dumps({"dependencies": ["assemblyscript"]})}, "does not depend on"),
        ({"package.json": '["assemblyscript"]'}, "is not a JSON object"),
        ({"package.json": '{\n  "a": assemblyscript\n}'}, "package.json:2:8 is not valid JSON"),
        ({"package.json/assemblyscript": ""}, "package.json cannot be read"),
        ({"assembly/index.ts/file": ""}, "no asconfig.json"),
    ],
)
def test_projects_that_are_not(files: dict[str, str], reason: str, tmp_path: Path) -> None:
    """The letters alone are no sign, and a broken package.json is named with its line and column."""
    answer = match_project(write_project(tmp_path, files))
    assert isinstance(answer, NoMatch)
    assert reason in answer.reason


_names = st.text("abcdefghijklmnopqrstuvwxyz@/-.", min_size=1, max_size=20)
_words = st.sampled_from(["asc", "assemblyscript", "assemblyscript-x", "@x/assemblyscript", "typescript"])
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10) | _words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names | _words, inner, max_size=3),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    document=st.dictionaries(
        st.sampled_from(["dependencies", "devDependencies", "peerDependencies", "scripts", "name"]) | _names,
        _values,
        max_size=5,
    )
)
def test_any_package_json(document: dict[str, object], tmp_path: Path) -> None:
    """Whatever package.json holds: a match if and only if a dependency is called assemblyscript."""
    (tmp_path / "package.json").write_text(json.dumps(document, ensure_ascii=False))
    groups = (document.get(name) for name in ("dependencies", "devDependencies"))
    expected = any(isinstance(group, dict) and "assemblyscript" in group for group in groups)
    assert isinstance(match_project(tmp_path), Match) is expected


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.binary(max_size=80))
def test_any_bytes_as_package_json(data: bytes, tmp_path: Path) -> None:
    """No bytes whatever make detection fail."""
    (tmp_path / "package.json").write_bytes(b'"assemblyscript"' + data)
    assert isinstance(match_project(tmp_path), NoMatch)


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    """A missing folder and a file are told apart."""
    with pytest.raises(PathNotFoundError):
        match_project(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(NotAFolderError):
        match_project(tmp_path / "file")


def test_detect_command_names_the_fault(wasmrun: Wasmrun, tmp_path: Path) -> None:
    """``wasmrun detect`` survives a broken package.json and says where it breaks."""
    project = write_project(tmp_path / "p", {"package.json": '{"assemblyscript": }'})
    finished = wasmrun("detect", project, "--json")
    candidates = {each["plugin"]: each for each in finished.document["candidates"]}
    assert "package.json:1:20 is not valid JSON" in candidates["assemblyscript"]["reason"]


def test_import_is_light() -> None:
    """Importing the plugin and asking it loads none of what only a build needs."""
    code = (
        "import sys; from plugins_builtin.assemblyscript import plugin; from pathlib import Path; "
        "plugin(None).can_handle_project(Path.cwd()); "
        "print([m for m in ('json', 'subprocess', 'wasmrun_py.system.process', 'wasmrun_py.toolchain', "
        "'hashlib', 'shutil') if m in sys.modules])"
    )
    out = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    assert out.stdout.strip() == "[]", out.stderr
