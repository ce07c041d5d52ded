"""Where a plugin comes from (the article's ``PluginSource``), and how that is written.

Pure text and values: nothing here looks at a registry, a network or a disk. What comes in is hostile until
it has passed ``parse_source``: a name that could be read as an option or a path never reaches a process.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wasmrun_py.model.errors import UsageError

NAME_PATTERN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What a plugin may be called (DESIGN §6): it becomes a file name and an argument."""

VERSION_PATTERN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+!_-]{0,63}")
"""What a version may be: it becomes a part of a file name and of an argument."""

WHEEL_SUFFIX: Final = ".whl"
ARCHIVE_SUFFIXES: Final = (
    WHEEL_SUFFIX,
    ".zip",
    ".tar.gz",
    ".tgz",
    ".tar.xz",
    ".txz",
    ".tar.bz2",
    ".tbz2",
    ".tar",
)
"""What the name of a wheel or an archive ends in."""

_REF = re.compile(r"[A-Za-z0-9][\w./+-]{0,199}")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_GIT_SCHEMES = ("https", "ssh", "file")
# Names that Windows keeps for devices, whatever extension follows.
_DEVICE_NAMES = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in "123456789")]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PyPI:
    """A distribution on PyPI.

    Attributes:
        name: Its name.
        version: The exact version, or None for the newest.
    """

    name: str
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CratesIo:
    """A crate on the crates registry.

    Attributes:
        name: Its name.
        version: The exact version, or None for the newest.
    """

    name: str
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Git:
    """A git repository.

    Attributes:
        url: What git clones.
        ref: A branch, tag or commit, or None for the default branch.
        subdirectory: The plugin's folder inside it, relative, or None for the top.
    """

    url: str
    ref: str | None = None
    subdirectory: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Url:
    """An archive or a wheel at a web address.

    Attributes:
        url: Its address.
        sha256: What its bytes must hash to, 64 lower-case hex digits, or None when nobody said.
    """

    url: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """A folder, a wheel or an archive on this machine.

    Attributes:
        path: Where it is, absolute.
        editable: Use the folder where it is instead of a copy.
    """

    path: Path
    editable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BareName:
    """A name without a registry: the installer finds out which one is meant.

    Attributes:
        name: The name.
        version: The exact version, or None for the newest.
    """

    name: str
    version: str | None = None


PluginSource = PyPI | CratesIo | Git | Url | Local


def check_name(name: str, *, what: str = "plugin") -> str:
    """``name`` when it can be a plugin's (DESIGN §6).

    Raises:
        UsageError: It is too long, begins with a dash or a dot, holds a slash, or is a device's name.
    """
    shown = repr(name if len(name) <= 80 else f"{name[:60]}…")  # noqa: PLR2004 - what fits a line
    if not NAME_PATTERN.fullmatch(name):
        raise UsageError(
            f"{shown} cannot be the name of a {what}",
            hint="A name begins with a letter or a digit, and has up to 64 letters, digits, dots, dashes "
            "and underscores.",
        )
    if is_device_name(name) or name.endswith("."):
        raise UsageError(
            f"{shown} cannot be the name of a {what}: some systems keep it for themselves",
            hint="Choose another name.",
        )
    return name


def is_device_name(name: str) -> bool:
    """Whether Windows keeps a file name for a device, whatever its extension."""
    return name.split(".", maxsplit=1)[0].rstrip(" ").lower() in _DEVICE_NAMES


def parse_source(text: str, *, cwd: Path, version: str | None = None) -> PluginSource | BareName:
    """Read what stands after ``wasmrun plugin install``.

    ``pypi:NAME[==V]``, ``crates:NAME[@V]``, ``git+URL[@REF][#subdirectory=DIR]``,
    ``https://…[#sha256=HEX]``, a path (with a slash, ``.``, or the name of an archive), or a bare name.

    Args:
        text: The source.
        cwd: What a relative path is relative to.
        version: The value of ``--version``, or None.

    Raises:
        UsageError: It is none of these, or ``version`` does not go with it.
    """
    if any(ord(character) < ord(" ") or character == "\x7f" for character in text) or not text:
        raise UsageError(
            f"{text[:60]!r} is not a plugin source", hint="It is empty or holds control characters."
        )
    if text.startswith("pypi:"):
        name, wanted = _parse_named(text, text.removeprefix("pypi:"), "==", version)
        return PyPI(name=name, version=wanted)
    if text.startswith("crates:"):
        name, wanted = _parse_named(text, text.removeprefix("crates:"), "@", version)
        return CratesIo(name=name, version=wanted)
    if text.startswith("git+"):
        _refuse_version(text, version)
        return _parse_git(text)
    if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*://", text):
        _refuse_version(text, version)
        return _parse_url(text)
    if text in {".", "..", "~"} or "/" in text or "\\" in text or text.endswith(ARCHIVE_SUFFIXES):
        _refuse_version(text, version)
        return Local(path=Path(cwd, Path(text).expanduser()))
    name, wanted = _parse_named(text, text, "==" if "==" in text else "@", version)
    return BareName(name=name, version=wanted)


