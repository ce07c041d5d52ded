"""What a plugin's program left: its artifacts, or the reason for its failure, in its own words."""

from __future__ import annotations

import itertools
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wasmrun_py.diagnostics.any_tool import parse_any
from wasmrun_py.model.errors import ArtifactError

if TYPE_CHECKING:
    from wasmrun_py.model.diagnostic import Diagnostic
    from wasmrun_py.plugin.transport.staged_project import StagedProject

_SAID_WASM = re.compile(r"WASM file:\s*(?P<path>\S.*?)\s*$", re.MULTILINE | re.IGNORECASE)
_MISSING_LIST = re.compile(
    r"(?:not found|not installed|missing(?: required)? (?:tools?|dependenc(?:y|ies)))\b[^\n:]*:(?P<names>.*)",
    re.IGNORECASE,
)
_MISSING_ONE = re.compile(
    r"(?P<name>[\w.+-]+)(?:: command not found|: not found| is not installed| not found)", re.IGNORECASE
)
_BULLET = re.compile(r"\s*(?:[•*-]|\d+\.)\s+(?P<name>[\w.+-]+)")
_ITEM = re.compile(r"\s*(?:[•*-]|\d+\.)\s+\S")
_ADVICE = re.compile(r"\bsuggest\w*\b[^\n]*:\s*$", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z][\w.+-]*")
_TELLING = re.compile(r"\b(error|failed|cannot|could not|missing|invalid)\b", re.IGNORECASE)
_DECORATION = re.compile(r"^[^\w(\[\"'/.]+")
_MOST_FILES = 10_000
_MOST_ADVICE = 5
_REASON_CAP = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeFiles:
    """The artifacts a program left in its output folder.

    Attributes:
        wasm_path: The module.
        js_path: Its JavaScript, or None.
        others: Everything else.
        is_wasm_bindgen: The JavaScript is wasm-bindgen's.
    """

    wasm_path: Path
    js_path: Path | None
    others: tuple[Path, ...]
    is_wasm_bindgen: bool


def find_made_files(output: str, output_dir: Path, *, plugin: str) -> MadeFiles:
    """The artifacts: what ``WASM file: PATH`` names, else the one module of the output folder.

    A ``.js`` that is named means wasm-bindgen's pair, ``index.html`` a web application's folder (DESIGN §6).
    Whether they are what they should be is checked where all artifacts are.

    Raises:
        ArtifactError: There is no module, or more than one and none is named.
    """
    files = _list_files(output_dir)
    named = _SAID_WASM.findall(output)
    wasm_path = output_dir / named[-1] if named else None
    if wasm_path is not None and wasm_path.suffix == ".js":
        pair = wasm_path.with_name(f"{wasm_path.stem}_bg.wasm")
        wasm_path = pair if pair.is_file() else wasm_path.with_suffix(".wasm")
    if wasm_path is None or wasm_path.suffix != ".wasm":
        wasm_path = _only_module(files, output_dir, plugin)
    js_path = _find_js(wasm_path)
    return MadeFiles(
        wasm_path=wasm_path,
        js_path=js_path,
        others=tuple(path for path in files if path not in {wasm_path, js_path}),
        is_wasm_bindgen=js_path is not None and wasm_path.stem == f"{js_path.stem}_bg",
    )


def parse_places(output: str, staged: StagedProject, *, source: str) -> tuple[Diagnostic, ...]:
    """Every diagnostic in a program's text, of whatever compiler it ran, whose file is the project's."""

    def find_file(name: str) -> str | None:
        file = staged.relative(name.replace("\\", "/"))
        try:
            return file if (staged.original / file).is_file() else None
        except (OSError, ValueError):
            return None

    return parse_any(output, source=source, find_file=find_file)


def parse_reason(output: str) -> str:
    """The line that says why, without its decoration: the first telling one, else the last."""
    lines = [_DECORATION.sub("", line).strip() for line in output.splitlines()]
    lines = [line for line in lines if line]
    telling = next((line for line in lines if _TELLING.search(line)), lines[-1] if lines else "")
    return telling[:_REASON_CAP]


def parse_missing_tools(output: str) -> tuple[str, ...]:
    """Names that a program says it misses, in its order."""
    single = [name for line in output.splitlines() for name in _MISSING_ONE.findall(line)]
    return tuple(dict.fromkeys([*parse_missing_list(output), *single]))


def parse_missing_list(output: str) -> tuple[str, ...]:
    """What a program lists under ``Missing dependencies:``, in that line and as bullets below it."""
    names: list[str] = []
    lines = output.splitlines()
    for number, line in enumerate(lines):
        match = _MISSING_LIST.search(line)
        if match is None:
            continue
        names += _NAME.findall(re.sub(r"\([^)]*\)", "", match["names"]))
        for below in lines[number + 1 :]:
            bullet = _BULLET.match(below)
            if bullet is None:
                break
            names.append(bullet["name"])
    return tuple(dict.fromkeys(names))


def parse_advice(output: str) -> tuple[str, ...]:
    """What a program suggests for missing tools: the bullets below a line that announces suggestions."""
    lines = output.splitlines()
    start = next((at for at, line in enumerate(lines) if _ADVICE.search(line)), len(lines))
    below = itertools.takewhile(_ITEM.match, lines[start + 1 :])
    return tuple(_DECORATION.sub("", line).strip()[:_REASON_CAP] for line in below)[:_MOST_ADVICE]


def _only_module(files: tuple[Path, ...], output_dir: Path, plugin: str) -> Path:
    modules = [path for path in files if path.suffix == ".wasm"]
    if len(modules) == 1:
        return modules[0]
    listed = ", ".join(path.relative_to(output_dir).as_posix() for path in modules[:5])
    raise ArtifactError(
        f'Plugin "{plugin}" reported success, but its output folder holds '
        + (f"{len(modules)} modules and it named none: {listed}" if modules else "no module"),
        hint="A program of the command transport prints `WASM file: PATH` when it has built.",
    )


def _find_js(wasm_path: Path) -> Path | None:
    names = [wasm_path.with_suffix(".js")]
    if wasm_path.stem.endswith("_bg"):
        names.insert(0, wasm_path.with_name(f"{wasm_path.stem.removesuffix('_bg')}.js"))
    return next((path for path in names if path.is_file()), None)


def _list_files(folder: Path) -> tuple[Path, ...]:
    """Every file and link below a folder, sorted; links are not followed."""
    found: list[Path] = []
    for here, folders, names in os.walk(folder):
        links = [name for name in folders if Path(here, name).is_symlink()]
        found += [Path(here, name) for name in (*names, *links)]
        if len(found) > _MOST_FILES:
            break
    return tuple(sorted(found[:_MOST_FILES]))
