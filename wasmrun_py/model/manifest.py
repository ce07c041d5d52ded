"""What a plugin says of itself, and what a project looks like to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class MatchKind(StrEnum):
    """By what a plugin recognised a project, strongest first."""

    ENTRY_FILE = "entry-file"
    PROJECT_FILE = "project-file"
    EXTENSION = "extension"


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A plugin's answer that it can build a project.

    Attributes:
        confidence: 1 (a guess) to 100 (its own configuration file lies there).
        reason: Why, in words that complete "because …" (``src/main.c is there``).
        kind: What the answer rests on. An extension match never beats another plugin's entry-file match:
            the manager caps its confidence (DESIGN §6).
    """

    confidence: int
    reason: str
    kind: MatchKind = MatchKind.PROJECT_FILE


@dataclass(frozen=True, slots=True, kw_only=True)
class NoMatch:
    """A plugin's answer that a project is not its own.

    Attributes:
        reason: What it looked for and did not find.
    """

    reason: str


class TransportKind(StrEnum):
    """How wasmrun talks to a plugin (DESIGN §6)."""

    PYTHON = "python"
    FFI = "ffi"
    COMMAND = "command"


class PluginType(StrEnum):
    """Where a plugin comes from."""

    BUILTIN = "builtin"
    EXTERNAL = "external"


class HealthStatus(StrEnum):
    """Whether a plugin can work (the article's words)."""

    HEALTHY = "healthy"
    MISSING_DEPENDENCIES = "missing dependencies"
    NOT_FOUND = "not found"
    LOAD_ERROR = "load error"


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginHealth:
    """A plugin's health with the reason in words.

    Attributes:
        status: One of the article's four words.
        message: Why; empty when healthy.
    """

    status: HealthStatus
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginCapabilities:
    """What a plugin can do (the article's fields).

    Attributes:
        compile_wasm: It builds the ``wasm`` target.
        compile_webapp: It builds the ``web`` target.
        live_reload: Its builds are fast and clean enough for the development server.
        optimization: It honours the optimization level.
        custom_targets: Target words of its own.
        supported_languages: Languages in the words a user types after ``-l``.
    """

    compile_wasm: bool = True
    compile_webapp: bool = False
    live_reload: bool = False
    optimization: bool = False
    custom_targets: tuple[str, ...] = ()
    supported_languages: tuple[str, ...] = ()

    @property
    def targets(self) -> tuple[str, ...]:
        """Every target word the plugin takes."""
        builtin = (("wasm", self.compile_wasm), ("web", self.compile_webapp))
        return (*(word for word, can in builtin if can), *self.custom_targets)


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginInfo:
    """A plugin's identity (the article's name).

    Attributes:
        name: The plugin's name, unique among plugins.
        version: Its version.
        description: One sentence.
        author: Who wrote it; may be empty.
        extensions: File extensions without the dot.
        entry_files: File names, relative to the project, that make a project its own.
        capabilities: What it can do.
        toolchains: Names that ``--toolchain`` accepts, in order of preference.
        run_target: What ``wasmrun run`` builds for when nobody says; None for what suits the project.
    """

    name: str
    version: str
    description: str
    author: str = ""
    extensions: tuple[str, ...] = ()
    entry_files: tuple[str, ...] = ()
    capabilities: PluginCapabilities = PluginCapabilities()
    toolchains: tuple[str, ...] = ()
    run_target: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transports:
    """The ways a plugin offers to be called (``[transports]`` of its manifest, DESIGN §6).

    Attributes:
        python: ``module:object`` that is a ``Plugin``, or None.
        ffi: The base name of a shared library, or None.
        command: The name of a program, or None.
    """

    python: str | None = None
    ffi: str | None = None
    command: str | None = None

    @property
    def kinds(self) -> tuple[TransportKind, ...]:
        """The offered transports, in the order they are tried (DESIGN §6)."""
        offered = (
            (TransportKind.FFI, self.ffi),
            (TransportKind.PYTHON, self.python),
            (TransportKind.COMMAND, self.command),
        )
        return tuple(kind for kind, value in offered if value is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginManifest:
    """Everything a plugin's package says of the plugin (DESIGN §6, "Manifest").

    Attributes:
        info: Who it is and what it can do; ``info.name`` is the plugin's own name.
        language: The manifest's ``name``: the *language*, in the plugins that exist.
        transports: How it can be called.
        tools: Programs without which it cannot build.
        optional_tools: Programs it makes use of.
        exports: Role -> symbol in its library (real plugins carry none, one or seven).
        frameworks: Frameworks it knows.
        abi: The C ABI its library speaks, or None.
        requires_wasmrun: Versions of wasmrun it works with (PEP 440), or None for any.
        cache: What it makes depends on nothing but the project, its tools and the environment, so that it may
            be kept and taken again.
    """

    info: PluginInfo
    language: str
    transports: Transports = Transports()
    tools: tuple[str, ...] = ()
    optional_tools: tuple[str, ...] = ()
    exports: Mapping[str, str] = field(default_factory=dict)
    frameworks: tuple[str, ...] = ()
    abi: int | None = None
    requires_wasmrun: str | None = None
    cache: bool = True
