"""Fill a template's folder into a new folder, whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from wasmrun_py.model.errors import UsageError
from wasmrun_py.system.fs import staging_folder, translate_write_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PROGRAMS = "bin"
_EXECUTABLE = 0o755


def fill_template(
    template: Path, folder: Path, words: Mapping[str, str], *, more: Mapping[Path, str] | None = None
) -> tuple[Path, ...]:
    """Write ``folder`` from ``template``, words in their places.

    A word stands as ``{{word}}`` in a text and as ``_word_`` in the name of a file or folder. Files in
    ``bin`` can be executed.

    Args:
        template: The template's folder.
        folder: The new folder, absolute; its parent exists.
        words: What stands for what.
        more: Files beside the template's, relative to the new folder, with their text as it is.

    Returns:
        The files, relative to the new folder, sorted.

    Raises:
        UsageError: The folder is there and not empty.
        OutputError: The folder cannot be written; nothing is left behind.
    """
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise UsageError(f"{folder} is already there", hint="Choose another name, or remove it first.")
    written = []
    with (
        staging_folder(folder.parent, prefix=f".{folder.name}-") as staging,
        translate_write_errors(f"create {folder}"),
    ):
        made = staging / folder.name
        for file in _walk(template):
            name = Path(*(_fill(part, words, "_{}_") for part in file.parts))
            target = made / name
            target.parent.mkdir(parents=True, exist_ok=True)
            text = _fill((template / file).read_text(encoding="utf-8"), words, "{{{{{}}}}}")
            target.write_text(text, encoding="utf-8", newline="\n")
            if name.parts[0] == _PROGRAMS:
                target.chmod(_EXECUTABLE)
            written.append(name)
        for name, text in (more or {}).items():
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            (made / name).write_text(text, encoding="utf-8", newline="\n")
            written.append(name)
        if folder.exists():
            folder.rmdir()
        made.rename(folder)
    return tuple(sorted(written))


def _fill(text: str, words: Mapping[str, str], form: str) -> str:
    for word, value in words.items():
        text = text.replace(form.format(word), value)
    return text


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(folder)
