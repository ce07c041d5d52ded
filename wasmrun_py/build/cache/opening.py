"""Open the cache for one build: where it is, and what the fingerprint is taken of. Nothing of it is fatal."""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from wasmrun_py.build.outputs import find_output_dirs, find_pure_outputs
from wasmrun_py.model.events import Level, Message

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wasmrun_py.build.cache.build_cache import BuildCache
    from wasmrun_py.build.cache.remote.of_build import RemoteOfBuild
    from wasmrun_py.build.cache.remote.store import RemoteCache
    from wasmrun_py.build.fingerprint.key import FingerprintRequest
    from wasmrun_py.config.settings import Settings
    from wasmrun_py.model.events import Reporter
    from wasmrun_py.plugin.manager import ChosenPlugin
    from wasmrun_py.system.paths import Home


@contextmanager
def opened_cache(  # noqa: PLR0913 - everything a key is made of
    project: Path,
    settings: Settings,
    chosen: ChosenPlugin,
    *,
    environ: Mapping[str, str],
    home: Home,
    reporter: Reporter,
    remote: RemoteCache | None = None,
) -> Iterator[BuildCache | None]:
    """The cache for a build, with its fingerprint taken; None when it is off or has no use.

    Args:
        project: The project's folder, absolute.
        settings: What was asked for.
        chosen: Who builds.
        environ: The user's environment.
        home: Where the cache folder is.
        reporter: Hears why there is none.
        remote: The remote cache that a command's builds share; None for one of this build's own, where the
            settings name one.
    """
    if not settings.use_cache:
        yield None
        return
    from wasmrun_py.build.cache.build_cache import BuildCache, CachePlace  # noqa: PLC0415 - not with --no-cache
    from wasmrun_py.build.cache.local import LocalStore  # noqa: PLC0415 - as above
    from wasmrun_py.build.fingerprint.dependencies import UncacheableError  # noqa: PLC0415 - as above
    from wasmrun_py.build.fingerprint.kept_hashes import KeptHashes  # noqa: PLC0415 - as above
    from wasmrun_py.build.fingerprint.key import FingerprintRequest  # noqa: PLC0415 - as above
    from wasmrun_py.build.fingerprint.plugin_identity import identify_plugin  # noqa: PLC0415 - as above

    folder = home.builds
    told: list[str] = []

    def tell(text: str) -> None:
        # Once a run: a folder that is damaged is damaged in many places.
        if not told:
            reporter.emit(Message(level=Level.WARNING, text=text))
        told.append(text)

    name = hashlib.sha256(os.fsencode(project)).hexdigest()[:32]
    hashes = KeptHashes(folder / "hashes" / f"{name}.json")
    outputs = find_pure_outputs(project, (settings.output_dir, *find_output_dirs(home, project)))
    try:
        request = FingerprintRequest(
            project=project,
            outputs=outputs,
            settings=settings,
            plugin=identify_plugin(chosen, hashes),
            environ=environ,
        )
        own_remote = _open_remote(settings) if remote is None else None
        place = CachePlace(
            store=LocalStore(folder, tell),
            folder=folder,
            remote=_remote_of(remote or own_remote, request, home, reporter),
        )
        cache = BuildCache(place, request, hashes, reporter)
    except UncacheableError as error:
        reporter.emit(Message(level=Level.DEBUG, text=f"The build cache is not used: {error}"))
        yield None
        return
    try:
        yield cache
    finally:
        cache.close()
        if own_remote is not None:
            own_remote.close()


def _open_remote(settings: Settings) -> RemoteCache | None:
    if settings.remote_cache is None:
        return None
    from wasmrun_py.build.cache.remote.store import RemoteCache  # noqa: PLC0415 - few users have one

    return RemoteCache(settings.remote_cache)


def _remote_of(
    remote: RemoteCache | None, request: FingerprintRequest, home: Home, reporter: Reporter
) -> RemoteOfBuild | None:
    """What this build asks of the remote cache."""
    if remote is None:
        return None
    from wasmrun_py.build.cache.remote.of_build import RemoteOfBuild  # noqa: PLC0415 - as above
    from wasmrun_py.build.cache.remote.trust import Surroundings  # noqa: PLC0415 - as above

    def tell(text: str) -> None:
        reporter.emit(Message(level=Level.WARNING, text=text))

    def note(text: str) -> None:
        reporter.emit(Message(level=Level.DEBUG, text=text))

    around = Surroundings(
        own=(request.project, home.root, home.cache), user_home=Path.home(), environ=request.environ
    )
    return RemoteOfBuild(remote.for_build(tell), around, note)
