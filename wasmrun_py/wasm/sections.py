"""The outermost structure of both formats: a row of sections, and what custom sections carry.

Core spec §5.5.2 and §5.5.3, component-model Binary.md (component definitions), tool-conventions
ProducersSection.md and Linking.md (``target_features``). Contents other than custom sections are not read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmrun_py.wasm.module_info import Section
from wasmrun_py.wasm.reader import MalformedModuleError, Reader

if TYPE_CHECKING:
    from collections.abc import Mapping

CUSTOM = 0

CORE_NAMES: Mapping[int, str] = {
    1: "type",
    2: "import",
    3: "function",
    4: "table",
    5: "memory",
    6: "global",
    7: "export",
    8: "start",
    9: "element",
    10: "code",
    11: "data",
    12: "data count",
    13: "tag",
}
COMPONENT_NAMES: Mapping[int, str] = {
    1: "core module",
    2: "core instance",
    3: "core type",
    4: "component",
    5: "instance",
    6: "alias",
    7: "type",
    8: "canonical function",
    9: "start",
    10: "import",
    11: "export",
    12: "value",
}
# A core module's sections come in this order, each at most once (§5.5.16); ids were given out later.
_CORE_ORDER = {id_: place for place, id_ in enumerate((1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11))}


def read_core_sections(reader: Reader) -> list[Section]:
    """List the sections of a core module, from after its header to the reader's end.

    Raises:
        MalformedModuleError: An unknown id, a section that overruns, or one out of order or repeated.
    """
    sections = []
    last: Section | None = None
    while reader.offset < reader.end:
        start = reader.offset
        section = _read_section(reader, CORE_NAMES)
        sections.append(section)
        if section.id == CUSTOM:
            continue
        if last is not None and _CORE_ORDER[section.id] <= _CORE_ORDER[last.id]:
            fault = "is repeated" if section.id == last.id else f"comes after section '{last.name}'"
            reader.fail(f"section '{section.name}' {fault}", at=start)
        last = section
    return sections


def read_component_sections(reader: Reader) -> list[Section]:
    """List the sections of one component, from after its header to the reader's end; any order is fine.

    Raises:
        MalformedModuleError: An unknown id, or a section that overruns.
    """
    sections = []
    while reader.offset < reader.end:
        sections.append(_read_section(reader, COMPONENT_NAMES))
    return sections


def _read_section(reader: Reader, names: Mapping[int, str]) -> Section:
    id_ = reader.byte("section id")
    name = "custom" if id_ == CUSTOM else names.get(id_)
    if name is None:
        reader.fail(f"unknown section id {id_}", at=reader.offset - 1)
    size_bytes = reader.u32(f"size of section '{name}'")
    offset = reader.skip(size_bytes, f"section '{name}'")
    if id_ == CUSTOM:
        name = Reader(reader.data, offset, reader.offset).name("custom section name")
    return Section(id=id_, name=name, offset=offset, size_bytes=size_bytes)


def open_section(reader: Reader, section: Section) -> Reader:
    """Give a reader of the section's contents; for a custom section, of what follows its name."""
    contents = Reader(reader.data, section.offset, section.offset + section.size_bytes)
    if section.id == CUSTOM:
        contents.skip(contents.u32("custom section name"), "custom section name")
    return contents


def read_producers(contents: Reader) -> dict[str, tuple[str, ...]]:
    """Read a ``producers`` section: field to ``name version`` entries.

    Nothing of a custom section can make a module invalid (§5.5.3), so a malformed one reads as empty.
    """
    producers: dict[str, tuple[str, ...]] = {}
    try:
        for _ in range(contents.count("producers fields")):
            field = contents.name("producers field")
            count = contents.count("producers values", item_bytes=2)
            producers[field] = tuple(
                f"{contents.name('producer')} {contents.name('producer version')}".rstrip()
                for _ in range(count)
            )
    except MalformedModuleError:
        return {}
    return producers


def read_features(contents: Reader) -> tuple[str, ...]:
    """Read a ``target_features`` section: ``+`` (used) or ``-`` (forbidden) and a name each.

    A malformed one reads as empty, as in ``read_producers``.
    """
    try:
        count = contents.count("target features", item_bytes=2)
        return tuple(chr(contents.byte("feature")) + contents.name("feature") for _ in range(count))
    except MalformedModuleError:
        return ()
