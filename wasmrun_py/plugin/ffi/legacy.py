"""Call the libraries that are older than ABI 1: wasmrust, wasmasc and waspy (DESIGN §6). Helper's side.

They are told apart by the symbols they export; memory is never sniffed. A builder's pointer is passed on and
never looked at: for a type without fields it dangles on purpose. Their ``clean`` is never called: it removes
folders of the user's that it did not make.
"""

from __future__ import annotations

import ctypes
import os
from ctypes import POINTER, c_char_p, c_int, c_size_t, c_uint8, c_void_p
from pathlib import Path

from wasmrun_py.plugin.ffi.layouts import OPTIMIZATION
from wasmrun_py.plugin.ffi.legacy_layouts import (
    BytesResult,
    LongConfig,
    LongResult,
    ShortConfig,
    ShortResult,
)
from wasmrun_py.plugin.ffi.memory import (
    PATH_CAP_BYTES,
    MisbehavedError,
    RefusedError,
    read_bool,
    read_c_text,
)
from wasmrun_py.plugin.ffi.statuses import Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wasmrun_py.plugin.ffi.host_side import HostSide

_BUILDER_SYMBOL = "create_wasm_builder"
_WEB_TARGETS = {"web": "webapp"}
_MODULE_CAP_BYTES = 1024 * 1024 * 1024


def open_legacy(library: ctypes.CDLL, host: HostSide) -> BuilderLibrary | WaspyLibrary:
    """The adapter for a library, by what it exports.

    Raises:
        RefusedError: It is none of those that are known, or one that cannot be called safely.
    """
    if hasattr(library, "waspy_compile_project"):
        return WaspyLibrary(library, host)
    if hasattr(library, "wasmrust_build"):
        short = hasattr(library, "wasmrust_get_extensions")
        if not short and not hasattr(library, "wasmrun_plugin_create"):
            raise RefusedError("it exports wasmrust_build and nothing that tells which layout it has")
        return BuilderLibrary(library, host, prefix="wasmrust", short=short)
    if hasattr(library, "wasmasc_build"):
        return BuilderLibrary(library, host, prefix="wasmasc", short=True)
    if hasattr(library, "wasm_plugin_create"):
        raise RefusedError(
            "its wasm_plugin_create returns a Rust trait object, which only its own compiler can call"
        )
    raise RefusedError("it exports neither wasmrun_abi_version nor the functions of a plugin that is known")


class BuilderLibrary:
    """wasmrust or wasmasc: ``create_wasm_builder`` and ``PREFIX_build``.

    Args:
        library: The library.
        host: The way back.
        prefix: ``wasmrust`` or ``wasmasc``.
        short: It has the 24-byte configuration.
    """

    legacy = True
    manifest = ""

    def __init__(self, library: ctypes.CDLL, host: HostSide, *, prefix: str, short: bool) -> None:
        self.name = f"{prefix} ({'24' if short else '40'}-byte configuration)"
        self._library = library
        self._host = host
        self._prefix = prefix
        self._config: type[ctypes.Structure] = ShortConfig if short else LongConfig
        self._result: type[ctypes.Structure] = ShortResult if short else LongResult
        self._builder: int | None = None
        if not hasattr(library, _BUILDER_SYMBOL):
            raise RefusedError(f"it does not export {_BUILDER_SYMBOL}")

    def create(self) -> None:
        """Let it make its builder."""
        self._host.enter(_BUILDER_SYMBOL)
        self._builder = _function(self._library, _BUILDER_SYMBOL, c_void_p)()
        if not self._builder:
            raise RefusedError(f"{_BUILDER_SYMBOL} returned no builder")

    def can_handle_project(self, project_path: str) -> dict[str, Any] | None:
        """A bare yes, or None."""
        symbol = f"{self._prefix}_can_handle_project"
        if not hasattr(self._library, symbol):
            return {"yes": True}
        ask = _function(self._library, symbol, c_uint8, c_void_p, c_char_p)
        yes = read_bool(ask(self._builder, project_path.encode("utf-8")), symbol)
        return {"yes": True} if yes else None

    def check_dependencies(self) -> dict[str, Any] | None:
        """Whether all is there, where it says so; it does not say what is missing."""
        symbol = f"{self._prefix}_verify_dependencies"
        if not hasattr(self._library, symbol):
            return None
        ask = _function(self._library, symbol, c_uint8, c_void_p)
        return {"satisfied": read_bool(ask(self._builder), symbol)}

    def validate_project(self, _project_path: str) -> None:
        """It has no such question."""

    def build(self, config: dict[str, Any]) -> dict[str, Any]:
        """Build; its result in the words of ABI 1."""
        target = config["target"]
        fields = {
            "project_path": config["project_path"].encode("utf-8"),
            "output_dir": config["output_dir"].encode("utf-8"),
            "optimization_level": OPTIMIZATION[config["optimization_level"]],
            "verbose": int(config["verbose"]),
            "watch": 0,
        }
        if self._config is LongConfig:
            fields["target_type"] = _WEB_TARGETS.get(target, target).encode("utf-8")
        asked = self._config(**fields)
        symbol = f"{self._prefix}_build"
        build = _function(self._library, symbol, c_void_p, c_void_p, POINTER(self._config))
        address = build(self._builder, ctypes.byref(asked))
        if not address:
            raise MisbehavedError(f"{symbol} returned no result")
        return self._take(address)

    def clean(self, _project_path: str) -> list[str]:
        """Nothing: see the module's text."""
        return []

    def close(self) -> None:
        """Let it give its builder up."""
        symbol = f"{self._prefix}_drop"
        if self._builder and hasattr(self._library, symbol):
            self._host.enter(symbol)
            _function(self._library, symbol, None, c_void_p)(self._builder)
        self._builder = None

    def _take(self, address: int) -> dict[str, Any]:
        found: Any = self._result.from_address(address)
        success = read_bool(found.success, "success")
        copied = {
            "status": Status.OK if success else Status.BUILD_FAILED,
            "message": read_c_text(found.error_message, "error_message"),
            "wasm_path": read_c_text(found.wasm_path, "its output path", cap_bytes=PATH_CAP_BYTES),
        }
        if success and not copied["wasm_path"]:
            raise MisbehavedError("it reported success and named no output")
        symbol = f"{self._prefix}_free_build_result"
        if hasattr(self._library, symbol):
            self._host.enter(symbol)
            _function(self._library, symbol, None, c_void_p)(address)
        return copied


