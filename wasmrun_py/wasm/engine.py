"""The one door to wasmtime in this room: is this binary valid, and if not, what does wasmtime say?

wasmtime is imported inside the functions, because its import costs more than all the rest of a command.
Its errors leave as plain text; finding offsets in the text is ``verify``'s. Nothing is ever run here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wasmtime import Engine

# Everything the validator can be told to accept, so that a new feature is not taken for a fault. Stack
# switching is left out: an engine that has it cannot be made on every platform, and making it anyway
# ends the process. Names that this release of wasmtime does not have are skipped.
_PROPOSALS = (
    "wasm_threads",
    "shared_memory",
    "wasm_tail_call",
    "wasm_reference_types",
    "wasm_simd",
    "wasm_relaxed_simd",
    "wasm_bulk_memory",
    "wasm_multi_value",
    "wasm_multi_memory",
    "wasm_memory64",
    "wasm_function_references",
    "wasm_gc",
    "wasm_exceptions",
    "wasm_wide_arithmetic",
    "wasm_custom_page_sizes",
    "wasm_component_model",
    "wasm_component_model_map",
    "wasm_component_model_implements",
)


class Validator:
    """wasmtime's validator with every proposal it knows switched on.

    The engine is built on first use and kept for the life of the object.
    """

    __slots__ = ("_engine",)

    def __init__(self) -> None:
        self._engine: Engine | None = None

    def find_module_fault(self, data: bytes) -> str | None:
        """Validate a core module; give wasmtime's complaint, or None when it is valid.

        Args:
            data: A whole core module, starting with the magic bytes.
        """
        from wasmtime import Module, WasmtimeError  # noqa: PLC0415 - see the module's docstring

        try:
            Module.validate(self._get_engine(), data)
        except WasmtimeError as error:
            return str(error)
        return None

    def find_component_fault(self, data: bytes) -> str | None:
        """Validate a component by compiling it, the only way wasmtime's Python package offers.

        Args:
            data: A whole component. It must start with the magic bytes: wasmtime would take anything else
                for WebAssembly text and assemble it.
        """
        from wasmtime import WasmtimeError  # noqa: PLC0415 - see the module's docstring
        from wasmtime.component import Component  # noqa: PLC0415 - as above

        try:
            Component(self._get_engine(), data)
        except WasmtimeError as error:
            return str(error)
        return None

    def _get_engine(self) -> Engine:
        from wasmtime import Config, Engine  # noqa: PLC0415 - see the module's docstring

        if self._engine is None:
            config = Config()
            for name in _PROPOSALS:
                if hasattr(Config, name):
                    setattr(config, name, True)
            # What is compiled is thrown away.
            config.cranelift_opt_level = "none"
            self._engine = Engine(config)
        return self._engine
