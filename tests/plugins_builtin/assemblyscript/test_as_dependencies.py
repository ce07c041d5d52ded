"""A project's dependencies: whose lock file, which command, and what happens when it goes wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plugins_builtin.assemblyscript.managers import find_manager
from tests.conftest import copy_project, require_tool
from tests.plugins_builtin.assemblyscript.conftest import Bench, write_project
from tests.toolchain.registry import bad_registry, closed_registry
from wasmrun_py.model.errors import BuildError, ConfigError, MissingToolError, ToolCrashedError
from wasmrun_py.model.events import Level, Message, ToolStarted

PACKAGE = json.dumps({"devDependencies": {"assemblyscript": "0.28.20"}})
FAKE_ASC = 'mkdir -p node_modules/assemblyscript/bin; echo "{\\"version\\": \\"9.9.9\\"}" > '
FAKE_ASC += "node_modules/assemblyscript/package.json; echo > node_modules/assemblyscript/bin/asc.js"
# A node that knows its version and otherwise writes the smallest module where asc would.
FAKE_NODE = (
    'if [ "$1" = --version ]; then echo v20.0.0; exit; fi; while [ "$1" != --outFile ]; do shift; done; '
)
FAKE_NODE += 'printf "\\0asm\\1\\0\\0\\0" > "$2"'


def project_with(tmp_path: Path, **files: str) -> Path:
    """A project that asks for asc and has these further files (``__`` is a dot in a name)."""
    named = {name.replace("__", "."): text for name, text in files.items()}
    return write_project(tmp_path / "app", {"package.json": PACKAGE, "assembly/index.ts": "", **named})


@pytest.mark.parametrize(
    ("locks", "named", "expected"),
    [
        ({}, None, ("npm", "install", None)),
        ({"package-lock.json": "{}"}, None, ("npm", "ci", "package-lock.json")),
        ({"npm-shrinkwrap.json": "{}"}, None, ("npm", "ci", "npm-shrinkwrap.json")),
        ({"yarn.lock": "# yarn lockfile v1"}, None, ("yarn", "--frozen-lockfile", "yarn.lock")),
        ({"yarn.lock": "__metadata:\n  version: 8"}, None, ("yarn", "--immutable", "yarn.lock")),
        ({"pnpm-lock.yaml": ""}, None, ("pnpm", "--frozen-lockfile", "pnpm-lock.yaml")),
        ({"bun.lock": ""}, None, ("bun", "--frozen-lockfile", "bun.lock")),
        ({"bun.lockb": ""}, None, ("bun", "--frozen-lockfile", "bun.lockb")),
        ({"package-lock.json": "{}", "yarn.lock": ""}, None, ("npm", "ci", "package-lock.json")),
        ({"package-lock.json": "{}", "yarn.lock": ""}, "yarn", ("yarn", "--frozen-lockfile", "yarn.lock")),
    ],
)
def test_lock_file_names_the_manager(
    locks: dict[str, str], named: str | None, expected: tuple[str, str, str | None], tmp_path: Path
) -> None:
    """The lock file decides, and package.json between several; what is locked is installed exactly."""
    manager, lock = find_manager(write_project(tmp_path, locks), named)
    name, word, lock_file = expected
    assert (manager.name, lock) == (name, lock_file)
    assert word in manager.install


@pytest.mark.parametrize(
    ("lock", "name"), [("yarn.lock", "yarn"), ("pnpm-lock.yaml", "pnpm"), ("bun.lock", "bun")]
)
def test_absent_package_manager(lock: str, name: str, bench: Bench, tmp_path: Path) -> None:
    """Exit 4 with the manager's and the lock file's name."""
    project = project_with(tmp_path, **{lock.replace(".", "__"): ""})
    bench.use_path(node=FAKE_NODE)
    with pytest.raises(MissingToolError, match=f"app has a {lock}, and {name} is not on PATH") as caught:
        bench.build(project)
    assert caught.value.exit_code == 4
    assert caught.value.tools == (name,)
    assert f"Install {name}" in caught.value.hint


@pytest.mark.parametrize(
    ("lock", "name"), [("yarn.lock", "yarn"), ("pnpm-lock.yaml", "pnpm"), ("bun.lock", "bun")]
)
def test_other_package_managers_are_run(lock: str, name: str, bench: Bench, tmp_path: Path) -> None:
    """They install beside the project, which stays as it was; the next build runs none."""
    project = project_with(tmp_path, **{lock.replace(".", "__"): "", "__npmrc": "a=b"})
    bench.use_path("mkdir", node=FAKE_NODE, **{name: f"test -f .npmrc || exit 9; {FAKE_ASC}"})
    before = sorted(path.name for path in project.rglob("*"))
    result = bench.build(project)
    assert result.toolchain.version == "9.9.9"
    assert result.wasm_path.is_file()
    argv = [event.argv for event in bench.reporter.of(ToolStarted)]
    assert [each[0].rpartition("/")[2] for each in argv] == [name, "node"]
    assert {"--ignore-scripts", "--mode=skip-build"} & set(argv[0])
    assert sorted(path.name for path in project.rglob("*")) == before
    bench.use_path(node=FAKE_NODE)
    bench.build(project)
    assert len(bench.reporter.of(ToolStarted)) == 1


def test_own_node_modules_are_used_in_place(bench: Bench, tmp_path: Path) -> None:
    """A project that has its dependencies, there or in a folder above, is built where it lies."""
    project = project_with(tmp_path, package_lock="")
    write_project(
        tmp_path / "node_modules" / "assemblyscript",
        {"package.json": '{"version": "0.27.1"}', "bin/asc.js": ""},
    )
    bench.use_path(node=FAKE_NODE)
    assert bench.build(project).toolchain.version == "0.27.1"
    (command,) = bench.reporter.of(ToolStarted)
    assert command.argv[1:3] == (
        "--enable-source-maps",
        str(tmp_path / "node_modules" / "assemblyscript" / "bin" / "asc.js"),
    )


def test_compiler_on_path_comes_before_a_provisioned_one(bench: Bench, tmp_path: Path) -> None:
    """What the user installed for all projects is used where a project has none of its own."""
    package = write_project(
        tmp_path / "lib" / "node_modules" / "assemblyscript",
        {"package.json": '{"name": "assemblyscript", "version": "0.27.9"}', "bin/asc.js": ""},
    )
    (package / "bin" / "asc.js").chmod(0o755)
    bench.use_path(node=FAKE_NODE)
    (Path(bench.environ["PATH"]) / "asc").symlink_to(package / "bin" / "asc.js")
    bench.may_install = False
    project = write_project(tmp_path / "plain", {"assembly/index.ts": ""})
    assert bench.build(project).toolchain.version == "0.27.9"


def test_compiler_that_is_too_old(bench: Bench, tmp_path: Path) -> None:
    """An asc from before 0.20 is named with what to do."""
    project = project_with(tmp_path)
    write_project(project / "node_modules" / "assemblyscript", {"package.json": '{"version": "0.19.23"}'})
    with pytest.raises(BuildError, match=r"assemblyscript 0\.19\.23 .* has no bin/asc\.js") as caught:
        bench.build(project)
    assert "0.20 or newer" in caught.value.hint


def test_may_not_install(bench: Bench, tmp_path: Path) -> None:
    """Exit 4 with the command that does it by hand."""
    bench.may_install = False
    project = project_with(tmp_path, **{"package-lock__json": "{}"})
    with pytest.raises(
        MissingToolError, match="app needs assemblyscript, and wasmrun may not install"
    ) as caught:
        bench.build(project)
    assert f"`npm ci` in {project}" in caught.value.hint


def test_no_lock_file_is_told(bench: Bench, tmp_path: Path) -> None:
    """Versions that may differ tomorrow are worth a warning."""
    bench.use_path("mkdir", node=FAKE_NODE, npm=FAKE_ASC)
    bench.build(project_with(tmp_path))
    (warning,) = (each for each in bench.reporter.of(Message) if each.level is Level.WARNING)
    assert "no lock file" in warning.text


@pytest.mark.parametrize("status", [404, 500])
def test_registry_that_answers_with_an_error(status: int, bench: Bench, tmp_path: Path) -> None:
    """What npm says reaches the user with the way out; nothing half is kept, the project is untouched."""
    require_tool("npm")
    project = copy_project("as-hello", tmp_path)
    with bad_registry(status) as address:
        bench.environ |= npm_settings(tmp_path, registry=address)
        with pytest.raises(BuildError, match=f"npm could not install .* as-hello: {status}") as caught:
            bench.build(project)
    assert f"`npm ci` in {project}" in caught.value.hint
    assert not (bench.home.cache / "node-modules").exists()
    assert not (project / "node_modules").exists()


def test_no_network(bench: Bench, tmp_path: Path) -> None:
    """Said as what it is, with npm's whole text kept."""
    require_tool("npm")
    bench.environ |= npm_settings(tmp_path, registry=closed_registry())
    with pytest.raises(BuildError, match="ECONNREFUSED") as caught:
        bench.build(copy_project("as-hello", tmp_path))
    assert "Check the network" in caught.value.hint
    assert "npm error" in caught.value.output


