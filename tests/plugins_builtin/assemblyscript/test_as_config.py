"""asconfig.json and package.json: what is read from them, and where they are broken."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from plugins_builtin.assemblyscript.config import load_config
from plugins_builtin.assemblyscript.package import load_package
from tests.plugins_builtin.assemblyscript.conftest import write_project
from wasmrun_py.model.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def test_targets_win_over_options_and_a_file_over_what_it_extends(tmp_path: Path) -> None:
    """The order is asc's own: target, options, then the same of the extended file."""
    base = {"targets": {"release": {"runtime": "stub", "textFile": "x.wat"}}, "entries": ["base.ts"]}
    own: dict[str, Any] = {
        "extends": "./base.json",
        "targets": {"release": {"bindings": "raw"}},
        "options": {"bindings": "esm", "runtime": "minimal"},
    }
    write_project(tmp_path, {"asconfig.json": json.dumps(own), "base.json": json.dumps(base)})
    config = load_config(tmp_path / "asconfig.json")
    assert config.find_option("bindings", "release") == "raw"
    assert config.find_option("bindings", "debug") == "esm"
    assert config.find_option("runtime", "release") == "minimal"
    assert config.find_option("textFile", "release") == "x.wat"
    assert config.find_option("textFile", "debug") is None
    assert config.has_target("release")
    assert not config.has_target("debug")
    assert config.has_entries


def test_false_means_not_given(tmp_path: Path) -> None:
    """A ``false`` in a target lets the general option through, as in asc."""
    own = {"targets": {"release": {"sourceMap": False}}, "options": {"sourceMap": True}}
    write_project(tmp_path, {"asconfig.json": json.dumps(own)})
    assert load_config(tmp_path / "asconfig.json").find_option("sourceMap", "release") is True


def test_extended_package_is_found_as_node_finds_it(tmp_path: Path) -> None:
    """A bare name is looked for in the node_modules of the folder and of its parents."""
    write_project(
        tmp_path,
        {
            "node_modules/shim/asconfig.json": '{"options": {"exportStart": "_start"}}',
            "packages/app/asconfig.json": '{"extends": "shim/asconfig.json"}',
        },
    )
    config = load_config(tmp_path / "packages/app/asconfig.json")
    assert config.find_option("exportStart", "release") == "_start"


def test_missing_files_and_circles_end(tmp_path: Path) -> None:
    """No file is an empty configuration; what is not installed yet and circles are left to asc."""
    assert load_config(tmp_path / "asconfig.json").layers == ()
    write_project(tmp_path, {"a.json": '{"extends": "./b.json"}', "b.json": '{"extends": "./a.json"}'})
    assert len(load_config(tmp_path / "a.json").layers) == 2
    write_project(tmp_path, {"c.json": '{"extends": "./node_modules/none/asconfig.json"}'})
    assert len(load_config(tmp_path / "c.json").layers) == 1


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ('{"targets": {\n  "debug": {\n', "asconfig.json:3:1:", "not valid JSON"),
        ('{"options": {},,}', "asconfig.json:1:16:", "not valid JSON"),
        ("", "asconfig.json:1:1:", "not valid JSON"),
        ("[]", "asconfig.json:1:", "object is expected"),
        ('{"options": [1]}', "asconfig.json:", '"options" must be an object'),
        ('{"targets": {"debug": 1}}', "asconfig.json:", '"targets.debug" must be an object'),
        ('{"entries": "index.ts"}', "asconfig.json:", '"entries" must be a list'),
        ('{"extends": 1}', "asconfig.json:", '"extends" must be a file name'),
        ("[" * 100_000, "asconfig.json:", "nested too deeply"),
    ],
)
def test_broken_asconfig(text: str, place: str, message: str, tmp_path: Path) -> None:
    """A broken file is one error with its place, exit code 2."""
    write_project(tmp_path, {"asconfig.json": text})
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "asconfig.json")
    assert place in caught.value.message
    assert message in caught.value.message
    assert caught.value.exit_code == 2


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 are named with their line."""
    (tmp_path / "asconfig.json").write_bytes(b'{\n "a": "\xff"}')
    with pytest.raises(ConfigError, match=r"asconfig.json:2: not UTF-8 text"):
        load_config(tmp_path / "asconfig.json")


def test_package_json_wants(tmp_path: Path) -> None:
    """A build may need every dependency, and of the development ones those of the compiler."""
    document = {
        "dependencies": {"as-bignum": "1"},
        "devDependencies": {"prettier": "3", "assemblyscript": "1", "@assemblyscript/wasi-shim": "1"},
        "packageManager": "pnpm@9.1.0",
    }
    write_project(
        tmp_path,
        {"package.json": json.dumps(document), "node_modules/as-bignum/package.json": "{}"},
    )
    package = load_package(tmp_path)
    assert package is not None
    assert package.wanted == ("as-bignum", "assemblyscript", "@assemblyscript/wasi-shim")
    assert package.find_missing() == ("assemblyscript", "@assemblyscript/wasi-shim")
    assert package.manager == "pnpm"


def test_broken_package_json(tmp_path: Path) -> None:
    """At build time a broken package.json is an error with line and column."""
    write_project(tmp_path, {"package.json": '{\n  "dependencies": {"a" "b"}\n}'})
    with pytest.raises(ConfigError, match=r"package.json:2:24: not valid JSON"):
        load_package(tmp_path)
    write_project(tmp_path, {"package.json": '{"dependencies": ["a"]}'})
    with pytest.raises(ConfigError, match='"dependencies" must be an object'):
        load_package(tmp_path)
