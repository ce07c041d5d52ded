"""What a file imports, read from its text in two ways."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins_builtin.python import guest
from plugins_builtin.python.imports import parse_imports

NAME = st.from_regex(r"[a-z_][a-z0-9_]{0,7}", fullmatch=True).filter(
    lambda name: (
        name.isidentifier()
        and name not in {"import", "from", "as"}
        and not __import__("keyword").iskeyword(name)
    )
)
DOTTED = st.lists(NAME, min_size=1, max_size=3).map(".".join)


@pytest.mark.parametrize(
    ("text", "package", "names", "is_dynamic"),
    [
        ("import json", "", {"json"}, False),
        ("import a.b.c as d, e", "", {"a", "a.b", "a.b.c", "e"}, False),
        ("from a import b", "", {"a", "a.b"}, False),
        ("from a import *", "", {"a"}, False),
        ("def f():\n    import lazy", "", {"lazy"}, False),
        ("try:\n    import fast\nexcept ImportError:\n    import slow", "", {"fast", "slow"}, False),
        ("from . import x", "p.q", {"p", "p.q", "p.q.x"}, False),
        ("from ..r import x", "p.q", {"p", "p.r", "p.r.x"}, False),
        ("from ... import x", "p", set(), False),
        ("from importlib import import_module as m", "", {"importlib", "importlib.import_module"}, False),
        ("import_module('a.b')", "", {"a", "a.b"}, False),
        ("importlib.import_module('.x', __name__)", "p", {"p", "p.x"}, False),
        ("importlib.import_module('.x', 'q')", "p", {"q", "q.x"}, False),
        ("__import__('zipfile')", "", {"zipfile"}, False),
        ("import_module(name)", "", set(), True),
        ("import_module(f'plugins.{name}')", "", set(), True),
        ("'import nothing'", "", set(), False),
    ],
)
def test_every_way_to_import_is_seen(text: str, package: str, names: set[str], is_dynamic: bool) -> None:  # noqa: FBT001
    """Statements anywhere, relative ones too, import functions with literals; computed names are reported."""
    imports = parse_imports(ast.parse(text), package)
    assert (set(imports.names), imports.is_dynamic) == (names, is_dynamic)


@given(st.lists(st.tuples(DOTTED, st.lists(NAME, max_size=3), st.integers(0, 8), st.booleans()), max_size=6))
def test_reading_by_text_finds_whatever_reading_by_syntax_finds(
    statements: list[tuple[str, list[str], int, bool]],
) -> None:
    """The quick reader may see too much, and never too little."""
    lines = []
    for module, names, indent, parentheses in statements:
        lines.append(" " * indent + "if 1:")
        listed = f"(\n{', '.join(names)},\n)" if parentheses else ", ".join(names)
        body = f"from {module} import {listed}" if names else f"import {module}"
        lines.append(" " * (indent + 1) + body)
    text = "\n".join(
        line.lstrip() if line.lstrip().startswith("if") else "  " + line.lstrip() for line in lines
    )
    tree = ast.parse(text)
    assert parse_imports(tree, "p").names <= guest.parse_imports(text.encode(), "p")


@pytest.mark.parametrize(
    ("base", "package", "absolute"),
    [("a.b", "", "a.b"), (".", "p", "p"), (".x", "p.q", "p.q.x"), ("..x", "p.q", "p.x"), ("..x", "p", None)],
)
def test_relative_names_become_absolute(base: str, package: str, absolute: str | None) -> None:
    """As the import system does it; beyond the top there is nothing."""
    assert guest.resolve_relative(base, package) == absolute
