"""One plugin in our process, in a helper, as a library and as a program: same options, results, errors."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.toolchain.recording import RecordingReporter
from wasmrun_py.model.build import OptimizationLevel
from wasmrun_py.model.errors import WasmrunError
from wasmrun_py.model.manifest import TransportKind
from wasmrun_py.plugin.artifacts import check_artifacts

if TYPE_CHECKING:
    from tests.plugin.transport.conftest import Workshop
    from wasmrun_py.plugin.api import Plugin

# Written once: a plugin with wasmrun's types where they are importable, and with plain ones elsewhere.
LOGIC = """
import json
from types import SimpleNamespace
try:
    from wasmrun_py.plugin.api import BuildResult, Diagnostic, Match, MatchKind, NoMatch, PluginInfo
    from wasmrun_py.plugin.api import Severity, Toolchain
    from wasmrun_py.model.errors import BuildError, MissingToolError, UnsupportedBuildError
    ENTRY, ERROR = MatchKind.ENTRY_FILE, Severity.ERROR
except ImportError:
    BuildResult = Diagnostic = Match = NoMatch = PluginInfo = Toolchain = SimpleNamespace
    ENTRY, ERROR = "entry-file", "error"
    class BuildError(Exception):
        def __init__(self, message, **fields):
            super().__init__(message)
            self.message = message
            self.__dict__.update(fields)
    class UnsupportedBuildError(BuildError): pass
    class MissingToolError(BuildError): pass

def number(value):
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + number(value >> 7)

def module_with(text):
    content = number(4) + b"zork" + text.encode()
    return b"\\0asm\\1\\0\\0\\0" + b"\\0" + number(len(content)) + content

def compile_zork(options, project):
    text = (project / "main.zork").read_text().strip()
    if text == "bad":
        place = Diagnostic(
            file="main.zork", line=1, column=2, severity=ERROR, message="no number", source="zork"
        )
        said = "main.zork:1:2: error: no number"
        raise BuildError("1 error", hint="Write a number.", diagnostics=(place,), output=said)
    if text == "missing":
        raise MissingToolError("zorkc-nowhere is not installed", tools=["zorkc-nowhere"], hint="Install it.")
    return module_with(json.dumps({**options, "text": text}, sort_keys=True))

def entry_name(entry, project):
    return None if entry is None else entry.relative_to(project).as_posix()

class Zork:
    info = PluginInfo(
        name="zork", version="1.0", description="Zork.", extensions=("zork",), entry_files=("main.zork",)
    )
    def can_handle_project(self, project_path):
        if (project_path / "main.zork").is_file():
            return Match(confidence=95, reason="main.zork is there", kind=ENTRY)
        return NoMatch(reason="no main.zork, *.zork")
    def get_builder(self):
        return ZorkBuilder()

class ZorkBuilder:
    language_name = "zork"
    entry_file_candidates = ("main.zork",)
    supported_extensions = ("zork",)
    def check_dependencies(self):
        return ()
    def validate_project(self, project_path):
        pass
    def clean(self, project_path):
        return ()
    def build(self, config, reporter):
        options = {
            "optimization": config.optimization_level.value, "target": config.target,
            "debug_info": config.debug_info, "custom_args": list(config.custom_args),
            "verbose": config.verbose, "name": config.name, "toolchain": config.toolchain,
            "entry": entry_name(config.entry, config.project_path),
        }
        assert config.optimization_level == config.optimization_level.value
        data = compile_zork(options, config.project_path)
        name = (config.name or "main") + ".wasm"
        (config.output_dir / name).write_bytes(data)
        return BuildResult(
            wasm_path=config.output_dir / name, toolchain=Toolchain(name="zork", version="1.0")
        )

plugin = Zork()
"""
PROGRAM = """
import argparse, sys
from pathlib import Path
sys.path.insert(0, str(Path(__file__).parent))
from zork_plugin import BuildError, compile_zork, entry_name

top = argparse.ArgumentParser()
commands = top.add_subparsers(dest="command")
build = commands.add_parser("compile")
build.add_argument("-p", "--project", type=Path)
build.add_argument("-o", "--output", type=Path)
for flag in ("--optimization", "--target", "--name", "--toolchain"):
    build.add_argument(flag)
build.add_argument("--entry", type=Path)
build.add_argument("--debug-info", action="store_true")
build.add_argument("-v", "--verbose", action="store_true")
known, custom = top.parse_known_args()
options = {
    "optimization": known.optimization, "target": known.target, "debug_info": known.debug_info,
    "custom_args": custom, "verbose": known.verbose, "name": known.name, "toolchain": known.toolchain,
    "entry": entry_name(known.entry, known.project),
}
try:
    data = compile_zork(options, known.project)
