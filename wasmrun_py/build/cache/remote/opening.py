"""Open the remote cache for one build, and let go of it: who hears of it, and what it may make us look at."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from wasmrun_py.model.events import Level, Message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wasmrun_py.build.cache.remote.of_build import RemoteOfBuild
    from wasmrun_py.build.cache.remote.store import RemoteCache
    from wasmrun_py.config.settings import Settings
    from wasmrun_py.model.events import Reporter
    from wasmrun_py.plugin.api import PluginContext


@contextmanager
def opened_remote(
    project: Path,
    settings: Settings,
    context: PluginContext,
    reporter: Reporter,
    shared: RemoteCache | None = None,
) -> Iterator[RemoteOfBuild | None]:
    """The remote cache for a build; None when the user has none.

    Args:
        project: The project's folder, absolute.
        settings: What was asked for.
        context: The environment and the folders.
        reporter: Hears what goes wrong, and with ``-v`` what is asked.
        shared: What the builds of a command share: connections, and that the server does not answer. None for
            one of this build's own.
    """
    wanted = settings.cache.remote
    if wanted is None or not settings.cache.enabled:
        yield None
        return
    from wasmrun_py.build.cache.remote.of_build import RemoteOfBuild  # noqa: PLC0415 - few users have one
    from wasmrun_py.build.cache.remote.store import RemoteCache  # noqa: PLC0415 - as above
    from wasmrun_py.build.cache.remote.trust import Surroundings  # noqa: PLC0415 - as above

    def tell(text: str) -> None:
        reporter.emit(Message(level=Level.WARNING, text=text))

    def note(text: str) -> None:
        reporter.emit(Message(level=Level.DEBUG, text=text))

    home = context.home
    # Path.home() raises where a container's user has neither a name nor HOME.
    user_home = Path(context.environ.get("HOME") or context.environ.get("USERPROFILE") or os.sep)
    around = Surroundings(own=(project, home.root, home.cache), user_home=user_home, environ=context.environ)
    cache = shared or RemoteCache(wanted)
    try:
        yield RemoteOfBuild(cache.for_build(tell), around, note)
    finally:
        if shared is None:
            cache.close()
