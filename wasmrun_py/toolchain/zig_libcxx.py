"""Make zig 0.13.0's C++ library buildable for WASI.

That version compiles libc++'s thread sources even where libc++ is configured without threads, and they
refuse (0.12 and 0.14 leave them out, as libc++'s own build does). A guard around each gives the same
result; where threads are configured nothing changes. A zig that the user installed is left as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmrun_py.system.fs import atomic_write, translate_write_errors

if TYPE_CHECKING:
    from pathlib import Path

_SOURCES = "ziglang/lib/libcxx/src"
_THREAD_SOURCES = (
    "atomic.cpp",
    "barrier.cpp",
    "condition_variable.cpp",
    "condition_variable_destructor.cpp",
    "future.cpp",
    "mutex.cpp",
    "mutex_destructor.cpp",
    "shared_mutex.cpp",
    "thread.cpp",
)
_BEFORE = b"#include <__config>\n#ifndef _LIBCPP_HAS_NO_THREADS\n"
_AFTER = b"\n#endif\n"


def guard_thread_sources(folder: Path) -> None:
    """Put the guard around the thread sources of a freshly installed zig 0.13.0.

    Each is written anew, not changed in place: the package client may have linked it to its cache.

    Raises:
        OutputError: A file cannot be read or written.
    """
    for name in _THREAD_SOURCES:
        path = folder / _SOURCES / name
        with translate_write_errors(f"prepare {path}"):
            original = path.read_bytes()
        atomic_write(path, _BEFORE + original + _AFTER)
