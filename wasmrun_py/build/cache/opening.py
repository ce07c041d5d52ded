"""Open the cache for one build: where it is, and what the fingerprint is taken of. Nothing of it is fatal."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from wasmrun_py.build.cache.places import HASHES, HITS, LOCKS, MISSES
from wasmrun_py.build.outputs import find_output_dirs, find_pure_outputs
from wasmrun_py.model.events import Level, Message

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wasmrun_py.build.cache.build_cache import BuildCache
    from wasmrun_py.build.cache.local import LocalStore
    from wasmrun_py.build.cache.store import Teller
    from wasmrun_py.config.settings import Settings
    from wasmrun_py.model.events import Reporter
    from wasmrun_py.plugin.api import PluginContext
    from wasmrun_py.plugin.manager import ChosenPlugin


@contextmanager
def opened_cache(
    project: Path, settings: Settings, chosen: ChosenPlugin, context: PluginContext, reporter: Reporter
) -> Iterator[BuildCache | None]:
    """The cache for a build, with its fingerprint taken; None when it is off or has no use.

    Args:
        project: The project's folder, absolute.
        settings: What was asked for.
        chosen: Who builds.
        context: The environment and the folders.
        reporter: Hears why there is none.
    """
    if not settings.cache.enabled:
        yield None
        return
    from wasmrun_py.build.cache.local import LocalStore  # noqa: PLC0415 - not with --no-cache
    from wasmrun_py.build.fingerprint.dependencies import UncacheableError  # noqa: PLC0415 - as above

    folder = context.home.builds
    store = LocalStore(folder, _once(reporter))
    try:
        cache = _open(project, settings, chosen, context, reporter, store)
    except UncacheableError as error:
        reporter.emit(Message(level=Level.DEBUG, text=f"The build cache is not used: {error}"))
        yield None
        return
    try:
        yield cache
    finally:
        cache.close()
        store.count(HITS if cache.was_hit else MISSES)
        if cache.stored_bytes:
            from wasmrun_py.build.cache.prune import prune_when_due  # noqa: PLC0415 - only after a miss

            prune_when_due(folder, max_bytes=settings.cache.max_bytes, stored_bytes=cache.stored_bytes)


def _open(  # noqa: PLR0913, PLR0917 - everything a key is made of
    project: Path,
    settings: Settings,
    chosen: ChosenPlugin,
    context: PluginContext,
    reporter: Reporter,
    store: LocalStore,
) -> BuildCache:
    from wasmrun_py.build.cache.build_cache import BuildCache, CachePlace  # noqa: PLC0415 - as above
    from wasmrun_py.build.cache.last_build import find_note, name_project  # noqa: PLC0415 - as above
    from wasmrun_py.build.fingerprint.kept_hashes import KeptHashes  # noqa: PLC0415 - as above
    from wasmrun_py.build.fingerprint.key import FingerprintRequest  # noqa: PLC0415 - as above
    from wasmrun_py.build.fingerprint.plugin_identity import identify_plugin  # noqa: PLC0415 - as above

    folder = store.folder
    hashes = KeptHashes(folder / HASHES / f"{name_project(project)}.json")
    request = FingerprintRequest(
        project=project,
        outputs=find_pure_outputs(project, (settings.output_dir, *find_output_dirs(context.home, project))),
        settings=settings,
        plugin={
            **identify_plugin(chosen, hashes, store=context.home.store),
            "forced-transport": context.transport.value if context.transport is not None else "",
        },
        environ=context.environ,
    )
    place = CachePlace(
        store=store,
        locks=folder / LOCKS,
        last=find_note(context.home, project),
        max_bytes=settings.cache.max_bytes,
        settled=context.home.toolchains,
    )
    return BuildCache(place, request, hashes, reporter)


def _once(reporter: Reporter) -> Teller:
    """Warn once a run: a folder that is damaged is damaged in many places."""
    told: list[str] = []

    def tell(text: str) -> None:
        if not told:
            reporter.emit(Message(level=Level.WARNING, text=text))
        told.append(text)

    return tell
