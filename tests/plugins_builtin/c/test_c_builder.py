"""What a build does with odd projects, with broken and with missing tools."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

import pytest
import wasmtime

from plugins_builtin.c import plugin
from tests.conftest import FIXTURES, require_tool
from tests.plugins_builtin.c.conftest import write_project
from wasmrun_py.model.errors import (
    ArtifactError,
    BuildError,
    MissingToolError,
    PathNotFoundError,
    ToolCrashedError,
    UnsupportedBuildError,
    UsageError,
)
from wasmrun_py.model.events import Level, Message, StepFinished, StepStarted, ToolOutput, ToolStarted
from wasmrun_py.plugin.api import Severity

if TYPE_CHECKING:
    from pathlib import Path

    from tests.plugins_builtin.c.conftest import Bench

_MAIN = "int main(void) { return 0; }\n"
# A compiler that answers clang's questions as the real one does, and then does what a test wants.
_ABLE_CLANG = """case " $* " in *" -### "*)
  echo "clang version 99.1.2"
  echo ' "{here}/wasm-ld" "{here}/crt1-command.o" "{here}/libclang_rt.builtins-wasm32.a"'
  exit 0;;
esac
"""


def _exports(wasm: Path) -> set[str]:
    return {export.name for export in wasmtime.Module.from_file(wasmtime.Engine(), str(wasm)).exports}


def _fake_clang(bench: Bench, then: str) -> None:
    here = bench.tmp_path / "fake-bin"
    bench.fake_path(clang=_ABLE_CLANG.format(here=here) + then, **{"wasm-ld": "true"})
    for name in ("crt1-command.o", "libclang_rt.builtins-wasm32.a"):
        (here / name).touch()
    bench.environ["PATH"] += f"{os.pathsep}/usr/bin{os.pathsep}/bin"


@pytest.mark.parametrize("toolchain", ["clang", "emcc"])
def test_a_compile_error_has_its_place(toolchain: str, bench: Bench) -> None:
    """File, line, column and severity; the tool's whole text stays beside them."""
    require_tool(toolchain)
    project = write_project(bench.tmp_path / "p", {"src/main.c": "int main(void) {\n  return 0\n}\n"})
    with pytest.raises(BuildError, match=f"{toolchain} could not compile p: 1 error") as caught:
        bench.build(project, toolchain=toolchain)
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.file, diagnostic.line, diagnostic.column) == ("src/main.c", 2, 11)
    assert diagnostic.severity is Severity.ERROR
    assert "expected ';'" in diagnostic.message
    assert "return 0" in caught.value.output


@pytest.mark.parametrize("toolchain", ["clang", "emcc"])
def test_an_undefined_symbol_is_named(toolchain: str, bench: Bench) -> None:
    """The linker's error names the symbol and the source; emcc is asked a second time for that."""
    require_tool(toolchain)
    code = "int missing_one(void);\nint main(void) { return missing_one(); }\n"
    with pytest.raises(BuildError) as caught:
        bench.build(write_project(bench.tmp_path / "p", {"main.c": code}), toolchain=toolchain)
    (diagnostic,) = caught.value.diagnostics
    assert "undefined symbol: missing_one" in diagnostic.message
    assert diagnostic.file == "main.c"
    assert "Define the symbol" in caught.value.hint


@pytest.mark.parametrize("toolchain", ["clang", "emcc"])
def test_warnings_of_a_good_build_are_kept(toolchain: str, bench: Bench) -> None:
    """A build that succeeds with warnings returns them as diagnostics."""
    require_tool(toolchain)
    code = '#include <stdio.h>\nint main(void) { printf("%s", 3); return 0; }\n'
    result = bench.build(write_project(bench.tmp_path / "p", {"main.c": code}), toolchain=toolchain)
    (diagnostic,) = result.diagnostics
    assert (diagnostic.file, diagnostic.line, diagnostic.severity) == ("main.c", 2, Severity.WARNING)


