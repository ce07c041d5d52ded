"""The two steps of an installation, for every kind of source: ``resolve`` finds, ``build`` lays out.

Each kind's own module knows how; here is only who is asked.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from wasmrun_py.model.errors import (
    PathNotFoundError,
    PluginInstallError,
    PluginLockError,
    UnreadablePathError,
    UsageError,
)
from wasmrun_py.model.plugin_source import (
    ARCHIVE_SUFFIXES,
    VERSION_PATTERN,
    WHEEL_SUFFIX,
    CratesIo,
    Git,
    Local,
    PluginSource,
    PyPI,
    Url,
    check_name,
    format_source,
)
from wasmrun_py.plugin.install.steps import ResolvedPlugin
from wasmrun_py.toolchain.pypi import redact_credentials

if TYPE_CHECKING:
    from pathlib import Path

    from wasmrun_py.plugin.install.steps import BuiltPlugin, InstallWorld

_DOWNLOAD_CAP_BYTES = 512 * 1024 * 1024
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]{0,199}")


def resolve(source: PluginSource, *, scratch: Path, world: InstallWorld) -> ResolvedPlugin:
    """Find out what exactly a source means, fetching what is needed for that into ``scratch``.

    Args:
        source: What was asked for.
        scratch: An empty folder of ours that ``build`` gets too.
        world: Where it happens.

    Raises:
        UsageError: The source cannot be used as it is given.
        PluginNotFoundError: The registry has no such name.
        PluginInstallError: It could not be fetched, is no plugin, or does not fit this wasmrun.
        MissingToolError: uv, cargo or git is needed and not there.
        PluginLockError: ``world.frozen``, and the source leaves open what is meant.
    """
    if world.frozen:
        _check_exact(source)
    resolved = _resolve(source, scratch=scratch, world=world)
    check_name(resolved.name)
    if not VERSION_PATTERN.fullmatch(resolved.version):
        raise PluginInstallError(
            f"{resolved.name} says its version is {resolved.version[:60]!r}, which is none"
        )
    return resolved


def _resolve(source: PluginSource, *, scratch: Path, world: InstallWorld) -> ResolvedPlugin:
    match source:
        case PyPI():
            from wasmrun_py.plugin.install.pypi import resolve_pypi  # noqa: PLC0415 - one kind is needed

            return resolve_pypi(source, scratch=scratch, world=world)
        case CratesIo():
            from wasmrun_py.plugin.install.crates import resolve_crate  # noqa: PLC0415 - as above

            return resolve_crate(source, scratch=scratch, world=world)
        case Git():
            return _resolve_git(source, scratch=scratch, world=world)
        case Url():
            return _resolve_url(source, scratch=scratch, world=world)
        case Local():
            return _resolve_local(source, scratch=scratch, world=world)
        case _:
            assert_never(source)


def build(resolved: ResolvedPlugin, generation: Path, *, scratch: Path, world: InstallWorld) -> BuiltPlugin:
    """Lay out what was resolved in ``generation``, and read what it says of itself.

    Args:
        resolved: What ``resolve`` gave.
        generation: An empty folder that becomes the generation.
        scratch: The folder that ``resolve`` had.
        world: Where it happens.

    Raises:
        ManifestError: There is no manifest, or it is malformed.
        PluginInstallError: It could not be built, has no transport, or does not fit this wasmrun.
        MissingToolError: uv or cargo is needed and not there.
        OutputError: The generation cannot be written.
    """
    from wasmrun_py.plugin.install.folders import FolderKind, build_plain, find_kind  # noqa: PLC0415 - as above

    fetched = resolved.fetched
    if fetched is None:
        raise PluginInstallError(f"{resolved.name} has to be resolved again before it is built")
    editable = isinstance(resolved.source, Local) and resolved.source.editable
    if fetched.is_file():
        # A list of packages with their hashes.
        from wasmrun_py.plugin.install.pypi import build_environment  # noqa: PLC0415 - as above

        return build_environment(resolved, generation, scratch=scratch, world=world)
    if isinstance(resolved.source, CratesIo) or find_kind(fetched) is FolderKind.CRATE:
        from wasmrun_py.plugin.install.crates import build_crate  # noqa: PLC0415 - as above

        return build_crate(resolved, generation, scratch=scratch, world=world)
    if find_kind(fetched) is FolderKind.PACKAGE:
        from wasmrun_py.plugin.install.pypi import build_editable  # noqa: PLC0415 - as above

        return build_editable(resolved, generation, scratch=scratch, world=world)
    return build_plain(fetched, generation, editable=editable)


def _check_exact(source: PluginSource) -> None:
    from wasmrun_py.plugin.install.git import is_commit  # noqa: PLC0415 - only --frozen asks

    match source:
        case PyPI(version=pinned) | CratesIo(version=pinned) | Url(sha256=pinned):
            exact = pinned is not None
        case Git(ref=ref):
            exact = is_commit(ref)
        case Local():
            exact = True
        case _:
            assert_never(source)
    if not exact:
        raise PluginLockError(
            f"{redact_credentials(format_source(source))} is not exact, and --frozen installs nothing else",
            hint="`wasmrun plugin lock` writes exact sources into wasmrun.lock.",
        )


def _resolve_git(source: Git, *, scratch: Path, world: InstallWorld) -> ResolvedPlugin:
    from wasmrun_py.plugin.install.git import check_out_source  # noqa: PLC0415 - one kind is needed

    pinned, folder = check_out_source(source, scratch=scratch, world=world)
    found = _resolve_folder(folder, editable=False, scratch=scratch, world=world)
    return replace(found, source=pinned, checksum=f"git:{pinned.ref}")


def _resolve_url(source: Url, *, scratch: Path, world: InstallWorld) -> ResolvedPlugin:
    from urllib.parse import unquote, urlsplit  # noqa: PLC0415 - one kind is needed

    from wasmrun_py.plugin.install.clients import step  # noqa: PLC0415 - as above
    from wasmrun_py.system.net import Download, fetch  # noqa: PLC0415 - as above

    shown = redact_credentials(source.url)
    name = unquote(urlsplit(source.url).path).replace("\\", "/").rpartition("/")[2]
    if not name.lower().endswith(ARCHIVE_SUFFIXES) or not _FILE_NAME.fullmatch(name):
        raise _unknown_kind(shown)
    if source.sha256 is None and not world.allow_unverified:
        raise UsageError(
            f"{shown} is not installed without its sha256: nobody could tell if it was changed",
            hint=f"Append the digest that its publisher names, {shown}#sha256=… (64 hex digits), "
            "or trust whatever comes with --allow-unverified.",
        )
    wanted = Download(
        url=source.url,
        to=scratch / "download" / name,
        cap_bytes=_DOWNLOAD_CAP_BYTES,
        label=f"Downloading {name}",
    )
    with step(wanted.label, world):
        sha256 = fetch(wanted, world.reporter)
    if source.sha256 not in {None, sha256}:
        raise PluginInstallError(
            f"{shown} is not what was expected: its sha256 is {sha256}, and {source.sha256} was named",
            hint="Ask its publisher which one is right; do not install it until you know.",
        )
    found = _resolve_file(wanted.to, scratch=scratch, world=world)
    return replace(found, source=replace(source, sha256=sha256), checksum=f"sha256:{sha256}")


def _resolve_local(source: Local, *, scratch: Path, world: InstallWorld) -> ResolvedPlugin:
    path = source.path
    if not path.exists():
        raise PathNotFoundError(
            f"{path} does not exist", hint="A bare name, without a slash, means a registry."
        )
    if path.is_dir():
        found = _resolve_folder(path, editable=source.editable, scratch=scratch, world=world)
        return replace(found, source=source)
    if source.editable:
        raise UsageError(f"{path} is a file, and only a folder can be --editable")
    if not path.name.lower().endswith(ARCHIVE_SUFFIXES):
        raise _unknown_kind(str(path))
    return replace(_resolve_file(path, scratch=scratch, world=world), source=source)


def _resolve_file(path: Path, *, scratch: Path, world: InstallWorld) -> ResolvedPlugin:
    """A wheel or an archive that is here."""
    if path.name.lower().endswith(WHEEL_SUFFIX):
        from wasmrun_py.plugin.install.pypi import resolve_wheel  # noqa: PLC0415 - one kind is needed

        return resolve_wheel(path, scratch=scratch, world=world)
    import hashlib  # noqa: PLC0415 - as above

    from wasmrun_py.plugin.install.archive import unpack  # noqa: PLC0415 - as above

    folder = unpack(path, scratch / "unpacked")
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    found = _resolve_folder(folder, editable=False, scratch=scratch, world=world)
    return replace(found, checksum=f"sha256:{digest}")


def _resolve_folder(folder: Path, *, editable: bool, scratch: Path, world: InstallWorld) -> ResolvedPlugin:
    """A folder that is here: the user's own, a checkout or an unpacked archive."""
    from wasmrun_py.plugin.install.folders import (  # noqa: PLC0415 - one kind is needed
        FolderKind,
        digest_folder,
        find_kind,
        load_plain,
    )

    kind = find_kind(folder)
    fetched = folder
    match kind:
        case FolderKind.PLAIN:
            info = load_plain(folder).info
            name, version = info.name, info.version
        case FolderKind.CRATE:
            if editable:
                raise UsageError(
                    f"{folder} is a crate, which is compiled: it cannot be used where it is",
                    hint="Leave --editable out, and install it again after a change.",
                )
            from wasmrun_py.plugin.install.crates import resolve_crate_folder  # noqa: PLC0415 - as above

            name, version = resolve_crate_folder(folder, scratch=scratch, world=world)
        case FolderKind.PACKAGE:
            from wasmrun_py.plugin.install.pypi import resolve_package  # noqa: PLC0415 - as above

            found = resolve_package(folder, editable=editable, scratch=scratch, world=world)
            name, version, fetched = found.name, found.version, found.fetched or folder
        case _:
            assert_never(kind)
    try:
        checksum = None if editable else digest_folder(folder, crate=kind is FolderKind.CRATE)
    except OSError as error:
        raise UnreadablePathError(f"{error.filename} cannot be read: {error.strerror or error}") from error
    source = Local(path=folder, editable=editable)
    return ResolvedPlugin(name=name, version=version, source=source, checksum=checksum, fetched=fetched)


def _unknown_kind(shown: str) -> UsageError:
    return UsageError(
        f"{shown} is neither a wheel nor an archive",
        hint=f"Known by their names: {', '.join(ARCHIVE_SUFFIXES)}",
    )
