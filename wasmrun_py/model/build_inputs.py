"""What a build read beside the files of its project, as a builder reports it.

The build cache rests on it: an input that nobody reports is an artifact that is stale one day. Nothing here
reads anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderNames:
    """The names in a folder, where a new one would change a build: a source, a header that hides another.

    Attributes:
        path: The folder, absolute; it need not be there.
        suffixes: Which names matter by their end; ``/`` stands for folders, ``""`` for names without a dot.
            Empty for all.
    """

    path: Path
    suffixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildInputs:
    """What a build depends on beside its configuration and the project's files that git does not ignore.

    Reporting too much costs a build that was not needed; reporting too little is a defect. What lies in the
    project may be reported too: the host knows which of its files are covered already.

    Attributes:
        files: Files that were read, absolute; one that does not exist is one that was looked for in vain.
        folders: Folders whose list of names mattered.
        trees: Folders of which anything may have been read, absolute.
        programs: Names that were looked up on PATH, found or not.
        any_variable: Any environment variable may have been read, as a Makefile does.
    """

    files: tuple[Path, ...] = ()
    folders: tuple[FolderNames, ...] = ()
    trees: tuple[Path, ...] = ()
    programs: tuple[str, ...] = ()
    any_variable: bool = False
