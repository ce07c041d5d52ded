"""Outputs of a build, and a server for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.server.recorded import RecordedSession
from tests.server.running import Running, running
from wasmrun_py.server.dev_state import Program, ProgramKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE = Program(kind=ProgramKind.PAGE, module="/app.wasm", page="/")


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    """What a build might leave, with a secret beside it."""
    (tmp_path / "secret.txt").write_text("SECRET")
    folder = tmp_path / "dist"
    (folder / "sub").mkdir(parents=True)
    (folder / "app.wasm").write_bytes(b"\0asm\x01\0\0\0" + bytes(range(256)) * 40)
    (folder / "app.js").write_text("export const answer = 42;\n" * 400)
    (folder / "style.css").write_text("body { color: red }\n")
    (folder / "notes.txt").write_text("short")
    (folder / "sub" / "page.html").write_text("<p>sub")
    (folder / "a b%.data").write_bytes(b"\x01\x02")
    return folder


@pytest.fixture
def server(outputs: Path) -> Iterator[Running]:
    """A server of a program without a page."""
    with running(RecordedSession(outputs)) as started:
        yield started


@pytest.fixture
def page_server(outputs: Path) -> Iterator[Running]:
    """A server of a program with a page of its own."""
    (outputs / "index.html").write_text("<!doctype html><html><head><title>mine</title></head><body>hello")
    with running(RecordedSession(outputs, program=PAGE)) as started:
        yield started
