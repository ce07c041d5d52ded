"""The helper's side of the python transport: load a plugin in its own environment and answer for it.

Run as ``PYTHON -I -B python_host.py`` by the interpreter of the plugin's environment. Standard library
only, Python 3.9 or newer, nothing of wasmrun: a plugin need not depend on it. Where wasmrun *is* importable
the plugin is handed its real types, so that one written for use in wasmrun's own process works unchanged.

Requests come in on what was fd 0 and answers leave on what was fd 1, each a frame: four bytes of length
(big-endian) and as much JSON. Before any plugin code is loaded both move to private descriptors; fd 0 is
then empty and fd 1 leads to stderr. ``channel`` is the other side.
"""

from __future__ import annotations

import atexit
import importlib
import importlib.util
import json
import os
import queue
import sys
import threading
import time
from pathlib import Path

# ``typing`` takes longer to import than everything else here; type checkers know this name.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PROTOCOL = 1
FRAME_CAP_BYTES = 16 * 1024 * 1024
_HEADER_BYTES = 4
_EXIT_GRACE_S = 0.5
_TEXT_CAP = 64 * 1024
_LIST_CAP = 10_000
_MEMBERS = ("info", "can_handle_project", "get_builder")


class Channel:
    """The private pair of descriptors; frames out are whole, whatever thread sends them."""

    def __init__(self) -> None:
        self.requests = os.fdopen(os.dup(0), "rb")
        self._answers = os.dup(1)
        self._lock = threading.Lock()
        self.nonce = ""
        empty = os.open(os.devnull, os.O_RDONLY)
        os.dup2(empty, 0)
        os.close(empty)
        os.dup2(2, 1)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - a descriptor, kept open
        sys.stdout = open(  # noqa: SIM115 - as above
            1, "w", encoding="utf-8", errors="replace", buffering=1, closefd=False
        )

    def receive(self) -> Any:
        """The next request, or None when the other side is gone."""
        header = self.requests.read(_HEADER_BYTES)
        if len(header) < _HEADER_BYTES:
            return None
        length = int.from_bytes(header, "big")
        data = self.requests.read(length)
        return json.loads(data) if len(data) == length else None

    def send(self, frame: dict[str, Any]) -> None:
        """Send one frame; one that is too long becomes an error that says so."""
        data = json.dumps({"nonce": self.nonce, **frame}).encode()
        if len(data) > FRAME_CAP_BYTES:
            if "event" in frame:
                return
            failure = {"types": ["ValueError"], "message": f"its answer has {len(data)} bytes"}
            data = json.dumps({"nonce": self.nonce, "id": frame.get("id"), "error": failure}).encode()
        self._write(len(data).to_bytes(_HEADER_BYTES, "big") + data)

    def _write(self, data: bytes) -> None:
        with self._lock:
            view = memoryview(data)
            while view:
                view = view[os.write(self._answers, view) :]


class Reporter:
    """What ``build`` is handed: ``emit`` takes wasmrun's events, look-alikes and dicts.

    The other methods are for plugins that do not import wasmrun.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def emit(self, event: Any) -> None:
        """Hand one event to wasmrun; what is no event is shown as text."""
        known = event if isinstance(event, dict) else _event_fields(event)
        self._channel.send({"event": {str(name): _plain(value) for name, value in known.items()}})

    def debug(self, text: str) -> None:
        """Say something that is shown with ``-v``."""
        self.emit({"type": "Message", "level": "debug", "text": text})

    def info(self, text: str) -> None:
        """Say something."""
        self.emit({"type": "Message", "level": "info", "text": text})

    def warning(self, text: str) -> None:
        """Warn."""
        self.emit({"type": "Message", "level": "warning", "text": text})

    def step_started(self, label: str) -> None:
        """Say that something began which may take a while."""
        self.emit({"type": "StepStarted", "label": label})

    def step_finished(self, label: str) -> None:
        """Say that it is over."""
        self.emit({"type": "StepFinished", "label": label})

    def progress(self, label: str, done_bytes: int, total_bytes: int | None = None) -> None:
        """Say how far a step is."""
        self.emit({"type": "Progress", "label": label, "done_bytes": done_bytes, "total_bytes": total_bytes})

    def tool_started(self, argv: Any) -> None:
        """Say that a program is about to run."""
        self.emit({"type": "ToolStarted", "argv": [str(word) for word in argv]})

    def tool_output(self, line: str) -> None:
        """Hand on a line that a program wrote."""
        self.emit({"type": "ToolOutput", "line": line})


class _Record:
    """A plain object with the attributes of one of wasmrun's types."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.__dict__!r})"


