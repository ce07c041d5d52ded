"""JSON documents that say of themselves whether they are whole: the digest of the rest stands first.

A torn, flipped or swapped document is the same as none: what is derived from one is a cache, and must not
be half right.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

_DIGEST_CHARACTERS = 64


def seal(document: dict[str, Any]) -> bytes:
    """The document as bytes, its digest in the first line."""
    body = json.dumps(document, separators=(",", ":"), sort_keys=True).encode("ascii")
    return hashlib.sha256(body).hexdigest().encode("ascii") + b"\n" + body


def parse_sealed(data: bytes) -> dict[str, Any] | None:
    """The document, or None when the bytes are not one that ``seal`` made."""
    digest, body = data[:_DIGEST_CHARACTERS], data[_DIGEST_CHARACTERS + 1 :]
    if hashlib.sha256(body).hexdigest().encode("ascii") != digest:
        return None
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
