"""``wasmrun plugin …``: find, install, inspect and remove plugins."""