def test_manager_that_is_killed(bench: Bench, tmp_path: Path) -> None:
    """An installer ended by a signal leaves nothing that the next build would take for whole."""
    bench.use_path("mkdir", node=FAKE_NODE, npm=f"{FAKE_ASC}; kill -9 $$")
    project = project_with(tmp_path, **{"package-lock__json": "{}"})
    with pytest.raises(ToolCrashedError, match="SIGKILL"):
        bench.build(project)
    bench.use_path("mkdir", node=FAKE_NODE, npm=FAKE_ASC)
    assert bench.build(project).wasm_path.is_file()


def test_broken_package_json(bench: Bench, tmp_path: Path) -> None:
    """A build of a project with a broken file ends with its line and column."""
    project = project_with(tmp_path, asconfig__json="{}")
    (project / "package.json").write_text('{"devDependencies": {"assemblyscript" "1"}}')
    with pytest.raises(ConfigError, match=r"package\.json:1:39: not valid JSON"):
        bench.build(project)


def test_many_trees_are_not_kept(bench: Bench, tmp_path: Path) -> None:
    """Only the trees that were used last stay in the cache."""
    bench.use_path("mkdir", node=FAKE_NODE, npm=FAKE_ASC)
    project = project_with(tmp_path)
    for number in range(10):
        (project / "package.json").write_text(PACKAGE + " " * number)
        bench.build(project)
    assert len(list((bench.home.cache / "node-modules").iterdir())) == 8


def npm_settings(tmp_path: Path, **settings: str) -> dict[str, str]:
    """An environment that keeps npm away from the user's cache and from waiting."""
    own = {"cache": str(tmp_path / "npm-cache"), "fetch_retries": "0", **settings}
    return {f"npm_config_{name}": value for name, value in own.items()}
