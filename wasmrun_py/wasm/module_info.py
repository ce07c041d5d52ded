"""The values this room answers with: what is inside one WebAssembly module or component.

Pure data, and its JSON shape (DESIGN §5, ``inspect``). No decoding here: that is ``inspect``'s.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_PAGE_SIZE_BYTES = 65536


class ModuleKind(StrEnum):
    """Which of the two binary formats a file is in, if any."""

    MODULE = "module"
    COMPONENT = "component"
    UNKNOWN = "unknown"


class ModuleType(StrEnum):
    """What a file expects of whoever runs it."""

    WASM_BINDGEN = "WASM-Bindgen"
    WASI = "WASI"
    STANDARD = "Standard"
    COMPONENT = "Component"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section of the file.

    Attributes:
        id: The section's number in the binary format; 0 is a custom section.
        name: The format's name for it (``type``, ``code``, ``core module``…), or a custom section's own name.
        offset: Where its contents begin, in bytes from the start of the file (after id and size).
        size_bytes: Length of its contents; for a custom section that includes its name.
    """

    id: int
    name: str
    offset: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One thing the file needs from outside.

    Attributes:
        module: The first of the two import names; empty for a component, whose imports have one name.
        name: The (second) import name.
        kind: ``func``, ``table``, ``memory``, ``global`` or ``tag``; in a component ``func``, ``instance``,
            ``type``, ``value``, ``component`` or ``core module``.
        type: The type in words, ``(i32, i32) -> i32`` or ``min 1 page``; in a component as WIT puts it,
            ``func(name: string) -> result<u32>``, or the kind again where the type is not known.
        members: What an instance or component exports; empty for anything else.
    """

    module: str
    name: str
    kind: str
    type: str
    members: tuple[Export, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One thing the file offers; the fields are those of ``Import``."""

    name: str
    kind: str
    type: str
    members: tuple[Export, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """One linear memory, imported or defined.

    Attributes:
        min_pages: Initial size in pages of ``page_size_bytes``.
        max_pages: Largest size in pages, or None when it is not bounded.
        shared: Whether threads may share it (in a browser that needs cross-origin isolation).
        memory64: Whether it is addressed with 64-bit integers.
        page_size_bytes: 65536, or 1 under the custom-page-sizes proposal.
        imported: Whether it comes from outside.
    """

    min_pages: int
    max_pages: int | None
    shared: bool
    memory64: bool
    page_size_bytes: int
    imported: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionCounts:
    """How many functions there are.

    Attributes:
        imported: Functions that come from outside.
        defined: Functions with a body in the file.
    """

    imported: int
    defined: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InnerModule:
    """A core module inside a component; offset and size as in ``Section``.

    Attributes:
        offset: Where it begins in the file.
        size_bytes: Its length.
        imports: How many imports it has.
        exports: How many exports it has.
        functions: How many functions have a body in it.
    """

    offset: int
    size_bytes: int
    imports: int
    exports: int
    functions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomSection:
    """One custom section; offset and size as in ``Section``."""

    name: str
    offset: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleInfo:
    """Everything ``inspect`` knows about one file.

    For a component, ``sections``, ``imports``, ``exports``, ``start`` and ``custom_sections`` are those of
    its outermost level; ``memories``, ``functions``, ``producers`` and ``features`` are gathered from all
    the core modules inside it.

    Attributes:
        kind: The binary format; never ``UNKNOWN`` here.
        type: What it expects of its host.
        size_bytes: Length of the file.
        sections: In file order.
        imports: In file order.
        exports: In file order.
        memories: Imported ones first, as they are numbered.
        start: Index of the function that runs at instantiation, or None.
        functions: Imported and defined.
        producers: Field (``language``, ``processed-by``, ``sdk``) to ``name version`` entries.
        features: The ``target_features`` entries, prefix included (``+simd128``).
        custom_sections: In file order.
        modules: The core modules inside a component, however deep, in file order; empty for a module.
    """

    kind: ModuleKind
    type: ModuleType
    size_bytes: int
    sections: tuple[Section, ...]
    imports: tuple[Import, ...]
    exports: tuple[Export, ...]
    memories: tuple[Memory, ...]
    start: int | None
    functions: FunctionCounts
    producers: Mapping[str, tuple[str, ...]]
    features: tuple[str, ...]
    custom_sections: tuple[CustomSection, ...]
    modules: tuple[InnerModule, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Give the fields of ``inspect --json`` (DESIGN §5) as plain dicts, lists, strings and numbers."""
        return {
            "kind": self.kind.value,
            "type": self.type.value,
            "size_bytes": self.size_bytes,
            "sections": [asdict(section) for section in self.sections],
            "imports": [_list_fields(item) for item in self.imports],
            "exports": [_list_fields(item) for item in self.exports],
            "memories": [asdict(memory) for memory in self.memories],
            "start": self.start,
            "functions": asdict(self.functions),
            "producers": {field: list(values) for field, values in self.producers.items()},
            "features": list(self.features),
            "custom_sections": [asdict(section) for section in self.custom_sections],
            **({"modules": [asdict(each) for each in self.modules]} if self.modules else {}),
        }


def _list_fields(item: Import | Export) -> dict[str, Any]:
    """An item's fields; ``members`` only where there are any."""
    fields: dict[str, Any] = {"module": item.module} if isinstance(item, Import) else {}
    fields |= {"name": item.name, "kind": item.kind, "type": item.type}
    if item.members:
        fields["members"] = [_list_fields(member) for member in item.members]
    return fields
