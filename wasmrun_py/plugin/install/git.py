"""Clone a repository with the user's own git and check one commit out; nothing of it is run.

No prompt, no hooks, no submodules, no transport that runs a command. What the checkout holds is treated as
any folder.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import PluginInstallError
from wasmrun_py.plugin.install.clients import client_failure, get_client, run_client, step
from wasmrun_py.toolchain.pypi import redact_credentials

if TYPE_CHECKING:
    from pathlib import Path

    from wasmrun_py.model.plugin_source import Git
    from wasmrun_py.plugin.install.steps import InstallWorld

_SETTINGS = "git's proxy and credential settings"
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_OPTIONS = (
    *("-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false", "-c", "core.autocrlf=false"),
    *("-c", "protocol.ext.allow=never", "-c", "advice.detachedHead=false", "-c", "submodule.recurse=false"),
)
# Set while a hook runs us, these would point git at the user's own repository.
_FOREIGN = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_COMMON_DIR",
    "GIT_PREFIX",
)


def check_out_source(source: Git, *, scratch: Path, world: InstallWorld) -> tuple[Git, Path]:
    """Clone into ``scratch/repository``; the source with its commit pinned, and the plugin's folder.

    Raises:
        MissingToolError: There is no git.
        PluginInstallError: It cannot be cloned, or has no such reference or subdirectory.
    """
    git = get_client("git", world, needed_for=redact_credentials(source.url))
    repository = scratch / "repository"
    shown = redact_credentials(source.url)
    clone = (
        *(git, *_OPTIONS, "clone", "--no-checkout", "--template=", "--origin", "origin"),
        *("--", source.url, str(repository)),
    )
    with step(f"Cloning {shown}", world):
        _run(clone, doing=f"{shown} could not be cloned", scratch=scratch, world=world)
    commit = _find_commit(git, source, repository, scratch=scratch, world=world)
    check_out = (git, *_OPTIONS, "-C", str(repository), "checkout", "--quiet", "--detach", commit)
    doing = f"{commit} of {shown} could not be checked out"
    _run(check_out, doing=doing, scratch=scratch, world=world)
    folder = repository / source.subdirectory if source.subdirectory else repository
    if not folder.is_dir() or not folder.resolve().is_relative_to(repository.resolve()):
        raise PluginInstallError(
            f"{shown} has no folder {source.subdirectory} at {commit[:12]}", hint="Check #subdirectory=."
        )
    return replace(source, ref=commit), folder


def is_commit(ref: str | None) -> bool:
    """Whether a reference names one commit for ever."""
    return ref is not None and _COMMIT.fullmatch(ref) is not None


def _find_commit(git: str, source: Git, repository: Path, *, scratch: Path, world: InstallWorld) -> str:
    """The commit that a branch, tag, or commit means; a branch comes first, as for a clone."""
    names = (f"refs/remotes/origin/{source.ref}", f"refs/tags/{source.ref}", source.ref) if source.ref else ()
    for name in names or ("HEAD",):
        argv = (
            *(git, *_OPTIONS, "-C", str(repository), "rev-parse", "--verify", "--quiet"),
            *("--end-of-options", f"{name}^{{commit}}"),
        )
        result = run_client(argv, folder=scratch, world=world, settings=_settings(world), quiet=True)
        said = result.output.strip()
        if result.returncode == 0 and _COMMIT.fullmatch(said):
            return said
    shown = redact_credentials(source.url)
    if source.ref is None:
        raise PluginInstallError(f"{shown} is an empty repository")
    raise PluginInstallError(
        f"{shown} has no branch, tag or commit {source.ref}", hint="Check what stands after @."
    )


def _run(argv: tuple[str, ...], *, doing: str, scratch: Path, world: InstallWorld) -> None:
    result = run_client(argv, folder=scratch, world=world, settings=_settings(world))
    if result.returncode != 0:
        raise client_failure(doing, result, world, settings=_SETTINGS)


def _settings(world: InstallWorld) -> dict[str, str | None]:
    return {"GIT_TERMINAL_PROMPT": "0", **{name: None for name in _FOREIGN if name in world.environ}}
