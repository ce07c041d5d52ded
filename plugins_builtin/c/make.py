"""Build a project with its own Makefile, in a copy: make writes where it stands, and we do not.

``make wasm`` (or ``make web``) when there is such a target, else ``make``. The compiler variables are given
on make's command line, where they win over the Makefile's own; the flags ride in wrappers, behind the
Makefile's. That is what ``emmake`` does for the environment alone, 100 ms cheaper.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from plugins_builtin.c.arguments import is_make_arg
from plugins_builtin.c.detect import MAKEFILES
from plugins_builtin.c.products import find_kind, find_products, nothing_made, snapshot
from plugins_builtin.c.steady import copy_of
from plugins_builtin.c.wrappers import Wrapper, write_wrappers
from wasmrun_py.model.build import WASM_TARGET
from wasmrun_py.model.errors import MissingToolError
from wasmrun_py.system.fs import translate_write_errors
from wasmrun_py.toolchain.find import find_tool

if TYPE_CHECKING:
    from plugins_builtin.c.products import Product
    from plugins_builtin.c.session import Session
    from wasmrun_py.model.diagnostic import Diagnostic

# The last is where CI systems that keep only folders of the checkout have WASMRUN_HOME (docs/ci.md).
_NOT_COPIED = frozenset(
    {".git", ".hg", ".svn", "node_modules", "dist", ".venv", "__pycache__", ".wasmrun-home"}
)
_OBJECT_SUFFIXES = (".o", ".obj", ".lo", ".gch", ".pch")
_MOST_SIBLINGS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltProducts:
    """What a build system made.

    Attributes:
        products: Linked modules, never empty.
        diagnostics: What the tools said although they succeeded.
    """

    products: tuple[Product, ...]
    diagnostics: tuple[Diagnostic, ...]


def build_with_make(session: Session) -> BuiltProducts:
    """Copy the project, run make there, and collect the modules it made.

    Raises:
        MissingToolError: make is not there.
        BuildError: make failed.
        ArtifactError: make succeeded and made no module.
    """
    config = session.config
    make = find_tool("make", session.context.environ) or find_tool("gmake", session.context.environ)
    if make is None:
        raise MissingToolError(
            f"{config.project_path.name} has a Makefile, and make is not on PATH",
            tools=["make"],
            hint="Install make (Debian: `apt install make`).",
        )
    copy = copy_of(config.project_path, config.work_dir)
    with translate_write_errors(f"copy {config.project_path}"):
        _copy_project(config.project_path, copy)
    paths = replace(session.paths, cwd=copy, copy=copy)
    session = replace(session, paths=paths)
    before = snapshot(copy)
    argv = (str(make), *_variables(session), *filter(is_make_arg, config.custom_args), *_goal(session, copy))
    with session.step(f"Running make in {config.project_path.name} with {session.title}"):
        diagnostics = session.check(session.run(argv, tool="make", cwd=copy), "build")
    products = find_products(copy, before)
    if not products:
        raise nothing_made(
            "make",
            copy,
            before,
            "Let the Makefile compile with $(CC) or $(CXX), or give it a target `wasm` that writes a module.",
        )
    return BuiltProducts(products=products, diagnostics=diagnostics)


def compiler_wrappers(session: Session) -> tuple[Wrapper, ...]:
    """Stand-ins for the C and C++ drivers that bring the level, and the user's own arguments, along."""
    compiler, config = session.compiler, session.config
    own = tuple(arg for arg in config.custom_args if not is_make_arg(arg))
    flags = session.compile_flags
    # emcc makes a WASI module only of outputs called *.wasm, and a Makefile's program is called as it likes.
    standalone = ("-sSTANDALONE_WASM",) if compiler.name == "emcc" and config.target == WASM_TARGET else ()
    return (
        Wrapper(
            name="wasmrun-cc",
            argv=compiler.c_argv,
            always=(*flags, *own),
            linking=(*compiler.link_flags(config, has_cxx=False), *standalone),
        ),
        Wrapper(
            name="wasmrun-c++",
            argv=compiler.cxx_argv,
            always=(*flags, *compiler.cxx_flags(), *own),
            linking=(*compiler.link_flags(config, has_cxx=True), *standalone),
        ),
    )


def _variables(session: Session) -> tuple[str, ...]:
    """Make's command-line variables: wrappers found by their path, which has no spaces where we choose it."""
    folder = session.config.work_dir / "bin"
    tools = tuple(
        Wrapper(name=f"wasmrun-{variable.lower()}", argv=argv)
        for variable, argv in session.compiler.tools.items()
    )
    written = write_wrappers(folder, (*compiler_wrappers(session), *tools))
    # Found through PATH: a path with spaces would be taken apart by the recipe's shell.
    path = session.environment.get("PATH", "")
    session.environment["PATH"] = f"{folder}{os.pathsep}{path}"
    named = {"CC": "wasmrun-cc", "CXX": "wasmrun-c++", "LD": "wasmrun-cc"}
    named |= {variable: f"wasmrun-{variable.lower()}" for variable in session.compiler.tools}
    return tuple(f"{variable}={written[name].stem}" for variable, name in named.items())


def _goal(session: Session, copy: Path) -> tuple[str, ...]:
    """``wasm`` or ``web`` when the Makefile has it as a target."""
    makefile = next((copy / name for name in MAKEFILES if (copy / name).is_file()), None)
    if makefile is None:
        return ()
    with translate_write_errors(f"read {makefile}"):
        text = makefile.read_text("utf-8", errors="replace")
    wanted = session.config.target
    return (wanted,) if parse_has_target(text, wanted) else ()


def parse_has_target(makefile: str, target: str) -> bool:
    """True when a rule of the Makefile's text makes ``target``."""
    rule = rf"^(?:[^\s:#=]+[ ]+)*{re.escape(target)}(?:[ ]+[^\s:#=]+)*[ ]*::?(?!=)"
    return re.search(rule, makefile, re.MULTILINE) is not None


def _copy_project(project: Path, copy: Path) -> None:
    """Copy a project without version control, dependencies and what an earlier build left.

    Links inside the project stay links; files behind links that leave it are copied, folders are not.
    What a compiler made is left out: an object or program for this machine would pass for up to date.
    """
    copy.parent.mkdir(parents=True, exist_ok=True)
    root = project.resolve()

    def left_out(folder: str, names: list[str]) -> list[str]:
        return [name for name in names if _is_left_out(os.path.join(folder, name), name, root)]  # noqa: PTH118

    shutil.copytree(project, copy, symlinks=True, ignore=left_out)
    if _mentions_parent(copy):
        _link_siblings(project, copy)


def _is_left_out(path: str, name: str, root: Path) -> bool:
    if name in _NOT_COPIED or name.endswith(_OBJECT_SUFFIXES):
        return True
    if os.path.islink(path):  # noqa: PTH114 - os.walk's strings
        target = Path(path).resolve()
        return not target.exists() or (target.is_dir() and not target.is_relative_to(root))
    return Path(path).is_file() and find_kind(Path(path)) is not None


def _mentions_parent(copy: Path) -> bool:
    for name in MAKEFILES:
        try:
            if ".." in (copy / name).read_text("utf-8", errors="replace"):
                return True
        except OSError:
            continue
    return False


def _link_siblings(project: Path, copy: Path) -> None:
    """Give ``../common.mk`` and its like a meaning in the copy: links to the project's neighbours."""
    with os.scandir(project.parent) as entries:
        siblings = [entry for entry in entries if entry.name != project.name][:_MOST_SIBLINGS]
    for sibling in siblings:
        (copy.parent / sibling.name).symlink_to(sibling.path)
