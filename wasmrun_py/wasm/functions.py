"""The functions with a body in a core module: where each lies, how large it is, and what it is called.

Core spec §5.5.14 (code section), §5.5.11 (exports) and appendix 7.4.1 (name section). ``inspect`` steps over
all of this, because it costs with the number of functions. Names are a custom section's: malformed ones are
left out, they never make a module invalid.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasmrun_py.wasm.reader import MalformedModuleError, Reader
from wasmrun_py.wasm.sections import CUSTOM, open_section

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

    from wasmrun_py.wasm.module_info import ModuleInfo, Section
    from wasmrun_py.wasm.reader import ModuleBytes

_EXPORT, _CODE = 7, 10
_FUNCTION_NAMES = 1
_FUNC = 0
# Beyond this the rest of a module is counted and not looked at: a page could not show it either.
_MOST_BODIES = 1_000_000
_LONGEST_NAME = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One function with a body.

    Attributes:
        index: In the function index space, imported ones counted first.
        name: From the name section, cut to 400 characters; else the export's; else None.
        offset: Where its body begins in the file, after the body's size.
        size_bytes: Length of the body.
        export: The first name it is exported under, or None.
    """

    index: int
    name: str | None
    offset: int
    size_bytes: int
    export: str | None


def list_largest_functions(data: ModuleBytes, info: ModuleInfo, *, most: int) -> tuple[Function, ...]:
    """The ``most`` largest functions of a core module, largest first.

    Args:
        data: The whole file.
        info: What ``inspect_module`` said of it; a component has no functions of its own.
        most: How many at most.

    Raises:
        MalformedModuleError: A body overruns the code section.
    """
    code = _find_section(info.sections, _CODE)
    if code is None or info.modules:
        return ()
    bodies = _walk_bodies(Reader(data, code.offset, code.offset + code.size_bytes), info.functions.imported)
    largest = heapq.nlargest(most, bodies)
    wanted = {-negative for _, negative, _ in largest}
    exports = _read_exports(data, info.sections, wanted)
    names = _read_names(data, info.sections, wanted)
    return tuple(
        Function(
            index=-negative,
            name=names.get(-negative) or exports.get(-negative),
            offset=offset,
            size_bytes=size_bytes,
            export=exports.get(-negative),
        )
        for size_bytes, negative, offset in largest
    )


def _find_section(sections: Sequence[Section], id_: int) -> Section | None:
    return next((section for section in sections if section.id == id_), None)


def _walk_bodies(contents: Reader, first: int) -> Iterator[tuple[int, int, int]]:
    """(size, negative index, offset): of two functions of one size, the earlier counts as the larger."""
    bodies = contents.count("function bodies", item_bytes=3)
    for index in range(first, first + min(bodies, _MOST_BODIES)):
        size_bytes = contents.u32("size of a function body")
        yield size_bytes, -index, contents.skip(size_bytes, "function body")


def _read_exports(data: ModuleBytes, sections: Sequence[Section], wanted: Container[int]) -> dict[int, str]:
    section = _find_section(sections, _EXPORT)
    exports: dict[int, str] = {}
    if section is None:
        return exports
    contents = open_section(Reader(data), section)
    for _ in range(contents.count("exports", item_bytes=3)):
        name = contents.name("export name")
        kind = contents.byte("export kind")
        index = contents.u32("export index")
        if kind == _FUNC and index in wanted:
            exports.setdefault(index, name)
    return exports


def _read_names(data: ModuleBytes, sections: Sequence[Section], wanted: Container[int]) -> dict[int, str]:
    section = next((each for each in sections if each.id == CUSTOM and each.name == "name"), None)
    names: dict[int, str] = {}
    if section is None:
        return names
    contents = open_section(Reader(data), section)
    try:
        while contents.offset < contents.end:
            id_ = contents.byte("name subsection")
            size_bytes = contents.u32("size of a name subsection")
            start = contents.skip(size_bytes, "name subsection")
            if id_ == _FUNCTION_NAMES:
                _read_name_map(Reader(data, start, contents.offset), wanted, names)
    except MalformedModuleError:
        pass
    return names


def _read_name_map(contents: Reader, wanted: Container[int], names: dict[int, str]) -> None:
    for _ in range(min(contents.count("function names", item_bytes=2), _MOST_BODIES)):
        index = contents.u32("function index")
        length = contents.u32("function name")
        start = contents.skip(length, "function name")
        if index in wanted:
            cut = bytes(contents.data[start : start + min(length, 4 * _LONGEST_NAME)])
            names[index] = cut.decode("utf-8", "replace")[:_LONGEST_NAME]
