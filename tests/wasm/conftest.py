"""Real modules to look at: assembled from text, and compiled by clang."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from wasmtime import wat2wasm

if TYPE_CHECKING:
    from pathlib import Path

C_PROGRAM = r"""
#include <stdio.h>
__attribute__((export_name("add"))) int add(int a, int b) { return a + b; }
int main(int argc, char **argv) { printf("%d\n", add(argc, 1)); return 0; }
"""

RICH_TEXT = """(module
  (type $pair (func (param i32 i32) (result i32 i64)))
  (import "env" "log" (func (param i32 i64)))
  (import "env" "table" (table 1 10 funcref))
  (import "env" "limit" (global i64))
  (import "env" "heap" (memory 2 10 shared))
  (func $add (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add)
  (func (export "pair") (type $pair) local.get 0 i64.const 7)
  (func $go)
  (table (export "slots") 3 externref)
  (memory $own (export "memory") 1)
  (memory i64 1 2)
  (tag $oops (export "oops") (param i32))
  (global (export "count") (mut i32) (i32.add (i32.const -70) (i32.const 1)))
  (global f64 (f64.const 1))
  (start $go)
  (data (memory $own) (i32.const 0) "hello")
  (elem declare func $add)
)"""

COMPONENT_TEXT = """(component
  (import "host" (func $host (param "a" string) (result u32)))
  (import "clock" (instance (export "now" (func (result u64)))))
  (import "thing" (type (sub resource)))
  (core module $m
    (import "x" "y" (func))
    (memory (export "mem") 1)
    (func (export "f") (param i32 i32) (result i32) i32.const 1 call 0)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable)
    (data (i32.const 0) "some bytes of data")
    (@producers (language "C" "99")))
  (core module $e (func (export "y")))
  (core instance $ie (instantiate $e))
  (core instance $i (instantiate $m (with "x" (instance $ie))))
  (alias core export $i "f" (core func $cf))
  (alias core export $i "mem" (core memory $mem))
  (alias core export $i "realloc" (core func $realloc))
  (func $f (param "s" string) (result u32)
    (canon lift (core func $cf) (memory $mem) (realloc $realloc)))
  (export "run" (func $f))
)"""


@pytest.fixture(scope="session")
def rich_module() -> bytes:
    """A module with one of nearly everything."""
    return bytes(wat2wasm(RICH_TEXT))


@pytest.fixture(scope="session")
def component() -> bytes:
    """A component around two core modules."""
    return bytes(wat2wasm(COMPONENT_TEXT))


@pytest.fixture(scope="session")
def clang() -> str:
    """The system's clang; only a CI machine must have one."""
    if shutil.which("clang") is None and not os.environ.get("CI"):
        pytest.skip("clang is not installed")
    return "clang"


@pytest.fixture(scope="session")
def clang_module(clang: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A WASI program as the system's clang makes it."""
    folder = tmp_path_factory.mktemp("clang")
    source = folder / "main.c"
    source.write_text(C_PROGRAM)
    output = folder / "main.wasm"
    subprocess.run(
        [clang, "--target=wasm32-wasi", "-O1", "-o", str(output), str(source)], check=True, timeout=120
    )
    return output
