"""What a shared library promises beside the contract: ABI 1 to the letter, and not a byte lost.

Run by ``wasmrun plugin test``; everything happens in a helper, so that a library that breaks a promise the
hard way fails a check and nothing else.
"""

from __future__ import annotations

import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wasmrun_py.config.plugin_manifest import parse_manifest
from wasmrun_py.model.build import BuildConfig, OptimizationLevel
from wasmrun_py.model.errors import WasmrunError
from wasmrun_py.plugin.contract import CheckResult, CheckStatus
from wasmrun_py.plugin.ffi.statuses import Status
from wasmrun_py.plugin.transport.base import to_wire
from wasmrun_py.plugin.transport.ffi import FfiTransport
from wasmrun_py.system.fs import make_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wasmrun_py.plugin.transport.base import Callee

_CALLS = 10_000
# A call that loses anything loses 16 bytes.
_GROWTH_BYTES = 128 * 1024


class _Broken(Exception):  # noqa: N818 - a verdict, no error
    """The library does not keep the promise; the message says how."""


class _Passed(Exception):  # noqa: N818 - as above
    """The check cannot be done; the message says why."""


def check_library(
    callee: Callee, scratch: Path, on_result: Callable[[CheckResult], None]
) -> tuple[CheckResult, ...]:
    """Hold a library to ABI 1.

    Args:
        callee: The plugin, with a library.
        scratch: An empty folder.
        on_result: Called with each result as it is known.
    """
    results = []
    for name, promise, run in _CHECKS:
        # A helper each: one that was ended takes nothing along.
        transport = FfiTransport(callee)
        folder = scratch / name
        make_folder(folder)
        result = CheckResult(name=name, promise=promise, status=CheckStatus.PASS)
        try:
            run(transport, folder)
            transport.close()
        except _Passed as skipped:
            result = replace(result, status=CheckStatus.SKIP, message=str(skipped))
        except _Broken as broken:
            result = replace(result, status=CheckStatus.FAIL, message=str(broken))
        except WasmrunError as error:
            result = replace(result, status=CheckStatus.FAIL, message=error.message)
        finally:
            transport.end()
        results.append(result)
        on_result(result)
        if result.status is not CheckStatus.PASS and name == _CHECKS[0][0]:
            break
    return tuple(results)


def _check_handshake(transport: FfiTransport, _folder: Path) -> None:
    transport.open()
    if transport.is_legacy:
        raise _Passed("it is older than ABI 1, and called as its kind always was")


def _check_manifest(transport: FfiTransport, _folder: Path) -> None:
    text = transport.load_manifest_text()
    if not text:
        raise _Passed("its table carries none: it is found through its wasmrun_plugin.toml alone")
    try:
        own = parse_manifest(tomllib.loads(text), origin="the manifest in its table")
    except tomllib.TOMLDecodeError as error:
        raise _Broken(f"the manifest in its table is not valid TOML: {error}") from error
    beside = transport.manifest
    for field in ("name", "version", "extensions", "entry_files"):
        here, there = getattr(own.info, field), getattr(beside.info, field)
        if here != there:
            raise _Broken(f"{field} is {here!r} in its table and {there!r} in its package's manifest")


def _check_empty(transport: FfiTransport, folder: Path) -> None:
    said = transport.exercise("empty", {"config": _empty_build(folder)})
    if said.get("status") == Status.OK:
        raise _Broken("it built an empty folder and reported success")
    if not said.get("message"):
        raise _Broken("it cannot build an empty folder, and does not say why")


def _check_odd_paths(transport: FfiTransport, _folder: Path) -> None:
    if transport.exercise("odd", {}).get("taken"):
        raise _Broken("it takes a project whose path is not UTF-8, and which is not there")


def _check_questions(transport: FfiTransport, folder: Path) -> None:
    _expect_flat(transport.exercise("questions", {"project_path": str(folder), "calls": _CALLS}))


def _check_results(transport: FfiTransport, folder: Path) -> None:
    _expect_flat(transport.exercise("failures", {"config": _empty_build(folder), "calls": _CALLS}))


def _expect_flat(said: dict[str, Any]) -> None:
    calls, growth = said.get("calls"), said.get("growth_bytes")
    if not isinstance(calls, int) or not isinstance(growth, int):
        raise _Broken("the exercise gave no figures")
    if growth > _GROWTH_BYTES:
        raise _Broken(f"{calls} calls grew its process by {growth} bytes, each time: something is not freed")


def _empty_build(folder: Path) -> dict[str, Any]:
    for name in ("project", "out", "work"):
        make_folder(folder / name)
    config = BuildConfig(
        project_path=folder / "project",
        output_dir=folder / "out",
        work_dir=folder / "work",
        optimization_level=OptimizationLevel.DEBUG,
    )
    return to_wire(config)


_CHECKS: tuple[tuple[str, str, Callable[[FfiTransport, Path], None]], ...] = (
    ("abi", "Its symbols, its ABI version and its struct sizes are ABI 1's.", _check_handshake),
    ("abi-manifest", "Its table and its package say the same of it.", _check_manifest),
    ("abi-empty", "Empty texts and an empty folder are no reason to crash.", _check_empty),
    ("abi-paths", "A path that is not UTF-8 is no reason to crash.", _check_odd_paths),
    ("abi-questions", "10,000 questions leave its process as it was.", _check_questions),
    ("abi-results", "10,000 results are freed.", _check_results),
)
