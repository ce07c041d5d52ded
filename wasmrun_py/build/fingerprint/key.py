"""The first half of a build's key: everything that is known before the build.

It keeps its parts by name, so that ``--explain`` can say which of them is another one than last time.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import wasmrun_py
from wasmrun_py.build.fingerprint.dependencies import UncacheableError
from wasmrun_py.build.fingerprint.variables import digest_variables, find_relevant
from wasmrun_py.build.project_files import ProjectFiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from wasmrun_py.build.fingerprint.kept_hashes import KeptHashes
    from wasmrun_py.config.settings import Settings

# Raised whenever a record means something else than before.
_KEY_SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """What is known before a build.

    Attributes:
        key: The digest of all of it, lower-case hex.
        files: The project's files, relative with ``/`` -> digest.
        options: What was asked for, name -> value.
        plugin: Who builds: name, version, digest of its code.
        variables: Environment variable -> digest of its value.
        host: wasmrun, Python and the platform.
    """

    key: str
    files: Mapping[str, str]
    options: Mapping[str, str]
    plugin: Mapping[str, str]
    variables: Mapping[str, str]
    host: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FingerprintRequest:
    """What a fingerprint is taken of.

    Attributes:
        project: The project's folder, absolute.
        outputs: Folders that hold nothing but outputs, absolute.
        settings: What was asked for.
        plugin: The plugin's identity, name -> value.
        environ: The user's environment.
    """

    project: Path
    outputs: tuple[Path, ...]
    settings: Settings
    plugin: Mapping[str, str]
    environ: Mapping[str, str]


def take_fingerprint(request: FingerprintRequest, hashes: KeptHashes) -> Fingerprint:
    """Read what is there now.

    Raises:
        UncacheableError: A file of the project cannot be read.
    """
    parts = {
        "files": read_project(request.project, request.outputs, hashes),
        "options": describe_options(request.project, request.settings),
        "plugin": dict(request.plugin),
        "variables": digest_variables(find_relevant(request.environ)),
        "host": _host(),
    }
    return Fingerprint(key=digest_json({"schema": _KEY_SCHEMA, **parts}), **parts)


def result_key(fingerprint: Fingerprint, state: Mapping[str, str]) -> str:
    """The whole key of a result: what was known before, and the state of what the build read."""
    return digest_json({"fingerprint": fingerprint.key, "state": dict(state)})


def read_project(project: Path, outputs: Iterable[Path], hashes: KeptHashes) -> dict[str, str]:
    """The files of a project that matter, relative with ``/`` -> digest; ``+x`` marks those that run.

    Raises:
        UncacheableError: One cannot be read.
    """
    found: dict[str, str] = {}
    start = len(str(project)) + 1
    for path in ProjectFiles(project, outputs).walk_names():
        try:
            status = os.stat(path)  # noqa: PTH116 - strings: this runs for every file of a project
            mark = "+x" if status.st_mode & 0o100 else ""
            found[path[start:]] = hashes.digest_known(path, status) + mark
        except FileNotFoundError:
            continue
        except OSError as error:
            raise UncacheableError(f"{path} cannot be read: {error.strerror or error}") from error
    return found if os.sep == "/" else {name.replace(os.sep, "/"): each for name, each in found.items()}


def digest_json(document: Mapping[str, object]) -> str:
    """The SHA-256 of a JSON object, whatever the order of its members."""
    text = json.dumps(document, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def describe_options(project: Path, settings: Settings) -> dict[str, str]:
    """What was asked for, as it goes into the key."""
    return {
        # Compilers write the path of a source into what they make (__FILE__, debug information).
        "project": str(project),
        "target": settings.target,
        "optimization": settings.optimization.value,
        "toolchain": settings.toolchain or "",
        "arguments": json.dumps(settings.args),
        "debug-info": str(settings.debug_info),
        "name": settings.name or "",
        "entry": str(settings.entry or ""),
        "language": settings.language or "",
        # Left out where there is none: a project outside a workspace keeps its key.
        **{f"built before: {name}": digest for name, digest in sorted(settings.built_before.items())},
    }


def _host() -> dict[str, str]:
    return {
        "wasmrun": wasmrun_py.__version__,
        "python": platform.python_version(),
        "platform": f"{sys.platform} {platform.machine()}",
    }