class BuildConfig(_Record):
    """What ``build`` is asked for, where wasmrun is not importable: the same attributes."""


class PluginContext(_Record):
    """What a plugin that takes a parameter is handed: ``environ``, ``home``, ``may_install``."""


class Home(_Record):
    """Where wasmrun keeps things; also a path (``os.fspath``), ``root`` and its sub-folders by name."""

    root: Path

    def __fspath__(self) -> str:
        return str(self.root)

    def __truediv__(self, name: str) -> Path:
        return self.root / name


class Level(str):  # noqa: SLOT000 - one object a build
    """An optimization level: equal to its word, with the ``value`` and ``name`` an enum member has."""

    @property
    def value(self) -> str:
        """The word."""
        return str(self)

    @property
    def name(self) -> str:
        """The word in capitals."""
        return str(self).upper()


class Host:
    """Answers requests for one plugin.

    Args:
        channel: Where events go.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._plugin: Any = None
        self._builder: Any = None

    def answer(self, method: str, params: dict[str, Any]) -> Any:
        """Do what a request asks for; its result as plain data."""
        known = {
            "load": self._load,
            "info": self._info,
            "can_handle_project": self._can_handle_project,
            "builder": self._describe_builder,
            "check_dependencies": self._check_dependencies,
            "validate_project": self._validate_project,
            "build": self._build,
            "clean": self._clean,
            "report_tools": self._report_tools,
        }
        return known[method](params)

    def _load(self, params: dict[str, Any]) -> dict[str, Any]:
        sys.path[:0] = params["paths"]
        announced = _look_up(params["reference"])
        plugin = _instantiate(announced, params)
        for member in _MEMBERS:
            if not hasattr(plugin, member):
                raise TypeError(f'it has no "{member}"')
        self._plugin = plugin
        return {"reports_tools": callable(getattr(plugin, "report_tools", None))}

    def _info(self, _params: dict[str, Any]) -> dict[str, Any]:
        info = self._plugin.info
        info = info() if callable(info) else info
        fields = ("name", "version", "description", "author", "extensions", "entry_files", "toolchains")
        described = {name: _plain(_get(info, name)) for name in fields}
        capabilities = _get(info, "capabilities")
        flags = ("compile_wasm", "compile_webapp", "live_reload", "optimization")
        names = (*flags, "custom_targets", "supported_languages")
        described["capabilities"] = {name: _plain(_get(capabilities, name)) for name in names}
        return described

    def _can_handle_project(self, params: dict[str, Any]) -> Any:
        found = self._plugin.can_handle_project(Path(params["project_path"]))
        if found is None or found is False:
            return None
        if found is True:
            return {"yes": True}
        if isinstance(found, int):
            answer = {"confidence": found, "reason": "it says so", "kind": "project-file"}
            return answer if found > 0 else None
        if _get(found, "confidence") is None and _get(found, "reason") is None:
            raise TypeError(f"it answered a {type(found).__name__}, not a Match")
        return {name: _plain(_get(found, name)) for name in ("confidence", "reason", "kind")}

    def _describe_builder(self, _params: dict[str, Any]) -> dict[str, Any]:
        builder = self._get_builder()
        names = ("language_name", "entry_file_candidates", "supported_extensions")
        return {name: _plain(_called(_get(builder, name))) for name in names}

    def _check_dependencies(self, _params: dict[str, Any]) -> list[Any]:
        check = getattr(self._get_builder(), "check_dependencies", None)
        return _listed(_plain(check() or ())) if check else []

    def _validate_project(self, params: dict[str, Any]) -> None:
        validate = getattr(self._get_builder(), "validate_project", None)
        if validate is not None:
            validate(Path(params["project_path"]))

    def _build(self, params: dict[str, Any]) -> dict[str, Any]:
        result = self._get_builder().build(_build_config(params["config"]), Reporter(self._channel))
        if isinstance(result, (str, os.PathLike)):
            return {"wasm_path": os.fspath(result)}
        if _get(result, "wasm_path") is None:
            raise TypeError(f"it returned a {type(result).__name__}, not a BuildResult")
        names = ("wasm_path", "js_path", "additional_files", "is_wasm_bindgen", "warnings", "binaryen_ran")
        made = {name: _plain(_get(result, name)) for name in names}
        toolchain = _get(result, "toolchain")
        made["toolchain"] = {name: _plain(_get(toolchain, name)) for name in ("name", "version")}
        made["diagnostics"] = [_diagnostic(each) for each in _listed(_get(result, "diagnostics"))]
        return made

    def _clean(self, params: dict[str, Any]) -> list[Any]:
        clean = getattr(self._get_builder(), "clean", None)
        return _listed(_plain((clean(Path(params["project_path"])) if clean else ()) or ()))

    def _report_tools(self, _params: dict[str, Any]) -> list[Any]:
        names = ("name", "status", "version", "path", "message", "hint")
        reports = self._plugin.report_tools()
        return [{name: _plain(_get(report, name)) for name in names} for report in reports]

    def _get_builder(self) -> Any:
        if self._builder is None:
            self._builder = self._plugin.get_builder()
        return self._builder


def _look_up(reference: str) -> Any:
    module, _, attributes = reference.partition(":")
    found: Any = importlib.import_module(module)
    for attribute in attributes.split("."):
        found = getattr(found, attribute)
    return found


def _instantiate(announced: Any, params: dict[str, Any]) -> Any:
    """An announced object is a plugin, or a class or function that gives one."""
    if not isinstance(announced, type) and hasattr(announced, "info"):
        return announced
    import inspect  # noqa: PLC0415 - only what must be called needs it

    if not inspect.signature(announced).parameters:
        return announced()
    return announced(_context(params))


def _context(params: dict[str, Any]) -> Any:
    """The type of wasmrun itself, or an object like it."""
    root, cache = Path(params["home"]), params["cache"]
    environ, may_install = dict(params["environ"]), bool(params["may_install"])
    if _has_wasmrun():
        try:
            api = importlib.import_module("wasmrun_py.plugin.api")
            paths = importlib.import_module("wasmrun_py.system.paths")
            home = paths.Home(root=root, own_cache=Path(cache) if cache else None)
            return api.PluginContext(environ=environ, home=home, may_install=may_install)
        except (ImportError, AttributeError, TypeError):
            # Another version of wasmrun, with other fields: the plain objects serve.
            pass
    folders = {name: root / name for name in ("toolchains", "logs", "locks", "store", "plugins", "bin")}
    home = Home(root=root, cache=Path(cache) if cache else root / "cache", **folders)
    return PluginContext(environ=environ, home=home, may_install=may_install)


def _build_config(config: dict[str, Any]) -> Any:
    """The type of wasmrun itself, or an object like it."""
    fields = dict(config)
    for name in ("project_path", "output_dir", "work_dir", "entry"):
        fields[name] = Path(fields[name]) if fields[name] is not None else None
    fields["custom_args"] = tuple(fields["custom_args"])
    level = fields["optimization_level"]
    if _has_wasmrun():
        try:
            build = importlib.import_module("wasmrun_py.model.build")
            return build.BuildConfig(**{**fields, "optimization_level": build.OptimizationLevel(level)})
        except (ImportError, AttributeError, TypeError, ValueError):
            # Another version of wasmrun, with other fields: the plain objects serve.
            pass
    return BuildConfig(**{**fields, "optimization_level": Level(level)})


def _has_wasmrun() -> bool:
    return importlib.util.find_spec("wasmrun_py") is not None


def _get(owner: Any, name: str) -> Any:
    """An attribute or an item, or None."""
    if isinstance(owner, dict):
        return owner.get(name)
    return getattr(owner, name, None)


def _called(value: Any) -> Any:
    """A property's value, or a method's."""
    return value() if callable(value) else value


def _listed(value: Any) -> list[Any]:
    return list(value)[:_LIST_CAP] if value is not None else []


def _plain(value: Any) -> Any:
    """JSON for it; what has no JSON becomes its text."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, os.PathLike):
        return str(value)
    if isinstance(value, str):
        # Also an enum that is a string: its text, not its class's.
        return str.__str__(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(each) for each in _listed(value)]
    enumerated = getattr(value, "value", None)
    return enumerated if isinstance(enumerated, str) else str(value)


