"""Plugins for the tests to install, written into a folder of the test: nothing here is committed as a binary.

Every shape of a plugin (wheel, package folder, plain folder, crate, archive, git repository, registry) is
made from one ``Zork``, and really builds: "zork" programs are one number in ``main.zork``, and become a
module that prints it (``_start``) and exports ``answer``. Its custom section ``zork`` holds ``VERSION
MARKER``, by which a test sees which plugin built it.
"""

from __future__ import annotations

import base64
import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import subprocess
import sys
import tarfile
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from tests.plugin.zork_sources import BACKEND, COMPILER, CRATE_PROGRAM, PLUGIN, PROGRAM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

MANIFEST = "wasmrun_plugin.toml"
_COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Zork:
    """One version of a test plugin.

    Attributes:
        name: The distribution's or crate's name.
        version: Its version.
        marker: A word that ends up in what it builds.
        entry_file: ``main.zork``; ``main.c`` competes with the built-in C plugin.
        language: The manifest's ``name``.
        command: The program's name.
        python_transport: A package has an entry point in ``wasmrun.plugins``.
        command_transport: A package has a console script.
        declared: The manifest has a ``[transports]`` table.
        manifest: There is a manifest at all.
        more_manifest: TOML that comes first in it.
        requires: What a package depends on.
    """

    name: str = "wasmrun-zork"
    version: str = "1.0.0"
    marker: str = "first"
    entry_file: str = "main.zork"
    language: str = "zork"
    command: str = "wasmrun-zork"
    python_transport: bool = True
    command_transport: bool = True
    declared: bool = False
    manifest: bool = True
    more_manifest: str = ""
    requires: tuple[str, ...] = ()

    @property
    def package(self) -> str:
        """The import name."""
        return self.name.replace("-", "_").replace(".", "_").lower()

    @property
    def extension(self) -> str:
        """The entry file's extension."""
        return self.entry_file.rpartition(".")[2]

    def fill(self, text: str) -> str:
        """A source text with this plugin's words in it."""
        words = {
            "VERSION": self.version,
            "MARKER": self.marker,
            "ENTRY_FILE": self.entry_file,
            "PACKAGE": self.package,
            "LANGUAGE": self.language,
            "EXTENSION": self.extension,
            "COMMAND": self.command,
            "NAME": self.name,
            "WHEEL_NAME": self.package,
        }
        for word, value in words.items():
            text = text.replace(f"@{word}@", value)
        return text

    def manifest_text(self, *, prefix: str = "", transports: Mapping[str, str] | None = None) -> str:
        """The manifest; ``prefix`` is the table it stands in."""
        head = f"[{prefix}]\n" if prefix else ""
        dot = f"{prefix}." if prefix else ""
        named = {} if not self.declared else dict(transports or {})
        lines = "".join(f'{key} = "{value}"\n' for key, value in named.items())
        return (
            f"{head}{self.more_manifest}"
            f'name = "{self.language}"\n'
            f'extensions = ["{self.extension}"]\n'
            f'entry_files = ["{self.entry_file}"]\n'
            'toolchains = ["zorkc"]\n'
            f"[{dot}capabilities]\n"
            "compile_wasm = true\nlive_reload = true\noptimization = true\n"
            f"[{dot}dependencies]\ntools = []\n" + (f"[{dot}transports]\n{lines}" if lines else "")
        )


ZORK = Zork()
C_RIVAL = Zork(name="wasmrun-rival", entry_file="main.c", language="c", command="wasmrun-rival")


def write_project(folder: Path, number: int | str = 42, *, plugin: Zork = ZORK) -> Path:
    """A project that the plugin builds (or, with text for a number, does not)."""
    return write_tree(folder, {plugin.entry_file: f"{number}\n"})


