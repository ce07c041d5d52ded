"""The translation units of a project that is built without a build system of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from plugins_builtin.c.detect import ENTRY_FILES, EXTENSIONS, find_files, find_header_folders
from plugins_builtin.c.products import sanitise_name
from plugins_builtin.c.scan import SourceTraits, parse_traits
from wasmrun_py.model.errors import BuildError, PathNotFoundError, UnreadablePathError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One translation unit.

    Attributes:
        path: The file, absolute.
        argument: How it is given to a compiler that runs in the project: never like an option.
        traits: What its text seems to do.
    """

    path: Path
    argument: str
    traits: SourceTraits = field(repr=False)

    @property
    def is_cxx(self) -> bool:
        """It is C++ by its extension."""
        return self.path.suffix != ".c"

    def object_name(self, number: int) -> str:
        """A name for its object that no other source shares and every tool can print."""
        return f"{number}-{sanitise_name(self.path.stem)}.o"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSet:
    """All translation units of a project.

    Attributes:
        sources: Entry first, then by name.
        entry: The one the user named, or None.
        include_args: ``-I`` arguments, relative to the project.
    """

    sources: tuple[Source, ...]
    entry: Source | None
    include_args: tuple[str, ...]

    @property
    def has_cxx(self) -> bool:
        """Any of them is C++."""
        return any(source.is_cxx for source in self.sources)

    @property
    def has_plain_names(self) -> bool:
        """Every name is UTF-8: emcc names temporary objects after sources, and fails on others."""
        return all(_is_utf8(source.argument) for source in self.sources)

    @property
    def main_guesses(self) -> tuple[Source, ...]:
        """Those that seem to define ``main``."""
        return tuple(source for source in self.sources if source.traits.has_main)


def load_sources(project: Path, entry: Path | None) -> SourceSet:
    """Read the translation units in the root and in ``src/``.

    Args:
        project: The project's folder.
        entry: The entry file the user named, absolute; it may lie anywhere.

    Raises:
        PathNotFoundError, UnreadablePathError: A folder or file is missing or cannot be read.
        BuildError: There is none.
    """
    suffixes = tuple(f".{extension}" for extension in EXTENSIONS)
    names = sorted((name for name in find_files(project) if name.endswith(suffixes)), key=_order)
    sources = [_load(project / name, f"./{name}") for name in names]
    chosen = None
    if entry is not None:
        chosen = next((source for source in sources if source.path == entry), None)
        if chosen is None:
            inside = entry.is_relative_to(project)
            chosen = _load(entry, f"./{entry.relative_to(project).as_posix()}" if inside else str(entry))
            sources.insert(0, chosen)
    if not sources:
        raise BuildError(f"{project} has no C or C++ source in . or src/")
    include_args = ("-I.", *(f"-I./{name}" for name in find_header_folders(project)))
    return SourceSet(sources=tuple(sources), entry=chosen, include_args=include_args)


def _is_utf8(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _order(name: str) -> tuple[int, str]:
    """Entry candidates first, so that the linker's messages begin with what the user thinks of."""
    return (ENTRY_FILES.index(name) if name in ENTRY_FILES else len(ENTRY_FILES)), name


def _load(path: Path, argument: str) -> Source:
    try:
        text = path.read_bytes()
    except FileNotFoundError as error:
        raise PathNotFoundError(f"{path} does not exist") from error
    except OSError as error:
        raise UnreadablePathError(
            f"{path} cannot be read: {error.strerror}", hint="Check its permissions."
        ) from error
    return Source(path=path, argument=argument, traits=parse_traits(text))
