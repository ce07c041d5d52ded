"""Where a build begins: sources or build system, compiler, way, result."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from plugins_builtin.c.compilers.choose import CompilerNeeds, find_missing_compilers, get_compiler
from plugins_builtin.c.detect import CMAKE_FILE, ENTRY_FILES, EXTENSIONS, find_build_file, find_files
from plugins_builtin.c.direct import build_directly, strip_module
from plugins_builtin.c.products import choose_main, sanitise_name
from plugins_builtin.c.session import Session
from plugins_builtin.c.sources import load_sources
from plugins_builtin.pages import copy_page, find_page
from wasmrun_py.diagnostics.compilers import PathMap
from wasmrun_py.model.build import WEB_TARGET, BuildConfig, BuildResult, Toolchain
from wasmrun_py.model.errors import ArtifactError, BuildError
from wasmrun_py.system.fs import translate_write_errors

if TYPE_CHECKING:
    from pathlib import Path

    from plugins_builtin.c.make import BuiltProducts
    from plugins_builtin.c.products import Product
    from plugins_builtin.c.sources import SourceSet
    from plugins_builtin.pages import Page
    from wasmrun_py.model.events import Reporter
    from wasmrun_py.plugin.api import PluginContext

_SOURCE_SUFFIXES = tuple(f".{extension}" for extension in EXTENSIONS)
_CXX_SUFFIXES = tuple(suffix for suffix in _SOURCE_SUFFIXES if suffix != ".c")
_NO_FILES_WARNING = (
    "Modules built by emcc cannot open files under `wasmrun exec`; "
    "build with --toolchain clang or zig for that."
)
_NO_CATCH_WARNING = "In modules built by emcc for WASI a C++ throw ends the program; it is never caught."


class CBuilder:
    """Builds C and C++ projects (DESIGN §7).

    Args:
        context: The environment and folders of this run.
    """

    language_name = "C"
    entry_file_candidates = ENTRY_FILES
    supported_extensions = EXTENSIONS

    def __init__(self, context: PluginContext) -> None:
        self._context = context

    def check_dependencies(self) -> tuple[str, ...]:
        """Empty when a compiler is there or may be installed, else the names of those that would do."""
        return find_missing_compilers(self._context)

    def validate_project(self, project_path: Path) -> None:
        """Check that there is something to compile.

        Raises:
            UsageError: The folder is missing or unreadable.
            BuildError: It holds no C or C++ source.
        """
        load_sources(project_path, None)

    def build(self, config: BuildConfig, reporter: Reporter) -> BuildResult:
        """Build a project into ``config.output_dir``.

        An ``entry`` that the user named is compiled directly even beside a build system's file.

        Raises:
            UnsupportedBuildError: Not one of C's targets, or not one this compiler can build for.
            UsageError: The forced toolchain is unknown, the project or entry unreadable.
            MissingToolError: No compiler, make or CMake.
            BuildError: The toolchain refused the project.
        """
        files = find_files(config.project_path)
        build_file = None if config.entry is not None else find_build_file(files)
        sources = None if build_file else load_sources(config.project_path, config.entry)
        has_cxx = sources.has_cxx if sources else any(name.endswith(_CXX_SUFFIXES) for name in files)
        needs = CompilerNeeds(target=config.target, toolchain=config.toolchain, has_cxx=has_cxx)
        session = Session(
            config=config,
            context=self._context,
            compiler=get_compiler(needs, self._context, reporter),
            reporter=reporter,
            paths=PathMap(
                project=config.project_path,
                cwd=config.project_path,
                copy=None,
                objects=_objects_by_stem(sources),
            ),
        )
        if sources is not None:
            return _build_sources(session, sources)
        return _build_system(session, build_file or CMAKE_FILE)

    def clean(self, project_path: Path) -> tuple[Path, ...]:
        """Nothing: builds write into their two folders only."""
        del project_path
        return ()


def _build_sources(session: Session, sources: SourceSet) -> BuildResult:
    config = session.config
    page = find_page(config.project_path) if config.target == WEB_TARGET else None
    output = config.output_dir / _output_name(config, page)
    made = build_directly(session, sources, output, link_args=_web_args(config, page))
    name = output.name.removesuffix(output.suffix)
    wasm = config.output_dir / f"{name}.wasm"
    if not wasm.is_file():
        raise ArtifactError(
            f"{session.compiler.name} succeeded and did not write {wasm.name}",
            hint="Leave out options after `--` that change the output (-o, -c, -sWASM=0, -sSINGLE_FILE).",
        )
    js = config.output_dir / f"{name}.js"
    copied = copy_page(page, config.project_path, config.output_dir) if page else ()
    known = {wasm, js, *copied}
    extra = sorted(path for path in config.output_dir.iterdir() if path.is_file() and path not in known)
    return BuildResult(
        wasm_path=wasm,
        js_path=js if js.is_file() else None,
        additional_files=(*extra, *copied),
        toolchain=Toolchain(name=session.compiler.name, version=session.compiler.version),
        warnings=(*made.warnings, *_emcc_warnings(session, sources)),
        diagnostics=made.diagnostics,
        binaryen_ran=_runs_binaryen(session),
    )


def _build_system(session: Session, build_file: str) -> BuildResult:
    config = session.config
    built, project_name = _run_build_system(session, build_file)
    main = choose_main(built.products, (config.name, project_name, sanitise_name(config.project_path.name)))
    # JavaScript names its module inside: a pair keeps the name it was linked with.
    renamed = sanitise_name(main.name) if main.js is not None or config.name is None else config.name
    placed = [_place(main, config, renamed)]
    placed += [_place(product, config, product.name) for product in built.products if product is not main]
    for module, *_ in placed:
        strip_module(session, module)
    page = find_page(config.project_path) if config.target == WEB_TARGET else None
    copied = copy_page(page, config.project_path, config.output_dir) if page else ()
    wasm = placed[0][0]
    js = next((path for path in placed[0] if path.suffix in {".js", ".mjs"}), None)
    if config.target == WEB_TARGET and js is None:
        raise ArtifactError(
            f"The {build_file} of {config.project_path.name} made {wasm.name} without JavaScript for it",
            hint="Let it link to a name ending in .js, or build with --target wasm.",
        )
    others = [path for group in placed for path in group if path not in {wasm, js}]
    return BuildResult(
        wasm_path=wasm,
        js_path=js if config.target == WEB_TARGET else None,
        additional_files=(*others, *copied),
        toolchain=Toolchain(name=session.compiler.name, version=session.compiler.version),
        diagnostics=built.diagnostics,
        binaryen_ran=_runs_binaryen(session),
    )


def _run_build_system(session: Session, build_file: str) -> tuple[BuiltProducts, str | None]:
    """What the build system made, and the name it gives the project."""
    project = session.config.project_path
    if build_file != CMAKE_FILE:
        from plugins_builtin.c.make import build_with_make  # noqa: PLC0415 - one of three ways

        return build_with_make(session), None
    from plugins_builtin.c.cmake import build_with_cmake, parse_project_name  # noqa: PLC0415 - as above

    with translate_write_errors(f"read {project / CMAKE_FILE}"):
        text = (project / CMAKE_FILE).read_text("utf-8", errors="replace")
    return build_with_cmake(session), parse_project_name(text)


def _place(product: Product, config: BuildConfig, name: str) -> list[Path]:
    """Copy a product into the output folder, the module first; JavaScript for a wasm build stays behind."""
    sources = [(product.module, f"{name}.wasm")]
    if config.target == WEB_TARGET:
        if product.js is not None:
            sources.append((product.js, product.js.name if product.js.suffix else f"{name}.js"))
        sources += [(path, path.name) for path in product.companions]
    placed = []
    for source, target_name in sources:
        target = config.output_dir / target_name
        if target.exists():
            raise BuildError(
                f"The build made two files called {target_name}", hint="Give them different names."
            )
        with translate_write_errors(f"copy {source.name}"):
            shutil.copyfile(source, target)
        placed.append(target)
    return placed


def _output_name(config: BuildConfig, page: Page | None) -> str:
    """NAME.wasm; for the web NAME.js, or index.html for a shell template."""
    name = config.name or (page.script if page else None) or sanitise_name(config.project_path.name)
    if config.target != WEB_TARGET:
        return f"{name}.wasm"
    return "index.html" if page and page.is_shell else f"{name}.js"


def _runs_binaryen(session: Session) -> bool:
    """Whether Binaryen has seen the module: emcc always runs it, clang's driver where wasm-opt is on PATH."""
    return session.compiler.name in {"emcc", "clang"}


