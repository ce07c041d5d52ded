"""Run child processes: argv lists, no shell, explicit folder and environment, the whole tree ended.

Three ways: ``run_tool`` captures what a tool writes (a compiler), ``run_attached`` connects it to the
terminal (a guest), ``start_child`` keeps one for a conversation (a plugin's helper). All end the child *and
its descendants* on a timeout, on Ctrl-C and when the tool leaves helpers behind. No other module starts
processes.
"""

from __future__ import annotations

import contextlib
import os
import queue
import select
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import LimitError, MissingToolError, NotAFolderError, ToolCrashedError
from wasmrun_py.system.cancellation import find_cancellation
from wasmrun_py.system.spool import OutputSpool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import ModuleType
    from typing import IO

    import psutil

_CHUNK_BYTES = 65536
_TERMINATE_GRACE_S = 1.0
# One that was talked to has had its say.
_CHILD_GRACE_S = 0.2
_PIPE_DRAIN_S = 2.0
_POLL_S = 0.2
_PR_SET_PDEATHSIG = 1
_CHUNKS_AHEAD = 64
_SWEEPS = 5
_SWEEP_AGAIN_S = 0.02
_LOOK_AGAIN_S = 0.01
# What every system's pipe takes without a reader.
_PIPE_BYTES = 4096
# Descendants inherit it, whatever session they move to.
_MARK_VARIABLE = "WASMRUN_CHILD"
_ON_WINDOWS = sys.platform == "win32"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """What a finished tool left.

    Attributes:
        argv: What was run.
        returncode: Exit code; negative is the signal that ended it (POSIX).
        output: stdout and stderr in the order they were written, decoded as UTF-8 with undecodable bytes
            replaced; the middle is cut when it is long, and ``log_file`` then holds the whole.
        log_file: The whole text on disk, or None when ``output`` is the whole.
        duration_s: Wall-clock seconds.
    """

    argv: tuple[str, ...]
    returncode: int
    output: str
    log_file: Path | None
    duration_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachedResult:
    """How an attached child ended.

    Attributes:
        returncode: Exit code; negative is the signal that ended it (POSIX).
        timed_out: True when we ended it at its deadline.
        duration_s: Wall-clock seconds.
    """

    returncode: int
    timed_out: bool
    duration_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One tool invocation.

    Attributes:
        argv: Program and arguments; never a shell line.
        cwd: Absolute working folder.
        env: The child's whole environment.
        timeout_s: Seconds until it is ended, or None to wait for ever.
        log_file: Where output too long for memory goes; None drops the middle of it.
        end_with_parent: It is killed when we are, however we end (Linux; elsewhere it runs to its end).
        umask: What its files' modes lack, or -1 for ours (not on Windows).
    """

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    timeout_s: float | None = None
    log_file: Path | None = None
    end_with_parent: bool = False
    umask: int = -1


def run_tool(call: ToolCall, *, on_line: Callable[[str], None] | None = None) -> ToolResult:
    """Run a tool to its end and capture stdout and stderr as one stream.

    Args:
        call: What to run.
        on_line: Called from a reader thread with each line as it arrives.

    Raises:
        MissingToolError: The program does not exist.
        ToolCrashedError: The program exists and the system refuses to run it.
        NotAFolderError: The working folder is gone.
        LimitError: It ran past ``timeout_s`` and was ended.
    """
    started = time.monotonic()
    child = _start(
        call.argv,
        cwd=call.cwd,
        env=call.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        own_session=True,
        end_with_parent=call.end_with_parent,
        umask=call.umask,
    )
    if child.stdout is None:  # pragma: no cover - Popen promises a pipe
        raise ToolCrashedError(f"{call.argv[0]} has no output pipe")
    spool = OutputSpool(call.log_file, on_line=on_line)
    reader = _Pump(child.stdout, spool.feed)
    deadline = None if call.timeout_s is None else started + call.timeout_s
    try:
        finished = _wait(child, deadline, own_session=True)
    finally:
        # Also after success: a tool that leaves a helper running must not keep our pipe open.
        _end_tree(child, reader)
        spool.close()
    if not finished:
        raise LimitError(
            f"{call.argv[0]} did not finish within {call.timeout_s:g} s and was ended",
            hint="Run it again with -v to see where it stands still.",
        )
    return ToolResult(
        argv=call.argv,
        returncode=child.returncode,
        output=spool.text(),
        log_file=spool.log_file,
        duration_s=time.monotonic() - started,
    )


def run_attached(  # noqa: PLR0913 - a child has this many ends, each named
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout_s: float | None = None,
    stdout: Callable[[bytes], None] | None = None,
    stderr: Callable[[bytes], None] | None = None,
    stdin_devnull: bool = False,
) -> AttachedResult:
    """Run a child connected to our own stdin, stdout and stderr.

    Args:
        argv: Program and arguments.
        cwd: Absolute working folder.
        env: The child's whole environment.
        timeout_s: Seconds until its tree is ended, or None.
        stdout: Receives stdout in chunks instead of the terminal (called from a thread).
        stderr: The same for stderr.
        stdin_devnull: Give it an empty stdin instead of ours.

    Raises:
        MissingToolError, ToolCrashedError, NotAFolderError: As ``run_tool``.
    """
    started = time.monotonic()
    child = _start(
        argv,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL if stdin_devnull else None,
        stdout=subprocess.PIPE if stdout else None,
        stderr=subprocess.PIPE if stderr else None,
        # It stays in our session, so that it can read the terminal it is attached to.
        own_session=False,
    )
    pumps = [
        _Pump(pipe, sink)
        for pipe, sink in ((child.stdout, stdout), (child.stderr, stderr))
        if pipe is not None and sink is not None
    ]
    deadline = None if timeout_s is None else started + timeout_s
    try:
        finished = _wait(child, deadline, own_session=False)
    finally:
        _end_tree(child, *pumps, own_session=False)
    return AttachedResult(
        returncode=child.returncode, timed_out=not finished, duration_s=time.monotonic() - started
    )


def start_child(
    argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], on_stderr: Callable[[bytes], None]
) -> Child:
    """Start a child for a conversation over its stdin and stdout; the caller ends it.

    Args:
        argv: Program and arguments.
        cwd: Absolute working folder.
        env: The child's whole environment.
        on_stderr: Receives its stderr in chunks (called from a thread).

    Raises:
        MissingToolError, ToolCrashedError, NotAFolderError: As ``run_tool``.
    """
    mark = os.urandom(16).hex()  # as secrets does, without its imports
    started = _start(
        argv,
        cwd=cwd,
        env={**env, _MARK_VARIABLE: mark},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        own_session=True,
    )
    return Child(started, on_stderr=on_stderr, mark=mark)


class Child:
    """A running child that is written to and read from; for one thread at a time.

    Its stderr is moved by a thread of its own, which ends with it. What it sends ahead of its reader waits
    in the pipe.
    """

    def __init__(
        self, started: subprocess.Popen[bytes], *, on_stderr: Callable[[bytes], None], mark: str
    ) -> None:
        if started.stdin is None or started.stdout is None or started.stderr is None:  # pragma: no cover
            raise ToolCrashedError("The child has no pipes")
        self._popen = started
        self._stdin = started.stdin
        self._mark = mark
        self._ended = False
        self._replies = _WindowsReplies(started.stdout) if _ON_WINDOWS else _Replies(started.stdout)
        self._pump = _Pump(started.stderr, on_stderr)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._popen.pid

    def write(self, data: bytes) -> bool:
        """Send bytes; False when it does not listen any more.

        What a pipe may not hold at once goes through a thread: a child that never reads blocks nobody.
        """
        if len(data) > _PIPE_BYTES:
            threading.Thread(target=self._send, args=(data,), name="wasmrun-send", daemon=True).start()
            return True
        return self._send(data)

    def read(self, timeout_s: float) -> bytes | None:
        """The next bytes of its stdout: ``b""`` at the end, None when none came in time.

        Raises:
            InterruptError: The work of this thread was called off.
        """
        chunk = self._replies.read(timeout_s)
        cancellation = find_cancellation()
        if cancellation is not None:
            cancellation.require_going()
        return chunk

    def wait(self, timeout_s: float) -> int | None:
        """Its exit code (negative: the signal), or None when it still runs after ``timeout_s``."""
        _wait_quietly(self._popen, time.monotonic() + timeout_s)
        return self._popen.returncode

    def end(self, *, grace_s: float = 0.0, force: bool = False) -> int:
        """End it with everything it started; its exit code. Harmless when it has ended.

        Args:
            grace_s: How long it may take to end by itself once its stdin is closed.
            force: Kill at once what is left then, instead of asking first.
        """
        if not self._ended:
            self._ended = True
            with contextlib.suppress(OSError):
                self._stdin.close()
            if grace_s:
                _wait_quietly(self._popen, time.monotonic() + grace_s)
            if self._popen.poll() is None:
                _kill_tree(self._popen, own_session=True, grace_s=0.0 if force else _CHILD_GRACE_S)
            # Whatever left the tree goes first: it may hold the pipes open that are drained below.
            _end_marked(self._mark, started_after=self.pid)
            self._replies.close()
            _end_tree(self._popen, self._pump)
        return self._popen.returncode

    def _send(self, data: bytes) -> bool:
        try:
            self._stdin.write(data)
            self._stdin.flush()
        except (OSError, ValueError):
            return False
        return True


class _Replies:
    """Reads a pipe with a timeout."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._descriptor = pipe.fileno()
        self._poll = select.poll()
        self._poll.register(self._descriptor, select.POLLIN)

    def read(self, timeout_s: float) -> bytes | None:
        """The next bytes, ``b""`` at the end, None when none came in time."""
        if not self._poll.poll(max(0.0, timeout_s) * 1000):
            return None
        return os.read(self._descriptor, _CHUNK_BYTES)

    def close(self) -> None:
        """Nothing: the pipe is closed by whoever owns it."""


