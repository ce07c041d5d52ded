"""Every fault that a library can have, what must become of it, and one trial of one fault.

The libraries are built from the sources beside this file. A trial calls the plugin as a user's command would,
with the command transport behind the library, and checks what DESIGN §6 ("Fallback rule") promises: the
parent goes on, in time, nothing is left running, the error names plugin, phase and cause, and the program is
asked instead exactly where it may be.
"""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.conftest import require_tool
from wasmrun_py.model import errors
from wasmrun_py.model.build import BuildConfig, OptimizationLevel
from wasmrun_py.model.events import Level, Message
from wasmrun_py.model.manifest import PluginInfo, PluginManifest, TransportKind, Transports
from wasmrun_py.plugin.artifacts import check_artifacts
from wasmrun_py.plugin.ffi.header import HEADER_FILE, load_header
from wasmrun_py.plugin.transport.base import Callee, Deadlines, Incident, StartPaths, TransportWorld
from wasmrun_py.plugin.transport.external import ExternalPlugin
from wasmrun_py.system.paths import Home

if TYPE_CHECKING:
    from wasmrun_py.model.events import Event

SOURCES = Path(__file__).parent
PLUGIN = "faulty-plugin"
MARK = "FAULT_TRIAL"
HANG_DEADLINE_S = 1.0
_USUAL_DEADLINE_S = 30.0
_SLACK_S = 1.0
_MEMORY_BYTES = 1024 * 1024 * 1024
_PROGRAM = r"""#!/bin/sh
case "$1 $2" in
"compile --help") echo "  -p PROJECT -o OUTPUT --optimization LEVEL --target TARGET -v" ;;
compile*)
    while [ $# -gt 0 ]; do
        if [ "$1" = -o ]; then out=$2; fi
        shift
    done
    printf '\000asm\001\000\000\000' > "$out/main.wasm"
    echo "WASM file: $out/main.wasm" ;;
*) echo "commands: compile" ;;
esac
"""


class Outcome(StrEnum):
    """What must become of a fault."""

    CRASHED = "crashed"  # said loudly, and the program is asked instead
    UNAVAILABLE = "unavailable"  # the program is asked instead, in silence
    REPORTED = "reported"  # the plugin's own word: final
    HARMLESS = "harmless"  # the library answers all the same


