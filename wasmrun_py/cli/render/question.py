"""The question before an installation: what, from where, how large, into which folder; yes by default.

Asked on stderr and answered on the terminal that is stdin, so that stdout stays data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wasmrun_py.cli.render.console import Console
    from wasmrun_py.model.consent import InstallOffer

_MEGABYTE = 1_000_000
_YES = frozenset({"", "y", "yes"})
_NO = frozenset({"n", "no"})
_MOST_TRIES = 3
_SAID_NO_TO_CI = frozenset({"", "0", "false"})


def find_answerer(console: Console, stdin: TextIO | None, environ: Mapping[str, str]) -> TextIO | None:
    """The terminal of somebody who reads a question and answers it, or None.

    Args:
        console: Where the question would be seen.
        stdin: The process's stdin; None when it was started without one.
        environ: ``CI`` says that nobody is there, whatever the streams look like.
    """
    in_ci = environ.get("CI", "").lower() not in _SAID_NO_TO_CI
    if in_ci or not console.stderr_is_terminal or stdin is None or not stdin.isatty():
        return None
    return stdin


def ask_installation(console: Console, stdin: TextIO, offer: InstallOffer) -> bool:
    """Show the offer and wait for the answer; the end of input, and nothing but nonsense, mean no."""
    console.note(f"Install {offer.title}?")
    for name, value in _list_facts(offer):
        console.note(f"  {name}  {value}")
    for _ in range(_MOST_TRIES):
        console.prompt("Proceed? [Y/n] ")
        line = stdin.readline()
        if not line:
            # Ctrl-D leaves the cursor behind the question.
            console.note("")
            return False
        answer = line.strip().lower()
        if answer in _YES | _NO:
            return answer in _YES
        console.note("Please answer y or n.")
    return False


def _list_facts(offer: InstallOffer) -> list[tuple[str, str]]:
    facts = [("from", offer.source)]
    if offer.folder is not None:
        facts.append(("into", str(offer.folder)))
    sizes = [
        f"{size // _MEGABYTE} MB {what}"
        for size, what in ((offer.download_bytes, "to download"), (offer.unpacked_bytes, "on disk"))
        if size is not None
    ]
    if sizes:
        facts.append(("size", ", ".join(sizes)))
    return facts
