"""What a plugin in a helper may do wrong: each is a named error, soon, and leaves no process behind."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.toolchain.recording import RecordingReporter
from wasmrun_py.model.errors import (
    ArtifactError,
    PluginCrashedError,
    PluginFailedError,
    TransportError,
)
from wasmrun_py.model.events import Message, Progress, SilentReporter, ToolOutput
from wasmrun_py.plugin.artifacts import check_artifacts
from wasmrun_py.plugin.transport import python_host
from wasmrun_py.plugin.transport.base import Deadlines

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.plugin.transport.conftest import Workshop

SHORT = Deadlines(load_s=1.5, ask_s=1.5, build_s=1.5)
# The reply channel is private; a plugin that wants to misuse it has to look for it.
CHANNEL = "import __main__, gc; ch = next(o for o in gc.get_objects() if type(o).__name__ == 'Channel'); "
CRASHES = {
    "segfault": ("os.kill(os.getpid(), signal.SIGSEGV)", r"signal 11 \(SIGSEGV\)"),
    "null-read": ("ctypes.string_at(0)", r"signal 11 \(SIGSEGV\)"),
    "abort": ("os.abort()", r"signal 6 \(SIGABRT\)"),
    "killed": ("os.kill(os.getpid(), signal.SIGKILL)", r"signal 9 \(SIGKILL\)"),
    "exits-at-once": ("os._exit(3)", "exit code 3"),
    "exits-well": ("os._exit(0)", "exit code 0"),
    "closes-everything": ("os.closerange(0, 64); time.sleep(9)", "did not answer|closed its reply channel"),
    "garbage": (CHANNEL + "os.write(ch._answers, b'\\0\\0\\0\\4oops')", "not JSON"),
    "no-object": (CHANNEL + "os.write(ch._answers, b'\\0\\0\\0\\2[]')", "not an answer"),
    "deep": (CHANNEL + "os.write(ch._answers, b'\\0\\1\\0\\0' + b'[' * 65536)", "not JSON"),
    "announces-4-gb": (CHANNEL + "os.write(ch._answers, b'\\xff' * 64)", "announced an answer of 4294967295"),
    "wrong-nonce": (CHANNEL + "ch.nonce = 'forged'", "not its helper's own"),
    "no-nonce": (CHANNEL + "os.write(ch._answers, b'\\0\\0\\0\\2{}')", "not its helper's own"),
    "other-answer": (CHANNEL + "ch.send({'id': 99, 'result': None})", "what was not asked"),
    "sleeps": ("time.sleep(600)", "did not answer within 1.5 s"),
    "spins": ("while True: pass", "did not answer within 1.5 s"),
    "ignores-signals": (
        "[signal.signal(n, signal.SIG_IGN) for n in (1, 2, 3, 13, 15)]; time.sleep(600)",
        "did not answer within 1.5 s",
    ),
    "stops-itself": ("os.kill(os.getpid(), signal.SIGSTOP)", "did not answer within 1.5 s"),
    "event-flood": (
        "r = reporter if 'reporter' in dir() else None\nwhile True: (r.info('x') if r else time.sleep(1))",
        "did not answer within 1.5 s",
    ),
    "half-a-frame": (CHANNEL + "os.write(ch._answers, b'\\0\\0'); time.sleep(600)", "did not answer"),
    "reply-flood": (CHANNEL + "\nwhile True: os.write(ch._answers, b'\\0' * 65536)", "not JSON"),
}


@pytest.mark.parametrize("kind", CRASHES)
@pytest.mark.parametrize("phase", ["load", "can_handle_project", "build"])
def test_a_crash_has_a_name(workshop: Workshop, kind: str, phase: str) -> None:
    """Whatever it does, the error names plugin, phase and cause, within a second of the deadline."""
    lines, cause = CRASHES[kind]
    places = {"load": "at_load", "can_handle_project": "at_question", "build": "at_build"}
    workshop.write_python(**{places[phase]: lines})
    workshop.deadlines = SHORT
    plugin = workshop.open()
    before = _children()
    started = time.monotonic()
    with pytest.raises(PluginCrashedError, match=cause) as raised:
        plugin.can_handle_project(workshop.project()) if phase != "build" else workshop.build(plugin)
    assert (raised.value.plugin, raised.value.phase) == ("zork", phase)
    assert f'"zork" crashed in {phase}' in raised.value.message
    assert time.monotonic() - started < SHORT.build_s + 3.5
    assert _children() == before


RAISES = {
    "exception": ("raise ValueError('no luck')", "ValueError: no luck"),
    "exit": ("sys.exit(3)", "SystemExit: 3"),
    "interrupt": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "recursion": ("(lambda f: f(f))(lambda f: f(f))", "RecursionError"),
    "memory": ("bytearray(1 << 60)", "MemoryError|OverflowError"),
}


@pytest.mark.parametrize("kind", RAISES)
@pytest.mark.parametrize("phase", ["load", "can_handle_project", "build"])
def test_what_it_raises_is_its_fault(workshop: Workshop, kind: str, phase: str) -> None:
    """An exception that is no error of wasmrun's names its class and words, as in wasmrun's own process."""
    lines, cause = RAISES[kind]
    places = {"load": "at_load", "can_handle_project": "at_question", "build": "at_build"}
    workshop.write_python(**{places[phase]: lines})
    plugin = workshop.open()
    with pytest.raises(PluginFailedError, match=cause) as raised:
        plugin.can_handle_project(workshop.project()) if phase != "build" else workshop.build(plugin)
    assert raised.value.phase == phase


ANSWERS = {
    "nothing": ("None", "not a BuildResult"),
    "a-number": ("7", "not a BuildResult"),
    "no-module": ("{'js_path': 'x'}", "not a BuildResult"),
    "wrong-path": ("{'wasm_path': 7}", "wasm_path is a number, not a path"),
    "nul": ("{'wasm_path': 'a\\0b'}", "no path that this system has"),
    "endless-path": ("{'wasm_path': 'x' * 100_000}", "no path that this system has"),
    "wrong-flag": ("{'wasm_path': module, 'is_wasm_bindgen': 'yes'}", "is_wasm_bindgen is text"),
    "wrong-list": ("{'wasm_path': module, 'additional_files': 'all'}", "additional_files is text"),
    "wrong-words": ("{'wasm_path': module, 'warnings': [1]}", "warnings is a number"),
    "too-large": ("{'wasm_path': module, 'warnings': ['x' * 20_000_000]}", "its answer has"),
    "cycle": ("(lambda t: t.append(t) or {'wasm_path': module, 'warnings': t})([])", "RecursionError"),
    "huge-number": ("{'wasm_path': module, 'warnings': [10 ** 5000]}", "."),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_an_answer_is_checked(workshop: Workshop, kind: str) -> None:
    """A result of the wrong shape is refused with the field's name."""
    value, cause = ANSWERS[kind]
    workshop.write_python(at_build=f"return {value}")
    with pytest.raises(PluginFailedError, match=cause):
        workshop.build(workshop.open())


