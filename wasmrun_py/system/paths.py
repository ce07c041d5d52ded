"""Where wasmrun keeps things: the WASMRUN_HOME tree and the platform's cache folder.

Pure path arithmetic over an environment that is passed in; nothing is created here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

HOME_VARIABLE = "WASMRUN_HOME"
CACHE_VARIABLE = "WASMRUN_CACHE_DIR"
PLUGIN_PATH_VARIABLE = "WASMRUN_PLUGIN_PATH"


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """The installed state of one user (DESIGN §6, "Installed state").

    Attributes:
        root: ``WASMRUN_HOME``, absolute.
        own_cache: The cache folder that was asked for, absolute; None for the platform's.
    """

    root: Path
    own_cache: Path | None = None

    @property
    def cache(self) -> Path:
        """Where things that can be made again are kept, absolute."""
        if self.own_cache is not None:
            return self.own_cache
        import platformdirs  # noqa: PLC0415 - 20 ms, and most commands cache nothing

        return Path(platformdirs.user_cache_dir("wasmrun", appauthor=False))

    @property
    def config_file(self) -> Path:
        """The user's settings."""
        return self.root / "config.toml"

    @property
    def toolchains(self) -> Path:
        """Toolchains that wasmrun installed, one folder each."""
        return self.root / "toolchains"

    @property
    def store(self) -> Path:
        """Installed plugins: one immutable folder a generation, ``NAME-VERSION-DIGEST8``."""
        return self.root / "store"

    @property
    def plugins(self) -> Path:
        """A link for each installed plugin to its generation; derived from ``config.toml``."""
        return self.root / "plugins"

    @property
    def bin(self) -> Path:
        """A link for each installed plugin's program; derived from ``config.toml``."""
        return self.root / "bin"

    @property
    def logs(self) -> Path:
        """Long tool output."""
        return self.root / "logs"

    @property
    def locks(self) -> Path:
        """Lock files; their content means nothing."""
        return self.root / "locks"

    @property
    def outputs(self) -> Path:
        """Which output folders each project was built into (for ``clean``)."""
        return self.root / "outputs"

    @property
    def builds(self) -> Path:
        """What earlier builds made, and the digests of their inputs."""
        return self.cache / "builds"

    @property
    def servers(self) -> Path:
        """A private file for each running server."""
        return self.root / "servers"

    @property
    def modules(self) -> Path:
        """Compiled modules of ``exec``."""
        return self.cache / "modules"


def find_home(environ: Mapping[str, str], *, cwd: Path) -> Home:
    """Work out the home and cache folders from the environment.

    Args:
        environ: The environment: ``WASMRUN_HOME``, ``WASMRUN_CACHE_DIR``.
        cwd: What a relative value is relative to.
    """
    named = environ.get(HOME_VARIABLE, "")
    root = cwd / named if named else Path.home() / ".wasmrun"
    cache_named = environ.get(CACHE_VARIABLE, "")
    if cache_named:
        return Home(root=root, own_cache=cwd / cache_named)
    # A home that was moved on purpose (a test, a CI job) takes its cache along.
    return Home(root=root, own_cache=root / "cache" if named else None)