class _WindowsReplies:
    """The same where no system call waits for a pipe with a timeout: a thread reads ahead, bounded."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._chunks: queue.Queue[bytes] = queue.Queue(_CHUNKS_AHEAD)
        self._closed = False
        self._pump = _Pump(pipe, self._take, at_end=lambda: self._take(b""))

    def read(self, timeout_s: float) -> bytes | None:
        """The next bytes, ``b""`` at the end, None when none came in time."""
        deadline = time.monotonic() + timeout_s
        while True:
            left = deadline - time.monotonic()
            try:
                # A long wait could not be interrupted, so that it is cut into pieces.
                chunk = self._chunks.get(timeout=max(0.001, min(left, _POLL_S)))
            except queue.Empty:
                if left <= 0:
                    return None
                continue
            if not chunk:
                # The end stays the end for whoever asks again.
                with contextlib.suppress(queue.Full):
                    self._chunks.put_nowait(b"")
            return chunk

    def close(self) -> None:
        """Nobody reads any more: what still comes is dropped."""
        self._closed = True
        self._pump.drain()

    def _take(self, chunk: bytes) -> None:
        while not self._closed:
            with contextlib.suppress(queue.Full):
                self._chunks.put(chunk, timeout=_POLL_S)
                return


def describe_exit(returncode: int) -> str:
    """Say how a process ended: ``exit code 3`` or ``signal 11 (SIGSEGV)``."""
    if returncode >= 0:
        return f"exit code {returncode}"
    try:
        return f"signal {-returncode} ({signal.Signals(-returncode).name})"
    except ValueError:
        return f"signal {-returncode}"


def _start(  # noqa: PLR0913 - Popen's own arguments, made explicit
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdin: int | None,
    stdout: int | None,
    stderr: int | None,
    own_session: bool,
    end_with_parent: bool = False,
    umask: int = -1,
) -> subprocess.Popen[bytes]:
    try:
        with _quiet_about_threads() if end_with_parent else contextlib.nullcontext():
            return subprocess.Popen(  # noqa: S603 - an argv list, no shell
                list(argv),
                preexec_fn=_tie_to_parent() if end_with_parent else None,  # noqa: PLW1509 - it calls nothing but the kernel
                cwd=cwd,
                env=dict(env),
                umask=-1 if _ON_WINDOWS else umask,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                start_new_session=own_session and not _ON_WINDOWS,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) if own_session else 0,
            )
    except FileNotFoundError as error:
        if not os.path.isdir(cwd):  # noqa: PTH112 - no Path needed on this path
            raise NotAFolderError(f"{cwd} is not there any more") from error
        raise MissingToolError(f"{argv[0]} was not found", tools=[argv[0]]) from error
    except NotADirectoryError as error:
        raise NotAFolderError(f"{cwd} is not a folder") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ToolCrashedError(
            f"{argv[0]} could not be started: {reason}",
            hint="Check that the tool is executable and made for this machine.",
        ) from error


def _tie_to_parent() -> Callable[[], None] | None:
    """What a child does before it becomes the tool, so that the kernel kills it when we end (``prctl(2)``).

    It holds for the thread that starts the child, which is the one that waits for it.
    """
    if sys.platform != "linux":
        return None
    import ctypes  # noqa: PLC0415 - few calls need it

    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def tie() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # we were killed before the call above
            os._exit(1)

    return tie


@contextlib.contextmanager
def _quiet_about_threads() -> Iterator[None]:
    """Without Python 3.12's warning on forks beside threads: the child takes no lock."""
    import warnings  # noqa: PLC0415 - few calls need it

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


