"""Git repositories: one commit, no prompt, no hook, and then a folder like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conftest import require_tool
from tests.plugin.installing import path_without
from tests.plugin.material import Zork, commit, write_package, write_plain, write_tree
from tests.toolchain.registry import closed_registry
from wasmrun_py.model.errors import MissingToolError, PluginInstallError, PluginLockError
from wasmrun_py.model.plugin_source import Git

if TYPE_CHECKING:
    from pathlib import Path

    from tests.plugin.install.conftest import Install


@pytest.fixture(autouse=True)
def _git() -> None:
    require_tool("git")


def test_a_reference_becomes_a_commit(install: Install, tmp_path: Path) -> None:
    """A tag, a branch, a commit and nothing at all: each is pinned, and that version is what is installed."""
    repository = write_plain(tmp_path / "repository")
    first = commit(repository, tag="v1.0")
    second_version = Zork(version="2.0.0", marker="second")
    write_plain(repository, second_version)
    second = commit(repository)
    url = f"file://{repository}"
    for ref, expected in (("v1.0", first), ("main", second), (first, first), (None, second)):
        found = install(Git(url=url, ref=ref))
        assert found.resolved.source == Git(url=url, ref=expected)
        assert found.resolved.checksum == f"git:{expected}"
        assert found.resolved.version == ("1.0.0" if expected == first else "2.0.0")
    assert found.builds(second_version, tmp_path / "use")


def test_a_plugin_in_a_subdirectory(install: Install, tmp_path: Path) -> None:
    """The rest of the repository is not looked at."""
    repository = write_tree(tmp_path / "repository", {"README": "x"})
    write_package(repository / "plugins" / "zork")
    commit(repository)
    source = Git(url=f"file://{repository}", subdirectory="plugins/zork")
    assert install(source).built.launch.python == "wasmrun_zork:plugin"
    with pytest.raises(PluginInstallError, match="has no folder plugins/none"):
        install(Git(url=f"file://{repository}", subdirectory="plugins/none"))


def test_a_subdirectory_that_leads_away(install: Install, tmp_path: Path) -> None:
    """A link in the repository is not followed out of it."""
    repository = write_tree(tmp_path / "repository", {"README": "x"})
    (repository / "away").symlink_to(tmp_path)
    commit(repository)
    with pytest.raises(PluginInstallError, match="has no folder away"):
        install(Git(url=f"file://{repository}", subdirectory="away"))


def test_a_reference_that_is_not_there(install: Install, tmp_path: Path) -> None:
    """It is named; so is an empty repository."""
    repository = write_plain(tmp_path / "repository")
    commit(repository)
    with pytest.raises(PluginInstallError, match="has no branch, tag or commit v9"):
        install(Git(url=f"file://{repository}", ref="v9"))


def test_a_repository_that_is_not_there(install: Install, tmp_path: Path) -> None:
    """The reason is git's own."""
    with pytest.raises(PluginInstallError, match=r"could not be cloned: fatal: .*nothing"):
        install(Git(url=f"file://{tmp_path}/nothing"))


def test_nothing_asks_and_nothing_leaks(install: Install) -> None:
    """Without a network it ends at once, and the password in the address is covered."""
    url = closed_registry().replace("http://", "https://user:secret@") + "x.git"
    with pytest.raises(PluginInstallError, match="could not be cloned") as caught:
        install(Git(url=url))
    assert "secret" not in caught.value.message + caught.value.output
    assert "network" in caught.value.hint


def test_nothing_of_the_users_git_is_run(install: Install, tmp_path: Path) -> None:
    """Neither a hook of a template, nor a repository that the environment names."""
    repository = write_plain(tmp_path / "repository")
    commit(repository)
    mark = tmp_path / "mark"
    hook = write_tree(tmp_path / "template", {"hooks/post-checkout": f"#!/bin/sh\ntouch {mark}\n"})
    (hook / "hooks" / "post-checkout").chmod(0o755)
    config = write_tree(tmp_path / "config", {"gitconfig": f"[core]\nhooksPath = {hook}/hooks\n"})
    env = {
        "GIT_TEMPLATE_DIR": str(hook),
        "GIT_CONFIG_GLOBAL": str(config / "gitconfig"),
        "GIT_DIR": str(tmp_path / "elsewhere"),
        "GIT_WORK_TREE": str(tmp_path / "elsewhere"),
    }
    assert install(Git(url=f"file://{repository}"), env=env).resolved.version == "1.0.0"
    assert not mark.exists()


def test_frozen_wants_a_commit(install: Install, tmp_path: Path) -> None:
    """A branch may be something else tomorrow."""
    repository = write_plain(tmp_path / "repository")
    pinned = commit(repository)
    with pytest.raises(PluginLockError, match="is not exact"):
        install(Git(url=f"file://{repository}", ref="main"), frozen=True)
    assert install(Git(url=f"file://{repository}", ref=pinned), frozen=True).resolved.version == "1.0.0"


def test_without_git_it_is_named(install: Install, tmp_path: Path) -> None:
    """Exit code 4 with what to install."""
    with pytest.raises(MissingToolError, match="git is not on PATH") as caught:
        install(Git(url="file:///nothing"), env=path_without("git", folder=tmp_path))
    assert caught.value.tools == ("git",)
