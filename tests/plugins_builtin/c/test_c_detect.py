from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plugins_builtin.c import plugin
from plugins_builtin.c.detect import EXTENSIONS, match_project
from tests.conftest import FIXTURES, without_privileges
from wasmrun_py.model.errors import NotAFolderError, PathNotFoundError
from wasmrun_py.plugin.api import Match, MatchKind, NoMatch, PluginContext
from wasmrun_py.system.paths import Home

if TYPE_CHECKING:
    from pathlib import Path


def _project(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


@pytest.mark.parametrize(
    ("names", "confidence", "kind", "reason"),
    [
        (["main.c"], 80, MatchKind.ENTRY_FILE, "main.c is there"),
        (["src/main.c"], 80, MatchKind.ENTRY_FILE, "src/main.c is there"),
        (["app.cpp"], 80, MatchKind.ENTRY_FILE, "app.cpp is there"),
        (["index.cc", "zebra.c"], 80, MatchKind.ENTRY_FILE, "index.cc is there"),
        (["app.c", "main.cxx"], 80, MatchKind.ENTRY_FILE, "main.cxx is there"),
        (
            ["CMakeLists.txt", "src/tool.c"],
            70,
            MatchKind.PROJECT_FILE,
            "CMakeLists.txt and src/tool.c are there",
        ),
        (["Makefile", "tool.cc"], 70, MatchKind.PROJECT_FILE, "Makefile and tool.cc are there"),
        (["CMakeLists.txt", "main.c"], 80, MatchKind.ENTRY_FILE, "main.c is there"),
        (["tool.c"], 40, MatchKind.EXTENSION, "tool.c is there"),
        (["src/a.cpp", "notes.txt"], 40, MatchKind.EXTENSION, "src/a.cpp is there"),
    ],
)
def test_projects_are_recognised(
    names: list[str], confidence: int, kind: MatchKind, reason: str, tmp_path: Path
) -> None:
    """Entry files outrank build files, build files outrank bare extensions, and the reason says which."""
    assert match_project(_project(tmp_path, *names)) == Match(confidence=confidence, kind=kind, reason=reason)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([], "no *.c, *.cc, *.cpp or *.cxx in . or src/"),
        (["main.py", "package.json"], "no *.c, *.cc"),
        (["Makefile"], "a Makefile is there, but no C or C++ source in . or src/"),
        (["Makefile", "main.go"], "a Makefile is there, but no C or C++ source"),
        (["CMakeLists.txt", "lib/deep/x.c"], "a CMakeLists.txt is there, but no C or C++ source"),
        (["api.h", "src/api.hpp"], "only headers are there"),
        (["tests/main.c"], "no *.c"),
        (["main.c.orig", "main.cs", "mainc"], "no *.c"),
    ],
)
def test_other_projects_are_declined_with_the_reason(names: list[str], words: str, tmp_path: Path) -> None:
    """What was looked for is said, and a Makefile alone is not C."""
    answer = match_project(_project(tmp_path, *names))
    assert isinstance(answer, NoMatch)
    assert answer.reason.startswith(words)


def test_a_folder_called_like_a_source_is_not_one(tmp_path: Path) -> None:
    """Only regular files count."""
    (tmp_path / "main.c").mkdir()
    assert isinstance(match_project(tmp_path), NoMatch)


def test_a_broken_link_is_not_a_source(tmp_path: Path) -> None:
    """A link to nothing cannot be compiled."""
    (tmp_path / "main.c").symlink_to("nowhere.c")
    assert isinstance(match_project(tmp_path), NoMatch)


def test_src_may_be_a_file(tmp_path: Path) -> None:
    """A file called src is passed over."""
    assert isinstance(match_project(_project(tmp_path, "src", "main.c")), Match)


def test_missing_folder_and_file_are_named(tmp_path: Path) -> None:
    """Both are usage errors, not crashes."""
    with pytest.raises(PathNotFoundError, match="does not exist"):
        match_project(tmp_path / "nope")
    with pytest.raises(NotAFolderError, match="is not a folder"):
        match_project(_project(tmp_path, "main.c") / "main.c")


def test_unreadable_folder_is_named(tmp_path: Path) -> None:
    """A folder without permission is an error that says so."""
    (tmp_path / "src").mkdir(mode=0)
    code = (
        "import pathlib, sys; from plugins_builtin.c.detect import match_project;"
        "from wasmrun_py.model.errors import UnreadablePathError\n"
        "try: match_project(pathlib.Path(sys.argv[1]))\n"
        "except UnreadablePathError as error: print(error.message)"
    )
    command = without_privileges(sys.executable, "-c", code, str(tmp_path))
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said == f"{tmp_path / 'src'} cannot be read: Permission denied\n"


_NAME_BYTES = st.binary(min_size=1, max_size=40).filter(
    lambda raw: b"/" not in raw and b"\0" not in raw and raw not in {b".", b".."}
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stem=_NAME_BYTES, extension=st.sampled_from(EXTENSIONS))
def test_any_file_name_is_survived(
    stem: bytes, extension: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Names of any bytes match by their extension, and the reason is text that can be printed."""
    folder = tmp_path_factory.mktemp("odd")
    (folder / os.fsdecode(stem + b"." + extension.encode())).touch()
    answer = match_project(folder)
    assert isinstance(answer, Match)
    answer.reason.encode("utf-8")


@pytest.mark.parametrize("name", sorted(path.name for path in FIXTURES.glob("c*")))
def test_the_fixture_projects_are_recognised(name: str) -> None:
    """Each of the C fixtures is taken by this plugin."""
    assert isinstance(match_project(FIXTURES / name), Match)


def test_info_tells_what_the_plugin_can_do(tmp_path: Path) -> None:
    """Targets, languages and toolchains are in the manifest."""
    info = plugin(PluginContext(environ={}, home=Home(root=tmp_path))).info
    assert info.name == "c"
    assert info.capabilities.targets == ("wasm", "web")
    assert info.capabilities.supported_languages == ("c", "c++", "cpp")
    assert info.toolchains == ("emcc", "clang", "zig")


def test_detection_imports_nothing_heavy() -> None:
    """What every ``wasmrun detect`` pays for is the detection alone."""
    code = (
        "import sys, plugins_builtin.c\n"
        "heavy = {'subprocess', 'plugins_builtin.c.builder', 'wasmrun_py.system.process', "
        "'wasmrun_py.toolchain.provision', 're', 'shutil'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-S", "-I", "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "builder" not in ran.stdout
    assert "process" not in ran.stdout
    assert "provision" not in ran.stdout
