"""Install a project's pure-Python dependencies into a folder of the build's own, with uv.

uv is asked for a platform that runs no native code, so that it chooses pure-Python packages where there is a
choice. A dependency that has none is named before any toolchain starts. The last good result is kept, so that
a build without network goes on with it.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import BuildError, ConfigError, MissingToolError, UnsupportedBuildError
from wasmrun_py.model.events import Level, Message
from wasmrun_py.system.fs import remove_tree, staging_folder, translate_write_errors
from wasmrun_py.system.process import describe_exit
from wasmrun_py.toolchain.pypi import find_uv, names_network, parse_reason, redact_credentials
from wasmrun_py.toolchain.space import require_space

if TYPE_CHECKING:
    from pathlib import Path

    from plugins_builtin.python.tools import Session

_REQUIREMENTS = "requirements.txt"
# Pure Python is small; uv needs room for its own copy, too.
_LEAST_FREE_BYTES = 100_000_000
_PROJECT_FILE = "pyproject.toml"
# The platform of Python in a browser: wheels for it are pure Python, but for a few made for that alone.
_PLATFORM = "wasm32-pyodide2024"
_NATIVE_SUFFIXES = frozenset({".so", ".pyd", ".dylib", ".dll"})
_NO_WHEELS = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\S*\s+(?:has|have)\s+no\s+(?:usable\s+)?wheels")
_WHEELS_REQUIRED = re.compile(r"Wheels are required for `([^`]+)`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """What a project says it needs.

    Attributes:
        file: ``requirements.txt``, or None.
        project: The dependencies that pyproject.toml lists.
    """

    file: Path | None
    project: tuple[str, ...]

    def __bool__(self) -> bool:
        """Whether anything is needed."""
        return bool(self.file or self.project)


def load_requirements(project: Path) -> Requirements:
    """Read ``requirements.txt`` and ``[project] dependencies`` of pyproject.toml.

    Raises:
        ConfigError: A file cannot be read, or is not what it should be.
    """
    text_file = project / _REQUIREMENTS
    has_lines = text_file.is_file() and any(
        line.strip() and not line.lstrip().startswith("#") for line in _read(text_file).splitlines()
    )
    return Requirements(file=text_file if has_lines else None, project=_load_project_dependencies(project))


def install_dependencies(requirements: Requirements, session: Session, *, python: str) -> Path | None:
    """Install into ``work_dir``; the folder, or None when nothing is needed.

    Args:
        requirements: What is needed.
        session: The build.
        python: The version of Python that will run them (``3.14``).

    Raises:
        UnsupportedBuildError: A dependency has native code; it is named.
        BuildError: uv could not resolve or fetch them.
        MissingToolError: uv is not there.
    """
    if not requirements:
        return None
    uv = find_uv(session.context.environ)
    if uv is None:
        raise MissingToolError("uv is not there", tools=["uv"], hint="Install it: `pip install uv`.")
    project = session.config.project_path.name
    title = f"Installing the dependencies of {project}"
    require_space(session.config.work_dir, _LEAST_FREE_BYTES, title=title, tools=[project])
    target = session.config.work_dir / "dependencies"
    listed = session.config.work_dir / "dependencies.txt"
    with translate_write_errors(f"write {listed}"):
        listed.write_text("".join(f"{each}\n" for each in requirements.project), "utf-8")
    files = [str(path) for path in (requirements.file, listed if requirements.project else None) if path]
    wanted = tuple(part for path in files for part in ("-r", path))
    keep = _kept_folder(requirements, session, python)
    command = (str(uv), "pip", "install", "--no-progress", "--color", "never", "--target", str(target))
    pure = ("--python-version", python, "--python-platform", _PLATFORM, "--only-binary", ":all:")
    with session.step(f"Installing dependencies of {project}"):
        result = session.run((*command, *pure, *wanted), tool="uv", cwd=session.config.project_path)
    if result.returncode != 0:
        names = parse_unusable(result.output)
        if not names and names_network(result.output) and keep.is_dir():
            text = "The package index cannot be reached; using the dependencies of the last build"
            session.reporter.emit(Message(level=Level.WARNING, text=text))
            return keep
        raise _refused(names, result.output, result.returncode, session, str(uv))
    _check_pure(target)
    _keep(target, keep)
    return target


def parse_unusable(output: str) -> tuple[str, ...]:
    """Names of the packages that uv found no wheel for that would do, in its order."""
    flat = " ".join(output.split())
    names = [*_WHEELS_REQUIRED.findall(flat), *_NO_WHEELS.findall(flat)]
    clean = (re.split(r"[<>=!~;\[]", name)[0] for name in names)
    return tuple(dict.fromkeys(name for name in clean if name and name != "of"))


def find_native(folder: Path) -> tuple[str, ...]:
    """Top-level names in a folder of installed packages that hold native code."""
    found = {
        path.relative_to(folder).parts[0].partition(".")[0]
        for path in folder.rglob("*")
        if path.suffix in _NATIVE_SUFFIXES
    }
    return tuple(sorted(found))


def _check_pure(folder: Path) -> None:
    native = find_native(folder)
    if native:
        raise _native(native)


def _refused(names: tuple[str, ...], output: str, returncode: int, session: Session, uv: str) -> BuildError:
    native = tuple(name for name in names if _has_native_wheel(name, session, uv))
    if native:
        return _native(native)
    if names:
        return UnsupportedBuildError(
            f"{' and '.join(names)} cannot be used: published as source only, not as a pure-Python wheel",
            hint="Copy its code into the project, or depend on a package that has a pure-Python wheel.",
            output=redact_credentials(output),
        )
    reason = parse_reason(output) or describe_exit(returncode)
    return BuildError(
        f"The dependencies of {session.config.project_path.name} could not be installed. uv: {reason}",
        hint="Check the network, the index settings of uv, and the names and versions that are asked for.",
        output=redact_credentials(output),
    )


def _native(names: tuple[str, ...]) -> UnsupportedBuildError:
    listed = " and ".join(names)
    return UnsupportedBuildError(
        f"{listed} cannot be built into WebAssembly: "
        f"{'it has' if len(names) == 1 else 'they have'} native code, and only pure-Python dependencies work",
        hint=f"Do without {listed}, or use a pure-Python package instead.",
    )


def _has_native_wheel(name: str, session: Session, uv: str) -> bool:
    """Whether there is a wheel for this machine although there is none for pure Python."""
    argv = (uv, "pip", "install", "--dry-run", "--no-deps", "--color", "never", "--only-binary", ":all:")
    target = str(session.config.work_dir / "nothing")
    result = session.run((*argv, "--target", target, name), tool="uv", cwd=session.config.work_dir)
    return result.returncode == 0


def _kept_folder(requirements: Requirements, session: Session, python: str) -> Path:
    """Where the last good result for these very requirements is kept."""
    text = _read(requirements.file) if requirements.file else ""
    key = json.dumps([python, text, requirements.project]).encode()
    return session.context.home.cache / "python-packages" / hashlib.sha256(key).hexdigest()[:32]


def _keep(target: Path, keep: Path) -> None:
    """Put a copy away, whole or not at all."""
    if keep.is_dir():
        return
    with staging_folder(keep.parent, prefix=".tmp-") as staging, translate_write_errors(f"write {keep}"):
        copy = shutil.copytree(target, staging / "packages")
        try:
            copy.rename(keep)
        except FileExistsError:
            remove_tree(copy)


def _load_project_dependencies(project: Path) -> tuple[str, ...]:
    path = project / _PROJECT_FILE
    if not path.is_file():
        return ()
    try:
        document = tomllib.loads(_read(path))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(error), file=path, hint="Correct the TOML.") from error
    listed = document.get("project", {}).get("dependencies", [])
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        raise ConfigError("[project] dependencies must be a list of texts", file=path)
    return tuple(listed)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", file=path) from error
    except UnicodeDecodeError as error:
        raise ConfigError("is not UTF-8", file=path, hint="Save it as UTF-8.") from error
