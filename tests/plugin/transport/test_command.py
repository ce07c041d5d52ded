"""The command transport: command line in, artifacts or the program's own words out."""

from __future__ import annotations

import json
import os
import stat
import time
from typing import TYPE_CHECKING

import pytest

from tests.toolchain.recording import RecordingReporter
from wasmrun_py.model.build import OptimizationLevel
from wasmrun_py.model.errors import (
    ArtifactError,
    BuildError,
    MissingToolError,
    PluginCrashedError,
    TransportError,
)
from wasmrun_py.model.events import Level, Message, ToolOutput
from wasmrun_py.model.manifest import Match, NoMatch
from wasmrun_py.plugin.transport.base import Deadlines

if TYPE_CHECKING:
    from tests.plugin.transport.conftest import Workshop

SHORT = Deadlines(load_s=2, ask_s=2, build_s=2)
SAYS_ARGUMENTS = "import json; print('ARGV', json.dumps(sys.argv[1:]))"
# As clap prints it, possible values on lines of their own.
CLAP_HELP = """
if "--help" in sys.argv:
    print("Usage: zork compile [OPTIONS]\\n\\nOptions:\\n  -p, --project <PATH>  [default: .]")
    print("  -o, --output <DIR>\\n      --optimization <OPTIMIZATION>\\n      --target <TARGET>")
    print("          Possible values:\\n          - web-app: A web application bundle\\n  -v, --verbose")
    print("Commands:\\n  compile\\n  can-handle\\n  check-deps")
    sys.exit(0)
"""


def arguments_of(reporter: RecordingReporter) -> list[str]:
    line = next(event.line for event in reporter.of(ToolOutput) if event.line.startswith("ARGV "))
    words: list[str] = json.loads(line.removeprefix("ARGV "))
    return words


def test_options_become_flags(workshop: Workshop) -> None:
    """What ``--help`` lists is forwarded, ``web`` in the word that existing plugins know."""
    workshop.write_program(at_start=CLAP_HELP, at_build=SAYS_ARGUMENTS)
    reporter = RecordingReporter()
    result = workshop.build(
        workshop.open(),
        reporter,
        optimization_level=OptimizationLevel.SIZE,
        target="web",
        verbose=True,
        custom_args=("--fast", "x y"),
    )
    copy = str(workshop.folder / "work" / "project" / "project")
    out = str(workshop.folder / "out")
    assert arguments_of(reporter) == [
        *("compile", "-p", copy, "-o", out, "--optimization", "size"),
        *("--target", "web-app", "-v", "--fast", "x y"),
    ]
    assert result.warnings == ()


def test_unlisted_flags_are_left_out_with_a_warning(workshop: Workshop) -> None:
    """An option that changes what is built is named; the default target and -v are not worth a word."""
    workshop.write_program(at_build=SAYS_ARGUMENTS)
    reporter = RecordingReporter()
    plugin = workshop.open()
    assert workshop.build(plugin, reporter, verbose=True).warnings == ()
    assert "--target" not in arguments_of(reporter)
    result = workshop.build(plugin, reporter, target="web", debug_info=True)
    assert [warning.partition(": ")[2] for warning in result.warnings] == [
        "--target web was left out",
        "--debug-info was left out",
    ]
    told = [message.text for message in reporter.of(Message) if message.level is Level.WARNING]
    assert tuple(told) == result.warnings


MADE = {
    "named": (
        "(out / 'a.wasm').write_bytes(M); (out / 'b.wasm').write_bytes(M); say('b.wasm')",
        "b.wasm",
        None,
    ),
    "only-one": ("(out / 'a.wasm').write_bytes(M)", "a.wasm", None),
    "deep": ("(out / 'x').mkdir(); (out / 'x/a.wasm').write_bytes(M)", "x/a.wasm", None),
    "glue": ("(out / 'a.wasm').write_bytes(M); (out / 'a.js').touch(); say('a.wasm')", "a.wasm", "a.js"),
    "bindgen": (
        "(out / 'a_bg.wasm').write_bytes(M); (out / 'a.js').touch(); say('a.js')",
        "a_bg.wasm",
        "a.js",
    ),
    "web-app": (
        (
            "(out / 'a_bg.wasm').write_bytes(M); (out / 'a.js').touch(); (out / 'index.html').touch(); "
            "say('index.html')"
        ),
        "a_bg.wasm",
        "a.js",
    ),
}


