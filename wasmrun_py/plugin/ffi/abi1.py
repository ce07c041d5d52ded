"""Call a library that speaks ABI 1. Helper's side.

The order of the handshake is the header's: version, table, its size and version, the functions that must be
there, ``create``. Results are copied, then handed to ``free_result``.
"""

from __future__ import annotations

import ctypes
from ctypes import c_uint32, c_void_p

from wasmrun_py.plugin.ffi import layouts
from wasmrun_py.plugin.ffi.layouts import ABI_VERSION, BuildConfigStruct, BuildResultStruct, PluginTable
from wasmrun_py.plugin.ffi.memory import (
    PATH_CAP_BYTES,
    MisbehavedError,
    RefusedError,
    check_struct_size,
    read_text,
    read_texts,
)
from wasmrun_py.plugin.ffi.statuses import Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wasmrun_py.plugin.ffi.host_side import HostSide

VERSION_SYMBOL = "wasmrun_abi_version"
ENTRY_SYMBOL = "wasmrun_plugin_entry"
_MANIFEST_CAP_BYTES = 256 * 1024
_MOST_CONFIDENCE = 100
_STATUSES = frozenset(Status)
_REQUIRED = ("can_handle", "build", "free_result")


class Abi1Plugin:
    """One opened library.

    Args:
        library: It exports ``wasmrun_abi_version``.
        host: The way back.

    Raises:
        RefusedError: The handshake failed.
    """

    name = "ABI 1"
    legacy = False

    def __init__(self, library: ctypes.CDLL, host: HostSide) -> None:
        self._library = library
        self._host = host
        self._table = self._shake_hands()
        try:
            self.manifest = read_text(self._table.manifest, "its manifest", cap_bytes=_MANIFEST_CAP_BYTES)
        except MisbehavedError as error:
            raise RefusedError(str(error)) from error
        self._state: int | None = None
        self._created = False

    def create(self) -> None:
        """Let it make its state."""
        if self._table.create:
            self._host.enter("create")
            self._state = self._table.create(ctypes.byref(self._host.table))
        self._created = True

    def can_handle_project(self, project_path: str | bytes) -> dict[str, Any] | None:
        """Its confidence, as an answer of the channel; None for none."""
        kept: list[object] = []
        confidence = self._table.can_handle(self._state, layouts.make_str(project_path, kept))
        if confidence > _MOST_CONFIDENCE:
            raise MisbehavedError(f"can_handle answered {confidence}, not a number from 0 to 100")
        if not confidence:
            return None
        return {"confidence": confidence, "kind": "project-file"}

    def check_dependencies(self) -> dict[str, Any] | None:
        """What it misses, as a result; None when it does not say."""
        if not self._table.check_dependencies:
            return None
        return self._take(self._table.check_dependencies(self._state), "check_dependencies")

    def validate_project(self, project_path: str | bytes) -> dict[str, Any] | None:
        """What is wrong with the project, as a result; None when it does not say."""
        if not self._table.validate:
            return None
        kept: list[object] = []
        return self._take(self._table.validate(self._state, layouts.make_str(project_path, kept)), "validate")

    def build(self, config: dict[str, Any]) -> dict[str, Any]:
        """Build; its result."""
        kept: list[object] = []
        made = self._take(self._table.build(self._state, ctypes.byref(_to_struct(config, kept))), "build")
        if made is None:
            raise MisbehavedError("build returned no result")
        if made["status"] == Status.OK and not made["wasm_path"]:
            raise MisbehavedError("build reported success and named no module")
        return made

    def clean(self, project_path: str) -> list[str]:
        """Files that it made outside its output folder."""
        if not self._table.clean:
            return []
        kept: list[object] = []
        made = self._take(self._table.clean(self._state, layouts.make_str(project_path, kept)), "clean")
        files: list[str] = made["additional_files"] if made else []
        return files

    def close(self) -> None:
        """Let it give its state up."""
        if self._created and self._table.destroy:
            self._host.enter("destroy")
            self._table.destroy(self._state)
        self._created = False

    def _shake_hands(self) -> PluginTable:
        version = _function(self._library, VERSION_SYMBOL, c_uint32)
        self._host.enter(VERSION_SYMBOL)
        spoken = version()
        if spoken != ABI_VERSION:
            raise RefusedError(_wrong_version("it", spoken))
        if not hasattr(self._library, ENTRY_SYMBOL):
            raise RefusedError(f"it does not export {ENTRY_SYMBOL}")
        entry = _function(self._library, ENTRY_SYMBOL, c_void_p)
        self._host.enter(ENTRY_SYMBOL)
        address = entry()
        if not address:
            raise RefusedError(f"{ENTRY_SYMBOL} returned no table")
        try:
            check_struct_size(address, PluginTable, "its table")
        except MisbehavedError as error:
            raise RefusedError(str(error)) from error
        table = PluginTable.from_address(address)
        if table.abi_version != ABI_VERSION:
            raise RefusedError(_wrong_version("its table", table.abi_version))
        absent = [name for name in _REQUIRED if not getattr(table, name)]
        if absent:
            raise RefusedError(f"its table has no {', '.join(absent)}")
        return table

    def _take(self, address: int | None, what: str) -> dict[str, Any] | None:
        """Copy a result and hand it back; None for NULL."""
        if not address:
            return None
        check_struct_size(address, BuildResultStruct, f"the result of {what}")
        found = BuildResultStruct.from_address(address)
        if found.status not in _STATUSES:
            raise MisbehavedError(f"{what} answered the status {found.status}, which is none")
        copied = {
            "status": found.status,
            "message": read_text(found.message, "message"),
            "wasm_path": read_text(found.wasm_path, "wasm_path", cap_bytes=PATH_CAP_BYTES),
            "js_path": read_text(found.js_path, "js_path", cap_bytes=PATH_CAP_BYTES) or None,
            "additional_files": read_texts(
                found.additional_files, found.additional_files_len, "additional_files"
            ),
            "is_wasm_bindgen": bool(found.flags & layouts.WASM_BINDGEN),
        }
        self._host.enter("free_result")
        self._table.free_result(self._state, address)
        return copied


def _wrong_version(who: str, spoken: int) -> str:
    newer = "; it needs a newer wasmrun" if spoken > ABI_VERSION else ""
    return f"{who} speaks ABI {spoken}, and this wasmrun speaks ABI {ABI_VERSION}{newer}"


def _function(library: ctypes.CDLL, symbol: str, result: Any) -> Any:
    function = library[symbol]
    function.argtypes = ()
    function.restype = result
    return function


def _to_struct(config: dict[str, Any], kept: list[object]) -> BuildConfigStruct:
    """The C form of a build's configuration; ``kept`` holds what it points to."""
    words = config["custom_args"]
    args = (layouts.Str * len(words))(*(layouts.make_str(word, kept) for word in words))
    kept.append(args)
    debug_info = layouts.DEBUG_INFO if config["debug_info"] else 0
    verbose = layouts.VERBOSE if config["verbose"] else 0
    texts = ("project_path", "output_dir", "target", "work_dir", "name", "entry", "toolchain")
    return BuildConfigStruct(
        struct_size=ctypes.sizeof(BuildConfigStruct),
        optimization=layouts.OPTIMIZATION[config["optimization_level"]],
        flags=debug_info | verbose,
        custom_args=args if words else None,
        custom_args_len=len(words),
        **{name: layouts.make_str(config[name] or "", kept) for name in texts},
    )
