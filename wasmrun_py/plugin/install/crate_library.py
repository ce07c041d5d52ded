"""The shared library of a crate: built with cargo, tried out in a helper, laid into ``generation/lib``.

Many crates have one that is no plugin, or one that only Rust can call: what a helper refuses is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import PluginFailedError, PluginInstallError
from wasmrun_py.model.events import Level, Message
from wasmrun_py.plugin.ffi.libraries import find_library
from wasmrun_py.plugin.install.clients import client_failure, get_client, run_client
from wasmrun_py.system.fs import atomic_write, translate_write_errors
from wasmrun_py.system.paths import Home

if TYPE_CHECKING:
    from pathlib import Path

    from wasmrun_py.model.manifest import PluginManifest
    from wasmrun_py.plugin.install.steps import InstallWorld

SETTINGS = "cargo's registry and proxy settings"


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryOrder:
    """A library to build.

    Attributes:
        title: The crate's name and version.
        name: The library's name, without prefix and suffix.
        folder: A copy of the crate's source that cargo may write into.
        locked: A Cargo.lock belongs to it.
        features: The features it is built with.
        manifest: The crate's.
        needed: Without it the crate cannot be installed.
    """

    title: str
    name: str
    folder: Path
    locked: bool
    features: frozenset[str]
    manifest: PluginManifest
    needed: bool


def build_library(
    order: LibraryOrder, generation: Path, *, scratch: Path, world: InstallWorld
) -> Path | None:
    """The library's path in ``generation/lib``; None when there is none that can be called.

    Raises:
        PluginInstallError: There is none, and it is needed.
        MissingToolError: There is no cargo.
        OutputError: It cannot be written.
    """
    try:
        built = _compile(order, scratch=scratch, world=world)
        _try_out(order, built, scratch=scratch, world=world)
    except (PluginInstallError, PluginFailedError) as error:
        if order.needed:
            if isinstance(error, PluginInstallError):
                raise
            raise PluginInstallError(
                f"{order.title} has a library that cannot be called: {error.message}", hint=error.hint
            ) from error
        text = f"{order.title} is called through its program alone: {error.message}"
        world.reporter.emit(Message(level=Level.INFO, text=text))
        return None
    path = generation / "lib" / built.name
    with translate_write_errors(f"install {order.title}"):
        atomic_write(path, built.read_bytes())
    return path


def _compile(order: LibraryOrder, *, scratch: Path, world: InstallWorld) -> Path:
    cargo = get_client("cargo", world, needed_for=f"the crate {order.title}")
    target = scratch / "target"
    argv = (
        *(cargo, "build", "--release", "--lib", "--color", "never"),
        *("--manifest-path", str(order.folder / "Cargo.toml"), "--target-dir", str(target)),
        *(("--locked",) if order.locked else ()),
        *(("--features", ",".join(sorted(order.features))) if order.features else ()),
    )
    result = run_client(argv, folder=scratch, world=world)
    if result.returncode != 0:
        raise client_failure(
            f"The library of {order.title} could not be built", result, world, settings=SETTINGS
        )
    # cargo turns a crate's dashes into underscores.
    names = (order.name, order.name.replace("-", "_"))
    built = next((path for name in names if (path := find_library(target / "release", name))), None)
    if built is None:
        raise PluginInstallError(
            f"{order.title} was built and gave no library {order.name}",
            hint=f"The whole output is in {world.log_file}.",
            log_file=world.log_file,
        )
    return built


def _try_out(order: LibraryOrder, library: Path, *, scratch: Path, world: InstallWorld) -> None:
    """Open it once in a helper, which says whether it can be called.

    Raises:
        PluginFailedError: It cannot.
    """
    from wasmrun_py.plugin.transport.base import (  # noqa: PLC0415 - one installation in many
        Callee,
        StartPaths,
        TransportWorld,
    )
    from wasmrun_py.plugin.transport.ffi import FfiTransport  # noqa: PLC0415 - as above

    transport = FfiTransport(
        Callee(
            name=order.manifest.info.name,
            manifest=order.manifest,
            paths=StartPaths(library=library),
            world=TransportWorld(environ=world.environ, home=Home(root=scratch)),
        )
    )
    transport.open()
    transport.close()
