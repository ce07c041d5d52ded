"""What plugins' compilers are told, with a real cargo and go: no path of the build in what they make."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from tests.conftest import require_tool
from tests.plugin.material import write_tree
from wasmrun_py.plugin.transport.steady import steady_variables

if TYPE_CHECKING:
    from pathlib import Path

_RUST = {
    "Cargo.toml": '[package]\nname = "app"\nversion = "0.1.0"\nedition = "2021"\n',
    # file!() is what a panic says.
    "src/main.rs": 'mod part;\nfn main() { println!("{}", part::place()); }\n',
    "src/part.rs": "pub fn place() -> &'static str { file!() }\n",
}
_GO = {
    "go.mod": "module example.com/app\n\ngo 1.18\n",
    "main.go": (
        'package main\n\nimport "runtime"\n\n'
        "func main() { _, file, _, _ := runtime.Caller(0); println(file) }\n"
    ),
}


def _build(argv: list[str], project: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if "RUSTFLAGS" not in name}
    env = {**environ, **steady_variables(environ, project)}
    subprocess.run(argv, cwd=project, env=env, check=True, capture_output=True)


def test_cargo_writes_no_path(tmp_path: Path) -> None:
    """Not in debug information either, where rustc puts the folder it ran in."""
    require_tool("cargo")
    project = write_tree(tmp_path / "some-folder" / "app", _RUST)
    _build(["cargo", "build", "--offline"], project)
    made = (project / "target" / "debug" / "app").read_bytes()
    # The linker names its objects, which are below target; sources are not there.
    assert os.fsencode(project / "src") not in made
    assert b"src/part.rs" in made


def test_go_writes_no_path(tmp_path: Path) -> None:
    """Files are named by module and not by folder."""
    require_tool("go")
    project = write_tree(tmp_path / "some-folder" / "app", _GO)
    _build(["go", "build", "-o", "made", "."], project)
    assert b"some-folder" not in (project / "made").read_bytes()


def test_what_the_user_has_set_stays(tmp_path: Path) -> None:
    """Flags are added to, a seed is kept, and a folder with a blank is left out."""
    own = {
        "CARGO_BUILD_RUSTFLAGS": "-C debuginfo=1",
        "GOFLAGS": "-mod=mod",
        "PYTHONHASHSEED": "7",
        "CARGO_HOME": str(tmp_path / "my cargo"),
    }
    said = steady_variables(own, tmp_path / "project")
    assert said == {
        "CARGO_BUILD_RUSTFLAGS": f"-C debuginfo=1 --remap-path-prefix={tmp_path / 'project'}=.",
        "GOFLAGS": "-mod=mod -trimpath",
        "PYTHONHASHSEED": "7",
    }
    assert steady_variables({"GOFLAGS": "-trimpath"}, tmp_path)["GOFLAGS"] == "-trimpath"
