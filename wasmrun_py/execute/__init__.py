"""Run a WebAssembly module or component natively, in a child process that can be killed.

``request`` says what to run, ``run`` (the parent) starts the child and reads its report, ``child`` and what
it imports drive wasmtime, ``terminal`` tames what a guest writes. Nothing here prints, builds or serves, and
only the child's side imports wasmtime.
"""
