"""Build a project with its own CMakeLists.txt, out of source."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from plugins_builtin.c.arguments import is_cmake_arg
from plugins_builtin.c.make import BuiltProducts
from plugins_builtin.c.products import find_products, nothing_made, snapshot
from plugins_builtin.c.wrappers import Wrapper, write_wrappers
from wasmrun_py.model.build import WASM_TARGET, OptimizationLevel
from wasmrun_py.model.errors import MissingToolError
from wasmrun_py.system.fs import atomic_write
from wasmrun_py.toolchain.find import find_tool

if TYPE_CHECKING:
    from plugins_builtin.c.session import Session

_BUILD_TYPES = {
    OptimizationLevel.DEBUG: "Debug",
    OptimizationLevel.RELEASE: "Release",
    OptimizationLevel.SIZE: "MinSizeRel",
}


def build_with_cmake(session: Session) -> BuiltProducts:
    """Configure and build in the work folder, and collect the modules that were made.

    Raises:
        MissingToolError: cmake, or the tool behind its generator, is not there.
        BuildError: Configuring or building failed.
        ArtifactError: It succeeded and made no module.
    """
    config, environ = session.config, session.context.environ
    cmake = find_tool("cmake", environ)
    if cmake is None:
        raise MissingToolError(
            f"{config.project_path.name} has a CMakeLists.txt, and cmake is not on PATH",
            tools=["cmake"],
            hint="Install CMake (Debian: `apt install cmake`).",
        )
    generator = _generator(session)
    folder = config.work_dir / "build"
    configure = (
        str(cmake),
        *generator,
        # A project of one language does not use the other's flags, which is no news to the user.
        "--no-warn-unused-cli",
        *("-S", str(config.project_path), "-B", str(folder)),
        f"-DCMAKE_BUILD_TYPE={_BUILD_TYPES[config.optimization_level]}",
        f"-DCMAKE_TOOLCHAIN_FILE={_toolchain_file(session)}",
        *_flag_variables(session),
        *filter(is_cmake_arg, config.custom_args),
    )
    with session.step(f"Configuring {config.project_path.name} with CMake for {session.title}"):
        outcome = session.run(configure, tool="cmake", cwd=config.work_dir)
        diagnostics = session.check(outcome, "configure")
    before = snapshot(folder)
    build = (str(cmake), "--build", str(folder), "--parallel")
    with session.step(f"Compiling {config.project_path.name} with {session.title}"):
        outcome = session.run(build, tool=session.compiler.name, cwd=folder)
        diagnostics += session.check(outcome, "build")
    products = find_products(folder, before)
    if not products:
        raise nothing_made("cmake", folder, before, "Name a program in CMakeLists.txt with add_executable().")
    return BuiltProducts(products=products, diagnostics=diagnostics)


def parse_project_name(text: str) -> str | None:
    """The name in a CMakeLists.txt's ``project(NAME …)``, or None."""
    found = re.search(r"^\s*project\s*\(\s*\"?([A-Za-z0-9_.+-]+)", text, re.IGNORECASE | re.MULTILINE)
    return found.group(1) if found else None


def _generator(session: Session) -> tuple[str, ...]:
    """CMake's own choice where make is there (or the user chose); ninja otherwise.

    Raises:
        MissingToolError: Neither is there.
    """
    environ = session.context.environ
    chosen = environ.get("CMAKE_GENERATOR") or any(arg.startswith("-G") for arg in session.config.custom_args)
    if chosen:
        return ()
    if find_tool("make", environ):
        return ("-G", "Unix Makefiles")
    if find_tool("ninja", environ):
        return ("-G", "Ninja")
    raise MissingToolError(
        "CMake needs make or ninja, and neither is on PATH",
        tools=["make"],
        hint="Install one of them (Debian: `apt install make`).",
    )


def _toolchain_file(session: Session) -> Path:
    """Emscripten's own, else one that we write."""
    if session.compiler.name == "emcc":
        home = Path(session.compiler.c_argv[0]).resolve().parent
        own = home / "cmake" / "Modules" / "Platform" / "Emscripten.cmake"
        if own.is_file():
            return own
    compiler = session.compiler
    wrappers = write_wrappers(
        session.config.work_dir / "bin",
        (
            Wrapper(name="wasmrun-cc", argv=compiler.c_argv),
            Wrapper(name="wasmrun-c++", argv=compiler.cxx_argv, always=compiler.cxx_flags()),
            *(Wrapper(name=f"wasmrun-{name.lower()}", argv=argv) for name, argv in compiler.tools.items()),
        ),
    )
    lines = [
        "set(CMAKE_SYSTEM_NAME Generic)",
        "set(CMAKE_SYSTEM_PROCESSOR wasm32)",
        f"set(CMAKE_C_COMPILER {_quoted(wrappers['wasmrun-cc'])})",
        f"set(CMAKE_CXX_COMPILER {_quoted(wrappers['wasmrun-c++'])})",
        *(f"set(CMAKE_{name} {_quoted(wrappers[f'wasmrun-{name.lower()}'])})" for name in compiler.tools),
        'set(CMAKE_EXECUTABLE_SUFFIX ".wasm")',
        # Linking a test program for each check would build zig's libc before the first source compiles.
        "set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)",
        "set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)",
        "set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)",
        "set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)",
        "set(WASI TRUE)",
    ]
    path = session.config.work_dir / "wasm.cmake"
    atomic_write(path, "\n".join((*lines, "")).encode())
    return path


def _flag_variables(session: Session) -> tuple[str, ...]:
    """The level, for CMake's variables of the build type: they come last on every command line."""
    compiler, config = session.compiler, session.config
    kind = _BUILD_TYPES[config.optimization_level].upper()
    own = tuple(arg for arg in config.custom_args if not is_cmake_arg(arg))
    defined = () if config.optimization_level is OptimizationLevel.DEBUG else ("-DNDEBUG",)
    compiling = _joined((*session.compile_flags, *defined, *own))
    # The C++ driver, or emcc, brings the C++ library along by itself.
    standalone = ("-sSTANDALONE_WASM",) if compiler.name == "emcc" and config.target == WASM_TARGET else ()
    linking = _joined((*compiler.link_flags(config, has_cxx=False), *standalone))
    return (
        f"-DCMAKE_C_FLAGS_{kind}={compiling}",
        f"-DCMAKE_CXX_FLAGS_{kind}={compiling}",
        f"-DCMAKE_EXE_LINKER_FLAGS_{kind}={linking}",
    )


def _joined(args: tuple[str, ...]) -> str:
    """Arguments as CMake puts them on a command line, where a shell takes them apart again."""
    return " ".join(f'"{arg}"' if " " in arg else arg for arg in args)


def _quoted(path: Path) -> str:
    escaped = path.as_posix().replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f'"{escaped}"'