def write_tree(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Files below a folder, which is returned."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def write_wheel(folder: Path, plugin: Zork = ZORK) -> Path:
    """The plugin as a wheel in ``folder``; the wheel's path."""
    info = f"{plugin.package}-{plugin.version}.dist-info"
    files = _package_files(plugin) | {
        f"{info}/METADATA": _metadata(plugin),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": _entry_points(plugin),
    }
    return zip_wheel(folder / f"{plugin.package}-{plugin.version}-py3-none-any.whl", files)


def zip_wheel(path: Path, files: Mapping[str, str | bytes]) -> Path:
    """A wheel of these files, with its RECORD."""
    path.parent.mkdir(parents=True, exist_ok=True)
    info = next(name for name in files if name.endswith(".dist-info/METADATA")).rpartition("/")[0]
    lines = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            lines.append(f"{name},sha256={digest},{len(data)}\n")
            # A fixed date: the same plugin is the same wheel, byte for byte.
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
        archive.writestr(zipfile.ZipInfo(f"{info}/RECORD"), "".join(lines) + f"{info}/RECORD,,\n")
    return path


def write_package(folder: Path, plugin: Zork = ZORK) -> Path:
    """The plugin as a Python package's source folder; its build backend is in it and needs no registry."""
    pyproject = (
        '[build-system]\nrequires = []\nbuild-backend = "zork_backend"\nbackend-path = ["."]\n\n'
        f'[project]\nname = "{plugin.name}"\nversion = "{plugin.version}"\n'
        'dynamic = ["dependencies", "description", "scripts", "entry-points", "authors"]\n'
    )
    return write_tree(
        folder,
        _package_files(plugin)
        | {
            "pyproject.toml": pyproject,
            "zork_backend.py": plugin.fill(BACKEND),
            "METADATA": _metadata(plugin),
            "entry_points.txt": _entry_points(plugin),
        },
    )


def write_plain(folder: Path, plugin: Zork = ZORK) -> Path:
    """The plugin as a folder with a manifest and a program in ``bin``."""
    program = (
        f"#!{sys.executable} -B\nimport sys\nfrom pathlib import Path\n"
        'sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))\n'
        f"from {plugin.package}.program import main\nsys.exit(main())\n"
    )
    library = {f"lib/{name}": text for name, text in _package_files(plugin).items() if name.endswith(".py")}
    manifest = (
        f'plugin = "{plugin.name}"\nversion = "{plugin.version}"\ndescription = "Builds {plugin.language}."\n'
        + plugin.manifest_text()
        + f'[transports]\ncommand = "{plugin.command}"\n'
    )
    write_tree(folder, library | {MANIFEST: manifest, f"bin/{plugin.command}": program})
    (folder / "bin" / plugin.command).chmod(0o755)
    return folder


def write_crate(
    folder: Path,
    plugin: Zork = ZORK,
    *,
    spelling: str = "wasm_plugin",
    cli_feature: bool = False,
    binary: bool = True,
    lock: bool = True,
) -> Path:
    """The plugin as a crate's folder: no dependencies, compiled in about a second.

    Args:
        folder: Where it goes.
        plugin: What it is; ``manifest=False`` leaves the table out.
        spelling: ``wasm_plugin`` or ``wasm-plugin``.
        cli_feature: The binary is built with the feature ``cli`` only.
        binary: There is one at all; else a library.
        lock: There is a Cargo.lock.
    """
    needed = 'required-features = ["cli"]\n' if cli_feature else ""
    target = f'[[bin]]\nname = "{plugin.command}"\npath = "src/main.rs"\n{needed}\n' if binary else ""
    transports = {"command": plugin.command}
    table = plugin.manifest_text(prefix=f"package.metadata.{spelling}", transports=transports)
    cargo = (
        f'[package]\nname = "{plugin.name}"\nversion = "{plugin.version}"\nedition = "2021"\n'
        f'description = "Builds {plugin.language}."\nauthors = ["The tests"]\nlicense = "MIT"\n\n'
        + (f"{table}\n" if plugin.manifest else "")
        + target
        + ("[features]\ncli = []\n\n" if cli_feature else "")
        + "[profile.release]\nopt-level = 0\n\n[workspace]\n"
    )
    source = (
        {"src/main.rs": plugin.fill(CRATE_PROGRAM)} if binary else {"src/lib.rs": "pub fn nothing() {}\n"}
    )
    locked = f'version = 3\n\n[[package]]\nname = "{plugin.name}"\nversion = "{plugin.version}"\n'
    return write_tree(folder, {"Cargo.toml": cargo, **source} | ({"Cargo.lock": locked} if lock else {}))


def write_archive(path: Path, folder: Path, *, top: str | None = "plugin-1.0") -> Path:
    """A .zip or .tar.* of a folder, below one top folder unless ``top`` is None."""
    path.parent.mkdir(parents=True, exist_ok=True)
    prefix = f"{top}/" if top else ""
    files = sorted(file for file in folder.rglob("*") if file.is_file() and ".git" not in file.parts)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in files:
                entry = zipfile.ZipInfo(prefix + file.relative_to(folder).as_posix())
                entry.external_attr = file.stat().st_mode << 16
                archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED)
        return path
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for file in files:
            member = tarfile.TarInfo(prefix + file.relative_to(folder).as_posix())
            data = file.read_bytes()
            member.size, member.mode = len(data), file.stat().st_mode & 0o777
            tar.addfile(member, io.BytesIO(data))
    path.write_bytes(_COMPRESS[path.suffix](packed.getvalue()))
    return path


