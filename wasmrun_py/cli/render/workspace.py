"""How the build of a workspace looks: running jobs live at the bottom, finished ones as lines above.

Where there is no terminal, and with ``-v``, there are lines only. rich is imported once a build has lasted
long enough for a person to wonder.
"""

from __future__ import annotations

import shlex
import threading
import time
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Self, TextIO, assert_never

from wasmrun_py.build.workspace.run import MemberOutcome, MemberStatus
from wasmrun_py.cli.render.console import Style, format_size, printable
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
    from collections.abc import Sequence

    from rich.live import Live

    from wasmrun_py.cli.render.console import Console
    from wasmrun_py.config.workspace import Member
    from wasmrun_py.model.consent import InstallOffer
    from wasmrun_py.model.events import Reporter

_PATIENCE_S = 0.15
_REFRESHES_PER_S = 8
_WIDEST_NAME = 32
_MARKS = {
    MemberStatus.BUILT: ("✓", "+", Style.GREEN),
    MemberStatus.FAILED: ("✗", "x", Style.RED),
    MemberStatus.SKIPPED: ("⊘", "-", Style.YELLOW),
    MemberStatus.UNAFFECTED: ("·", ".", Style.DIM),
    MemberStatus.CANCELLED: ("⊘", "-", Style.YELLOW),
}


@dataclass(slots=True, kw_only=True)
class _Job:
    """A member that is being built."""

    name: str
    started: float
    step: str = ""


