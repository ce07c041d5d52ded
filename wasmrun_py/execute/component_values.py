"""Values in and out of ``--call`` on a component, by type, and types in WIT's words.

What has one obvious spelling on a command line (numbers, booleans, characters, strings, enum cases) is
written so; everything that is made of parts is JSON. Runs in the child only.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from wasmtime import component

from wasmrun_py.execute.failure import CallFailure
from wasmrun_py.execute.values import format_float, parse_float, parse_integer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wasmtime.component import ValType

_INTEGERS: dict[type[ValType], tuple[str, int, int]] = {
    component.S8: ("s8", -(2**7), 2**7 - 1),
    component.S16: ("s16", -(2**15), 2**15 - 1),
    component.S32: ("s32", -(2**31), 2**31 - 1),
    component.S64: ("s64", -(2**63), 2**63 - 1),
    component.U8: ("u8", 0, 2**8 - 1),
    component.U16: ("u16", 0, 2**16 - 1),
    component.U32: ("u32", 0, 2**32 - 1),
    component.U64: ("u64", 0, 2**64 - 1),
}
_OTHERS: dict[type[ValType], str] = {
    component.Bool: "bool",
    component.F32: "f32",
    component.F64: "f64",
    component.Char: "char",
    component.String: "string",
    component.ErrorContext: "error-context",
    component.OwnType: "own<resource>",
    component.BorrowType: "borrow<resource>",
}
_HANDLES = (
    *(component.OwnType, component.BorrowType, component.StreamType, component.FutureType),
    component.ErrorContext,
)
_BOOLEANS = {"true": True, "false": False}


def describe_type(kind: ValType) -> str:  # noqa: C901, PLR0911 - one return a kind of type
    """``list<tuple<string, u32>>``: a value type as WIT writes it, without names that were given to it."""
    if type(kind) in _INTEGERS:
        return _INTEGERS[type(kind)][0]
    match kind:
        case component.ListType():
            return f"list<{describe_type(kind.element)}>"
        case component.TupleType():
            return f"tuple<{', '.join(map(describe_type, kind.elements))}>"
        case component.OptionType():
            return f"option<{describe_type(kind.payload)}>"
        case component.RecordType():
            return f"record {{ {', '.join(f'{name}: {describe_type(each)}' for name, each in kind.fields)} }}"
        case component.EnumType():
            return f"enum {{ {', '.join(kind.names)} }}"
        case component.FlagsType():
            return f"flags {{ {', '.join(kind.names)} }}"
        case component.ResultType():
            ok, err = (None if each is None else describe_type(each) for each in (kind.ok, kind.err))
            parts = [ok or "_", err] if err else [ok] if ok else []
            return f"result<{', '.join(filter(None, parts))}>" if parts else "result"
        case component.VariantType():
            cases = (name if each is None else f"{name}({describe_type(each)})" for name, each in kind.cases)
            return f"variant {{ {', '.join(cases)} }}"
        case component.StreamType() | component.FutureType():
            return "stream" if isinstance(kind, component.StreamType) else "future"
        case _:
            return _OTHERS.get(type(kind), "?")


def find_handle(kinds: Iterable[ValType]) -> str | None:
    """The first type among these, or inside them, that no command line can carry; None when all can be."""
    for kind in kinds:
        if isinstance(kind, _HANDLES):
            return describe_type(kind)
        if (inner := find_handle(_list_parts(kind))) is not None:
            return inner
    return None


def parse_argument(text: str, kind: ValType) -> Any:
    """Read one argument by its type.

    Raises:
        CallFailure: It does not fit.
    """
    if type(kind) in _INTEGERS:
        return parse_integer(text, *_INTEGERS[type(kind)])
    match kind:
        case component.F32():
            return parse_float(text, "f32", is_single=True)
        case component.F64():
            return parse_float(text, "f64", is_single=False)
        case component.Bool() if text in _BOOLEANS:
            return _BOOLEANS[text]
        case component.Bool():
            raise CallFailure(f"{text!r} is neither true nor false, and bool is wanted")
        case component.Char() | component.String() | component.EnumType():
            return _from_json(text, kind)
        case _:
            return _from_json(_load_json(text, kind), kind)


def format_result(value: Any, kind: ValType) -> str:
    """Write one result by its type: simple values plain, everything else as JSON."""
    if isinstance(kind, component.F32 | component.F64):
        return format_float(value, is_single=isinstance(kind, component.F32))
    plain = _to_json(value, kind)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def _load_json(text: str, kind: ValType) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CallFailure(
            f"{text[:60]!r} is not JSON, and {describe_type(kind)} is wanted",
            hint="Lists and tuples are written '[1, 2]', records '{\"x\": 1}', an option as its value or "
            "null, a variant or result as '{\"case\": value}'.",
        ) from error


def _from_json(value: Any, kind: ValType) -> Any:
    """What wasmtime takes for a JSON value of this type."""
    if type(kind) in _INTEGERS:
        name, least, most = _INTEGERS[type(kind)]
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise _misfit(value, kind, f" ({name} is {least} to {most})")
        return value
    convert = _FROM_JSON.get(type(kind))
    if convert is None:
        raise _misfit(value, kind)
    return convert(value, kind)


def _misfit(value: Any, kind: ValType, more: str = "") -> CallFailure:
    shown = json.dumps(value, ensure_ascii=False)[:60]
    return CallFailure(f"{shown} does not fit {describe_type(kind)}{more}")


def _bool(value: Any, kind: ValType) -> bool:
    if not isinstance(value, bool):
        raise _misfit(value, kind)
    return value


def _float(value: Any, kind: ValType) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _misfit(value, kind)
    is_single = isinstance(kind, component.F32)
    return parse_float(str(value), "f32" if is_single else "f64", is_single=is_single)


def _char(value: Any, kind: ValType) -> str:
    if not isinstance(value, str) or len(value) != 1:
        shown = repr(value) if isinstance(value, str) else json.dumps(value)
        raise CallFailure(f"{shown} is not one character, and {describe_type(kind)} is wanted")
    return value


def _string(value: Any, kind: ValType) -> str:
    if not isinstance(value, str):
        raise _misfit(value, kind)
    return value


def _list(value: Any, kind: component.ListType) -> list[Any] | bytes:
    if not isinstance(value, list):
        raise _misfit(value, kind)
    element = kind.element
    items = [_from_json(each, element) for each in value]
    # wasmtime's bindings take bytes, and nothing else, for a list of them.
    return bytes(items) if isinstance(element, component.U8) else items


def _tuple(value: Any, kind: component.TupleType) -> tuple[Any, ...]:
    elements = kind.elements
    if not isinstance(value, list) or len(value) != len(elements):
        raise _misfit(value, kind)
    return tuple(_from_json(each, element) for each, element in zip(value, elements, strict=True))


def _record(value: Any, kind: component.RecordType) -> component.Record:
    fields = dict(kind.fields)
    if not isinstance(value, dict) or set(value) != set(fields):
        raise _misfit(value, kind)
    record = component.Record()
    for name, each in fields.items():
        setattr(record, name, _from_json(value[name], each))
    return record


def _option(value: Any, kind: component.OptionType) -> Any:
    if value is None:
        return _case(kind, "none", None)
    return _case(kind, "some", _from_json(value, kind.payload))


def _enum(value: Any, kind: component.EnumType) -> str:
    if value not in kind.names:
        raise _misfit(value, kind)
    return str(value)


def _flags(value: Any, kind: component.FlagsType) -> set[str]:
    if not isinstance(value, list) or not all(each in kind.names for each in value):
        raise _misfit(value, kind)
    return set(value)


def _variant(value: Any, kind: component.VariantType | component.ResultType) -> Any:
    cases = dict(_list_cases(kind))
    name, payload = value, None
    if isinstance(value, dict) and len(value) == 1:
        ((name, payload),) = value.items()
    if not isinstance(name, str) or name not in cases:
        raise _misfit(value, kind)
    inner = cases[name]
    if inner is None and payload is not None:
        raise _misfit(value, kind)
    return _case(kind, name, None if inner is None else _from_json(payload, inner))


def _case(kind: Any, name: str, payload: Any) -> Any:
    """A case as wasmtime's bindings want it: tagged only where the payload alone would not tell."""
    return component.Variant(name, payload) if kind._tagged() else payload  # noqa: SLF001 - only it knows


