"""The part of a component that is Python: modules kept in memory, and the program's run.

Runs inside the component on the component's own Python, so that it uses the standard library only and
imports nothing of wasmrun. A component has no file system of its own: whatever is imported at run time must
have been put into its memory at build time. ``ModuleStore`` holds that; ``run_program`` does what
``python main.py`` does, up to the exit code.
"""

from __future__ import annotations

import contextlib
import importlib.machinery
import os
import re
import sys
import types
import zlib
from importlib import _bootstrap
from importlib.util import decode_source, spec_from_loader

_IMPORT = re.compile(
    rb"^[ \t]*(?:from[ \t]+([.\w]+)[ \t]+import[ \t]+(?:\(([^)]*)\)|([\w, \t]+))|import[ \t]+([\w., \t]+))",
    re.MULTILINE,
)
_STAR_OR_NAME = re.compile(r"\w+")
# Python's own traceback printer and what it imports: needed when nothing else works any more.
ALWAYS = (
    *("traceback", "linecache", "tokenize", "warnings", "_pylong"),
    *("encodings.ascii", "encodings.latin_1", "encodings.utf_8_sig", "encodings.utf_16", "encodings.utf_32"),
    *("encodings.cp1252", "encodings.cp437", "encodings.idna", "encodings.unicode_escape"),
)
# Tools for programmers that other modules mention for a use of their own: only in when the program asks.
_NOT_FOLLOWED = frozenset(
    {
        "pdb",
        "bdb",
        "cmd",
        "code",
        "pydoc",
        "pydoc_data",
        "doctest",
        "unittest",
        "test",
        "webbrowser",
        "_pyrepl",
    }
)
# Imports that no Python file shows: the interpreter's own C code makes them.
_HIDDEN = {"datetime": ("_strptime",), "time": ("_strptime",)}
_SUCCESS, _FAILURE = 0, 1


class StoredModule:
    """One module's source.

    Args:
        filename: What tracebacks show.
        source: The file's bytes.
        is_package: It is a package's ``__init__``.
        effort: zlib's level, 0 for none: how tightly the bytes are kept.
    """

    __slots__ = ("_packed", "code", "filename", "is_package")

    def __init__(self, filename: str, source: bytes, *, is_package: bool, effort: int = 1) -> None:
        self.filename = filename
        self.is_package = is_package
        self.code: types.CodeType | None = None
        self._packed = zlib.compress(source, effort)

    @property
    def source(self) -> bytes:
        """The file's bytes."""
        return zlib.decompress(self._packed)

    def get_code(self) -> types.CodeType:
        """The compiled module; compiled once."""
        if self.code is None:
            self.code = compile(self.source, self.filename, "exec", dont_inherit=True)
        return self.code


