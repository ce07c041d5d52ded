"""The page of a web build: the project's own ``index.html`` with what lies beside it, or a shell template.

For every language alike; what a page loads is each language's own.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import UnreadablePathError
from wasmrun_py.model.page import ASSET_SUFFIXES, NOT_ASSETS, find_page_file
from wasmrun_py.system.fs import translate_write_errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SHELL_MARK = "{{{ SCRIPT }}}"
_SCRIPT = re.compile(r"""<script[^>]*\ssrc\s*=\s*["']?(?:\./)?([^"'\s>/:?#]+)\.js\b""", re.IGNORECASE)
_ASSET_FOLDERS = frozenset({"assets", "static", "public", "css", "img", "images", "fonts", "media"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A project's own page.

    Attributes:
        html: Its ``index.html``.
        is_shell: It is a template for emcc, which puts the script in.
        script: The base name of a script that it loads and that is not in the project, or None.
    """

    html: Path
    is_shell: bool
    script: str | None


def find_page(project: Path) -> Page | None:
    """The ``index.html`` in the root, ``web/``, ``public/`` or ``static/``, or None.

    Raises:
        UnreadablePathError: It is there and cannot be read.
    """
    html = find_page_file(project)
    if html is None:
        return None
    try:
        text = html.read_text("utf-8", errors="replace")
    except OSError as error:
        raise UnreadablePathError(f"{html} cannot be read: {error.strerror}") from error
    scripts = [name for name in _SCRIPT.findall(text) if not (html.parent / f"{name}.js").exists()]
    return Page(html=html, is_shell=_SHELL_MARK in text, script=scripts[0] if scripts else None)


def copy_page(page: Page, project: Path, output_dir: Path) -> tuple[Path, ...]:
    """Copy the page and the static files beside it; a page in a folder of its own takes all of that along.

    Existing files of the output folder win: what the compiler made is never overwritten.

    Raises:
        OutputError: A file cannot be copied.
    """
    copied: list[Path] = []
    for source in _assets(page.html.parent, whole=page.html.parent != project):
        target = output_dir / source.relative_to(page.html.parent)
        if page.is_shell and source == page.html:
            continue
        with translate_write_errors(f"copy {source}"):
            if target.exists():
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        copied.append(target)
    return tuple(copied)


def page_sources(page: Page | None, project: Path) -> tuple[Path, ...]:
    """What ``copy_page`` reads."""
    if page is None:
        return ()
    return (page.html, *_assets(page.html.parent, whole=page.html.parent != project))


def _assets(folder: Path, *, whole: bool) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.is_symlink():
            continue
        if path.is_file() and path.suffix.lower() in ASSET_SUFFIXES and path.name not in NOT_ASSETS:
            yield path
        elif path.is_dir() and (whole or path.name in _ASSET_FOLDERS):
            yield from _files_below(path)


def _files_below(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        base = folder / os.path.relpath(place, folder)
        for name in sorted(names):
            path = base / name
            if path.is_file() and not path.is_symlink():
                yield path