@pytest.mark.parametrize("toolchain", ["clang", "emcc"])
def test_main_that_only_seems_to_be_there(toolchain: str, bench: Bench) -> None:
    """Main behind #if 0 makes no program: the project is built as a library."""
    require_tool(toolchain)
    code = "#if 0\nint main(void) { return 0; }\n#endif\nint add(int a, int b) { return a + b; }\n"
    result = bench.build(write_project(bench.tmp_path / "p", {"calc.c": code}), toolchain=toolchain)
    assert "add" in _exports(result.wasm_path)
    assert "_start" not in _exports(result.wasm_path)


def test_main_made_by_a_macro_is_found(bench: Bench) -> None:
    """What the text hides, the object's symbols tell."""
    require_tool("clang")
    code = "#define ENTRY main\nint ENTRY(void) { return 0; }\n"
    result = bench.build(write_project(bench.tmp_path / "p", {"calc.c": code}), toolchain="clang")
    assert "_start" in _exports(result.wasm_path)


def test_two_mains_need_an_entry(bench: Bench) -> None:
    """Without one the files are named; with one the other file stays out."""
    require_tool("clang")
    project = write_project(bench.tmp_path / "p", {"main.c": _MAIN, "app.c": _MAIN, "util.c": "int u;\n"})
    with pytest.raises(BuildError, match=r"main\.c and app\.c each define main") as caught:
        bench.build(project, toolchain="clang")
    assert 'entry = "main.c"' in caught.value.hint
    result = bench.build(project, toolchain="clang", entry=project / "app.c")
    assert "_start" in _exports(result.wasm_path)


def test_an_entry_beside_a_makefile_is_compiled_directly(bench: Bench) -> None:
    """Who names a file wants that file, from any folder of the project."""
    require_tool("clang")
    project = write_project(
        bench.tmp_path / "p",
        {"Makefile": "all:\n\tfalse\n", "examples/demo.c": _MAIN, "src/lib.c": "int u;\n"},
    )
    result = bench.build(project, toolchain="clang", entry=project / "examples" / "demo.c", name="demo")
    assert result.wasm_path.name == "demo.wasm"


def test_a_missing_entry_is_named(bench: Bench) -> None:
    """An entry that is not there is a usage error."""
    require_tool("clang")
    project = write_project(bench.tmp_path / "p", {"main.c": _MAIN})
    with pytest.raises(PathNotFoundError, match=r"nope\.c"):
        bench.build(project, toolchain="clang", entry=project / "nope.c")


@pytest.mark.parametrize("toolchain", ["clang", "emcc"])
def test_odd_file_names_are_files_and_not_options(toolchain: str, bench: Bench) -> None:
    """Leading dashes and at-signs, spaces, quotes and bytes that are not UTF-8 all compile."""
    require_tool(toolchain)
    names = [b"-main.c", b"@at.c", b'it\'s "q".c', b"caf\xe9.c", b"$HOME.c"]
    project = bench.tmp_path / "odd project"
    project.mkdir()
    for number, name in enumerate(names):
        code = _MAIN if number == 0 else f"int f{number}(void) {{ return {number}; }}\n"
        (project / os.fsdecode(name)).write_text(code)
    result = bench.build(project, toolchain=toolchain)
    assert result.wasm_path.name == "odd-project.wasm"
    assert "_start" in _exports(result.wasm_path)


def test_a_library_of_cxx_exports_its_plain_names(bench: Bench) -> None:
    """Functions declared extern "C" are exported, mangled ones beside them are not."""
    require_tool("emcc")
    code = 'int inner(int a) { return a; }\nextern "C" int add(int a, int b) { return inner(a) + b; }\n'
    result = bench.build(write_project(bench.tmp_path / "p", {"calc.cpp": code}), toolchain="emcc")
    assert "add" in _exports(result.wasm_path)
    assert not any(name.startswith("_Z") for name in _exports(result.wasm_path))