except BuildError as error:
    print(f"error: {error.message}\\n{error.output}", file=sys.stderr)
    sys.exit(1)
except Exception as error:
    print(error, file=sys.stderr)
    sys.exit(1)
module = known.output / ((known.name or "main") + ".wasm")
module.write_bytes(data)
print("WASM file:", module)
"""
OPTIONS: list[dict[str, Any]] = [
    {},
    {"optimization_level": OptimizationLevel.DEBUG, "target": "web", "verbose": True},
    {
        "optimization_level": OptimizationLevel.SIZE,
        "debug_info": True,
        "custom_args": ("--flag", "with space", "ø", "-x=1"),
        "name": "given",
        "toolchain": "zorkc",
    },
]
WAYS = ["own-process", "helper", "helper-without-wasmrun", "ffi", "command"]


def open_way(workshop: Workshop, way: str, *, tools: tuple[str, ...] = ()) -> Plugin:
    """The plugin, called in one of the five ways."""
    if way == "ffi":
        workshop.write_library(Path(__file__).with_name("parity.c"))
        return workshop.open(forced=TransportKind.FFI, tools=tools)
    workshop.write_module(LOGIC)
    workshop.write_program(text=PROGRAM)
    if way == "command":
        return workshop.open(forced=TransportKind.COMMAND, tools=tools)
    if way == "own-process":
        spec = importlib.util.spec_from_file_location("zork_plugin", workshop.folder / "zork_plugin.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        plugin: Plugin = module.plugin
        return plugin
    bare = Path(sys.base_prefix) / "bin" / "python3"
    interpreter = bare if way == "helper-without-wasmrun" else Path(sys.executable)
    return workshop.open(forced=TransportKind.PYTHON, interpreter=interpreter)


@pytest.mark.parametrize("options", OPTIONS, ids=["default", "debug-web", "everything"])
@pytest.mark.parametrize("way", WAYS)
def test_options_and_artifacts(workshop: Workshop, way: str, options: dict[str, Any]) -> None:
    """What it received, byte for byte, and what came back."""
    plugin = open_way(workshop, way)
    changes = dict(options)
    if "name" in options:
        changes["entry"] = workshop.project() / "main.zork"
    config = workshop.config(**changes)
    result = plugin.get_builder().build(config, RecordingReporter())
    artifacts = check_artifacts(result, config.output_dir, plugin="zork")
    assert [artifact.path.name for artifact in artifacts] == [f"{config.name or 'main'}.wasm"]
    received = json.loads(result.wasm_path.read_bytes().partition(b"zork")[2])
    assert received == {
        "optimization": config.optimization_level.value,
        "target": config.target,
        "debug_info": config.debug_info,
        "custom_args": list(config.custom_args),
        "verbose": config.verbose,
        "name": config.name,
        "toolchain": config.toolchain,
        "entry": "main.zork" if config.entry else None,
        "text": "1",
    }
    assert (result.toolchain.name, result.toolchain.version) == ("zork", "1.0")
    assert result.js_path is None
    assert result.additional_files == ()
    assert result.warnings == ()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bad", ("build-failed", 1, (), [("main.zork", 1, 2, "error", "no number", "zork")])),
        ("missing", ("missing-tool", 4, ("zorkc-nowhere",), [])),
    ],
)
def test_errors(workshop: Workshop, way: str, text: str, expected: tuple[object, ...]) -> None:
    """The class of the error, its exit code, its tools and its diagnostics."""
    plugin = open_way(workshop, way, tools=("zorkc-nowhere",))
    config = workshop.config()
    (config.project_path / "main.zork").write_text(text)
    with pytest.raises(WasmrunError) as raised:
        plugin.get_builder().build(config, RecordingReporter())
    error = raised.value
    places = [
        (each.file, each.line, each.column, each.severity.value, each.message, each.source)
        for each in error.diagnostics
    ]
    assert (error.code, error.exit_code, getattr(error, "tools", ()), places) == expected


@pytest.mark.parametrize("way", WAYS)
def test_answers(workshop: Workshop, way: str) -> None:
    """Detection and the builder's facts."""
    plugin = open_way(workshop, way)
    project = workshop.project()
    builder = plugin.get_builder()
    assert plugin.can_handle_project(project) == open_way(workshop, "own-process").can_handle_project(project)
    assert builder.language_name == "zork"
    assert builder.entry_file_candidates == ("main.zork",)
    assert builder.supported_extensions == ("zork",)
    assert builder.check_dependencies() == ()
    assert builder.clean(project) == ()
