"""Read a JSON file of the project, with errors that name file, line and column. Writes nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from wasmrun_py.model.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

_CAP_BYTES = 16 * 1024 * 1024


def load_json_object(path: Path) -> dict[str, Any] | None:
    """The JSON object in ``path``, or None when there is no such file.

    Raises:
        ConfigError: It cannot be read, is not JSON, or is not an object.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(_CAP_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", file=path) from error
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"not valid JSON: {error.msg}", file=path, line=error.lineno, column=error.colno
        ) from error
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError("not UTF-8 text", file=path, line=line) from error
    except RecursionError as error:
        raise ConfigError("nested too deeply", file=path) from error
    if not isinstance(document, dict):
        raise ConfigError("a JSON object is expected", file=path, line=1)
    return document
