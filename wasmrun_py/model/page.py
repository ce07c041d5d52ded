"""Where a project's own web page lies, and which files belong to a page: words that several rooms share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PAGE_NAME = "index.html"
PAGE_FOLDERS = ("", "web", "public", "static")
"""Where it is looked for, relative to the project, in this order."""

ASSET_SUFFIXES = frozenset(
    {
        *(".html", ".css", ".js", ".mjs", ".json", ".webmanifest", ".txt"),
        *(".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".ico", ".avif"),
        *(".woff", ".woff2", ".ttf", ".otf", ".mp3", ".ogg", ".wav", ".mp4", ".webm"),
    }
)
NOT_ASSETS = frozenset(
    {"package.json", "package-lock.json", "tsconfig.json", "CMakeLists.txt", "requirements.txt"}
)


def find_page_file(project: Path) -> Path | None:
    """A project's own ``index.html``, or None."""
    return next((path for folder in PAGE_FOLDERS if (path := project / folder / PAGE_NAME).is_file()), None)
