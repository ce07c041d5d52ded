"""Time, memory and fuel."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from wasmrun_py.execute.request import Limits, RunOutcome, RunRequest
from wasmrun_py.model.errors import GuestLimitError, TrapError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Execute = Callable[[RunRequest], tuple[RunOutcome, str]]
    Wat = Callable[[str], Path]

_PAGE_BYTES = 65536
_ONE_SECOND = Limits(timeout_s=1)


@pytest.fixture
def blocked_stdin() -> Iterator[None]:
    """Our own stdin is a pipe into which nobody writes."""
    saved = os.dup(0)
    reader, writer = os.pipe()
    os.dup2(reader, 0)
    yield
    os.dup2(saved, 0)
    for descriptor in (saved, reader, writer):
        os.close(descriptor)


def _expect_timeout(execute: Execute, request: RunRequest) -> GuestLimitError:
    started_s = time.monotonic()
    with pytest.raises(GuestLimitError, match="timed out after 1 s") as caught:
        execute(request)
    assert 0.9 < time.monotonic() - started_s < 2.5
    assert caught.value.exit_code == 124
    return caught.value


def test_an_endless_loop_ends_at_its_timeout(wat: Wat, execute: Execute) -> None:
    """It is interrupted within the bound, and the message says where it was."""
    text = '(module (func $spin (loop $l (br $l))) (func (export "_start") (call $spin)))'
    error = _expect_timeout(execute, RunRequest(module=wat(text), limits=_ONE_SECOND))
    assert "spin" in error.hint


def test_an_endless_start_function_ends_at_its_timeout(wat: Wat, execute: Execute) -> None:
    """Instantiation is within the limit too."""
    text = '(module (func $spin (loop $l (br $l))) (start $spin) (func (export "f")))'
    _expect_timeout(execute, RunRequest(module=wat(text), call="f", limits=_ONE_SECOND))


def test_a_sleeping_guest_ends_at_its_timeout(compile_c: Callable[..., Path], execute: Execute) -> None:
    """A guest inside a call of the host does not notice an interruption, and ends all the same."""
    module = compile_c("#include <unistd.h>\nint main(void) { sleep(60); return 0; }")
    _expect_timeout(execute, RunRequest(module=module, limits=_ONE_SECOND))


@pytest.mark.usefixtures("blocked_stdin")
def test_a_guest_that_waits_for_input_ends_at_its_timeout(
    compile_c: Callable[..., Path], execute: Execute
) -> None:
    """Nothing ever comes from stdin, and the timeout holds."""
    module = compile_c("#include <stdio.h>\nint main(void) { return getchar(); }")
    _expect_timeout(execute, RunRequest(module=module, limits=_ONE_SECOND))


def test_a_guest_within_its_limits_is_not_disturbed(compile_c: Callable[..., Path], execute: Execute) -> None:
    """All limits together let an ordinary program through."""
    module = compile_c('#include <stdio.h>\nint main(void) { puts("fine"); return 3; }')
    limits = Limits(timeout_s=30, max_memory_bytes=2**30, fuel=10**9)
    outcome, stdout = execute(RunRequest(module=module, limits=limits))
    assert (outcome.exit_code, stdout) == (3, "fine\n")


@pytest.mark.parametrize("export", ['(export "memory")', ""])
def test_growing_beyond_the_limit_is_stopped(wat: Wat, execute: Execute, export: str) -> None:
    """An exported and an unexported memory alike, although the guest would have shrugged off the -1."""
    text = f"""(module (memory {export} 1)
      (func $grow (result i32) (memory.grow (i32.const 100)))
      (func (export "_start") (drop (call $grow)) (call $after))
      (func $after))"""
    with pytest.raises(GuestLimitError) as caught:
        execute(RunRequest(module=wat(text), limits=Limits(max_memory_bytes=50 * _PAGE_BYTES)))
    assert f"asked for {101 * _PAGE_BYTES} bytes of memory, and its limit is {50 * _PAGE_BYTES}" in str(
        caught.value
    )
    assert caught.value.exit_code == 124


def test_growing_up_to_the_limit_is_allowed(wat: Wat, execute: Execute) -> None:
    """The limit itself is within the limit, and the new bytes are zero and usable."""
    text = """(module (memory 1)
      (func (export "f") (result i32 i32)
        (memory.grow (i32.const 49))
        (i32.store (i32.const 3276796) (i32.const 7))
        (i32.add (i32.load (i32.const 3276796)) (i32.load (i32.const 3276780)))))"""
    request = RunRequest(module=wat(text), call="f", limits=Limits(max_memory_bytes=50 * _PAGE_BYTES))
    assert execute(request)[0].results == ("1", "7")


def test_refused_growth_counts_even_when_the_guest_ends_well(wat: Wat, execute: Execute) -> None:
    """A growth in the very last instruction, after which nothing checks any more, is still 124."""
    text = '(module (memory 1) (func (export "f") (result i32) (memory.grow (i32.const 100))))'
    with pytest.raises(GuestLimitError):
        execute(RunRequest(module=wat(text), call="f", limits=Limits(max_memory_bytes=_PAGE_BYTES)))


def test_the_modules_own_maximum_is_no_limit_of_ours(wat: Wat, execute: Execute) -> None:
    """Growth that the module forbids itself answers -1, as always."""
    text = '(module (memory 1 2) (func (export "f") (result i32) (memory.grow (i32.const 100))))'
    request = RunRequest(module=wat(text), call="f", limits=Limits(max_memory_bytes=10 * _PAGE_BYTES))
    assert execute(request)[0].results == ("-1",)


def test_several_memories_are_counted_together(wat: Wat, execute: Execute) -> None:
    """Two memories of 6 pages do not fit a limit of 10."""
    text = '(module (memory 6) (memory 6) (func (export "_start")))'
    with pytest.raises(GuestLimitError):
        execute(RunRequest(module=wat(text), limits=Limits(max_memory_bytes=10 * _PAGE_BYTES)))
    request = RunRequest(module=wat(text), limits=Limits(max_memory_bytes=12 * _PAGE_BYTES))
    assert execute(request)[0].exit_code == 0


def test_a_minimum_beyond_the_limit_does_not_start(wat: Wat, execute: Execute) -> None:
    """A module that begins with too much is 124 as well."""
    text = '(module (memory 100) (func (export "_start")))'
    with pytest.raises(GuestLimitError, match="bytes of memory"):
        execute(RunRequest(module=wat(text), limits=Limits(max_memory_bytes=_PAGE_BYTES)))


def test_a_guest_that_handles_a_failed_malloc_is_stopped(
    compile_c: Callable[..., Path], execute: Execute
) -> None:
    """Even a program that would go on with less, and say so, is ended."""
    module = compile_c(
        """#include <stdio.h>
        #include <stdlib.h>
        int main(void) {
          char *volatile p = malloc(100000000);
          if (!p) { puts("fine without"); return 0; }
          p[99999999] = 5;
          return p[99999999];
        }"""
    )
    with pytest.raises(GuestLimitError):
        execute(RunRequest(module=module, limits=Limits(max_memory_bytes=10_000_000)))
    request = RunRequest(module=module, limits=Limits(max_memory_bytes=200_000_000))
    assert execute(request)[0].exit_code == 5


@pytest.mark.parametrize("address", ["65536", "-4", "-1", "3000000"])
def test_out_of_bounds_under_a_memory_limit_is_an_ordinary_trap(
    wat: Wat, execute: Execute, address: str
) -> None:
    """The memories we provide fault like wasmtime's own: 134, not a crash."""
    text = f"""(module (memory 1) (data (i32.const 0) "x")
      (func $load (drop (i32.load (i32.const {address})))) (func (export "_start") (call $load)))"""
    with pytest.raises(TrapError, match="out of bounds memory access") as caught:
        execute(RunRequest(module=wat(text), limits=Limits(max_memory_bytes=50 * _PAGE_BYTES)))
    assert caught.value.backtrace[0].endswith("load")


