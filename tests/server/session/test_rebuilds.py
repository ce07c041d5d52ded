"""What a save leads to: how many builds, which reloads, and what is served."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.server.session.conftest import write_quick_plugin
from wasmrun_py.config.settings import Overrides
from wasmrun_py.server.dev_state import Status

if TYPE_CHECKING:
    from tests.server.session.conftest import Bench

pytestmark = pytest.mark.timeout(120)


def write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def find_builder() -> psutil.Process:
    """The process that builds."""
    children = psutil.Process().children()
    return next(each for each in children if any("build_child" in word for word in each.cmdline()))


def move(path: Path, to: Path) -> None:
    path.rename(to)


def test_a_save_reloads_once(bench: Bench, quick_project: Path) -> None:
    """A changed file is built, what is served is swapped, and pages are told once which files differ."""

    async def scenario() -> None:
        async with bench.serving(quick_project) as running:
            assert running.served().endswith(b"1.0:one")
            assert running.session.state.generation == 1
            write(quick_project / "main.quick", "two")
            await running.until(lambda: running.reloads == 1)
            assert running.served().endswith(b"1.0:two")
            await running.quiet()
            assert [record.trigger for record in running.ended] == [(), ("main.quick",)]
            reload = next(event for event in running.events if event.name == "reload")
            assert reload.data == {"generation": 2, "changed": ["/main.wasm"]}

    asyncio.run(scenario())


def test_what_changes_no_byte_builds_nothing(bench: Bench, quick_project: Path) -> None:
    """A touch, a save of the same text, an atomic one, an editor's own files, and outputs are no changes."""

    async def scenario() -> None:
        main = quick_project / "main.quick"
        async with bench.serving(quick_project) as running:
            main.touch()
            write(main, "one")
            write(quick_project / "other.tmp", "one")
            (quick_project / "other.tmp").replace(main)
            for name in ("main.quick~", ".main.quick.swp", ".#main.quick", "4913.tmp"):
                write(quick_project / name, name)
                (quick_project / name).unlink()
            (quick_project / "dist").mkdir()
            write(quick_project / "dist" / "main.wasm", "x")
            (quick_project / ".git").mkdir()
            write(quick_project / ".git" / "index", "x")
            await running.quiet()
            assert len(running.started) == 1
            write(main, "two")
            await running.until(lambda: running.reloads == 1)

    asyncio.run(scenario())


def test_vim_saves_by_renaming(bench: Bench, quick_project: Path) -> None:
    """The old file becomes a backup and a new one takes its name: one build, of the new text."""

    async def scenario() -> None:
        main = quick_project / "main.quick"
        async with bench.serving(quick_project) as running:
            main.rename(quick_project / "main.quick~")
            await asyncio.sleep(0.015)
            write(main, "two")
            (quick_project / "main.quick~").unlink()
            await running.until(lambda: running.reloads == 1)
            await running.quiet()
            assert [record.status for record in running.ended] == [Status.OK] * 2
            assert running.served().endswith(b"two")

    asyncio.run(scenario())


def test_a_hundred_saves_in_a_second_are_two_builds(bench: Bench, quick_project: Path) -> None:
    """The first is built at once, the rest together, and the last one wins."""

    async def scenario() -> None:
        async with bench.serving(quick_project) as running:
            for number in range(100):
                write(quick_project / "main.quick", f"save {number}")
                await asyncio.sleep(0.008)
            await running.until(lambda: running.served().endswith(b"save 99"))
            await running.quiet()
            assert len(running.started) - 1 <= 2

    asyncio.run(scenario())


def test_an_obsolete_build_is_cancelled(bench: Bench, quick_project: Path) -> None:
    """A change during a build ends it; the next one has the new text, in the same process."""

    async def scenario() -> None:
        async with bench.serving(quick_project) as running:
            write(quick_project / "main.quick", "wait")
            await running.until(lambda: len(running.started) == 2)
            await asyncio.sleep(0.2)
            began = time.monotonic()
            write(quick_project / "main.quick", "three")
            await running.until(lambda: running.reloads == 1)
            assert time.monotonic() - began < 5
            assert [record.status for record in running.ended] == [Status.OK, Status.CANCELLED, Status.OK]
            assert running.served().endswith(b"three")

    asyncio.run(scenario())


def test_a_save_during_the_first_build_is_the_first_build(bench: Bench, quick_project: Path) -> None:
    """Nobody is told that the server is ready before something is there, or has failed."""
    main = quick_project / "main.quick"
    write(main, "wait")

    async def scenario() -> None:
        saving = asyncio.get_running_loop().call_later(2.0, write, main, "soon")
        async with bench.serving(quick_project) as running:
            saving.cancel()
            assert running.served().endswith(b"soon")
            assert [record.status for record in running.ended] == [Status.CANCELLED, Status.OK]
            assert running.session.state.generation == 1

    asyncio.run(scenario())


