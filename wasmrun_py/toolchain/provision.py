"""Install a pinned toolchain into ``Home.toolchains`` so that it is there whole or not at all.

Lock, staging folder beside the destination, install, probe, receipt, one rename. ``kill -9`` at any
point leaves what was there before; what a killed run left behind is removed by the next install. How
packages are fetched is the business of ``pypi`` and ``npm``, each a ``PackageClient``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from wasmrun_py.model.consent import InstallOffer
from wasmrun_py.model.errors import MissingToolError, OutputError, ProvisionError, ToolCrashedError
from wasmrun_py.model.events import Level, Message, StepFinished, StepStarted
from wasmrun_py.system.fs import (
    atomic_write,
    exclusive_lock,
    find_staging_process,
    remove_tree,
    staging_folder,
    translate_write_errors,
)
from wasmrun_py.toolchain.space import measure_folder, require_space
from wasmrun_py.toolchain.version import load_answer, parse_version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from wasmrun_py.model.consent import Confirmer
    from wasmrun_py.model.events import Reporter
    from wasmrun_py.system.paths import Home
    from wasmrun_py.toolchain.pin import ToolchainPin

RECEIPT = "receipt.json"
_HEADROOM = 1.25
_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisionPolicy:
    """The world an installation happens in.

    Attributes:
        environ: The user's environment, handed to the package client whole.
        home: Where toolchains are installed.
        may_install: False refuses to install anything.
        confirm: Asked before each installation; None installs without asking.
    """

    environ: Mapping[str, str]
    home: Home
    may_install: bool = True
    confirm: Confirmer | None = None

    def ask(self, offer: InstallOffer, *, tools: Sequence[str], hint: str) -> None:
        """Ask the user, where they want to be asked.

        Raises:
            MissingToolError: They said no; with ``tools`` and ``hint``.
        """
        if self.confirm is not None and not self.confirm(offer):
            raise MissingToolError(
                f"Not installed, because you said no: {offer.title}", tools=tools, hint=hint
            )


class PackageClient(Protocol):
    """Fetches pinned packages of one registry through the user's own client."""

    def install(
        self, pin: ToolchainPin, *, staging: Path, environ: Mapping[str, str], reporter: Reporter
    ) -> None:
        """Install ``pin`` into ``staging/files``, its content checked against the pinned hashes.

        Raises:
            ProvisionError: It could not be installed, with the client's own last words.
            OutputError: The staging folder cannot be written.
        """

    def probe_argv(self, pin: ToolchainPin, program: Path) -> tuple[str, ...]:
        """The command after which a working program prints the version of ``pin``."""


def find_provisioned(pin: ToolchainPin, home: Home) -> Path | None:
    """The program of an installed toolchain, or None; looks at two files and runs nothing."""
    folder = pin.folder(home)
    program = pin.program_in(folder)
    try:
        return program if (folder / RECEIPT).is_file() and program.is_file() else None
    except OSError:
        return None


def get_provisioned(
    pin: ToolchainPin, policy: ProvisionPolicy, reporter: Reporter, *, client: PackageClient | None = None
) -> Path:
    """The program of a toolchain, installing it when it is not there.

    Args:
        pin: The toolchain.
        policy: The world it happens in.
        reporter: Receives notices and progress.
        client: Fetches it; None for PyPI's.

    Raises:
        MissingToolError: It is not there and may not be installed; the hint names the commands.
        ProvisionError: It could not be installed: no network, a wrong hash, no space, a failed probe, a
            destination that cannot be written.
    """
    program = find_provisioned(pin, policy.home)
    if program is not None:
        return program
    if not policy.may_install:
        raise refused(pin)
    # Before the lock: others must not have to wait for a person.
    policy.ask(_offer(pin, policy.home), tools=[pin.name], hint=_by_hand(pin))
    try:
        with exclusive_lock(toolchain_lock(pin, policy.home), on_wait=_teller(pin, policy.home, reporter)):
            # Whoever held the lock may have done the work.
            found = find_provisioned(pin, policy.home)
            return found or _install(pin, policy, reporter, client or _pypi_client())
    except OutputError as error:
        raise ProvisionError(
            f"{pin.title} could not be installed. {error.message}",
            tools=[pin.name],
            hint="Make it writable, free some space, or point WASMRUN_HOME at another folder.",
        ) from error


def toolchain_lock(pin: ToolchainPin, home: Home) -> Path:
    """The lock that whoever installs or removes a toolchain holds."""
    return home.locks / f"toolchain-{pin.slug}.lock"


def _teller(pin: ToolchainPin, home: Home, reporter: Reporter) -> Callable[[], None]:
    """Says for whom we wait."""

    def tell() -> None:
        number = find_staging_process(home.toolchains, prefix=_leftover_prefix(pin))
        who = f"Another wasmrun (process {number})" if number else "Another wasmrun"
        reporter.emit(Message(level=Level.INFO, text=f"{who} is installing {pin.title}; waiting…"))

    return tell