def _web_args(config: BuildConfig, page: Page | None) -> tuple[str, ...]:
    if config.target != WEB_TARGET:
        return ()
    shell = ("--shell-file", str(page.html)) if page and page.is_shell else ()
    return ("-sEXPORTED_RUNTIME_METHODS=ccall,cwrap", *shell)


def _emcc_warnings(session: Session, sources: SourceSet) -> tuple[str, ...]:
    """What a standalone emcc module cannot do and the sources seem to need."""
    if session.compiler.name != "emcc" or session.config.target == WEB_TARGET:
        return ()
    opens = any(source.traits.opens_files for source in sources.sources)
    throws = any(source.traits.throws for source in sources.sources if source.is_cxx)
    return (*((_NO_FILES_WARNING,) if opens else ()), *((_NO_CATCH_WARNING,) if throws else ()))


def _objects_by_stem(sources: SourceSet | None) -> dict[str, str]:
    """The source behind the stem of each object: our own numbered ones, and the drivers' temporary ones."""
    if sources is None:
        return {}
    named = {
        each.object_name(number).removesuffix(".o"): each.argument
        for number, each in enumerate(sources.sources)
    }
    stems = [each.path.stem for each in sources.sources]
    unique = {each.path.stem: each.argument for each in sources.sources if stems.count(each.path.stem) == 1}
    return {stem: argument.removeprefix("./") for stem, argument in (unique | named).items()}
