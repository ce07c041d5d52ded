"""Run a component: its ``wasi:cli/run``, or an exported function by name (``INSTANCE#NAME`` inside one).

Runs in the child only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from wasmtime import ExitTrap, Trap, WasmtimeError, component

from wasmrun_py.execute.component_values import describe_type, find_handle, format_result, parse_argument
from wasmrun_py.execute.failure import CallFailure, NotFoundFailure, NotRunnableFailure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wasmtime import Store
    from wasmtime.component._types import ComponentExtern

    from wasmrun_py.execute.sandbox import Sandbox

_RUN_INTERFACE = "wasi:cli/run"
# ``wasi:cli/run`` tells success from failure only. A component that exports this too says which failure.
_STATUS_INTERFACE = "wasmrun:program/status"
_STATUS_FUNCTION = "exit-code"
_EXIT_MASK = 0xFF
# How many functions a hint lists.
_LISTED_FUNCTIONS = 12


class _Call(NamedTuple):
    """A function and its arguments.

    Attributes:
        inside: The exported instance it lies in, or None at the top.
        function: Its name there.
        values: The arguments, as wasmtime takes them.
    """

    inside: str | None
    function: str
    values: list[Any]


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
    prepared = None if call is None else _prepare_call(sandbox, exports, call)
    interface = None if call is not None else _get_run_interface(sandbox, exports)
    linker = component.Linker(sandbox.engine)
    linker.add_wasip2()
    store = sandbox.open_store()
    try:
        instance = linker.instantiate(store, compiled)
        if prepared is not None:
            function = _get_function(store, instance, prepared.function, inside=prepared.inside)
            return 0, _call(store, function, prepared.values)
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
    functions = _list_functions(exports, sandbox)
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


def _prepare_call(sandbox: Sandbox, exports: dict[str, ComponentExtern], name: str) -> _Call:
    """Find the export and read the arguments by its types."""
    inside, function = _find_function(sandbox, exports, name)
    described = _describe(name, function)
    result = function.result
    kinds = [*(each for _, each in function.params), *([result] if result is not None else [])]
    handle = find_handle(kinds)
    if handle is not None:
        raise CallFailure(
            f"{described} cannot be called from the command line: it needs {handle}",
            hint="Numbers, booleans, characters, strings and what is made of them can be passed and shown.",
        )
    texts = sandbox.request["args"]
    if len(texts) != len(function.params):
        raise CallFailure(f"{described} takes {len(function.params)} arguments, and {len(texts)} came")
    values = [parse_argument(text, each) for text, (_, each) in zip(texts, function.params, strict=True)]
    return _Call(inside, name.rpartition("#")[2] if inside else name, values)


def _find_function(
    sandbox: Sandbox, exports: dict[str, ComponentExtern], name: str
) -> tuple[str | None, component.FuncType]:
    """The exported instance that the function lies in, or None, and the function's type."""
    inside = None
    extern = exports.get(name)
    if extern is None and "#" in name:
        wanted, _, inner = name.rpartition("#")
        # An interface may be named without its version.
        inside = next((each for each in exports if wanted in {each, each.partition("@")[0]}), None)
        instance = exports[inside].ty if inside is not None else None
        if isinstance(instance, component.ComponentInstanceType):
            extern = instance.exports(sandbox.engine).get(inner)
    if extern is None:
        raise _missing(sandbox, exports, name)
    kind = extern.ty
    if isinstance(kind, component.FuncType):
        return inside, kind
    listed = _list_functions({name: extern}, sandbox)
    raise CallFailure(f"The export {name!r} is not a function", hint=f"It holds {listed}." if listed else "")


def _missing(sandbox: Sandbox, exports: dict[str, ComponentExtern], name: str) -> NotFoundFailure:
    import difflib  # noqa: PLC0415 - only this mistake needs it

    names = [each for each, _ in _iterate_functions(exports, sandbox)]
    near = [each for each in names if each.rpartition("#")[2] == name]
    near = near or difflib.get_close_matches(name, names, n=3)
    functions = _list_functions(exports, sandbox)
    return NotFoundFailure(
        f"{sandbox.request['module']} has no export {name!r}",
        hint=(f"Did you mean {' or '.join(near)}? " if near else "")
        + (f"It exports {functions}." if functions else "It exports no function."),
    )


def _call(store: Store, function: component.Func, values: list[Any]) -> list[str]:
    result_type = function.type(store).result
    returned = function(store, *values)
    return [] if result_type is None else [format_result(returned, result_type)]


def _describe(name: str, kind: component.FuncType) -> str:
    """``greet(name: string) -> string``."""
    params = ", ".join(f"{param}: {describe_type(each)}" for param, each in kind.params)
    result = kind.result
    return f"{name}({params})" + (f" -> {describe_type(result)}" if result is not None else "")


def _iterate_functions(
    exports: dict[str, ComponentExtern], sandbox: Sandbox
) -> Iterator[tuple[str, component.FuncType]]:
    """Every exported function; those of an instance as ``INSTANCE#NAME``."""
    for name, export in exports.items():
        kind = export.ty
        if isinstance(kind, component.FuncType):
            yield name, kind
        elif isinstance(kind, component.ComponentInstanceType):
            for inner, extern in kind.exports(sandbox.engine).items():
                function = extern.ty
                if isinstance(function, component.FuncType):
                    yield f"{name}#{inner}", function


def _list_functions(exports: dict[str, ComponentExtern], sandbox: Sandbox) -> str:
    described = [_describe(name, kind) for name, kind in _iterate_functions(exports, sandbox)]
    more = len(described) - _LISTED_FUNCTIONS
    return ", ".join(described[:_LISTED_FUNCTIONS]) + (f" and {more} more" if more > 0 else "")
