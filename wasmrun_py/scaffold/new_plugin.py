"""Write a new plugin from a template: it installs and keeps the contract before a line of it is changed."""

from __future__ import annotations

import keyword
import re
import sys
from pathlib import Path

from wasmrun_py.model.errors import UsageError
from wasmrun_py.model.plugin_source import check_name
from wasmrun_py.plugin.ffi.header import HEADER_FILE, load_header
from wasmrun_py.scaffold.template import fill_template

_TEMPLATES = Path(__file__).with_name("plugin_templates")
_HEADER = Path("include", HEADER_FILE)
_WITH_HEADER = frozenset(["c", "go", "zig"])
_PREFIX = re.compile(r"^wasm(?:run)?[-_.]?(?=[a-z])")


def find_plugin_languages() -> tuple[str, ...]:
    """The words that ``--lang`` takes, sorted."""
    return tuple(sorted(path.name for path in _TEMPLATES.iterdir() if path.is_dir()))


def new_plugin(name: str, lang: str, destination: Path) -> tuple[Path, ...]:
    """Write the folder ``destination/name`` with a plugin, a sample project and a README.

    The language it builds is called after the plugin (``wasmrun-zork`` builds ``zork``, in ``main.zork``).

    Args:
        name: The plugin's name.
        lang: One of ``find_plugin_languages()``: ``python`` for a package whose object is loaded in a helper,
            ``command`` for a folder with a program, ``c``, ``go``, ``rust`` and ``zig`` for a shared library.
        destination: An existing folder, absolute.

    Returns:
        The files, relative to the new folder, sorted.

    Raises:
        UsageError: The name or ``lang`` is none, or the folder is there and not empty.
        OutputError: The folder cannot be written; nothing is left behind.
    """
    check_name(name)
    languages = find_plugin_languages()
    if lang not in languages:
        raise UsageError(
            f'There is no template for a plugin in "{lang}"', hint=f"--lang takes {' or '.join(languages)}."
        )
    more = {_HEADER: load_header()} if lang in _WITH_HEADER else {}
    return fill_template(_TEMPLATES / lang, destination / name, _words(name), more=more)


def _words(name: str) -> dict[str, str]:
    language = re.sub(r"[^a-z0-9]+", "", _PREFIX.sub("", name.lower())) or "language"
    module = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    taken = keyword.iskeyword(module) or module in sys.stdlib_module_names
    if taken or not module.isidentifier():
        module = f"plugin_{module}"
    return {"name": name, "module": module, "language": language, "extension": language[:16]}
