"""The bottom floor: pure values that every other room may use.

Standard library only; nothing here reads a file, starts a process or looks at the environment.
"""
