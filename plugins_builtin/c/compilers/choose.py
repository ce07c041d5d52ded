"""Which compiler builds a project: the one that was asked for, else the first that is able (DESIGN §7)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, assert_never

from plugins_builtin.c.compilers.clang import ClangFinding, find_clang
from plugins_builtin.c.compilers.emcc import find_emcc
from plugins_builtin.c.compilers.zig import Zig
from wasmrun_py.model.build import WASM_TARGET, WEB_TARGET
from wasmrun_py.model.errors import MissingToolError, UnsupportedBuildError, UsageError
from wasmrun_py.model.events import Level, Message
from wasmrun_py.toolchain.catalog import ZIG
from wasmrun_py.toolchain.find import find_tool
from wasmrun_py.toolchain.provision import find_provisioned, get_provisioned
from wasmrun_py.toolchain.version import load_version

if TYPE_CHECKING:
    from plugins_builtin.c.compilers.base import Compiler
    from wasmrun_py.model.events import Reporter
    from wasmrun_py.plugin.api import PluginContext

_TARGETS = (WASM_TARGET, WEB_TARGET)
EMCC_HINT = "Install Emscripten and put emcc on PATH (Debian: `apt install emscripten`)"
CLANG_HINT = "`apt install clang lld wasi-libc libclang-rt-dev-wasm32` on Debian"
_CLANG_CXX_HINT = "`apt install libc++-dev-wasm32 libc++abi-dev-wasm32` on Debian"


class CompilerName(StrEnum):
    """The words that ``--toolchain`` takes, in order of preference."""

    EMCC = "emcc"
    CLANG = "clang"
    ZIG = "zig"


@dataclass(frozen=True, slots=True, kw_only=True)
class CompilerNeeds:
    """What is asked of a compiler.

    Attributes:
        target: ``wasm`` or ``web``.
        toolchain: The name the user asked for, or None.
        has_cxx: The project has C++ in it.
    """

    target: str
    toolchain: str | None
    has_cxx: bool


def get_compiler(needs: CompilerNeeds, context: PluginContext, reporter: Reporter) -> Compiler:
    """The compiler for a build; zig is installed when nothing else is able and that is allowed.

    Raises:
        UnsupportedBuildError: The target is not one of C's, or not one of the forced compiler's.
        UsageError: No compiler has the name that was asked for.
        MissingToolError: The compiler is not there and cannot or may not be installed.
        ToolCrashedError: A compiler is there and does not work.
    """
    forced = _parse_name(needs.toolchain)
    if needs.target not in _TARGETS:
        raise UnsupportedBuildError(
            f'C and C++ have no target "{needs.target}"', hint=f"Targets: {', '.join(_TARGETS)}."
        )
    if needs.target == WEB_TARGET:
        return _get_web_compiler(forced, context)
    match forced:
        case CompilerName.EMCC:
            return _get_emcc(context, f"{EMCC_HINT}, or leave --toolchain emcc out.")
        case CompilerName.CLANG:
            return _get_clang(context, has_cxx=needs.has_cxx)
        case CompilerName.ZIG:
            return _get_zig(context, reporter)
        case None:
            return _get_first_able(needs, context, reporter)
        case unreachable:
            assert_never(unreachable)


def find_missing_compilers(context: PluginContext) -> tuple[str, ...]:
    """Empty when a C project can be built now, or a compiler for it may be installed; else what is missing.

    Raises:
        ToolCrashedError: A compiler is there and does not work.
    """
    environ = context.environ
    able = (
        context.may_install
        or find_tool("zig", environ)
        or find_tool("emcc", environ)
        or find_provisioned(ZIG, context.home)
        or find_clang(environ, has_cxx=False).clang
    )
    return () if able else tuple(CompilerName)


def _parse_name(name: str | None) -> CompilerName | None:
    if name is None:
        return None
    try:
        return CompilerName(name)
    except ValueError as error:
        import difflib  # noqa: PLC0415 - only a typing mistake needs it

        near = difflib.get_close_matches(name, list(CompilerName), n=1, cutoff=0.5)
        did_you_mean = f"Did you mean {near[0]}? " if near else ""
        raise UsageError(
            f'C and C++ have no toolchain "{name}"',
            hint=f"{did_you_mean}Toolchains: {', '.join(CompilerName)}.",
        ) from error


def _get_web_compiler(forced: CompilerName | None, context: PluginContext) -> Compiler:
    if forced not in {None, CompilerName.EMCC}:
        raise UnsupportedBuildError(
            f"{forced} cannot build for the web: only emcc writes the JavaScript that loads the module",
            hint="Leave --toolchain out, or build with --target wasm.",
        )
    return _get_emcc(context, f"{EMCC_HINT}, or build with --target wasm.")


def _get_emcc(context: PluginContext, hint: str) -> Compiler:
    emcc = find_emcc(context.environ)
    if emcc is None:
        raise MissingToolError("emcc is not on PATH", tools=["emcc"], hint=hint)
    return emcc


def _get_clang(context: PluginContext, *, has_cxx: bool) -> Compiler:
    finding = find_clang(context.environ, has_cxx=has_cxx)
    if finding.clang is not None:
        return finding.clang
    only_cxx = all("libc++" in part for part in finding.missing)
    packages = _CLANG_CXX_HINT if only_cxx else CLANG_HINT
    raise MissingToolError(
        "clang is not on PATH"
        if finding.missing == ("clang",)
        else f"clang cannot build for WASI here: {_listed(finding.missing)} not found",
        tools=finding.missing,
        hint=f"Install what is missing ({packages}), or use --toolchain zig.",
    )


def _get_zig(context: PluginContext, reporter: Reporter) -> Compiler:
    """The zig on PATH, else the installed one, else a fresh installation."""
    environ = context.environ
    system = find_tool("zig", environ)
    if system is not None:
        version = load_version((str(system), "version"), environ)
        return Zig(program=system, version=version, home=context.home)
    program = get_provisioned(ZIG, context.provision_policy(), reporter)
    return Zig(program=program, version=ZIG.version, home=context.home)


def _get_first_able(needs: CompilerNeeds, context: PluginContext, reporter: Reporter) -> Compiler:
    emcc = find_emcc(context.environ)
    if emcc is not None:
        return emcc
    finding = find_clang(context.environ, has_cxx=needs.has_cxx)
    if finding.clang is not None:
        return finding.clang
    if finding.missing != ("clang",):
        text = f"clang cannot build this for WASI: {_listed(finding.missing)} not found; using zig"
        reporter.emit(Message(level=Level.INFO, text=text))
    has_zig = find_tool("zig", context.environ) or find_provisioned(ZIG, context.home)
    if not has_zig and not context.may_install:
        raise _nothing_able(finding)
    return _get_zig(context, reporter)


def _nothing_able(finding: ClangFinding) -> MissingToolError:
    clang = "clang" if finding.missing == ("clang",) else f"clang (without {_listed(finding.missing)})"
    return MissingToolError(
        f"No C compiler for WebAssembly is there: looked for emcc, {clang} and zig, "
        "and wasmrun may not install one",
        tools=list(CompilerName),
        hint=(
            f"Install one: `{ZIG.manual_install}`, `apt install emscripten`, or {CLANG_HINT}. Or let "
            "wasmrun install zig: WASMRUN_TOOLCHAINS=auto, without --no-toolchain-install and --frozen."
        ),
    )


def _listed(parts: tuple[str, ...]) -> str:
    return " and ".join(parts)
