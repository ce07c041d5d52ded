"""``wasmrun inspect``: what is inside a module or component."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wasmrun_py.cli.options import FileArgument, JsonOption, PathOption
from wasmrun_py.cli.paths import choose_path, get_file, load_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from mmap import mmap
    from pathlib import Path

    from wasmrun_py.cli.context import World
    from wasmrun_py.cli.render.console import Console
    from wasmrun_py.wasm.module_info import Export, Import, ModuleInfo

_BRIEF_ROWS = 12
_BRIEF_MEMORIES = 3


def inspect_command(
    ctx: typer.Context,
    *,
    path: FileArgument = None,
    path_option: PathOption = None,
    detailed: Annotated[
        bool, typer.Option("--detailed", "-d", help="Also list sections and every import and export.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Describe a WebAssembly file: kind, sections, imports, exports, sizes, producers."""
    from wasmrun_py.model.errors import InvalidModuleError  # noqa: PLC0415 - --help needs none of it
    from wasmrun_py.wasm.inspect import inspect_module  # noqa: PLC0415 - as above

    world: World = ctx.obj
    given = choose_path(path, path_option)
    file = get_file(world, given)
    try:
        info = inspect_module(_map_file(file, given))
    except InvalidModuleError as error:
        raise InvalidModuleError(f"{given}: {error.message}", hint=error.hint) from error
    if json:
        from wasmrun_py.cli.render.documents import success_document  # noqa: PLC0415 - only with --json

        world.console.document(success_document("inspect", {"path": file, **info.to_json()}))
    else:
        _show(world, given, info, detailed=detailed)


def _map_file(file: Path, given: str) -> bytes | mmap:
    from wasmrun_py.wasm.mapped import map_module  # noqa: PLC0415 - --help needs none of it

    try:
        return map_module(file)
    except OSError:
        # Reading says what is wrong.
        return load_file(file, given)


def _show(world: World, given: str, info: ModuleInfo, *, detailed: bool) -> None:
    from wasmrun_py.cli.render.console import format_size  # noqa: PLC0415 - not with --json

    console = world.console
    # A component says all with the one word.
    what = info.kind if info.modules else f"{info.type} {info.kind}"
    console.heading(f"{given}: {what}, {format_size(info.size_bytes)}")
    facts = [
        ("functions", f"{info.functions.defined} defined, {info.functions.imported} imported"),
        ("memories", _describe_memories(info) or "none"),
        ("start", "none" if info.start is None else f"function {info.start}"),
        ("features", ", ".join(info.features) or "none recorded"),
        *((field, ", ".join(names)) for field, names in info.producers.items()),
        ("custom", ", ".join(each.name for each in info.custom_sections) or "none"),
    ]
    for name, value in facts:
        console.data(f"  {name:<12} {value}")
    if detailed:
        console.data("")
        rows = [(str(s.id), s.name, f"{s.offset:#x}", format_size(s.size_bytes)) for s in info.sections]
        console.table(("ID", "SECTION", "OFFSET", "SIZE"), rows, numbers=("ID", "OFFSET", "SIZE"))
        _show_modules(console, info)
    limit = None if detailed else _BRIEF_ROWS
    imports = _list_rows(
        ((f"{each.module} {each.name}".strip(), each) for each in info.imports), detailed=detailed
    )
    exports = _list_rows(((each.name, each) for each in info.exports), detailed=detailed)
    for title, listed in (("IMPORT", imports), ("EXPORT", exports)):
        console.data("")
        if not listed:
            console.data(f"No {title.lower()}s.")
            continue
        console.table((title, "KIND", "TYPE"), listed[:limit])
        if limit is not None and len(listed) > limit:
            console.data(f"… and {len(listed) - limit} more (--detailed lists all)")


def _show_modules(console: Console, info: ModuleInfo) -> None:
    """The core modules inside a component."""
    from wasmrun_py.cli.render.console import format_size  # noqa: PLC0415 - not with --json

    if not info.modules:
        return
    console.data("")
    rows = [
        (f"{m.offset:#x}", format_size(m.size_bytes), str(m.imports), str(m.exports), str(m.functions))
        for m in info.modules
    ]
    columns = ("CORE MODULE AT", "SIZE", "IMPORTS", "EXPORTS", "FUNCTIONS")
    console.table(columns, rows, numbers=columns)


def _list_rows(items: Iterable[tuple[str, Import | Export]], *, detailed: bool) -> list[tuple[str, str, str]]:
    """A row an import or export, and with ``detailed`` one for everything in an instance."""
    rows: list[tuple[str, str, str]] = []
    for name, item in items:
        rows.append((name, item.kind, item.type))
        if detailed:
            rows += [(f"  {member.name}", member.kind, member.type) for member in item.members]
    return rows


def _describe_memories(info: ModuleInfo) -> str:
    described = [
        f"{memory.min_pages} to {memory.max_pages if memory.max_pages is not None else 'any number of'} pages"
        + (", shared" if memory.shared else "")
        + (", imported" if memory.imported else "")
        for memory in info.memories[:_BRIEF_MEMORIES]
    ]
    more = len(info.memories) - len(described)
    return "; ".join(described) + (f"; {more} more" if more > 0 else "")