def _event_fields(event: Any) -> dict[str, Any]:
    if isinstance(event, str):
        return {"type": "Message", "level": "info", "text": event}
    names = ("level", "text", "label", "done_bytes", "total_bytes", "argv", "line")
    return {
        "type": type(event).__name__,
        **{name: _get(event, name) for name in names if hasattr(event, name)},
    }


def _diagnostic(each: Any) -> dict[str, Any]:
    names = ("file", "line", "column", "severity", "message", "source")
    return {name: _plain(_get(each, name)) for name in names}


def _failure(error: BaseException) -> dict[str, Any]:
    """What an exception says, by the names of its classes."""
    described = {
        "types": [kind.__name__ for kind in type(error).__mro__ if kind is not object],
        "message": str(_get(error, "message") or error)[:_TEXT_CAP],
        "diagnostics": [_diagnostic(each) for each in _listed(_get(error, "diagnostics"))],
        "tools": _plain(_listed(_get(error, "tools"))),
    }
    for name in ("hint", "output", "log_file", "file", "line", "column"):
        described[name] = _plain(_get(error, name))
    return described


def _answer(host: Any, request: dict[str, Any]) -> dict[str, Any]:
    """The reply to one request; whatever the plugin raises is part of it."""
    try:
        return {"id": request["id"], "result": host.answer(request["method"], request["params"])}
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001 - foreign code is called here
        import traceback  # noqa: PLC0415 - only a failure needs it

        failure = _failure(error)
        if not failure["types"] or "WasmrunError" not in failure["types"]:
            traceback.print_exc(file=sys.stderr)
        return {"id": request["id"], "error": failure}


