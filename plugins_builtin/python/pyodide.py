"""pyodide: a page that runs the program in a browser, with everything it needs beside it.

Nothing is compiled: pyodide's runtime is copied from the installed toolchain, and the program is packed with
its dependencies and data files into one archive that the page unpacks. The runtime's list of packages is
emptied, so that no page built here ever asks a server for one.
"""

from __future__ import annotations

import html
import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plugins_builtin.pages import copy_page, find_page
from plugins_builtin.python import guest
from plugins_builtin.python.data_files import walk_data_files
from wasmrun_py.model.build import BuildResult, Toolchain
from wasmrun_py.model.errors import UnsupportedBuildError
from wasmrun_py.model.target import OptimizationLevel
from wasmrun_py.system.fs import translate_write_errors
from wasmrun_py.toolchain.catalog import PYODIDE
from wasmrun_py.toolchain.install import get_toolchain
from wasmrun_py.toolchain.provision import ProvisionPolicy
from wasmrun_py.toolchain.pyodide import runtime_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugins_builtin.pages import Page
    from plugins_builtin.python.program import Program
    from plugins_builtin.python.tools import Session

# What the browser runs; dependencies are resolved for it.
PYTHON_VERSION = "3.12"
_RUNTIME_FOLDER = "pyodide"
_RUNTIME = ("pyodide.js", "pyodide.asm.js", "pyodide.asm.wasm", "python_stdlib.zip")
_MODULE = "pyodide.asm.wasm"
_LOCK = "pyodide-lock.json"
_HERE = Path(__file__).parent
_WEB = _HERE / "web"
_GUEST = {"wasmrun_guest.py": _HERE / "guest.py", "wasmrun_web.py": _HERE / "web_guest.py"}
# Folders in the browser's own file system.
_PROJECT, _PACKAGES, _OWN = "project", "packages", "wasmrun"
_COMPRESSION = {
    OptimizationLevel.DEBUG: (zipfile.ZIP_STORED, None),
    OptimizationLevel.RELEASE: (zipfile.ZIP_DEFLATED, 6),
    OptimizationLevel.SIZE: (zipfile.ZIP_DEFLATED, 9),
}
# A package of that name adds to a standard module that is there without it.
_PRESENT = frozenset({"hashlib"})
# Files in an archive have a date; the same program gives the same archive.
_DATE = (2020, 1, 1, 0, 0, 0)


def get_runtime(session: Session) -> Path:
    """The folder with pyodide's files, installing it when it is not there.

    Raises:
        UnsupportedBuildError: Arguments were given for it.
        MissingToolError, ProvisionError: It is not there and could or may not be installed.
    """
    if session.config.custom_args:
        raise UnsupportedBuildError(
            f"pyodide takes no arguments: {' '.join(session.config.custom_args)}",
            hint="Leave out what stands after `--`, and [build] args in wasmrun.toml.",
        )
    context = session.context
    policy = ProvisionPolicy(environ=context.environ, home=context.home, may_install=context.may_install)
    return runtime_folder(get_toolchain(PYODIDE, policy, session.reporter))


def runtime_files(runtime: Path) -> tuple[Path, ...]:
    """What a page takes from pyodide's folder."""
    return tuple(runtime / name for name in (*_RUNTIME, _LOCK))


def build_page(
    session: Session, program: Program, *, dependencies: Path | None, runtime: Path, name: str
) -> BuildResult:
    """Write the page and all that it loads.

    Args:
        session: The build.
        program: The program.
        dependencies: A folder of installed packages, or None.
        runtime: The folder with pyodide's files.
        name: The base name of the loader and the archive.

    Raises:
        OutputError: A file cannot be written.
        UnreadablePathError: The project's page cannot be read.
    """
    config = session.config
    out = config.output_dir
    page = find_page(config.project_path)
    name = config.name or (page.script if page else None) or name
    with session.step(f"Building {config.project_path.name} with {PYODIDE.title}"):
        made = [*_copy_runtime(runtime, out / _RUNTIME_FOLDER)]
        packed = _pack(session, program, dependencies, page)
        archive, loader = out / f"{name}.zip", out / f"{name}.js"
        _write_archive(archive, packed, config.optimization_level)
        with translate_write_errors(f"write {loader}"):
            loader.write_text(format_loader(program, config.project_path, name), "utf-8")
        if page is None:
            made.append(_write_page(out, name))
        else:
            made += copy_page(replace(page, is_shell=False), config.project_path, out)
    return BuildResult(
        wasm_path=out / _RUNTIME_FOLDER / _MODULE,
        js_path=loader,
        additional_files=(archive, *(path for path in made if path.name != _MODULE)),
        toolchain=Toolchain(name=PYODIDE.name, version=PYODIDE.version),
        warnings=(*_page_warnings(page, name), *_library_warnings(config.project_path, program, runtime)),
        # Its makers have optimized the module.
        binaryen_ran=True,
    )


