"""The policy "ask": a question before each installation, and none where nobody can answer."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.toolchain.registry import closed_registry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.terminal import Terminal
    from tests.conftest import Wasmrun

    Start = Callable[..., Terminal]

QUESTION = "Proceed? [Y/n] "


@pytest.fixture
def asking(environ: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """A machine without a compiler and without a network, whose user wants to be asked."""
    (tmp_path / "empty").mkdir()
    kept = {name: value for name, value in environ.items() if name not in {"CI", "NO_COLOR"}}
    return {
        **kept,
        "PATH": str(tmp_path / "empty"),
        "WASMRUN_TOOLCHAINS": "ask",
        "UV_DEFAULT_INDEX": closed_registry(),
        "UV_HTTP_RETRIES": "0",
        "UV_CACHE_DIR": str(tmp_path / "uv-cache"),
        "PIP_INDEX_URL": closed_registry(),
        "PIP_RETRIES": "0",
        "PIP_NO_CACHE_DIR": "1",
        "PIP_CONFIG_FILE": os.devnull,
    }


@pytest.fixture
def start(asking: dict[str, str], tmp_path: Path) -> Start:
    """Run a command on a terminal."""
    pytest.importorskip("termios", reason="Windows has no pseudo-terminals in its standard library")
    from tests.cli.terminal import Terminal  # noqa: PLC0415 - see above

    def run(*args: str | Path, **settings: int) -> Terminal:
        return Terminal.start(*args, env=asking, cwd=tmp_path, **settings)

    return run


def test_the_question_names_what_from_where_and_how_large(start: Start, project: Path, home: Path) -> None:
    """Name, version, source, folder and sizes; "n" is exit 4 with the command, and nothing was touched."""
    terminal = start("compile", project)
    terminal.wait_for(QUESTION)
    for said in (
        "Install zig 0.13.0?",
        "from  PyPI: ziglang==0.13.0",
        f"into  {home / 'toolchains' / 'zig-0.13.0'}",
        "size  81 MB to download, 314 MB on disk",
    ):
        assert said in terminal.shown
    terminal.type("n\n")
    assert terminal.finish() == 4
    assert "Not installed, because you said no: zig 0.13.0" in terminal.shown
    assert "wasmrun toolchain install zig" in terminal.shown
    assert not (home / "toolchains").exists()
    assert not (home / "locks").exists()


@pytest.mark.parametrize("keys", ["\n", "y\n", "YES\n", "what\ny\n"])
def test_yes_installs(start: Start, project: Path, keys: str) -> None:
    """Enter alone is yes; nonsense is asked again. The installation then finds that there is no network."""
    terminal = start("compile", project)
    terminal.wait_for(QUESTION)
    terminal.type(keys)
    assert terminal.finish() == 4
    assert "zig 0.13.0 could not be installed from PyPI" in terminal.shown
    assert ("Please answer y or n." in terminal.shown) is ("what" in keys)


@pytest.mark.parametrize(("keys", "code"), [("\x04", 4), ("\x03", 130), ("a\nb\nc\n", 4)])
def test_no_answer_is_no(start: Start, project: Path, home: Path, keys: str, code: int) -> None:
    """The end of input and three times nonsense are a no, Ctrl-C ends the command as everywhere."""
    terminal = start("compile", project)
    terminal.wait_for(QUESTION)
    terminal.type(keys)
    assert terminal.finish() == code
    assert not (home / "toolchains").exists()


def test_the_question_is_not_data(start: Start, project: Path, tmp_path: Path) -> None:
    """With stdout in a file it is still asked, on the terminal."""
    with (tmp_path / "out").open("wb") as out:
        terminal = start("compile", project, stdout=out.fileno())
    terminal.wait_for(QUESTION)
    terminal.type("n\n")
    assert terminal.finish() == 4
    assert (tmp_path / "out").read_bytes() == b""


def test_nobody_waits_for_the_answer(
    start: Start, project: Path, asking: dict[str, str], wasmrun: Wasmrun
) -> None:
    """While a question stands another wasmrun goes about its business."""
    terminal = start("compile", project)
    terminal.wait_for(QUESTION)
    began = time.monotonic()
    finished = wasmrun("compile", project, env={**asking, "WASMRUN_TOOLCHAINS": "auto"})
    assert "could not be installed from PyPI" in finished.err
    assert time.monotonic() - began < 30
    terminal.type("n\n")
    assert terminal.finish() == 4


def test_a_live_line_makes_way_for_the_question(asking: dict[str, str]) -> None:
    """A spinner that runs when the question comes is taken down, and is back after the answer."""
    pytest.importorskip("termios", reason="Windows has no pseudo-terminals in its standard library")
    script = (
        "import os, sys, time\n"
        "from wasmrun_py.cli.render.console import Console\n"
        "from wasmrun_py.cli.render.reporters import ConsoleReporter\n"
        "from wasmrun_py.model.consent import InstallOffer\n"
        "from wasmrun_py.model.events import StepStarted\n"
        "console = Console(sys.stdout, sys.stderr, os.environ)\n"
        "with ConsoleReporter(console, verbose=False) as reporter:\n"
        "    reporter.emit(StepStarted(label='Turning'))\n"
        "    time.sleep(1)\n"
        "    said = reporter.ask(InstallOffer(title='x', source='y'), sys.stdin)\n"
        "    time.sleep(1)\n"
        "print('said', said)\n"
    )
    from tests.cli.terminal import Terminal  # noqa: PLC0415 - see above

    terminal = Terminal.run_python("-c", script, env=asking)
    terminal.wait_for(QUESTION)
    asked = len(terminal.raw)
    assert "Turning" in terminal.shown
    time.sleep(0.7)
    terminal.type("y\n")
    assert terminal.finish() == 0
    after = terminal.raw[asked:]
    assert after.startswith("y\r\n")
    assert "Turning" in after
    assert "said True" in terminal.shown


@pytest.mark.parametrize("without", ["terminal", "json", "CI"])
def test_where_nobody_can_answer_it_refuses(
    start: Start, asking: dict[str, str], project: Path, wasmrun: Wasmrun, without: str
) -> None:
    """Without a terminal, with --json and in CI there is no question: exit 4 and the exact command."""
    if without == "terminal":
        finished = wasmrun("compile", project, env=asking)
        code, said = finished.code, finished.err
    else:
        asking |= {"CI": "true"} if without == "CI" else {}
        terminal = start("compile", project, *(["--json"] if without == "json" else []))
        code, said = terminal.finish(), terminal.shown
    assert code == 4
    assert QUESTION not in said
    assert "wasmrun may not install one" in re.sub(r"\s+", " ", said)
    assert "`wasmrun toolchain install zig`" in said
    assert "WASMRUN_TOOLCHAINS=auto" in said


def test_installing_by_name_asks_nothing(asking: dict[str, str], wasmrun: Wasmrun) -> None:
    """``toolchain install`` is the answer already; it fails here for want of a network, not of leave."""
    finished = wasmrun("toolchain", "install", "zig", env=asking)
    assert finished.code == 4
    assert "could not be installed from PyPI" in finished.err


def test_a_closed_stdin_is_nobody(asking: dict[str, str], project: Path) -> None:
    """A command that was started without a stdin ends with the refusal."""
    command = 'exec "$0" -m wasmrun_py compile "$1" <&-'
    finished = subprocess.run(
        ["/bin/sh", "-c", command, sys.executable, str(project)],
        env=asking,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert finished.returncode == 4
    assert "`wasmrun toolchain install zig`" in finished.stderr


def test_the_server_asks_before_its_first_build(start: Start, project: Path) -> None:
    """``run`` builds in a process of its own, and still the question is asked on the terminal."""
    terminal = start("run", project, "--port", "0")
    terminal.wait_for(QUESTION)
    terminal.type("n\n")
    assert terminal.finish() == 4
    assert "Not installed, because you said no: zig 0.13.0" in terminal.shown


def test_the_server_is_ended_at_its_question(start: Start, project: Path) -> None:
    """Ctrl-C answers nothing and leaves nothing behind."""
    terminal = start("run", project, "--port", "0")
    terminal.wait_for(QUESTION)
    terminal.type("\x03")
    assert terminal.finish() == 130
