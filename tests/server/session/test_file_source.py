"""Files that are served as they are: copies are kept for as long as a page may ask for them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from wasmtime import wat2wasm

from wasmrun_py.server.session.file_source import FileSource
from wasmrun_py.server.session.outcome import Failed, Made, Order, Outcome

if TYPE_CHECKING:
    from pathlib import Path


class _Deaf:
    def hear(self, event: object) -> None:
        """Nothing is said while files are collected."""


@pytest.fixture
def module(tmp_path: Path) -> Path:
    return tmp_path / "user" / "app.wasm"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


def write(module: Path, number: int) -> None:
    module.parent.mkdir(exist_ok=True)
    module.write_bytes(bytes(wat2wasm(f'(module (func (export "f") (result i32) i32.const {number}))')))


def collect(source: FileSource) -> Outcome:
    order = Order(number=1, folder=source.path.parent / "unused")
    return asyncio.run(source.build(order, _Deaf()))


def test_only_the_last_two_generations_are_kept(module: Path, store: Path) -> None:
    """A module that is rebuilt all day does not fill the disk with copies of itself."""
    source = FileSource(module, store)
    kept = []
    for number in range(6):
        write(module, number)
        outcome = collect(source)
        assert isinstance(outcome, Made)
        kept.append(outcome.files["/app.wasm"].path)
    assert set(store.iterdir()) == set(kept[-2:])


def test_a_copy_that_comes_back_is_made_again(module: Path, store: Path) -> None:
    """What was forgotten and is there again is served again."""
    source = FileSource(module, store)
    for number in (1, 2, 3, 1):
        write(module, number)
        outcome = collect(source)
        assert isinstance(outcome, Made)
        assert outcome.files["/app.wasm"].path.read_bytes() == module.read_bytes()


def test_a_broken_module_is_named_as_the_user_knows_it_and_not_kept(module: Path, store: Path) -> None:
    """The message names the user's file, the copy is gone, and what was served is still there."""
    source = FileSource(module, store)
    write(module, 1)
    before = collect(source)
    assert isinstance(before, Made)
    module.write_bytes(module.read_bytes()[:-4])
    for _ in range(2):
        outcome = collect(source)
        assert isinstance(outcome, Failed)
        assert outcome.message.startswith(f"{module} is not valid WebAssembly")
    assert list(store.iterdir()) == [before.files["/app.wasm"].path]
