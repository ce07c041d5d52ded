"""``[workspace]``: which folders are members, what they are called, and every way to get it wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wasmrun_py.config.workspace import find_workspace_root, is_workspace_only, load_workspace
from wasmrun_py.model.errors import ConfigError, WasmrunError

if TYPE_CHECKING:
    from pathlib import Path


def write(root: Path, files: dict[str, str]) -> Path:
    """Files below ``root``; a name that ends in a slash is an empty folder."""
    for name, text in files.items():
        path = root / name
        if name.endswith("/"):
            path.mkdir(parents=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def workspace(*members: str, extra: str = "") -> str:
    listed = ", ".join(f'"{each}"' for each in members)
    return f"[workspace]\nmembers = [{listed}]\n{extra}"


def test_globs_and_folders_are_members(tmp_path: Path) -> None:
    """A name is [project] name, else the folder's; hidden folders, files and the excluded are no members."""
    write(
        tmp_path,
        {
            "wasmrun.toml": workspace("apps/*", "lib/", "./apps/one", extra='exclude = ["apps/old*"]\n'),
            "apps/one/main.c": "",
            "apps/two/wasmrun.toml": '[project]\nname = "second"\ndepends_on = ["lib", "one", "lib"]\n',
            "apps/old-one/main.c": "",
            "apps/.hidden/main.c": "",
            "apps/node_modules/x.c": "",
            "apps/README.md": "",
            "lib/a.c": "",
            "other/main.c": "",
        },
    )
    found = load_workspace(tmp_path)
    assert {name: member.place for name, member in found.members.items()} == {
        "one": "apps/one",
        "second": "apps/two",
        "lib": "lib",
    }
    assert found.members["second"].depends_on == ("lib", "one")
    assert found.warnings == ()
    assert found.shared is None


def test_a_glob_without_a_folder_is_a_warning_while_others_have_one(tmp_path: Path) -> None:
    """An empty apps/ is no mistake; a workspace without any member is one."""
    write(tmp_path, {"wasmrun.toml": workspace("apps/*", "lib"), "lib/a.c": ""})
    assert load_workspace(tmp_path).warnings == ('[workspace] members: "apps/*" matches no folder',)
    write(tmp_path, {"wasmrun.toml": workspace("apps/*")})
    with pytest.raises(ConfigError, match="the workspace has no member"):
        load_workspace(tmp_path)


@pytest.mark.parametrize(
    ("files", "said", "hint"),
    [
        ({"wasmrun.toml": "[workspace]\n"}, '"members" is missing', "members = "),
        ({"wasmrun.toml": "[workspace]\nmembers = []\n"}, '"members" is missing or empty', "members = "),
        ({"wasmrun.toml": "[workspace]\nmembers = 'apps'\n"}, "must be a list of strings", ""),
        ({"wasmrun.toml": "[workspace]\nmember = ['apps']\n"}, 'has no key "member"', '"members"'),
        ({"wasmrun.toml": workspace("lbi"), "lib/a.c": ""}, 'member "lbi" does not exist', '"lib"'),
        ({"wasmrun.toml": workspace("lib"), "lib": ""}, 'member "lib" is no folder', ""),
        ({"wasmrun.toml": workspace("../lib")}, "leaves the workspace", "below the root"),
        ({"wasmrun.toml": workspace("/etc")}, "leaves the workspace", "below the root"),
        ({"wasmrun.toml": workspace(".")}, "is the workspace's root itself", "below the root"),
        ({"wasmrun.toml": workspace("")}, "is empty", ""),
        ({"wasmrun.toml": workspace("apps/**"), "apps/a/b/": ""}, 'has "**" in it', ""),
        (
            {"wasmrun.toml": workspace("apps", "apps/*"), "apps/a/main.c": ""},
            'member "apps/a" lies inside member "apps"',
            'exclude = ["apps/a"]',
        ),
        (
            {"wasmrun.toml": workspace("a/*", "b/*"), "a/x/main.c": "", "b/x/main.c": ""},
            'members "a/x" and "b/x" are both called "x"',
            "b/x/wasmrun.toml",
        ),
        (
            {"wasmrun.toml": workspace("a"), "a/wasmrun.toml": workspace("b"), "a/b/main.c": ""},
            "cannot be a workspace itself",
            "exclude",
        ),
        (
            {
                "wasmrun.toml": workspace("*"),
                "lib/a.c": "",
                "app/wasmrun.toml": "[project]\ndepends_on = ['lbi']\n",
            },
            'names "lbi", and no member',
            'Did you mean "lib"?',
        ),
        (
            {"wasmrun.toml": workspace("app"), "app/wasmrun.toml": "[project]\ndepends_on = 'lib'\n"},
            "must be a list of strings",
            "",
        ),
    ],
)
def test_mistakes_name_the_file_and_what_to_do(
    tmp_path: Path, files: dict[str, str], said: str, hint: str
) -> None:
    """Every mistake is a usage error that points at a file."""
    write(tmp_path, files)
    with pytest.raises(ConfigError) as caught:
        load_workspace(tmp_path)
    assert said in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.exit_code == 2
    assert "wasmrun.toml" in caught.value.message


def test_a_link_to_a_member_is_the_same_folder(tmp_path: Path) -> None:
    """One folder under two names would be built into itself twice; a link that leads out is no member."""
    write(tmp_path, {"wasmrun.toml": workspace("apps/*"), "apps/a/main.c": ""})
    (tmp_path / "apps" / "b").symlink_to("a")
    with pytest.raises(ConfigError, match=r'members "apps/a" and "apps/b" are the same folder'):
        load_workspace(tmp_path)
    (tmp_path / "apps" / "b").unlink()
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    (tmp_path / "apps" / "c").symlink_to(outside)
    with pytest.raises(ConfigError, match="a link that leads out of the workspace"):
        load_workspace(tmp_path)


def test_a_depends_on_points_at_its_line(tmp_path: Path) -> None:
    """The place is the member's own file."""
    write(
        tmp_path,
        {
            "wasmrun.toml": workspace("app"),
            "app/wasmrun.toml": '[project]\nname = "app"\ndepends_on = ["x"]\n',
        },
    )
    with pytest.raises(ConfigError) as caught:
        load_workspace(tmp_path)
    assert (caught.value.file, caught.value.line) == (tmp_path / "app" / "wasmrun.toml", 3)


def test_the_root_is_found_from_below(tmp_path: Path) -> None:
    """The nearest [workspace] above counts; a wasmrun.toml without one does not end the search."""
    write(
        tmp_path,
        {
            "wasmrun.toml": workspace("apps/*"),
            "apps/wasmrun.toml": "",
            "apps/a/wasmrun.toml": '[project]\nname = "a"\n',
            "apps/a/src/": "",
        },
    )
    assert find_workspace_root(tmp_path / "apps" / "a" / "src") == tmp_path
    assert find_workspace_root(tmp_path) == tmp_path
    assert is_workspace_only(tmp_path)
    assert not is_workspace_only(tmp_path / "apps" / "a")
    write(tmp_path, {"wasmrun.toml": workspace("apps/*", extra="[project]\nname = 'root'\n")})
    assert not is_workspace_only(tmp_path)


def test_nothing_above_is_no_workspace(tmp_path: Path) -> None:
    """What wasmrun tells without a workspace is a usage error, and the search ends at the top."""
    assert find_workspace_root(tmp_path) is None
    write(tmp_path, {"wasmrun.toml": "[project]\nname = 'x'\n"})
    with pytest.raises(WasmrunError, match=r"has no \[workspace\]"):
        load_workspace(tmp_path)
