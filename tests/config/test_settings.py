"""Which value holds: command line, environment, project file, user file, default."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wasmrun_py.config.settings import Overrides, Settings, resolve_settings
from wasmrun_py.model.build import OptimizationLevel
from wasmrun_py.model.consent import InstallPolicy
from wasmrun_py.model.errors import ConfigError, UsageError
from wasmrun_py.system.paths import Home


def resolve(
    folder: Path,
    *,
    project: str = "",
    user: str = "",
    environ: dict[str, str] | None = None,
    **overrides: Any,
) -> Settings:
    home = Home(root=folder / "home")
    (folder / "project").mkdir(exist_ok=True)
    if project:
        (folder / "project" / "wasmrun.toml").write_text(project, encoding="utf-8")
    if user:
        home.root.mkdir(exist_ok=True)
        home.config_file.write_text(user, encoding="utf-8")
    return resolve_settings(folder / "project", Overrides(**overrides), environ=environ or {}, home=home)


def test_defaults(tmp_path: Path) -> None:
    """Without any configuration: target wasm, release, into dist, installs allowed."""
    settings = resolve(tmp_path)
    assert settings.target == "wasm"
    assert settings.optimization is OptimizationLevel.RELEASE
    assert settings.output_dir == tmp_path / "project" / "dist"
    assert settings.install_policy is InstallPolicy.AUTO
    assert settings.origins == {}


def test_the_order_of_sources(tmp_path: Path) -> None:
    """Each source beats the ones below it, and the origin says which one won."""
    files = {
        "project": '[build]\noptimization = "debug"\ntarget = "web"\n',
        "user": '[build]\noptimization = "size"\ntarget = "wasm"\ntoolchain = "zig"\n',
    }
    environ = {"WASMRUN_OPTIMIZATION": "size"}
    settings = resolve(tmp_path, **files, environ=environ, optimization="release")
    assert settings.optimization is OptimizationLevel.RELEASE
    assert settings.origins["optimization"] == "--optimization"
    settings = resolve(tmp_path, **files, environ=environ)
    assert settings.optimization is OptimizationLevel.SIZE
    assert settings.origins == {
        "optimization": "WASMRUN_OPTIMIZATION",
        "target": "wasmrun.toml",
        "toolchain": "config.toml",
    }
    assert (settings.target, settings.toolchain) == ("web", "zig")


def test_file_arguments_come_before_the_command_lines(tmp_path: Path) -> None:
    """The command line has the last word with compilers whose last flag wins."""
    settings = resolve(tmp_path, project='[build]\nargs = ["-DA=1"]\n', args=("-DA=2",))
    assert settings.args == ("-DA=1", "-DA=2")


@pytest.mark.parametrize(
    ("environ", "overrides"),
    [
        ({"WASMRUN_TOOLCHAINS": "system"}, {}),
        ({}, {"frozen": True}),
        ({}, {"no_toolchain_install": True}),
    ],
)
def test_installing_can_be_refused(
    tmp_path: Path, environ: dict[str, str], overrides: dict[str, Any]
) -> None:
    """A variable, --frozen and --no-toolchain-install each forbid installing toolchains."""
    assert resolve(tmp_path, environ=environ, **overrides).install_policy is InstallPolicy.SYSTEM


@pytest.mark.parametrize(
    ("variable", "project", "user", "policy"),
    [
        ("", "", "system", "system"),
        ("", "", "ask", "ask"),
        ("", "ask", "", "ask"),
        ("", "auto", "system", "system"),
        ("", "system", "auto", "system"),
        ("auto", "ask", "system", "auto"),
        ("ask", "auto", "auto", "ask"),
    ],
)
def test_a_project_may_only_be_stricter_than_its_user(
    tmp_path: Path, variable: str, project: str, user: str, policy: str
) -> None:
    """The variable decides; else the stricter of the two files holds, so that no clone allows itself more."""
    files = {
        name: f'[toolchains]\npolicy = "{value}"\n'
        for name, value in (("project", project), ("user", user))
        if value
    }
    environ = {"WASMRUN_TOOLCHAINS": variable} if variable else {}
    assert resolve(tmp_path, environ=environ, **files).install_policy == policy


@pytest.mark.parametrize(
    ("environ", "overrides", "message", "hint"),
    [
        ({}, {"optimization": "fast"}, '--optimization cannot be "fast"', "debug, release, size"),
        ({"WASMRUN_OPTIMIZATION": "sise"}, {}, 'WASMRUN_OPTIMIZATION cannot be "sise"', '"size"'),
        ({"WASMRUN_TOOLCHAINS": "sytem"}, {}, 'WASMRUN_TOOLCHAINS cannot be "sytem"', '"system"'),
    ],
)
def test_a_wrong_value_names_its_origin(
    tmp_path: Path, environ: dict[str, str], overrides: dict[str, Any], message: str, hint: str
) -> None:
    """The message says which flag or variable to change, the hint what it may hold."""
    with pytest.raises(UsageError) as caught:
        resolve(tmp_path, environ=environ, **overrides)
    assert caught.value.message == message
    assert hint in caught.value.hint


@pytest.mark.parametrize("name", ["../x", "a/b", ".hidden", "a\\b", "-rf", "x" * 200])
def test_a_name_that_is_no_file_name_is_refused(tmp_path: Path, name: str) -> None:
    """The artifact's name becomes a file in the output folder and must stay one."""
    with pytest.raises(ConfigError, match="cannot be") as caught:
        resolve(tmp_path, project=f"[project]\nname = '{name}'\n")
    assert caught.value.line == 2


@pytest.mark.parametrize(
    ("entry", "message"), [("../main.c", "leaves the project"), ("nope.c", "there is no such file")]
)
def test_an_entry_must_be_a_file_of_the_project(tmp_path: Path, entry: str, message: str) -> None:
    """An entry that is missing or outside is an error at its line."""
    with pytest.raises(ConfigError, match=message) as caught:
        resolve(tmp_path, project=f'[project]\nentry = "{entry}"\n')
    assert (caught.value.line, caught.value.column) == (2, 1)


def test_an_entry_link_that_leaves_the_project_is_refused(tmp_path: Path) -> None:
    """A link counts as what it points to."""
    (tmp_path / "secret.c").write_text("", encoding="utf-8")
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "main.c").symlink_to(Path("..") / "secret.c")
    with pytest.raises(ConfigError, match="leaves the project"):
        resolve(tmp_path, project='[project]\nentry = "main.c"\n')
