"""Check what a record says of a build beside its files: the shape that ``produce.describe`` writes, or none.

A record may come from a later wasmrun or from another machine; what is of the wrong shape makes no record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wasmrun_py.model.diagnostic import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

_SEVERITIES = frozenset(Severity)


def are_details(details: dict[str, Any], names: Collection[str]) -> bool:
    """Whether ``details`` has the shape of a record's, for files of these names."""
    if not all(check(details.get(member)) for member, check in _SHAPE.items()):
        return False
    return details["wasm"] in names and (details["js"] is None or details["js"] in names)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_text_or_none(value: object) -> bool:
    return value is None or isinstance(value, str)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_toolchain(value: object) -> bool:
    return isinstance(value, list) and [type(each) for each in value] == [str, str]


def _is_wasm_opt(value: object) -> bool:
    return value is None or (isinstance(value, list) and [type(each) for each in value] == [str, int, int])


def _is_diagnostics(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_diagnostic, value))


def _is_diagnostic(value: object) -> bool:
    if not isinstance(value, list) or len(value) != 6:  # noqa: PLR2004 - the members of a diagnostic
        return False
    file, line, column, severity, message, source = value
    numbers = all(each is None or type(each) is int for each in (line, column))
    texts = _is_text_or_none(file) and _is_text(message) and _is_text(source)
    return numbers and texts and _is_text(severity) and severity in _SEVERITIES


_SHAPE: dict[str, Callable[[object], bool]] = {
    "language": _is_text,
    "toolchain": _is_toolchain,
    "wasm": _is_text,
    "js": _is_text_or_none,
    "is_wasm_bindgen": _is_flag,
    "binaryen_ran": _is_flag,
    "warnings": _is_texts,
    "messages": _is_texts,
    "diagnostics": _is_diagnostics,
    "wasm_opt": _is_wasm_opt,
}
