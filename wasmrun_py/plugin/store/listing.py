"""The list of a generation's files with their digests, and the digests over that list.

The list is in the format of ``sha256sum``: one line a file, sorted by path; a link stands with its target
instead of a digest. Its own sha256 is the generation's digest.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

LISTING_FILE = "files.sha256"


def list_files(folder: Path) -> bytes:
    """Hash everything below ``folder`` but the list itself.

    Raises:
        OSError: A file cannot be read.
    """
    found = sorted(_walk(str(folder), ""))
    return "".join(f"{digest}  {name}\n" for name, digest in found if name != LISTING_FILE).encode(
        "utf-8", "surrogateescape"
    )


def digest_of(listing: bytes) -> str:
    """The digest of a generation with this list, ``sha256:HEX``."""
    return f"sha256:{hashlib.sha256(listing).hexdigest()}"


def content_digest_of(listing: bytes, prefixes: Mapping[str, str], left_out: frozenset[str]) -> str:
    """The digest over the files that are the same wherever the same thing is installed, ``sha256:HEX``.

    Args:
        listing: The generation's list.
        prefixes: Path prefix -> the name it has in the digest.
        left_out: File names that are no part of it.
    """
    chosen = [
        f"{digest}  {renamed}{name[len(prefix) :]}\n"
        for digest, name in parse_listing(listing)
        for prefix, renamed in prefixes.items()
        if name == prefix or name.startswith(f"{prefix}/")
        if name.rsplit("/", maxsplit=1)[-1] not in left_out
    ]
    return digest_of("".join(sorted(chosen)).encode("utf-8", "surrogateescape"))


def without(listing: bytes, path: str | None) -> bytes:
    """The list of the same files but the one at ``path``."""
    if path is None:
        return listing
    gone = path.encode("utf-8", "surrogateescape")
    lines = listing.splitlines(keepends=True)
    return b"".join(line for line in lines if line.partition(b"  ")[2].rstrip(b"\n") != gone)


def parse_listing(listing: bytes) -> Iterator[tuple[str, str]]:
    """(digest, path) of every line."""
    for line in listing.decode("utf-8", "surrogateescape").splitlines():
        digest, _, name = line.partition("  ")
        yield digest, name


def find_first_difference(before: bytes, now: bytes) -> tuple[str, str, str] | None:
    """(path, digest before, digest now) of the first file that differs; an absent file's digest is ``""``."""
    old = {name: digest for digest, name in parse_listing(before)}
    new = {name: digest for digest, name in parse_listing(now)}
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            return name, old.get(name, ""), new.get(name, "")
    return None


def _walk(folder: str, inside: str) -> Iterator[tuple[str, str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            name = f"{inside}{entry.name}"
            if entry.is_symlink():
                yield name, f"link:{os.readlink(entry.path)}"  # noqa: PTH115 - as below
            elif entry.is_dir():
                yield from _walk(entry.path, f"{name}/")
            else:
                with open(entry.path, "rb") as stream:  # noqa: PTH123 - for every file of an environment
                    yield name, hashlib.file_digest(stream, "sha256").hexdigest()
