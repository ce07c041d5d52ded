"""Ask git which files changed since a revision: committed, staged, not staged, and not tracked.

"Since REF" is since the commit where this branch left REF, as CI systems mean it: what others did on REF in
the meantime is no change of ours. git runs without a shell, hooks or configured helpers; names come as bytes
that end in NUL, so that every name is possible.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import MissingToolError, UsageError, WasmrunError
from wasmrun_py.system.process import run_attached
from wasmrun_py.toolchain.find import find_tool

if TYPE_CHECKING:
    from collections.abc import Mapping

_TIMEOUT_S = 120.0
_SAID_CAP_CHARACTERS = 300
# A helper that a repository configures would be a program of its author's.
_QUIET = ("-c", "core.fsmonitor=false", "-c", "core.quotePath=false", "--no-pager")


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What changed.

    Attributes:
        revision: What was asked for.
        base: The commit that was compared with, in full.
        paths: Files that were added, changed or removed, absolute, sorted; a renamed one under both names, a
            submodule as its folder.
        warnings: Sentences for the user.
    """

    revision: str
    base: str
    paths: tuple[Path, ...]
    warnings: tuple[str, ...] = ()


def find_changes(folder: Path, revision: str, environ: Mapping[str, str]) -> Changes:
    """The changes of the repository that ``folder`` is in, since its branch left ``revision``.

    Args:
        folder: Absolute.
        revision: A branch, tag or commit, as git takes it.
        environ: The user's environment.

    Raises:
        MissingToolError: git is not there.
        UsageError: ``folder`` is in no repository, or there is no such revision in it.
        LimitError: git did not end.
    """
    git = _Git(folder, environ)
    top = Path(os.fsdecode(git.ask("rev-parse", "--show-toplevel", doing=_no_repository(folder)).strip()))
    commit = git.find("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if not revision or commit is None:
        raise _no_revision(revision, shallow=git.is_shallow)
    base = git.find("merge-base", commit, "HEAD")
    warnings: tuple[str, ...] = ()
    if base is None:
        why = "this clone is shallow" if git.is_shallow else "they have no common history"
        warnings = (
            f'Where this branch left "{revision}" is not known ({why}): compared with "{revision}" itself',
        )
        base = commit
    listed = git.ask(
        *("diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", "--no-textconv"),
        *("--ignore-submodules=none", base, "--"),
        cwd=top,
    )
    untracked = git.ask("ls-files", "--others", "--exclude-standard", "-z", cwd=top)
    names = {os.fsdecode(name) for name in (*listed.split(b"\0"), *untracked.split(b"\0")) if name}
    paths = tuple(sorted(top / name for name in names))
    return Changes(revision=revision, base=base, paths=paths, warnings=warnings)


class _Git:
    """git in one folder."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        program = find_tool("git", environ)
        if program is None:
            raise MissingToolError(
                "git is not on PATH, and --affected asks it what changed",
                tools=["git"],
                hint="Install git, or build everything: leave --affected out.",
            )
        self._program = str(program)
        self._folder = folder
        # It only looks: no lock is taken in the user's repository, and nothing is asked at the terminal.
        self._environ = {**environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}

    @property
    def is_shallow(self) -> bool:
        """The clone has not the whole history."""
        return self.find("rev-parse", "--is-shallow-repository") == "true"

    def find(self, *args: str) -> str | None:
        """A one-line answer, or None when git has none."""
        code, said, _ = self._run(args, self._folder)
        return os.fsdecode(said).strip() or None if code == 0 else None

    def ask(self, *args: str, cwd: Path | None = None, doing: UsageError | None = None) -> bytes:
        """What git writes.

        Raises:
            UsageError: ``doing``, when git refuses and that says why.
            WasmrunError: git refuses.
        """
        code, said, complaint = self._run(args, cwd or self._folder)
        if code == 0:
            return said
        text = " ".join(os.fsdecode(complaint).split())[:_SAID_CAP_CHARACTERS]
        if doing is not None and "not a git repository" in text:
            raise doing
        raise WasmrunError(f"git {args[0]} failed in {cwd or self._folder}: {text or f'exit code {code}'}")

    def _run(self, args: tuple[str, ...], cwd: Path) -> tuple[int, bytes, bytes]:
        said, complaint = bytearray(), bytearray()
        result = run_attached(
            (self._program, *_QUIET, *args),
            cwd=cwd,
            env=self._environ,
            timeout_s=_TIMEOUT_S,
            stdout=said.extend,
            stderr=complaint.extend,
            stdin_devnull=True,
        )
        return result.returncode, bytes(said), bytes(complaint)


def _no_repository(folder: Path) -> UsageError:
    return UsageError(
        f"{folder} is in no git repository, and --affected asks git what changed",
        hint="Build everything: leave --affected out; what did not change comes from the cache.",
    )


def _no_revision(revision: str, *, shallow: bool) -> UsageError:
    if shallow:
        hint = "This clone is shallow: fetch its history (git fetch --unshallow, or fetch-depth: 0 in CI)."
    else:
        hint = "Give a branch, tag or commit of this repository: --affected origin/main, --affected HEAD~1."
    return UsageError(f'There is no revision "{revision}" in this repository', hint=hint)
