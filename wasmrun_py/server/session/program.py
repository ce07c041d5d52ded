"""What a browser has to do to run what was made: told from the module and the files beside it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import InvalidModuleError
from wasmrun_py.server.dev_state import Program, ProgramKind
from wasmrun_py.wasm.inspect import inspect_module
from wasmrun_py.wasm.module_info import ModuleKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wasmrun_py.wasm.module_info import ModuleInfo
    from wasmrun_py.wasm.reader import ModuleBytes

_WASI_MODULES = frozenset({"wasi_snapshot_preview1", "wasi_unstable"})
# What AssemblyScript's standard library asks for; `ui/src/worker/module.ts` has it.
_ASC_IMPORT = re.compile(r"abort|trace|seed|console\.(?:log|info|debug|warn|error)")
PAGE_URL = "/index.html"


def describe_program(
    data: ModuleBytes, *, module: str, script: str | None, is_wasm_bindgen: bool, urls: Iterable[str]
) -> Program:
    """How to run a module.

    Args:
        data: The module's bytes, known to be valid.
        module: Its URL path.
        script: The URL path of its JavaScript, or None.
        is_wasm_bindgen: The JavaScript is wasm-bindgen's.
        urls: The URL path of every file.
    """
    try:
        info: ModuleInfo | None = inspect_module(data)
    except InvalidModuleError:
        # A proposal that is newer than our reader; wasmtime has accepted it.
        info = None
    has_page = PAGE_URL in set(urls)
    return Program(
        kind=_find_kind(info, script=script, is_wasm_bindgen=is_wasm_bindgen, has_page=has_page),
        module=module,
        script=script,
        page="/" if has_page else None,
        needs_isolation=info is not None and any(memory.shared for memory in info.memories),
    )


def _find_kind(
    info: ModuleInfo | None, *, script: str | None, is_wasm_bindgen: bool, has_page: bool
) -> ProgramKind:
    if has_page:
        return ProgramKind.PAGE
    if info is not None and info.kind is ModuleKind.COMPONENT:
        return ProgramKind.COMPONENT
    if script is not None and not (info is not None and _is_assemblyscript_library(info)):
        return ProgramKind.BINDGEN if is_wasm_bindgen else ProgramKind.EMSCRIPTEN
    if info is not None and _is_wasi_command(info):
        return ProgramKind.WASI
    return ProgramKind.LIBRARY


def _is_assemblyscript_library(info: ModuleInfo) -> bool:
    """Its script is the bindings that asc writes: nothing runs, and the page has all that it imports.

    asc leaves no mark in a module. Emscripten's modules never export a memory of this name without their
    constructors.
    """
    exported = {export.name for export in info.exports}
    imported = {(each.module, each.name) for each in info.imports}
    return (
        "memory" in exported
        and exported.isdisjoint({"_start", "__wasm_call_ctors"})
        and all(module == "env" and _ASC_IMPORT.fullmatch(name) for module, name in imported)
    )


def _is_wasi_command(info: ModuleInfo) -> bool:
    """It has the entry point of a command, and wants nothing but WASI."""
    starts = any(export.name == "_start" and export.kind == "func" for export in info.exports)
    return starts and all(each.module in _WASI_MODULES for each in info.imports)
