"""Progress on stderr: a live line on a terminal, plain lines elsewhere, tool output with ``-v``.

The live line is rich's, imported only once a step has lasted long enough for a person to wonder.
"""

from __future__ import annotations

import shlex
import threading
from typing import TYPE_CHECKING, Self, TextIO, assert_never

from wasmrun_py.cli.render.console import Style, printable
from wasmrun_py.model.events import (
    Event,
    Level,
    Message,
    Progress,
    StepFinished,
    StepStarted,
    ToolOutput,
    ToolStarted,
)

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from wasmrun_py.cli.render.console import Console
    from wasmrun_py.model.consent import InstallOffer

_PATIENCE_S = 0.15


class ConsoleReporter:
    """Shows events on stderr. Use as a context manager, so that no live line is left behind.

    Args:
        console: Where to write.
        verbose: Also show debug messages, the tools' command lines and their output.
    """

    def __init__(self, console: Console, *, verbose: bool) -> None:
        self._console = console
        self._verbose = verbose
        # A live line and streamed tool output would write over each other.
        self._live = _LiveLine() if console.live and not verbose else None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_details: object) -> None:
        if self._live is not None:
            self._live.stop()

    def emit(self, event: Event) -> None:
        """Show one event; called from any thread."""
        with self._lock:
            match event:
                case Message():
                    self._show_message(event)
                case ToolStarted(argv=argv):
                    self._show_tool(f"$ {shlex.join(argv)}")
                case ToolOutput(line=line):
                    self._show_tool(line)
                case StepStarted() | StepFinished() | Progress():
                    self._show_step(event)
                case _:
                    assert_never(event)

    def rest(self) -> None:
        """Take a live line down, whatever it was about."""
        with self._lock:
            if self._live is not None:
                self._live.stop()

    def ask(self, offer: InstallOffer, stdin: TextIO) -> bool:
        """Ask the user about an installation; a live line makes way for the question and comes back."""
        from wasmrun_py.cli.render.question import ask_installation  # noqa: PLC0415 - few commands ask

        with self._lock:
            label = "" if self._live is None else self._live.label
            if self._live is not None:
                self._live.stop()
            answer = ask_installation(self._console, stdin, offer)
            if self._live is not None and label:
                self._live.start(label)
            return answer

    def _show_tool(self, line: str) -> None:
        if self._verbose:
            self._console.raw_note(line)

    def _show_step(self, event: StepStarted | StepFinished | Progress) -> None:
        if self._live is None:
            if isinstance(event, StepStarted):
                self._console.note(f"{event.label}…")
            return
        match event:
            case StepStarted(label=label):
                self._live.start(label)
            case StepFinished():
                self._live.stop()
            case Progress():
                self._live.advance(event)

    def _show_message(self, message: Message) -> None:
        if message.level is Level.DEBUG and not self._verbose:
            return
        if self._live is not None:
            self._live.stop()
        if message.level is Level.WARNING:
            self._console.labelled("warning", Style.YELLOW, message.text)
        else:
            self._console.note(message.text)


class _LiveLine:
    """One line: a spinner, with bytes and a bar once known. Appears after a moment, leaves no trace."""

    def __init__(self) -> None:
        self._timer: threading.Timer | None = None
        self._progress: RichProgress | None = None
        self._task: TaskID | None = None
        self._label = ""
        self._has_bar = False
        self._state = threading.Lock()

    @property
    def label(self) -> str:
        """What it says; empty when it is down."""
        return self._label

    def start(self, label: str) -> None:
        self.stop()
        self._label = label
        self._timer = threading.Timer(_PATIENCE_S, self._appear)
        self._timer.daemon = True
        self._timer.start()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        with self._state:
            self._label = ""
            self._take_down()

    def advance(self, event: Progress) -> None:
        with self._state:
            if self._progress is None or self._task is None:
                return
            if not self._has_bar:
                self._take_down()
                self._put_up(with_bar=True, has_end=event.total_bytes is not None)
            self._progress.update(self._task, completed=event.done_bytes, total=event.total_bytes)

    def _appear(self) -> None:
        with self._state:
            if self._label:
                self._put_up(with_bar=False)

    def _take_down(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def _put_up(self, *, with_bar: bool, has_end: bool = True) -> None:
        from rich import progress  # noqa: PLC0415 - 60 ms, and only a wait needs it
        from rich.console import Console as RichConsole  # noqa: PLC0415 - as above
        from rich.markup import escape  # noqa: PLC0415 - as above

        size = progress.DownloadColumn(binary_units=True) if has_end else progress.FileSizeColumn()
        # Where the end is not known, a bar would only run to and fro.
        bar = (*((progress.BarColumn(bar_width=24),) if has_end else ()), size) if with_bar else ()
        self._progress = progress.Progress(
            progress.SpinnerColumn(),
            progress.TextColumn("{task.description}"),
            *bar,
            progress.TimeElapsedColumn(),
            console=RichConsole(stderr=True, highlight=False),
            transient=True,
        )
        self._task = self._progress.add_task(escape(printable(self._label)), total=None)
        self._has_bar = with_bar
        self._progress.start()