def test_a_plugin_that_cannot_be_cancelled_is_ended(bench: Bench, quick_project: Path) -> None:
    """One that hears nothing is given a moment; the next build does not wait for it."""

    async def scenario() -> None:
        async with bench.serving(quick_project) as running:
            write(quick_project / "main.quick", "stuck")
            await running.until(lambda: len(running.started) == 2)
            await asyncio.sleep(0.3)
            began = time.monotonic()
            write(quick_project / "main.quick", "free")
            await running.until(lambda: running.served().endswith(b"free"))
            assert time.monotonic() - began < 10
            assert Status.CANCELLED in [record.status for record in running.ended]

    asyncio.run(scenario())


def test_a_project_behind_a_link_is_watched(bench: Bench, quick_project: Path) -> None:
    """The user's name for the folder is the one that counts."""
    link = quick_project.with_name("link")
    link.symlink_to(quick_project)

    async def scenario() -> None:
        async with bench.serving(link) as running:
            write(quick_project / "main.quick", "two")
            await running.until(lambda: running.reloads == 1)
            assert running.ended[-1].trigger == ("main.quick",)

    asyncio.run(scenario())


def test_a_name_that_is_no_text_does_not_end_the_watching(bench: Bench, quick_project: Path) -> None:
    """A file whose name is no UTF-8 is noticed like any other, and so is what is saved after it."""

    async def scenario() -> None:
        async with bench.serving(quick_project) as running:
            write(Path(os.fsdecode(os.fsencode(quick_project) + b"/\xff\xfe.quick")), "odd")
            await running.until(lambda: len(running.ended) == 2)
            write(quick_project / "main.quick", "two")
            await running.until(lambda: running.served().endswith(b"two"))

    asyncio.run(scenario())


def test_a_cancelled_build_leaves_no_process(bench: Bench, tmp_path: Path) -> None:
    """A toolchain in the middle of its work is ended with everything it started."""
    project = tmp_path / "made"
    project.mkdir()
    write(project / "main.c", "int main(void) { return 0; }\n")
    write(project / "Makefile", f"wasm:\n\techo $$$$ > {tmp_path}/pid; sleep 600\n")

    async def scenario() -> None:
        async with bench.serving(project, overrides=Overrides(toolchain="clang")) as running:
            assert running.ended  # pragma: no cover - the first build never ends by itself

    async def cancelled() -> None:
        serving = asyncio.create_task(scenario())
        pid_file = tmp_path / "pid"
        deadline = time.monotonic() + 30
        while not pid_file.is_file() or not pid_file.read_text():
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        shell = psutil.Process(int(pid_file.read_text()))
        family = [shell, *shell.children(recursive=True)]
        serving.cancel()
        began = time.monotonic()
        await asyncio.gather(serving, return_exceptions=True)
        assert time.monotonic() - began < 4
        # A zombie has ended; whoever adopted it has not looked yet.
        assert not [
            process for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        ]

    asyncio.run(cancelled())
    assert not list((bench.home.cache / "serve").glob("*"))


def test_a_failed_build_keeps_the_last_good_one(bench: Bench, quick_project: Path) -> None:
    """The error is told with its place; what was served stays; mended, it is over, without a reload."""

    async def scenario() -> None:
        async with bench.serving(quick_project) as running:
            write(quick_project / "main.quick", "fail")
            await running.until(lambda: running.session.state.status is Status.FAILED)
            record = running.session.state.builds[-1]
            assert record.error is not None
            assert record.error["code"] == "build-failed"
            assert [(each.file, each.line) for each in record.diagnostics] == [("main.quick", 1)]
            assert running.served().endswith(b"one")
            write(quick_project / "main.quick", "one")
            await running.until(lambda: running.session.state.status is Status.OK)
            await running.quiet()
            assert running.reloads == 0
            assert running.session.state.generation == 1

    asyncio.run(scenario())


def test_a_crash_of_the_plugin_is_a_failed_build(bench: Bench, quick_project: Path) -> None:
    """The server lives on, and so does the plugin with the next save."""

    async def scenario() -> None:
        async with bench.serving(quick_project) as running:
            write(quick_project / "main.quick", "crash")
            await running.until(lambda: running.session.state.status is Status.FAILED)
            error = running.session.state.builds[-1].error
            assert error is not None
            assert error["code"] == "plugin-crashed"
            write(quick_project / "main.quick", "alive")
            await running.until(lambda: running.served().endswith(b"alive"))

    asyncio.run(scenario())


