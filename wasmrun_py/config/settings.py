"""What holds for one run: command line > environment > wasmrun.toml > config.toml > default.

``resolve_settings`` is the only place that knows the order. Where a value came from is kept beside it, so
that an error can say which file or variable to change.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wasmrun_py.config.remote_cache import (
    CACHE_TABLE,
    REMOTE_CACHE_KEYS,
    RemoteCacheSettings,
    find_remote_cache,
    refuse_remote_cache,
)
from wasmrun_py.config.schema_version import PLUGINS_TABLE, SCHEMA_KEY, check_schema
from wasmrun_py.config.toml_file import Key, Schema, TomlFile, load_toml, suggest
from wasmrun_py.model.consent import InstallPolicy
from wasmrun_py.model.errors import ConfigError, UsageError
from wasmrun_py.model.target import WASM_TARGET, OptimizationLevel

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wasmrun_py.system.paths import Home

PROJECT_FILE = "wasmrun.toml"
DEFAULT_OUTPUT = "dist"

_LEVELS = tuple(OptimizationLevel)
_POLICIES = tuple(InstallPolicy)
_POLICY_VARIABLE = "WASMRUN_TOOLCHAINS"
_POLICY_KEY = ("toolchains", "policy")
_BUILD_KEYS = {
    "target": Key(kind=str),
    "optimization": Key(kind=str, choices=_LEVELS),
    "toolchain": Key(kind=str),
}
_POLICY_KEYS = {"policy": Key(kind=str, choices=_POLICIES)}
_PROJECT_SCHEMA: Schema = {
    "project": {
        "language": Key(kind=str),
        "entry": Key(kind=str),
        "name": Key(kind=str),
        "depends_on": Key(kind=list),
    },
    "build": {**_BUILD_KEYS, "args": Key(kind=list), "output": Key(kind=str)},
    "run": {
        "port": Key(kind=int),
        "host": Key(kind=str),
        "open": Key(kind=bool),
        "cors": Key(kind=bool),
        "isolate": Key(kind=bool),
        "headers": Key(kind=list),
        "proxy": Key(kind=list),
        "target": Key(kind=str),
        "optimization": Key(kind=str, choices=_LEVELS),
    },
    "toolchains": _POLICY_KEYS,
    "workspace": {"members": Key(kind=list), "exclude": Key(kind=list), "shared": Key(kind=list)},
}
_USER_SCHEMA: Schema = {
    "build": _BUILD_KEYS,
    "toolchains": _POLICY_KEYS,
    CACHE_TABLE: {"enabled": Key(kind=bool), "max_size": Key(kind=str), **REMOTE_CACHE_KEYS},
}
_CACHE_SIZE_VARIABLE = "WASMRUN_CACHE_SIZE"
_CACHE_BYTES = 5 * 1024**3
# Option -> (environment variable, table and key in the files).
_PLACES = {
    "language": ("WASMRUN_LANGUAGE", ("project", "language")),
    "target": ("WASMRUN_TARGET", ("build", "target")),
    "optimization": ("WASMRUN_OPTIMIZATION", ("build", "optimization")),
    "toolchain": ("WASMRUN_TOOLCHAIN", ("build", "toolchain")),
    "output": ("WASMRUN_OUTPUT", ("build", "output")),
}
_NAME = re.compile(r"[^\W.-][\w .+-]{0,99}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What the command line said; None or empty is "nothing"."""

    language: str | None = None
    plugin: str | None = None
    target: str | None = None
    optimization: str | None = None
    toolchain: str | None = None
    output: Path | None = None
    args: tuple[str, ...] = ()
    debug_info: bool = False
    frozen: bool = False
    no_toolchain_install: bool = False
    no_cache: bool = False
    explain: bool = False
    verbose: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheSettings:
    """How the build cache is used.

    Attributes:
        enabled: Earlier builds are looked for, and this one is kept.
        max_bytes: What the cache may hold; beyond it the least recently used goes.
        explain: Say why something had to be built.
        remote: Where builds are kept for other machines, or None.
    """

    enabled: bool = True
    max_bytes: int = _CACHE_BYTES
    explain: bool = False
    remote: RemoteCacheSettings | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything a build needs to know, resolved.

    Attributes:
        language: The language asked for, or None to detect it.
        plugin: The plugin asked for, or None to choose one.
        name: The artifact's base name, or None for the builder's choice.
        entry: The entry file, absolute, or None.
        target: ``wasm``, ``web`` or a plugin's own word.
        optimization: debug, release or size.
        toolchain: The toolchain asked for, or None.
        args: Arguments for the toolchain, the file's before the command line's.
        output_dir: Where artifacts go, absolute.
        debug_info: Keep debug information whatever the level.
        install_policy: Whether missing toolchains are installed, asked about, or refused.
        verbose: Show the toolchain's output.
        frozen: External plugins must be those of ``wasmrun.lock``, to the byte.
        cache: How the build cache is used.
        built_before: What the builds that this one depends on made, ``NAME FILE`` -> digest.
        remember_output: ``clean`` is told of ``output_dir``.
        origins: Option -> where its value came from (``--target``, ``WASMRUN_TARGET``, a file's name);
            options that hold their default are absent.
    """

    language: str | None
    plugin: str | None
    name: str | None
    entry: Path | None
    target: str
    optimization: OptimizationLevel
    toolchain: str | None
    args: tuple[str, ...]
    output_dir: Path
    debug_info: bool
    install_policy: InstallPolicy
    verbose: bool
    frozen: bool = False
    cache: CacheSettings = field(default_factory=CacheSettings)
    built_before: Mapping[str, str] = field(default_factory=dict)
    remember_output: bool = True
    origins: Mapping[str, str] = field(default_factory=dict)


def resolve_settings(
    project: Path, overrides: Overrides, *, environ: Mapping[str, str], home: Home
) -> Settings:
    """Read both files and resolve every option.

    Args:
        project: The project's folder, absolute.
        overrides: What the command line said.
        environ: The environment.
        home: Where the user's ``config.toml`` lies.

    Raises:
        ConfigError: A file is broken, or a variable holds what it cannot.
    """
    project_file = load_project_file(project)
    user_file = load_user_file(home)
    values: dict[str, str] = {}
    origins: dict[str, str] = {}
    for option, (variable, place) in _PLACES.items():
        for value, origin in (
            (_override(overrides, option), f"--{option}"),
            (environ.get(variable) or None, variable),
            (_lookup(project_file, *place), PROJECT_FILE),
            (_lookup(user_file, *place), home.config_file.name),
        ):
            if value is not None:
                values[option], origins[option] = value, origin
                break
    level = _choice("optimization", values, origins, _LEVELS)
    refused = overrides.frozen or overrides.no_toolchain_install
    return Settings(
        language=values.get("language"),
        plugin=overrides.plugin,
        name=_artifact_name(project_file),
        entry=_entry(project_file, project),
        target=values.get("target", WASM_TARGET),
        optimization=OptimizationLevel(level) if level else OptimizationLevel.RELEASE,
        toolchain=values.get("toolchain"),
        args=(*_args(project_file), *overrides.args),
        output_dir=project / values.get("output", DEFAULT_OUTPUT),
        debug_info=overrides.debug_info,
        install_policy=InstallPolicy.SYSTEM if refused else _find_policy(environ, project_file, user_file),
        frozen=overrides.frozen,
        cache=_cache_settings(overrides, environ, user_file),
        verbose=overrides.verbose,
        origins=origins,
    )


def load_install_policy(*, environ: Mapping[str, str], home: Home) -> InstallPolicy:
    """What happens to missing toolchains, where no project and no flag has a say.

    Raises:
        ConfigError: The user's file is broken.
        UsageError: The variable holds what it cannot.
    """
    return _find_policy(environ, load_user_file(home))


def load_cache_settings(*, environ: Mapping[str, str], home: Home) -> CacheSettings:
    """How the build cache is used, where no project and no flag has a say.

    Raises:
        ConfigError: The user's file is broken.
        UsageError: The variable holds what it cannot.
    """
    return _cache_settings(Overrides(), environ, load_user_file(home))


def _cache_settings(
    overrides: Overrides, environ: Mapping[str, str], user_file: TomlFile | None
) -> CacheSettings:
    wanted = user_file is None or user_file.tables.get("cache", {}).get("enabled", True)
    return CacheSettings(
        enabled=wanted and not overrides.no_cache,
        max_bytes=_cache_bytes(environ, user_file),
        explain=overrides.explain,
        remote=find_remote_cache(environ, user_file),
    )


def _cache_bytes(environ: Mapping[str, str], user_file: TomlFile | None) -> int:
    named = environ.get(_CACHE_SIZE_VARIABLE) or None
    text = named or _lookup(user_file, "cache", "max_size")
    if text is None:
        return _CACHE_BYTES
    from wasmrun_py.model.size import SIZE_HINT, SizeError, parse_size_bytes  # noqa: PLC0415 - few name one

    try:
        return parse_size_bytes(text)
    except SizeError as error:
        if named or user_file is None:
            raise UsageError(f"{_CACHE_SIZE_VARIABLE}: {error}", hint=SIZE_HINT) from error
        raise user_file.error("cache", "max_size", f'[cache] "max_size": {error}', hint=SIZE_HINT) from error


def _find_policy(environ: Mapping[str, str], *files: TomlFile | None) -> InstallPolicy:
    """The variable's word, else the strictest of the files': a project cannot allow what its user refuses."""
    named = environ.get(_POLICY_VARIABLE)
    if named:
        _choice("policy", {"policy": named}, {"policy": _POLICY_VARIABLE}, _POLICIES)
        return InstallPolicy(named)
    found = [InstallPolicy(value) for file in files if (value := _lookup(file, *_POLICY_KEY))]
    return max(found, key=_POLICIES.index, default=InstallPolicy.AUTO)


def load_project_file(project: Path) -> TomlFile | None:
    """A project's ``wasmrun.toml``, checked; None when there is none.

    The plugins it names are ``project_plugins``'s business.

    Raises:
        ConfigError: It is broken.
    """
    file = load_toml(project / PROJECT_FILE, _PROJECT_SCHEMA, elsewhere=("plugins", CACHE_TABLE))
    if file is not None:
        refuse_remote_cache(file)
    return file


def load_user_file(home: Home) -> TomlFile | None:
    """The user's ``config.toml``, checked; None when there is none.

    What it says of installed plugins is ``plugin_state``'s business.

    Raises:
        ConfigError: It is broken, or a newer wasmrun wrote it.
    """
    file = load_toml(home.config_file, _USER_SCHEMA, elsewhere=(SCHEMA_KEY, PLUGINS_TABLE))
    if file is not None:
        check_schema(file)
    return file


def _override(overrides: Overrides, option: str) -> str | None:
    value = getattr(overrides, option, None)
    return None if value is None else str(value)


def _lookup(file: TomlFile | None, table: str, key: str) -> str | None:
    if file is None:
        return None
    value = file.tables.get(table, {}).get(key)
    return value if isinstance(value, str) else None


def _choice(
    option: str, values: Mapping[str, str], origins: Mapping[str, str], choices: tuple[str, ...]
) -> str | None:
    """The option's value; the files were checked when they were read, the rest is checked here."""
    value = values.get(option)
    if value is not None and value not in choices:
        raise UsageError(f'{origins[option]} cannot be "{value}"', hint=suggest(value, choices))
    return value


def _artifact_name(file: TomlFile | None) -> str | None:
    name = _lookup(file, "project", "name")
    if file is not None and name is not None and not _NAME.fullmatch(name):
        raise file.error(
            "project",
            "name",
            f'[project] "name" cannot be "{name}"',
            hint="It becomes a file name: letters, digits, dots, dashes, underscores; no slashes.",
        )
    return name


def _entry(file: TomlFile | None, project: Path) -> Path | None:
    entry = _lookup(file, "project", "entry")
    if file is None or entry is None:
        return None
    path = project / entry
    problem: ConfigError | None = None
    if not path.resolve().is_relative_to(project.resolve()):
        problem = file.error("project", "entry", f'[project] "entry" leaves the project: {entry}')
    elif not path.is_file():
        problem = file.error(
            "project",
            "entry",
            f'[project] "entry" names {entry}, and there is no such file',
            hint="Give it relative to the project's folder.",
        )
    if problem is not None:
        raise problem
    return path


def _args(file: TomlFile | None) -> tuple[str, ...]:
    return tuple(file.tables.get("build", {}).get("args", ())) if file is not None else ()
