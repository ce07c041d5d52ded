"""Read one TOML file against a schema, with errors that point at the line.

The syntax is ``tomllib``'s business; the meaning (which tables, which keys, which values) is checked here
against a ``Schema``, so that a typing mistake is answered with "did you mean".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wasmrun_py.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

_FILE_CAP_BYTES = 1024 * 1024
_EXAMPLES: dict[type, str] = {int: "8420", bool: "true"}
_PLACE = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What a key may hold.

    Attributes:
        kind: ``str``, ``int``, ``bool`` or ``list`` (of strings).
        choices: The closed set of values, or empty for any.
    """

    kind: type
    choices: tuple[str, ...] = ()


Schema = dict[str, dict[str, Key]]
"""Table name -> key name -> what it may hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TomlFile:
    """A file that was read and fits its schema.

    Attributes:
        path: The file.
        text: Its text, for pointing at lines.
        tables: Table -> key -> value; absent tables are absent. What ``load_toml`` was told that somebody
            else checks is here as TOML gave it.
    """

    path: Path
    text: str
    tables: Mapping[str, Any]

    def error(self, table: str, key: str, message: str, *, hint: str = "") -> ConfigError:
        """A ``ConfigError`` that points at a key of this file."""
        line, column = find_key(self.text, table, key)
        return ConfigError(message, file=self.path, line=line, column=column, hint=hint)


def load_toml(path: Path, schema: Schema, *, elsewhere: Collection[str] = ()) -> TomlFile | None:
    """Read and check ``path``; None when there is no such file.

    Args:
        path: The file.
        schema: What it may hold.
        elsewhere: Tables and keys of the top that somebody else checks.

    Raises:
        ConfigError: Unreadable, not UTF-8, not TOML, or not what the schema allows.
    """
    text = _load_text(path)
    if text is None:
        return None
    import tomllib  # noqa: PLC0415 - most projects have no configuration at all

    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(path, text, str(error)) from error
    except RecursionError as error:
        raise ConfigError("is nested too deeply", file=path, line=1) from error
    _check(path, text, {key: value for key, value in document.items() if key not in elsewhere}, schema)
    return TomlFile(path=path, text=text, tables=document)


def find_key(text: str, table: str, key: str | None) -> tuple[int | None, int | None]:
    """Find the 1-based line and column of ``[table]`` or of ``key`` in it; (None, None) when not found.

    A plain reading of lines: enough to point a person at the place, which ``tomllib`` cannot do.
    """
    current = ""
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[\[?\s*([^\]]+?)\s*\]", line)
        if header:
            current = re.sub(r"[\"']|\s(?=\.)|(?<=\.)\s", "", header[1])
            if key is None and (current == table or current.startswith(f"{table}.")):
                return number, line.index("[") + 1
            continue
        assignment = re.match(r"(\s*)(\"[^\"]*\"|'[^']*'|[^=\s]+)\s*=", line)
        if assignment is None:
            continue
        dotted = ".".join(part for part in (current, assignment[2].strip("\"'")) if part)
        wanted = ".".join(part for part in (table, key) if part)
        if dotted == wanted or dotted.startswith(f"{wanted}."):
            return number, len(assignment[1]) + 1
    return None, None


def suggest(word: str, known: Iterable[str]) -> str:
    """``Did you mean "target"?``, or the list of what is known when nothing is near."""
    import difflib  # noqa: PLC0415 - only a mistake needs it

    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1)
    if near:
        return f'Did you mean "{near[0]}"?'
    return f"Known here: {', '.join(names)}."


def _load_text(path: Path) -> str | None:
    try:
        with path.open("rb") as stream:
            data = stream.read(_FILE_CAP_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror or error}", file=path) from error
    if len(data) > _FILE_CAP_BYTES:
        raise ConfigError("is larger than 1 MiB, which no configuration is", file=path, line=1)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - (before.rfind(b"\n") + 1) + 1
        raise ConfigError("is not UTF-8 text", file=path, line=line, column=column) from error


def _syntax_error(path: Path, text: str, said: str) -> ConfigError:
    place = _PLACE.search(said)
    reason = _PLACE.sub("", said)
    reason = reason[:1].lower() + reason[1:]
    if place and place[1]:
        line, column = int(place[1]), int(place[2])
    else:
        lines = text.splitlines() or [""]
        line, column = len(lines), len(lines[-1]) + 1
    return ConfigError(
        f"is not valid TOML: {reason}",
        file=path,
        line=line,
        column=column,
        hint='Strings are quoted in TOML: name = "value".',
    )


def _check(path: Path, text: str, document: dict[str, Any], schema: Schema) -> None:
    for table, content in document.items():
        if table not in schema:
            line, column = find_key(text, table, None)
            what = "table" if isinstance(content, dict) else "key"
            raise ConfigError(
                f'unknown {what} "{table}"',
                file=path,
                line=line,
                column=column,
                hint=_table_hint(table, schema),
            )
        if not isinstance(content, dict):
            line, column = find_key(text, table, None)
            raise ConfigError(
                f'"{table}" must be a table, written [{table}]', file=path, line=line, column=column
            )
        for key, value in content.items():
            problem = _check_value(key, value, schema[table])
            if problem:
                line, column = find_key(text, table, key)
                message, hint = problem
                raise ConfigError(f"[{table}] {message}", file=path, line=line, column=column, hint=hint)


def _table_hint(word: str, schema: Schema) -> str:
    for table, keys in schema.items():
        if word in keys:
            return f'"{word}" belongs under [{table}].'
    return suggest(word, schema)


def _check_value(  # noqa: PLR0911 - one return a kind of mistake
    key: str, value: object, keys: dict[str, Key]
) -> tuple[str, str] | None:
    known = keys.get(key)
    if known is None:
        return f'has no key "{key}"', suggest(key, keys)
    if known.kind is list:
        return _check_list(key, value)
    if known.kind in _EXAMPLES:
        return _check_plain(key, value, known.kind)
    if not isinstance(value, str):
        return f'"{key}" must be a string, not {_toml_type(value)}', f'Write it in quotes: {key} = "…".'
    if not value:
        return f'"{key}" is empty', "Give it a value, or remove the line."
    if known.choices and value not in known.choices:
        return f'"{key}" cannot be "{value}"', suggest(value, known.choices)
    return None


def _check_plain(key: str, value: object, kind: type) -> tuple[str, str] | None:
    # Not isinstance: a boolean is an integer to Python, and to nobody else.
    if type(value) is kind:
        return None
    problem = f'"{key}" must be {_toml_type(kind())}, not {_toml_type(value)}'
    return problem, f"For example: {key} = {_EXAMPLES[kind]}."


def _check_list(key: str, value: object) -> tuple[str, str] | None:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return None
    return f'"{key}" must be a list of strings', f'For example: {key} = ["one", "two"].'


def _toml_type(value: object) -> str:
    names = {
        bool: "a boolean",
        int: "an integer",
        float: "a float",
        str: "a string",
        list: "an array",
        dict: "a table",
    }
    return names.get(type(value), "a date or time")
