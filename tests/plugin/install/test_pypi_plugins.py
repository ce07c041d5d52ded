"""Python plugins: from an index, a wheel, a package's folder; each in an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.plugin.material import (
    C_RIVAL,
    MANIFEST,
    ZORK,
    Zork,
    sha256_of,
    wheel_index,
    write_package,
    write_tree,
    write_wheel,
    zip_wheel,
)
from tests.toolchain.registry import closed_registry
from wasmrun_py.model.errors import (
    ManifestError,
    MissingToolError,
    PluginInstallError,
    PluginNotFoundError,
    UsageError,
)
from wasmrun_py.model.events import ToolStarted
from wasmrun_py.model.manifest import TransportKind
from wasmrun_py.model.plugin_source import Local, PyPI
from wasmrun_py.plugin.install.environment import INSTALLER_FILES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.plugin.install.conftest import Install
    from tests.plugin.installing import Installer


def test_a_wheel_becomes_an_environment(install: Install, tmp_path: Path) -> None:
    """Name, version and digest are the wheel's; both transports are found by its entry points."""
    wheel = write_wheel(tmp_path)
    found = install(Local(path=wheel))
    resolved, built = found.resolved, found.built
    assert (resolved.name, resolved.version) == ("wasmrun-zork", "1.0.0")
    assert resolved.checksum == f"sha256:{sha256_of(wheel)}"
    assert built.manifest.transports.kinds == (TransportKind.PYTHON, TransportKind.COMMAND)
    assert built.launch.python == "wasmrun_zork:plugin"
    assert built.manifest.language == "zork"
    assert built.manifest.info.description == "Builds zork."
    assert built.manifest.info.author == "The tests"
    interpreter = found.generation / (built.launch.interpreter or "")
    said = subprocess.run(
        [interpreter, "-I", "-c", "import wasmrun_zork; print(wasmrun_zork.plugin.info.version)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == "1.0.0\n"
    assert found.builds(ZORK, tmp_path / "use")


def test_an_environment_works_where_it_is_moved_to(install: Install, tmp_path: Path) -> None:
    """The staging folder is renamed into the store: nothing may name where it was."""
    found = install(Local(path=write_wheel(tmp_path)))
    moved = found.generation.rename(tmp_path / "moved")
    said = subprocess.run([moved / "venv/bin/wasmrun-zork", "info"], capture_output=True, check=True)
    assert b"version: 1.0.0" in said.stdout


def test_what_is_installed_is_the_same_everywhere(installer: Installer, tmp_path: Path) -> None:
    """What the lock's digest is taken over does not depend on where and when it was installed."""
    wheel = write_wheel(tmp_path / "wheels")
    write_wheel(tmp_path / "wheels", Zork(name="zork-more", requires=("wasmrun-zork",), command="more"))
    env = wheel_index(tmp_path / "wheels")
    contents = []
    for source in (PyPI(name="zork-more"), PyPI(name="zork-more", version="1.0.0")):
        found = installer.install(source, env=env)
        (prefix, shown), *rest = found.built.content_paths.items()
        assert (shown, rest) == ("site-packages", [])
        site = found.generation / prefix
        assert (site / "zork_more").is_dir()
        contents.append(
            {
                path.relative_to(site): path.read_bytes()
                for path in site.rglob("*")
                if path.is_file() and path.name not in INSTALLER_FILES
            }
        )
        assert not any("__pycache__" in name for name in found.files())
    assert contents[0] == contents[1]
    assert wheel.is_file()


def test_running_a_plugin_leaves_it_as_it_was(install: Install, tmp_path: Path) -> None:
    """Also by hand, in an environment that lets Python write bytecode: what is installed is checked later."""
    found = install(Local(path=write_wheel(tmp_path)))
    before = found.files()
    env = {"PATH": os.environ["PATH"]}
    for argv in (["venv/bin/wasmrun-zork", "info"], ["venv/bin/python", "-c", "import wasmrun_zork"]):
        subprocess.run([found.generation / argv[0], *argv[1:]], env=env, check=True)
    assert found.files() == before


def test_files_are_not_shared_with_the_cache(install: Install, tmp_path: Path) -> None:
    """A flipped bit in an installed file must not be in the next installation as well."""
    found = install(Local(path=write_wheel(tmp_path)))
    site = found.generation / next(iter(found.built.content_paths))
    assert {path.stat().st_nlink for path in site.rglob("*.py")} == {1}


def test_the_whole_tree_is_resolved_with_hashes(install: Install, tmp_path: Path) -> None:
    """The list that was installed from names every package with its version and digest."""
    base = write_wheel(tmp_path / "wheels")
    more = Zork(name="zork-more", version="2.1", requires=("wasmrun-zork>=1",), command="more")
    wheel = write_wheel(tmp_path / "elsewhere", more)
    found = install(Local(path=wheel), env=wheel_index(tmp_path / "wheels"))
    listed = (found.generation / "requirements.txt").read_text()
    assert "zork-more==2.1" in listed
    assert "wasmrun-zork==1.0.0" in listed
    assert sha256_of(base) in listed
    assert sha256_of(wheel) in listed
    assert str(tmp_path) not in listed
    started = [event.argv for event in found.reporter.of(ToolStarted)]
    assert "--require-hashes" in started[-1]


def test_the_newest_version_of_an_index_is_pinned(install: Install, tmp_path: Path) -> None:
    """``pypi:NAME`` becomes an exact version with the registry's digest; ``==V`` takes that one."""
    write_wheel(tmp_path)
    newer = write_wheel(tmp_path, Zork(version="1.2.0", marker="second"))
    env = wheel_index(tmp_path)
    found = install(PyPI(name="wasmrun-zork"), env=env)
    assert found.resolved.source == PyPI(name="wasmrun-zork", version="1.2.0")
    assert found.resolved.checksum == f"sha256:{sha256_of(newer)}"
    assert found.builds(Zork(version="1.2.0", marker="second"), tmp_path / "use")
    assert install(PyPI(name="Wasmrun_Zork", version="1.0.0"), env=env).resolved.version == "1.0.0"


@pytest.mark.parametrize(
    ("plugin", "kinds"),
    [
        (Zork(python_transport=False), (TransportKind.COMMAND,)),
        (Zork(command_transport=False), (TransportKind.PYTHON,)),
        (Zork(declared=True, python_transport=False), (TransportKind.COMMAND,)),
        (Zork(declared=True), (TransportKind.PYTHON, TransportKind.COMMAND)),
        (C_RIVAL, (TransportKind.PYTHON, TransportKind.COMMAND)),
    ],
)
def test_transports_are_those_that_are_there(
    install: Install, tmp_path: Path, plugin: Zork, kinds: tuple[TransportKind, ...]
) -> None:
    """Declared in the manifest, or found by entry points and programs."""
    found = install(Local(path=write_wheel(tmp_path, plugin)))
    assert found.built.manifest.transports.kinds == kinds
    launch = found.built.launch
    assert (launch.python is None, launch.command is None) == (
        TransportKind.PYTHON not in kinds,
        TransportKind.COMMAND not in kinds,
    )


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ('transports = { python = "nowhere:plugin" }\n', "transports.python"),
        ('transports = { command = "nothing" }\n', "transports.command"),
        ("extensions = 3\n", "extensions"),
    ],
)
def test_a_wrong_manifest_names_its_field(install: Install, tmp_path: Path, more: str, field: str) -> None:
    """What a manifest declares must be there."""
    text = f'{more}name = "zork"\n'
    files = _wheel_files({f"wasmrun_zork/{MANIFEST}": text, "wasmrun_zork/__init__.py": "plugin = 1\n"})
    with pytest.raises(ManifestError) as caught:
        install(Local(path=zip_wheel(tmp_path / "wasmrun_zork-1.0-py3-none-any.whl", files)))
    assert caught.value.field == field
    assert field in caught.value.message


