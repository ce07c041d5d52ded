"""What the Module and Functions pages show of one file: JSON, bounded whatever the file is.

The file is mapped and its code is stepped over, so that the cost follows the number of declarations. What a
module says is decoded by ``wasm``; here it is only counted, cut and put together.
"""

from __future__ import annotations

import mmap
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from wasmrun_py.model.errors import InvalidModuleError

if TYPE_CHECKING:
    from pathlib import Path

    from wasmrun_py.wasm.module_info import Export, Import, ModuleInfo
    from wasmrun_py.wasm.reader import ModuleBytes

_MOST_LISTED = 20_000
_MOST_SECTIONS = 50_000
_MOST_DECLARED = 1_000_000
_MOST_TYPE_BYTES = 16_000_000
_TYPE = 1
# Vectors whose every item is decoded: types, imports, functions, tables, memories, globals, exports, tags.
_DECLARATIONS = frozenset({_TYPE, 2, 3, 4, 5, 6, 7, 13})


def module_view(path: Path) -> dict[str, Any]:
    """Describe the module or component at ``path``.

    Returns:
        The fields of ``inspect --json``, in which exported and imported functions have ``params`` and
        ``results`` (lists of value types in words), tables and memories ``limits``, and ``functions`` lists
        the 20,000 largest as ``{index, name, offset, size_bytes, export}``; ``counts`` has the true numbers.

    Raises:
        InvalidModuleError: It is not WebAssembly, breaks its structure, or declares more than any page shows.
        OSError: It cannot be read.
    """
    from wasmrun_py.wasm.functions import list_largest_functions  # noqa: PLC0415 - asked for by few requests
    from wasmrun_py.wasm.inspect import inspect_module  # noqa: PLC0415 - as above
    from wasmrun_py.wasm.mapped import map_module  # noqa: PLC0415 - as above

    data = map_module(path)
    try:
        _refuse_absurd(data)
        info = inspect_module(data)
        functions = list_largest_functions(data, info, most=_MOST_LISTED)
    finally:
        if isinstance(data, mmap.mmap):
            data.close()
    return {
        **info.to_json(),
        **_shorten(info),
        "imports": [_describe(each) for each in info.imports[:_MOST_LISTED]],
        "exports": [_describe(each) for each in info.exports[:_MOST_LISTED]],
        "functions": [asdict(each) for each in functions],
        "counts": {
            "functions": info.functions.defined,
            "imported_functions": info.functions.imported,
            "imports": len(info.imports),
            "exports": len(info.exports),
            "sections": len(info.sections),
        },
    }


def _refuse_absurd(data: ModuleBytes) -> None:
    """Count before anything is built: a module of a million declarations is an attack or a mistake."""
    from wasmrun_py.wasm.header import HEADER_BYTES, get_kind  # noqa: PLC0415 - as in module_view
    from wasmrun_py.wasm.module_info import ModuleKind  # noqa: PLC0415 - as above
    from wasmrun_py.wasm.reader import Reader  # noqa: PLC0415 - as above

    is_module = get_kind(data) is ModuleKind.MODULE
    reader = Reader(data, HEADER_BYTES)
    sections = declared = 0
    while reader.offset < reader.end:
        id_ = reader.byte("section id")
        size_bytes = reader.u32("size of a section")
        start = reader.skip(size_bytes, "section")
        sections += 1
        if is_module and id_ in _DECLARATIONS:
            declared += Reader(data, start, reader.offset).u32("declarations")
        absurd_types = is_module and id_ == _TYPE and size_bytes > _MOST_TYPE_BYTES
        if sections > _MOST_SECTIONS or declared > _MOST_DECLARED or absurd_types:
            raise InvalidModuleError(
                f"more than {_MOST_SECTIONS} sections or {_MOST_DECLARED} declarations: too many to show",
                hint="wasmrun inspect --json lists them",
            )


def _shorten(info: ModuleInfo) -> dict[str, Any]:
    """The lists that a file may make long, cut."""
    return {
        "sections": [asdict(each) for each in info.sections[:_MOST_LISTED]],
        "memories": [asdict(each) for each in info.memories[:_MOST_LISTED]],
        "custom_sections": [asdict(each) for each in info.custom_sections[:_MOST_LISTED]],
    }


def _describe(item: Import | Export) -> dict[str, Any]:
    from wasmrun_py.wasm.type_words import find_limits, find_signature  # noqa: PLC0415 - as in module_view

    described: dict[str, Any] = asdict(item)
    if not item.members:
        del described["members"]
    if item.kind == "func" and (signature := find_signature(item.type)):
        described |= {"params": list(signature.params), "results": list(signature.results)}
    if item.kind in ("table", "memory") and (limits := find_limits(item.type)):
        described["limits"] = asdict(limits)
    return described
