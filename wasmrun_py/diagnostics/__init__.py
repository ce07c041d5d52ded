"""What compilers, linkers and build systems write, read into diagnostics: one module a family of tools.

Pure: text in, values out. Nothing here runs a tool, reads a file, or raises; every line is capped.
"""
