"""What makes something to serve: the Protocol that a project's build and plain files both answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from wasmrun_py.model.page import find_page_file
from wasmrun_py.server.session.outcome import Failed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wasmrun_py.build.project_files import ProjectFiles
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
        self.is_page = False

    def warm_up(self) -> None:
        """Start the build's process."""
        self._worker.warm_up()

    async def build(self, order: Order, listener: BuildListener) -> Outcome:
        """Build; where nothing builds it, collect the page's files. A new source may change that."""
        outcome = await self._worker.build(order, listener)
        has_page = find_page_file(self._pages.path) is not None
        self.is_page = isinstance(outcome, Failed) and outcome.code == _NO_PLUGIN and has_page
        if self.is_page:
            return await self._pages.build(order, listener)
        return self._explain(outcome)

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
        self._worker.renew()

    def close(self) -> None:
        """End the build's process."""
        self._worker.close()


class ProjectOrPageFiles:
    """Which files of a project matter; of a page everything that is served, whatever git thinks of it.

    Args:
        project: The files of a project.
        pages: Says what is served.
        source: Knows which of both it is.
    """

    def __init__(self, project: ProjectFiles, pages: FileSource, source: ProjectOrPage) -> None:
        self._project = project
        self._pages = pages
        self._source = source

    def walk(self) -> Iterator[Path]:
        """Every file that matters."""
        found = dict.fromkeys(self._project.walk())
        if self._source.is_page:
            found |= dict.fromkeys(self._pages.walk())
        yield from found

    def matters(self, path: Path) -> bool:
        """Whether a change of ``path`` matters."""
        return self._project.matters(path) or (self._source.is_page and self._pages.serves(path))

    def forget_rules(self) -> None:
        """Read ignore files anew."""
        self._project.forget_rules()
