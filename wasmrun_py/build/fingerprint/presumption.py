"""What a build must be taken to have read when its plugin does not say: more rather than less.

The whole project with what git ignores, every variable, the tools of the manifest with what stands behind
their launchers, the workspace files above the project, and whatever outside a file of the project names by
``../``. A file that is named by an absolute path is the one thing left out (docs/cache.md).
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from wasmrun_py.build.project_files import ProjectFiles
from wasmrun_py.model.build_inputs import BuildInputs
from wasmrun_py.model.manifest import PluginType

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wasmrun_py.plugin.manager import ChosenPlugin

_UPWARD = re.compile(rb"\.\./(?:\.\./)*[\w.@+-]+(?:/[\w.@+-]+)*")
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


def presume_inputs(
    chosen: ChosenPlugin, project: Path, outputs: tuple[Path, ...], environ: Mapping[str, str]
) -> BuildInputs | None:
    """The inputs of a build whose plugin reports none; None when it must not be kept.

    Args:
        chosen: The plugin.
        project: The project's folder, absolute.
        outputs: Folders that hold nothing but outputs.
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
    upward = find_upward_paths(project, outputs)
    return BuildInputs(
        files=(
            *(path for path in upward if path.is_file()),
            *_above(project),
            *_behind_launchers(environ),
        ),
        trees=(project, *(path for path in upward if path.is_dir())),
        programs=(*tools, *chosen.info.toolchains),
        any_variable=True,
    )


def find_upward_paths(project: Path, outputs: tuple[Path, ...] = ()) -> tuple[Path, ...]:
    """What lies outside a project and is named by ``../`` in one of its files."""
    found: dict[Path, None] = {}
    for name in ProjectFiles(project, outputs, with_ignored=True).walk_names():
        for words in _find_words(name):
            for base in (os.path.dirname(name), str(project)):  # noqa: PTH120 - strings: every file
                path = Path(os.path.normpath(os.path.join(base, words)))  # noqa: PTH118 - as above
                if not path.is_relative_to(project) and not project.is_relative_to(path) and path.exists():
                    found[path] = None
    return tuple(found)


def _find_words(name: str) -> set[str]:
    try:
        with open(name, "rb") as stream:  # noqa: PTH123 - strings: every file of a project
            data = stream.read(_SCANNED_BYTES + 1)
    except OSError:
        return set()
    return set() if len(data) > _SCANNED_BYTES else {os.fsdecode(words) for words in _UPWARD.findall(data)}


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
