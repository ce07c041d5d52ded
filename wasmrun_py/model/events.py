"""What core code tells whoever is watching, and the Protocol of the watcher.

Core code never prints. It emits these to a ``Reporter``; ``cli/render`` turns them into a live line, plain
text or nothing. Reporters may be called from a second thread (the reader of a child's output).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Level(StrEnum):
    """How much a message matters."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A sentence for the user; warnings are also collected into the result."""

    level: Level
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted:
    """Something that may take a while has begun (``Compiling c-hello with emcc 3.1.6``)."""

    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFinished:
    """The step with this label is over, well or not."""

    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a step is.

    Attributes:
        label: The step's label.
        done_bytes: Bytes done so far.
        total_bytes: Bytes in all, or None when unknown.
    """

    label: str
    done_bytes: int
    total_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolStarted:
    """A child process is about to run, with these arguments (shown with ``-v``)."""

    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolOutput:
    """One line that a child process wrote, without its line end (shown with ``-v``)."""

    line: str


Event = Message | StepStarted | StepFinished | Progress | ToolStarted | ToolOutput


class Reporter(Protocol):
    """Receives events. Must not raise and must not block for long."""

    def emit(self, event: Event) -> None:
        """Take one event."""


class SilentReporter:
    """Drops every event: for callers that only want the result."""

    def emit(self, event: Event) -> None:
        """Drop the event."""


class FanOut:
    """Hands every event to several reporters, in their order.

    Args:
        reporters: Who gets them.
    """

    def __init__(self, *reporters: Reporter) -> None:
        self._reporters = reporters

    def emit(self, event: Event) -> None:
        """Hand the event on."""
        for reporter in self._reporters:
            reporter.emit(event)
