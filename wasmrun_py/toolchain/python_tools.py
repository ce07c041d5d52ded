"""Toolchains that are Python programs: the interpreter that runs them, and how they are installed and called.

Such a tool is installed into a folder of its own and started through a small file in it, so that it needs no
environment that could be removed under it: any Python of the right version will do.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from wasmrun_py.model.consent import InstallOffer
from wasmrun_py.model.errors import LimitError, MissingToolError, ProvisionError, ToolCrashedError
from wasmrun_py.model.events import Level, Message, ToolStarted
from wasmrun_py.system.process import ToolCall, describe_exit, run_tool
from wasmrun_py.toolchain.find import find_tool
from wasmrun_py.toolchain.provision import ProvisionPolicy, find_provisioned, get_provisioned, refused
from wasmrun_py.toolchain.pypi import PypiClient, find_uv, parse_reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wasmrun_py.model.events import Reporter
    from wasmrun_py.toolchain.pin import ToolchainPin

_QUERY_TIMEOUT_S = 60.0
_INSTALL_TIMEOUT_S = 1800.0
# -I: what lies in the user's PYTHONPATH or working folder is no part of the tool.
_ISOLATED = "-I"


class PythonToolClient(PypiClient):
    """Fetches a Python program from PyPI; a ``PackageClient``.

    Args:
        interpreter: The Python that will run it.
    """

    def __init__(self, interpreter: Path) -> None:
        super().__init__(interpreter=interpreter)
        self._interpreter = interpreter

    def probe_argv(self, pin: ToolchainPin, program: Path) -> tuple[str, ...]:
        """The interpreter runs it."""
        return (*python_argv(self._interpreter, program), *pin.probe)


def get_python_tool(pin: ToolchainPin, policy: ProvisionPolicy, reporter: Reporter) -> tuple[str, ...]:
    """The command that runs a Python toolchain, installing it when it is not there.

    Args:
        pin: The toolchain; ``pin.python`` says which Python it needs.
        policy: The world it happens in.
        reporter: Receives notices and progress.

    Raises:
        MissingToolError: It, or its Python, is not there and may not be installed.
        ProvisionError: It could not be installed.
    """
    program = find_provisioned(pin, policy.home)
    if program is None and not policy.may_install:
        raise refused(pin)
    interpreter = get_python(pin, policy, reporter)
    if program is None:
        client = PythonToolClient(interpreter)
        program = get_provisioned(pin, policy, reporter, client=client)
    return python_argv(interpreter, program)


def python_argv(interpreter: Path, program: Path) -> tuple[str, ...]:
    """The command that runs a Python tool's file, kept apart from the user's own packages."""
    return (str(interpreter), _ISOLATED, str(program))


def find_python(version: str, environ: Mapping[str, str]) -> Path | None:
    """A Python of exactly this version: ours, one that uv knows, pyenv's, or PATH's; nothing is installed.

    Args:
        version: ``3.11``; empty for any.
        environ: The user's environment.
    """
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    if version in {"", ours}:
        return Path(sys.executable)
    return _ask_uv(version, environ) or _find_in_pyenv(version, environ)


def _ask_uv(version: str, environ: Mapping[str, str]) -> Path | None:
    """What uv finds on PATH and among its own; without uv, what PATH names so."""
    uv = find_uv(environ)
    if uv is None:
        return find_tool(f"python{version}", environ)
    argv = (str(uv), "python", "find", "--no-config", "--no-project", "--no-python-downloads", version)
    call = ToolCall(argv=argv, cwd=uv.parent, env=environ, timeout_s=_QUERY_TIMEOUT_S)
    try:
        result = run_tool(call)
    except (MissingToolError, ToolCrashedError, LimitError):
        return None
    said = Path(result.output.strip().splitlines()[-1]) if result.output.strip() else Path()
    return said if result.returncode == 0 and said.is_absolute() else None


def _find_in_pyenv(version: str, environ: Mapping[str, str]) -> Path | None:
    """The newest of pyenv's: its commands on PATH fail for all versions but the one that is switched on."""
    home = environ.get("USERPROFILE" if sys.platform == "win32" else "HOME", "")
    root = environ.get("PYENV_ROOT") or (home and str(Path(home) / ".pyenv"))
    if not root or not Path(root).is_absolute():
        return None
    program = "python.exe" if sys.platform == "win32" else f"bin/python{version}"
    found = [path for path in Path(root).glob(f"versions/{version}.*/{program}") if path.is_file()]
    return max(found, key=lambda path: _release(path.relative_to(root).parts[1]), default=None)


def _release(version: str) -> tuple[int, ...]:
    """``3.11.7`` in an order in which 10 comes after 9; what is no number counts as nothing."""
    return tuple(int(part) if part.isdigit() else -1 for part in version.split("."))


def get_python(pin: ToolchainPin, policy: ProvisionPolicy, reporter: Reporter) -> Path:
    """The Python that a toolchain needs, installed with uv when it is not there.

    Raises:
        MissingToolError: It is not there and may not be installed.
        ProvisionError: uv could not install it.
    """
    version = pin.python or ""
    found = find_python(version, policy.environ)
    if found is not None:
        return found
    needed = f"Python {version}"
    hint = f"Install it with `uv python install {version}`, or put python{version} on PATH."
    uv = find_uv(policy.environ)
    if uv is None or not policy.may_install:
        raise MissingToolError(f"{pin.title} needs {needed}, which is not there", tools=[needed], hint=hint)
    offer = InstallOffer(title=f"{needed}, which {pin.title} needs", source="uv")
    policy.ask(offer, tools=[needed], hint=hint)
    reporter.emit(Message(level=Level.INFO, text=f"{pin.title} needs {needed}: installing it with uv"))
    argv = (str(uv), "python", "install", "--no-progress", "--color", "never", version)
    reporter.emit(ToolStarted(argv=argv))
    result = run_tool(ToolCall(argv=argv, cwd=uv.parent, env=policy.environ, timeout_s=_INSTALL_TIMEOUT_S))
    found = find_python(version, policy.environ) if result.returncode == 0 else None
    if found is None:
        reason = parse_reason(result.output) or describe_exit(result.returncode)
        raise ProvisionError(f"{needed} could not be installed: {reason}", tools=[needed], hint=hint)
    return found
