"""Run a component: its ``wasi:cli/run``, or an exported function of simple types by name.

Runs in the child only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wasmtime import ExitTrap, Trap, WasmtimeError, component

from wasmrun_py.execute.failure import CallFailure, NotFoundFailure, NotRunnableFailure
from wasmrun_py.execute.values import format_float, parse_float, parse_integer

if TYPE_CHECKING:
    from wasmtime import Store
    from wasmtime.component._types import ComponentExtern

    from wasmrun_py.execute.sandbox import Sandbox

_RUN_INTERFACE = "wasi:cli/run"
# ``wasi:cli/run`` tells success from failure only. A component that exports this too says which failure.
_STATUS_INTERFACE = "wasmrun:program/status"
_STATUS_FUNCTION = "exit-code"
_EXIT_MASK = 0xFF
_INTEGER_RANGES: dict[type[component.ValType], tuple[str, int, int]] = {
    component.S8: ("s8", -(2**7), 2**7 - 1),
    component.S16: ("s16", -(2**15), 2**15 - 1),
    component.S32: ("s32", -(2**31), 2**31 - 1),
    component.S64: ("s64", -(2**63), 2**63 - 1),
    component.U8: ("u8", 0, 2**8 - 1),
    component.U16: ("u16", 0, 2**16 - 1),
    component.U32: ("u32", 0, 2**32 - 1),
    component.U64: ("u64", 0, 2**64 - 1),
}
_OTHER_NAMES: dict[type[component.ValType], str] = {
    component.Bool: "bool",
    component.F32: "f32",
    component.F64: "f64",
    component.Char: "char",
    component.String: "string",
}
_BOOLEANS = {"true": True, "false": False}


def run_component(sandbox: Sandbox, data: bytes) -> tuple[int, list[str]]:
    """Run the component in ``data`` to its end.

    Returns:
        The guest's exit code and the printed result of ``--call``.

    Raises:
        Failure: Whatever kept it from ending by itself.
    """
    compiled = sandbox.compile(component.Component, data)
    call = sandbox.request["call"]
    exports = compiled.type.exports(sandbox.engine)
    values = None if call is None else _prepare_call(sandbox, exports, call)
    interface = None if call is not None else _get_run_interface(sandbox, exports)
    linker = component.Linker(sandbox.engine)
    linker.add_wasip2()
    store = sandbox.open_store()
    try:
        instance = linker.instantiate(store, compiled)
        if interface is None:
            function = _get_function(store, instance, str(call))
            return 0, _call(store, function, values or [])
        function = _get_function(store, instance, "run", inside=interface)
        if function(store).tag == "ok":
            return 0, []
        return _load_exit_code(store, instance, exports), []
    except ExitTrap as ended:
        return ended.code & _EXIT_MASK, []
    except (Trap, WasmtimeError) as error:
        raise sandbox.explain(error) from error


def _get_run_interface(sandbox: Sandbox, exports: dict[str, ComponentExtern]) -> str:
    """The name of the exported ``wasi:cli/run``, whatever its version."""
    for name in exports:
        if name.partition("@")[0] == _RUN_INTERFACE:
            return name
    functions = _list_functions(exports)
    raise NotRunnableFailure(
        f"{sandbox.request['module']} does not export {_RUN_INTERFACE}: it is a library, not a program",
        hint=f"Call one of its exports with --call NAME: {functions}." if functions else "",
    )


def _load_exit_code(store: Store, instance: component.Instance, exports: dict[str, ComponentExtern]) -> int:
    """The code of a run that failed: the component's own where it tells, else 1."""
    if _STATUS_INTERFACE not in exports:
        return 1
    function = _get_function(store, instance, _STATUS_FUNCTION, inside=_STATUS_INTERFACE)
    code = function(store)
    return (code & _EXIT_MASK) or 1 if isinstance(code, int) else 1