class Call(StrEnum):
    """What the plugin is asked for."""

    DETECT = "can_handle_project"
    CHECK = "check_dependencies"
    VALIDATE = "validate_project"
    BUILD = "build"
    CLEAN = "clean"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault.

    Attributes:
        name: What the library reads from FAULT.
        outcome: What must become of it.
        cause: What the message must say.
        phase: What the message must name; empty where there is no message.
        call: What the plugin is asked for.
        library: Which library has it.
        hangs: It is ended at its deadline.
        error: The name of the error, where the plugin's word is final.
    """

    name: str
    outcome: Outcome = Outcome.CRASHED
    cause: str = ""
    phase: str = ""
    call: Call = Call.DETECT
    library: str = "faulty"
    hangs: bool = False
    error: str = ""


_SEGV, _ABORT = "signal 11 (SIGSEGV)", "signal 6 (SIGABRT)"
_LATE = f"did not answer within {HANG_DEADLINE_S:g} s"


def _at(where: str, call: Call = Call.DETECT, *, phase: str = "") -> list[Fault]:
    """A segmentation fault there; ``phase`` where the message calls it something else."""
    return [Fault(name=f"segv@{where}", cause=_SEGV, phase=phase or where, call=call)]


def _refused(name: str, cause: str, *, library: str = "faulty") -> Fault:
    return Fault(name=name, outcome=Outcome.UNAVAILABLE, cause=cause, phase="load", library=library)


def _wrong(name: str, cause: str) -> Fault:
    return Fault(name=name, cause=cause, phase="build", call=Call.BUILD)


def _handling(name: str, cause: str, *, hangs: bool = False) -> Fault:
    return Fault(name=f"{name}@can_handle", cause=cause, phase="can_handle_project", hangs=hangs)


def _harmless(name: str, call: Call = Call.DETECT) -> Fault:
    where = "can_handle" if call is Call.DETECT else call.value
    return Fault(name=f"{name}@{where}", outcome=Outcome.HARMLESS, call=call)


FAULTS: tuple[Fault, ...] = (
    # While it is loaded.
    *_at("load"),
    Fault(name="abort@load", cause=_ABORT, phase="load"),
    Fault(name="exit@load", cause="exit code 7", phase="load"),
    Fault(name="hang@load", cause=_LATE, phase="load", hangs=True),
    *_at("wasmrun_abi_version"),
    *_at("wasmrun_plugin_entry"),
    *_at("create"),
    Fault(name="hang@create", cause=_LATE, phase="create", hangs=True),
    Fault(name="table at address 8", cause=_SEGV, phase="wasmrun_plugin_entry"),
    _refused("abi_version 0", "speaks ABI 0, and this wasmrun speaks ABI 1"),
    _refused("abi_version 99", "speaks ABI 99, and this wasmrun speaks ABI 1"),
    _refused("table NULL", "returned no table"),
    _refused("table struct_size 8", "says that it is 8 bytes large"),
    _refused("table struct_size 4294967295", "says that it is 4294967295 bytes large"),
    _refused("table abi_version 2", "its table speaks ABI 2"),
    _refused("table without build", "its table has no build"),
    _refused("manifest NULL with a length", "its manifest is a null pointer with a length of 9"),
    _refused("manifest not UTF-8", "its manifest is not UTF-8"),
    _refused("missing symbol", "does not export wasmrun_plugin_entry", library="no-entry"),
    _refused("no plugin at all", "exports neither wasmrun_abi_version nor", library="no-version"),
    _refused("Rust trait object", "Rust trait object", library="trait-object"),
    _refused("missing dependency", "libneeded.so", library="depends"),
    _refused("wrong architecture", "wrong-architecture.so", library="wrong-architecture"),
    _refused("a text file", "invalid ELF header", library="text"),
    _refused("an empty file", "file too short", library="empty"),
    Fault(name="a cut-off file", cause="signal 7 (SIGBUS)", phase="load", library="cut-off"),
    Fault(
        name="no file at all",
        outcome=Outcome.UNAVAILABLE,
        cause="has lost its shared library",
        library="absent",
    ),
    # While it is asked.
    *_at("can_handle", phase="can_handle_project"),
    *_at("check_dependencies", Call.CHECK),
    *_at("validate", Call.VALIDATE, phase="validate_project"),
    *_at("build", Call.BUILD),
    *_at("clean", Call.CLEAN),
    *_at("free_result", Call.BUILD),
    Fault(name="abort@free_result", cause=_ABORT, phase="free_result", call=Call.BUILD),
    _handling("abort", _ABORT),
    _handling("exit", "exit code 7"),
    _handling("_exit", "exit code 0"),
    _handling("hang", _LATE, hangs=True),
    _handling("spin", _LATE, hangs=True),
    _handling("stop", _LATE, hangs=True),
    _handling("ignore-signals", _LATE, hangs=True),
    Fault(name="hang@build", cause=_LATE, phase="build", call=Call.BUILD, hangs=True),
    _handling("stack-overflow", _SEGV),
    _handling("double-free", _ABORT),
    _handling("heap-smash", "signal "),
    _handling("out-of-memory", _ABORT),
    _handling("thread", _SEGV),
    _handling("exec", "reply channel"),
    _handling("close-descriptors", "its process ended with"),
    _handling("setsid-and-segv", _SEGV),
    _handling("forge", "an answer that is not its helper's own"),
    _handling("garbage", "something that is not JSON"),
    _handling("huge-frame", "announced an answer of 2147483647 bytes"),
    Fault(name="function at address 8", cause=_SEGV, phase="can_handle_project"),
    Fault(
        name="confidence 1000", cause="answered 1000, not a number from 0 to 100", phase="can_handle_project"
    ),
    Fault(name="a C++ exception", cause=_ABORT, phase="can_handle_project", library="throwing"),
    Fault(name="a Rust panic", cause=_ABORT, phase="can_handle_project", library="panicking"),
    Fault(name="segv@destroy", outcome=Outcome.HARMLESS),
    Fault(name="hang@destroy", outcome=Outcome.HARMLESS),
    _harmless("flood"),
    _harmless("setsid"),
    _harmless("change-signals"),
    _harmless("chdir"),
    _harmless("clear-environment"),
    _harmless("bad-callbacks", Call.BUILD),
    # In what it answers.
    _wrong("result NULL", "build returned no result"),
    _wrong("result struct_size 4", "says that it is 4 bytes large"),
    _wrong("result struct_size 4294967295", "says that it is 4294967295 bytes large"),
    _wrong("result status 77", "the status 77, which is none"),
    _wrong("result at address 8", _SEGV),
    _wrong("message NULL with a length", "message is a null pointer with a length of 12"),
    _wrong("message not UTF-8", "message is not UTF-8"),
    _wrong("message of 64 MB", "message is 67108864 bytes long"),
    _wrong("path with an absurd length", "wasm_path is 1152921504606846976 bytes long"),
    _wrong("path empty", "reported success and named no module"),
    _wrong("additional files 2147483648", "additional_files has 2147483648 entries"),
    _wrong("additional files NULL with a count", "additional_files is a null pointer with 3 entries"),
    Fault(
        name="artifact outside the folder",
        outcome=Outcome.REPORTED,
        cause="outside",
        call=Call.BUILD,
        error="ArtifactError",
    ),
    Fault(
        name="artifact is a link to another file",
        outcome=Outcome.REPORTED,
        cause="outside the folder",
        call=Call.BUILD,
        error="ArtifactError",
    ),
    Fault(
        name="reports a failed build",
        outcome=Outcome.REPORTED,
        cause="it is no good",
        call=Call.BUILD,
        error="BuildError",
    ),
    Fault(
        name="reports a missing tool",
        outcome=Outcome.REPORTED,
        cause="zorkc-9",
        call=Call.BUILD,
        error="MissingToolError",
    ),
    Fault(
        name="reports a fault of its own",
        outcome=Outcome.REPORTED,
        cause="oh dear",
        phase="build",
        call=Call.BUILD,
        error="PluginFailedError",
    ),
    # Of libraries that are older than ABI 1.
    _refused("legacy builder NULL", "returned no builder", library="legacy"),
    Fault(
        name="legacy bool 42",
        cause="is 42, and a bool is 0 or 1",
        phase="can_handle_project",
        library="legacy",
    ),
    *(
        Fault(name=name, cause=cause, phase="build", call=Call.BUILD, library="legacy")
        for name, cause in (
            ("legacy result NULL", "returned no result"),
            ("legacy success 7", "success is 7, and a bool is 0 or 1"),
            ("legacy success without a path", "reported success and named no output"),
            ("legacy unterminated message", "error_message has no end within"),
            ("legacy wild message", _SEGV),
        )
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What became of one trial.

    Attributes:
        problems: What was not as it must be; empty when all was.
        duration_s: How long the library had the word.
    """

    problems: tuple[str, ...]
    duration_s: float