def test_a_library_with_mangled_names_only_says_so(bench: Bench) -> None:
    """They are exported as they are, with advice."""
    require_tool("emcc")
    code = "int add(int a, int b) { return a + b; }\n"
    result = bench.build(write_project(bench.tmp_path / "p", {"calc.cpp": code}), toolchain="emcc")
    assert "_Z3addii" in _exports(result.wasm_path)
    assert any('extern "C"' in words for words in result.warnings)


def test_c_and_cxx_are_mixed(bench: Bench) -> None:
    """Each file is compiled as its own language: C that is no C++ is no error."""
    require_tool("emcc")
    files = {
        "main.cpp": '#include <string>\nextern "C" int half(int);\n'
        "int main() { return half((int)std::string(4, 'x').size()) - 2; }\n",
        "half.c": "int half(int class) { return class / 2; }\n",
    }
    assert bench.build(write_project(bench.tmp_path / "p", files), toolchain="emcc").wasm_path.is_file()


def test_exceptions_in_emcc_modules_are_warned_of(bench: Bench) -> None:
    """A throw that nobody will catch is said at build time."""
    require_tool("emcc")
    code = "int main() { try { throw 1; } catch (int) { return 0; } }\n"
    result = bench.build(write_project(bench.tmp_path / "p", {"main.cpp": code}), toolchain="emcc")
    assert any("throw" in words for words in result.warnings)


def test_custom_arguments_reach_the_compiler(bench: Bench) -> None:
    """What stands behind ``--`` is on the toolchain's command line, shown by the events."""
    require_tool("clang")
    project = write_project(bench.tmp_path / "p", {"main.c": "int main(void) { return ANSWER; }\n"})
    bench.build(project, toolchain="clang", custom_args=("-DANSWER=42",))
    assert any("-DANSWER=42" in event.argv for event in bench.reporter.of(ToolStarted))
    labels = [event.label for event in bench.reporter.of(StepStarted)]
    assert labels[0].startswith("Compiling p with clang ")
    assert [event.label for event in bench.reporter.of(StepFinished)] == labels


def test_a_program_is_one_invocation(bench: Bench) -> None:
    """Emcc starts once for a program, as one would type it."""
    require_tool("emcc")
    bench.build(FIXTURES / "c-hello", toolchain="emcc")
    assert len(bench.reporter.of(ToolStarted)) == 1


def test_a_very_long_command_goes_through_a_response_file(bench: Bench) -> None:
    """Hundreds of sources compile although their names fill the command line."""
    require_tool("clang")
    files = {f"{'long' * 25}_{number}.c": f"int f{number};\n" for number in range(300)}
    project = write_project(bench.tmp_path / "p", {**files, "main.c": _MAIN})
    assert bench.build(project, toolchain="clang").wasm_path.is_file()


def test_a_crash_of_the_compiler_names_the_signal(bench: Bench) -> None:
    """A compiler that a signal ends is a crash, with what it said before."""
    _fake_clang(bench, 'echo "internal problem"; kill -SEGV $$')
    with pytest.raises(ToolCrashedError, match="SIGSEGV") as caught:
        bench.build(FIXTURES / "c-hello", toolchain="clang")
    assert "internal problem" in caught.value.output


def test_a_flood_of_output_is_kept_in_a_log(bench: Bench) -> None:
    """Twenty megabytes neither fill the memory nor hide the failure."""
    _fake_clang(bench, "yes 'main.c:1:1: warning: noise' | head -c 20000000; echo last words; exit 1")
    with pytest.raises(BuildError) as caught:
        bench.build(FIXTURES / "c-hello", toolchain="clang")
    assert len(caught.value.output) < 3_000_000
    assert "last words" in caught.value.output
    assert caught.value.log_file is not None
    assert caught.value.log_file.stat().st_size > 20_000_000


def test_output_that_is_not_utf8_is_readable(bench: Bench) -> None:
    """Undecodable bytes are replaced, the diagnostic is found all the same."""
    _fake_clang(bench, "printf 'main.c:3:4: error: caf\\351 \\377\\n'; exit 1")
    with pytest.raises(BuildError) as caught:
        bench.build(FIXTURES / "c-hello", toolchain="clang")
    assert caught.value.diagnostics[0].line == 3
    caught.value.output.encode("utf-8")