class WorkspaceDisplay:
    """Shows a run. Use as a context manager, so that nothing live is left behind.

    Args:
        console: Where to write.
        names: Every member's name, for the width of the first column.
        verbose: Also show debug messages, the tools' command lines and their output.
    """

    def __init__(self, console: Console, names: Sequence[str], *, verbose: bool) -> None:
        self._console = console
        self._verbose = verbose
        self._width = min(_WIDEST_NAME, max(map(len, names), default=0))
        encoding = (getattr(console.stderr, "encoding", "") or "").lower().replace("-", "")
        self._plain_marks = not encoding.startswith("utf")
        self._lock = threading.RLock()
        self._jobs: dict[str, _Job] = {}
        self._total = len(names)
        self._over = 0
        self._failed = 0
        self._started = time.monotonic()
        # Streamed tool output and a live part would write over each other.
        self._is_live = console.live and not verbose
        self._live: Live | None = None
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Self:
        if self._is_live:
            self._timer = threading.Timer(_PATIENCE_S, self._appear)
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(self, *_details: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        with self._lock:
            self._is_live = False
            self._take_down()

    def reporter(self, member: Member) -> Reporter:
        """A member's build begins."""
        with self._lock:
            job = self._jobs[member.name] = _Job(name=member.name, started=time.monotonic())
        return _JobReporter(self, job)

    def ended(self, outcome: MemberOutcome) -> None:
        """A member is over: one line."""
        with self._lock:
            self._jobs.pop(outcome.member.name, None)
            self._over += 1
            self._failed += outcome.status is MemberStatus.FAILED
            if outcome.status is not MemberStatus.UNAFFECTED or self._verbose:
                fancy, plain, style = _MARKS[outcome.status]
                self._line(plain if self._plain_marks else fancy, style, self.describe(outcome))

    def ask(self, offer: InstallOffer, stdin: TextIO) -> bool:
        """Ask the user about an installation; what is live makes way for the question and comes back."""
        from wasmrun_py.cli.render.question import ask_installation  # noqa: PLC0415 - few commands ask

        with self._lock:
            was_live = self._live is not None
            self._take_down()
            answer = ask_installation(self._console, stdin, offer)
            if was_live:
                self._put_up()
            return answer

    def hear(self, job: _Job, event: Event) -> None:
        """One event of a member's build; called from any thread."""
        with self._lock:
            match event:
                case StepStarted(label=label):
                    job.step = label
                case StepFinished():
                    job.step = ""
                case Progress():
                    done = format_size(event.done_bytes)
                    total = f" of {format_size(event.total_bytes)}" if event.total_bytes is not None else ""
                    job.step = f"{event.label}: {done}{total}"
                case Message():
                    self._show_message(job, event)
                case ToolStarted(argv=argv):
                    self._show_tool(f"{job.name} $ {shlex.join(argv)}")
                case ToolOutput(line=line):
                    self._show_tool(f"{job.name} | {line}")
                case _:
                    assert_never(event)

    def describe(self, outcome: MemberOutcome, *, hit: bool = False) -> str:
        """One line about a member.

        Args:
            outcome: What became of it.
            hit: As if it had been there already, at once.
        """
        name = outcome.member.name.ljust(self._width)
        report = outcome.report
        if report is None:
            text = outcome.reason
            if outcome.error is not None:
                text = outcome.error.message.splitlines()[0]
            return f"{name}  {text}"
        toolchain = f"{report.toolchain.name} {report.toolchain.version}".strip()
        size = format_size(sum(each.size_bytes for each in report.artifacts))
        cache = f"  [{'hit' if hit else report.cache}]" if report.cache != "off" else ""
        duration_s = 0.0 if hit else outcome.duration_s
        return printable(f"{name}  {toolchain:<12}  {duration_s:6.2f} s  {size:>10}{cache}")

    def _show_message(self, job: _Job, message: Message) -> None:
        if message.level is Level.WARNING:
            self._line("warning:", Style.YELLOW, f"{job.name}: {message.text}")
        elif message.level is not Level.DEBUG or self._verbose:
            self._line(f"{job.name}:", Style.DIM, message.text)

    def _show_tool(self, line: str) -> None:
        if self._verbose:
            self._console.raw_note(line)

    def _line(self, mark: str, style: Style, text: str) -> None:
        """A line that stays: above what is live."""
        if self._live is None:
            self._console.marked(printable(mark), style, text)
            return
        from rich.text import Text  # noqa: PLC0415 - loaded with what is live

        line = Text.from_ansi(self._console.paint(printable(mark), style))
        self._live.console.print(line.append(f" {printable(text)}", style=""), soft_wrap=True)

    def _appear(self) -> None:
        # Imported before the lock is taken: the jobs need it more.
        for module in ("rich.live", "rich.table"):
            import_module(module)
        with self._lock:
            if self._is_live and self._live is None:
                self._put_up()

    def _put_up(self) -> None:
        from rich.console import Console as RichConsole  # noqa: PLC0415 - as above
        from rich.live import Live  # noqa: PLC0415 - as above

        console = RichConsole(
            file=self._console.stderr,
            force_terminal=True,
            highlight=False,
            no_color=not self._console.colour_stderr,
            legacy_windows=False,
        )
        self._live = Live(
            console=console,
            get_renderable=self._render,
            refresh_per_second=_REFRESHES_PER_S,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def _take_down(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _render(self) -> Any:
        from rich.table import Table  # noqa: PLC0415 - as above
        from rich.text import Text  # noqa: PLC0415 - as above

        now = time.monotonic()
        table = Table.grid(padding=(0, 2, 0, 0), expand=False)
        table.add_column(no_wrap=True, overflow="ellipsis", max_width=_WIDEST_NAME)
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        table.add_column(no_wrap=True, justify="right", min_width=7)
        # A copy: jobs come and go in other threads.
        for job in tuple(self._jobs.values()):
            step = printable(job.step) or "…"
            table.add_row(
                Text(f"⠿ {printable(job.name)}" if not self._plain_marks else f"* {printable(job.name)}"),
                Text(step),
                Text(f"{now - job.started:.1f} s"),
            )
        failed = f", {self._failed} failed" if self._failed else ""
        table.add_row(
            Text(f"{self._over}/{self._total}{failed}"), Text(""), Text(f"{now - self._started:.1f} s")
        )
        return table


class _JobReporter:
    """The events of one member."""

    def __init__(self, display: WorkspaceDisplay, job: _Job) -> None:
        self._display = display
        self._job = job

    def emit(self, event: Event) -> None:
        """Hand the event on, with whose it is."""
        self._display.hear(self._job, event)