def format_loader(program: Program, project: Path, name: str) -> str:
    """The script that a page loads."""
    main = program.modules[program.main]
    inside = [
        root.relative_to(project).parts if root.is_relative_to(project) else ()
        for root in program.entry.search
    ]
    settings = {
        "script": f"{name}.js",
        "archive": f"{name}.zip",
        "program": {
            "main": program.main,
            "file": f"/{_PROJECT}/{main.shown}",
            "as_module": program.entry.package is not None,
            "folder": f"/{_PROJECT}",
            "search": ["/" + "/".join((_PROJECT, *parts)) for parts in inside],
            "packages": [f"/{_PACKAGES}"],
        },
    }
    return (_WEB / "loader.js").read_text("utf-8").replace('"{{settings}}"', json.dumps(settings))


def _pack(
    session: Session, program: Program, dependencies: Path | None, page: Page | None
) -> dict[str, bytes | Path]:
    """What goes into the archive, by its path there: what starts the program, data, dependencies, modules."""
    project = session.config.project_path
    packed: dict[str, bytes | Path] = {f"{_OWN}/{name}": path for name, path in _GUEST.items()}
    for data in walk_data_files(project, output_dir=session.config.output_dir):
        if page is None or not (
            data == page.html or (page.html.parent != project and data.is_relative_to(page.html.parent))
        ):
            packed[f"{_PROJECT}/{data.relative_to(project).as_posix()}"] = data
    for path in _files_below(dependencies) if dependencies else ():
        packed[f"{_PACKAGES}/{path.relative_to(dependencies or path).as_posix()}"] = path
    for module in program.modules.values():
        if dependencies is None or not module.path.is_relative_to(dependencies):
            packed[f"{_PROJECT}/{module.shown}"] = module.source
    return packed


def _files_below(folder: Path) -> Iterator[Path]:
    """Every file of installed packages but their commands and what was compiled of them."""
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).parts
        if path.is_file() and inside[0] != "bin" and not path.name.startswith(".") and path.suffix != ".pyc":
            yield path


def _write_archive(archive: Path, packed: dict[str, bytes | Path], level: OptimizationLevel) -> None:
    method, effort = _COMPRESSION[level]
    with (
        translate_write_errors(f"write {archive}"),
        zipfile.ZipFile(archive, "w", method, compresslevel=effort) as stream,
    ):
        for name in sorted(packed):
            content = packed[name]
            data = content if isinstance(content, bytes) else content.read_bytes()
            entry = zipfile.ZipInfo(name.encode("utf-8", "replace").decode(), _DATE)
            stream.writestr(entry, data, method, effort)


def _copy_runtime(runtime: Path, folder: Path) -> Iterator[Path]:
    with translate_write_errors(f"copy pyodide into {folder}"):
        folder.mkdir()
        for name in _RUNTIME:
            yield Path(shutil.copyfile(runtime / name, folder / name))
        lock = folder / _LOCK
        document = {**_load_lock(runtime), "packages": {}}
        lock.write_text(json.dumps(document), "utf-8")
    yield lock


def _load_lock(runtime: Path) -> dict[str, Any]:
    with translate_write_errors(f"read {runtime / _LOCK}"):
        document: dict[str, Any] = json.loads((runtime / _LOCK).read_text("utf-8"))
    return document


def _write_page(folder: Path, name: str) -> Path:
    text = (_WEB / "index.html").read_text("utf-8")
    text = text.replace("{{title}}", html.escape(name)).replace("{{script}}", html.escape(f"{name}.js"))
    page = folder / "index.html"
    with translate_write_errors(f"write {page}"):
        page.write_text(text, "utf-8")
    return page


def _page_warnings(page: Page | None, name: str) -> tuple[str, ...]:
    if page is None or f"{name}.js" in page.html.read_text("utf-8", errors="replace"):
        return ()
    tag = f'<script src="{name}.js"></script>'
    return (f"{page.html.name} does not load the program: add {tag} to it.",)


def _library_warnings(project: Path, program: Program, runtime: Path) -> tuple[str, ...]:
    """Standard modules that the project imports and that pyodide publishes as packages of their own."""
    apart = {
        name.replace("-", "_")
        for name, package in _load_lock(runtime)["packages"].items()
        if package["package_type"] == "cpython_module" and name not in _PRESENT
    }
    used: set[str] = set()
    for module in program.modules.values():
        if module.path.is_relative_to(project):
            used |= guest.parse_imports(module.source, module.package) & apart
    if not used:
        return ()
    listed = " and ".join(sorted(used))
    return (f"The Python of a page has no {listed}: importing it raises ModuleNotFoundError.",)