def test_a_wheel_without_a_manifest_is_no_plugin(install: Install, tmp_path: Path) -> None:
    """The error names the file that is wanted."""
    with pytest.raises(ManifestError, match=r"wasmrun-zork 1\.0\.0 holds no wasmrun_plugin\.toml"):
        install(Local(path=write_wheel(tmp_path, Zork(manifest=False))))


def test_a_wheel_with_two_manifests_is_refused(install: Install, tmp_path: Path) -> None:
    """Nobody can say which plugin is meant."""
    files = _wheel_files({f"one/{MANIFEST}": 'name = "one"\n', f"two/{MANIFEST}": 'name = "two"\n'})
    with pytest.raises(ManifestError, match="2 manifests"):
        install(Local(path=zip_wheel(tmp_path / "wasmrun_zork-1.0-py3-none-any.whl", files)))


def test_a_wheel_without_a_transport_is_refused(install: Install, tmp_path: Path) -> None:
    """A manifest alone builds nothing."""
    plugin = Zork(python_transport=False, command_transport=False)
    with pytest.raises(PluginInstallError, match="offers nothing that wasmrun can call"):
        install(Local(path=write_wheel(tmp_path, plugin)))


def test_a_plugin_for_another_wasmrun_is_refused(install: Install, tmp_path: Path) -> None:
    """Both versions are named."""
    plugin = Zork(more_manifest='requires_wasmrun = ">=99"\n')
    with pytest.raises(PluginInstallError, match=r"needs wasmrun >=99, and this is wasmrun \d"):
        install(Local(path=write_wheel(tmp_path, plugin)))


