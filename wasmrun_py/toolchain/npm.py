"""Fetch one pinned package through the user's own npm.

The user's environment is handed on whole, so that registries, proxies, credentials and offline mode work
as they set them up in ``.npmrc`` or the environment; no registry is named here. The shipped lock file holds
versions and digests and no addresses: npm checks what it gets, wherever it got it.
"""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import LimitError, MissingToolError, ProvisionError, ToolCrashedError
from wasmrun_py.model.events import ToolOutput, ToolStarted
from wasmrun_py.system.fs import translate_write_errors
from wasmrun_py.system.process import ToolCall, describe_exit, run_tool
from wasmrun_py.toolchain.growth import GrowthMeter
from wasmrun_py.toolchain.pypi import names_network, redact_credentials
from wasmrun_py.toolchain.space import SPACE_HINT, names_full_disk

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wasmrun_py.model.events import Reporter
    from wasmrun_py.toolchain.node import NodeTools
    from wasmrun_py.toolchain.pin import ToolchainPin

# What npm would add to an installation that nobody asked for: scripts of strangers, reports, advice.
QUIET_OPTIONS = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier")

_INSTALL_TIMEOUT_S = 3600.0
_PROBE_TIMEOUT_S = 20.0
_LOCKED_FILES = ("package.json", "package-lock.json")
_REASON_LINES = 3
_SPOKEN = re.compile(r"npm (?:error|ERR!) ?(?P<said>.*)")
_NOT_UNPACKED = re.compile(r"TAR_(?:ENTRY_ERROR|BAD_ARCHIVE|ENTRY_INVALID) (?P<said>.*)")
_NOISE = re.compile(
    r"(?:code|errno|syscall|type|address|port) |A complete log of this run|at |404\s*$|\{|\}|network This is"
)
_SETTING = re.compile(r"^(?P<name>fetch-(?:timeout|retries))=(?P<value>\d+)$", re.MULTILINE)
# npm's own defaults let a registry that accepts and then says nothing hold it for a quarter of an hour.
_PATIENCE = {"fetch-timeout": ("300000", "120000"), "fetch-retries": ("2", "1")}


class NpmClient:
    """Fetches pinned packages with npm; a ``PackageClient``.

    Args:
        tools: The node and npm to run.
    """

    def __init__(self, tools: NodeTools) -> None:
        self._tools = tools

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
            ProvisionError: npm could not install it; the message holds its own words.
            OutputError: The staging folder cannot be written.
        """
        files = staging / "files"
        with translate_write_errors(f"write into {files}"):
            files.mkdir()
            for name in _LOCKED_FILES:
                shutil.copyfile(pin.requirements / name, files / name)
        temporary = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(staging / "tmp"))
        argv = (*self._tools.npm, "ci", *QUIET_OPTIONS, "--no-bin-links")
        env = {**self._tools.environ(environ), **temporary}
        call = ToolCall(argv=argv, cwd=files, env=self.patient(env, files), timeout_s=_INSTALL_TIMEOUT_S)
        reporter.emit(ToolStarted(argv=argv))
        meter = GrowthMeter(
            label=f"Installing {pin.title}",
            whole=staging,
            caches=(),
            total_bytes=pin.unpacked_bytes,
            reporter=reporter,
        )
        with meter.running():
            failure = _try(call, reporter)
        if failure is not None:
            raise ProvisionError(
                f"{pin.title} could not be installed with npm: {failure}",
                tools=[pin.name],
                hint=npm_hint(failure),
            )

    def probe_argv(self, pin: ToolchainPin, program: Path) -> tuple[str, ...]:
        """A package's program is a script for node."""
        return (str(self._tools.node), str(program), *pin.probe)

    def patient(self, env: Mapping[str, str], folder: Path) -> Mapping[str, str]:
        """``env`` with npm's waits shortened where the user left them at npm's defaults."""
        asked = (*self._tools.npm, "config", "get", *_PATIENCE)
        call = ToolCall(argv=asked, cwd=folder, env=env, timeout_s=_PROBE_TIMEOUT_S)
        try:
            said = run_tool(call).output
        except (MissingToolError, ToolCrashedError, LimitError):
            return env
        found = {match["name"]: match["value"] for match in _SETTING.finditer(said)}
        ours = {
            f"npm_config_{name.replace('-', '_')}": shorter
            for name, (default, shorter) in _PATIENCE.items()
            if found.get(name) == default
        }
        return {**env, **ours}


def npm_hint(reason: str) -> str:
    """What to do about a failed npm, from its own words."""
    if names_full_disk(reason):
        return SPACE_HINT
    if names_network(reason):
        return "Check the network and npm's registry and proxy settings (`npm config list`), then try again."
    return "Check npm's settings (`npm config list`), then try again."


def parse_npm_reason(output: str) -> str:
    """Why npm failed, in its own words on one line; credentials covered."""
    spoken = (_SPOKEN.fullmatch(line.strip()) for line in redact_credentials(output).splitlines())
    said = [match["said"].strip() for match in spoken if match and match["said"].strip()]
    telling = [line for line in said if not _NOISE.match(line)]
    return " / ".join(dict.fromkeys(telling[:_REASON_LINES]))


def find_unpacking_fault(output: str) -> str | None:
    """What npm could not unpack: on a full disk it says so, leaves files out, and ends with success."""
    found = _NOT_UNPACKED.search(output)
    return None if found is None else f"files could not be unpacked: {found['said'].strip()}"


def _try(call: ToolCall, reporter: Reporter) -> str | None:
    """Run npm; None when it installed, else the reason."""

    def on_line(line: str) -> None:
        reporter.emit(ToolOutput(line=redact_credentials(line)))

    try:
        result = run_tool(call, on_line=on_line)
    except (MissingToolError, ToolCrashedError, LimitError) as error:
        return error.message
    if result.returncode == 0:
        return find_unpacking_fault(result.output)
    return parse_npm_reason(result.output) or describe_exit(result.returncode)
