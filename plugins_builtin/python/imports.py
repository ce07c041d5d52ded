"""Read what a Python file imports from its syntax tree; nothing is run, no other file is looked at."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from plugins_builtin.python.guest import resolve_relative, with_parents

_IMPORTERS = frozenset({"import_module", "__import__"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Imports:
    """What one file may import.

    Attributes:
        names: Absolute names with their parents; for ``from a import b`` both ``a`` and ``a.b``.
        is_dynamic: It also imports names that only the running program knows.
    """

    names: frozenset[str]
    is_dynamic: bool


def parse_imports(tree: ast.Module, package: str) -> Imports:
    """Find every import of a file, inside functions too, and ``import_module("literal")``.

    Args:
        tree: The file's syntax tree.
        package: The package that relative imports start from; empty for a top-level module.
    """
    names: set[str] = set()
    is_dynamic = False
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.update(_from_names(node, package))
        elif isinstance(node, ast.Call) and _is_importer(node.func):
            name = _literal_name(node, package)
            if name:
                names.add(name)
            else:
                is_dynamic = True
    return Imports(
        names=frozenset(parent for name in names for parent in with_parents(name)), is_dynamic=is_dynamic
    )


def _from_names(node: ast.ImportFrom, package: str) -> list[str]:
    base = resolve_relative("." * node.level + (node.module or ""), package)
    if not base:
        return []
    return [base, *(f"{base}.{alias.name}" for alias in node.names if alias.name != "*")]


def _is_importer(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in _IMPORTERS


def _literal_name(call: ast.Call, package: str) -> str | None:
    """The module that ``import_module("x")`` names; None when only the running program knows."""
    if not call.args or not isinstance(call.args[0], ast.Constant) or not isinstance(call.args[0].value, str):
        return None
    named = call.args[0].value
    if not named.startswith("."):
        return named
    anchor = call.args[1] if len(call.args) > 1 else None
    if isinstance(anchor, ast.Constant) and isinstance(anchor.value, str):
        package = anchor.value
    return resolve_relative(named, package)
