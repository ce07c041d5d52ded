"""Describing a WebAssembly file: what it imports, exports, holds and expects.

The decoder is our own rather than wasmtime's because wasmtime tells types only after it has compiled the
module, which takes seconds for 20 MB; this reads the declarations and steps over the code. It checks the
structure on the way and nothing more: a file described here may still be invalid, which is for ``verify``
to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmrun_py.wasm.header import get_kind
from wasmrun_py.wasm.module_info import (
    CustomSection,
    FunctionCounts,
    InnerModule,
    ModuleInfo,
    ModuleKind,
    ModuleType,
)
from wasmrun_py.wasm.reader import Reader
from wasmrun_py.wasm.sections import CUSTOM, open_section, read_producers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wasmrun_py.wasm.core_module import CoreModule
    from wasmrun_py.wasm.module_info import Export, Import, Section
    from wasmrun_py.wasm.reader import ModuleBytes

_BINDGEN_SECTION = "__wasm_bindgen_unstable"
_BINDGEN_MODULES = frozenset({"wbg", "__wbindgen_placeholder__", "__wbindgen_externref_xform__"})
_BINDGEN_GLUE = "_bg.js"
_BINDGEN_PREFIXES = ("__wbindgen_", "__wbg_")
_WASI_MODULES = frozenset({"wasi_snapshot_preview1", "wasi_unstable"})
_WASI_PACKAGES = "wasi:"


def inspect_module(data: ModuleBytes) -> ModuleInfo:
    """Describe the module or component in ``data``, usually a mapped file; nothing large is copied.

    Raises:
        InvalidModuleError: The bytes are not WebAssembly, or break its structure; the message names the
            byte. No other exception, whatever the bytes.
    """
    if get_kind(data) is ModuleKind.COMPONENT:
        return _inspect_component(data)
    return _inspect_core_module(data)


def _inspect_core_module(data: ModuleBytes) -> ModuleInfo:
    from wasmrun_py.wasm.core_module import decode_core_module  # noqa: PLC0415 - only one decoder is needed

    module = decode_core_module(Reader(data))
    return ModuleInfo(
        kind=ModuleKind.MODULE,
        type=_find_type(module),
        size_bytes=len(data),
        sections=module.sections,
        imports=tuple(module.imports),
        exports=tuple(module.exports),
        memories=tuple(module.memories),
        start=module.start,
        functions=module.functions,
        producers=module.producers,
        features=module.features,
        custom_sections=_list_custom_sections(module.sections),
    )


def _inspect_component(data: ModuleBytes) -> ModuleInfo:
    from wasmrun_py.wasm.component import decode_component  # noqa: PLC0415 - only one decoder is needed

    component = decode_component(data)
    own = [
        read_producers(open_section(Reader(data), section))
        for section in component.sections
        if section.id == CUSTOM and section.name == "producers"
    ]
    modules = [module for _, module in component.modules]
    return ModuleInfo(
        kind=ModuleKind.COMPONENT,
        type=ModuleType.COMPONENT,
        size_bytes=len(data),
        sections=component.sections,
        imports=tuple(component.imports),
        exports=tuple(component.exports),
        memories=tuple(memory for module in modules for memory in module.memories),
        start=component.start,
        functions=FunctionCounts(
            imported=sum(module.functions.imported for module in modules),
            defined=sum(module.functions.defined for module in modules),
        ),
        producers=_merge_producers([*own, *(module.producers for module in modules)]),
        features=tuple(dict.fromkeys(feature for module in modules for feature in module.features)),
        custom_sections=_list_custom_sections(component.sections),
        modules=tuple(
            InnerModule(
                offset=section.offset,
                size_bytes=section.size_bytes,
                imports=len(module.imports),
                exports=len(module.exports),
                functions=module.functions.defined,
            )
            for section, module in component.modules
        ),
    )


def _find_type(module: CoreModule) -> ModuleType:
    if _is_bindgen(module):
        return ModuleType.WASM_BINDGEN
    imported = {item.module for item in module.imports}
    if any(name in _WASI_MODULES or name.startswith(_WASI_PACKAGES) for name in imported):
        return ModuleType.WASI
    return ModuleType.STANDARD


def _is_bindgen(module: CoreModule) -> bool:
    if any(section.id == CUSTOM and section.name == _BINDGEN_SECTION for section in module.sections):
        return True
    if any(item.module in _BINDGEN_MODULES or item.module.endswith(_BINDGEN_GLUE) for item in module.imports):
        return True
    named: tuple[Import | Export, ...] = (*module.imports, *module.exports)
    return any(item.name.startswith(_BINDGEN_PREFIXES) for item in named)


def _list_custom_sections(sections: Sequence[Section]) -> tuple[CustomSection, ...]:
    return tuple(
        CustomSection(name=section.name, offset=section.offset, size_bytes=section.size_bytes)
        for section in sections
        if section.id == CUSTOM
    )


def _merge_producers(parts: Iterable[Mapping[str, tuple[str, ...]]]) -> dict[str, tuple[str, ...]]:
    # Dicts as ordered sets: the same compiler built most of the modules of a component.
    merged: dict[str, dict[str, None]] = {}
    for part in parts:
        for field, values in part.items():
            merged.setdefault(field, {}).update(dict.fromkeys(values))
    return {field: tuple(values) for field, values in merged.items()}
