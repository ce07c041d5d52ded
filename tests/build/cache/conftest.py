"""Builds that ask a remote cache, and let go of it when the test is over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.build.cache.remote_material import Asked, Asker
from wasmrun_py.build.cache.remote.of_build import RemoteOfBuild
from wasmrun_py.build.cache.remote.store import RemoteCache
from wasmrun_py.build.cache.remote.trust import Surroundings
from wasmrun_py.config.remote_cache import RemoteCacheSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[Asker]:
    """Ask the cache at an address, as another process would: nothing is shared with other builds."""
    opened: list[RemoteCache] = []

    def start(address: str, *, timeout_s: float = 20, **settings: Any) -> Asked:
        cache = RemoteCache(RemoteCacheSettings(address=address, timeout_s=timeout_s, **settings))
        opened.append(cache)
        told: list[str] = []
        noted: list[str] = []
        around = Surroundings(own=(tmp_path / "project",), user_home=tmp_path / "home", environ={})
        remote = RemoteOfBuild(cache.for_build(told.append), around, noted.append)
        return Asked(remote=remote, cache=cache, told=told, noted=noted)

    yield start
    for cache in opened:
        cache.close()
