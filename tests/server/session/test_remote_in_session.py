"""The remote cache of a session: one for all its builds, and its credentials are the builds' own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.build.cache.hostile_server import Request, Wire, hostile_server
from tests.conftest import copy_project, require_tool
from wasmrun_py.config.settings import Overrides

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server.session.conftest import Bench

pytestmark = pytest.mark.timeout(120)
SECRET = "nobody-else-s-token"  # noqa: S105 - a made-up one


def hang(_request: Request, wire: Wire) -> bool:
    """Say nothing."""
    wire.hang()
    return True


def test_a_dead_server_is_waited_for_once(
    bench: Bench, quick_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first build gives it its time and says so; the next ones do not ask it at all."""
    main = quick_project / "main.quick"

    async def scenario() -> None:
        with hostile_server() as server:
            server.misdeed = hang
            monkeypatch.setenv("WASMRUN_REMOTE_CACHE", server.address)
            monkeypatch.setenv("WASMRUN_REMOTE_CACHE_TIMEOUT", "1")
            async with bench.serving(quick_project) as running:
                asked = len(server.requests)
                assert asked
                for number in range(1, 4):
                    main.write_text(f"save {number}", encoding="utf-8")
                    await running.until(lambda number=number: running.reloads == number)  # type: ignore[misc]
                assert len(server.requests) == asked
                assert [record.cache for record in running.ended] == ["miss"] * 4
                said = [text for text in running.messages if "is too slow" in text]
                assert len(said) == 1

    asyncio.run(scenario())


def test_credentials_reach_the_server_and_no_toolchain(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Makefile that writes down its environment sees where the cache is, and not the token."""
    require_tool("clang")
    project = copy_project("c-makefile", tmp_path)
    makefile = project / "Makefile"
    spy = f"$(shell env > {tmp_path}/seen.txt)\n"
    makefile.write_text(spy + makefile.read_text(encoding="utf-8"), encoding="utf-8")

    async def scenario() -> None:
        with hostile_server() as server:
            monkeypatch.setenv("WASMRUN_REMOTE_CACHE", server.address)
            monkeypatch.setenv("WASMRUN_REMOTE_CACHE_TOKEN", SECRET)
            async with bench.serving(project, overrides=Overrides(toolchain="clang")):
                assert server.authorizations
                assert all(SECRET in each for each in server.authorizations)

    asyncio.run(scenario())
    seen = (tmp_path / "seen.txt").read_text(encoding="utf-8")
    assert "WASMRUN_REMOTE_CACHE=" in seen
    assert SECRET not in seen
