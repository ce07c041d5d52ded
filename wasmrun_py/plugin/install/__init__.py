"""Getting a plugin from where it is to a folder of ours: PyPI, crates, git, web addresses, folders.

``resolve`` finds out what exactly is meant; ``build`` lays it out in a generation's staging folder. The
registries are reached through the user's own uv, cargo and git; no host is named. Nothing here knows the
store, its pointer or its locks: that is ``plugin.store``.
"""
