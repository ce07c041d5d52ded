"""Build sources without a build system: in one invocation where that is right, else through objects.

Programs go from sources to module in one invocation of the compiler, as one would type it. A project that
seems to have no ``main``, or more than one, is compiled to objects first: their symbol tables, and not the
text, decide whether it is a program or a library and what a library exports.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plugins_builtin.c.arguments import split_custom_args
from plugins_builtin.c.compilers.base import Strip
from plugins_builtin.c.objects import NotAnObjectError, ObjectSymbols, parse_symbols, strip_sections
from wasmrun_py.model.diagnostic import Diagnostic, Severity
from wasmrun_py.model.errors import ArtifactError, BuildError
from wasmrun_py.system.fs import atomic_write, translate_write_errors

if TYPE_CHECKING:
    from pathlib import Path

    from plugins_builtin.c.session import Session, ToolOutcome
    from plugins_builtin.c.sources import Source, SourceSet

_NO_MAIN = ("undefined symbol: main", "undefined symbol: __main_argc_argv", "undefined symbol: __main_void")


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectOutput:
    """What a direct build gave beside the file at the output path.

    Attributes:
        diagnostics: What the compiler said although it succeeded.
        warnings: Sentences for the user.
    """

    diagnostics: tuple[Diagnostic, ...] = ()
    warnings: tuple[str, ...] = ()


def build_directly(
    session: Session, sources: SourceSet, output: Path, *, link_args: tuple[str, ...] = ()
) -> DirectOutput:
    """Build ``sources`` into ``output`` (a ``.wasm``, ``.js`` or ``.html`` path).

    Args:
        session: The build.
        sources: The project's translation units.
        output: Where the module or its JavaScript goes.
        link_args: Further arguments of the target, for the link.

    Raises:
        BuildError: The compiler or the linker refused the code.
    """
    guesses = sources.main_guesses
    others = [source for source in guesses if source is not sources.entry]
    unambiguous = bool(guesses) and (len(guesses) == 1 if sources.entry is None else not others)
    at_once = unambiguous and sources.has_plain_names and session.compiler.compiles_and_links_at_once
    with session.step(f"Compiling {session.config.project_path.name} with {session.title}"):
        if at_once:
            outcome = _build_at_once(session, sources, output, link_args)
            if outcome.result.returncode == 0 or not _lacks_main(outcome):
                return DirectOutput(diagnostics=session.check(outcome, "compile"))
        return _build_through_objects(session, sources, output, link_args)


def strip_module(session: Session, module: Path) -> None:
    """Take out what the compiler's linker leaves in, where that is ours to do.

    Raises:
        ArtifactError: The module is damaged.
    """
    strip = session.compiler.own_strip(session.config)
    if strip is None:
        return
    with translate_write_errors(f"read {module}"):
        data = module.read_bytes()
    try:
        stripped = strip_sections(data, names=strip is Strip.ALL)
    except NotAnObjectError as error:
        raise ArtifactError(f"{session.compiler.name} made {module.name}, and {error}") from error
    atomic_write(module, stripped)


def _build_at_once(
    session: Session, sources: SourceSet, output: Path, link_args: tuple[str, ...]
) -> ToolOutcome:
    compiler, config = session.compiler, session.config
    argv = (
        *compiler.c_argv,
        *session.compile_flags,
        # One command for both languages: C files take these options too, and ignore them.
        *(compiler.cxx_flags() if sources.has_cxx else ()),
        *sources.include_args,
        *(source.argument for source in sources.sources),
        *compiler.link_flags(config, has_cxx=sources.has_cxx),
        *link_args,
        *config.custom_args,
        "-o",
        str(output),
    )
    return _run_link(session, argv)


def _run_link(session: Session, argv: tuple[str, ...]) -> ToolOutcome:
    """Run a link; where it fails for a symbol without saying in which object, once more to be told."""
    compiler = session.compiler
    outcome = session.run(argv, tool=compiler.name)
    if outcome.result.returncode == 0 or not compiler.explaining_flags:
        return outcome
    if "undefined symbol" not in outcome.result.output or _lacks_main(outcome):
        return outcome
    explained = session.run((*argv, *compiler.explaining_flags), tool=compiler.name)
    tells = any(each.file is not None for each in explained.diagnostics)
    return explained if explained.result.returncode != 0 and tells else outcome


def _lacks_main(outcome: ToolOutcome) -> bool:
    """The text looked as if it defined ``main``, and it does not: behind ``#if``, say."""
    return any(words in outcome.result.output for words in _NO_MAIN)


