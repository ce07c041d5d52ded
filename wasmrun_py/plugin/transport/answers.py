"""Turn what a helper answers into our types. Everything in it is hostile until it has passed here.

Types, sizes and words are checked; whether an artifact is one is checked where all artifacts are
(``plugin.artifacts``). Pure: data in, values or errors out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from wasmrun_py.model import errors
from wasmrun_py.model.build import BuildResult, Toolchain
from wasmrun_py.model.diagnostic import Diagnostic, Severity
from wasmrun_py.model.events import (
    Level,
    Message,
    Progress,
    StepFinished,
    StepStarted,
    ToolOutput,
    ToolStarted,
)
from wasmrun_py.model.manifest import Match, MatchKind, NoMatch
from wasmrun_py.model.tool import ToolReport, ToolStatus

if TYPE_CHECKING:
    from wasmrun_py.model.events import Event

_Word = TypeVar("_Word", MatchKind, ToolStatus, Level, Severity)

# The reason of an answer that gives none.
BARE_REASON = "it says so"
_SENTENCE_CAP = 4000
_OUTPUT_CAP = 4 * 1024 * 1024
_PATH_CAP = 8192
_LIST_CAP = 10_000
_SEVERAL = 500
_INTEGER_CAP = 2**53
# Errors whose message, hint and diagnostics are all there is to them.
_PLAIN_ERRORS: dict[str, type[errors.WasmrunError]] = {
    kind.__name__: kind
    for kind in (
        errors.UsageError,
        errors.PathNotFoundError,
        errors.NotAFolderError,
        errors.NotAFileError,
        errors.UnreadablePathError,
        errors.OutputError,
        errors.InvalidModuleError,
        errors.LimitError,
        errors.WasmrunError,
    )
}
_BUILD_ERRORS: dict[str, type[errors.BuildError]] = {
    kind.__name__: kind
    for kind in (
        errors.BuildError,
        errors.UnsupportedBuildError,
        errors.ToolCrashedError,
        errors.ArtifactError,
    )
}
_TOOL_ERRORS: dict[str, type[errors.MissingToolError]] = {
    kind.__name__: kind for kind in (errors.MissingToolError, errors.ProvisionError)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BuilderFacts:
    """What a builder says of itself.

    Attributes:
        language_name: In the user's words.
        entry_file_candidates: File names relative to the project.
        supported_extensions: Without the dot.
    """

    language_name: str
    entry_file_candidates: tuple[str, ...]
    supported_extensions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who was asked what: the beginning of every complaint about an answer.

    Attributes:
        plugin: The plugin's name.
        phase: What it was asked to do.
    """

    plugin: str
    phase: str

    def wrong(self, problem: str) -> errors.PluginFailedError:
        """The error for an answer that is none."""
        return errors.PluginFailedError(
            f'Plugin "{self.plugin}" failed in {self.phase}: {problem}',
            plugin=self.plugin,
            phase=self.phase,
            hint="This is a fault of the plugin; report it to its author.",
        )


def parse_match(answer: object, asked: Asked) -> Match | NoMatch | None:
    """The answer to ``can_handle_project``; None for a bare yes, which leaves the rest to the manifest.

    Raises:
        PluginFailedError: It is none.
    """
    if answer is None:
        return NoMatch(reason="it does not recognise the project")
    table = _table(answer, asked, "its answer")
    if table.get("yes") is True:
        return None
    reason = _text(table.get("reason"), asked, "reason") or BARE_REASON
    confidence = table.get("confidence")
    if confidence is None:
        return NoMatch(reason=reason)
    if isinstance(confidence, bool) or not isinstance(confidence, (int, float)) or not 0 <= confidence <= 100:  # noqa: PLR2004 - the scale
        raise asked.wrong(f"its confidence is {str(confidence)[:40]}, not a number from 0 to 100")
    if confidence < 1:
        return NoMatch(reason=reason)
    kind = _word(table.get("kind"), MatchKind, MatchKind.PROJECT_FILE)
    return Match(confidence=int(confidence), reason=reason, kind=kind)


def parse_facts(answer: object, asked: Asked) -> BuilderFacts:
    """The answer to ``builder``.

    Raises:
        PluginFailedError: It is none.
    """
    table = _table(answer, asked, "its builder")
    return BuilderFacts(
        language_name=_text(table.get("language_name"), asked, "language_name"),
        entry_file_candidates=parse_texts(table.get("entry_file_candidates"), asked, "entry_file_candidates"),
        supported_extensions=parse_texts(table.get("supported_extensions"), asked, "supported_extensions"),
    )