def test_a_64_bit_memory_is_limited_too(wat: Wat, execute: Execute) -> None:
    """Memories that could outgrow 4 GiB take the same path."""
    text = '(module (memory i64 1) (func (export "f") (param i64) (result i64) (memory.grow (local.get 0))))'
    module, limits = wat(text), Limits(max_memory_bytes=50 * _PAGE_BYTES)
    assert execute(RunRequest(module=module, call="f", args=("49",), limits=limits))[0].results == ("1",)
    with pytest.raises(GuestLimitError):
        execute(RunRequest(module=module, call="f", args=("50",), limits=limits))


def test_fuel_runs_out(wat: Wat, execute: Execute) -> None:
    """An endless loop with fuel ends with 124, without a timeout."""
    text = '(module (func $spin (loop $l (br $l))) (func (export "_start") (call $spin)))'
    with pytest.raises(GuestLimitError, match=r"used up its fuel \(10000 units\)") as caught:
        execute(RunRequest(module=wat(text), limits=Limits(fuel=10_000)))
    assert "spin" in caught.value.hint
    assert caught.value.exit_code == 124


def test_fuel_that_suffices_changes_nothing(wat: Wat, execute: Execute) -> None:
    """The result comes as without fuel."""
    text = '(module (func (export "f") (result i32) (i32.const 5)))'
    assert execute(RunRequest(module=wat(text), call="f", limits=Limits(fuel=1000)))[0].results == ("5",)


def test_tables_cannot_grow_without_end(wat: Wat, execute: Execute) -> None:
    """A table beyond any use is refused inside the guest, without limits being asked for."""
    text = """(module (table $t 1 funcref) (func (export "f") (result i32)
      (table.grow $t (ref.null func) (i32.const 100000000))))"""
    assert execute(RunRequest(module=wat(text), call="f"))[0].results == ("-1",)