def _build_through_objects(
    session: Session, sources: SourceSet, output: Path, link_args: tuple[str, ...]
) -> DirectOutput:
    diagnostics: list[Diagnostic] = []
    objects: list[tuple[Source, Path, ObjectSymbols]] = []
    for number, source in enumerate(sources.sources):
        path = session.config.work_dir / source.object_name(number)
        diagnostics += session.check(_compile(session, sources, source, path), "compile")
        objects.append((source, path, _load_symbols(session, path)))
    objects = _one_main(session, sources, objects)
    warnings: tuple[str, ...] = ()
    library: tuple[str, ...] = ()
    if not any(symbols.has_main for _, _, symbols in objects):
        exports, warnings = choose_exports([symbols for _, _, symbols in objects])
        library = session.compiler.library_flags(exports)
    outcome = _link(
        session, sources, [path for _, path, _ in objects], (*library, *link_args, "-o", str(output))
    )
    diagnostics += session.check(outcome, "link")
    if output.suffix == ".wasm":
        strip_module(session, output)
    return DirectOutput(diagnostics=tuple(diagnostics), warnings=warnings)


def choose_exports(objects: list[ObjectSymbols]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What a library exports, and what the user should know about it.

    Functions with C names are exported; C++'s mangled ones only when there is nothing else.
    """
    names = tuple(dict.fromkeys(name for symbols in objects for name in symbols.functions))
    plain = tuple(name for name in names if not name.startswith("_Z"))
    if plain:
        return plain, ()
    if names:
        return names, ('The exports have C++\'s mangled names: declare them extern "C" for plain ones.',)
    return (), (
        "The project has neither main nor a function that is not static: the module exports nothing.",
    )


def _compile(session: Session, sources: SourceSet, source: Source, output: Path) -> ToolOutcome:
    compiler = session.compiler
    driver = compiler.cxx_argv if source.is_cxx else compiler.c_argv
    argv = (
        *driver,
        *session.compile_flags,
        *(compiler.cxx_flags() if source.is_cxx else ()),
        *sources.include_args,
        *split_custom_args(session.config.custom_args).compile,
        "-c",
        source.argument,
        "-o",
        str(output),
    )
    return session.run(argv, tool=compiler.name)


def _link(session: Session, sources: SourceSet, objects: list[Path], tail: tuple[str, ...]) -> ToolOutcome:
    compiler, config = session.compiler, session.config
    driver = compiler.cxx_argv if sources.has_cxx else compiler.c_argv
    level = session.compile_flags if compiler.compiles_and_links_at_once else ()
    argv = (
        *driver,
        *level,
        *map(str, objects),
        *compiler.link_flags(config, has_cxx=sources.has_cxx),
        *split_custom_args(config.custom_args).link,
        *tail,
    )
    return _run_link(session, argv)


def _load_symbols(session: Session, path: Path) -> ObjectSymbols:
    try:
        with translate_write_errors(f"read {path}"):
            return parse_symbols(path.read_bytes())
    except NotAnObjectError as error:
        raise BuildError(
            f"{session.compiler.name} wrote no wasm object for {path.stem}: {error}",
            hint="Leave -flto out, or name a main so that no symbols need to be read.",
        ) from error


def _one_main(
    session: Session, sources: SourceSet, objects: list[tuple[Source, Path, ObjectSymbols]]
) -> list[tuple[Source, Path, ObjectSymbols]]:
    """The objects to link: with a named entry, other files that define ``main`` stay out.

    Raises:
        BuildError: Several files define ``main`` and none was named.
    """
    mains = [source for source, _, symbols in objects if symbols.has_main]
    if len(mains) <= 1:
        return objects
    if sources.entry in mains:
        return [each for each in objects if each[0] is sources.entry or not each[2].has_main]
    names = [session.paths.to_project(source.argument) for source in mains]
    raise BuildError(
        f"{' and '.join(names)} each define main",
        hint=f'Name the one to build: entry = "{names[0]}" in wasmrun.toml.',
        diagnostics=[
            Diagnostic(
                file=name,
                line=None,
                column=None,
                severity=Severity.ERROR,
                message="main is defined here too",
                source="wasmrun",
            )
            for name in names
        ],
    )
