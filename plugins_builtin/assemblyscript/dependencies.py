"""A project's node_modules, installed outside the project and kept for the next build.

Users' folders are not written to: what package.json and the lock file ask for is installed into a tree in
the cache whose name is a digest of both, whole or not at all. A later build, also one without a network,
finds it there. A project that has its own node_modules is never asked about.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plugins_builtin.assemblyscript.detect import PACKAGE_FILE
from plugins_builtin.assemblyscript.managers import SETTINGS, SETTINGS_FILES, PackageManager, find_manager
from wasmrun_py.model.consent import InstallOffer
from wasmrun_py.model.errors import BuildError, MissingToolError, ToolCrashedError
from wasmrun_py.model.events import Level, Message, StepFinished, StepStarted, ToolOutput, ToolStarted
from wasmrun_py.system.fs import exclusive_lock, remove_tree, staging_folder, translate_write_errors
from wasmrun_py.system.process import ToolCall, describe_exit, run_tool
from wasmrun_py.toolchain.find import find_tool
from wasmrun_py.toolchain.growth import GrowthMeter
from wasmrun_py.toolchain.node import NodeNeeds, get_node
from wasmrun_py.toolchain.npm import NpmClient, find_unpacking_fault, npm_hint, parse_npm_reason
from wasmrun_py.toolchain.pypi import redact_credentials
from wasmrun_py.toolchain.space import require_space

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from plugins_builtin.assemblyscript.package import Package
    from wasmrun_py.model.events import Reporter
    from wasmrun_py.system.paths import Home
    from wasmrun_py.toolchain.provision import ProvisionPolicy

_MODULES = "node_modules"
_USED_MARK = "used"
_TREES_KEPT = 8
_INSTALL_TIMEOUT_S = 3600.0
_NPM_NODE = (18,)
# What a small project with a compiler of its own takes, and room for the package manager to work in.
_LEAST_FREE_BYTES = 250_000_000
_REASON_LINES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What is to be installed, and where.

    Attributes:
        package: The project's package.json.
        manager: Who installs it.
        lock: The lock file's name, or None.
        tree: Where it is kept.
    """

    package: Package
    manager: PackageManager
    lock: str | None
    tree: Path

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the project's files that the package manager reads."""
        names = (PACKAGE_FILE, *((self.lock,) if self.lock else ()), *SETTINGS_FILES)
        return tuple(name for name in names if (self.package.folder / name).is_file())


def get_dependencies(package: Package, policy: ProvisionPolicy, reporter: Reporter) -> Path:
    """The folder ``node_modules`` with the project's dependencies, installed when it is not there.

    Raises:
        MissingToolError: The lock file's package manager is absent, or nothing may be installed.
        BuildError: The package manager failed; with its own words.
        OutputError: The cache cannot be written.
    """
    wanted = _describe(package, policy.home)
    modules = wanted.tree / _MODULES
    if not modules.is_dir():
        _refuse_unless_allowed(wanted, policy)
        require_space(
            wanted.tree.parent,
            _LEAST_FREE_BYTES,
            title=f"Installing {_title(wanted)}",
            tools=package.find_missing(),
        )

        def tell() -> None:
            text = f"Another wasmrun is installing the dependencies of {package.folder.name}; waiting…"
            reporter.emit(Message(level=Level.INFO, text=text))

        with exclusive_lock(policy.home.locks / f"modules-{wanted.tree.name}.lock", on_wait=tell):
            if not modules.is_dir():
                _install(wanted, policy, reporter)
        _remove_old_trees(wanted.tree.parent, keep=wanted.tree)
    with translate_write_errors(f"use {wanted.tree}"):
        (wanted.tree / _USED_MARK).touch()
    return modules


def _describe(package: Package, home: Home) -> _Wanted:
    manager, lock = find_manager(package.folder, package.manager)
    wanted = _Wanted(package=package, manager=manager, lock=lock, tree=home.cache)
    digest = hashlib.sha256(repr((manager.name, manager.install)).encode())
    for name in wanted.files:
        digest.update(f"\0{name}\0".encode())
        with translate_write_errors(f"read {package.folder / name}"):
            digest.update((package.folder / name).read_bytes())
    tree = home.cache / "node-modules" / digest.hexdigest()[:32]
    return _Wanted(package=package, manager=manager, lock=lock, tree=tree)


def _refuse_unless_allowed(wanted: _Wanted, policy: ProvisionPolicy) -> None:
    project = wanted.package.folder
    if policy.may_install:
        offer = InstallOffer(title=_title(wanted), source=wanted.manager.name, folder=wanted.tree)
        by_hand = f"Install them with `{wanted.manager.by_hand}` in {project}."
        policy.ask(offer, tools=wanted.package.find_missing(), hint=by_hand)
        return
    missing = ", ".join(wanted.package.find_missing())
    raise MissingToolError(
        f"{project.name} needs {missing}, and wasmrun may not install anything",
        tools=wanted.package.find_missing(),
        hint=f"Install its dependencies with `{wanted.manager.by_hand}` in {project}, or leave "
        "--no-toolchain-install and --frozen out.",
    )


