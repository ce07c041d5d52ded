"""The names of what lies in the cache folder."""

from __future__ import annotations

ACTIONS = "actions"
BLOBS = "blobs"
HASHES = "hashes"
LAST = "last"
LOCKS = "locks"
COUNTS = "counts"
HITS = "hits"
MISSES = "misses"
SWEPT = "swept"
MARKER = "CACHEDIR.TAG"
MARKER_TEXT = (
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This folder is wasmrun's build cache; `wasmrun cache clear` empties it.\n"
)
