"""What ``wasmrun run`` shows on stderr: where it serves, then one line a build, and failures in full."""

from __future__ import annotations

import shutil
from datetime import datetime
from typing import TYPE_CHECKING

from wasmrun_py.cli.failure import Failure, show_failure
from wasmrun_py.cli.render.console import Style, format_size, printable
from wasmrun_py.model.events import Message
from wasmrun_py.server.dev_state import Status
from wasmrun_py.server.session.outcome import Failed, Made

if TYPE_CHECKING:
    from wasmrun_py.cli.render.console import Console
    from wasmrun_py.cli.render.reporters import ConsoleReporter
    from wasmrun_py.model.events import Event
    from wasmrun_py.server.dev_server import Ready
    from wasmrun_py.server.dev_state import BuildRecord
    from wasmrun_py.server.session.outcome import Outcome

_Parts = list[tuple[str, Style | None]]
_NAMES_SHOWN = 3
_FEWEST_COLUMNS = 12
_LABEL_COLUMNS = 10


class RunLog:
    """Follows a session (its ``SessionObserver``).

    Args:
        console: Where to write.
        reporter: Shows what a build says while it runs.
        verbose: Every step of every build is shown.
    """

    def __init__(self, console: Console, reporter: ConsoleReporter, *, verbose: bool) -> None:
        self._console = console
        self._reporter = reporter
        self._verbose = verbose
        self._module_bytes: int | None = None
        self._first: Outcome | None = None
        self._failed = False
        self._reloads = 0
        self._warned: set[str] = set()
        self._warned_before: set[str] = set()

    def build_started(self, record: BuildRecord) -> None:
        """Nothing is said before there is something to say."""
        del record
        self._warned, self._warned_before = set(), self._warned

    def build_finished(self, record: BuildRecord, outcome: Outcome, *, served: bool) -> None:
        """One line, but for the first build, which ``ready`` tells of, and for one that was cancelled."""
        self._reporter.rest()
        if record.status is Status.CANCELLED:
            return
        if self._first is None:
            self._first = outcome
            self._remember(record, outcome)
            return
        self._reloads += served
        if isinstance(outcome, Failed):
            self._tell(record, "failed", Style.RED, [])
            self._show_failure(outcome)
        else:
            word = "built again" if self._failed else "built"
            self._tell(record, word, Style.GREEN, self._effect(record, served=served))
            self._show_warnings(outcome)
        self._remember(record, outcome)

    def notice(self, text: str) -> None:
        """A sentence about the watching."""
        self._console.styled([(f"{_clock()}  ", Style.DIM), (text, Style.YELLOW)])

    def hear(self, event: Event) -> None:
        """What a build says while it runs: steps on a terminal, warnings once, and everything with ``-v``."""
        if isinstance(event, Message):
            self._warned.add(event.text)
            if event.text in self._warned_before and not self._verbose:
                return
        elif not (self._verbose or self._console.live or self._first is None):
            return
        self._reporter.emit(event)

    def ready(self, ready: Ready, *, took_s: float) -> None:
        """The server is up and the first build has ended."""
        from wasmrun_py import __version__  # noqa: PLC0415 - as everything about the version

        console, record = self._console, ready.record
        console.note("")
        console.styled(
            [
                ("  wasmrun", Style.GREEN),
                (f" {__version__}", None),
                (f"  ready in {took_s * 1000:.0f} ms", Style.DIM),
            ]
        )
        console.note("")
        for label, url in _list_addresses(ready):
            console.styled([(f"  {label + ':':<{_LABEL_COLUMNS}}", Style.BOLD), (url, Style.CYAN)])
        console.note("")
        facts = _describe_build(record)
        if facts:
            console.styled([(f"  {facts}", Style.DIM)])
        waits = (
            "Watching for changes; Ctrl-C ends it"
            if ready.state.watching
            else "Changes are not watched; Ctrl-C ends it"
        )
        console.styled([(f"  {waits}", Style.DIM)])
        console.note("")
        self.show_first(record)

    def show_first(self, record: BuildRecord) -> None:
        """What the first build has to say beside its being over."""
        if isinstance(self._first, Failed):
            self._tell(record, "failed", Style.RED, [])
            self._show_failure(self._first)
        elif self._first is not None:
            self._show_warnings(self._first)

    def _tell(self, record: BuildRecord, word: str, style: Style, effect: _Parts) -> None:
        """One line: when, what happened, how long it took, what had changed, and what came of it."""
        took = f" in {_seconds(record)}"
        taken = len(f"{_clock()}  {word}{took}  ") + sum(len(text) for text, _ in effect)
        names = _name_trigger(record, columns=shutil.get_terminal_size().columns - taken)
        self._console.styled(
            [
                (f"{_clock()}  ", Style.DIM),
                (word, style),
                (took, None),
                (names and f"  {names}", None),
                *effect,
            ]
        )

    def _effect(self, record: BuildRecord, *, served: bool) -> _Parts:
        if not served:
            return [("  no output changed", Style.DIM)]
        size = (
            ""
            if record.module_bytes is None
            else f"  {format_size(record.module_bytes)}{self._delta(record)}"
        )
        return [(size, None), (f"  reload {self._reloads}", Style.DIM)]

    def _delta(self, record: BuildRecord) -> str:
        if self._module_bytes is None or record.module_bytes is None:
            return ""
        delta = record.module_bytes - self._module_bytes
        return f" ({'+' if delta > 0 else '-'}{format_size(abs(delta))})" if delta else ""

    def _remember(self, record: BuildRecord, outcome: Outcome) -> None:
        self._failed = isinstance(outcome, Failed)
        if record.module_bytes is not None:
            self._module_bytes = record.module_bytes

    def _show_failure(self, outcome: Failed) -> None:
        error = outcome.to_error()
        show_failure(
            self._console, Failure(command="run", error=error, exit_code=error.exit_code), as_json=False
        )

    def _show_warnings(self, outcome: Outcome) -> None:
        """Those that were not shown as they arose are the build's own messages, which were."""
        if isinstance(outcome, Made) and self._verbose:
            for each in outcome.diagnostics:
                place = ":".join(
                    str(part) for part in (each.file, each.line, each.column) if part is not None
                )
                self._console.labelled(str(each.severity), Style.YELLOW, f"{place}: {each.message}")


