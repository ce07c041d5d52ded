"""Which ``config.toml`` this wasmrun understands: a file of a newer one is never read by guessing.

Apart from ``plugin_state`` so that commands without plugins need not import it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from wasmrun_py.config.toml_file import TomlFile

SCHEMA_KEY: Final = "schema"
SCHEMA_VERSION: Final = 1
PLUGINS_TABLE: Final = "external_plugins"


def check_schema(file: TomlFile) -> None:
    """Refuse a file that was written by a newer wasmrun, or whose ``schema`` is no number.

    Raises:
        ConfigError: With both numbers.
    """
    version = file.tables.get(SCHEMA_KEY, SCHEMA_VERSION)
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise file.error("", SCHEMA_KEY, f'"{SCHEMA_KEY}" must be a positive integer')
    if version > SCHEMA_VERSION:
        raise file.error(
            "",
            SCHEMA_KEY,
            f"was written by a newer wasmrun (schema {version}; this one knows {SCHEMA_VERSION})",
            hint="Update wasmrun, or point WASMRUN_HOME at another folder.",
        )
