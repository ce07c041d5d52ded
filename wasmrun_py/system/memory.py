"""Reserve address space and make parts of it usable: ``mmap`` on POSIX, ``VirtualAlloc`` on Windows.

For whoever must own every byte that foreign code gets: the reservation costs no memory, ``commit`` does.
"""

from __future__ import annotations

import ctypes
import mmap
import sys

if sys.platform == "win32":
    _MEM_COMMIT, _MEM_RESERVE, _PAGE_NOACCESS, _PAGE_READWRITE = 0x1000, 0x2000, 0x01, 0x04
    _kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    _kernel32.VirtualAlloc.restype = ctypes.c_void_p
    _kernel32.VirtualAlloc.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_ulong, ctypes.c_ulong]

    def reserve(size_bytes: int) -> int:
        """Reserve ``size_bytes`` of address space that faults when touched; the base address.

        Raises:
            OSError: The system has no such stretch.
        """
        base: int | None = _kernel32.VirtualAlloc(None, size_bytes, _MEM_RESERVE, _PAGE_NOACCESS)
        if base is None:
            raise ctypes.WinError(ctypes.get_last_error())
        return base

    def commit(base: int, size_bytes: int) -> None:
        """Make the first ``size_bytes`` of a reservation readable and writable; new bytes are zero.

        Raises:
            OSError: The system has not that much memory.
        """
        if size_bytes and _kernel32.VirtualAlloc(base, size_bytes, _MEM_COMMIT, _PAGE_READWRITE) is None:
            raise ctypes.WinError(ctypes.get_last_error())

else:
    # Python's mmap module names the first only since 3.12, and neither on every system.
    _MAP_NORESERVE = 0x4000 if sys.platform == "linux" else 0x0040 if sys.platform == "darwin" else 0
    _MAP_FAILED = ctypes.c_void_p(-1).value
    _libc = ctypes.CDLL(None, use_errno=True)
    _libc.mmap.restype = ctypes.c_void_p
    _libc.mmap.argtypes = [
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_int64,
    ]
    _libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]

    def reserve(size_bytes: int) -> int:
        """Reserve ``size_bytes`` of address space that faults when touched; the base address.

        Raises:
            OSError: The system has no such stretch (or a limit on address space forbids it).
        """
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_NORESERVE
        base: int | None = _libc.mmap(None, size_bytes, 0, flags, -1, 0)
        if base is None or base == _MAP_FAILED:
            raise OSError(ctypes.get_errno(), "cannot reserve address space")
        return base

    def commit(base: int, size_bytes: int) -> None:
        """Make the first ``size_bytes`` of a reservation readable and writable; new bytes are zero.

        Raises:
            OSError: The system has not that much memory.
        """
        if size_bytes and _libc.mprotect(base, size_bytes, mmap.PROT_READ | mmap.PROT_WRITE) != 0:
            raise OSError(ctypes.get_errno(), "cannot commit memory")


def round_to_page(size_bytes: int) -> int:
    """Round up to whole pages of this machine."""
    page_bytes = mmap.PAGESIZE
    return -(-size_bytes // page_bytes) * page_bytes