_FROM_JSON: dict[type[ValType], Callable[[Any, Any], Any]] = {
    component.Bool: _bool,
    component.F32: _float,
    component.F64: _float,
    component.Char: _char,
    component.String: _string,
    component.ListType: _list,
    component.TupleType: _tuple,
    component.RecordType: _record,
    component.OptionType: _option,
    component.EnumType: _enum,
    component.FlagsType: _flags,
    component.VariantType: _variant,
    component.ResultType: _variant,
}


def _to_json(value: Any, kind: ValType) -> Any:  # noqa: PLR0911 - one return a kind of type
    """A result as JSON can hold it; NaN and the infinities are strings."""
    match kind:
        case component.F32() | component.F64():
            return value if math.isfinite(value) else repr(value)
        case component.ListType():
            element = kind.element
            return [_to_json(each, element) for each in value]
        case component.TupleType():
            return [_to_json(each, inner) for each, inner in zip(value, kind.elements, strict=True)]
        case component.RecordType():
            return {name: _to_json(getattr(value, name), inner) for name, inner in kind.fields}
        case component.FlagsType():
            return [name for name in kind.names if name in value]
        case component.OptionType():
            if isinstance(value, component.Variant) and kind._tagged():  # noqa: SLF001 - as above
                value = value.payload
            return None if value is None else _to_json(value, kind.payload)
        case component.VariantType() | component.ResultType():
            return _case_to_json(value, kind)
        case _:
            return value


def _case_to_json(value: Any, kind: component.VariantType | component.ResultType) -> Any:
    cases = _list_cases(kind)
    if kind._tagged():  # noqa: SLF001 - as above
        name, payload = value.tag, value.payload
        inner = dict(cases)[name]
    else:
        name, inner = next((name, each) for name, each in cases if _holds(each, value))
        payload = value
    return name if inner is None else {name: _to_json(payload, inner)}


def _holds(kind: ValType | None, value: Any) -> bool:
    """Whether an untagged case is the one that ``value`` belongs to."""
    if kind is None:
        return value is None
    classes: set[type] = set()
    kind.add_classes(classes)
    return type(value) in classes


def _list_cases(
    kind: component.VariantType | component.ResultType,
) -> list[tuple[str, ValType | None]]:
    return kind.cases if isinstance(kind, component.VariantType) else [("ok", kind.ok), ("err", kind.err)]


def _list_parts(kind: ValType) -> list[ValType]:
    match kind:
        case component.ListType():
            return [kind.element]
        case component.TupleType():
            return kind.elements
        case component.OptionType():
            return [kind.payload]
        case component.RecordType():
            return [each for _, each in kind.fields]
        case component.VariantType() | component.ResultType():
            return [each for _, each in _list_cases(kind) if each is not None]
        case _:
            return []