class ModuleStore:
    """A finder and loader of modules in memory.

    Args:
        modules: The modules by absolute name.
        namespaces: Names of packages without an ``__init__``.
    """

    def __init__(
        self,
        modules: dict[str, StoredModule],
        *,
        namespaces: frozenset[str] = frozenset(),
    ) -> None:
        self.modules = modules
        self._namespaces = namespaces

    def find_spec(
        self, name: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The finder's half (``importlib.abc.MetaPathFinder``)."""
        del path, target
        stored = self.modules.get(name)
        if stored is None:
            if name not in self._namespaces:
                return None
            spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = [name.replace(".", "/")]
            return spec
        found = spec_from_loader(name, self, origin=stored.filename, is_package=stored.is_package)  # type: ignore[arg-type]
        if found is not None:
            found.has_location = True
            if stored.is_package:
                found.submodule_search_locations = [os.path.dirname(stored.filename)]  # noqa: PTH120 - as is
        return found

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        """The default module object is right."""

    def exec_module(self, module: types.ModuleType) -> None:
        """Run a module's body."""
        code = self.modules[module.__name__].get_code()
        _bootstrap._call_with_frames_removed(exec, code, module.__dict__)  # type: ignore[attr-defined] # noqa: SLF001

    def is_package(self, name: str) -> bool:
        """Part of ``importlib.abc.InspectLoader``."""
        return self.modules[name].is_package

    def get_code(self, name: str) -> types.CodeType:
        """Part of ``importlib.abc.InspectLoader`` (``runpy``)."""
        return self.modules[name].get_code()

    def get_source(self, name: str) -> str | None:
        """The text for tracebacks and ``inspect``."""
        stored = self.modules.get(name)
        return None if stored is None else decode_source(stored.source)

    def get_filename(self, name: str) -> str:
        """Part of ``importlib.abc.ExecutionLoader``."""
        return self.modules[name].filename

    def get_data(self, path: str) -> bytes:
        """A data file beside a module (``pkgutil.get_data``): there is none.

        Raises:
            FileNotFoundError: Always.
        """
        raise FileNotFoundError(2, "Data files are not in the component; grant their folder", path)


# Python leaves the frames of its own importers out of tracebacks, which it knows by the name of their file.
ModuleStore.exec_module.__code__ = ModuleStore.exec_module.__code__.replace(
    co_filename="<frozen importlib._bootstrap_external>"
)


class MissingModules:
    """Asked last: says of a standard module that was left out how to get it in.

    Args:
        names: Modules that the standard library has and the component has not.
    """

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Never finds anything.

        Raises:
            ModuleNotFoundError: The module was left out.
        """
        del path, target
        if name in self._names:
            raise ModuleNotFoundError(
                f"No module named {name!r} in this component: no import statement named it when it was "
                f"built. Write `import {name}` anywhere in the program (a function will do).",
                name=name,
            )


def parse_imports(source: bytes, package: str) -> set[str]:
    """Names that a module may import, by its text: too many rather than too few.

    Args:
        source: The module's bytes.
        package: The package that relative imports start from; empty for a top-level module.

    Returns:
        Absolute names; for ``from a import b`` both ``a`` and ``a.b``.
    """
    names: set[str] = set()
    for match in _IMPORT.finditer(source):
        base, in_parentheses, on_line, plain = (
            group.decode("ascii", "ignore") if group else "" for group in match.groups()
        )
        if plain:
            names.update(part.split()[0] for part in plain.split(",") if part.split())
            continue
        absolute = resolve_relative(base, package)
        if absolute is None:
            continue
        names.add(absolute)
        names.update(f"{absolute}.{each}" for each in _STAR_OR_NAME.findall(in_parentheses or on_line))
    return {parent for name in names for parent in with_parents(name)}


def resolve_relative(base: str, package: str) -> str | None:
    """``..x`` in package ``a.b`` is ``a.x``; None when it leaves the top-level package."""
    level = len(base) - len(base.lstrip("."))
    rest = base[level:]
    if level == 0:
        return rest
    parts = package.split(".") if package else []
    if level > len(parts):
        return None
    kept = parts[: len(parts) - level + 1]
    return ".".join([*kept, rest] if rest else kept) or None


def with_parents(name: str) -> list[str]:
    """``a.b.c`` is ``a``, ``a.b`` and ``a.b.c``."""
    parts = name.split(".")
    return [".".join(parts[: end + 1]) for end in range(len(parts))]


def load_library(folder: str, names: set[str], *, effort: int = 1) -> dict[str, StoredModule]:
    """Read standard modules and everything they may import, over and over until nothing is new.

    Args:
        folder: Where the standard library lies.
        names: What is wanted; names that are not there are passed over.
        effort: As ``StoredModule``.
    """
    found: dict[str, StoredModule] = {}
    waiting = sorted({parent for name in names for parent in with_parents(name)})
    tools = _NOT_FOLLOWED - set(waiting)
    seen = set(waiting)
    while waiting:
        name = waiting.pop()
        new = set(_HIDDEN.get(name, ()))
        file = _read_module(folder, name)
        if file is not None:
            filename, source, is_package = file
            found[name] = StoredModule(filename, source, is_package=is_package, effort=effort)
            new |= parse_imports(source, name if is_package else name.rpartition(".")[0])
        new = {each for each in new - seen if each.partition(".")[0] not in tools}
        seen |= new
        waiting.extend(new)
    return found


def _read_module(folder: str, name: str) -> tuple[str, bytes, bool] | None:
    """File name, content, and whether it is a package's ``__init__``."""
    path = f"{folder}/{name.replace('.', '/')}"
    for filename, is_package in ((f"{path}/__init__.py", True), (f"{path}.py", False)):
        try:
            with open(filename, "rb") as stream:  # noqa: PTH123 - pathlib is one more module to load
                return filename, stream.read(), is_package
        except OSError:
            continue
    return None


def list_library(folder: str) -> frozenset[str]:
    """Top-level names of the standard library in a folder."""
    return frozenset(
        name.removesuffix(".py")
        for name in os.listdir(folder)  # noqa: PTH208 - as above
        if name.endswith(".py") or "." not in name
    )


def run_program(store: ModuleStore, name: str, *, as_module: bool) -> int:
    """Run a stored module as ``__main__``, as ``python FILE`` or ``python -m`` would.

    Args:
        store: Where the module is.
        name: Its name in the store.
        as_module: ``-m``: relative imports work.

    Returns:
        The exit code, 0 to 255.
    """
    stored = store.modules[name]
    module = types.ModuleType("__main__")
    module.__file__ = stored.filename
    module.__dict__["__loader__"] = store
    module.__dict__["__builtins__"] = sys.modules["builtins"]
    if as_module:
        module.__spec__ = store.find_spec(name)
        module.__package__ = name.rpartition(".")[0]
    # Tracebacks ask the loader for the text of ``__main__``.
    store.modules["__main__"] = stored
    sys.modules["__main__"] = module
    code = _run_to_the_end(stored, module)
    return _FAILURE if not _finish() and code == _SUCCESS else code


def _run_to_the_end(stored: StoredModule, module: types.ModuleType) -> int:
    try:
        exec(stored.get_code(), module.__dict__)  # noqa: S102 - this is what running a program is
    except SystemExit as ended:
        return exit_code(ended)
    except BaseException as error:  # noqa: BLE001 - the outermost frame of a program
        trace = error.__traceback__
        # The first frame is ours.
        _report(error.with_traceback(trace.tb_next if trace else None))
        return _FAILURE
    return _SUCCESS


def exit_code(ended: SystemExit) -> int:
    """What CPython makes of ``sys.exit``'s argument; text goes to stderr."""
    status = ended.code
    if status is None:
        return _SUCCESS
    if isinstance(status, int):
        return status & 0xFF
    _write_error(f"{status}\n")
    return _FAILURE


def _report(error: BaseException) -> None:
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
    try:
        sys.excepthook(type(error), error, error.__traceback__)
    except SystemExit:
        pass
    except BaseException as broken:  # noqa: BLE001 - a hook of the program's own may do anything
        _write_error("Error in sys.excepthook:\n")
        sys.__excepthook__(type(broken), broken, broken.__traceback__)


def _finish() -> bool:
    """What the interpreter does at its end: exit functions, then flushing; False when stdout is broken."""
    import atexit  # noqa: PLC0415 - a program may have replaced nothing before this

    atexit._run_exitfuncs()  # noqa: SLF001 - what the interpreter calls at its end
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError) as error:
        _write_error(f"Exception ignored while flushing sys.stdout: {error}\n")
        return False
    return True


def _write_error(text: str) -> None:
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        return
