"""The one place where foreign plugin code is called and whatever it raises becomes an error of ours.

A plugin that raises, exits or prints while it is asked something must not take wasmrun down or spoil the
document on stdout. Nothing else in the project catches ``Exception``, but for the edge that turns errors
into exit codes.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import PluginFailedError, WasmrunError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def foreign_code(plugin: str, phase: str) -> Iterator[None]:
    """Call a plugin's code inside this block.

    Args:
        plugin: Its name, for the message.
        phase: What it is asked to do, for the message (``load``, ``can_handle_project``, ``build``…).

    Raises:
        PluginFailedError: It raised something that is not a ``WasmrunError``, or tried to exit.
    """
    with contextlib.redirect_stdout(sys.stderr):
        try:
            yield
        except (WasmrunError, KeyboardInterrupt):
            raise
        except (Exception, SystemExit) as error:
            said = str(error).strip().splitlines()
            raise PluginFailedError(
                f'Plugin "{plugin}" failed in {phase}: {type(error).__name__}'
                + (f": {said[0]}" if said else ""),
                plugin=plugin,
                phase=phase,
                hint="This is a fault of the plugin; report it to its author.",
            ) from error
