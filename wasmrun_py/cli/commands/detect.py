"""``wasmrun detect``: which plugin would take a project, and why each other would not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from wasmrun_py.cli.options import (
    JsonOption,
    LanguageOption,
    PathArgument,
    PathOption,
    TransportOption,
    parse_transport,
)
from wasmrun_py.cli.paths import choose_path, get_folder

if TYPE_CHECKING:
    from wasmrun_py.cli.context import World
    from wasmrun_py.plugin.manager import Detection


def detect_command(  # noqa: PLR0913 - typer: one parameter an option
    ctx: typer.Context,
    *,
    path: PathArgument = None,
    path_option: PathOption = None,
    language: LanguageOption = None,
    transport: TransportOption = None,
    json: JsonOption = False,
) -> None:
    """Say which plugin would build a project, and why."""
    from wasmrun_py.cli.failure import CommandFailure  # noqa: PLC0415 - --help needs none of it
    from wasmrun_py.config.settings import Overrides, resolve_settings  # noqa: PLC0415 - as above
    from wasmrun_py.model.consent import InstallPolicy  # noqa: PLC0415 - as above
    from wasmrun_py.model.errors import WasmrunError  # noqa: PLC0415 - as above

    world: World = ctx.obj
    project = get_folder(world, choose_path(path, path_option, "."))
    settings = resolve_settings(project, Overrides(language=language), environ=world.environ, home=world.home)
    manager = world.plugin_manager(
        may_install=settings.install_policy is not InstallPolicy.SYSTEM, transport=parse_transport(transport)
    )
    detection = manager.detect(project)
    fields = {
        "project": project,
        "selected": None,
        "candidates": [
            {
                "plugin": each.plugin,
                "matched": each.matched,
                "confidence": each.confidence,
                "reason": each.reason,
            }
            for each in detection.candidates
        ],
    }
    try:
        chosen = manager.choose(detection, project, language=settings.language)
    except WasmrunError as error:
        if not json:
            _show(world, detection, None)
        raise CommandFailure(error, fields) from error
    if json:
        from wasmrun_py.cli.render.documents import success_document  # noqa: PLC0415 - only with --json

        world.console.document(success_document("detect", {**fields, "selected": chosen.name}))
    else:
        _show(world, detection, chosen.name)


def _show(world: World, detection: Detection, selected: str | None) -> None:
    rows = [
        (
            each.plugin,
            "selected" if each.plugin == selected else "matches" if each.matched else "no",
            str(each.confidence) if each.matched else "-",
            each.reason,
        )
        for each in detection.candidates
    ]
    world.console.table(("PLUGIN", "TAKES IT", "CONFIDENCE", "WHY"), rows, numbers=("CONFIDENCE",))
