"""Running child processes: captured or attached, ended with their whole tree."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from wasmrun_py.model.errors import LimitError, MissingToolError, NotAFolderError, ToolCrashedError
from wasmrun_py.system.process import ToolCall, describe_exit, run_attached, run_tool

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the scripts here are POSIX shell")


def shell(script: str, folder: Path, **options: object) -> ToolCall:
    return ToolCall(argv=("/bin/sh", "-c", script), cwd=folder, env=dict(os.environ), **options)  # type: ignore[arg-type]  # a test's own keywords


def is_gone(pid: int) -> bool:
    """Whether the process ends within a second."""
    for _ in range(100):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.01)
    return False


def test_both_streams_arrive_in_order(tmp_path: Path) -> None:
    """A compiler's warnings stay where they were written among its output."""
    result = run_tool(shell("echo one; echo two >&2; echo three; exit 3", tmp_path))
    assert (result.output, result.returncode) == ("one\ntwo\nthree\n", 3)
    assert result.log_file is None


def test_nothing_is_inherited(tmp_path: Path) -> None:
    """The environment is exactly the one given, stdin is empty, the folder is the one given."""
    call = ToolCall(argv=("/bin/sh", "-c", "pwd; cat; echo $FOO$HOME"), cwd=tmp_path, env={"FOO": "bar"})
    assert run_tool(call).output == f"{tmp_path}\nbar\n"


def test_arguments_are_never_a_shell_line(tmp_path: Path) -> None:
    """Quotes, blanks and dollars reach the program as they are."""
    words = ("a b", "$HOME", "'", '"', ";exit", "*")
    call = ToolCall(argv=("/usr/bin/printf", "%s\\n", *words), cwd=tmp_path, env={})
    assert run_tool(call).output.splitlines() == list(words)


def test_undecodable_output_is_kept_readable(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 are replaced, the rest stays."""
    assert run_tool(shell(r"printf 'a\377b'", tmp_path)).output == "a\ufffdb"


def test_lines_arrive_while_the_tool_runs(tmp_path: Path) -> None:
    """With a listener, each line is handed on as it is written, the last one also without its end."""
    lines: list[str] = []
    run_tool(shell("echo one; printf 'two\\r\\n'; printf three", tmp_path), on_line=lines.append)
    assert lines == ["one", "two", "three"]


def test_a_flood_goes_to_the_log(tmp_path: Path) -> None:
    """A hundred megabytes stay out of memory: head and tail are kept, the whole is in the log."""
    log_file = tmp_path / "logs" / "tool.log"
    script = "echo first; head -c 100000000 /dev/zero | tr '\\0' x; echo; echo last"
    before = psutil.Process().memory_info().rss
    result = run_tool(shell(script, tmp_path, log_file=log_file))
    assert result.output.startswith("first\n")
    assert result.output.endswith("last\n")
    assert "bytes left out" in result.output
    assert len(result.output) < 2_000_000
    assert result.log_file == log_file
    assert log_file.stat().st_size == len("first\n\nlast\n") + 100_000_000
    assert psutil.Process().memory_info().rss - before < 50_000_000


def test_a_missing_program_is_a_missing_tool(tmp_path: Path) -> None:
    """The error names the program and is exit 4."""
    with pytest.raises(MissingToolError, match="no-such-tool") as caught:
        run_tool(ToolCall(argv=("no-such-tool",), cwd=tmp_path, env={}))
    assert caught.value.exit_code == 4


def test_a_program_that_cannot_be_run_is_told(tmp_path: Path) -> None:
    """A file that is no program is named, with the system's reason."""
    script = tmp_path / "broken"
    script.write_bytes(b"\x7fELFnonsense")
    script.chmod(0o755)
    with pytest.raises(ToolCrashedError, match="broken could not be started"):
        run_tool(ToolCall(argv=(str(script),), cwd=tmp_path, env={}))
    script.chmod(0o644)
    with pytest.raises(ToolCrashedError, match="Permission denied"):
        run_tool(ToolCall(argv=(str(script),), cwd=tmp_path, env={}))


def test_a_missing_folder_is_not_a_missing_tool(tmp_path: Path) -> None:
    """A working folder that is gone is told as that."""
    with pytest.raises(NotAFolderError, match="not there any more"):
        run_tool(ToolCall(argv=("/bin/sh",), cwd=tmp_path / "gone", env={}))


def test_a_timeout_ends_the_whole_tree(tmp_path: Path) -> None:
    """Children of the tool are ended with it, also those that ignore the polite signal."""
    script = "trap '' TERM; sh -c 'trap \"\" TERM; echo $$ > child; sleep 60' & sleep 60"
    with pytest.raises(LimitError, match=r"did not finish within 0\.5 s"):
        run_tool(shell(script, tmp_path, timeout_s=0.5))
    assert is_gone(int((tmp_path / "child").read_text(encoding="utf-8")))


def test_an_interrupt_ends_the_tool(tmp_path: Path) -> None:
    """Ctrl-C while a tool hangs ends the tool and its children, then arrives."""
    timer = threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        run_tool(shell("sh -c 'echo $$ > child; sleep 60' & wait", tmp_path))
    timer.join()
    assert is_gone(int((tmp_path / "child").read_text(encoding="utf-8")))


def test_a_helper_left_behind_does_not_hold_the_build(tmp_path: Path) -> None:
    """A tool that leaves a child holding its output ends the call all the same, and the child."""
    started = time.monotonic()
    result = run_tool(shell("sh -c 'echo $$ > child; sleep 60' & sleep 0.3; echo done", tmp_path))
    assert result.output == "done\n"
    assert time.monotonic() - started < 30
    assert is_gone(int((tmp_path / "child").read_text(encoding="utf-8")))


def test_a_thousand_runs_leave_no_descriptors(tmp_path: Path) -> None:
    """Descriptors and threads of the parent stay flat."""
    call = ToolCall(argv=("/bin/true",), cwd=tmp_path, env={})
    run_tool(call)
    before = (psutil.Process().num_fds(), threading.active_count())
    for _ in range(200):
        run_tool(call)
    assert (psutil.Process().num_fds(), threading.active_count()) == before


def test_an_attached_child_writes_where_it_is_told(tmp_path: Path) -> None:
    """With sinks, both streams arrive in chunks; the exit code is the child's."""
    out: list[bytes] = []
    err: list[bytes] = []
    result = run_attached(
        ("/bin/sh", "-c", "echo out; echo err >&2; exit 7"),
        cwd=tmp_path,
        env={},
        stdout=out.append,
        stderr=err.append,
        stdin_devnull=True,
    )
    assert (b"".join(out), b"".join(err), result.returncode) == (b"out\n", b"err\n", 7)


def test_an_attached_child_has_our_streams(tmp_path: Path) -> None:
    """Without sinks the child reads and writes what we do."""
    code = (
        "import pathlib, sys; from wasmrun_py.system.process import run_attached;"
        f"sys.exit(run_attached(['/bin/cat'], cwd=pathlib.Path({str(tmp_path)!r}), env={{}}).returncode)"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code], input=b"through", capture_output=True, check=False
    )
    assert (finished.stdout, finished.returncode) == (b"through", 0)


