"""Find what a build system made: linked modules by their first bytes, and the JavaScript beside them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from plugins_builtin.c.objects import WASM_MAGIC, is_object
from wasmrun_py.model.errors import ArtifactError
from wasmrun_py.system.fs import translate_write_errors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_BINARY_MAGICS = {
    b"\x7fELF": "a native program or object",
    b"\xcf\xfa\xed\xfe": "a native program or object",
    b"\xca\xfe\xba\xbe": "a native program or object",
    b"!<arch>\n": "a static library",
    WASM_MAGIC: "a wasm file",
}
_MAGIC_BYTES = 8
_PASSED_OVER = frozenset({"CMakeFiles", ".git"})
_SHIPPED = frozenset({".html", ".data", ".map", ".mem", ".worker.js"})
_UNSAFE = re.compile(r"[^A-Za-z0-9._+-]+")
_LISTED = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One linked module that a build made.

    Attributes:
        module: The file.
        js: The JavaScript that loads it, or None.
        companions: Data, HTML and source maps of the same name.
    """

    module: Path
    js: Path | None
    companions: tuple[Path, ...]

    @property
    def name(self) -> str:
        """Its base name without an extension."""
        return self.module.name.removesuffix(".wasm")


def find_kind(path: Path) -> str | None:
    """What kind of binary a file is by its first bytes, in words; None for anything else."""
    try:
        with path.open("rb") as stream:
            head = stream.read(_MAGIC_BYTES)
    except OSError:
        return None
    return next((kind for magic, kind in _BINARY_MAGICS.items() if head.startswith(magic)), None)


def snapshot(root: Path) -> dict[str, tuple[int, int]]:
    """Every regular file below ``root``: modification time in ns and size in bytes."""
    found: dict[str, tuple[int, int]] = {}
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in _PASSED_OVER]
        for name in names:
            path = os.path.join(folder, name)  # noqa: PTH118 - a Path for each of many files is slow
            try:
                status = os.lstat(path)
            except OSError:
                continue
            found[path] = (status.st_mtime_ns, status.st_size)
    return found


def find_products(root: Path, before: Mapping[str, tuple[int, int]]) -> tuple[Product, ...]:
    """The linked modules below ``root`` that are new or changed since ``before``, outermost first."""
    made = {path: each for path, each in snapshot(root).items() if before.get(path) != each}
    modules = [Path(path) for path in made if _is_linked_module(Path(path))]
    modules.sort(key=lambda path: (len(path.parts), str(path)))
    return tuple(_with_companions(module, made) for module in modules)


def choose_main(products: Sequence[Product], wanted: Sequence[str | None]) -> Product:
    """The product that has the first of the wanted names that any has, else the first one."""
    for name in wanted:
        for product in products:
            if product.name == name:
                return product
    return products[0]


def nothing_made(tool: str, root: Path, before: Mapping[str, tuple[int, int]], hint: str) -> ArtifactError:
    """The error for a build that succeeded without making a module; it lists what was made."""
    made = sorted(path for path, each in snapshot(root).items() if before.get(path) != each)
    described = [
        f"{Path(path).relative_to(root).as_posix()} ({find_kind(Path(path)) or 'not a module'})"
        for path in made
    ]
    more = f" and {len(described) - _LISTED} more" if len(described) > _LISTED else ""
    listed = f"; it made {', '.join(described[:_LISTED])}{more}" if described else "; it made no file"
    return ArtifactError(f"{tool} succeeded and made no WebAssembly module{listed}", hint=hint)


def sanitise_name(name: str) -> str:
    """A folder's name as a file name: letters, digits and ``._+-``; never empty, never hidden."""
    return _UNSAFE.sub("-", name).strip("-.") or "main"


def _is_linked_module(path: Path) -> bool:
    if find_kind(path) != _BINARY_MAGICS[WASM_MAGIC] or path.suffix in {".o", ".obj", ".a"}:
        return False
    with translate_write_errors(f"read {path}"):
        return not is_object(path.read_bytes())


def _with_companions(module: Path, made: Mapping[str, tuple[int, int]]) -> Product:
    stem = module.name.removesuffix(".wasm")
    beside = [Path(path) for path in made if Path(path).parent == module.parent]
    # emcc writes JavaScript without an extension for ``-o app``.
    js = next((path for path in beside if path.name in {f"{stem}.js", f"{stem}.mjs"}), None)
    js = js or next((path for path in beside if path.name == stem and path != module), None)
    companions = tuple(
        path
        for path in beside
        if path not in {module, js}
        and path.name.startswith(stem + ".")
        and path.name[len(stem) :] in _SHIPPED
    )
    return Product(module=module, js=js, companions=companions)
