"""Write a new project from a template, whole or not at all."""

from __future__ import annotations

import re
from pathlib import Path

from wasmrun_py.model.errors import UsageError
from wasmrun_py.scaffold.template import fill_template

_TEMPLATES = Path(__file__).with_name("templates")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


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
    return fill_template(_TEMPLATES / template, parent / name, {"name": name})