def remove_provisioned(pin: ToolchainPin, home: Home) -> bool:
    """Remove an installed toolchain; True when there was one.

    Raises:
        OutputError: The folder cannot be moved away.
    """
    folder = pin.folder(home)
    if not folder.exists():
        return False
    with exclusive_lock(toolchain_lock(pin, home), on_wait=lambda: None):
        _discard(folder, pin)
        _remove_leftovers(pin, home)
    return True


def refused(pin: ToolchainPin) -> MissingToolError:
    """The error for a toolchain that is not there and may not be installed."""
    return MissingToolError(
        f"{pin.name} is not installed, and wasmrun may not install it",
        tools=[pin.name],
        hint=f"{_by_hand(pin)} Or let wasmrun do it: WASMRUN_TOOLCHAINS=auto, without "
        "--no-toolchain-install and --frozen.",
    )


def _by_hand(pin: ToolchainPin) -> str:
    return f"Install it with `{pin.manual_install}` ({pin.source}), or put your own {pin.name} on PATH."


def _offer(pin: ToolchainPin, home: Home) -> InstallOffer:
    return InstallOffer(
        title=pin.title,
        source=pin.source,
        folder=pin.folder(home),
        download_bytes=pin.download_bytes,
        unpacked_bytes=pin.unpacked_bytes,
    )


def _install(pin: ToolchainPin, policy: ProvisionPolicy, reporter: Reporter, client: PackageClient) -> Path:
    """Install under the lock; returns the program."""
    home = policy.home
    with translate_write_errors(f"create {home.toolchains}"):
        home.toolchains.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(pin, home)
    require_space(home.toolchains, int(pin.unpacked_bytes * _HEADROOM), title=pin.title, tools=[pin.name])
    folder = pin.folder(home)
    if policy.confirm is None:
        reporter.emit(Message(level=Level.INFO, text=_notice(pin, folder)))
    label = f"Installing {pin.title}"
    reporter.emit(StepStarted(label=label))
    try:
        with staging_folder(home.toolchains, prefix=_leftover_prefix(pin)) as staging:
            with translate_write_errors(f"create folders in {staging}"):
                (staging / "tmp").mkdir()
            client.install(pin, staging=staging, environ=policy.environ, reporter=reporter)
            if pin.prepare is not None:
                pin.prepare(staging / "files")
            program = pin.program_in(staging / "files")
            _probe(pin, client.probe_argv(pin, program), policy.environ)
            _write_receipt(pin, staging / "files")
            _discard(folder, pin)
            with translate_write_errors(f"move {pin.title} to {folder}"):
                (staging / "files").rename(folder)
    finally:
        reporter.emit(StepFinished(label=label))
    return pin.program_in(folder)


def _pypi_client() -> PackageClient:
    from wasmrun_py.toolchain.pypi import PypiClient  # noqa: PLC0415 - few builds install

    return PypiClient()


def _notice(pin: ToolchainPin, folder: Path) -> str:
    return (
        f"{pin.name} is not on this machine: installing {pin.package} {pin.version} from {pin.registry} "
        f"into {folder} "
        f"(download {pin.download_bytes // _MEGABYTE} MB, {pin.unpacked_bytes // _MEGABYTE} MB on disk)"
    )


def _leftover_prefix(pin: ToolchainPin) -> str:
    return f".tmp-{pin.slug}-"


def _remove_leftovers(pin: ToolchainPin, home: Home) -> None:
    """Remove what killed runs left; the lock is held, so that none of it belongs to a living one."""
    for leftover in home.toolchains.glob(f"{_leftover_prefix(pin)}*"):
        remove_tree(leftover)


def _discard(folder: Path, pin: ToolchainPin) -> None:
    """Take a folder out of the way in one rename, then remove it: it is never there in part."""
    if not folder.exists():
        return
    with (
        staging_folder(folder.parent, prefix=_leftover_prefix(pin)) as away,
        translate_write_errors(f"remove {folder}"),
    ):
        folder.rename(away / "old")


def _probe(pin: ToolchainPin, argv: tuple[str, ...], environ: Mapping[str, str]) -> None:
    """Run the program once: a toolchain that was never seen working is not installed."""
    try:
        answer = load_answer(argv, environ).strip()
    except (MissingToolError, ToolCrashedError) as error:
        raise ProvisionError(
            f"{pin.title} was downloaded and does not run on this machine: {error.message}",
            tools=[pin.name],
            hint=f"Install {pin.name} by hand and put it on PATH.",
        ) from error
    if parse_version(answer) != pin.version:
        raise ProvisionError(
            f"{pin.package} {pin.version} was downloaded, and its {pin.name} says it is {answer[:40]!r}",
            tools=[pin.name],
            hint=f"Install {pin.name} by hand and put it on PATH.",
        )


def _write_receipt(pin: ToolchainPin, folder: Path) -> None:
    import json  # noqa: PLC0415 - as above
    from datetime import UTC, datetime  # noqa: PLC0415 - as above

    size = measure_folder(folder)
    receipt = {
        "name": pin.name,
        "version": pin.version,
        "source": pin.source,
        "installed_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "files": size.files,
        "size_bytes": size.size_bytes,
    }
    atomic_write(folder / RECEIPT, json.dumps(receipt, indent=2).encode() + b"\n")