def test_an_attached_child_is_ended_at_its_deadline(tmp_path: Path) -> None:
    """The result says so, and nothing of its tree is left."""
    result = run_attached(
        ("/bin/sh", "-c", "sh -c 'echo $$ > child; sleep 60' & wait"), cwd=tmp_path, env={}, timeout_s=0.5
    )
    assert result.timed_out
    assert result.duration_s < 10
    assert is_gone(int((tmp_path / "child").read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("returncode", "said"),
    [(0, "exit code 0"), (3, "exit code 3"), (-11, "signal 11 (SIGSEGV)"), (-63, "signal 63")],
)
def test_an_end_in_words(returncode: int, said: str) -> None:
    """Signals are named where they have a name."""
    assert describe_exit(returncode) == said


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux's kernel does this")
@pytest.mark.parametrize("tied", [True, False])
def test_a_tool_may_end_with_us(tmp_path: Path, tied: bool) -> None:  # noqa: FBT001 - a parametrised test
    """When we are killed with -9, a tool that was tied to us is killed too; any other runs on."""
    script = (
        "import os; from pathlib import Path\n"
        "from wasmrun_py.system.process import ToolCall, run_tool\n"
        "argv = ('/bin/sh', '-c', 'echo $$ >pid.new; mv pid.new pid; exec sleep 60')\n"
        f"run_tool(ToolCall(argv=argv, cwd=Path.cwd(), env=dict(os.environ), end_with_parent={tied}))\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path)
    while not (tmp_path / "pid").exists():
        assert parent.poll() is None
        time.sleep(0.01)
    pid = int((tmp_path / "pid").read_text())
    parent.kill()
    parent.wait()
    assert is_gone(pid) is tied
    if not tied:
        os.kill(pid, signal.SIGKILL)


def test_a_tied_tool_is_an_ordinary_tool(tmp_path: Path) -> None:
    """Its output, its code and a program that is not there are told as always."""
    result = run_tool(shell("echo out; exit 3", tmp_path, end_with_parent=True))
    assert (result.output, result.returncode) == ("out\n", 3)
    with pytest.raises(MissingToolError):
        run_tool(ToolCall(argv=("/nothing",), cwd=tmp_path, env={}, end_with_parent=True))
