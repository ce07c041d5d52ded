"""The only doors outward: child processes, files, signals, the WASMRUN_HOME tree.

What differs between Linux, macOS and Windows lives here. Nothing here knows what a plugin or a module is.
"""
