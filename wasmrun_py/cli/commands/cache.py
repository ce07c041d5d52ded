"""``wasmrun cache info|clear|prune``: what earlier builds left to be taken again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from wasmrun_py.cli.options import JsonOption

if TYPE_CHECKING:
    from wasmrun_py.build.cache.prune import Pruned
    from wasmrun_py.cli.context import World
    from wasmrun_py.config.remote_cache import RemoteCacheSettings

_AGE_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_AGE = re.compile(r"([0-9]{1,9})[ ]?([smhdw])")


def info_command(ctx: typer.Context, *, json: JsonOption = False) -> None:
    """Say where the build cache is, what it holds and how often it helped."""
    from wasmrun_py.build.cache.prune import survey  # noqa: PLC0415 - --help needs none of it
    from wasmrun_py.config.settings import load_cache_settings  # noqa: PLC0415 - as above

    world: World = ctx.obj
    settings = load_cache_settings(environ=world.environ, home=world.home)
    folder = world.home.builds
    found = survey(folder)
    if json:
        fields = {
            "path": folder,
            "enabled": settings.enabled,
            "size_bytes": found.size_bytes,
            "max_bytes": settings.max_bytes,
            "results": found.results,
            "blobs": found.blobs,
            "projects": found.projects,
            "hits": found.hits,
            "misses": found.misses,
            "remote": _describe_remote(settings.remote),
        }
        world.report("cache info", fields)
        return
    from wasmrun_py.cli.render.console import format_size  # noqa: PLC0415 - not with --json

    size = f"{format_size(found.size_bytes)} of {format_size(settings.max_bytes)}"
    rows = [
        ("path", str(folder)),
        ("enabled", "yes" if settings.enabled else "no ([cache] enabled = false)"),
        ("size", size),
        ("records", str(found.results)),
        ("artifacts", str(found.blobs)),
        ("hits", str(found.hits)),
        ("misses", str(found.misses)),
        ("remote", _show_remote(settings.remote)),
    ]
    world.console.table(("CACHE", ""), rows)


def clear_command(ctx: typer.Context, *, json: JsonOption = False) -> None:
    """Remove everything that earlier builds left; only what wasmrun put there."""
    from wasmrun_py.build.cache.prune import clear  # noqa: PLC0415 - --help needs none of it

    world: World = ctx.obj
    _report(world, "cache clear", clear(world.home.builds), as_json=json)


def prune_command(
    ctx: typer.Context,
    *,
    max_size: Annotated[
        str | None,
        typer.Option("--max-size", metavar="SIZE", help="What may stay (default: the cache's own limit)."),
    ] = None,
    max_age: Annotated[
        str | None, typer.Option("--max-age", metavar="AGE", help="Since the last use: 30d, 12h, 90m.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Remove what was not used for long, the least recently used first."""
    from wasmrun_py.build.cache.prune import prune  # noqa: PLC0415 - --help needs none of it
    from wasmrun_py.config.settings import load_cache_settings  # noqa: PLC0415 - as above

    world: World = ctx.obj
    max_bytes = None if max_size is None else _parse_size(max_size)
    max_age_s = None if max_age is None else _parse_age(max_age)
    if max_bytes is None and max_age_s is None:
        max_bytes = load_cache_settings(environ=world.environ, home=world.home).max_bytes
    pruned = prune(world.home.builds, max_bytes=max_bytes, max_age_s=max_age_s)
    _report(world, "cache prune", pruned, as_json=json)


def _describe_remote(settings: RemoteCacheSettings | None) -> dict[str, object] | None:
    """The remote cache and whether it answers; never its whole address, nor credentials."""
    if settings is None:
        return None
    from wasmrun_py.build.cache.remote.probe import find_remote_problem  # noqa: PLC0415 - few users have one

    problem = find_remote_problem(settings)
    mode = "read-write" if settings.writes else "read"
    return {"host": settings.host, "mode": mode, "reachable": not problem, "problem": problem}


def _show_remote(settings: RemoteCacheSettings | None) -> str:
    found = _describe_remote(settings)
    if found is None:
        return "none"
    return f"{found['host']}, {found['mode']}, {'answers' if found['reachable'] else found['problem']}"


def _report(world: World, command: str, pruned: Pruned, *, as_json: bool) -> None:
    if as_json:
        fields = {
            "path": world.home.builds,
            "removed_files": pruned.files,
            "removed_bytes": pruned.size_bytes,
        }
        world.report(command, fields)
        return
    from wasmrun_py.cli.render.console import format_size  # noqa: PLC0415 - not with --json

    world.console.note(f"Removed {pruned.files} files, {format_size(pruned.size_bytes)}")


def _parse_size(text: str) -> int:
    from wasmrun_py.model.errors import UsageError  # noqa: PLC0415 - --help needs none of it
    from wasmrun_py.model.size import SIZE_HINT, SizeError, parse_size_bytes  # noqa: PLC0415 - as above

    if text.strip() == "0":
        return 0
    try:
        return parse_size_bytes(text)
    except SizeError as error:
        raise UsageError(f"--max-size: {error}", hint=SIZE_HINT) from error


def _parse_age(text: str) -> float:
    from wasmrun_py.model.errors import UsageError  # noqa: PLC0415 - --help needs none of it

    match = _AGE.fullmatch(text.strip())
    if match is None:
        raise UsageError(
            f"--max-age cannot be {text!r}", hint="A number with s, m, h, d or w: 30d, 12h, 90m."
        )
    return float(int(match[1]) * _AGE_UNITS_S[match[2]])
