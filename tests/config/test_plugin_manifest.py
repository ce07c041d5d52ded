"""The manifest's parser: every wrong field is named, and what it accepts it writes back."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from wasmrun_py.config.plugin_manifest import Package, find_cargo_table, manifest_to_table, parse_manifest
from wasmrun_py.model.errors import ManifestError, WasmrunError
from wasmrun_py.model.manifest import PluginManifest, Transports

MALFORMED = [
    ("", "name"),
    ('name = ""', "name"),
    ("name = 3", "name"),
    ('name = "../x"', "name"),
    ('name = "a b"', "name"),
    (f'name = "{"x" * 65}"', "name"),
    ('name = "a\\nb"', "name"),
    ("version = 1.0", "version"),
    ('version = "v1"', "version"),
    ('version = "1 2"', "version"),
    ("description = []", "description"),
    (f'description = "{"x" * 1001}"', "description"),
    ('description = "a\\u001b[2J"', "description"),
    ("author = true", "author"),
    ('author = "\\u009b2J"', "author"),
    ('extensions = "c"', "extensions"),
    ("extensions = [1]", "extensions[0]"),
    ('extensions = ["c", "../c"]', "extensions[1]"),
    ('extensions = [""]', "extensions[0]"),
    ('entry_files = ["/main.c"]', "entry_files[0]"),
    ('entry_files = ["a.c", "../main.c"]', "entry_files[1]"),
    ('entry_files = ["C:main.c"]', "entry_files[0]"),
    ('entry_files = [""]', "entry_files[0]"),
    ("entry_files = [" + '"a",' * 201 + "]", "entry_files"),
    ('toolchains = ["--x"]', "toolchains[0]"),
    ("abi = 0", "abi"),
    ("abi = true", "abi"),
    ('abi = "1"', "abi"),
    ("abi = 9223372036854775807", "abi"),
    ('requires_wasmrun = "new"', "requires_wasmrun"),
    ("requires_wasmrun = 1", "requires_wasmrun"),
    ("capabilities = 1", "capabilities"),
    ('capabilities.compile_wasm = "yes"', "capabilities.compile_wasm"),
    ("capabilities.live_reload = 1", "capabilities.live_reload"),
    ('capabilities.custom_targets = "web"', "capabilities.custom_targets"),
    ('capabilities.supported_languages = ["a b"]', "capabilities.supported_languages[0]"),
    ("dependencies = []", "dependencies"),
    ("dependencies.tools = [1979-05-27]", "dependencies.tools[0]"),
    ('dependencies.optional_tools = ["a/b"]', "dependencies.optional_tools[0]"),
    ('transports = "python"', "transports"),
    ('transports.python = "module"', "transports.python"),
    ('transports.python = "a:b; import os"', "transports.python"),
    ('transports.command = "../bin/x"', "transports.command"),
    ('transports.command = "-rf"', "transports.command"),
    ('transports.ffi = "a/b"', "transports.ffi"),
    ('exports = ["a"]', "exports"),
    ('exports.build = ""', "exports.build"),
    ('exports.build = "a b"', "exports.build"),
    ('frameworks.supported = "yew"', "frameworks.supported"),
]


@pytest.mark.parametrize(("text", "field"), MALFORMED)
def test_a_malformed_manifest_names_its_field(text: str, field: str) -> None:
    """The message has the file and the field, the error has the field."""
    lines = text if text.startswith("name") or not text else f'name = "zork"\n{text}'
    version = "" if "version = " in text and "requires" not in text else 'version = "1"\n'
    with pytest.raises(ManifestError) as caught:
        parse_manifest(tomllib.loads(version + lines), origin="wasmrun_plugin.toml")
    assert caught.value.field == field
    assert caught.value.message.startswith(f'wasmrun_plugin.toml: "{field}" ')
    assert caught.value.hint
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("table", [None, 1, "x", [], ["name"]])
def test_what_is_no_table(table: object) -> None:
    """The whole manifest is named."""
    with pytest.raises(ManifestError, match="the manifest must be a table"):
        parse_manifest(table, origin="x")


def test_missing_fields_come_from_the_package() -> None:
    """Name, version, description and author; without a package the version must stand there."""
    package = Package(name="wasmzork", version="2.0", description="It builds.", author="Ada")
    info = parse_manifest({"name": "zork"}, origin="x", package=package).info
    assert (info.name, info.version, info.description, info.author) == (
        "wasmzork",
        "2.0",
        "It builds.",
        "Ada",
    )
    assert info.capabilities.supported_languages == ("zork",)
    with pytest.raises(ManifestError, match='"version" is missing'):
        parse_manifest({"name": "zork"}, origin="x")


def test_a_packages_words_are_not_trusted() -> None:
    """What a terminal would obey is left out; a version that is none is refused."""
    package = Package(name="zork", version="1", description="a\x1b[2Jb\x9bc\n", author="\x07Ada")
    info = parse_manifest({"name": "zork"}, origin="x", package=package).info
    assert (info.description, info.author) == ("a[2Jbc", "Ada")
    with pytest.raises(ManifestError, match='"version" cannot be') as caught:
        parse_manifest({"name": "zork"}, origin="x", package=Package(version="../../x"))
    assert caught.value.field == "version"


def test_fields_that_nobody_knows_are_passed_over() -> None:
    """Real plugins carry some."""
    table = {"name": "zork", "version": "1", "frameworks": {"auto_detect": True}, "future": [1]}
    assert parse_manifest(table, origin="x").transports == Transports()


@pytest.mark.parametrize("key", ["wasm_plugin", "wasm-plugin"])
def test_both_spellings_of_a_crates_table(key: str) -> None:
    """A crate without one, or with something else in its place, has none."""
    assert find_cargo_table({"package": {"metadata": {key: {"name": "x"}}}}) == {"name": "x"}
    assert find_cargo_table({"package": {"metadata": {"other": {}}}}) is None
    assert find_cargo_table({"package": {"metadata": 3}}) is None
    assert find_cargo_table({"package": 3}) is None


FIELDS = (
    *("name", "plugin", "version", "description", "author", "extensions", "entry_files", "toolchains", "abi"),
    *("requires_wasmrun", "capabilities", "dependencies", "transports", "exports", "frameworks"),
    *(
        "compile_wasm",
        "custom_targets",
        "supported_languages",
        "tools",
        "python",
        "ffi",
        "command",
        "supported",
    ),
)
SCALARS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["zork", "1.0", "main.zork", "a:b", ">=1", "web"]),
    st.integers(-3, 2**40),
    st.booleans(),
    st.floats(allow_nan=False),
    st.datetimes(),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.sampled_from(FIELDS), st.text(max_size=5)), inner),
    ),
    max_leaves=8,
)
WORDS = st.from_regex(r"[a-z][a-z0-9.+_-]{0,8}", fullmatch=True)
GOOD = st.fixed_dictionaries(
    {"name": st.from_regex(r"[a-z][a-z0-9-]{0,8}x", fullmatch=True), "version": st.just("1.2.3")},
    optional={
        "plugin": st.just("wasm-plug"),
        "description": st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=30),
        "extensions": st.lists(WORDS, max_size=3),
        "entry_files": st.lists(WORDS, max_size=3),
        "toolchains": st.lists(WORDS, max_size=3),
        "abi": st.integers(1, 9),
        "requires_wasmrun": st.sampled_from([">=1", ">=0.1,<3", "~=1.2"]),
        "capabilities": st.fixed_dictionaries(
            {},
            optional={
                "compile_wasm": st.booleans(),
                "compile_webapp": st.booleans(),
                "live_reload": st.booleans(),
                "optimization": st.booleans(),
                "custom_targets": st.lists(WORDS, max_size=2),
                "supported_languages": st.lists(WORDS, max_size=2),
            },
        ),
        "dependencies": st.fixed_dictionaries({}, optional={"tools": st.lists(WORDS, max_size=2)}),
        "transports": st.fixed_dictionaries({}, optional={"python": st.just("a.b:c"), "command": WORDS}),
        "exports": st.dictionaries(WORDS, st.just("zork_build"), max_size=3),
        "frameworks": st.fixed_dictionaries({}, optional={"supported": st.lists(WORDS, max_size=2)}),
    },
)


@given(st.dictionaries(st.sampled_from(FIELDS), VALUES))
def test_any_table_is_a_manifest_or_an_error(table: dict[str, Any]) -> None:
    """Whatever TOML gives, and nothing else is ever raised."""
    try:
        manifest = parse_manifest(table, origin="x")
    except WasmrunError as error:
        assert error.message  # noqa: PT017 - either outcome is right, and both are checked
        return
    assert isinstance(manifest, PluginManifest)
    assert parse_manifest(manifest_to_table(manifest), origin="x") == manifest


@given(GOOD)
def test_what_is_written_is_read_back(table: dict[str, Any]) -> None:
    """Through the text of a file, as it is stored."""
    manifest = parse_manifest(table, origin="x")
    text = tomlkit.dumps(manifest_to_table(manifest))
    assert parse_manifest(tomllib.loads(text), origin="x") == manifest
