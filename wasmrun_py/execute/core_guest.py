"""Run a core module: a WASI preview 1 command, or one of its exports by name.

Runs in the child only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wasmtime import ExitTrap, Func, FuncType, Instance, Linker, Module, Trap, ValType, WasmtimeError

from wasmrun_py.execute.failure import CallFailure, Failure, NotFoundFailure, NotRunnableFailure, TrapFailure
from wasmrun_py.execute.host_imports import GuestAbortError, define_known_imports, foreign_imports_hint
from wasmrun_py.execute.values import format_value, parse_value

if TYPE_CHECKING:
    from wasmtime import Store

    from wasmrun_py.execute.module_shape import ModuleShape, Signature
    from wasmrun_py.execute.sandbox import Sandbox

_WASI = "wasi_snapshot_preview1"
_EXIT_MASK = 0xFF
_EXPORTS_SHOWN = 20


class _GuestExit(Exception):  # noqa: N818 - an exit, not an error
    """``proc_exit`` was called."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


def run_core(sandbox: Sandbox, data: bytes) -> tuple[int, list[str]]:
    """Run the module in ``data`` to its end.

    Returns:
        The guest's exit code and the printed results of ``--call``.

    Raises:
        Failure: Whatever kept it from ending by itself.
    """
    module = sandbox.compile(Module, data)
    call = sandbox.request["call"]
    # Before anything of the guest runs: a wrong call must have no effect.
    prepared = None if call is None else _prepare_call(sandbox, _load_shape(data), call)
    store = sandbox.open_store()
    try:
        instance = _instantiate(sandbox, store, module, data)
        if prepared is None or call is None:
            _run_command(sandbox, store, instance, data)
            return 0, []
        values, signature = prepared
        return 0, _call(store, instance, call, values, signature)
    except (_GuestExit, ExitTrap) as ended:
        return _exit_code(ended), []
    except GuestAbortError as abort:
        raise TrapFailure(f"The guest aborted: {abort}") from abort
    except (Trap, WasmtimeError) as error:
        raise sandbox.explain(error) from error


def _load_shape(data: bytes) -> ModuleShape:
    """The types of imports and exports, which a program that just runs never needs."""
    from wasmrun_py.execute.module_shape import parse_shape  # noqa: PLC0415 - 10 ms of imports

    return parse_shape(data)


def _instantiate(sandbox: Sandbox, store: Store, module: Module, data: bytes) -> Instance:
    linker = Linker(sandbox.engine)
    linker.define_wasi()
    linker.allow_shadowing = True
    # wasmtime's own refuses exit codes from 126 on, which are as good as any.
    linker.define_func(_WASI, "proc_exit", FuncType([ValType.i32()], []), _proc_exit)
    try:
        return linker.instantiate(store, module)
    except WasmtimeError as error:
        if isinstance(error, ExitTrap) or "unknown import" not in str(error):
            raise
    shape = _load_shape(data)
    define_known_imports(linker, store, shape)
    missing = [item for item in shape.imports if not _is_defined(linker, store, item.module, item.name)]
    if missing:
        listed = ", ".join(item.describe() for item in missing[:_EXPORTS_SHOWN])
        more = f" and {len(missing) - _EXPORTS_SHOWN} more" if len(missing) > _EXPORTS_SHOWN else ""
        raise NotRunnableFailure(
            f"{sandbox.request['module']} needs imports that nobody provides here: {listed}{more}",
            hint=foreign_imports_hint(missing),
        )
    return linker.instantiate(store, module)


def _is_defined(linker: Linker, store: Store, module: str, name: str) -> bool:
    try:
        linker.get(store, module, name)
    except WasmtimeError:
        return False
    return True


def _proc_exit(status: int) -> None:
    raise _GuestExit(status & _EXIT_MASK)


def _exit_code(ended: _GuestExit | ExitTrap) -> int:
    return ended.exit_code if isinstance(ended, _GuestExit) else ended.code & _EXIT_MASK


def _run_command(sandbox: Sandbox, store: Store, instance: Instance, data: bytes) -> None:
    start = instance.exports(store).get("_start")
    if isinstance(start, Func):
        start(store)
        return
    shape = _load_shape(data)
    if shape.has_start:
        # Instantiating it was all there is to run.
        return
    callable_exports = _list_functions(shape)
    hint = f"Call one of its exports with --call NAME: {callable_exports}." if callable_exports else ""
    raise NotRunnableFailure(
        f"{sandbox.request['module']} has no _start function: it is a library, not a program",
        hint=hint or "It exports no function either.",
    )


def _prepare_call(sandbox: Sandbox, shape: ModuleShape, name: str) -> tuple[list[int | float], Signature]:
    """Check the export and read the arguments by its types."""
    item = shape.find_export(name)
    if item is None:
        raise _no_such_export(sandbox, shape, name)
    if item.kind != "function":
        raise CallFailure(f"The export {name!r} is a {item.kind}, not a function")
    signature = item.find_signature()
    if signature is None:
        raise CallFailure(
            f"{item.describe()} cannot be called from the command line",
            hint="Only numbers (i32, i64, f32 and f64) can be passed and shown.",
        )
    return _parse_arguments(sandbox.request["args"], signature, item.describe()), signature


def _parse_arguments(texts: list[str], signature: Signature, described: str) -> list[int | float]:
    if len(texts) != len(signature.params):
        wanted = len(signature.params)
        raise CallFailure(
            f"{described} takes {wanted} argument{'' if wanted == 1 else 's'}, and {len(texts)} came"
        )
    values: list[int | float] = []
    for number, (text, type_name) in enumerate(zip(texts, signature.params, strict=True), start=1):
        try:
            values.append(parse_value(text, type_name))
        except CallFailure as error:
            raise CallFailure(f"Argument {number} of {described}: {error.message}") from error
    return values


def _call(
    store: Store, instance: Instance, name: str, values: list[int | float], signature: Signature
) -> list[str]:
    exports = instance.exports(store)
    initialize = exports.get("_initialize")
    # A reactor's constructors run first, once (WASI application ABI).
    if isinstance(initialize, Func) and name != "_initialize":
        initialize(store)
    function: Any = exports[name]
    returned = function(store, *values)
    if not signature.results:
        return []
    numbers = [returned] if len(signature.results) == 1 else returned
    return [format_value(number, kind) for number, kind in zip(numbers, signature.results, strict=True)]


def _no_such_export(sandbox: Sandbox, shape: ModuleShape, name: str) -> Failure:
    import difflib  # noqa: PLC0415 - only this mistake needs it

    near = difflib.get_close_matches(name, [item.name for item in shape.functions], n=3)
    guess = f"Did you mean {' or '.join(near)}? " if near else ""
    listed = _list_functions(shape)
    return NotFoundFailure(
        f"{sandbox.request['module']} has no export {name!r}",
        hint=guess + (f"It exports {listed}." if listed else "It exports no function."),
    )


def _list_functions(shape: ModuleShape) -> str:
    functions = shape.functions
    listed = ", ".join(item.describe() for item in functions[:_EXPORTS_SHOWN])
    return listed + (
        f" and {len(functions) - _EXPORTS_SHOWN} more" if len(functions) > _EXPORTS_SHOWN else ""
    )