def commit(folder: Path, *, tag: str | None = None) -> str:
    """Commit everything below ``folder`` (a repository from the first time on); the commit."""
    said = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    identity = ("-c", "user.name=Tests", "-c", "user.email=tests@localhost", "-c", "commit.gpgsign=false")

    def git(*args: str) -> str:
        argv = ["git", *identity, *args]
        done = subprocess.run(
            argv, cwd=folder, env={**os.environ, **said}, capture_output=True, check=True, text=True
        )
        return done.stdout.strip()

    if not (folder / ".git").exists():
        git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-q", "--allow-empty", "-m", "A version")
    if tag is not None:
        git("tag", tag)
    return git("rev-parse", "HEAD")


def write_crate_registry(folder: Path, *crates: Path) -> dict[str, str]:
    """A crates registry of these crate folders; the variables by which cargo uses it, without a network.

    A *local registry* of cargo's book, "Source Replacement": an index of JSON lines and ``.crate`` archives.
    """
    registry, cargo_home = folder / "crates-registry", folder / "cargo-home"
    index: dict[str, list[str]] = {}
    for crate in crates:
        # Not tomllib: the two fields stand at the top, as write_crate wrote them.
        fields = dict(line.split(" = ", 1) for line in (crate / "Cargo.toml").read_text().splitlines()[1:3])
        name, version = json.loads(fields["name"]), json.loads(fields["version"])
        archive = write_archive(registry / "packed.tar.gz", crate, top=f"{name}-{version}")
        packed = archive.rename(registry / f"{name}-{version}.crate")
        features: dict[str, list[str]] = (
            {"cli": []} if "[features]\ncli" in (crate / "Cargo.toml").read_text() else {}
        )
        entry = {
            "name": name,
            "vers": version,
            "deps": [],
            "cksum": hashlib.sha256(packed.read_bytes()).hexdigest(),
            "features": features,
            "yanked": False,
        }
        index.setdefault(name, []).append(json.dumps(entry))
    for name, lines in index.items():
        place = f"3/{name[0]}" if len(name) == 3 else f"{name[:2]}/{name[2:4]}"
        write_tree(registry / "index", {f"{place}/{name}": "\n".join(lines) + "\n"})
    config = (
        '[source.crates-io]\nreplace-with = "tests"\n\n'
        f"[source.tests]\nlocal-registry = {json.dumps(str(registry))}\n"
    )
    write_tree(cargo_home, {"config.toml": config})
    return {"CARGO_HOME": str(cargo_home), "RUSTUP_HOME": _rustup_home()}


def wheel_index(folder: Path) -> dict[str, str]:
    """The variables by which uv takes packages from this folder of wheels and from nowhere else."""
    config = f"no-index = true\nfind-links = [{json.dumps(str(folder))}]\n"
    # A name of its own: the folder may be served or listed by the test.
    path = folder.with_name(f"{folder.name}-uv.toml")
    path.write_text(config)
    return {"UV_CONFIG_FILE": str(path)}


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The address, ending with a slash, of a server for a folder's files."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def sha256_of(path: Path) -> str:
    """The digest of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _package_files(plugin: Zork) -> dict[str, str | bytes]:
    package = plugin.package
    transports = {"python": f"{package}:plugin", "command": plugin.command}
    offered = {"python": plugin.python_transport, "command": plugin.command_transport}
    chosen = {key: value for key, value in transports.items() if offered[key]}
    files: dict[str, str | bytes] = {
        f"{package}/__init__.py": plugin.fill(PLUGIN),
        f"{package}/compiler.py": plugin.fill(COMPILER),
        f"{package}/program.py": plugin.fill(PROGRAM),
    }
    if plugin.manifest:
        files[f"{package}/{MANIFEST}"] = plugin.manifest_text(transports=chosen)
    return files


def _metadata(plugin: Zork) -> str:
    requires = "".join(f"Requires-Dist: {each}\n" for each in plugin.requires)
    return (
        f"Metadata-Version: 2.1\nName: {plugin.name}\nVersion: {plugin.version}\n"
        f"Summary: Builds {plugin.language}.\nAuthor: The tests\n{requires}"
    )


def _entry_points(plugin: Zork) -> str:
    text = ""
    if plugin.command_transport:
        text += f"[console_scripts]\n{plugin.command} = {plugin.package}.program:main\n\n"
    if plugin.python_transport:
        text += f"[wasmrun.plugins]\n{plugin.language} = {plugin.package}:plugin\n"
    return text


def _rustup_home() -> str:
    """Rustup's cargo looks for its toolchains beside CARGO_HOME unless it is told."""
    return os.environ.get("RUSTUP_HOME", str(Path.home() / ".rustup"))