class _Pump:
    """Moves a pipe's bytes into a sink, in a thread of its own."""

    def __init__(
        self,
        pipe: IO[bytes],
        sink: Callable[[bytes], None],
        *,
        at_end: Callable[[], None] | None = None,
    ) -> None:
        self._pipe = pipe
        self._sink = sink
        self._at_end = at_end
        self._in_sink = False
        self._thread = threading.Thread(target=self._run, name="wasmrun-pump", daemon=True)
        self._thread.start()

    def drain(self) -> bool:
        """Wait for the end of the pipe; False when somebody holds it open and writes nothing.

        A sink that is slow (a terminal that was stopped with Ctrl-S) is waited for: nothing is dropped.
        """
        while self._thread.is_alive():
            self._thread.join(_PIPE_DRAIN_S)
            if self._thread.is_alive() and not self._in_sink:
                return False
        return True

    def _run(self) -> None:
        # A read from a pipe that is closed under us ends the pump; there is nobody left to tell.
        with contextlib.suppress(OSError, ValueError):
            while chunk := os.read(self._pipe.fileno(), _CHUNK_BYTES):
                self._in_sink = True
                self._sink(chunk)
                self._in_sink = False
        if self._at_end is not None:
            self._at_end()


def _wait(child: subprocess.Popen[bytes], deadline: float | None, *, own_session: bool) -> bool:
    """Wait for the end of ``child``; False when the deadline came first.

    Raises:
        InterruptError: The work of this thread was called off, and the child ended with it.
    """
    cancellation = find_cancellation()
    if cancellation is None:
        return _wait_quietly(child, deadline)
    with cancellation.watch(lambda: _kill_tree(child, own_session=own_session)):
        return _wait_quietly(child, deadline)


