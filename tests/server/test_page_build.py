"""The development server's page as it is built and shipped."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from wasmrun_py import server

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "wasmrun_py" / "server" / "ui"
BUILT = Path(server.__file__).with_name("ui_dist")
SHIPPED = {"index.html", "client.js", "stamp.txt"}
# Names of XML vocabularies; nobody is asked for them.
NAMESPACES = re.compile(r"http://www\.w3\.org/\S+?(?=[\"'`])")


def test_the_lock_file_names_no_registry_and_every_version_is_exact() -> None:
    """The packages come from where the user's own npm gets packages."""
    lock = json.loads((SOURCES / "package-lock.json").read_text())
    packages = lock["packages"].values()
    assert [each for each in packages if "resolved" in each] == []
    assert all("integrity" in each for name, each in lock["packages"].items() if name)
    package = json.loads((SOURCES / "package.json").read_text())
    wanted = {**package["dependencies"], **package["devDependencies"]}
    assert len(wanted) <= 6
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())


def test_the_built_page_is_small_and_names_no_other_host() -> None:
    """Less than 600 kB in all, no script inside the page, nothing from elsewhere."""
    files = [path for path in BUILT.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 600_000
    for path in files:
        text = path.read_text("utf-8")
        assert not re.findall(r"https?://\w+", NAMESPACES.sub("", text)), path
    index = (BUILT / "index.html").read_text()
    assert re.findall(r"<script(?![^>]*\bsrc=)", index) == []
    assert re.findall(r"<style|\son\w+=", index) == []


@pytest.mark.network
def test_what_is_shipped_has_the_page_and_needs_no_node(tmp_path: Path) -> None:
    """Wheel: the built page only. Sdist: sources too; a wheel is built from it without node."""
    _build(ROOT, "wheel", tmp_path / "one")
    names = _read_names(tmp_path / "one")
    assert {f"wasmrun_py/server/ui_dist/{name}" for name in SHIPPED} <= names
    assert [name for name in names if "/server/ui/" in name or "node_modules" in name] == []

    _build(ROOT, "sdist", tmp_path / "two")
    archive = next((tmp_path / "two").glob("*.tar.gz"))
    with tarfile.open(archive) as opened:
        opened.extractall(tmp_path / "three", filter="data")
    tree = next((tmp_path / "three").iterdir())
    assert (tree / "wasmrun_py/server/ui/package-lock.json").is_file()
    assert not list(tree.rglob("node_modules"))
    _build(tree, "wheel", tmp_path / "four", path="/nowhere")
    assert {name for name in _read_names(tmp_path / "four") if "ui_dist" in name} == {
        name for name in names if "ui_dist" in name
    }


@pytest.mark.network
def test_a_page_that_cannot_be_built_says_what_to_do(tmp_path: Path) -> None:
    """A changed source is noticed; what failed and what to do are said, without a traceback."""
    tree = tmp_path / "tree"
    kept = shutil.ignore_patterns("node_modules", "ui_dist", "__pycache__")
    for name in ("wasmrun_py", "plugins_builtin"):
        shutil.copytree(ROOT / name, tree / name, ignore=kept)
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree / name)
    (tree / "wasmrun_py/server/ui/package.json").write_text("{}")
    (tree / "wasmrun_py/server/ui/package-lock.json").unlink()
    with pytest.raises(subprocess.CalledProcessError) as failed:
        _build(tree, "wheel", tmp_path / "out")
    assert "the page of wasmrun's development server" in failed.value.stderr
    assert "What to do:" in failed.value.stderr or "put them on PATH" in failed.value.stderr
    assert "Traceback" not in failed.value.stderr


def _build(tree: Path, target: str, into: Path, *, path: str | None = None) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(into)],
        cwd=tree,
        env=None if path is None else {"PATH": path},
        check=True,
        capture_output=True,
        text=True,
        timeout=280,
    )


def _read_names(folder: Path) -> set[str]:
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        return set(wheel.namelist())