class WaspyLibrary:
    """waspy: the module comes back as bytes, which are written here.

    Args:
        library: The library.
        host: The way back.

    Raises:
        RefusedError: A function of it is missing.
    """

    legacy = True
    manifest = ""
    name = "waspy"

    def __init__(self, library: ctypes.CDLL, host: HostSide) -> None:
        self._library = library
        self._host = host
        wanted = ("waspy_compile_python", "waspy_free_wasm_data", "waspy_free_error_message")
        absent = [symbol for symbol in wanted if not hasattr(library, symbol)]
        if absent:
            raise RefusedError(f"it does not export {', '.join(absent)}")

    def create(self) -> None:
        """It has no state."""

    def can_handle_project(self, _project_path: str) -> dict[str, Any]:
        """It does not say; its manifest does."""
        return {"yes": True}

    def check_dependencies(self) -> dict[str, Any]:
        """It needs nothing."""
        return {"satisfied": True}

    def validate_project(self, _project_path: str) -> None:
        """It has no such question."""

    def build(self, config: dict[str, Any]) -> dict[str, Any]:
        """Compile the entry that was named, else the project, and write the module."""
        entry, project = config["entry"], config["project_path"]
        if entry:
            symbol, asked = "waspy_compile_python", Path(entry).read_bytes()
            if b"\0" in asked:
                return {
                    "status": Status.BUILD_FAILED,
                    "message": f"{entry} holds a zero byte",
                    "wasm_path": "",
                }
        else:
            symbol, asked = "waspy_compile_project", project.encode("utf-8")
        compile_it = _function(self._library, symbol, BytesResult, c_char_p, c_int)
        found = compile_it(asked, 0 if config["optimization_level"] == "debug" else 1)
        success = read_bool(found.success, "success")
        message = read_c_text(found.error_message, "error_message")
        name = config["name"] or Path(entry or project).stem
        path = Path(config["output_dir"]) / f"{name}.wasm"
        if success:
            self._write(found, path)
        self._free(found)
        return {
            "status": Status.OK if success else Status.BUILD_FAILED,
            "message": message,
            "wasm_path": os.fspath(path) if success else "",
        }

    def clean(self, _project_path: str) -> list[str]:
        """Nothing: it writes nothing itself."""
        return []

    def close(self) -> None:
        """It has no state."""

    def _write(self, found: BytesResult, path: Path) -> None:
        if not found.wasm_data or not found.wasm_len:
            raise MisbehavedError("it reported success and gave no module")
        if found.wasm_len > _MODULE_CAP_BYTES:
            raise MisbehavedError(
                f"its module is {found.wasm_len} bytes long; {_MODULE_CAP_BYTES} is the most"
            )
        path.write_bytes(ctypes.string_at(found.wasm_data, found.wasm_len))

    def _free(self, found: BytesResult) -> None:
        if found.wasm_data:
            symbol = "waspy_free_wasm_data"
            self._host.enter(symbol)
            _function(self._library, symbol, None, c_void_p, c_size_t)(found.wasm_data, found.wasm_len)
        if found.error_message:
            symbol = "waspy_free_error_message"
            self._host.enter(symbol)
            _function(self._library, symbol, None, c_void_p)(found.error_message)


def _function(library: ctypes.CDLL, symbol: str, result: Any, *arguments: Any) -> Any:
    function = library[symbol]
    function.argtypes = arguments
    function.restype = result
    return function
