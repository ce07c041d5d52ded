"""Reading a TOML file against a schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmrun_py.config.toml_file import Key, Schema, find_key, load_toml
from wasmrun_py.model.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA: Schema = {
    "project": {"name": Key(kind=str)},
    "build": {"optimization": Key(kind=str, choices=("debug", "release")), "args": Key(kind=list)},
}


def load_error(folder: Path, content: bytes) -> ConfigError:
    file = folder / "wasmrun.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_toml(file, SCHEMA)
    assert file.read_bytes() == content
    return caught.value


def test_a_missing_file_is_no_configuration(tmp_path: Path) -> None:
    """A project without wasmrun.toml is an ordinary project."""
    assert load_toml(tmp_path / "wasmrun.toml", SCHEMA) is None


def test_values_are_read(tmp_path: Path) -> None:
    """Tables and keys of the schema arrive as they were written."""
    file = tmp_path / "wasmrun.toml"
    file.write_text('[project]\nname = "a"\n[build]\nargs = ["-DX=1"]\n', encoding="utf-8")
    loaded = load_toml(file, SCHEMA)
    assert loaded is not None
    assert loaded.tables == {"project": {"name": "a"}, "build": {"args": ["-DX=1"]}}


@pytest.mark.parametrize(
    ("content", "line", "column", "message", "hint"),
    [
        (b"[project\nname = 1", 1, 9, "not valid TOML", "quoted"),
        (b'[project]\nname = "a', 2, 10, "not valid TOML", "quoted"),
        (b'[project]\nname = "a"\nname = "b"\n', 3, 11, "not valid TOML", "quoted"),
        (b"[project]\nname = 5\n", 2, 1, '"name" must be a string, not an integer', "quotes"),
        (b'[project]\n  name = ""\n', 2, 3, '"name" is empty', "value"),
        (b'[project]\nnaem = "a"\n', 2, 1, 'has no key "naem"', 'Did you mean "name"?'),
        (b"[bulid]\nargs = []\n", 1, 1, 'unknown table "bulid"', 'Did you mean "build"?'),
        (b'name = "a"\n', 1, 1, 'unknown key "name"', "belongs under [project]"),
        (b'build = "fast"\n', 1, 1, '"build" must be a table', ""),
        (b'[build]\noptimization = "relase"\n', 2, 1, 'cannot be "relase"', 'Did you mean "release"?'),
        (b'[build]\nargs = "-O2"\n', 2, 1, "must be a list of strings", "args = ["),
        (b"[build]\nargs = [1]\n", 2, 1, "must be a list of strings", "args = ["),
        (b"[build]\n# \xff\n", 2, 3, "not UTF-8", ""),
        (b'[build]\nargs = [true,\n  "x"]\n', 2, 1, "must be a list of strings", "args = ["),
        (b"\x00\x01\x02", 1, 1, "not valid TOML", ""),
    ],
)
def test_a_broken_file_names_line_column_and_remedy(
    tmp_path: Path, content: bytes, line: int, column: int, message: str, hint: str
) -> None:
    """Every mistake is answered with its place and the next thing to do; the file is not touched."""
    error = load_error(tmp_path, content)
    assert (error.line, error.column) == (line, column)
    assert message in error.message
    assert error.message.startswith(f"{tmp_path / 'wasmrun.toml'}:{line}:{column}: ")
    assert hint in error.hint
    assert error.exit_code == 2


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    """A file that cannot be a configuration is not parsed."""
    assert "larger than 1 MiB" in load_error(tmp_path, b"#" * (1024 * 1024 + 1)).message


def test_a_folder_in_its_place_is_an_error_of_the_user(tmp_path: Path) -> None:
    """A folder named wasmrun.toml is told, not crashed over."""
    (tmp_path / "wasmrun.toml").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        load_toml(tmp_path / "wasmrun.toml", SCHEMA)


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    """A file made to exhaust the parser's stack is an ordinary error."""
    assert "wasmrun.toml" in load_error(tmp_path, b"a = " + b"[" * 100_000).message


def test_dotted_and_quoted_keys_are_found() -> None:
    """The place of a key is found in each of TOML's spellings."""
    assert find_key("build.args = 1", "build", "args") == (1, 1)
    assert find_key('[build]\n"args" = 1', "build", "args") == (2, 1)
    assert find_key("[other]\nargs = 1", "build", "args") == (None, None)


@given(st.binary(max_size=200))
def test_no_bytes_end_in_anything_but_a_config_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    """Whatever lies in the file, the answer is tables that fit the schema, or a ConfigError."""
    file = tmp_path_factory.mktemp("config") / "wasmrun.toml"
    file.write_bytes(content)
    try:
        loaded = load_toml(file, SCHEMA)
    except ConfigError:
        return
    assert loaded is not None
    assert set(loaded.tables) <= set(SCHEMA)