def _name_trigger(record: BuildRecord, *, columns: int) -> str:
    """What changed, in so many columns where that is possible at all."""
    names = [printable(name) for name in record.trigger]
    if not names:
        return ""
    for shown in range(min(len(names), _NAMES_SHOWN), 0, -1):
        more = len(names) - shown
        end = f" and {more} more" if more else ""
        text = ", ".join(names[:shown]) + end
        if len(text) <= columns:
            return text
    room = max(_FEWEST_COLUMNS, columns - len(end) - 1)
    return (f"…{names[0][-room:]}" if len(names[0]) > room else names[0]) + end


def _list_addresses(ready: Ready) -> list[tuple[str, str]]:
    """The app's page, wasmrun's own, and where other machines find it."""
    program = ready.state.program
    has_page = program is not None and program.page is not None
    pages = (
        [("Page", ready.address.url), ("wasmrun", ready.ui_url)]
        if has_page
        else [("Page", ready.address.url)]
    )
    return [*pages, *(("Network", url) for url in ready.address.network_urls)]


def _describe_build(record: BuildRecord) -> str:
    """``c-hello for wasm with emcc 3.1.6 (debug), 6.4 KiB, in 0.41 s``."""
    if record.status is not Status.OK:
        return ""
    parts = []
    if record.toolchain is not None:
        toolchain = f"{record.toolchain['name']} {record.toolchain['version']}".strip()
        parts.append(
            f"Built for {record.target} with {toolchain} ({record.optimization}) in {_seconds(record)}"
        )
    if record.module_bytes is not None:
        parts.append(format_size(record.module_bytes))
    return ", ".join(parts)


def _clock() -> str:
    return datetime.now().astimezone().strftime("%H:%M:%S")


def _seconds(record: BuildRecord) -> str:
    return f"{record.duration_s or 0.0:.2f} s"