def parse_result(answer: object, asked: Asked, *, default: Toolchain) -> BuildResult:
    """The answer to ``build``; the artifacts it names are not looked at.

    Args:
        answer: What came.
        asked: Who was asked what.
        default: The toolchain of a plugin that names none.

    Raises:
        PluginFailedError: It is none.
    """
    table = _table(answer, asked, "its result")
    toolchain = table.get("toolchain")
    named = _table(toolchain, asked, "toolchain") if toolchain is not None else {}
    js_path = table.get("js_path")
    return BuildResult(
        wasm_path=_path(table.get("wasm_path"), asked, "wasm_path"),
        js_path=None if js_path is None else _path(js_path, asked, "js_path"),
        additional_files=tuple(
            _path(each, asked, "additional_files")
            for each in _list(table.get("additional_files"), asked, "additional_files")
        ),
        is_wasm_bindgen=_flag(table.get("is_wasm_bindgen"), asked, "is_wasm_bindgen"),
        toolchain=Toolchain(
            name=_text(named.get("name"), asked, "toolchain.name") or default.name,
            version=_text(named.get("version"), asked, "toolchain.version")
            or ("" if named.get("name") else default.version),
        ),
        warnings=parse_texts(table.get("warnings"), asked, "warnings"),
        diagnostics=_diagnostics(table.get("diagnostics")),
        binaryen_ran=_flag(table.get("binaryen_ran"), asked, "binaryen_ran"),
    )


def parse_texts(answer: object, asked: Asked, field: str) -> tuple[str, ...]:
    """A list of sentences or names.

    Raises:
        PluginFailedError: It is none.
    """
    return tuple(_text(each, asked, field) for each in _list(answer, asked, field))


def parse_paths(answer: object, asked: Asked, field: str) -> tuple[Path, ...]:
    """A list of absolute paths.

    Raises:
        PluginFailedError: It is none.
    """
    return tuple(_path(each, asked, field) for each in _list(answer, asked, field))


def parse_tool_reports(answer: object, asked: Asked) -> tuple[ToolReport, ...]:
    """The answer to ``report_tools``.

    Raises:
        PluginFailedError: It is none.
    """
    tables = [_table(each, asked, "a tool report") for each in _list(answer, asked, "report_tools")]
    return tuple(
        ToolReport(
            name=_text(table.get("name"), asked, "name"),
            status=_word(table.get("status"), ToolStatus, ToolStatus.MISSING),
            version=_text(table.get("version"), asked, "version"),
            path=_path(table["path"], asked, "path") if table.get("path") else None,
            message=_text(table.get("message"), asked, "message"),
            hint=_text(table.get("hint"), asked, "hint"),
        )
        for table in tables
    )


def parse_event(data: object) -> Event | None:  # noqa: PLR0911 - one return an event
    """An event for the Reporter; None for what is none: an event is a courtesy, not a promise."""
    if not isinstance(data, dict):
        return None
    kind = data.get("type")
    label, line = _loose(data.get("label")), _loose(data.get("line"))
    if kind == "Message":
        level = _word(data.get("level"), Level, Level.INFO)
        return Message(level=level, text=_loose(data.get("text")))
    if kind == "StepStarted":
        return StepStarted(label=label)
    if kind == "StepFinished":
        return StepFinished(label=label)
    if kind == "Progress":
        done, total = _count(data.get("done_bytes")), _count(data.get("total_bytes"))
        return Progress(label=label, done_bytes=done or 0, total_bytes=total)
    if kind == "ToolStarted":
        argv = data.get("argv")
        words = argv[:_LIST_CAP] if isinstance(argv, list) else []
        return ToolStarted(argv=tuple(_loose(word) for word in words))
    return ToolOutput(line=line) if kind == "ToolOutput" else None


