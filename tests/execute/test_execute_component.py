"""Components: ``wasi:cli/run``, and calls of exported functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wasmrun_py.execute.request import Limits, RunOutcome, RunRequest
from wasmrun_py.model.errors import CallError, GuestLimitError, NotFoundError, NotRunnableError, TrapError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Execute = Callable[[RunRequest], tuple[RunOutcome, str]]
    Wat = Callable[[str], Path]


def _command(body: str, *, core: str = "", version: str = "0.2.3") -> str:
    """A component whose ``wasi:cli/run`` is ``body``, of a core function that returns an i32."""
    return f"""(component
      (core module $m {core}
        (func $helper (export "helper"))
        (func $run (export "run") (result i32) {body}))
      (core instance $i (instantiate $m))
      (func $run (result (result)) (canon lift (core func $i "run")))
      (component $shim (import "f" (func $f (result (result)))) (export "run" (func $f)))
      (instance $r (instantiate $shim (with "f" (func $run))))
      (export "wasi:cli/run@{version}" (instance $r)))"""


_WITH_WASI = """(component
  (import "wasi:cli/exit@0.2.0" (instance $exit (export "exit" (func (param "status" (result))))))
  (import "wasi:cli/environment@0.2.0" (instance $environment
    (export "get-arguments" (func (result (list string))))
    (export "get-environment" (func (result (list (tuple string string)))))))
  (core module $libc
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (global.get $next)
      (global.set $next
        (i32.and (i32.add (i32.add (global.get $next) (local.get 3)) (i32.const 7)) (i32.const -8)))))
  (core instance $libc (instantiate $libc))
  (alias core export $libc "memory" (core memory $memory))
  (alias core export $libc "realloc" (core func $realloc))
  (core func $exit (canon lower (func $exit "exit")))
  (core func $args (canon lower (func $environment "get-arguments")
    (memory $memory) (realloc $realloc)))
  (core func $env (canon lower (func $environment "get-environment")
    (memory $memory) (realloc $realloc)))
  (core module $m
    (import "wasi" "exit" (func $exit (param i32)))
    (import "wasi" "args" (func $args (param i32)))
    (import "wasi" "env" (func $env (param i32)))
    (import "libc" "memory" (memory 1))
    (func (export "run") (result i32)
      (call $args (i32.const 0))
      (call $env (i32.const 8))
      (if (i32.ne (i32.load (i32.const 4)) (i32.const 3)) (then unreachable))
      (if (i32.ne (i32.load (i32.const 12)) (i32.const 1)) (then unreachable))
      (call $exit (i32.const 1))
      (i32.const 0)))
  (core instance $i (instantiate $m
    (with "wasi" (instance
      (export "exit" (func $exit)) (export "args" (func $args)) (export "env" (func $env))))
    (with "libc" (instance $libc))))
  (func $run (result (result)) (canon lift (core func $i "run")))
  (component $shim (import "f" (func $f (result (result)))) (export "run" (func $f)))
  (instance $r (instantiate $shim (with "f" (func $run))))
  (export "wasi:cli/run@0.2.0" (instance $r)))"""

_LIBRARY = """(component
  (core module $m
    (memory (export "memory") 1)
    (data (i32.const 16) "\\20\\00\\00\\00\\03\\00\\00\\00") (data (i32.const 32) "a\\c3\\a9")
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (func (export "add") (param i32 i32) (result i32)
      (i32.and (i32.add (local.get 0) (local.get 1)) (i32.const 255)))
    (func (export "not") (param i32) (result i32) (i32.eqz (local.get 0)))
    (func (export "half") (param f32) (result f32) (f32.mul (local.get 0) (f32.const 0.5)))
    (func (export "same") (param i64) (result i64) (local.get 0))
    (func (export "char") (param i32) (result i32) (local.get 0))
    (func (export "length") (param i32 i32) (result i32) (local.get 1))
    (func (export "text") (result i32) (i32.const 16))
    (func (export "list") (param i32 i32))
    (func (export "nothing")))
  (core instance $i (instantiate $m))
  (alias core export $i "memory" (core memory $memory))
  (alias core export $i "realloc" (core func $realloc))
  (func (export "add") (param "a" u8) (param "b" u8) (result u8) (canon lift (core func $i "add")))
  (func (export "not") (param "a" bool) (result bool) (canon lift (core func $i "not")))
  (func (export "half") (param "a" f32) (result f32) (canon lift (core func $i "half")))
  (func (export "same") (param "a" u64) (result u64) (canon lift (core func $i "same")))
  (func (export "char") (param "a" char) (result char) (canon lift (core func $i "char")))
  (func (export "length") (param "a" string) (result u32)
    (canon lift (core func $i "length") (memory $memory) (realloc $realloc)))
  (func (export "text") (result string) (canon lift (core func $i "text") (memory $memory)))
  (func (export "sum") (param "a" (list u8))
    (canon lift (core func $i "list") (memory $memory) (realloc $realloc)))
  (func (export "nothing") (canon lift (core func $i "nothing")))
  (core module $inner) (export "inner" (core module $inner)))"""


@pytest.mark.parametrize(("returned", "exit_code"), [(0, 0), (1, 1)])
@pytest.mark.parametrize("version", ["0.2.0", "0.2.3"])
def test_a_commands_result_is_its_exit_code(
    wat: Wat, execute: Execute, returned: int, exit_code: int, version: str
) -> None:
    """``ok`` is 0 and ``err`` is 1, whichever 0.2 version it was built for."""
    module = wat(_command(f"(i32.const {returned})", version=version))
    assert execute(RunRequest(module=module))[0].exit_code == exit_code


def test_arguments_environment_and_exit_work_through_wasi_0_2(wat: Wat, execute: Execute) -> None:
    """The component sees its name and two arguments, one variable, and exits with failure."""
    request = RunRequest(module=wat(_WITH_WASI), args=("a", "b"), env=(("K", "V"),))
    assert execute(request)[0].exit_code == 1


def test_a_trap_in_a_component_has_a_backtrace(wat: Wat, execute: Execute) -> None:
    """Frames name the inner core module."""
    with pytest.raises(TrapError, match="unreachable") as caught:
        execute(RunRequest(module=wat(_command("unreachable"))))
    assert caught.value.backtrace[0].endswith("m!run")


def test_limits_hold_for_components(wat: Wat, execute: Execute) -> None:
    """Time, memory and fuel end a component like a module."""
    spin = "(loop $l (br $l)) (i32.const 0)"
    with pytest.raises(GuestLimitError, match="timed out"):
        execute(RunRequest(module=wat(_command(spin)), limits=Limits(timeout_s=0.5)))
    with pytest.raises(GuestLimitError, match="fuel"):
        execute(RunRequest(module=wat(_command(spin)), limits=Limits(fuel=1000)))
    grow = "(drop (memory.grow (i32.const 100))) (call $helper) (i32.const 0)"
    with pytest.raises(GuestLimitError, match="memory"):
        execute(
            RunRequest(module=wat(_command(grow, core="(memory 1)")), limits=Limits(max_memory_bytes=100_000))
        )
    with pytest.raises(GuestLimitError, match="memory"):
        execute(
            RunRequest(module=wat(_command(grow, core="(memory 9)")), limits=Limits(max_memory_bytes=100_000))
        )


def test_a_component_is_cached(wat: Wat, execute: Execute, tmp_path: Path) -> None:
    """Its compiled form is stored, and used again."""
    request = RunRequest(module=wat(_command("(i32.const 1)")), cache_dir=tmp_path / "cache")
    assert [execute(request)[0].exit_code for _ in range(2)] == [1, 1]
    assert len(list((tmp_path / "cache").glob("*.cwasm"))) == 1


@pytest.mark.parametrize(
    ("name", "args", "results"),
    [
        ("add", ("250", "7"), ("1",)),
        ("not", ("true",), ("false",)),
        ("half", ("0.2",), ("0.1",)),
        ("same", ("18446744073709551615",), ("18446744073709551615",)),
        ("char", ("€",), ("€",)),
        ("length", ("aé",), ("3",)),
        ("text", (), ("aé",)),
        ("nothing", (), ()),
    ],
)
def test_a_function_of_simple_types_is_called(
    wat: Wat, execute: Execute, name: str, args: tuple[str, ...], results: tuple[str, ...]
) -> None:
    """Booleans, numbers of every width, characters and strings go in and come out."""
    assert execute(RunRequest(module=wat(_LIBRARY), call=name, args=args))[0].results == results


@pytest.mark.parametrize(
    ("name", "args", "message"),
    [
        ("add", ("1",), r"add\(a: u8, b: u8\) -> u8 takes 2 arguments, and 1 came"),
        ("add", ("256", "0"), "256 does not fit u8"),
        ("add", ("-1", "0"), "-1 does not fit u8"),
        ("not", ("yes",), "neither true nor false"),
        ("char", ("ab",), "not one character"),
        ("sum", ("1",), "1 does not fit list<u8>"),
        ("inner", (), "'inner' is not a function"),
    ],
)
def test_a_call_that_does_not_fit_a_component_says_why(
    wat: Wat, execute: Execute, name: str, args: tuple[str, ...], message: str
) -> None:
    """Count, range, spelling, and types a command line cannot carry: exit code 125."""
    with pytest.raises(CallError, match=message):
        execute(RunRequest(module=wat(_LIBRARY), call=name, args=args))


def test_an_unknown_export_of_a_component_names_near_ones(wat: Wat, execute: Execute) -> None:
    """As with a core module."""
    with pytest.raises(NotFoundError, match="no export 'haf'") as caught:
        execute(RunRequest(module=wat(_LIBRARY), call="haf"))
    assert "Did you mean half?" in caught.value.hint
    assert "half(a: f32) -> f32" in caught.value.hint


def test_a_library_component_is_not_runnable(wat: Wat, execute: Execute) -> None:
    """Without ``wasi:cli/run`` there is nothing to run, and the exports are listed."""
    with pytest.raises(NotRunnableError, match="does not export wasi:cli/run") as caught:
        execute(RunRequest(module=wat(_LIBRARY)))
    assert "text() -> string" in caught.value.hint


def test_a_missing_import_of_a_component_is_named(wat: Wat, execute: Execute) -> None:
    """An interface that nobody provides is named in the message."""
    text = _command("(i32.const 0)").replace(
        "(component\n", '(component\n (import "acme:thing/api" (instance (export "f" (func))))\n', 1
    )
    with pytest.raises(NotRunnableError, match="acme:thing/api"):
        execute(RunRequest(module=wat(text)))


# A list is a pointer and a length whatever it holds: the same core function gives any list back.
_ECHO = """(component
  (import "wasi:io/poll@0.2.0" (instance $poll (export "pollable" (type (sub resource)))))
  (alias export $poll "pollable" (type $pollable))
  (core module $m
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (global.set $next (i32.and (i32.add (global.get $next) (i32.const 15)) (i32.const -16)))
      (global.get $next)
      (global.set $next (i32.add (global.get $next) (local.get 3))))
    (func (export "echo") (param i32 i32) (result i32)
      (i32.store (i32.const 0) (local.get 0)) (i32.store (i32.const 4) (local.get 1)) (i32.const 0))
    (func (export "swap") (param i32 i32) (result i32)
      (i32.store (i32.const 0) (local.get 1)) (i32.store (i32.const 4) (local.get 0)) (i32.const 0))
    (func (export "same") (param i32) (result i32) (local.get 0))
    (func (export "drop") (param i32)))
  (core instance $i (instantiate $m))
  (alias core export $i "memory" (core memory $memory))
  (alias core export $i "realloc" (core func $realloc))
  (type $item' ITEM)
  (export $item "item" (type $item'))
  (func (export "echo") (param "items" (list $item)) (result (list $item))
    (canon lift (core func $i "echo") (memory $memory) (realloc $realloc)))
  (type $point' (record (field "x-axis" u32) (field "y" s32)))
  (export $point "point" (type $point'))
  (func $swap (param "at" $point) (result (tuple s32 u32))
    (canon lift (core func $i "swap") (memory $memory) (realloc $realloc)))
  (export "swap" (func $swap))
  (type $colour' (enum "red" "light-blue"))
  (export $colour "colour" (type $colour'))
  (func (export "paint") (param "with" $colour) (result $colour) (canon lift (core func $i "same")))
  (func (export "maybe") (param "a" (tuple (result))) (result (result)) (canon lift (core func $i "same")))
  (func (export "wait") (param "on" (own $pollable)) (canon lift (core func $i "drop")))
  (instance $tools (export "doubled" (func $swap)))
  (instance $inner (export "swap" (func $swap)) (export "point" (type $point)))
  (export "acme:maths/turn@1.2.3" (instance $inner)))"""


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ("u8", "[0, 255]"),
        ("s64", "[-9223372036854775808, 9223372036854775807]"),
        ("bool", "[true, false]"),
        ("f64", '[0.1, -2.0, "inf", "nan"]'),
        ("f32", "[0.5]"),
        ("char", '["a", "€", "😀"]'),
        ("string", '["", "aé\\n\\"", "😀"]'),
        ("(list (list u16))", "[[], [[1, 2], []], [[65535]]]"),
        ("(tuple string bool)", '[["a", true], ["b", false]]'),
        (
            '(record (field "a-b" u8) (field "c" (option string)))',
            '[{"a-b": 1, "c": null}, {"a-b": 2, "c": "x"}]',
        ),
        ("(option (option u8))", "[null, 1]"),
        ('(enum "red" "light-blue")', '["light-blue", "red"]'),
        ('(flags "read" "write" "run")', '[[], ["read", "run"]]'),
        ("(result u8 (error u8))", '[{"ok": 1}, {"err": 2}]'),
        ("(result u8 (error string))", '[{"ok": 1}, {"err": "bad"}]'),
        ("(result)", '["ok", "err"]'),
        ("(result (error string))", '["ok", {"err": "bad"}]'),
        (
            '(variant (case "none") (case "one" u32) (case "two" u32) (case "text" string))',
            '["none", {"one": 1}, {"two": 1}, {"text": "x"}]',
        ),
    ],
)  # fmt: skip
def test_values_of_every_type_go_in_and_come_out(wat: Wat, execute: Execute, item: str, text: str) -> None:
    """What is made of parts is JSON in both directions, and comes back as it went in."""
    request = RunRequest(module=wat(_ECHO.replace("ITEM", item)), call="echo", args=(text,))
    assert execute(request)[0].results == (text,)


@pytest.mark.parametrize(
    ("name", "args", "results"),
    [
        ("swap", ('{"y": -1, "x-axis": 7}',), ("[-1, 7]",)),
        ("acme:maths/turn@1.2.3#swap", ('{"x-axis": 1, "y": 2}',), ("[2, 1]",)),
        ("acme:maths/turn#swap", ('{"x-axis": 1, "y": 2}',), ("[2, 1]",)),
        ("paint", ("light-blue",), ("light-blue",)),
        ("maybe", ('["err"]',), ("err",)),
    ],
)
def test_functions_of_compound_types_are_called(
    wat: Wat, execute: Execute, name: str, args: tuple[str, ...], results: tuple[str, ...]
) -> None:
    """Records, tuples and enums, at the top and inside an exported instance, with or without its version."""
    module = wat(_ECHO.replace("ITEM", "u8"))
    assert execute(RunRequest(module=module, call=name, args=args))[0].results == results


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("echo", "[1, 300]", r"300 does not fit u8 \(u8 is 0 to 255\)"),
        ("echo", "[true]", "true does not fit u8"),
        ("echo", "[1.5]", r"1\.5 does not fit u8"),
        ("echo", "1, 2", "'1, 2' is not JSON, and list<u8> is wanted"),
        ("echo", "[" * 100_000, "is not JSON"),
        ("echo", '{"a": 1}', r'\{"a": 1\} does not fit list<u8>'),
        ("swap", '{"x-axis": 1}', r"does not fit record \{ x-axis: u32, y: s32 \}"),
        ("swap", '{"x-axis": 1, "y": 2, "z": 3}', "does not fit record"),
        ("paint", "green", r'"green" does not fit enum \{ red, light-blue \}'),
        ("maybe", '[{"ok": 1}]', "does not fit result"),
        ("wait", "1", r"wait\(on: own<resource>\) cannot be called .* it needs own<resource>"),
        ("acme:maths/turn@1.2.3", "1", "is not a function"),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_its_type(
    wat: Wat, execute: Execute, name: str, text: str, message: str
) -> None:
    """The value and the type are in the message, as is what no command line can carry."""
    with pytest.raises(CallError, match=message):
        execute(RunRequest(module=wat(_ECHO.replace("ITEM", "u8")), call=name, args=(text,)))


def test_a_function_inside_an_instance_is_found_by_its_name(wat: Wat, execute: Execute) -> None:
    """Who asks for the function alone is told its whole name."""
    text = _ECHO.replace("ITEM", "u8").replace('(export "swap" (func $swap))\n', "\n", 1)
    with pytest.raises(NotFoundError, match="no export 'swap'") as caught:
        execute(RunRequest(module=wat(text), call="swap", args=("1",)))
    assert "Did you mean acme:maths/turn@1.2.3#swap?" in caught.value.hint
