"""What a build read outside the project is watched: by clang, and for a plugin that says nothing."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import require_tool
from wasmrun_py.config.settings import Overrides
from wasmrun_py.model.build_inputs import BuildInputs
from wasmrun_py.server.dev_state import Status
from wasmrun_py.server.session.outside_inputs import find_outside

if TYPE_CHECKING:
    from tests.server.session.conftest import Bench, Running

pytestmark = pytest.mark.timeout(120)
CLANG = Overrides(toolchain="clang")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def touch(path: Path) -> None:
    path.touch()


def remove(path: Path) -> None:
    path.unlink()


def is_there(path: Path) -> bool:
    return path.exists()


def module_of(running: Running) -> bytes:
    """The module, whatever it is called."""
    program = running.session.state.program
    assert program is not None, running.session.state.builds
    return running.served(program.module or "")


def exporting(name: str) -> str:
    """A header that makes the module export a function of this name."""
    return f'__attribute__((export_name("{name}"))) int {name}(void) {{ return 1; }}\n'


@pytest.fixture
def header(tmp_path: Path) -> Path:
    """A header two folders above a project of C."""
    require_tool("clang")
    write(tmp_path / "tree" / "shared" / "x.h", exporting("first"))
    write(
        tmp_path / "tree" / "apps" / "one" / "main.c",
        '#include <stdio.h>\n#include "../../shared/x.h"\nint main(void) { puts("here"); return 0; }\n',
    )
    return tmp_path / "tree" / "shared" / "x.h"


def project_of(header: Path) -> Path:
    return header.parent.parent / "apps" / "one"


@pytest.mark.parametrize("poll", [False, True])
def test_a_header_two_folders_up_is_watched(bench: Bench, header: Path, *, poll: bool) -> None:
    """A save there is built, a touch is not, nor is a file beside it; after a hit as after a build."""

    async def scenario() -> None:
        for first in ("miss", "hit"):
            write(header, exporting("first"))
            write(header.with_name("other.h"), "")
            # What was written a moment ago is not kept in the cache.
            await asyncio.sleep(0.1)
            async with bench.serving(project_of(header), overrides=CLANG, poll=poll) as running:
                await running.quiet()
                assert [record.cache for record in running.ended] == [first]
                assert b"first" in running.served("/one.wasm")
                touch(header)
                write(header.with_name("other.h"), first)
                await running.quiet(1)
                assert len(running.started) == 1
                write(header, exporting(f"second_{first}"))
                await running.until(lambda: running.reloads == 1)
                assert f"second_{first}".encode() in running.served("/one.wasm")
                assert running.ended[-1].trigger == ("../../shared/x.h",)
                await running.quiet()
                assert len(running.ended) == 2

    asyncio.run(scenario())


def test_a_failed_build_keeps_watching_what_the_last_good_one_read(bench: Bench, header: Path) -> None:
    """An error in the header is mended in the header; so is one that was deleted."""

    async def scenario() -> None:
        async with bench.serving(project_of(header), overrides=CLANG) as running:
            await running.quiet()
            write(header, "int broken(\n")
            await running.until(lambda: running.session.state.status is Status.FAILED)
            write(header, exporting("mended"))
            await running.until(lambda: running.session.state.status is Status.OK)
            assert b"mended" in running.served("/one.wasm")
            remove(header)
            await running.until(lambda: running.session.state.status is Status.FAILED)
            write(header, exporting("again"))
            await running.until(lambda: running.session.state.status is Status.OK)
            assert b"again" in running.served("/one.wasm")

    asyncio.run(scenario())


def test_the_set_is_that_of_the_last_build(bench: Bench, header: Path) -> None:
    """A header that is included from now on is watched from now on; one that is not any more, is not."""

    async def scenario() -> None:
        main = project_of(header) / "main.c"
        other = header.parent.parent / "more" / "y.h"
        write(other, exporting("third"))
        async with bench.serving(project_of(header), overrides=CLANG) as running:
            await running.quiet()
            write(main, main.read_text(encoding="utf-8").replace("shared/x.h", "more/y.h"))
            await running.until(lambda: running.reloads == 1)
            await running.quiet()
            write(header, exporting("unheard"))
            await running.quiet()
            assert len(running.ended) == 2
            write(other, exporting("fourth"))
            await running.until(lambda: running.reloads == 2)
            assert b"fourth" in running.served("/one.wasm")

    asyncio.run(scenario())


def test_a_save_while_the_first_build_runs_is_not_lost(bench: Bench, header: Path) -> None:
    """Nobody knew yet that the header counts: it is built once more, with what it says now."""

    async def scenario() -> None:
        project = project_of(header)
        begun = header.with_name("begun")
        write(project / "main.c", f'#include "{header}"\nint main(void) {{ return 0; }}\n')
        # make reads the header, says so, and waits.
        steps = ("$(CC) -c main.c -o main.o", f"touch {begun}", "sleep 1", "$(CC) main.o -o one")
        write(project / "Makefile", "one: main.c\n" + "".join(f"\t{step}\n" for step in steps))

        async def save() -> None:
            deadline = time.monotonic() + 30
            while not is_there(begun):
                assert time.monotonic() < deadline
                await asyncio.sleep(0.02)
            write(header, exporting("later"))

        saving = asyncio.create_task(save())
        async with bench.serving(project, overrides=CLANG) as running:
            await saving
            await running.until(lambda: b"later" in module_of(running))

    asyncio.run(scenario())


def test_what_a_plugin_s_project_names_is_watched(bench: Bench, quick_project: Path) -> None:
    """A plugin reports nothing: what its project names by ``../`` counts, a folder with all below it."""

    async def scenario() -> None:
        shared = quick_project.parent / "shared"
        write(shared / "deep" / "a.txt", "one")
        write(quick_project / "main.quick", "reads ../shared")
        async with bench.serving(quick_project) as running:
            await running.quiet()
            write(shared / "deep" / "a.txt", "two")
            await running.until(lambda: len(running.ended) == 2)
            assert running.ended[-1].trigger == ("../shared/deep/a.txt",)

    asyncio.run(scenario())


def test_toolchains_and_packages_are_not_watched(tmp_path: Path) -> None:
    """Only what a person may edit: no system headers, no programs' folders, no packages, nothing of ours."""
    project = tmp_path / "project"
    project.mkdir()
    names = (
        *(
            "shared/x.h",
            "lib/tree/a.h",
            "lib/tree/deep/b.h",
            "sdk/bin/cc",
            "sdk/include/c.h",
            "home/cache/d.h",
        ),
        *(".cargo/registry/e.rs", "node_modules/f/f.js", "go/pkg/mod/g/g.go", "project/src/own.h"),
    )
    for name in names:
        write(tmp_path / name, "x")
    (tmp_path / "sdk" / "bin" / "cc").chmod(0o755)
    inputs = BuildInputs(
        files=(*(tmp_path / name for name in names), Path("/usr/include/stdio.h"), tmp_path / "absent.h"),
        trees=(project, tmp_path, tmp_path / "lib" / "tree", tmp_path / "lib" / "tree" / "deep"),
        programs=("cc", "missing"),
    )
    environ = {**os.environ, "PATH": str(tmp_path / "sdk" / "bin")}
    outside = find_outside(inputs, project, own=(tmp_path / "home",), environ=environ)
    assert outside.files == (tmp_path / "shared" / "x.h",)
    assert outside.trees == (tmp_path / "lib" / "tree",)
    assert find_outside(None, project, own=(), environ=environ).files == ()


def test_a_project_below_a_system_folder_has_neighbours(tmp_path: Path) -> None:
    """A root that holds the project itself says nothing about what lies beside the project."""
    project = tmp_path / "apps" / "one"
    project.mkdir(parents=True)
    write(tmp_path / "shared" / "x.h", "x")
    inputs = BuildInputs(files=(tmp_path / "shared" / "x.h",))
    outside = find_outside(inputs, project, own=(tmp_path,), environ={"PATH": ""})
    assert outside.files == (tmp_path / "shared" / "x.h",)
