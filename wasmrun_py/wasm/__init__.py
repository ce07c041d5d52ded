"""From bytes to facts: what a WebAssembly file is, what it holds, and whether it is valid.

``inspect`` describes a file without running or compiling it, ``verify`` gives the verdict of wasmtime's
validator, ``module_info`` holds the values both speak in. What must not enter: anything that prints, opens
files, starts processes or runs guest code, and any mention of wasmtime outside ``engine``. Importing a
module of this room loads neither wasmtime nor the rest of the room, so that commands that never look at
wasm do not pay for it.
"""
