"""The compilers this plugin drives: one file each, all behind ``base.Compiler``; ``choose`` picks one.

What only one compiler needs (a flag, an environment variable, a trap of a distribution) stays in its file.
"""
