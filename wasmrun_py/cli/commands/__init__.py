"""The commands: a command's path is its file's path.

Each file parses its options into the types of the rooms below, calls them, and hands what came back to
``render``. Nothing else.
"""
