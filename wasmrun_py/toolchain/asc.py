"""What is done to a freshly installed assemblyscript package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmrun_py.system.fs import remove_tree

if TYPE_CHECKING:
    from pathlib import Path


def drop_native_tools(folder: Path) -> None:
    """Leave out binaryen's command-line tools: four fifths of the package, and asc uses its library only."""
    remove_tree(folder / "node_modules" / "binaryen" / "bin")