def _watch(channel: Channel, host: Any) -> None:
    """Wait until wasmrun is gone, then end with everything the plugin started.

    The main thread may be in the middle of a build. Nothing is read here: a poll for no event returns when
    the other end is closed.
    """
    import select  # noqa: PLC0415 - not everywhere of the same use

    waiting = select.poll()
    waiting.register(channel.requests, 0)
    waiting.poll()
    _leave(host)


def _leave(host: Any) -> None:
    """An idle plugin ends in its own way; a busy one is told, where it can be, and has had its time."""
    cancel = getattr(host, "cancel", None)
    if cancel is not None:
        cancel()
    time.sleep(_EXIT_GRACE_S)
    end_group()


def _read_requests(channel: Channel, requests: queue.Queue[Any], host: Any) -> None:
    """Hand requests to the main thread; when wasmrun is gone, end with everything the plugin started."""
    try:
        while True:
            request = channel.receive()
            if request is None:
                break
            requests.put(request)
    finally:
        requests.put(None)
        _leave(host)


def end_group() -> None:
    """End this process and its group: it leads a session of its own."""
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), 9)
    os._exit(0)


def limit_resources(max_memory_bytes: int | None) -> None:
    """No core files; as much address space as was granted, where the system counts it."""
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if max_memory_bytes is not None:
        try:
            resource.setrlimit(resource.RLIMIT_AS, (max_memory_bytes, max_memory_bytes))
        except (ValueError, OSError):
            # Less was granted to us already, or the system (macOS) takes no such limit.
            return


def serve(channel: Channel, host: Any) -> None:
    """Greet, then answer requests in the main thread, one after the other, until the other side is gone.

    Args:
        channel: The private descriptors.
        host: Answers by method and parameters; its ``cancel``, if it has one, is called when nobody waits.
    """
    greeting = channel.receive()
    if greeting is None:
        return
    channel.nonce = greeting["nonce"]
    limit_resources(greeting.get("max_memory_bytes"))
    receive = channel.receive
    if sys.platform == "linux":
        threading.Thread(target=_watch, args=(channel, host), daemon=True).start()
    else:
        requests: queue.Queue[Any] = queue.Queue()
        threading.Thread(target=_read_requests, args=(channel, requests, host), daemon=True).start()
        receive = requests.get
    channel.send({"id": 0, "result": {"protocol": PROTOCOL, "pid": os.getpid()}})
    while True:
        request = receive()
        if request is None:
            atexit._run_exitfuncs()  # noqa: SLF001 - what the interpreter itself does at its end
            end_group()
        channel.send(_answer(host, request))


def main() -> None:
    """Serve one plugin on this process's stdin and stdout."""
    channel = Channel()
    serve(channel, Host(channel))


if __name__ == "__main__":
    main()