@pytest.mark.parametrize(
    ("name", "version", "error"),
    [
        ("../x", "1.0", UsageError),
        ("-rf", "1.0", UsageError),
        ("CON", "1.0", UsageError),
        ("zork", "../../x", PluginInstallError),
        ("zork", "-1", PluginInstallError),
    ],
)
def test_hostile_metadata_is_refused(
    install: Install, tmp_path: Path, name: str, version: str, error: type[Exception]
) -> None:
    """Name and version become a file name: those of a stranger's METADATA are checked as any others."""
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    wheel = zip_wheel(tmp_path / "zork-1.0-py3-none-any.whl", {"zork-1.0.dist-info/METADATA": text})
    with pytest.raises(error):
        install(Local(path=wheel))


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04" + bytes(200)])
def test_what_is_not_a_wheel_is_named(install: Install, tmp_path: Path, content: bytes) -> None:
    """A damaged download is an ordinary error."""
    write_tree(tmp_path, {"zork-1-py3-none-any.whl": content})
    with pytest.raises(PluginInstallError, match="is not a wheel"):
        install(Local(path=tmp_path / "zork-1-py3-none-any.whl"))


def test_a_package_folder_is_built_and_left_as_it_was(install: Install, tmp_path: Path) -> None:
    """The wheel is built from a copy: backends write where they build."""
    folder = write_package(tmp_path / "package")
    before = sorted(folder.rglob("*"))
    found = install(Local(path=folder))
    assert sorted(folder.rglob("*")) == before
    assert found.resolved.source == Local(path=folder)
    assert (found.resolved.checksum or "").startswith("sha256:")
    assert found.builds(ZORK, tmp_path / "use")


def test_the_manifest_may_stand_beside_pyproject(install: Install, tmp_path: Path) -> None:
    """A package folder whose manifest is not package data is understood all the same."""
    folder = write_package(tmp_path / "package")
    (folder / "wasmrun_zork" / MANIFEST).rename(folder / MANIFEST)
    assert install(Local(path=folder)).built.manifest.language == "zork"


def test_an_editable_package_is_used_where_it_is(install: Install, tmp_path: Path) -> None:
    """A change in the folder is what runs next; there is no checksum to compare."""
    folder = write_package(tmp_path / "package")
    found = install(Local(path=folder, editable=True))
    assert found.resolved.checksum is None
    assert found.built.launch.python == "wasmrun_zork:plugin"
    write_package(folder, Zork(marker="changed"))
    assert found.builds(Zork(marker="changed"), tmp_path / "use")