def _get_function(
    store: Store, instance: component.Instance, name: str, *, inside: str | None = None
) -> component.Func:
    """An exported function, ``inside`` an exported instance or at the top."""
    parent = instance.get_export_index(store, inside) if inside else None
    index = instance.get_export_index(store, name, parent)
    function = instance.get_func(store, index) if index is not None else None
    if function is None:
        raise NotRunnableFailure(f"The component has no function {name!r}{f' in {inside}' if inside else ''}")
    return function


def _prepare_call(sandbox: Sandbox, exports: dict[str, ComponentExtern], name: str) -> list[Any]:
    """Check the export and read the arguments by its types."""
    export = exports.get(name)
    if export is None:
        import difflib  # noqa: PLC0415 - only this mistake needs it

        near = difflib.get_close_matches(name, exports, n=3)
        functions = _list_functions(exports)
        raise NotFoundFailure(
            f"{sandbox.request['module']} has no export {name!r}",
            hint=(f"Did you mean {' or '.join(near)}? " if near else "")
            + (f"It exports {functions}." if functions else "It exports no function at its top level."),
        )
    kind = export.ty
    if not isinstance(kind, component.FuncType):
        raise CallFailure(f"The export {name!r} is not a function")
    described = _describe(name, kind)
    result = kind.result
    if any(_find_type_name(each) is None for _, each in kind.params) or (
        result is not None and _find_type_name(result) is None
    ):
        raise CallFailure(
            f"{described} cannot be called from the command line",
            hint="Only booleans, numbers, characters and strings can be passed and shown.",
        )
    texts = sandbox.request["args"]
    if len(texts) != len(kind.params):
        raise CallFailure(f"{described} takes {len(kind.params)} arguments, and {len(texts)} came")
    return [_parse_argument(text, each) for text, (_, each) in zip(texts, kind.params, strict=True)]


def _call(store: Store, function: component.Func, values: list[Any]) -> list[str]:
    result_type = function.type(store).result
    returned = function(store, *values)
    return [] if result_type is None else [_format_result(returned, result_type)]


def _parse_argument(text: str, kind: component.ValType) -> Any:
    if type(kind) in _INTEGER_RANGES:
        return parse_integer(text, *_INTEGER_RANGES[type(kind)])
    if isinstance(kind, component.F32 | component.F64):
        is_single = isinstance(kind, component.F32)
        return parse_float(text, "f32" if is_single else "f64", is_single=is_single)
    if isinstance(kind, component.Bool):
        if text not in _BOOLEANS:
            raise CallFailure(f"{text!r} is neither true nor false, and bool is wanted")
        return _BOOLEANS[text]
    if isinstance(kind, component.Char) and len(text) != 1:
        raise CallFailure(f"{text!r} is not one character, and char is wanted")
    return text


def _format_result(value: Any, kind: component.ValType) -> str:
    if isinstance(kind, component.F32 | component.F64):
        return format_float(value, is_single=isinstance(kind, component.F32))
    return str(value).lower() if isinstance(kind, component.Bool) else str(value)


def _find_type_name(kind: component.ValType) -> str | None:
    """The name of a type that fits a command line; None for any other."""
    known = _INTEGER_RANGES.get(type(kind))
    return known[0] if known else _OTHER_NAMES.get(type(kind))


def _describe(name: str, kind: component.FuncType) -> str:
    """``greet(name: string) -> string``, with ``?`` for types that are not simple."""
    params = ", ".join(f"{param}: {_find_type_name(each) or '?'}" for param, each in kind.params)
    result = kind.result
    arrow = f" -> {_find_type_name(result) or '?'}" if result is not None else ""
    return f"{name}({params}){arrow}"


def _list_functions(exports: dict[str, ComponentExtern]) -> str:
    kinds = ((name, export.ty) for name, export in exports.items())
    return ", ".join(_describe(name, kind) for name, kind in kinds if isinstance(kind, component.FuncType))
