"""What makes something to serve: the Protocol that a project's build and plain files both answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from wasmrun_py.model.page import find_page_file
from wasmrun_py.server.session.outcome import Failed

if TYPE_CHECKING:
    from wasmrun_py.server.session.build_worker import BuildListener, BuildWorker
    from wasmrun_py.server.session.file_source import FileSource
    from wasmrun_py.server.session.outcome import Order, Outcome

_NO_PLUGIN = "no-plugin-match"


class Source(Protocol):
    """Makes what is served, one order at a time."""

    def warm_up(self) -> None:
        """Get ready; may block."""

    async def build(self, order: Order, listener: BuildListener) -> Outcome:
        """Carry an order out. Never raises for what a user can mend."""

    def cancel(self, number: int) -> None:
        """End this order, if it is the one that is carried out."""

    def renew(self) -> None:
        """Plugins have changed: forget what was loaded; may block."""

    def close(self) -> None:
        """End everything that was started; may block."""


class ProjectOrPage:
    """A project that a plugin builds; else, where it has a page, the page as it lies there.

    Args:
        worker: Builds it.
        pages: Serves what lies in the folder.
    """

    def __init__(self, worker: BuildWorker, pages: FileSource) -> None:
        self._worker = worker
        self._pages = pages
        self._is_page = False

    def warm_up(self) -> None:
        """Start the build's process."""
        self._worker.warm_up()

    async def build(self, order: Order, listener: BuildListener) -> Outcome:
        """Build, or collect the page's files once it is known that nothing builds them."""
        if not self._is_page:
            outcome = await self._worker.build(order, listener)
            has_page = find_page_file(self._pages.path) is not None
            if not (isinstance(outcome, Failed) and outcome.code == _NO_PLUGIN and has_page):
                return self._explain(outcome)
            self._is_page = True
        return await self._pages.build(order, listener)

    def _explain(self, outcome: Outcome) -> Outcome:
        """Where no plugin takes a folder, a module in it may be what was meant."""
        if not isinstance(outcome, Failed) or outcome.code != _NO_PLUGIN:
            return outcome
        modules = sorted(self._pages.path.glob("*.wasm"))
        if not modules:
            return outcome
        return replace(outcome, hint=f"To serve a module: wasmrun run {modules[0]}")

    def cancel(self, number: int) -> None:
        """End this build."""
        self._worker.cancel(number)

    def renew(self) -> None:
        """Load the plugins anew; one of them may take the folder now."""
        self._is_page = False
        self._worker.renew()

    def close(self) -> None:
        """End the build's process."""
        self._worker.close()
