"""Where a build begins: configuration, dependencies, compiler, command line, result."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from plugins_builtin.assemblyscript.arguments import OutputNames, build_arguments, find_flag_value
from plugins_builtin.assemblyscript.compiler import get_compiler
from plugins_builtin.assemblyscript.config import load_config
from plugins_builtin.assemblyscript.dependencies import get_dependencies
from plugins_builtin.assemblyscript.detect import CONFIG_FILE, ENTRY_FILES, EXTENSIONS
from plugins_builtin.assemblyscript.job import Job
from plugins_builtin.assemblyscript.package import load_package
from wasmrun_py.model.build import BuildConfig, BuildResult, Toolchain
from wasmrun_py.model.errors import ArtifactError, BuildError
from wasmrun_py.system.fs import link_folder, translate_write_errors
from wasmrun_py.toolchain.node import has_node

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugins_builtin.assemblyscript.config import AscConfig
    from wasmrun_py.model.events import Reporter
    from wasmrun_py.plugin.api import PluginContext

# A lone index.ts is no reason to take a project; in one that was taken for another reason it is the entry.
_ENTRY_CANDIDATES = (*ENTRY_FILES, "index.ts")
# The last is where CI systems that keep only folders of the checkout have WASMRUN_HOME (docs/ci.md).
_NOT_COPIED_ANYWHERE = frozenset({"node_modules", ".git", ".wasmrun-home"})
_NOT_COPIED_FROM_ROOT = frozenset({"dist", "build"})
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


class AssemblyScriptBuilder:
    """Builds AssemblyScript projects (DESIGN §7).

    Args:
        context: The environment and folders of this run.
    """

    language_name = "AssemblyScript"
    entry_file_candidates = ENTRY_FILES
    supported_extensions = EXTENSIONS

    def __init__(self, context: PluginContext) -> None:
        self._context = context
        self._policy = context.provision_policy()

    def check_dependencies(self) -> tuple[str, ...]:
        """``node`` when none is there and none may be installed; asc is a matter of the project."""
        return () if has_node(self._policy) else ("node",)

    def validate_project(self, project_path: Path) -> None:
        """Check configuration, package.json and entry.

        Raises:
            ConfigError: asconfig.json or package.json is broken.
            BuildError: There is no entry file.
        """
        load_package(project_path)
        _choose_entries(project_path, load_config(project_path / CONFIG_FILE), None)

    def build(self, config: BuildConfig, reporter: Reporter) -> BuildResult:
        """Build a project into ``config.output_dir``.

        Raises:
            ConfigError: asconfig.json or package.json is broken.
            MissingToolError: node, asc or the package manager is not there.
            BuildError: A dependency could not be installed, or asc refused the code.
            ArtifactError: asc succeeded and wrote no module.
        """
        root = self._prepare(config, reporter)
        named = find_flag_value(config.custom_args, "--config")
        asc_config = load_config(root / (named or CONFIG_FILE))
        entries = _choose_entries(root, asc_config, _relative_entry(config))
        compiler = get_compiler(root, self._policy, reporter)
        name = config.name or _sanitise(config.project_path.name)
        outputs = OutputNames(
            module=config.output_dir / f"{name}.wasm", text=config.output_dir / f"{name}.wat"
        )
        arguments = build_arguments(config, asc_config, entries=entries, outputs=outputs)
        job = Job(
            argv=compiler.argv,
            title=f"asc {compiler.version}",
            root=root,
            project=config.project_path.name,
            environ=self._context.environ,
            log_file=self._context.home.logs / f"asc-{config.work_dir.name}.log",
        )
        diagnostics = job.run(arguments, reporter)
        made = _find_outputs(outputs.module)
        return BuildResult(
            wasm_path=made.module,
            js_path=made.js,
            additional_files=made.others,
            toolchain=Toolchain(name="asc", version=compiler.version),
            diagnostics=diagnostics,
            binaryen_ran=True,
        )

    def clean(self, project_path: Path) -> tuple[Path, ...]:
        """Nothing: builds write into their two folders and the cache only."""
        del project_path
        return ()

    def _prepare(self, config: BuildConfig, reporter: Reporter) -> Path:
        """The folder to build in: the project, or a copy of it beside dependencies it does not have."""
        project = config.project_path
        package = load_package(project)
        if package is None or not package.find_missing():
            return project
        modules = get_dependencies(package, self._policy, reporter)
        copy = config.work_dir / "project"
        with translate_write_errors(f"copy {project.name}"):
            shutil.copytree(project, copy, ignore=_ignored(project), ignore_dangling_symlinks=True)
        link_folder(copy / "node_modules", to=modules)
        return copy


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """What asc wrote."""

    module: Path
    js: Path | None
    others: tuple[Path, ...]


def _find_outputs(module: Path) -> _Made:
    """Raises ArtifactError when asc, which does not say so, could not write its module."""
    if not module.is_file():
        raise ArtifactError(
            f"asc succeeded and did not write {module.name}",
            hint="Leave out options after `--` that change the output (-o, --outFile, --noEmit); "
            "otherwise the disk may be full.",
        )
    js = module.with_suffix(".js")
    others = (path for path in module.parent.rglob("*") if path.is_file() and path not in {module, js})
    return _Made(module=module, js=js if js.is_file() else None, others=tuple(sorted(others)))


def _choose_entries(root: Path, config: AscConfig, named: str | None) -> tuple[str, ...]:
    """The entries to put on the command line: none where asconfig.json has them.

    Raises:
        BuildError: There is none anywhere.
    """
    if named is not None:
        return (named,)
    if config.has_entries:
        return ()
    found = next((name for name in _ENTRY_CANDIDATES if (root / name).is_file()), None)
    if found is not None:
        return (found,)
    raise BuildError(
        f"{root.name} has no entry file: no {', '.join(_ENTRY_CANDIDATES)}, and no entries in {CONFIG_FILE}",
        hint='Name one: "entries": ["FILE"] in asconfig.json, or entry = "FILE" in wasmrun.toml.',
    )


def _relative_entry(config: BuildConfig) -> str | None:
    """The entry that the user named, as asc shall name it in its messages."""
    if config.entry is None:
        return None
    if config.entry.is_relative_to(config.project_path):
        return config.entry.relative_to(config.project_path).as_posix()
    return str(config.entry)


def _ignored(project: Path) -> Callable[[str, list[str]], set[str]]:
    """What is not copied: what others made, and links that lead back up."""

    def ignore(folder: str, names: list[str]) -> set[str]:
        here = Path(folder)
        left_out = _NOT_COPIED_ANYWHERE | (_NOT_COPIED_FROM_ROOT if here == project else frozenset())
        real = here.resolve()
        return {
            name
            for name in names
            if name in left_out
            or ((here / name).is_symlink() and real.is_relative_to((here / name).resolve()))
        }

    return ignore


def _sanitise(name: str) -> str:
    """A base name that is a plain file name everywhere."""
    return _UNSAFE.sub("-", name).strip("-.") or "module"
