"""The installed plugins: immutable generations, one pointer file, and the operations that change it.

``config.toml`` is the one source of truth; whatever ends a command in the middle, it names a whole
generation, and the next command tidies the rest. How a plugin is fetched is ``plugin.install``'s business,
how it is called is ``plugin.transport``'s.
"""
