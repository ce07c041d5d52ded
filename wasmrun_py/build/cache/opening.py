"""Open the cache for one build: where it is, and what the fingerprint is taken of. Nothing of it is fatal."""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wasmrun_py.build.outputs import find_output_dirs, find_pure_outputs
from wasmrun_py.model.events import Level, Message

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from wasmrun_py.build.cache.build_cache import BuildCache
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
) -> Iterator[BuildCache | None]:
    """The cache for a build, with its fingerprint taken; None when it is off or has no use.

    Args:
        project: The project's folder, absolute.
        settings: What was asked for.
        chosen: Who builds.
        environ: The user's environment.
        home: Where the cache folder is.
        reporter: Hears why there is none.
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
        place = CachePlace(store=LocalStore(folder, tell), folder=folder)
        cache = BuildCache(place, request, hashes, reporter)
    except UncacheableError as error:
        reporter.emit(Message(level=Level.DEBUG, text=f"The build cache is not used: {error}"))
        yield None
        return
    try:
        yield cache
    finally:
        cache.close()