def test_a_crash_of_the_build_process_is_a_failed_build(bench: Bench, quick_project: Path) -> None:
    """Killed from outside in the middle of a build, it is told, and the next save starts another."""

    async def scenario() -> None:
        async with bench.serving(quick_project) as running:
            write(quick_project / "main.quick", "wait")
            await running.until(lambda: len(running.started) == 2)
            await asyncio.sleep(0.2)
            find_builder().kill()
            await running.until(lambda: running.session.state.status is Status.FAILED)
            error = running.session.state.builds[-1].error
            assert error is not None
            assert "SIGKILL" in error["message"]
            write(quick_project / "main.quick", "alive")
            await running.until(lambda: running.served().endswith(b"alive"))

    asyncio.run(scenario())


def test_style_sheets_alone_are_swapped_in_place(bench: Bench, quick_project: Path) -> None:
    """A changed style sheet is told as ``css``; together with the module it is a reload."""

    async def scenario() -> None:
        write(quick_project / "style.css", "a {}")
        async with bench.serving(quick_project) as running:
            write(quick_project / "style.css", "b {}")
            await running.until(lambda: any(event.name == "css" for event in running.events))
            assert running.reloads == 0
            assert running.served("/style.css") == b"b {}"
            write(quick_project / "style.css", "c {}")
            write(quick_project / "main.quick", "two")
            await running.until(lambda: running.reloads == 1)

    asyncio.run(scenario())


@pytest.mark.parametrize("word", ["stamp", "names"])
def test_what_a_build_writes_into_the_project_causes_no_loop(
    bench: Bench, quick_project: Path, word: str
) -> None:
    """A file with the time in it causes one more build; a new name each time, a few; then it is quiet."""

    async def scenario() -> None:
        write(quick_project / "main.quick", word)
        async with bench.serving(quick_project) as running:
            await running.quiet(2.5)
            assert len(running.started) <= (2 if word == "stamp" else 6)
            before = len(running.started)
            write(quick_project / "main.quick", f"{word} again")
            await running.until(lambda: running.served().endswith(b"again"))
            await running.quiet(2.5)
            assert len(running.started) <= before + (1 if word == "stamp" else 6)

    asyncio.run(scenario())


def test_saves_during_builds_are_not_lost(bench: Bench, quick_project: Path) -> None:
    """A person who saves in the middle of every build sees the last text in the end."""

    async def scenario() -> None:
        async with bench.serving(quick_project) as running:
            for number in range(6):
                write(quick_project / "main.quick", f"wait {number}")
                await running.until(lambda: running.session.state.status is Status.BUILDING)
                await asyncio.sleep(0.15)
            write(quick_project / "main.quick", "the end")
            await running.until(lambda: running.served().endswith(b"the end"), timeout_s=60)

    asyncio.run(scenario())


def test_the_folder_goes_and_comes_back(bench: Bench, quick_project: Path) -> None:
    """A renamed project is told and served on; when it returns with other bytes, it is built."""

    async def scenario() -> None:
        away = quick_project.with_name("away")
        async with bench.serving(quick_project) as running:
            move(quick_project, away)
            await running.until(lambda: any("is gone" in each for each in running.notices))
            assert running.served().endswith(b"one")
            write(away / "main.quick", "two")
            move(away, quick_project)
            await running.until(lambda: running.served().endswith(b"two"))
            assert running.notices[-1].endswith("is back")
            write(quick_project / "main.quick", "three")
            await running.until(lambda: running.served().endswith(b"three"))

    asyncio.run(scenario())


def test_a_broken_configuration_is_a_failed_build(bench: Bench, quick_project: Path) -> None:
    """It is told with its place, and is over when it is mended."""

    async def scenario() -> None:
        async with bench.serving(quick_project) as running:
            write(quick_project / "wasmrun.toml", "[build]\ntarget = 3\n")
            await running.until(lambda: running.session.state.status is Status.FAILED)
            record = running.session.state.builds[-1]
            assert [(Path(each.file or "").name, each.line) for each in record.diagnostics] == [
                ("wasmrun.toml", 2)
            ]
            write(quick_project / "wasmrun.toml", '[build]\noptimization = "size"\n')
            await running.until(lambda: running.session.state.status is Status.OK)
            assert running.session.state.builds[-1].optimization == "size"

    asyncio.run(scenario())