def _wait_quietly(child: subprocess.Popen[bytes], deadline: float | None) -> bool:
    if deadline is None and not _ON_WINDOWS:
        child.wait()
        return True
    if deadline is not None and hasattr(os, "pidfd_open"):
        return _wait_on_descriptor(child, deadline)
    while True:
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            return child.poll() is not None
        # Windows cannot interrupt an endless wait, so that it is cut into pieces there.
        step = left if not _ON_WINDOWS else min(_POLL_S, left if left is not None else _POLL_S)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=step)
            return True


def _wait_on_descriptor(child: subprocess.Popen[bytes], deadline: float) -> bool:
    """Sleep until the process ends: ``Popen.wait`` with a timeout polls, up to 50 ms late."""
    if child.poll() is not None:
        return True
    descriptor = os.pidfd_open(child.pid)
    try:
        select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
    finally:
        os.close(descriptor)
    return child.poll() is not None


def _end_tree(child: subprocess.Popen[bytes], *pumps: _Pump, own_session: bool = True) -> None:
    """End whatever is left of a child's tree, drain its pipes and close them."""
    leftovers = child.poll() is None
    if not leftovers:
        # A pipe that stays open and silent means that a descendant still holds it.
        leftovers = not all(pump.drain() for pump in pumps)
    if leftovers:
        _kill_tree(child, own_session=own_session)
        for pump in pumps:
            pump.drain()
    elif own_session:
        # A helper that closed its pipes and stayed behind is ended with the tool it belongs to.
        _signal_group(child, signal.SIGTERM, own_session=True)
    for pipe in (child.stdout, child.stderr):
        if pipe is not None:
            pipe.close()


