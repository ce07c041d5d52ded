"""The seam between parent and child: reports that lie, children that die."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from wasmrun_py.execute import run
from wasmrun_py.execute.request import DirGrant, RunOutcome, RunRequest
from wasmrun_py.model.errors import ExecError, InterruptError, TrapError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Execute = Callable[[RunRequest], tuple[RunOutcome, str]]
    Wat = Callable[[str], Path]

_POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals")
_EMPTY = '(module (func (export "_start")))'
# Stands in for the child: gets the private folder as argv[1].
_READ_REQUEST = "import json,os,signal,sys; folder=sys.argv[1]; r=json.load(open(folder+'/request.json')); "


def _replace_child(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setattr(run, "_BOOT", _READ_REQUEST + code)


def _report(**fields: Any) -> str:
    report = {"exit_code": 0, "results": [], "error": "", "message": "", "hint": "", "backtrace": []} | fields
    write = "open(folder+'/report.json','w').write(json.dumps(rep))"
    return f"rep={report!r}; rep.setdefault('nonce', r['nonce']); {write}"


def test_a_report_of_the_child_is_believed(
    wat: Wat, execute: Execute, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the request's nonce and a good exit, the fields count."""
    _replace_child(monkeypatch, _report(exit_code=5, results=["1", "2"]))
    outcome, _ = execute(RunRequest(module=wat(_EMPTY)))
    assert (outcome.exit_code, outcome.results) == (5, ("1", "2"))


