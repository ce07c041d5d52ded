"""What a source file seems to do, read from its text: a guess that decides speed and warnings only.

Whether a project really has a ``main`` is read from its objects (``objects``); this guess only says which
way is probably the shorter one. A preprocessor is not run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NOISE = re.compile(
    rb"//[^\n]*"
    rb"|/\*.*?\*/"
    rb'|R"([^(\s]{0,16})\(.*?\)\1"'
    rb'|"(?:\\.|[^"\\\n])*"'
    rb"|'(?:\\.|[^'\\\n])*'",
    re.DOTALL,
)
_MAIN = re.compile(rb"\bmain\s*\(")
_FILES = re.compile(rb"\b(?:fopen|freopen|open|openat|opendir|[io]?fstream|filesystem)\b\s*[({\s:]")
_EXCEPTIONS = re.compile(rb"\b(?:throw|catch)\b")
_PARSED_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTraits:
    """What a text seems to do.

    Attributes:
        has_main: It seems to define ``main``.
        opens_files: It seems to open files or folders.
        throws: It seems to throw or catch C++ exceptions.
    """

    has_main: bool
    opens_files: bool
    throws: bool


def parse_traits(text: bytes) -> SourceTraits:
    """Read the traits from a source text; comments, strings and characters do not count."""
    code = _NOISE.sub(b" ", text[:_PARSED_BYTES])
    return SourceTraits(
        has_main=_MAIN.search(code) is not None,
        opens_files=_FILES.search(code) is not None,
        throws=_EXCEPTIONS.search(code) is not None,
    )