def raise_failure(failure: object, *, plugin: str, phase: str) -> NoReturn:
    """Raise what the plugin raised: the error of ours that one of its classes is named after.

    An exception of any other name is a fault of the plugin, as it is for a plugin in our own process.

    Raises:
        WasmrunError: Always.
    """
    asked = Asked(plugin=plugin, phase=phase)
    table = _table(failure, asked, "its error")
    names = [name for name in _loose_list(table.get("types")) if isinstance(name, str)]
    message = _loose(table.get("message"))
    for name in names:
        error = _known_error(name, message, table)
        if error is not None:
            raise error
    said = message.strip().splitlines()
    shown = names[0] if names else "an exception"
    raise asked.wrong(f"{shown[:80]}" + (f": {said[0]}" if said else ""))


def _known_error(name: str, message: str, table: dict[str, Any]) -> errors.WasmrunError | None:
    """The error of ours with this class name, or None."""
    hint, diagnostics = _loose(table.get("hint")), _diagnostics(table.get("diagnostics"))
    if name in _BUILD_ERRORS:
        output, log_file = table.get("output"), table.get("log_file")
        return _BUILD_ERRORS[name](
            message,
            hint=hint,
            diagnostics=diagnostics,
            output=output[:_OUTPUT_CAP] if isinstance(output, str) else "",
            log_file=Path(log_file[:_PATH_CAP]) if isinstance(log_file, str) and log_file else None,
        )
    if name in _TOOL_ERRORS:
        tools = [tool for tool in _loose_list(table.get("tools")) if isinstance(tool, str)]
        return _TOOL_ERRORS[name](message, tools=tools[:_SEVERAL], hint=hint)
    if name == errors.ConfigError.__name__ and diagnostics and isinstance(table.get("file"), str):
        place = diagnostics[0]
        return errors.ConfigError(
            place.message,
            file=Path(_loose(table["file"])),
            line=_count(table.get("line")),
            column=_count(table.get("column")),
            hint=hint,
        )
    if name in _PLAIN_ERRORS:
        return _PLAIN_ERRORS[name](message, hint=hint, diagnostics=diagnostics)
    return None


def _diagnostics(value: object) -> tuple[Diagnostic, ...]:
    """Diagnostics are shown to people: what is odd in one is left out rather than refused."""
    tables = [each for each in _loose_list(value)[:_SEVERAL] if isinstance(each, dict)]
    return tuple(
        Diagnostic(
            file=_loose(table.get("file")) or None,
            line=_count(table.get("line")),
            column=_count(table.get("column")),
            severity=_word(table.get("severity"), Severity, Severity.ERROR),
            message=_loose(table.get("message")),
            source=_loose(table.get("source")),
        )
        for table in tables
    )


def _table(value: object, asked: Asked, field: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise asked.wrong(f"{field} is {_kind(value)}, not a table")
    return value


def _list(value: object, asked: Asked, field: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise asked.wrong(f"{field} is {_kind(value)}, not a list")
    if len(value) > _LIST_CAP:
        raise asked.wrong(f"{field} has {len(value)} entries; {_LIST_CAP} is the most")
    return value


def _text(value: object, asked: Asked, field: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise asked.wrong(f"{field} is {_kind(value)}, not text")
    if len(value) > _SENTENCE_CAP:
        raise asked.wrong(f"{field} has {len(value)} characters; {_SENTENCE_CAP} is the most")
    return value


def _path(value: object, asked: Asked, field: str) -> Path:
    if not isinstance(value, str) or not value:
        raise asked.wrong(f"{field} is {_kind(value)}, not a path")
    if len(value) > _PATH_CAP or "\0" in value:
        raise asked.wrong(f"{field} is no path that this system has")
    return Path(value)


def _flag(value: object, asked: Asked, field: str) -> bool:
    if value is None:
        return False
    if not isinstance(value, bool):
        raise asked.wrong(f"{field} is {_kind(value)}, not true or false")
    return value


def _word(value: object, words: type[_Word], default: _Word) -> _Word:
    return next((word for word in words if word.value == value), default)


def _loose(value: object) -> str:
    return value[:_SENTENCE_CAP] if isinstance(value, str) else ""


def _loose_list(value: object) -> list[Any]:
    return value[:_LIST_CAP] if isinstance(value, list) else []


def _count(value: object) -> int | None:
    whole = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _INTEGER_CAP
    return value if whole else None  # type: ignore[return-value]  # an integer, as just seen


def _kind(value: object) -> str:
    kinds = {dict: "a table", list: "a list", str: "text", bool: "true or false", int: "a number"}
    return kinds.get(type(value), "nothing" if value is None else f"a {type(value).__name__}")
