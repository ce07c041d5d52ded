"""Turn what compilers, linkers, make and CMake write into diagnostics; their own text stays beside them.

Pure: text in, values out. Formats: clang's manual ("Formatting of Diagnostics"), ``wasm-ld: error:``,
``emcc: error:``, make's ``***`` lines, CMake's ``CMake Error at FILE:LINE``.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from wasmrun_py.diagnostics.lines import keep, split_lines
from wasmrun_py.model.diagnostic import Diagnostic, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PLACE = re.compile(
    r"(?P<file>(?:[A-Za-z]:)?[^:\n]+?):(?P<line>\d+):(?:(?P<column>\d+):)? "
    r"(?P<severity>fatal error|error|warning|note): (?P<message>.*)"
)
_TOOL = re.compile(
    r"(?P<tool>wasm-ld|ld\.lld|lld|emcc|em\+\+|clang(?:\+\+)?|zig)(?:-\d+)?(?:\.py|\.bat|\.exe)?: "
    r"(?P<severity>fatal error|error|warning): (?P<message>.*)"
)
_BARE = re.compile(r"(?P<severity>error|warning): (?P<message>.*)")
_INCLUDED = re.compile(
    r"(?:In file included| {16,17}) ?from (?P<file>(?:[A-Za-z]:)?[^:\n]+):(?P<line>\d{1,9})[:,]"
)
_MAKE = re.compile(r"g?make(?:\[\d+\])?: \*\*\* (?P<message>.*)")
_MAKEFILE = re.compile(r"(?P<file>[^:\n]+):(?P<line>\d+): \*\*\* (?P<message>.*)")
_ENTERING = re.compile(r"g?make(?:\[\d+\])?: (?P<way>Entering|Leaving) directory [`'](?P<folder>.*)'")
_CMAKE = re.compile(
    r"CMake (?P<severity>Error|Warning)(?: \(dev\))?"
    r"(?: at (?P<file>[^:\n]+):(?P<line>\d+) \(.*\))?:(?P<rest>.*)"
)
_OBJECT = re.compile(
    r"(?P<object>\S*?)(?P<stem>[^/\\\s]+?)\.o(?:bj)?: (?P<message>(?:undefined|duplicate) symbol.*)"
)
_TEMPORARY_SUFFIX = re.compile(r"(?:-[0-9a-f]{6,}|_\d+)$")
# Lines that only repeat that something failed; dropped when anything says what.
_FOLLOW_UPS = (
    re.compile(r"linker command failed"),
    re.compile(r"\S*' failed \(returned \d+\)"),
    re.compile(r"'.*' failed \(returned \d+\)"),
    re.compile(r"\[.*\] Error \d+"),
    re.compile(r"Waiting for unfinished jobs"),
    re.compile(r"Aborting compilation due to previous errors"),
    re.compile(r"no input files"),
    # emcc's advice on its own options below an undefined symbol.
    re.compile(r"Link with `-s ?LLD_REPORT_UNDEFINED`"),
    re.compile(r"To (?:disable errors for undefined symbols|build in STANDALONE_WASM mode)"),
    re.compile(r"_\S+ may need to be added to EXPORTED_FUNCTIONS"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PathMap:
    """How the paths a tool names become paths of the project.

    Attributes:
        project: The project's folder.
        cwd: The folder the tool ran in.
        copy: A copy of the project the tool worked on, or None.
        objects: The project's file behind each object's stem, for the linker's messages.
    """

    project: Path
    cwd: Path
    copy: Path | None
    objects: Mapping[str, str]

    def is_inside(self, name: str, folder: Path) -> bool:
        """``name`` is a file of the project or its copy."""
        return not Path(self.to_project(name, folder)).is_absolute()

    def to_project(self, name: str, folder: Path | None = None) -> str:
        """``name`` relative to the project where it lies inside it or its copy, else as it is."""
        path = os.path.normpath((folder or self.cwd) / name)
        for root in (self.copy, self.project):
            if root is not None and Path(path).is_relative_to(root):
                return Path(path).relative_to(root).as_posix()
        return name


def parse_diagnostics(text: str, tool: str, paths: PathMap) -> tuple[Diagnostic, ...]:
    """Every diagnostic in a tool's text, in its order, at most 500.

    Args:
        text: What the tool wrote.
        tool: The tool's name, for lines that do not say who speaks.
        paths: How its paths become the project's.
    """
    found = keep(_parse_lines(text, tool, paths))
    telling = [each for each in found if not any(words.match(each.message) for words in _FOLLOW_UPS)]
    has_error = any(each.severity is Severity.ERROR for each in telling)
    return tuple(telling if has_error or not found else found)


def _parse_lines(text: str, tool: str, paths: PathMap) -> Iterator[Diagnostic]:
    folders: list[Path] = []
    included: str | None = None
    lines = split_lines(text)
    for number, line in enumerate(lines):
        moved = _ENTERING.match(line)
        if moved:
            if moved["way"] == "Entering":
                folders.append(Path(moved["folder"]))
            elif folders:
                folders.pop()
            continue
        folder = folders[-1] if folders else paths.cwd
        if chain := _INCLUDED.match(line):
            # The innermost of the user's own files: clang names it last, gcc first and the rest with "from".
            is_better = included is None or not line.startswith(" ")
            included = line if is_better and paths.is_inside(chain["file"], folder) else included
            continue
        diagnostic = _parse_line(line, tool, paths, folder) or _parse_cmake(lines, number, paths)
        if diagnostic is None:
            continue
        yield diagnostic
        if included is not None:
            yield from _included_from(diagnostic, included, tool, paths)
        included = included if diagnostic.severity is Severity.NOTE else None


def _included_from(diagnostic: Diagnostic, line: str, tool: str, paths: PathMap) -> Iterator[Diagnostic]:
    """A note at the user's own ``#include``, for what was said of a file that is none of the user's."""
    chain = _INCLUDED.match(line)
    if chain is None or diagnostic.severity is Severity.NOTE or diagnostic.file is None:
        return
    if not Path(diagnostic.file).is_absolute():
        return
    yield Diagnostic(
        file=paths.to_project(chain["file"]),
        line=int(chain["line"]),
        column=None,
        severity=Severity.NOTE,
        message="included from here",
        source=tool,
    )


def _parse_line(line: str, tool: str, paths: PathMap, folder: Path) -> Diagnostic | None:
    if match := _PLACE.fullmatch(line):
        return Diagnostic(
            file=paths.to_project(match["file"], folder),
            line=int(match["line"]),
            column=int(match["column"]) if match["column"] else None,
            severity=_severity(match["severity"]),
            message=match["message"],
            source=tool,
        )
    if match := _TOOL.fullmatch(line):
        return _at_object(_placeless(match["severity"], match["message"], match["tool"]), paths)
    if match := _BARE.fullmatch(line):
        return _placeless(match["severity"], match["message"], tool)
    if match := _MAKE.fullmatch(line):
        return _placeless("error", match["message"], "make")
    if match := _MAKEFILE.fullmatch(line):
        place = _placeless("error", match["message"], "make")
        return replace(place, file=paths.to_project(match["file"], folder), line=int(match["line"]))
    return None


def _parse_cmake(lines: list[str], number: int, paths: PathMap) -> Diagnostic | None:
    """CMake's message stands in the indented lines below its head."""
    match = _CMAKE.fullmatch(lines[number])
    if match is None:
        return None
    words = [match["rest"].strip()]
    for line in lines[number + 1 :]:
        if line.strip() and not line.startswith("  "):
            break
        if not line.strip() and any(words):
            break
        words.append(line.strip())
    message = " ".join(word for word in words if word)
    diagnostic = _placeless(match["severity"].lower(), message, "cmake")
    if match["file"] is None:
        return diagnostic
    return replace(diagnostic, file=paths.to_project(match["file"], paths.project), line=int(match["line"]))


def _placeless(severity: str, message: str, source: str) -> Diagnostic:
    return Diagnostic(
        file=None, line=None, column=None, severity=_severity(severity), message=message, source=source
    )


def _at_object(diagnostic: Diagnostic, paths: PathMap) -> Diagnostic:
    """Name the source file where the linker names the temporary object made from it."""
    match = _OBJECT.fullmatch(diagnostic.message)
    if match is None:
        return diagnostic
    stem = _TEMPORARY_SUFFIX.sub("", match["stem"])
    file = paths.objects.get(match["stem"]) or paths.objects.get(stem)
    return replace(diagnostic, file=file, message=match["message"]) if file else diagnostic


def _severity(word: str) -> Severity:
    return Severity.ERROR if word.startswith("fatal") else Severity(word)