@dataclass(slots=True, kw_only=True)
class _Seen:
    """What a call left behind.

    Attributes:
        answer: What came back.
        error: What was raised.
        crashes: The crashes that were handed on to be kept.
        given_up_at: When the first one was.
        events: What the reporter was told.
    """

    answer: Any = None
    error: errors.WasmrunError | None = None
    crashes: list[Incident] = field(default_factory=list)
    given_up_at: float | None = None
    events: list[Event] = field(default_factory=list)

    def emit(self, event: Event) -> None:
        """Take one event."""
        self.events.append(event)

    def take(self, incident: Incident) -> None:
        """Take a crash."""
        self.given_up_at = self.given_up_at or time.monotonic()
        self.crashes.append(incident)


def build_libraries(folder: Path) -> dict[str, Path]:
    """Compile every library of the table into ``folder``; name -> path."""
    (folder / HEADER_FILE).write_text(load_header(), encoding="utf-8")
    compiler = [require_tool("gcc"), "-shared", "-fPIC", "-O0", "-w", f"-I{folder}", "-o"]
    needed = folder / "libneeded.so"
    needed.with_suffix(".c").write_text("int needed_elsewhere(void) { return 1; }\n")
    _compile(*compiler, needed, needed.with_suffix(".c"))
    variants = {
        "faulty": (),
        "no-entry": ("-DNO_ENTRY",),
        "no-version": ("-DNO_VERSION",),
        "trait-object": ("-DNO_VERSION", "-DTRAIT_OBJECT"),
        "depends": ("-DDEPENDS", f"-L{folder}", "-lneeded"),
        "legacy": ("-DLEGACY",),
    }
    made = {name: folder / f"{name}.so" for name in variants}
    for name, options in variants.items():
        _compile(*compiler, made[name], SOURCES / "faulty.c", *options, "-lpthread")
    needed.unlink()
    made["throwing"] = folder / "throwing.so"
    gxx = require_tool("g++")
    _compile(gxx, "-shared", "-fPIC", f"-I{folder}", "-o", made["throwing"], SOURCES / "throwing.cpp")
    made["panicking"] = folder / "panicking.so"
    rustc = require_tool("rustc")
    _compile(
        *(rustc, "--edition", "2021", "--crate-type", "cdylib", "-o"),
        *(made["panicking"], SOURCES / "panicking.rs"),
    )
    whole = made["faulty"].read_bytes()
    # e_machine, the halfword at 18 of an ELF header: SPARC.
    foreign = whole[:18] + (2).to_bytes(2, "little") + whole[20:]
    made["absent"] = folder / "absent.so"
    contents = {
        "text": b"This is no library.\n" * 100,
        "empty": b"",
        "cut-off": whole[:2000],
        "wrong-architecture": foreign,
    }
    for name, content in contents.items():
        made[name] = folder / f"{name}.so"
        made[name].write_bytes(content)
    return made