def format_source(source: PluginSource) -> str:
    """The text that ``parse_source`` reads back (``editable`` is not part of it)."""
    match source:
        case PyPI(name=name, version=version):
            return f"pypi:{name}" + (f"=={version}" if version else "")
        case CratesIo(name=name, version=version):
            return f"crates:{name}" + (f"@{version}" if version else "")
        case Git(url=url, ref=ref, subdirectory=subdirectory):
            tail = f"#subdirectory={subdirectory}" if subdirectory else ""
            return f"git+{url}" + (f"@{ref}" if ref else "") + tail
        case Url(url=url, sha256=sha256):
            return url + (f"#sha256={sha256}" if sha256 else "")
        case Local(path=path):
            return str(path)


def source_kind(source: PluginSource) -> str:
    """``pypi``, ``crates``, ``git``, ``url`` or ``local``, for documents."""
    kinds = {PyPI: "pypi", CratesIo: "crates", Git: "git", Url: "url", Local: "local"}
    return kinds[type(source)]


def _parse_named(text: str, named: str, separator: str, version: str | None) -> tuple[str, str | None]:
    name, found, pinned = named.partition(separator)
    check_name(name)
    if found and version is not None and pinned != version:
        raise UsageError(
            f"{text} names version {pinned}, and --version says {version}", hint="Name one of them."
        )
    wanted = pinned if found else version
    if wanted is not None and not VERSION_PATTERN.fullmatch(wanted):
        raise UsageError(
            f"{wanted[:60]!r} is not a version", hint=f"An exact one is wanted: {name}{separator}1.2.3"
        )
    return name, wanted


def _parse_git(text: str) -> Git:
    address, _, fragment = text.removeprefix("git+").partition("#")
    scheme, found, rest = address.partition("://")
    if not found or scheme not in _GIT_SCHEMES or not rest:
        raise UsageError(
            f"{text} is not a git source",
            hint="Write git+https://…, git+ssh://… or git+file:///…, then @REF, then #subdirectory=DIR.",
        )
    # An @ before the first slash belongs to the host (user@host); in the path the last one counts, as
    # for pip.
    host, slash, path = rest.partition("/")
    repository, found_ref, ref = path.rpartition("@")
    if not found_ref:
        repository, ref = path, ""
    if found_ref and not _REF.fullmatch(ref):
        raise UsageError(
            f"{ref[:60]!r} is not a git reference", hint="Name a branch, a tag or a commit after @."
        )
    if not repository:
        raise UsageError(f"{text} names no repository", hint="Write git+https://HOST/PATH[@REF].")
    return Git(
        url=f"{scheme}://{host}{slash}{repository}",
        ref=ref if found_ref else None,
        subdirectory=_parse_subdirectory(text, fragment),
    )


def _parse_subdirectory(text: str, fragment: str) -> str | None:
    if not fragment:
        return None
    key, _, value = fragment.partition("=")
    parts = value.replace("\\", "/").split("/")
    if key != "subdirectory" or not value or value.startswith("/") or ".." in parts or ":" in value:
        raise UsageError(
            f"{text}: what follows # must be subdirectory=DIR, with a folder inside the repository"
        )
    return value.rstrip("/")


def _parse_url(text: str) -> Url:
    address, _, fragment = text.partition("#")
    scheme = address.partition("://")[0].lower()
    if scheme != "https" and not re.match(r"http://(127\.0\.0\.1|localhost|\[::1\])[:/]", address):
        raise UsageError(
            f"{address} is not fetched: only https:// is, and http:// from this machine",
            hint="Download it yourself and install the file, or serve it over https.",
        )
    key, _, value = fragment.partition("=")
    if not fragment:
        return Url(url=address)
    if key != "sha256" or not _SHA256.fullmatch(value):
        raise UsageError(f"{text}: what follows # must be sha256= and 64 hex digits")
    return Url(url=address, sha256=value.lower())


def _refuse_version(text: str, version: str | None) -> None:
    if version is not None:
        raise UsageError(
            f"--version does not go with {text}", hint="It goes with a name on a registry; git takes @REF."
        )