ARTIFACTS = {
    "outside": ("return {'wasm_path': '/etc/hostname'}", "outside the folder"),
    "above": ("return {'wasm_path': config.output_dir / '..' / 'project' / 'main.zork'}", "outside"),
    "relative": ("return {'wasm_path': 'main.wasm'}", "outside"),
    "link": (
        "module.rename(config.work_dir / 'm'); os.symlink(config.work_dir / 'm', module)",
        "outside|a link",
    ),
    "link-outside": (
        (
            "os.symlink('/etc/hostname', config.output_dir / 'l.wasm')\n"
            "return {'wasm_path': config.output_dir / 'l.wasm'}"
        ),
        "outside",
    ),
    "empty": ("module.write_bytes(b'')", "empty"),
    "absent": ("module.unlink()", "no such file"),
    "folder": ("module.unlink(); module.mkdir()", "no such file"),
    "no-wasm": ("module.write_bytes(b'hello')", "not valid WebAssembly"),
    "stale": (
        (
            "old = config.project_path / 'old.wasm'; old.write_bytes(module.read_bytes())\n"
            "return {'wasm_path': old}"
        ),
        "outside",
    ),
}


@pytest.mark.parametrize("kind", ARTIFACTS)
def test_an_artifact_is_checked(workshop: Workshop, kind: str) -> None:
    """A file that is none, or lies elsewhere, is refused by the check that every build goes through."""
    lines, cause = ARTIFACTS[kind]
    workshop.write_python(at_build=lines)
    result = workshop.build(workshop.open())
    with pytest.raises(ArtifactError, match=cause):
        check_artifacts(result, workshop.folder / "out", plugin="zork")


