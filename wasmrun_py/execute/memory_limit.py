"""Own every linear memory of the guest, so that asking for too much is seen, and ends it.

wasmtime's own limiter makes ``memory.grow`` answer -1, which a guest may shrug off and which leaves no mark.
Here the memories come from us through wasmtime's memory creator (``wasmtime_config_host_memory_creator_set``
of its C API, ``wasmtime/config.h``): all of them are counted, exported or not, and a refused growth is noted
and interrupts the guest at its next function or loop. Runs in the child only.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

from wasmtime import _ffi as ffi

from wasmrun_py.system.memory import commit, reserve, round_to_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasmtime import Config

# Of one memory, however large the limit: address spaces end somewhere too.
_MOST_ADDRESS_SPACE_BYTES = 2**40


class MemoryLimit:
    """The memory of one run.

    Nothing is given back: the process ends with the guest.

    Args:
        max_bytes: What all memories together may take.
        on_denied: Called, inside ``memory.grow``, when a guest asked for more.

    Attributes:
        denied_bytes: The total that was asked for and refused last, or 0.
    """

    def __init__(self, max_bytes: int, *, on_denied: Callable[[], None]) -> None:
        self.max_bytes = max_bytes
        self.denied_bytes = 0
        self.used_bytes = 0
        self._on_denied = on_denied
        self._memories: list[_LinearMemory] = []
        # Must outlive the engine: C keeps a bare pointer to it.
        self._callback = ffi.wasmtime_new_memory_callback_t(self._new_memory)

    def install(self, config: Config) -> None:
        """Make every engine of this configuration take its memories from here."""
        creator = ffi.wasmtime_memory_creator_t()
        creator.new_memory = self._callback  # type: ignore[assignment] # the stub calls every field a pointer
        ffi.wasmtime_config_host_memory_creator_set(config.ptr(), ctypes.byref(creator))
        # Copy-on-write images can only be mapped into memories of wasmtime's own.
        config.memory_init_cow = False

    def has_room(self, more_bytes: int) -> bool:
        """Whether ``more_bytes`` are within the limit."""
        return self.used_bytes + more_bytes <= self.max_bytes

    def take(self, more_bytes: int) -> bool:
        """Count ``more_bytes`` in, or note that they were refused."""
        if not self.has_room(more_bytes):
            self.denied_bytes = self.used_bytes + more_bytes
            self._on_denied()
            return False
        self.used_bytes += more_bytes
        return True

    def _new_memory(
        self,
        _env: Any,
        _type: Any,
        minimum_bytes: int,
        maximum_bytes: int,
        reserved_bytes: int,
        guard_bytes: int,
        memory: Any,
    ) -> int:
        if not self.take(minimum_bytes):
            return _c_error("over the memory limit")
        # As much as it could ever be given, so that a memory never has to move.
        growth_bytes = min(maximum_bytes, self.max_bytes, _MOST_ADDRESS_SPACE_BYTES)
        capacity_bytes = max(reserved_bytes, minimum_bytes, growth_bytes)
        try:
            created = _LinearMemory(self, minimum_bytes, round_to_page(capacity_bytes), guard_bytes)
        except OSError as error:
            return _c_error(str(error))
        self._memories.append(created)
        created.describe(memory[0])
        return 0


class _LinearMemory:
    """One memory: a reservation of which the first ``size_bytes`` are usable."""

    def __init__(self, limit: MemoryLimit, size_bytes: int, capacity_bytes: int, guard_bytes: int) -> None:
        self._limit = limit
        self._base = reserve(capacity_bytes + round_to_page(guard_bytes))
        self._size_bytes = size_bytes
        self._capacity_bytes = capacity_bytes
        commit(self._base, round_to_page(size_bytes))
        self._get_callback = ffi.wasmtime_memory_get_callback_t(self._get)
        self._grow_callback = ffi.wasmtime_memory_grow_callback_t(self._grow)

    def describe(self, memory: Any) -> None:
        """Fill in C's description of this memory; without a finalizer it lives as long as the process."""
        memory.get_memory = self._get_callback
        memory.grow_memory = self._grow_callback

    def _get(self, _env: Any, size_bytes: Any, capacity_bytes: Any) -> int:
        size_bytes[0] = self._size_bytes
        capacity_bytes[0] = self._capacity_bytes
        return self._base

    def _grow(self, _env: Any, size_bytes: int) -> int:
        if size_bytes > self._capacity_bytes and self._limit.has_room(size_bytes - self._size_bytes):
            return _c_error("no address space left")
        if not self._limit.take(size_bytes - self._size_bytes):
            return _c_error("over the memory limit")
        try:
            commit(self._base, round_to_page(size_bytes))
        except OSError as error:
            self._limit.used_bytes -= size_bytes - self._size_bytes
            return _c_error(str(error))
        self._size_bytes = size_bytes
        return 0


def _c_error(message: str) -> int:
    """A ``wasmtime_error_t`` that the caller in C owns."""
    return ctypes.cast(ffi.wasmtime_error_new(message.encode()), ctypes.c_void_p).value or 0
