"""What to run and under which limits: the values ``exec`` is parsed into.

Pure, except that ``parse_dir_grant`` looks whether the folder is there.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import ExecError
from wasmrun_py.model.size import SIZE_HINT, SizeError, parse_size_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_DIR_HINT = "Write HOST[:GUEST][:ro], for example --dir .:/data:ro."
_DRIVE = re.compile(r"[A-Za-z]:(?=[\\/])")


@dataclass(frozen=True, slots=True, kw_only=True)
class DirGrant:
    """One folder of the host that the guest may use.

    Attributes:
        host: The folder, absolute.
        guest: The name the guest sees it under.
        read_only: True when the guest may look and not touch.
    """

    host: Path
    guest: str
    read_only: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a guest may use up; None is no limit.

    Attributes:
        timeout_s: Wall-clock seconds, compilation included.
        max_memory_bytes: All linear memories together.
        fuel: wasmtime's fuel units, about one per instruction.
    """

    timeout_s: float | None = None
    max_memory_bytes: int | None = None
    fuel: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """One run.

    Attributes:
        module: The module or component file, absolute.
        args: The guest's arguments without its own name (the module's file name); with ``call`` the
            arguments of the function.
        call: The export to call, or None to run the program.
        env: The guest's whole environment.
        dirs: The folders it may use; none by default.
        limits: What it may use up.
        cache_dir: A private folder for compiled modules, absolute, or None to compile each time.
        tame_terminal: Filter what the guest writes to a terminal of ours; to the guest it stays a terminal.
            Only where ``run.CHILD_TAMES_TERMINAL``; elsewhere pass ``run_module`` filtering sinks.
    """

    module: Path
    args: tuple[str, ...] = ()
    call: str | None = None
    env: tuple[tuple[str, str], ...] = ()
    dirs: tuple[DirGrant, ...] = ()
    limits: Limits = Limits()
    cache_dir: Path | None = None
    tame_terminal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOutcome:
    """How a guest ended.

    Attributes:
        exit_code: The guest's own exit code, 0 to 255; 128 + n when signal n of its own output pipe ended it.
        results: What ``call`` returned, one printable value each.
        duration_s: Wall-clock seconds, the start of the child included.
    """

    exit_code: int
    results: tuple[str, ...]
    duration_s: float


def parse_size(text: str) -> int:
    """Read a size: ``65536``, ``64KB`` (64 000), ``64KiB`` (65 536), ``1.5GB``, ``64m`` (64 MiB).

    Returns:
        Bytes, at least 1, rounded down.

    Raises:
        ExecError: The text is not a size, or it is zero or absurdly large.
    """
    try:
        return parse_size_bytes(text)
    except SizeError as error:
        raise ExecError(str(error), hint=SIZE_HINT) from error


def parse_env(text: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """Read one ``--env``: ``NAME=VALUE``, or ``NAME`` alone to pass the host's value on.

    Args:
        text: What was given.
        environ: The host's environment, for ``NAME`` alone.

    Raises:
        ExecError: There is no name, a NUL, or the host has no such variable.
    """
    name, equals, value = text.partition("=")
    if not name or "\0" in text:
        raise ExecError(f"{text!r} is not an environment variable", hint="Write --env NAME=VALUE.")
    if not equals:
        if name not in environ:
            raise ExecError(f"The variable {name} is not set here", hint=f"Write --env {name}=VALUE.")
        value = environ[name]
    return name, value


def parse_dir_grant(text: str, cwd: Path) -> DirGrant:
    """Read one ``--dir``: ``HOST[:GUEST][:ro]``.

    The guest sees the folder under ``HOST`` as written unless ``GUEST`` names it. ``X:ro`` grants ``X`` read
    only (a guest name of ``ro`` is written ``./ro``). On Windows a drive letter belongs to ``HOST``.

    Args:
        text: What was given.
        cwd: The absolute folder that a relative ``HOST`` is relative to.

    Raises:
        ExecError: The text has not that form, or ``HOST`` is not a folder.
    """
    host, guest, read_only = split_dir_grant(text, windows=isinstance(cwd, PureWindowsPath))
    folder = type(cwd)(os.path.abspath(cwd / host))  # noqa: PTH100 - resolve() would follow links
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        raise ExecError(f"The folder to grant, {folder}, {what}", hint=_DIR_HINT)
    return DirGrant(host=folder, guest=guest, read_only=read_only)


def split_dir_grant(text: str, *, windows: bool) -> tuple[str, str, bool]:
    r"""Split ``HOST[:GUEST][:ro]`` into host as written, guest name and whether it is read only.

    Args:
        text: What was given.
        windows: Whether ``C:\`` at the start is a drive.

    Raises:
        ExecError: A part is empty, there are too many of them, or one holds a NUL.
    """
    drive = _DRIVE.match(text) if windows else None
    start = drive[0] if drive else ""
    first, *rest = text[len(start) :].split(":")
    host = start + first
    read_only = bool(rest) and rest[-1] == "ro"
    if read_only:
        rest.pop()
    if len(rest) > 1 or not host or (rest and not rest[0]) or "\0" in text:
        raise ExecError(f"{text!r} is not a folder to grant", hint=_DIR_HINT)
    return host, rest[0] if rest else host, read_only