@pytest.mark.parametrize(
    "code",
    [
        "pass",
        _report(nonce="forged"),
        "open(folder+'/report.json','w').write('{')",
        "open(folder+'/report.json','w').write('[]')",
        "open(folder+'/report.json','wb').write(bytes([255]))",
        _report(exit_code="x"),
        _report(results=None),
        "open(folder+'/report.json','w').write(json.dumps({'nonce': r['nonce']}))",
        _report() + "; sys.stdout.flush(); os._exit(3)",
    ],
)
def test_a_missing_or_forged_report_is_an_error(
    wat: Wat, execute: Execute, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """No report, another's nonce, broken JSON, wrong types, or a bad exit: 125, never a guess."""
    _replace_child(monkeypatch, code)
    with pytest.raises(ExecError, match="process of the guest") as caught:
        execute(RunRequest(module=wat(_EMPTY)))
    assert caught.value.exit_code == 125


def test_an_error_of_an_unknown_kind_is_still_an_error(
    wat: Wat, execute: Execute, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A code this parent does not know becomes the plain error, with its text."""
    _replace_child(monkeypatch, _report(error="brand-new", message="something", hint="do this"))
    with pytest.raises(ExecError, match="something") as caught:
        execute(RunRequest(module=wat(_EMPTY)))
    assert type(caught.value) is ExecError
    assert caught.value.hint == "do this"


def test_a_trap_keeps_its_backtrace(wat: Wat, execute: Execute, monkeypatch: pytest.MonkeyPatch) -> None:
    """The frames cross the seam in their order."""
    _replace_child(monkeypatch, _report(error="trap", message="boom", backtrace=["0x1 a", "0x2 b"]))
    with pytest.raises(TrapError) as caught:
        execute(RunRequest(module=wat(_EMPTY)))
    assert caught.value.backtrace == ("0x1 a", "0x2 b")


@_POSIX
@pytest.mark.parametrize("name", ["SIGSEGV", "SIGKILL", "SIGABRT"])
def test_death_by_a_signal_names_it(
    wat: Wat, execute: Execute, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A child that crashed is not a guest that ended, even when it left a report."""
    _replace_child(monkeypatch, _report() + f"; os.kill(os.getpid(), signal.{name})")
    with pytest.raises(ExecError, match=name):
        execute(RunRequest(module=wat(_EMPTY)))


@_POSIX
def test_an_interrupted_child_is_an_interruption(
    wat: Wat, execute: Execute, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C that only reached the child ends like Ctrl-C."""
    kill = "signal.signal(signal.SIGINT, signal.SIG_DFL); os.kill(os.getpid(), signal.SIGINT)"
    _replace_child(monkeypatch, kill)
    with pytest.raises(InterruptError):
        execute(RunRequest(module=wat(_EMPTY)))


def test_a_fault_of_ours_in_the_child_keeps_its_text(
    wat: Wat, execute: Execute, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A Python error there becomes an error here, and nothing is printed on the guest's streams."""
    _replace_child(
        monkeypatch,
        "sys.path += sys.argv[2:]; from wasmrun_py.execute import child; child.Sandbox = None;"
        " child.main(folder)",
    )
    with pytest.raises(ExecError, match="failed inside wasmrun") as caught:
        execute(RunRequest(module=wat(_EMPTY)))
    assert "Traceback" in caught.value.hint
    assert capfd.readouterr() == ("", "")


@_POSIX
def test_a_closed_pipe_ends_an_endless_printer_quietly(
    compile_c: Callable[..., Path], capfd: pytest.CaptureFixture[str]
) -> None:
    """Writing to a reader that is gone ends the guest by SIGPIPE, with the exit code a shell shows."""
    module = compile_c('#include <stdio.h>\nint main(void) { for (;;) puts("y"); }')
    reader, writer = os.pipe()
    os.close(reader)
    saved = os.dup(1)
    try:
        os.dup2(writer, 1)
        outcome = run.run_module(RunRequest(module=module), environ=os.environ)
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        os.close(writer)
    assert outcome.exit_code == 128 + signal.SIGPIPE
    assert capfd.readouterr() == ("", "")


def test_a_guest_cannot_forge_its_report(
    compile_c: Callable[..., Path], execute: Execute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Granted even the folder that holds the private one, it finds no nonce and changes nothing."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    module = compile_c(
        r"""#include <dirent.h>
        #include <stdio.h>
        #include <string.h>
        #include <unistd.h>
        int main(void) {
          DIR *folder = opendir("/temporary");
          for (struct dirent *entry; (entry = readdir(folder));) {
            if (strncmp(entry->d_name, "wasmrun-exec-", 13)) continue;
            char path[512];
            snprintf(path, sizeof path, "/temporary/%s/request.json", entry->d_name);
            printf("request %s\n", access(path, R_OK) == 0 ? "readable" : "gone");
            snprintf(path, sizeof path, "/temporary/%s/report.json", entry->d_name);
            FILE *report = fopen(path, "w");
            for (int i = 0; i < 1000; i++) fputs("{\"exit_code\": 0}", report);
            fclose(report);
            unlink(path);
          }
          return 6;
        }"""
    )
    grant = DirGrant(host=temporary, guest="/temporary", read_only=False)
    outcome, stdout = execute(RunRequest(module=module, dirs=(grant,)))
    assert (outcome.exit_code, stdout) == (6, "request gone\n")
    assert list(temporary.iterdir()) == []


def test_the_request_names_everything(wat: Wat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The child gets absolute paths and exactly what was asked for, in a folder only we may enter."""
    _replace_child(
        monkeypatch, "r['mode'] = os.stat(folder).st_mode & 0o777; print(json.dumps(r)); sys.exit(3)"
    )
    seen = bytearray()
    grant = DirGrant(host=tmp_path, guest="/d", read_only=True)
    with pytest.raises(ExecError):
        run.run_module(
            RunRequest(module=wat(_EMPTY), args=("a",), env=(("K", "V"),), dirs=(grant,), cache_dir=tmp_path),
            stdout=seen.extend,
            environ={"PYTHONPATH": "/elsewhere"},
        )
    request = json.loads(bytes(seen))
    assert request["dirs"] == [[str(tmp_path), "/d", True]]
    assert (request["args"], request["env"]) == (["a"], [["K", "V"]])
    assert request["cache_dir"] == str(tmp_path)
    assert request["mode"] == 0o700


def _read_terminal(master: int) -> bytes:
    """What arrived at a terminal so far."""
    os.set_blocking(master, False)
    seen = b""
    with contextlib.suppress(BlockingIOError):
        while chunk := os.read(master, 65536):
            seen += chunk
    return seen


@pytest.mark.parametrize("name", ["return", "trap", "flood"])
def test_a_terminal_is_filtered_and_stays_a_terminal(compile_c: Callable[..., Path], name: str) -> None:
    """The guest sees a terminal, its titles are shown, its colours pass, and all of it arrives in order."""
    module = compile_c(
        r"""#include <stdio.h>
        #include <string.h>
        #include <unistd.h>
        int main(int argc, char **argv) {
          printf("tty %d %d\n", isatty(1), isatty(2));
          fputs("\033]0;title\007\033[31mred\033[m\n", stdout);
          fputs("err\n", stderr);
          if (!strcmp(argv[1], "flood")) for (int i = 0; i < 100; i++) puts("0123456789");
          fputs("last", stdout);
          fflush(stdout);
          if (!strcmp(argv[1], "trap")) __builtin_trap();
          return 3;
        }"""
    )
    pty, tty = pytest.importorskip("pty"), pytest.importorskip("tty")
    master, slave = pty.openpty()
    tty.setraw(slave)
    saved = [os.dup(1), os.dup(2)]
    try:
        os.dup2(slave, 1)
        os.dup2(slave, 2)
        request = RunRequest(module=module, args=(name,), tame_terminal=True)
        with contextlib.ExitStack() as expected:
            if name == "trap":
                expected.enter_context(pytest.raises(TrapError))
            assert run.run_module(request, environ=os.environ).exit_code == 3
        seen = _read_terminal(master)
    finally:
        os.dup2(saved[0], 1)
        os.dup2(saved[1], 2)
        for descriptor in (*saved, master, slave):
            os.close(descriptor)
    flood = b"0123456789\n" * 100 if name == "flood" else b""
    assert seen == b"tty 1 1\n^[]0;title^G\x1b[31mred\x1b[m\nerr\n" + flood + b"last"


def test_what_is_no_terminal_is_left_alone(compile_c: Callable[..., Path], execute: Execute) -> None:
    """A pipe gets every byte as the guest wrote it."""
    module = compile_c('#include <stdio.h>\nint main(void) { fputs("\\033]0;t\\007", stdout); return 0; }')
    _, stdout = execute(RunRequest(module=module, tame_terminal=True))
    assert stdout == "\x1b]0;t\x07"
