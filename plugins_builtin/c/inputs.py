"""What a C build read beside the project's own files: headers, the compiler's parts, what arguments name.

The compilers say it themselves: clang, and emcc through it, write each header they open into the file of
``CC_PRINT_HEADERS_FILE``; zig writes a file of dependencies for each object. Nothing here is a guess that
could leave a file out: what cannot be told is ``None``, and such a build is not kept.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from plugins_builtin.c.detect import EXTENSIONS, HEADER_EXTENSIONS
from wasmrun_py.model.build_inputs import BuildInputs, FolderNames

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from plugins_builtin.c.session import Session
    from plugins_builtin.c.sources import SourceSet

HEADERS_FILE = "headers.txt"
DEPENDENCY_SUFFIX = ".d"

_LISTED = ("", "/", *(f".{each}" for each in (*EXTENSIONS, *HEADER_EXTENSIONS, "inc", "inl", "ipp", "def")))
_SYSTEM_ROOTS = ("/usr/include", "/usr/lib", "/usr/share", "/lib")
_INCLUDE_VARIABLES = ("CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "LIBRARY_PATH")
_PREFIXES = ("-I", "-L", "-B", "-F", "-isystem", "-iquote", "-idirafter", "-include", "-imacros", "@")
_HIDDEN_READS = re.compile(rb"\.incbin\b|#\s*embed\b")
_SCANNED_BYTES = 8 * 1024 * 1024


def header_variables(work_dir: Path) -> dict[str, str]:
    """The variables that make clang say which headers it opens."""
    return {"CC_PRINT_HEADERS": "1", "CC_PRINT_HEADERS_FILE": str(work_dir / HEADERS_FILE)}


def find_direct_inputs(session: Session, sources: SourceSet, pages: Iterable[Path]) -> BuildInputs | None:
    """The inputs of a build without a build system; None when they cannot be told.

    Args:
        session: The build, done.
        sources: What was compiled.
        pages: Files of the project that were copied.
    """
    project = session.config.project_path
    work_dir = session.config.work_dir
    headers = [path for name in _reported(session) if not (path := project / name).is_relative_to(work_dir)]
    read = [*(source.path for source in sources.sources), *headers]
    if any(_reads_secretly(path) for path in dict.fromkeys(read)):
        return None
    roots = _system_roots(session)
    named, trees = _named_by_arguments(session.config.custom_args, project)
    beside = [path.parent for path in headers if not _is_below(path, roots)]
    folders = [project, project / "src", *(project / arg.removeprefix("-I") for arg in sources.include_args)]
    folders += [*beside, *_variable_folders(session.context.environ, project), *named.folders]
    return BuildInputs(
        files=(*read, *pages, *named.files, *session.compiler.files),
        folders=_folders(folders, roots),
        trees=tuple(trees),
        programs=session.compiler.programs,
    )


def find_system_inputs(session: Session) -> BuildInputs | None:
    """The inputs of a build with make or CMake, which may read anything of the project and its variables."""
    project = session.config.project_path
    headers = [path for name in _reported(session) for path in _resolve(name, session)]
    named, trees = _named_by_arguments(session.config.custom_args, project)
    outside = [path for path in headers if not path.is_relative_to(session.config.work_dir)]
    roots = _system_roots(session)
    return BuildInputs(
        files=(*outside, *named.files, *session.compiler.files),
        folders=_folders((*(path.parent for path in outside), *named.folders), roots),
        trees=(project, *trees),
        programs=(*session.compiler.programs, "make", "gmake", "cmake", "ninja", "sh"),
        any_variable=True,
    )


def _reported(session: Session) -> Iterator[str]:
    """The headers that the compilers named, as they named them."""
    work_dir = session.config.work_dir
    try:
        text = os.fsdecode((work_dir / HEADERS_FILE).read_bytes())
    except OSError:
        text = ""
    yield from dict.fromkeys(line for line in text.splitlines() if line)
    for path in sorted(work_dir.glob(f"*{DEPENDENCY_SUFFIX}")):
        yield from parse_dependency_file(os.fsdecode(path.read_bytes()))


def parse_dependency_file(text: str) -> tuple[str, ...]:
    """The prerequisites of a make rule, as compilers write it with ``-MD``."""
    _, _, listed = text.replace("\\\r\n", " ").replace("\\\n", " ").partition(": ")
    words = re.findall(r"(?:\\.|\$\$|[^\s\\])+", listed)
    return tuple(re.sub(r"\\(.)", r"\1", word.replace("$$", "$")) for word in words)


def _reads_secretly(path: Path) -> bool:
    """Whether a source has the assembler or the preprocessor read a file that no compiler reports."""
    try:
        with path.open("rb") as stream:
            return _HIDDEN_READS.search(stream.read(_SCANNED_BYTES)) is not None
    except OSError:
        return False


class _Named:
    """What arguments name, as it is found."""

    def __init__(self) -> None:
        self.files: list[Path] = []
        self.folders: list[Path] = []


def _named_by_arguments(args: tuple[str, ...], project: Path) -> tuple[_Named, list[Path]]:
    """Files and folders that the user's arguments name, and folders of which anything may be read."""
    named, trees = _Named(), []
    for arg in args:
        for word in _words(arg):
            path = project / word
            if path.is_dir() and arg.startswith(("-I", "-i")):
                named.folders.append(path)
            elif path.is_dir() and path != project:
                trees.append(path)
            else:
                named.files.append(path)
    return named, trees


def _words(arg: str) -> Iterator[str]:
    """Everything in an argument that could be a path."""
    for text in (arg, *arg.split(","), arg.partition("=")[2]):
        for prefix in ("", *_PREFIXES):
            if text.startswith(prefix):
                word = text[len(prefix) :].partition("@")[0] if prefix != "@" else text[1:]
                if word and "\0" not in word and (not word.startswith("-") or prefix):
                    yield word


def _variable_folders(environ: Mapping[str, str], project: Path) -> Iterator[Path]:
    for variable in _INCLUDE_VARIABLES:
        for folder in environ.get(variable, "").split(os.pathsep):
            yield project / folder


def _folders(paths: Iterable[Path], roots: tuple[str, ...]) -> tuple[FolderNames, ...]:
    kept = dict.fromkeys(Path(os.path.normpath(path)) for path in paths)
    return tuple(FolderNames(path=path, suffixes=_LISTED) for path in kept if not _is_below(path, roots))


def _system_roots(session: Session) -> tuple[str, ...]:
    """Folders that belong to the system or the toolchain: its identity stands for their lists of names."""
    home = Path(session.compiler.c_argv[0]).resolve().parent
    return (*_SYSTEM_ROOTS, str(home), str(home.parent / "lib"))


def _is_below(path: Path, roots: tuple[str, ...]) -> bool:
    text = os.path.normpath(path)
    return any(text == root or text.startswith(root + os.sep) for root in roots)


def _resolve(name: str, session: Session) -> Iterator[Path]:
    """Where a header may be that a tool named in whatever folder it stood."""
    if os.path.isabs(name):  # noqa: PTH117 - a string
        yield Path(os.path.realpath(name))
        return
    root = session.config.work_dir
    for folder, folders, _ in os.walk(root):
        path = os.path.realpath(os.path.join(folder, name))  # noqa: PTH118 - as above
        if os.path.isfile(path) and not path.startswith(str(root) + os.sep):  # noqa: PTH113 - as above
            yield Path(path)
        folders[:] = [each for each in folders if each != "CMakeFiles"]
