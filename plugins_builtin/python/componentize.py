"""componentize-py: a component that holds CPython and the program, and exports ``wasi:cli/run``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugins_builtin.python.guest_files import APP_MODULE, WORLD, write_guest_files
from plugins_builtin.python.names import strip_names
from wasmrun_py.diagnostics.tracebacks import parse_traceback
from wasmrun_py.model.build import Toolchain
from wasmrun_py.model.errors import ArtifactError, BuildError
from wasmrun_py.model.target import OptimizationLevel
from wasmrun_py.system.fs import atomic_write, translate_write_errors
from wasmrun_py.system.process import describe_exit
from wasmrun_py.toolchain.catalog import COMPONENTIZE_PY
from wasmrun_py.toolchain.python_tools import get_python_tool

if TYPE_CHECKING:
    from pathlib import Path

    from plugins_builtin.python.program import Program
    from plugins_builtin.python.tools import Session
    from wasmrun_py.model.events import Reporter
    from wasmrun_py.plugin.api import PluginContext

# What the component runs; dependencies are resolved for it.
PYTHON_VERSION = "3.14"


def get_command(context: PluginContext, reporter: Reporter) -> tuple[str, ...]:
    """How componentize-py is called, installing it when it is not there.

    Raises:
        MissingToolError, ProvisionError: It is not there and could or may not be installed.
    """
    return get_python_tool(COMPONENTIZE_PY, context.provision_policy(), reporter)


def build_component(session: Session, program: Program, command: tuple[str, ...], output: Path) -> Toolchain:
    """Build ``output``.

    Raises:
        BuildError: componentize-py failed.
        ToolCrashedError: It was ended.
    """
    work = session.config.work_dir / "component"
    write_guest_files(work, program, session.config.optimization_level)
    argv = (
        *(*command, "-d", str(work / "wit"), "-w", WORLD, "componentize", APP_MODULE),
        *("-p", str(work / "app"), "-o", str(output), *session.config.custom_args),
    )
    # It takes in the packages of VIRTUAL_ENV, else of whatever Python it finds: here there are none.
    nothing = work / "environment"
    atomic_write(nothing / "site-packages" / ".keep", b"")
    toolchain = Toolchain(name=COMPONENTIZE_PY.name, version=COMPONENTIZE_PY.version)
    project = session.config.project_path.name
    with session.step(f"Building {project} with {COMPONENTIZE_PY.title}"):
        result = session.run(
            argv, tool=COMPONENTIZE_PY.name, cwd=work, extra_env={"VIRTUAL_ENV": str(nothing)}
        )
    if result.returncode != 0:
        diagnostics = parse_traceback(result.output, COMPONENTIZE_PY.name)
        raise BuildError(
            f"componentize-py could not build {project} ({describe_exit(result.returncode)})",
            diagnostics=diagnostics,
            output=result.output,
            log_file=result.log_file,
        )
    if not output.is_file():
        raise ArtifactError(
            f"componentize-py succeeded and did not write {output.name}",
            hint="Leave out options after `--` that change the output.",
        )
    if session.config.optimization_level is OptimizationLevel.SIZE and not session.config.debug_info:
        _strip(output)
    return toolchain


def _strip(output: Path) -> None:
    """Leave names out, as other toolchains do at this level: componentize-py takes no level."""
    try:
        with translate_write_errors(f"read {output}"):
            smaller = strip_names(output.read_bytes())
    except ValueError as error:
        raise ArtifactError(f"componentize-py wrote a broken {output.name}: {error}") from error
    atomic_write(output, smaller)
