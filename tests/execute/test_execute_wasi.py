"""What a guest can reach: its arguments, its streams, the folders it was granted, and nothing else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from wasmrun_py.execute.request import DirGrant, RunOutcome, RunRequest
from wasmrun_py.execute.run import run_module
from wasmrun_py.model.errors import ExecError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Execute = Callable[[RunRequest], tuple[RunOutcome, str]]
    CompileC = Callable[..., Path]

_SHOW = r"""
#include <stdio.h>
extern char **environ;
int main(int argc, char **argv) {
  for (int i = 0; i < argc; i++) printf("arg %s\n", argv[i]);
  for (char **e = environ; e && *e; e++) printf("env %s\n", *e);
  return 0;
}
"""

# Prints the name of each change that the host let happen.
_CHANGE = r"""
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#define TRY(name, call) do { if ((call) >= 0) puts(name); } while (0)
int main(void) {
  chdir("/data");
  int fd = open("/data/file", O_RDONLY);
  if (fd < 0) return 1;
  char byte;
  if (read(fd, &byte, 1) != 1) return 2;
  struct timespec times[2] = {{1, 0}, {1, 0}};
  TRY("write-through-read", write(fd, "x", 1));
  TRY("ftruncate", ftruncate(fd, 0));
  TRY("futimens", futimens(fd, times));
  TRY("open-write", open("/data/file", O_WRONLY));
  TRY("open-append", open("/data/file", O_WRONLY | O_APPEND));
  TRY("open-truncate", open("/data/file", O_RDONLY | O_TRUNC));
  TRY("create", open("/data/new", O_CREAT | O_WRONLY, 0600));
  TRY("create-exclusive", open("/data/new2", O_CREAT | O_EXCL | O_RDWR, 0600));
  TRY("utimensat", utimensat(AT_FDCWD, "/data/file", times, 0));
  TRY("link", link("/data/file", "/data/linked"));
  TRY("symlink", symlink("file", "/data/symlinked"));
  TRY("mkdir", mkdir("/data/made", 0700));
  TRY("rename", rename("/data/file", "/data/renamed"));
  TRY("unlink", unlink("/data/other"));
  TRY("rmdir", rmdir("/data/empty"));
  TRY("nested-write", open("/data/full/inner", O_WRONLY));
  TRY("nested-unlink", unlink("/data/full/inner"));
  return 0;
}
"""

_READ = r"""
#include <stdio.h>
int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    FILE *f = fopen(argv[i], "r");
    char line[64] = "";
    if (f && fgets(line, sizeof line, f)) printf("%s=%s\n", argv[i], line);
  }
  return 0;
}
"""


def _make_data(folder: Path) -> Path:
    data = folder / "data"
    for name in ("empty", "full"):
        (data / name).mkdir(parents=True)
    for name in ("file", "other", "full/inner"):
        (data / name).write_text("content")
    return data


def _snapshot(folder: Path) -> dict[str, tuple[str, int]]:
    return {
        str(path.relative_to(folder)): (path.read_text() if path.is_file() else "", path.stat().st_mtime_ns)
        for path in folder.rglob("*")
    }


def test_nothing_but_the_arguments_is_passed_on(
    compile_c: CompileC, execute: Execute, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guest's own name is its file's; none of the host's environment leaks."""
    monkeypatch.setenv("WASMRUN_SECRET", "leaked")
    _, stdout = execute(RunRequest(module=compile_c(_SHOW), args=("a b", "--flag", "ä€")))
    assert stdout.splitlines() == ["arg guest.wasm", "arg a b", "arg --flag", "arg ä€"]


def test_the_environment_is_what_was_asked_for(compile_c: CompileC, execute: Execute) -> None:
    """Exactly the given variables, in their order."""
    _, stdout = execute(RunRequest(module=compile_c(_SHOW), env=(("B", "2"), ("A", "x=y"))))
    assert stdout.splitlines() == ["arg guest.wasm", "env B=2", "env A=x=y"]


def test_text_that_is_not_utf_8_is_refused(compile_c: CompileC, execute: Execute) -> None:
    """A guest cannot be given other bytes, and the message says which text it was."""
    module = compile_c(_SHOW)
    with pytest.raises(ExecError, match="not UTF-8"):
        execute(RunRequest(module=module, args=("\udcff",)))
    with pytest.raises(ExecError, match="NUL"):
        execute(RunRequest(module=module, args=("a\0b",)))


def test_a_read_only_folder_cannot_be_changed(compile_c: CompileC, execute: Execute, tmp_path: Path) -> None:
    """No way of writing, creating, removing, renaming, linking or touching gets through ``:ro``."""
    data = _make_data(tmp_path)
    before = _snapshot(data)
    grant = DirGrant(host=data, guest="/data", read_only=True)
    outcome, stdout = execute(RunRequest(module=compile_c(_CHANGE), dirs=(grant,)))
    assert outcome.exit_code == 0
    assert stdout.split() == []
    assert _snapshot(data) == before


