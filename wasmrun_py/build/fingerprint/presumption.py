"""What a build must be taken to have read when its plugin does not say: more rather than less.

The whole project with what git ignores, every variable, the tools of the manifest with what stands behind
their launchers, the workspace files above the project, and whatever outside a file of the project names by
``../``. A file that is named by an absolute path is the one thing left out (docs/cache.md).
"""

from __future__ import annotations

import glob
import os
import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from wasmrun_py.build.project_files import ProjectFiles
from wasmrun_py.model.build_inputs import BuildInputs
from wasmrun_py.model.manifest import PluginType

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wasmrun_py.plugin.manager import ChosenPlugin

_UPWARD = re.compile(rb"\.\./(?:\.\./)*[\w.@+-]+(?:/[\w.@+-]+)*")
_RELATIVE = re.compile(rb"\.{1,2}/(?:\.\./)*[\w.@+-]+(?:/[\w.@+-]+)*")
_MOST_OUTSIDE = 10_000
_SCANNED_BYTES = 1024 * 1024
_WORKSPACE_FILES = (
    *(
        "Cargo.toml",
        "Cargo.lock",
        ".cargo/config.toml",
        ".cargo/config",
        "rust-toolchain",
        "rust-toolchain.toml",
    ),
    *("go.work", "go.work.sum", "package.json", "package-lock.json", "pnpm-lock.yaml", "yarn.lock"),
    *(".npmrc", ".tool-versions", "mise.toml", ".mise.toml", ".nvmrc", "pyproject.toml", "uv.lock"),
)
_HOME_FILES = (".cargo/config.toml", ".cargo/config", ".npmrc", ".tool-versions")


def presume_inputs(chosen: ChosenPlugin, project: Path, environ: Mapping[str, str]) -> BuildInputs | None:
    """The inputs of a build whose plugin reports none; None when it must not be kept.

    Args:
        chosen: The plugin.
        project: The project's folder, absolute.
        environ: The user's environment.
    """
    if chosen.registered.type is PluginType.BUILTIN:
        return None
    manifest = getattr(chosen.plugin, "manifest", None)
    if chosen.registered.installed is not None:
        manifest = chosen.registered.installed.manifest
    if manifest is not None and not manifest.cache:
        return None
    tools = (*manifest.tools, *manifest.optional_tools) if manifest is not None else ()
    return BuildInputs(
        files=(*_above(project), *_behind_launchers(environ)),
        trees=(project,),
        programs=(*tools, *chosen.info.toolchains),
        any_variable=True,
    )


def add_outside(
    inputs: BuildInputs, project: Path, args: tuple[str, ...], outputs: tuple[Path, ...]
) -> BuildInputs:
    """The same, with what lies outside a project that counts whole and is named in it or by an argument.

    Args:
        inputs: What is known so far; returned as it is when the project does not count whole.
        project: The project's folder, absolute.
        args: The toolchain's arguments.
        outputs: Folders that hold nothing but outputs.
    """
    if project not in inputs.trees:
        return inputs
    named = {project / word for arg in args for word in (arg, arg.partition("=")[2], *arg.split(",")) if word}
    found = (*find_upward_paths(project, outputs), *(path for path in named if _is_outside(path, project)))
    return replace(
        inputs,
        files=(*inputs.files, *(path for path in found if path.is_file())),
        trees=(*inputs.trees, *(path for path in found if path.is_dir())),
    )


def find_upward_paths(project: Path, outputs: tuple[Path, ...] = ()) -> tuple[Path, ...]:
    """What lies outside a project and is named by ``../`` in one of its files, and so on from there."""
    found: dict[Path, None] = {}
    for name in ProjectFiles(project, outputs, with_ignored=True).walk_names():
        for path in _named_in(name, _UPWARD, (os.path.dirname(name), str(project))):  # noqa: PTH120 - strings
            if _is_outside(path, project):
                found[path] = None
    waiting = list(found)
    while waiting and len(found) < _MOST_OUTSIDE:
        further = waiting.pop()
        if further.is_file():
            for path in _named_in(str(further), _RELATIVE, (str(further.parent),)):
                if path not in found and _is_outside(path, project):
                    found[path] = None
                    waiting.append(path)
    return tuple(found)


def _is_outside(path: Path, project: Path) -> bool:
    """Whether a path is there, and neither in the project nor around it."""
    normal = Path(os.path.normpath(path))
    around = normal.is_relative_to(project) or project.is_relative_to(normal)
    return not around and normal.exists()


def _named_in(name: str, pattern: re.Pattern[bytes], bases: tuple[str, ...]) -> Iterator[Path]:
    """Paths that the words of a file lead to, also those that are written without their suffix."""
    try:
        with open(name, "rb") as stream:  # noqa: PTH123 - strings: every file of a project
            data = stream.read(_SCANNED_BYTES + 1)
    except OSError:
        return
    if len(data) > _SCANNED_BYTES:
        return
    for words in {os.fsdecode(each) for each in pattern.findall(data)}:
        for base in bases:
            path = Path(os.path.normpath(os.path.join(base, words)))  # noqa: PTH118 - as above
            yield path
            with suppress(OSError, ValueError):
                yield from path.parent.glob(f"{glob.escape(path.name)}.*")


def _above(project: Path) -> Iterator[Path]:
    """Files of the folders above that package managers look for, there or not."""
    for folder in project.parents:
        for name in _WORKSPACE_FILES:
            yield folder / name
        if (folder / ".git").exists():
            return


def _behind_launchers(environ: Mapping[str, str]) -> Iterator[Path]:
    """What a program on PATH stands for when it is a launcher: rustup's is the same for every compiler."""
    home = Path(environ.get("HOME") or environ.get("USERPROFILE") or os.sep)
    for name in _HOME_FILES:
        yield home / name
    rustup = Path(environ.get("RUSTUP_HOME") or home / ".rustup")
    if rustup.is_absolute():
        yield rustup / "settings.toml"
        yield from sorted(rustup.glob("toolchains/*/lib/rustlib/multirust-channel-manifest.toml"))
        yield from sorted(rustup.glob("toolchains/*/bin/rustc"))
