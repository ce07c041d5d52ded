"""Who wrote a file: what is built again, what waits, and what counts as generated."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wasmrun_py.server.session.change_judge import ChangeJudge, Verdict

_MOST_BUILDS_BY_ITSELF = 6


def test_a_file_that_every_build_writes_causes_one_more_build() -> None:
    """The first change during a build is believed; the second in a row shows that it is the build's own."""
    judge = ChangeJudge()
    judge.begin_build()
    assert judge.judge("stamp.h", build=1) is Verdict.NOW
    judge.begin_build()
    assert judge.judge("stamp.h", build=2) is Verdict.IGNORE
    assert judge.generated == {"stamp.h"}


def test_a_generated_file_that_changes_outside_is_a_persons() -> None:
    """From then on it is built again, also when it changes during a build."""
    judge = ChangeJudge()
    for number in (1, 2):
        judge.begin_build()
        judge.judge("stamp.h", build=number)
    assert judge.judge("stamp.h", build=None) is Verdict.NOW
    assert judge.generated == frozenset()
    judge.begin_build()
    assert judge.judge("stamp.h", build=3) is Verdict.NOW


def test_a_person_who_saves_during_every_build_loses_nothing() -> None:
    """A file that was once saved outside of a build is never dropped at once: it is built later instead."""
    judge = ChangeJudge()
    assert judge.judge("main.c", build=None) is Verdict.NOW
    verdicts = []
    for number in (1, 2, 3):
        judge.begin_build()
        verdicts.append(judge.judge("main.c", build=number))
    assert verdicts == [Verdict.NOW, Verdict.LATER, Verdict.LATER]
    # The next save falls into the pause before the build that comes later.
    assert judge.judge("main.c", build=None) is Verdict.NOW
    judge.begin_build()
    assert judge.judge("main.c", build=4) is Verdict.NOW


def test_several_saves_in_one_build_are_one_sign() -> None:
    """A burst of saves during one build makes nobody suspicious."""
    judge = ChangeJudge()
    judge.begin_build()
    assert {judge.judge("main.c", build=1) for _ in range(10)} == {Verdict.NOW}


def test_builds_apart_are_not_in_a_row() -> None:
    """A file that changed in build 1 and in build 3 is not the builds' own."""
    judge = ChangeJudge()
    for number in (1, 2, 3):
        judge.begin_build()
        judge.judge("other.c", build=None)
        if number != 2:
            assert judge.judge("main.c", build=number) is Verdict.NOW


def test_new_names_in_every_build_end_too() -> None:
    """A tool that writes a file of another name each time cannot keep the server busy for ever."""
    judge = ChangeJudge()
    builds = 0
    verdict = Verdict.NOW
    while verdict is not Verdict.IGNORE:
        builds += 1
        assert builds <= _MOST_BUILDS_BY_ITSELF
        judge.begin_build()
        verdict = judge.judge(f"out-{builds}.c", build=builds)


@given(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4), st.booleans())
def test_no_set_of_generated_files_builds_for_ever(files: list[str], touched: bool) -> None:  # noqa: FBT001 - hypothesis
    """Whatever a build writes, and whoever touched it before, the builds it causes by itself are few."""
    judge = ChangeJudge()
    if touched:
        judge.judge(files[0], build=None)
    for number in range(1, 20):
        judge.begin_build()
        if all(judge.judge(file, build=number) is Verdict.IGNORE for file in files):
            return
        assert number <= _MOST_BUILDS_BY_ITSELF
