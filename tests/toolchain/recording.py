"""A reporter that remembers, and a home with one really provisioned zig for the whole session."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

from wasmrun_py.system.paths import Home
from wasmrun_py.toolchain.catalog import ZIG
from wasmrun_py.toolchain.provision import ProvisionPolicy, get_provisioned

if TYPE_CHECKING:
    import pytest

    from wasmrun_py.model.events import Event

AnyEvent = TypeVar("AnyEvent")


class RecordingReporter:
    """Keeps every event in the order it came."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        """Keep it."""
        self.events.append(event)

    def of(self, kind: type[AnyEvent]) -> list[AnyEvent]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]


def session_home(factory: pytest.TempPathFactory, name: str) -> Home:
    """A home for all workers of a session: what one installs the others find, under wasmrun's own locks."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    root = base / name
    return Home(root=root, own_cache=root / "cache")


def provisioned_home(factory: pytest.TempPathFactory) -> Home:
    """A home that holds zig, shared by all workers: the installer's own lock keeps them apart."""
    home = session_home(factory, "zig-home")
    get_provisioned(ZIG, ProvisionPolicy(environ=dict(os.environ), home=home), RecordingReporter())
    return home