def test_a_writable_folder_can_be_changed(compile_c: CompileC, execute: Execute, tmp_path: Path) -> None:
    """The same attempts succeed without ``:ro``, so that the test above proves something."""
    data = _make_data(tmp_path)
    grant = DirGrant(host=data, guest="/data", read_only=False)
    _, stdout = execute(RunRequest(module=compile_c(_CHANGE), dirs=(grant,)))
    wanted = "futimens open-write open-append open-truncate create create-exclusive utimensat link symlink"
    wanted += " mkdir rename unlink rmdir nested-write nested-unlink"
    assert set(wanted.split()) <= set(stdout.split())
    assert (data / "renamed").exists()
    assert not (data / "other").exists()


def test_nothing_outside_a_granted_folder_can_be_read(
    compile_c: CompileC, execute: Execute, tmp_path: Path
) -> None:
    """Neither ``..`` nor a link out of the folder nor an absolute path leads out; links inside work."""
    data = _make_data(tmp_path)
    (tmp_path / "secret").write_text("secret")
    (data / "out").symlink_to(tmp_path / "secret")
    (data / "out-relative").symlink_to("../secret")
    (data / "out-folder").symlink_to(tmp_path)
    (data / "in").symlink_to("file")
    paths = ["/data/file", "/data/in", "/data/../secret", "/data/full/../../secret", "/data/out"]
    paths += ["/data/out-relative", "/data/out-folder/secret", str(tmp_path / "secret"), "/etc/passwd"]
    grant = DirGrant(host=data, guest="/data", read_only=False)
    _, stdout = execute(RunRequest(module=compile_c(_READ), args=tuple(paths), dirs=(grant,)))
    assert stdout.splitlines() == ["/data/file=content", "/data/in=content"]


def test_without_a_grant_there_is_no_file_system(
    compile_c: CompileC, execute: Execute, tmp_path: Path
) -> None:
    """Even the folder of the module is out of reach."""
    (tmp_path / "secret").write_text("secret")
    _, stdout = execute(
        RunRequest(module=compile_c(_READ), args=("secret", "./secret", str(tmp_path / "secret")))
    )
    assert stdout == ""


def test_several_folders_keep_their_own_permissions(
    compile_c: CompileC, execute: Execute, tmp_path: Path
) -> None:
    """A read-only grant beside a writable one stays read-only."""
    data, spare = _make_data(tmp_path), _make_data(tmp_path / "spare")
    before = _snapshot(data)
    dirs = (
        DirGrant(host=spare, guest="/spare", read_only=False),
        DirGrant(host=data, guest="/data", read_only=True),
    )
    _, stdout = execute(RunRequest(module=compile_c(_CHANGE), dirs=dirs))
    assert stdout == ""
    assert _snapshot(data) == before


def test_stdin_reaches_the_guest(compile_c: CompileC, execute: Execute) -> None:
    """The guest reads what we were given, to its end."""
    module = compile_c(
        "#include <stdio.h>\nint main(void) { int c; while ((c = getchar()) != EOF) putchar(c); return 4; }"
    )
    reader, writer = os.pipe()
    saved = os.dup(0)
    try:
        os.write(writer, b"one\ntwo")
        os.close(writer)
        os.dup2(reader, 0)
        outcome, stdout = execute(RunRequest(module=module))
    finally:
        os.dup2(saved, 0)
        os.close(saved)
        os.close(reader)
    assert (outcome.exit_code, stdout) == (4, "one\ntwo")


def test_output_without_a_last_newline_is_complete(compile_c: CompileC, execute: Execute) -> None:
    """Nothing stays in a buffer when the guest ends, by returning or by ``_Exit`` after a flush."""
    source = '#include <stdio.h>\nint main(void) { printf("no newline"); return 0; }'
    assert execute(RunRequest(module=compile_c(source)))[1] == "no newline"


def test_a_flood_of_output_streams_through(compile_c: CompileC) -> None:
    """100 MB arrive whole, and are not kept in our memory."""
    module = compile_c(
        """#include <stdio.h>
        #include <string.h>
        int main(void) {
          static char block[65536];
          memset(block, 'x', sizeof block);
          for (int i = 0; i < 1600; i++) if (fwrite(block, 1, sizeof block, stdout) != sizeof block) return 1;
          return 0;
        }"""
    )
    resource = pytest.importorskip("resource", reason="Windows counts memory in another way")
    sizes_bytes: list[int] = []
    peak_before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = run_module(
        RunRequest(module=module), stdout=lambda chunk: sizes_bytes.append(len(chunk)), environ=os.environ
    )
    assert outcome.exit_code == 0
    assert sum(sizes_bytes) == 1600 * 65536
    assert max(sizes_bytes) <= 1 << 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak_before_kb < 30_000


def test_stdout_and_stderr_stay_apart(compile_c: CompileC) -> None:
    """Each stream goes to its own sink."""
    module = compile_c('#include <stdio.h>\nint main(void) { puts("out"); fputs("err", stderr); return 0; }')
    out, err = bytearray(), bytearray()
    run_module(RunRequest(module=module), stdout=out.extend, stderr=err.extend, environ=os.environ)
    assert (bytes(out), bytes(err)) == (b"out\n", b"err")