def _title(wanted: _Wanted) -> str:
    return f"the dependencies of {wanted.package.folder.name}"


def _label(wanted: _Wanted) -> str:
    return f"Installing {_title(wanted)} with {wanted.manager.name}"


def _install(wanted: _Wanted, policy: ProvisionPolicy, reporter: Reporter) -> None:
    """Install under the lock, beside the tree's place, and rename."""
    trees, key = wanted.tree.parent, wanted.tree.name
    for leftover in trees.glob(f".tmp-{key}-*"):
        remove_tree(leftover)
    project = wanted.package.folder
    label = _label(wanted)
    if wanted.lock is None:
        text = (
            f"{project.name} has no lock file: its dependencies are installed at today's versions. "
            "Run `npm install` in it once and keep the package-lock.json."
        )
        reporter.emit(Message(level=Level.WARNING, text=text))
    reporter.emit(StepStarted(label=label))
    try:
        with staging_folder(trees, prefix=f".tmp-{key}-") as staging:
            files = staging / "files"
            with translate_write_errors(f"write into {files}"):
                files.mkdir()
                (staging / "tmp").mkdir()
                for name in wanted.files:
                    shutil.copyfile(project / name, files / name)
            _run_manager(wanted, staging, policy, reporter)
            with translate_write_errors(f"keep {wanted.tree}"):
                (files / _MODULES).mkdir(exist_ok=True)
                (files / _USED_MARK).touch()
                files.rename(wanted.tree)
    finally:
        reporter.emit(StepFinished(label=label))


def _run_manager(wanted: _Wanted, staging: Path, policy: ProvisionPolicy, reporter: Reporter) -> None:
    manager, project = wanted.manager, wanted.package.folder
    program, environ = _find_program(wanted, policy, reporter, cwd=staging / "files")
    env = {name: value for name, value in environ.items() if name != "NODE_ENV"}
    env.update(SETTINGS)
    env.update(dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(staging / "tmp")))
    call = ToolCall(
        argv=(*program, *manager.install),
        cwd=staging / "files",
        env=env,
        timeout_s=_INSTALL_TIMEOUT_S,
        log_file=policy.home.logs / f"modules-{wanted.tree.name}.log",
    )
    reporter.emit(ToolStarted(argv=call.argv))

    def on_line(line: str) -> None:
        reporter.emit(ToolOutput(line=redact_credentials(line)))

    meter = GrowthMeter(
        label=_label(wanted), whole=staging / "files", caches=(), total_bytes=None, reporter=reporter
    )
    with meter.running():
        result = run_tool(call, on_line=on_line)
    output = redact_credentials(result.output)
    reason = parse_npm_reason(output) if manager.name == "npm" else _last_lines(output)
    if result.returncode == 0:
        fault = find_unpacking_fault(output) if manager.name == "npm" else None
        if fault is None:
            return
        reason = fault
    failed = f"{manager.name} could not install the dependencies of {project.name}"
    if result.returncode < 0:
        raise ToolCrashedError(f"{failed}: {describe_exit(result.returncode)}", output=output)
    own = npm_hint(reason) if manager.name == "npm" else f"Check the network and {manager.name}'s settings."
    raise BuildError(
        f"{failed}: {reason or describe_exit(result.returncode)}",
        hint=f"{own} Or run `{manager.by_hand}` in {project} yourself and build again.",
        output=output,
        log_file=result.log_file,
    )


def _find_program(
    wanted: _Wanted, policy: ProvisionPolicy, reporter: Reporter, *, cwd: Path
) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """The package manager's command and environment.

    Raises:
        MissingToolError: It is not on PATH; npm alone can be provisioned.
    """
    manager = wanted.manager
    if manager.name == "npm":
        tools = get_node(NodeNeeds(minimum=_NPM_NODE, wanted_by="npm", npm=True), policy, reporter)
        return tools.npm, NpmClient(tools).patient(tools.environ(policy.environ), cwd)
    program = find_tool(manager.name, policy.environ)
    if program is not None:
        return (str(program),), policy.environ
    project = wanted.package.folder
    raise MissingToolError(
        f"{project.name} has a {wanted.lock}, and {manager.name} is not on PATH",
        tools=[manager.name],
        hint=f"Install {manager.name} (`npm install --global {manager.name}`), or install the project's "
        f"dependencies yourself so that {project / _MODULES} is there.",
    )


def _remove_old_trees(trees: Path, *, keep: Path) -> None:
    """Keep the trees that were used last: each may hold a hundred megabytes."""
    marks = [mark for mark in trees.glob(f"*/{_USED_MARK}") if mark.parent != keep]
    marks.sort(key=_last_use, reverse=True)
    for mark in marks[_TREES_KEPT - 1 :]:
        remove_tree(mark.parent)


def _last_use(mark: Path) -> float:
    """When a tree was used last; one that another wasmrun just removed is the oldest."""
    try:
        return mark.stat().st_mtime
    except OSError:
        return 0.0


def _last_lines(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return " / ".join(lines[-_REASON_LINES:])
