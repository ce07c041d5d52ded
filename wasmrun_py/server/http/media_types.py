"""What a file is called on the wire, by its name: our own table, because a system's may say anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wasmrun_py.server.http.exchange import Headers

_BINARY = "application/octet-stream"
_TEXT = "; charset=utf-8"
_TYPES = {
    "wasm": "application/wasm",
    "js": f"text/javascript{_TEXT}",
    "mjs": f"text/javascript{_TEXT}",
    "cjs": f"text/javascript{_TEXT}",
    "css": f"text/css{_TEXT}",
    "html": f"text/html{_TEXT}",
    "htm": f"text/html{_TEXT}",
    "xhtml": "application/xhtml+xml",
    "json": "application/json",
    "map": "application/json",
    "webmanifest": "application/manifest+json",
    "txt": f"text/plain{_TEXT}",
    "md": f"text/plain{_TEXT}",
    "wat": f"text/plain{_TEXT}",
    "wit": f"text/plain{_TEXT}",
    "ts": f"text/plain{_TEXT}",
    "py": f"text/plain{_TEXT}",
    "csv": f"text/csv{_TEXT}",
    "xml": "application/xml",
    "svg": "image/svg+xml",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "avif": "image/avif",
    "bmp": "image/bmp",
    "ico": "image/x-icon",
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "ttf": "font/ttf",
    "otf": "font/otf",
    "woff": "font/woff",
    "woff2": "font/woff2",
    "pdf": "application/pdf",
    "zip": "application/zip",
    "gz": "application/gzip",
}
# Packed already: packing them again costs time and saves nothing.
_PACKED = frozenset(
    {
        *("png", "jpg", "jpeg", "gif", "webp", "avif", "mp3", "ogg", "flac", "mp4", "webm"),
        *("woff", "woff2", "pdf", "zip", "gz", "br", "zst", "xz", "whl"),
    }
)


def media_type(path: str) -> str:
    """The content type of a URL path, by the end of its name."""
    return _TYPES.get(_ending(path), _BINARY)


def is_page(path: str) -> bool:
    """Whether a browser shows it as an HTML page."""
    return media_type(path).startswith("text/html")


def is_worth_packing(path: str) -> bool:
    """Whether packing a file of this name is likely to make it smaller."""
    return _ending(path) not in _PACKED


def type_header(path: str) -> Headers:
    """The ``Content-Type`` of a URL path."""
    return [(b"content-type", media_type(path).encode())]


def _ending(path: str) -> str:
    name = path.rpartition("/")[2]
    return name.rpartition(".")[2].lower() if "." in name else ""
