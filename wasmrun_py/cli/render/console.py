"""Two streams and how text looks on them: stdout is data, stderr is everything else.

Text from outside (names in modules, paths, messages) is made harmless here: control characters and
direction overrides become visible escapes before a terminal sees them.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class Style(StrEnum):
    """The few styles there are; each is an SGR code."""

    BOLD = "1"
    DIM = "2"
    RED = "1;31"
    GREEN = "1;32"
    YELLOW = "1;33"
    CYAN = "1;36"


# The same styles in rich's words.
_RICH_STYLES = {Style.GREEN: "bold green", Style.YELLOW: "bold yellow", Style.RED: "bold red"}


class Console:
    """Writes lines and tables.

    Args:
        stdout: Data.
        stderr: Progress, warnings, errors.
        environ: ``NO_COLOR`` and ``TERM`` are honoured.
    """

    def __init__(self, stdout: TextIO, stderr: TextIO, environ: Mapping[str, str]) -> None:
        self.stdout = stdout
        self.stderr = stderr
        plain = bool(environ.get("NO_COLOR")) or environ.get("TERM") == "dumb"
        self.stdout_is_terminal = stdout.isatty()
        self.stderr_is_terminal = stderr.isatty()
        self._colour_stdout = self.stdout_is_terminal and not plain
        self._colour_stderr = self.stderr_is_terminal and not plain
        self.live = self.stderr_is_terminal and environ.get("TERM") != "dumb"
        for stream in (stdout, stderr):
            # A name that the terminal's encoding cannot show must not end the program.
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")

    def data(self, text: str) -> None:
        """Write a line of data to stdout."""
        self.stdout.write(printable(text) + "\n")

    def document(self, text: str) -> None:
        """Write a finished document to stdout as it is."""
        self.stdout.write(text + "\n")

    def note(self, text: str) -> None:
        """Write a line to stderr."""
        self.stderr.write(printable(text) + "\n")
        self.stderr.flush()

    def prompt(self, text: str) -> None:
        """Write a question to stderr; the cursor stays behind it."""
        self.stderr.write(printable(text))
        self.stderr.flush()

    def labelled(self, label: str, style: Style, text: str) -> None:
        """Write ``label: text`` to stderr, the label in colour."""
        head = f"\x1b[{style}m{label}:\x1b[0m" if self._colour_stderr else f"{label}:"
        self.stderr.write(f"{head} {printable(text)}\n")
        self.stderr.flush()

    @property
    def colour_stderr(self) -> bool:
        """Colour is wanted on stderr."""
        return self._colour_stderr

    def marked(self, mark: str, style: Style, text: str) -> None:
        """Write ``MARK text`` to stderr, the mark in colour."""
        self.stderr.write(f"{self.paint(mark, style)} {printable(text)}\n")
        self.stderr.flush()

    def paint(self, text: str, style: Style) -> str:
        """``text`` in a style where stderr has colour."""
        return f"\x1b[{style}m{text}\x1b[0m" if self._colour_stderr else text

    def styled(self, parts: Iterable[tuple[str, Style | None]]) -> None:
        """Write a line to stderr that is made of pieces, each in its style or in none."""
        pieces = (
            f"\x1b[{style}m{printable(text)}\x1b[0m"
            if style is not None and self._colour_stderr
            else printable(text)
            for text, style in parts
        )
        self.stderr.write("".join(pieces) + "\n")
        self.stderr.flush()

    def raw_note(self, text: str) -> None:
        """Write a tool's text to stderr; on a terminal its control characters are made visible."""
        self.stderr.write(printable(text) if self.stderr_is_terminal else text)
        if not text.endswith("\n"):
            self.stderr.write("\n")
        self.stderr.flush()

    def heading(self, text: str) -> None:
        """Write a heading to stdout."""
        shown = printable(text)
        self.stdout.write(f"\x1b[{Style.BOLD}m{shown}\x1b[0m\n" if self._colour_stdout else f"{shown}\n")

    def table(
        self,
        columns: Sequence[str],
        rows: Iterable[Sequence[str]],
        *,
        numbers: Sequence[str] = (),
        colours: Mapping[str, Style] | None = None,
    ) -> None:
        """Write a table to stdout: wrapped to the terminal's width there, plain aligned columns elsewhere.

        Args:
            columns: The column names.
            rows: As many cells as columns.
            numbers: Names of the columns that are flush right.
            colours: What a first cell says -> how it looks where there is colour.
        """
        cells = [[printable(cell) for cell in row] for row in rows]
        if self.stdout_is_terminal:
            self._rich_table(columns, cells, numbers, colours or {})
            return
        widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
        for row in (columns, *cells):
            aligned = (
                cell.rjust(width) if name in numbers else cell.ljust(width)
                for cell, width, name in zip(row, widths, columns, strict=True)
            )
            self.stdout.write("  ".join(aligned).rstrip() + "\n")

    def _rich_table(
        self,
        columns: Sequence[str],
        rows: list[list[str]],
        numbers: Sequence[str],
        colours: Mapping[str, Style],
    ) -> None:
        from rich.console import Console as RichConsole  # noqa: PLC0415 - 50 ms, and only terminals need it
        from rich.table import Table  # noqa: PLC0415 - as above
        from rich.text import Text  # noqa: PLC0415 - as above

        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        for name in columns:
            table.add_column(name, justify="right" if name in numbers else "left", overflow="fold")
        for row in rows:
            style = colours.get(row[0])
            first = Text(row[0], style=_RICH_STYLES[style] if style is not None else "")
            table.add_row(first, *(Text(cell) for cell in row[1:]))
        console = RichConsole(
            file=self.stdout, highlight=False, no_color=not self._colour_stdout, legacy_windows=False
        )
        console.print(table)


def printable(text: str) -> str:
    """``text`` with control characters, direction overrides and lone surrogates as visible escapes."""
    return _HARMFUL.sub(lambda match: _escape(match[0]), text)


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"  # noqa: PLR2004 - one byte


def format_size(size_bytes: int) -> str:
    """``512 B``, ``6.4 KiB``, ``18.0 MiB``: binary units, one digit after the point."""
    size = float(size_bytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":  # noqa: PLR2004 - the unit's own base
            return f"{size_bytes} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    raise AssertionError("the last unit takes every size")