def test_what_it_prints_spoils_nothing(workshop: Workshop) -> None:
    """Prints, raw writes to fd 1 and children's output reach the Reporter, not the channel."""
    noise = "print('loud'); os.write(1, b'raw\\n'); subprocess.run(['echo', 'child']); sys.stdin.read()"
    workshop.write_python(at_load=noise, at_question=noise, at_build=noise)
    reporter = RecordingReporter()
    plugin = workshop.open()
    workshop.build(plugin, reporter)
    _wait_for(lambda: {"loud", "raw", "child"} <= {event.line for event in reporter.of(ToolOutput)})


def test_a_flood_on_stderr_is_kept_small(workshop: Workshop) -> None:
    """100 MB on stderr: the build succeeds, and the parent does not grow with it."""
    workshop.write_python(at_build="for n in range(1600): os.write(2, b'x' * 65535 + b'\\n')")
    before = psutil.Process().memory_info().rss
    started = time.monotonic()
    workshop.open().get_builder().build(workshop.config(), SilentReporter())
    assert time.monotonic() - started < 15
    assert psutil.Process().memory_info().rss - before < 64 * 1024 * 1024


def test_a_crash_keeps_what_it_wrote(workshop: Workshop) -> None:
    """The error names a log that holds the helper's last words."""
    workshop.write_python(at_build="print('last words'); os.abort()")
    with pytest.raises(PluginCrashedError) as raised:
        workshop.build(workshop.open())
    assert raised.value.log_file is not None
    assert str(raised.value.log_file) in raised.value.hint
    assert "last words" in raised.value.log_file.read_text()
    assert raised.value.log_file.parent == workshop.home.logs


def test_events_come_while_it_builds(workshop: Workshop) -> None:
    """Messages, progress and dicts of its own reach the Reporter in order; what is no event is text."""
    workshop.write_python(
        at_build="""
        reporter.info("one")
        reporter.emit({"type": "Progress", "label": "two", "done_bytes": 1, "total_bytes": 2})
        reporter.emit("three")
        reporter.emit({"type": "Nonsense"})
        reporter.warning("four")
        """
    )
    reporter = RecordingReporter()
    workshop.build(workshop.open(), reporter)
    assert [message.text for message in reporter.of(Message)] == ["one", "three", "four"]
    assert reporter.of(Progress) == [Progress(label="two", done_bytes=1, total_bytes=2)]


def test_a_thousand_calls_cost_nothing(workshop: Workshop) -> None:
    """One process serves them all; descriptors, threads and memory of the parent stay flat."""
    workshop.write_python()
    plugin = workshop.open()
    project = workshop.project()
    plugin.can_handle_project(project)
    parent = psutil.Process()
    before = (_children(), parent.num_fds(), threading.active_count(), parent.memory_info().rss)
    for _ in range(1000):
        plugin.can_handle_project(project)
    after = (_children(), parent.num_fds(), threading.active_count(), parent.memory_info().rss)
    assert after[:3] == before[:3]
    assert after[3] - before[3] < 4 * 1024 * 1024
    plugin.close()
    assert _children() < before[0]


def test_the_next_call_after_a_crash_starts_again(workshop: Workshop) -> None:
    """A helper that crashed is replaced when the plugin has no other transport."""
    workshop.write_python(at_build="if config.verbose: os.abort()")
    plugin = workshop.open()
    with pytest.raises(PluginCrashedError):
        workshop.build(plugin, verbose=True)
    assert workshop.build(plugin).wasm_path.name == "main.wasm"