def test_lines_arrive_while_the_compiler_runs(bench: Bench) -> None:
    """A line is reported before the compiler ends, so that -v shows where it stands."""
    release = bench.tmp_path / "release"
    _fake_clang(bench, f"echo working; while [ ! -e {release} ]; do sleep 0.05; done; exit 1")
    failures: list[BuildError] = []

    def build() -> None:
        try:
            bench.build(FIXTURES / "c-hello", toolchain="clang")
        except BuildError as error:
            failures.append(error)

    thread = threading.Thread(target=build)
    thread.start()
    deadline = time.monotonic() + 20
    while not bench.reporter.of(ToolOutput) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert bench.reporter.of(ToolOutput)[0].line == "working"
    assert thread.is_alive()
    release.touch()
    thread.join(20)
    assert "exit code 1" in failures[0].message


def test_a_compiler_that_writes_nothing_is_not_believed(bench: Bench) -> None:
    """Exit 0 without a module is an error."""
    _fake_clang(bench, "exit 0")
    with pytest.raises(ArtifactError, match=r"did not write c-hello\.wasm"):
        bench.build(FIXTURES / "c-hello", toolchain="clang")


def test_a_broken_emcc_is_named(bench: Bench) -> None:
    """An emcc that cannot even say its version is reported with its path, not passed over."""
    bench.fake_path(emcc="echo No module named emcc; exit 1")
    with pytest.raises(ToolCrashedError, match=r"fake-bin/emcc .*exit code 1.*No module named emcc"):
        bench.build(FIXTURES / "c-hello")


def test_nothing_there_and_nothing_allowed_is_exit_4(bench: Bench) -> None:
    """The three compilers are named, and the commands that would install one."""
    bench.environ["PATH"] = ""
    with pytest.raises(MissingToolError) as caught:
        bench.build(FIXTURES / "c-hello")
    assert caught.value.exit_code == 4
    assert caught.value.tools == ("emcc", "clang", "zig")
    assert "`wasmrun toolchain install zig`" in caught.value.hint
    assert "apt install emscripten" in caught.value.hint
    assert plugin(bench.context).get_builder().check_dependencies() == ("emcc", "clang", "zig")
    bench.may_install = True
    assert plugin(bench.context).get_builder().check_dependencies() == ()


@pytest.mark.parametrize(
    ("toolchain", "tool", "words"),
    [
        ("emcc", "emcc", "apt install emscripten"),
        ("clang", "clang", "apt install clang lld wasi-libc"),
        ("zig", "zig", "wasmrun toolchain install zig"),
    ],
)
def test_a_forced_toolchain_that_is_missing(toolchain: str, tool: str, words: str, bench: Bench) -> None:
    """Exit 4 with the tool's name and the command that installs it."""
    bench.environ["PATH"] = str(bench.tmp_path)
    with pytest.raises(MissingToolError) as caught:
        bench.build(FIXTURES / "c-hello", toolchain=toolchain)
    assert caught.value.exit_code == 4
    assert caught.value.tools == (tool,)
    assert words in caught.value.hint


def test_clang_without_wasi_parts_says_which(bench: Bench) -> None:
    """A clang whose link line names files that are not there is not able."""
    bench.fake_path(
        clang='echo "clang version 15.0.7"; echo \' "wasm-ld" "crt1-command.o" "/no/libclang_rt.builtins.a"\''
    )
    with pytest.raises(MissingToolError, match="wasm-ld and wasi-libc and compiler-rt for wasm32 not found"):
        bench.build(FIXTURES / "c-hello", toolchain="clang")


def test_an_unknown_toolchain_has_a_near_name(bench: Bench) -> None:
    """A typing mistake is a usage error with the word that was meant."""
    with pytest.raises(UsageError, match='no toolchain "clan"') as caught:
        bench.build(FIXTURES / "c-hello", toolchain="clan")
    assert "Did you mean clang?" in caught.value.hint


