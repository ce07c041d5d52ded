"""Whether the details of a cached result are such as ``build.produce`` describes: they come from anywhere.

Pure. Nothing here says what the details mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wasmrun_py.model.diagnostic import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

_DIAGNOSTIC_PARTS = 6
_WASM_OPT_PARTS = 3
_TOOLCHAIN_PARTS = 2


def are_restorable(details: Mapping[str, Any], names: tuple[str, ...]) -> bool:
    """Whether a result with these details and these files can be told of.

    Args:
        details: Of a ``record.CachedResult``.
        names: Its files'.
    """
    return (
        details.get("wasm") in names
        and (details.get("js") is None or details.get("js") in names)
        and isinstance(details.get("language"), str)
        and type(details.get("is_wasm_bindgen")) is bool
        and type(details.get("binaryen_ran")) is bool
        and _are_texts(details.get("toolchain"), count=_TOOLCHAIN_PARTS)
        and all(_are_texts(details.get(name)) for name in ("warnings", "messages"))
        and _are_diagnostics(details.get("diagnostics"))
        and _is_wasm_opt_run(details.get("wasm_opt"))
    )


def _are_texts(value: object, *, count: int | None = None) -> bool:
    if not isinstance(value, list) or (count is not None and len(value) != count):
        return False
    return all(isinstance(each, str) for each in value)


def _are_diagnostics(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_diagnostic, value))


def _is_diagnostic(value: object) -> bool:
    if not isinstance(value, list) or len(value) != _DIAGNOSTIC_PARTS:
        return False
    file, line, column, severity, message, source = value
    return (
        (file is None or isinstance(file, str))
        and all(each is None or type(each) is int for each in (line, column))
        and severity in tuple(Severity)
        and isinstance(message, str)
        and isinstance(source, str)
    )


def _is_wasm_opt_run(value: object) -> bool:
    if value is None:
        return True
    if not isinstance(value, list) or len(value) != _WASM_OPT_PARTS:
        return False
    return isinstance(value[0], str) and all(type(each) is int for each in value[1:])