@pytest.mark.parametrize(
    "daemon",
    [
        "subprocess.Popen(['sleep', '321'])",
        "subprocess.Popen(['sleep', '321'], start_new_session=True)",
        "subprocess.Popen(['sh', '-c', 'sleep 321 & sleep 321 &'], start_new_session=True).wait()",
        "pid = os.fork()\nif pid == 0: os.setsid(); time.sleep(321)",
    ],
)
@pytest.mark.parametrize("end", ["", "os.abort()", "time.sleep(60)"])
def test_its_children_end_with_it(workshop: Workshop, daemon: str, end: str) -> None:
    """Whatever it starts ends with the helper, also in a session of its own, also after a crash."""
    mark = workshop.folder / "mark"
    workshop.deadlines = SHORT
    workshop.write_python(at_build=f"os.environ['ZORK_MARK'] = {str(mark)!r}\n{daemon}\n{end}")
    plugin = workshop.open()
    try:
        workshop.build(plugin)
    except PluginCrashedError:
        assert end
    plugin.close()
    _wait_for(lambda: not _sleepers(str(mark)))


def test_it_ends_when_wasmrun_is_killed(workshop: Workshop, tmp_path: Path) -> None:
    """Kill -9 of the parent, in the middle of a build: helper and compiler are gone within a second."""
    workshop.write_python(
        at_build=f"""
        sleeper = subprocess.Popen(["sleep", "321"])
        open({str(tmp_path / "pids")!r}, "w").write(f"{{os.getpid()}} {{sleeper.pid}}\\n")
        time.sleep(60)
        """
    )
    script = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[2])\n"
        "from tests.plugin.transport.conftest import Workshop\n"
        "shop = Workshop(folder=Path(sys.argv[1])); shop.build(shop.open())\n"
    )
    root = Path(__file__).parents[3]
    parent = subprocess.Popen([sys.executable, "-c", script, str(tmp_path), str(root)], cwd=root)
    try:
        _wait_for(lambda: (tmp_path / "pids").is_file() and "\n" in (tmp_path / "pids").read_text())
        pids = [int(word) for word in (tmp_path / "pids").read_text().split()]
        assert all(psutil.pid_exists(pid) for pid in pids)
    finally:
        parent.kill()
        parent.wait()
    _wait_for(lambda: not any(_is_running(pid) for pid in pids))


def test_ctrl_c_ends_the_helper(workshop: Workshop) -> None:
    """An interrupt while it builds goes through, and nothing is left running."""
    workshop.write_python(at_build="time.sleep(60)")
    plugin = workshop.open()
    before = _children()
    timer = threading.Timer(0.8, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        workshop.build(plugin)
    timer.join()
    assert time.monotonic() - started < 5
    assert _children() == before


def test_an_interpreter_that_is_gone_makes_it_unavailable(workshop: Workshop) -> None:
    """No interpreter, or one that is no Python, is an unavailable transport, not a crash."""
    workshop.write_python()
    for interpreter in (workshop.folder / "gone", Path("/bin/echo"), Path("/etc/hostname")):
        with pytest.raises(TransportError):
            workshop.build(workshop.open(interpreter=interpreter))


def test_the_host_file_is_for_older_pythons_too() -> None:
    """It parses as Python 3.9 and imports nothing but the standard library."""
    tree = ast.parse(Path(python_host.__file__).read_text(encoding="utf-8"), feature_version=(3, 9))
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported <= sys.stdlib_module_names


def _children() -> int:
    return len(psutil.Process().children(recursive=True))


def _is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _sleepers(mark: str) -> list[int]:
    found = []
    for process in psutil.process_iter(["name"]):
        try:
            if process.environ().get("ZORK_MARK") == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def _wait_for(holds: Callable[[], bool], seconds: float = 3.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not become true"
        time.sleep(0.02)