def test_a_changed_plugin_builds_again(bench: Bench, quick_project: Path) -> None:
    """A new library in a folder of plugins is used from the next build on, which it causes."""

    async def scenario() -> None:
        async with bench.serving(quick_project) as running:
            write_quick_plugin(bench.plugins, "2.0-beta:")
            await running.until(lambda: running.served().endswith(b"2.0-beta:one"))
            assert running.reloads == 1

    asyncio.run(scenario())


def test_a_changed_user_configuration_builds_again(bench: Bench, quick_project: Path) -> None:
    """The user's ``config.toml`` names plugins and settings."""

    async def scenario() -> None:
        async with bench.serving(quick_project) as running:
            assert running.ended[-1].optimization == "debug"
            write(bench.home.config_file, '[build]\noptimization = "size"\n')
            await running.until(lambda: running.ended[-1].optimization == "size")

    asyncio.run(scenario())


def test_polling_notices_too(bench: Bench, quick_project: Path) -> None:
    """Where the system has no events, files are looked at."""

    async def scenario() -> None:
        async with bench.serving(quick_project, poll=True) as running:
            write(quick_project / "main.quick", "two and more")
            await running.until(lambda: running.reloads == 1)

    asyncio.run(scenario())


def test_without_watching_only_a_request_builds(bench: Bench, quick_project: Path) -> None:
    """``--no-watch``: a save does nothing, a request from the page builds."""

    async def scenario() -> None:
        async with bench.serving(quick_project, watch=False) as running:
            write(quick_project / "main.quick", "two")
            await running.quiet()
            assert len(running.started) == 1
            running.session.request_rebuild()
            await running.until(lambda: running.reloads == 1)
            assert not running.session.state.watching

    asyncio.run(scenario())


def test_what_git_begins_to_ignore_is_not_watched(bench: Bench, quick_project: Path) -> None:
    """A new ignore file holds from the moment it is there."""

    async def scenario() -> None:
        async with bench.serving(quick_project) as running:
            write(quick_project / ".gitignore", "*.log\n")
            await running.quiet()
            before = len(running.started)
            write(quick_project / "a.log", "x")
            await running.quiet()
            assert len(running.started) == before

    asyncio.run(scenario())


def _flat(builds: int, bench: Bench, quick_project: Path) -> None:
    async def scenario() -> None:
        async with bench.serving(quick_project, watch=False) as running:
            process = psutil.Process()

            async def rebuild(number: int) -> None:
                write(quick_project / "main.quick", f"number {number}")
                running.session.request_rebuild()
                await running.until(lambda: running.served().endswith(f"number {number}".encode()))

            for number in range(20):
                await rebuild(number)
            before = (process.memory_info().rss, process.num_fds(), process.num_threads())
            builder = find_builder()
            builder_before = (builder.memory_info().rss, builder.num_fds(), builder.num_threads())
            for number in range(20, builds):
                await rebuild(number)
            await asyncio.sleep(0.3)
            after = (process.memory_info().rss, process.num_fds(), process.num_threads())
            assert after[0] - before[0] < 12 * 1024 * 1024
            assert after[1] - before[1] <= 2
            assert after[2] - before[2] <= 6  # the event loop's own pool fills up
            if builds < 200:
                assert find_builder() == builder
                assert builder.memory_info().rss - builder_before[0] < 12 * 1024 * 1024
                assert builder.num_fds() <= builder_before[1] + 1
                assert builder.num_threads() <= builder_before[2] + 1
            assert len(running.session.state.builds) == 50
            kept = [path for path in (bench.home.cache / "serve").glob("*/*") if path.is_dir()]
            assert len(kept) <= 3

    asyncio.run(scenario())


def test_a_hundred_builds_cost_nothing(bench: Bench, quick_project: Path) -> None:
    """Memory, descriptors, threads and folders stay as they were."""
    _flat(120, bench, quick_project)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_thousand_builds_cost_nothing(bench: Bench, quick_project: Path) -> None:
    """The same for a day's work, through several build processes."""
    _flat(1000, bench, quick_project)


def test_a_killed_server_is_tidied_by_the_next(bench: Bench, quick_project: Path) -> None:
    """A folder whose process is gone is removed when another session starts."""
    # No process has this id: the kernel's largest is smaller.
    from wasmrun_py.system.fs import _machine_tag  # noqa: PLC0415

    orphan = bench.home.cache / "serve" / f"serve-{_machine_tag()}-{2**22 + 1}-abc"
    orphan.mkdir(parents=True)

    async def scenario() -> None:
        async with bench.serving(quick_project):
            assert not orphan.exists()

    asyncio.run(scenario())
    assert not list((bench.home.cache / "serve").iterdir())
