"""Write a new project from a template, whole or not at all."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import UsageError
from wasmrun_py.system.fs import staging_folder, translate_write_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

_TEMPLATES = Path(__file__).with_name("templates")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_PLACEHOLDER = "{{name}}"


def find_templates() -> tuple[str, ...]:
    """The names that ``-t`` takes, sorted."""
    return tuple(sorted(path.name for path in _TEMPLATES.iterdir() if path.is_dir()))


def check_project_name(name: str) -> None:
    """Refuse a name that is not a plain folder name on every system.

    Raises:
        UsageError: With what a name may be.
    """
    if _NAME.fullmatch(name) and not _RESERVED.fullmatch(name) and not name.endswith("."):
        return
    raise UsageError(
        f"{name[:80]!r} cannot be a project's name",
        hint="Letters, digits, dots, dashes and underscores, 64 at most, beginning with a letter or digit.",
    )


def create_project(name: str, template: str, *, parent: Path) -> tuple[Path, ...]:
    """Write ``parent/name`` from a template.

    Args:
        name: The project's name and folder.
        template: One of ``find_templates()``.
        parent: An existing folder, absolute.

    Returns:
        The files, relative to the new folder, sorted.

    Raises:
        UsageError: The name or template is not one, or the folder is there and not empty.
        OutputError: The folder cannot be written; nothing is left behind.
    """
    check_project_name(name)
    if template not in find_templates():
        raise UsageError(
            f'There is no template "{template}"', hint=f"Templates: {', '.join(find_templates())}."
        )
    folder = parent / name
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise UsageError(f"{folder} is already there", hint="Choose another name, or remove it first.")
    source = _TEMPLATES / template
    files = tuple(_walk(source))
    with staging_folder(parent, prefix=f".{name}-") as staging, translate_write_errors(f"create {folder}"):
        made = staging / name
        for file in files:
            text = (source / file).read_text(encoding="utf-8").replace(_PLACEHOLDER, name)
            target = made / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8", newline="\n")
        if folder.exists():
            folder.rmdir()
        made.rename(folder)
    return files


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(folder)