@pytest.mark.parametrize("kind", MADE)
def test_artifacts_are_found(workshop: Workshop, kind: str) -> None:
    """By ``WASM file: PATH``, by the one module there is, by wasm-bindgen's names."""
    lines, wasm, js = MADE[kind]
    head = "M = b'\\0asm\\1\\0\\0\\0'\nsay = lambda name: print('🎯 WASM file:', out / name)\n"
    workshop.write_program(at_build=f"{head}{lines}\nsys.exit(0)")
    out = workshop.folder / "out"
    result = workshop.build(workshop.open())
    assert result.wasm_path == out / wasm
    assert result.js_path == (out / js if js else None)
    assert result.is_wasm_bindgen == (kind in {"bindgen", "web-app"})
    everything = {path for path in out.rglob("*") if path.is_file()}
    assert {*result.additional_files, result.wasm_path, result.js_path} - {None} == everything


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("sys.exit(0)", "holds no module"),
        ("[(out / n).touch() for n in ('a.wasm', 'b.wasm')]; sys.exit(0)", "2 modules .*: a.wasm, b.wasm"),
    ],
)
def test_a_success_without_a_module_is_none(workshop: Workshop, lines: str, said: str) -> None:
    """Exit 0 and no module, or several and none named, is a failed build."""
    workshop.write_program(at_build=lines)
    with pytest.raises(ArtifactError, match=said):
        workshop.build(workshop.open())


def test_a_failure_has_its_own_words_and_places(workshop: Workshop) -> None:
    """Exit 1: the telling line, the whole output, and a diagnostic at the user's file, not the copy's."""
    workshop.write_program(
        at_build="""
        project = sys.argv[sys.argv.index("-p") + 1]
        print("starting")
        print(f"❌ Compilation failed: 2 errors", file=sys.stderr)
        print(f"{project}/main.zork:3:7: error: no semicolon", file=sys.stderr)
        print("warning: main.zork:4: odd", file=sys.stderr)
        print("elsewhere.zork:4:1: error: not in this project", file=sys.stderr)
        sys.exit(1)
        """
    )
    with pytest.raises(BuildError) as raised:
        workshop.build(workshop.open())
    error = raised.value
    assert error.message == 'Plugin "zork" could not build project: Compilation failed: 2 errors'
    places = [(each.file, each.line, each.column, each.severity.value) for each in error.diagnostics]
    assert places == [("main.zork", 3, 7, "error"), ("main.zork", 4, None, "warning")]
    assert f"{workshop.project()}/main.zork:3:7" in error.output
    assert str(workshop.folder / "work") not in error.output


@pytest.mark.parametrize(
    "said",
    [
        "Compilation failed: Compile tool not found: zorkc-nowhere or npm/yarn",
        "sh: 1: zorkc-nowhere: not found",
        "❌ Missing required dependencies:\\n   • zorkc-nowhere (install it)\\n\\n",
        "zorkc-nowhere is not installed",
    ],
)
def test_a_missing_tool_is_one(workshop: Workshop, said: str) -> None:
    """A tool of the manifest that the program misses and that is nowhere: exit 4, by name."""
    workshop.write_program(at_build=f"print('{said}', file=sys.stderr); sys.exit(1)")
    with pytest.raises(MissingToolError) as raised:
        workshop.build(workshop.open(tools=("zorkc-nowhere", "sh")))
    assert (raised.value.tools, raised.value.exit_code) == (("zorkc-nowhere",), 4)


