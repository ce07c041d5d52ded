"""Look for plugins: the shipped list, the crates registry through cargo, and the exact name on PyPI."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasmrun_py.model.plugin_source import NAME_PATTERN
from wasmrun_py.plugin.install import pypi
from wasmrun_py.plugin.install.clients import client_reason, find_client, run_client
from wasmrun_py.plugin.install.known import KNOWN_PLUGINS
from wasmrun_py.plugin.install.names import Presence, ask_pypi

if TYPE_CHECKING:
    from pathlib import Path

    from wasmrun_py.plugin.install.steps import InstallWorld

_LIMIT = "20"
_FOUND = re.compile(r'(?P<name>[A-Za-z0-9_-]+) = (?P<version>"[^"]*")(?:\s+# (?P<description>.*))?')


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchHit:
    """Something that has the term in its name or description; not yet known to be a plugin.

    Attributes:
        name: Its name.
        version: The newest, or None when nobody was asked.
        description: May be empty.
        registry: ``pypi`` or ``crates``.
        known: It is on the shipped list.
    """

    name: str
    version: str | None
    description: str
    registry: str
    known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """What was found.

    Attributes:
        hits: Known ones first, then by name.
        not_asked: A sentence for each registry that could not be asked.
    """

    hits: tuple[SearchHit, ...]
    not_asked: tuple[str, ...]


def search(term: str, *, scratch: Path, world: InstallWorld) -> SearchResult:
    """Look for plugins with ``term`` in their name or description.

    A registry that cannot be asked is named in the result and is no error.
    """
    lowered = term.lower()
    hits = {
        (plugin.registry, plugin.name): SearchHit(
            name=plugin.name,
            version=None,
            description=plugin.description,
            registry=plugin.registry,
            known=True,
        )
        for plugin in KNOWN_PLUGINS
        if lowered in plugin.name or lowered in plugin.description.lower()
    }
    not_asked: list[str] = []
    for found in (
        *_search_crates(term, scratch / "crates", world, not_asked),
        *_search_pypi(term, scratch / "pypi", world, not_asked),
    ):
        before = hits.get((found.registry, found.name))
        known = before is not None
        description = found.description or (before.description if before else "")
        hits[found.registry, found.name] = SearchHit(
            name=found.name,
            version=found.version,
            description=description,
            registry=found.registry,
            known=known,
        )
    ordered = sorted(hits.values(), key=lambda hit: (not hit.known, hit.name, hit.registry))
    return SearchResult(hits=tuple(ordered), not_asked=tuple(not_asked))


def _search_crates(term: str, scratch: Path, world: InstallWorld, not_asked: list[str]) -> list[SearchHit]:
    cargo = find_client("cargo", world)
    if cargo is None:
        not_asked.append("The crates registry could not be asked: cargo is not installed")
        return []
    argv = (str(cargo), "search", "--color", "never", "--limit", _LIMIT, "--", term)
    result = run_client(argv, folder=scratch, world=world, quiet=True)
    if result.returncode != 0:
        not_asked.append(f"The crates registry could not be asked: {client_reason(result)}")
        return []
    found = (_FOUND.fullmatch(line.strip()) for line in result.output.splitlines())
    return [
        SearchHit(
            name=match["name"],
            version=json.loads(match["version"]),
            description=match["description"] or "",
            registry="crates",
            known=False,
        )
        for match in found
        if match
    ]


def _search_pypi(term: str, scratch: Path, world: InstallWorld, not_asked: list[str]) -> list[SearchHit]:
    """PyPI cannot be searched; the exact name can be looked up."""
    if not NAME_PATTERN.fullmatch(term):
        return []
    answer = ask_pypi(term, scratch=scratch, world=world)
    if answer.unknown:
        not_asked.append(answer.unknown)
    if answer.presence is not Presence.THERE:
        return []
    version = pypi.load_compiled_version(scratch, term)
    return [SearchHit(name=term, version=version, description="", registry="pypi", known=False)]