def _kill_tree(
    child: subprocess.Popen[bytes], *, own_session: bool, grace_s: float = _TERMINATE_GRACE_S
) -> None:
    """Terminate, wait a moment, then kill: first politely, never for ever."""
    descendants = _descendants(child.pid)
    _signal_group(child, signal.SIGTERM, own_session=own_session)
    for process in descendants:
        with contextlib.suppress(_psutil().Error):
            process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(timeout=grace_s)
    alive = _wait_for_descendants(descendants, grace_s)
    _signal_group(child, getattr(signal, "SIGKILL", signal.SIGTERM), own_session=own_session)
    for process in alive:
        with contextlib.suppress(_psutil().Error):
            process.kill()
    if child.poll() is None:
        child.kill()
        child.wait()


def _wait_for_descendants(processes: list[psutil.Process], grace_s: float) -> list[psutil.Process]:
    """Those that still run after a moment.

    A zombie has ended: where nobody adopts orphans (a container without an init), it stays one for ever.
    """
    deadline = time.monotonic() + grace_s
    while processes := [process for process in processes if _runs(process)]:
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            break
        time.sleep(min(_LOOK_AGAIN_S, left_s))
    return processes


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != _psutil().STATUS_ZOMBIE)
    except _psutil().Error:
        return False


def _signal_group(child: subprocess.Popen[bytes], number: int, *, own_session: bool) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if own_session and not _ON_WINDOWS:
            # The child leads its own group, so that its pid is the group's id even after it ended.
            os.killpg(child.pid, number)
        elif child.poll() is None:
            child.send_signal(number)


def _end_marked(mark: str, *, started_after: int) -> None:
    """End descendants that left the tree (a new session, a parent that died first), by their environment.

    Linux only: elsewhere no cheap way leads to them.
    """
    for _ in range(_SWEEPS):
        if not _kill_marked(f"{_MARK_VARIABLE}={mark}".encode(), started_after):
            return
        time.sleep(_SWEEP_AGAIN_S)


def _kill_marked(wanted: bytes, started_after: int) -> bool:
    """Kill what has ``wanted`` in its environment; whether it is worth looking again."""
    again = False
    for entry in Path("/proc").glob("[0-9]*/environ") if sys.platform == "linux" else ():
        try:
            environ = entry.read_bytes()
            if wanted in environ:
                os.kill(int(entry.parent.name), signal.SIGKILL)
                again = True
            elif not environ and int(entry.parent.name) > started_after:
                # In the middle of being started there is a program and no environment yet; zombies and
                # kernel threads have neither.
                (entry.parent / "exe").readlink()
                again = True
        except OSError:
            # Another user's, or gone in between.
            continue
    return again


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return list(_psutil().Process(pid).children(recursive=True))
    except _psutil().Error:
        return []


def _psutil() -> ModuleType:
    import psutil  # noqa: PLC0415 - 20 ms, and only a tree that must be ended needs it

    return psutil
