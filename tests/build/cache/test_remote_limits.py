"""How long a remote cache is waited for, and when it is asked again."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Never

import pytest

from wasmrun_py.build.cache.remote.fault import RemoteFault
from wasmrun_py.build.cache.remote.gate import RETRY_AFTER_S, Gate
from wasmrun_py.build.cache.remote.time_limit import Budget, Deadline

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now_s


def nothing() -> None:
    """Abandon nothing."""


def test_work_gives_what_it_gives() -> None:
    """Within the budget, a result is a result, and it was made in another thread."""
    threads: list[threading.Thread] = []

    def work(deadline: Deadline) -> str:
        threads.append(threading.current_thread())
        assert 0 < deadline.left_s <= 60
        return "made"

    assert Budget(60, nothing).run(work) == "made"
    assert threads[0].daemon
    assert threads[0] is not threading.current_thread()


@pytest.mark.parametrize("error", [RemoteFault("is ill"), ValueError("a defect"), OSError("a disk")])
def test_what_work_raises_is_raised_here(error: Exception) -> None:
    """Faults, defects and the system's errors come through as they are."""

    def work(_deadline: Deadline) -> Never:
        raise error

    with pytest.raises(type(error)) as caught:
        Budget(60, nothing).run(work)
    assert caught.value is error


def test_work_that_hangs_is_left_behind() -> None:
    """When time is up the caller goes on, and whoever can end the work is told to."""
    ended = threading.Event()
    with pytest.raises(RemoteFault, match="too slow"):
        Budget(0.1, ended.set).run(lambda _deadline: ended.wait(30))
    assert ended.is_set()


def test_what_is_spent_is_not_given_back() -> None:
    """All questions of a build share its time."""
    clock = Clock()

    def taking(seconds: float) -> Callable[[Deadline], float]:
        def work(deadline: Deadline) -> float:
            left_s = deadline.left_s
            clock.now_s += seconds
            return left_s

        return work

    budget = Budget(10, nothing, clock)
    assert budget.run(taking(4)) == 10
    assert budget.run(taking(5)) == 6
    assert budget.run(taking(0.5)) == 1
    clock.now_s += 100  # the compiler's
    assert budget.run(taking(1)) == 0.5
    with pytest.raises(RemoteFault, match="too slow"):
        budget.run(taking(1))


def test_a_gate_closes_at_the_first_fault_and_opens_after_a_while() -> None:
    """A session that lives on asks again, and says the same only once."""
    clock = Clock()
    gate = Gate("cache.example.com", clock)
    assert gate.is_open()
    sentence = gate.close(RemoteFault("answered 500", hint="Look."))
    assert sentence == "The remote cache cache.example.com answered 500. The build goes on without it. Look."
    assert not gate.is_open()
    assert not gate.is_open(writing=True)
    clock.now_s += RETRY_AFTER_S
    assert gate.is_open()
    assert gate.close(RemoteFault("answered 500")) is None
    clock.now_s += RETRY_AFTER_S
    assert gate.close(RemoteFault("hangs")) is not None


def test_a_refused_upload_closes_the_gate_for_sending_only() -> None:
    """Reading goes on."""
    gate = Gate("cache.example.com", Clock())
    sentence = gate.close(RemoteFault("answered 403", writing=True))
    assert sentence == "The remote cache cache.example.com answered 403. Builds are not sent there."
    assert gate.is_open()
    assert not gate.is_open(writing=True)
