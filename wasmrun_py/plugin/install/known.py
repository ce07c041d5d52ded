"""The plugins that are known by a bare name: the shipped list, a page of facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPlugin:
    """A plugin that ``wasmrun plugin install NAME`` finds without asking a registry.

    Attributes:
        name: Its name.
        registry: ``crates`` or ``pypi``.
        description: One sentence.
    """

    name: str
    registry: str
    description: str


KNOWN_PLUGINS: Final = (
    KnownPlugin(name="wasmrust", registry="crates", description="Builds Rust, also with wasm-bindgen."),
    KnownPlugin(name="wasmgo", registry="crates", description="Builds Go with TinyGo."),
    KnownPlugin(name="wasmasc", registry="crates", description="Builds AssemblyScript with asc."),
    KnownPlugin(name="waspy", registry="crates", description="Compiles a subset of Python."),
)


def find_known(name: str) -> KnownPlugin | None:
    """The known plugin of that name, or None."""
    return next((plugin for plugin in KNOWN_PLUGINS if plugin.name == name.lower()), None)