def test_a_signal_and_a_hang_are_crashes(workshop: Workshop) -> None:
    """Named with plugin, phase and signal, and soon."""
    workshop.deadlines = SHORT
    workshop.write_program(at_build="os.kill(os.getpid(), signal.SIGSEGV)")
    with pytest.raises(PluginCrashedError, match=r'"zork" crashed in build: .*signal 11 \(SIGSEGV\)'):
        workshop.build(workshop.open())
    for lines in ("time.sleep(60)", "signal.signal(15, signal.SIG_IGN); time.sleep(60)"):
        workshop.write_program(at_build=lines)
        started = time.monotonic()
        with pytest.raises(PluginCrashedError, match="did not end within 2 s"):
            workshop.build(workshop.open())
        assert time.monotonic() - started < 5
    workshop.write_program(at_start="time.sleep(60)")
    with pytest.raises(PluginCrashedError, match="crashed in help"):
        workshop.build(workshop.open())


def test_a_program_that_cannot_start_is_unavailable(workshop: Workshop) -> None:
    """Gone, not executable, or made for nothing here."""
    workshop.write_program()
    program = workshop.folder / "zork"
    plugin = workshop.open()
    program.write_bytes(b"\0not a program")
    with pytest.raises(TransportError, match="could not be started"):
        workshop.build(plugin)
    program.chmod(stat.S_IRUSR)
    with pytest.raises(TransportError, match="may not be executed"):
        workshop.build(plugin)
    program.unlink()
    with pytest.raises(TransportError, match="is not there"):
        workshop.build(plugin)


def test_the_project_is_left_alone(workshop: Workshop) -> None:
    """The program writes into its copy; what earlier builds left is not in it."""
    project = workshop.project()
    for name in (
        "dist/old.wasm",
        "build/old.wasm",
        "build/make.js",
        "src/kept.wasm",
        "node_modules/.bin/tool",
    ):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("old")
    (project / "node_modules/.bin/tool").chmod(0o755)
    os.mkfifo(project / "pipe")
    before = sorted(project.rglob("*"))
    workshop.write_program(
        at_build="""
        import shutil
        project = Path(sys.argv[sys.argv.index("-p") + 1])
        print("SEES", sorted(str(p.relative_to(project)) for p in project.rglob("*") if p.is_file()))
        print("TOOL", shutil.which("tool"))
        (project / "main.zork").write_text("changed")
        (project / "build" / "new.wasm").touch()
        """
    )
    reporter = RecordingReporter()
    workshop.build(workshop.open(), reporter)
    lines = [event.line for event in reporter.of(ToolOutput)]
    assert "SEES ['build/make.js', 'main.zork', 'src/kept.wasm']" in lines
    assert f"TOOL {project}/node_modules/.bin/tool" in lines
    assert sorted(project.rglob("*")) == before
    assert (project / "main.zork").read_text() == "1\n"


def test_siblings_in_a_repository_are_where_they_were(workshop: Workshop) -> None:
    """``../shared`` leads to the same files in the copy."""
    repository = workshop.folder / "repository"
    for name in (".git", "packages/one", "packages/two"):
        (repository / name).mkdir(parents=True)
    (repository / "top.txt").write_text("top")
    (repository / "packages/two/shared.txt").write_text("shared")
    (repository / "packages/one/main.zork").write_text("1")
    workshop.write_program(
        at_build="""
        print(open("../two/shared.txt").read(), open("../../top.txt").read())
        """
    )
    reporter = RecordingReporter()
    workshop.build(workshop.open(), reporter, project_path=repository / "packages" / "one")
    assert "shared top" in [event.line for event in reporter.of(ToolOutput)]


@pytest.mark.parametrize(
    ("answer", "takes"), [("sys.exit(0)", True), ("print('Not mine'); sys.exit(1)", False)]
)
def test_a_doubtful_project_is_asked_about(workshop: Workshop, answer: str, takes: bool) -> None:  # noqa: FBT001 - a table's column
    """With an extension alone the program's ``can-handle`` decides; with an entry file it is not started."""
    workshop.write_program(at_start=f"{CLAP_HELP}\nif sys.argv[1] == 'can-handle':\n    {answer}\n")
    plugin = workshop.open()
    project = workshop.project(other__zork="1")
    (project / "main.zork").unlink()
    found = plugin.can_handle_project(project)
    assert isinstance(found, Match) is takes
    if isinstance(found, NoMatch):
        assert found.reason == "its program refuses it: Not mine"
    workshop.write_program(at_start="os.abort()")
    assert isinstance(workshop.open().can_handle_project(workshop.project()), Match)
