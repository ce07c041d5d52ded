"""Configuration: read ``wasmrun.toml`` and ``~/.wasmrun/config.toml``, check them, and resolve what holds.

Command line beats environment beats project file beats user file beats default. Nothing here builds, and
nothing here writes: a user's file is never changed by reading it.
"""