def test_a_package_that_does_not_build_says_why(installer: Installer, tmp_path: Path) -> None:
    """The backend's words are in the message, and the whole in the log that is named."""
    folder = write_package(tmp_path / "package")
    (folder / "zork_backend.py").write_text("def build_wheel(*_):\n    raise SystemExit('out of lamp oil')\n")
    with pytest.raises(PluginInstallError) as caught:
        installer.install(Local(path=folder))
    assert caught.value.log_file == installer.log_file
    assert str(installer.log_file) in caught.value.hint
    assert "out of lamp oil" in installer.log_file.read_text()
    assert "could not be built" in caught.value.message


def test_a_name_that_no_index_has(install: Install, tmp_path: Path) -> None:
    """Exit code 3, as for any plugin that is not there."""
    write_wheel(tmp_path)
    with pytest.raises(PluginNotFoundError, match="no package zork-none"):
        install(PyPI(name="zork-none"), env=wheel_index(tmp_path))


def test_a_version_that_no_index_has(install: Install, tmp_path: Path) -> None:
    """Uv's own words say what there is."""
    write_wheel(tmp_path)
    with pytest.raises(PluginInstallError, match=r"wasmrun-zork==9\.9 could not be resolved"):
        install(PyPI(name="wasmrun-zork", version="9.9"), env=wheel_index(tmp_path))


def test_without_a_network_the_reason_is_uvs(install: Install) -> None:
    """The credentials in the index's address are covered."""
    index = closed_registry().replace("http://", "http://user:secret@") + "simple"
    env = {"UV_DEFAULT_INDEX": index, "UV_HTTP_RETRIES": "0", "UV_NO_CONFIG": "1"}
    with pytest.raises(PluginInstallError, match="wasmrun-zork could not be resolved") as caught:
        install(PyPI(name="wasmrun-zork"), env=env)
    assert "network" in caught.value.hint
    assert "secret" not in caught.value.message + caught.value.output


def test_without_uv_it_is_named(install: Install, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Exit code 4 with what to install."""
    monkeypatch.setitem(sys.modules, "uv", None)
    with pytest.raises(MissingToolError, match="uv is not on PATH") as caught:
        install(Local(path=write_wheel(tmp_path)), env={"PATH": ""})
    assert caught.value.tools == ("uv",)
    assert "pip install uv" in caught.value.hint


def test_a_file_cannot_be_editable(install: Install, tmp_path: Path) -> None:
    """There is nothing to edit in it."""
    with pytest.raises(UsageError, match="only a folder can be --editable"):
        install(Local(path=write_wheel(tmp_path), editable=True))


def test_two_entry_points_are_told_apart_by_name(install: Install, tmp_path: Path) -> None:
    """The one named as the package is its own; without such a name the author must say."""
    group = "[wasmrun.plugins]\nother = wasmrun_zork:other\n{name} = wasmrun_zork:mine\n"
    base = {f"wasmrun_zork/{MANIFEST}": 'name = "zork"\n', "wasmrun_zork/__init__.py": "mine = other = 1\n"}
    wheel = tmp_path / "wasmrun_zork-1.0-py3-none-any.whl"
    entry_points = "wasmrun_zork-1.0.dist-info/entry_points.txt"
    files = _wheel_files({**base, entry_points: group.format(name="Wasmrun.Zork")})
    assert install(Local(path=zip_wheel(wheel, files))).built.launch.python == "wasmrun_zork:mine"
    files = _wheel_files({**base, entry_points: group.format(name="third")})
    with pytest.raises(ManifestError, match="2 entry points"):
        install(Local(path=zip_wheel(wheel, files)))


@pytest.mark.network
def test_a_real_package_is_no_plugin(install: Install) -> None:
    """The real index is asked through uv; what is no plugin is refused by name."""
    with pytest.raises(ManifestError, match=r"packaging 24\.0 holds no wasmrun_plugin\.toml"):
        install(PyPI(name="packaging", version="24.0"))


def _wheel_files(files: dict[str, str]) -> dict[str, str | bytes]:
    info = "wasmrun_zork-1.0.dist-info"
    return {
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: wasmrun-zork\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        **files,
    }