def run_trial(fault: Fault, library: Path, scratch: Path) -> Trial:
    """Call the plugin once, in an empty folder, and hold what comes of it against the table."""
    project, out, work = (scratch / name for name in ("project", "out", "work"))
    for folder in (project, out, work):
        folder.mkdir()
    (project / "main.faulty").write_text("anything\n")
    program = scratch / "program"
    program.write_text(_PROGRAM)
    program.chmod(0o755)
    mark = os.urandom(8).hex()
    seen = _Seen()
    callee = _callee(fault, library, program, seen, scratch=scratch, mark=mark)
    config = BuildConfig(
        project_path=project, output_dir=out, work_dir=work, optimization_level=OptimizationLevel.RELEASE
    )
    started = time.monotonic()
    plugin = ExternalPlugin(callee)
    try:
        seen.answer = _ask(plugin, fault.call, config, seen)
    except errors.WasmrunError as error:
        seen.error = error
    ended = time.monotonic()
    plugin.close()
    closed_s = time.monotonic() - ended
    duration_s = (seen.given_up_at or ended) - started
    problems = [*_judge(fault, plugin, seen), *_judge_times(fault, duration_s, closed_s), *_leftovers(mark)]
    if sorted(path.name for path in project.iterdir()) != ["main.faulty"]:
        problems.append("the project was changed")
    return Trial(problems=tuple(problems), duration_s=duration_s)


def _callee(fault: Fault, library: Path, program: Path, seen: _Seen, *, scratch: Path, mark: str) -> Callee:
    info = PluginInfo(
        name=PLUGIN,
        version="1.0",
        description="Has one fault.",
        extensions=("faulty",),
        entry_files=("main.faulty",),
    )
    limit_s = HANG_DEADLINE_S if fault.hangs else _USUAL_DEADLINE_S
    memory = _MEMORY_BYTES if fault.name.startswith("out-of-memory") else None
    return Callee(
        name=PLUGIN,
        manifest=PluginManifest(
            info=info, language="faulty", transports=Transports(ffi="faulty", command="program")
        ),
        paths=StartPaths(library=library, command=program),
        world=TransportWorld(
            environ={**os.environ, "FAULT": fault.name, MARK: mark},
            home=Home(root=scratch / "home"),
            on_crash=seen.take,
            deadlines=Deadlines(load_s=limit_s, ask_s=limit_s, build_s=limit_s),
            max_memory_bytes=memory,
        ),
    )