def test_unknown_targets_and_unfit_toolchains(bench: Bench) -> None:
    """Targets are listed; the web needs emcc."""
    with pytest.raises(UnsupportedBuildError) as caught:
        bench.build(FIXTURES / "c-hello", target="android")
    assert caught.value.hint == "Targets: wasm, web."
    with pytest.raises(UnsupportedBuildError, match="clang cannot build for the web"):
        bench.build(FIXTURES / "c-web", target="web", toolchain="clang")
    bench.environ["PATH"] = ""
    with pytest.raises(MissingToolError, match="emcc is not on PATH"):
        bench.build(FIXTURES / "c-web", target="web")


@pytest.mark.network
@pytest.mark.slow
def test_cxx_falls_to_zig_where_clang_has_no_library(zig_bench: Bench) -> None:
    """Without emcc and without libc++ for WASI, zig builds C++, and the reason is said."""
    zig_bench.with_only("clang")
    result = zig_bench.build(FIXTURES / "cpp-multi")
    assert result.toolchain.name == "zig"
    notes = [event.text for event in zig_bench.reporter.of(Message) if event.level is Level.INFO]
    assert any("libc++ for wasm32-wasi" in text and "using zig" in text for text in notes)


@pytest.mark.network
@pytest.mark.slow
def test_exceptions_with_zig_have_a_hint(zig_bench: Bench) -> None:
    """The compiler's own place, and what can be done about it."""
    code = "int main() {\n  throw 1;\n}\n"
    with pytest.raises(BuildError) as caught:
        zig_bench.build(write_project(zig_bench.tmp_path / "p", {"main.cpp": code}), toolchain="zig")
    assert caught.value.diagnostics[0].line == 2
    assert "--toolchain emcc" in caught.value.hint


def test_nothing_to_clean(bench: Bench) -> None:
    """Builds leave nothing in the project."""
    assert plugin(bench.context).get_builder().clean(FIXTURES / "c-hello") == ()


def test_validate_wants_a_source(bench: Bench) -> None:
    """A folder without sources cannot be built."""
    builder = plugin(bench.context).get_builder()
    builder.validate_project(FIXTURES / "c-hello")
    with pytest.raises(BuildError, match="no C or C\\+\\+ source"):
        builder.validate_project(bench.tmp_path)


def test_a_shell_page_becomes_the_page(bench: Bench) -> None:
    """An index.html with emcc's mark is the template of index.html, index.js and index.wasm, at -O3 too."""
    require_tool("emcc")
    shell = "<!doctype html><html><body><p>mine</p>{{{ SCRIPT }}}</body></html>\n"
    project = write_project(bench.tmp_path / "p", {"main.c": _MAIN, "web/index.html": shell, "web/a.css": ""})
    result = bench.build(project, target="web")
    assert result.wasm_path.name == "index.wasm"
    assert result.js_path is not None
    assert result.js_path.name == "index.js"
    html = result.wasm_path.with_name("index.html")
    assert "mine" in html.read_text()
    assert "{{{" not in html.read_text()
    assert sorted(path.name for path in result.additional_files) == ["a.css", "index.html"]


def test_the_page_names_the_script(bench: Bench) -> None:
    """A script that the page loads and the project does not hold is what the build is called."""
    require_tool("emcc")
    page = '<script src="game.js"></script><script src="own.js"></script>'
    files = {"main.c": _MAIN, "index.html": page, "own.js": "1;", "assets/a/b.png": "x", "notes.md": "x"}
    result = bench.build(write_project(bench.tmp_path / "p", files), target="web")
    assert result.wasm_path.name == "game.wasm"
    out = result.wasm_path.parent
    assert sorted(path.relative_to(out).as_posix() for path in result.additional_files) == [
        "assets/a/b.png",
        "index.html",
        "own.js",
    ]
