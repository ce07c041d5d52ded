"""Whether a remote cache answers, for ``cache info``: one question about a build that nobody has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmrun_py.build.cache.remote.client import RemoteClient
from wasmrun_py.build.cache.remote.entry import remote_key
from wasmrun_py.build.cache.remote.fault import RemoteFault
from wasmrun_py.build.cache.remote.time_limit import Budget

if TYPE_CHECKING:
    from wasmrun_py.config.remote_cache import RemoteCacheSettings

_NOBODY_S_KEY = "0" * 64


def find_remote_problem(settings: RemoteCacheSettings) -> str:
    """What is wrong with the remote cache, a sentence with its hint; empty when it answers as it should."""
    client = RemoteClient(settings)
    budget = Budget(settings.timeout_s, client.close)
    try:
        budget.run(lambda deadline: client.find_action(remote_key(_NOBODY_S_KEY), deadline))
    except RemoteFault as fault:
        return f"It {fault.problem}. {fault.hint}".rstrip()
    finally:
        client.close()
    return ""