def _ask(plugin: ExternalPlugin, call: Call, config: BuildConfig, seen: _Seen) -> Any:
    builder = plugin.get_builder()
    if call is Call.DETECT:
        return plugin.can_handle_project(config.project_path)
    if call is Call.CHECK:
        return builder.check_dependencies()
    if call is Call.VALIDATE:
        return builder.validate_project(config.project_path)
    if call is Call.CLEAN:
        return builder.clean(config.project_path)
    result = builder.build(config, seen)
    check_artifacts(result, config.output_dir, plugin=PLUGIN)
    return result


def _judge(fault: Fault, plugin: ExternalPlugin, seen: _Seen) -> list[str]:
    """What is not as the table says."""
    if fault.outcome is Outcome.REPORTED:
        return _judge_report(fault, plugin, seen)
    if seen.error is not None:
        return [f"{type(seen.error).__name__}: {seen.error.message}"]
    if fault.outcome is Outcome.HARMLESS:
        return _judge_harmless(fault, plugin)
    return _judge_fallback(fault, plugin, seen)


def _judge_report(fault: Fault, plugin: ExternalPlugin, seen: _Seen) -> list[str]:
    if seen.error is None:
        return [f"no error, but {seen.answer!r}"]
    problems = [] if type(seen.error).__name__ == fault.error else [f"it is a {type(seen.error).__name__}"]
    if plugin.incidents:
        problems.append(f"another transport was asked: {plugin.incidents[0].message}")
    return problems + _judge_message(fault, seen.error.message)


def _judge_harmless(fault: Fault, plugin: ExternalPlugin) -> list[str]:
    problems = []
    if plugin.transport is not TransportKind.FFI:
        problems.append(f"{plugin.transport} was used: {plugin.incidents[:1]}")
    # What goes wrong while it ends is remembered, and changes nothing.
    if bool(plugin.incidents) is not fault.name.endswith("@destroy"):
        problems.append(f"incidents: {plugin.incidents}")
    return problems


def _judge_fallback(fault: Fault, plugin: ExternalPlugin, seen: _Seen) -> list[str]:
    incidents = plugin.incidents
    if not incidents:
        return ["nothing was noticed"]
    problems = _judge_message(fault, incidents[0].message)
    loud = fault.outcome is Outcome.CRASHED
    if incidents[0].loud is not loud or bool(seen.crashes) is not loud:
        problems.append(f"loud: {incidents[0].loud}, kept: {len(seen.crashes)}")
    if plugin.transport is not TransportKind.COMMAND or len(incidents) != 1:
        problems.append(f"{plugin.transport} was used after {len(incidents)} incidents")
    warned = [each for each in seen.events if isinstance(each, Message) and each.level is Level.WARNING]
    if fault.call is Call.BUILD and bool(warned) is not loud:
        problems.append(f"the user was told {len(warned)} warnings")
    return problems


def _judge_message(fault: Fault, message: str) -> list[str]:
    wanted = (PLUGIN if fault.error != "MissingToolError" else "", fault.phase, fault.cause)
    return [f"{word!r} is not in: {message}" for word in wanted if word not in message]


def _judge_times(fault: Fault, duration_s: float, closed_s: float) -> list[str]:
    limit_s = (HANG_DEADLINE_S if fault.hangs else _USUAL_DEADLINE_S) + _SLACK_S
    late = [f"it took {duration_s:.2f} s"] if duration_s > limit_s else []
    # Giving its state up is worth a second, and ending it another.
    return late + ([f"closing took {closed_s:.2f} s"] if closed_s > 1.0 + _SLACK_S else [])


def _leftovers(mark: str) -> list[str]:
    """Processes of this trial that still run; a zombie has no environment and is none."""
    wanted = f"{MARK}={mark}".encode()
    left = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if wanted in entry.read_bytes():
                left.append(entry.parent.name)
        except OSError:
            continue
    return [f"still running: {', '.join(left)}"] if left else []


def _compile(*argv: str | Path) -> None:
    subprocess.run([str(word) for word in argv], check=True, capture_output=True, text=True)
