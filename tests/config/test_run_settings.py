"""The ``[run]`` table: what it may hold, and what wins over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wasmrun_py.config.run_settings import RunTable, load_run_table, resolve_run_build
from wasmrun_py.config.settings import Overrides, resolve_settings
from wasmrun_py.model.errors import ConfigError
from wasmrun_py.system.paths import Home

if TYPE_CHECKING:
    from pathlib import Path

BOTH = """
[build]
target = "web"
optimization = "size"
[run]
target = "a"
optimization = "debug"
"""


def write(project: Path, text: str) -> None:
    (project / "wasmrun.toml").write_text(text, encoding="utf-8")


def test_every_key_is_read(tmp_path: Path) -> None:
    """Numbers, switches and lists arrive as what they are; a project without a file has none."""
    assert load_run_table(tmp_path) == RunTable()
    write(
        tmp_path,
        """[run]
port = 0
host = "::1"
open = true
cors = true
isolate = true
headers = ["A: b"]
proxy = ["/api=http://localhost:1"]
target = "web"
optimization = "size"
""",
    )
    assert load_run_table(tmp_path) == RunTable(
        port=0,
        host="::1",
        open=True,
        cors=True,
        isolate=True,
        headers=("A: b",),
        proxies=("/api=http://localhost:1",),
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("port = -1", '"port" cannot be -1'),
        ("port = 65536", '"port" cannot be 65536'),
        ("port = true", '"port" must be an integer, not a boolean'),
        ('port = "80"', '"port" must be an integer, not a string'),
        ("open = 1", '"open" must be a boolean, not an integer'),
        ("cors = []", '"cors" must be a boolean, not an array'),
        ("headers = 3", '"headers" must be a list of strings'),
        ('host = ""', '"host" is empty'),
        ('optimization = "fast"', '"optimization" cannot be "fast"'),
        ("pord = 1", 'has no key "pord"'),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, line: str, said: str) -> None:
    """File, line and column, and what would be right."""
    write(tmp_path, f"[run]\n{line}\n")
    with pytest.raises(ConfigError) as raised:
        load_run_table(tmp_path)
    assert said in raised.value.message
    assert (raised.value.line, raised.value.column) == (2, 1)
    assert raised.value.hint


@pytest.mark.parametrize(
    ("text", "environ", "overrides", "target", "level"),
    [
        ("", {}, Overrides(), "wasm", "debug"),
        ('[build]\ntarget = "web"\noptimization = "size"\n', {}, Overrides(), "web", "size"),
        (BOTH, {}, Overrides(), "a", "debug"),
        (BOTH, {"WASMRUN_TARGET": "b"}, Overrides(), "b", "debug"),
        (
            BOTH,
            {"WASMRUN_TARGET": "b"},
            Overrides(target="c", optimization="release"),
            "c",
            "release",
        ),
    ],
)
def test_the_nearer_word_wins(
    tmp_path: Path, text: str, environ: dict[str, str], overrides: Overrides, target: str, level: str
) -> None:
    """Command line, environment, ``[run]``, ``[build]``; and fast builds where nobody says anything."""
    write(tmp_path, text)
    home = Home(root=tmp_path / "home", own_cache=tmp_path / "cache")
    settings = resolve_run_build(tmp_path, overrides, environ=environ, home=home)
    assert (settings.target, settings.optimization) == (target, level)
    assert ("target" in settings.origins) == (target != "wasm")


def test_the_table_is_nothing_to_compile(tmp_path: Path) -> None:
    """``compile`` builds what ``[build]`` says."""
    write(tmp_path, '[run]\ntarget = "web"\noptimization = "debug"\n')
    home = Home(root=tmp_path / "home", own_cache=tmp_path / "cache")
    settings = resolve_settings(tmp_path, Overrides(), environ={}, home=home)
    assert (settings.target, settings.optimization) == ("wasm", "release")
