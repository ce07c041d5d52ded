"""The command line for asc: levels, targets, bindings, maps, and the user's own arguments last."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from plugins_builtin.assemblyscript.arguments import OutputNames, build_arguments, find_flag_value
from plugins_builtin.assemblyscript.config import AscConfig, parse_layer
from wasmrun_py.model.build import BuildConfig, OptimizationLevel

BUILD = BuildConfig(
    project_path=Path("/p"),
    output_dir=Path("/o"),
    work_dir=Path("/w"),
    optimization_level=OptimizationLevel.RELEASE,
)
OUT = OutputNames(module=Path("/o/p.wasm"), text=Path("/o/p.wat"))
TUNED = {"optimizeLevel": 3}


def arguments(document: dict[str, Any], **changes: Any) -> list[str]:
    """The arguments between the entry and the output, as words."""
    config = AscConfig(layers=(parse_layer(document, Path("/p/asconfig.json")),))
    made = build_arguments(replace(BUILD, **changes), config, entries=("index.ts",), outputs=OUT)
    assert made[0] == "index.ts"
    at = made.index("--outFile")
    assert made[at + 1] == str(OUT.module)
    assert made[at + 2 :] == changes.get("custom_args", BUILD.custom_args)
    return list(made[1:at])


@pytest.mark.parametrize(
    ("level", "document", "expected"),
    [
        ("debug", {}, "--target debug --debug"),
        ("debug", {"targets": {"debug": {}}}, "--target debug"),
        ("debug", {"options": TUNED}, "--target debug --debug --optimizeLevel 0 --shrinkLevel 0"),
        ("release", {}, "--target release -O3"),
        ("release", {"targets": {"release": {}}}, "--target release -O3"),
        ("release", {"targets": {"release": TUNED}}, "--target release"),
        ("release", {"targets": {"release": {}}, "options": TUNED}, "--target release"),
        ("size", {}, "--target release -O3 --shrinkLevel 2"),
        ("size", {"targets": {"release": TUNED}}, "--target release -O3 --shrinkLevel 2"),
        ("size", {"targets": {"size": {"shrinkLevel": 1}}}, "--target size"),
        ("size", {"targets": {"size": {}}}, "--target size -O3 --shrinkLevel 2"),
    ],
)
def test_levels(level: str, document: dict[str, Any], expected: str) -> None:
    """A target of the level's name rules; what asconfig.json leaves open, the level decides."""
    assert arguments(document, optimization_level=OptimizationLevel(level)) == expected.split()


def test_source_map_and_names_on_request() -> None:
    """Debug information asks for names and a map, and for no second map where one is configured."""
    assert arguments({}, debug_info=True)[-2:] == ["--debug", "--sourceMap"]
    assert arguments({"options": {"sourceMap": True}}, debug_info=True)[-1] == "--debug"


def test_text_form_is_written_where_it_is_asked_for() -> None:
    """A configured textFile goes to the output folder, not to where the file says."""
    assert arguments({"options": {"textFile": "build/x.wat"}})[-2:] == ["--textFile", str(OUT.text)]


def test_bindings_for_the_web() -> None:
    """A page needs bindings: esm unless the project says which; a plain build takes the project's."""
    assert arguments({}, target="web")[-2:] == ["--bindings", "esm"]
    assert "--bindings" not in arguments({"options": {"bindings": "raw"}}, target="web")
    assert "--bindings" not in arguments({})


def test_user_arguments_come_last_and_may_choose_the_target() -> None:
    """The last word counts for asc, so that the user's stands at the end; their target replaces ours."""
    own = ("--runtime", "stub")
    assert arguments({}, custom_args=own) == ["--target", "release", "-O3"]
    assert arguments({}, custom_args=("--target", "mine")) == ["-O3"]


@pytest.mark.parametrize(
    ("args", "value"),
    [((), None), (("--target",), None), (("--target", "x"), "x"), (("--target=y", "-O"), "y")],
)
def test_flag_values(args: tuple[str, ...], value: str | None) -> None:
    """Both spellings of an option with a value are understood."""
    assert find_flag_value(args, "--target") == value
