"""Where a user's builds are kept for other machines, and with which credentials: environment > config.toml.

Only the user names a remote cache. A project that could would choose what its visitors run and where their
credentials go, so ``wasmrun.toml`` has no say. Credentials come from the environment only, are never shown,
and are never part of an address. Nothing here opens a connection.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from wasmrun_py.config.toml_file import Key, suggest
from wasmrun_py.model.errors import UsageError, WasmrunError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wasmrun_py.config.toml_file import TomlFile

CACHE_TABLE = "cache"
ADDRESS_VARIABLE = "WASMRUN_REMOTE_CACHE"
MODE_VARIABLE = "WASMRUN_REMOTE_CACHE_MODE"
HTTP_VARIABLE = "WASMRUN_REMOTE_CACHE_HTTP"
TOKEN_VARIABLE = "WASMRUN_REMOTE_CACHE_TOKEN"  # noqa: S105 - a variable's name
USER_VARIABLE = "WASMRUN_REMOTE_CACHE_USER"
PASSWORD_VARIABLE = "WASMRUN_REMOTE_CACHE_PASSWORD"  # noqa: S105 - as above
TIMEOUT_VARIABLE = "WASMRUN_REMOTE_CACHE_TIMEOUT"

_DEFAULT_TIMEOUT_S = 10.0
_MOST_TIMEOUT_S = 600.0
_ADDRESS_CAP = 2048
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_SECRET = re.compile(r"[\x21-\x7e]+")
_ADDRESS = re.compile(r"[\x21-\x7e]+")


class RemoteMode(StrEnum):
    """What is done with a remote cache."""

    OFF = "off"
    READ = "read"
    READ_WRITE = "read-write"


class PlainHttp(StrEnum):
    """Whether another machine may be asked without encryption."""

    REFUSE = "refuse"
    ALLOW = "allow"


_KEYS = {
    ADDRESS_VARIABLE: "remote",
    MODE_VARIABLE: "remote_mode",
    HTTP_VARIABLE: "remote_http",
}
REMOTE_CACHE_KEYS = {
    "remote": Key(kind=str),
    "remote_mode": Key(kind=str, choices=tuple(RemoteMode)),
    "remote_http": Key(kind=str, choices=tuple(PlainHttp)),
}
"""What ``[cache]`` of the user's ``config.toml`` may say of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteCacheSettings:
    """A remote cache that is to be used.

    Attributes:
        address: ``https://HOST/PATH``, without a slash at the end, user, query or fragment.
        writes: Whether builds are sent there too.
        authorization: The value of the header, or None; never shown.
        timeout_s: The most time that one build gives to reading from it, and again to writing to it.
    """

    address: str
    writes: bool = False
    authorization: str | None = field(default=None, repr=False)
    timeout_s: float = _DEFAULT_TIMEOUT_S

    @property
    def host(self) -> str:
        """Host and port, all that is ever shown of the address."""
        return self.address.partition("://")[2].partition("/")[0]

    @property
    def is_encrypted(self) -> bool:
        """Whether it is spoken to with TLS."""
        return self.address.startswith("https:")


def find_remote_cache(environ: Mapping[str, str], user_file: TomlFile | None) -> RemoteCacheSettings | None:
    """The remote cache of this user, or None when there is none or it is switched off.

    Args:
        environ: The environment.
        user_file: ``config.toml``, checked.

    Raises:
        ConfigError: The file names an address that cannot be used.
        UsageError: A variable holds what it cannot. No message repeats a credential.
    """
    address = _Value.find(ADDRESS_VARIABLE, environ, user_file)
    if address is None:
        return None
    mode = _choice(MODE_VARIABLE, environ, user_file, tuple(RemoteMode)) or RemoteMode.READ
    if mode == RemoteMode.OFF:
        return None
    http = _choice(HTTP_VARIABLE, environ, user_file, tuple(PlainHttp)) or PlainHttp.REFUSE
    return RemoteCacheSettings(
        address=_check_address(address, may_be_plain=http == PlainHttp.ALLOW),
        writes=mode == RemoteMode.READ_WRITE,
        authorization=_find_authorization(environ),
        timeout_s=_find_timeout(environ),
    )


def without_credentials(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment for compilers, plugins and a project's build files: they need no credentials of ours."""
    secrets = (TOKEN_VARIABLE, USER_VARIABLE, PASSWORD_VARIABLE)
    return {name: value for name, value in environ.items() if name not in secrets}


def refuse_remote_cache(project_file: TomlFile) -> None:
    """Insist that a project names no remote cache.

    Raises:
        ConfigError: It does; points at the line.
    """
    table = project_file.tables.get(CACHE_TABLE)
    if table is not None:
        key = next(iter(table), "") if isinstance(table, dict) else ""
        raise project_file.error(
            CACHE_TABLE,
            key,
            "a project has no say in its user's build cache",
            hint=f"Put [{CACHE_TABLE}] into your own config.toml, or set {ADDRESS_VARIABLE}.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Value:
    """A value and who said it.

    Attributes:
        text: The value.
        variable: The environment variable that has it, or would have.
        file: The file that has it, or None when the variable does.
    """

    text: str
    variable: str
    file: TomlFile | None = None

    @classmethod
    def find(cls, variable: str, environ: Mapping[str, str], file: TomlFile | None) -> _Value | None:
        named = environ.get(variable, "").strip()
        if named:
            return cls(text=named, variable=variable)
        found = file.tables.get(CACHE_TABLE, {}).get(_KEYS[variable]) if file is not None else None
        return cls(text=found.strip(), variable=variable, file=file) if isinstance(found, str) else None

    def error(self, problem: str, hint: str) -> WasmrunError:
        """The error that says where to mend it; the value is not repeated."""
        if self.file is None:
            return UsageError(f"{self.variable} {problem}", hint=hint)
        key = _KEYS[self.variable]
        return self.file.error(CACHE_TABLE, key, f'[{CACHE_TABLE}] "{key}" {problem}', hint=hint)


def _choice(
    variable: str, environ: Mapping[str, str], file: TomlFile | None, choices: tuple[str, ...]
) -> str | None:
    """One of ``choices``; the file was checked when it was read."""
    value = _Value.find(variable, environ, file)
    if value is None:
        return None
    if value.text not in choices:
        raise UsageError(f'{variable} cannot be "{value.text}"', hint=suggest(value.text, choices))
    return value.text


def _check_address(value: _Value, *, may_be_plain: bool) -> str:
    """The address in the one form the rest relies on."""
    from urllib.parse import SplitResult, urlsplit  # noqa: PLC0415 - 5 ms, and few users have a remote cache

    example = f"For example: {value.variable}=https://cache.example.com/"
    if len(value.text) > _ADDRESS_CAP or not _ADDRESS.fullmatch(value.text):
        raise value.error("is no web address", example)
    try:
        parts = urlsplit(value.text)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        raise value.error("is no web address", example) from error
    if parts.scheme not in {"http", "https"} or not host:
        raise value.error("is no http or https address", example)
    if "@" in parts.netloc:
        hint = f"Take it out; set {USER_VARIABLE} and {PASSWORD_VARIABLE}, or {TOKEN_VARIABLE}."
        raise value.error("has a user name or password in it, where logs would show it", hint)
    if parts.query or parts.fragment:
        raise value.error('has a "?" or "#" in it', "Name the folder above /ac/ and /cas/.")
    if parts.scheme == "http" and host not in _LOOPBACK and not may_be_plain:
        hint = (
            "Use https. In a network where nobody can change what is sent, allow it with "
            f"{HTTP_VARIABLE}=allow, or remote_http in config.toml."
        )
        raise value.error("is plain http to another machine: anybody on the way could swap builds", hint)
    return SplitResult(parts.scheme, parts.netloc.lower(), parts.path.rstrip("/"), "", "").geturl()


def _find_authorization(environ: Mapping[str, str]) -> str | None:
    """The header's value from whichever credentials there are."""
    token = _find_secret(environ, TOKEN_VARIABLE)
    user, password = environ.get(USER_VARIABLE, ""), environ.get(PASSWORD_VARIABLE, "")
    if token is not None and (user or password):
        raise UsageError(
            f"Both {TOKEN_VARIABLE} and {USER_VARIABLE} are set",
            hint="Unset those that the server does not want.",
        )
    if token is not None:
        return f"Bearer {token}"
    if not password:
        # A job that may not see the secret has the user's name all the same; it reads as anybody does.
        return None
    if not user or ":" in user:
        problem = "is not set, although its password is" if not user else "has a colon in it"
        raise UsageError(f"{USER_VARIABLE} {problem}", hint="A server takes USER:PASSWORD.")
    import base64  # noqa: PLC0415 - as above

    pair = f"{user}:{password}".encode("utf-8", "surrogateescape")
    return f"Basic {base64.b64encode(pair).decode('ascii')}"


def _find_secret(environ: Mapping[str, str], variable: str) -> str | None:
    # A file's last line end often comes along.
    secret = environ.get(variable, "").strip()
    if secret and not _SECRET.fullmatch(secret):
        raise UsageError(
            f"{variable} has a space, a line end or another character that no token has",
            hint="Set it to the token alone, without a name in front of it.",
        )
    return secret or None


def _find_timeout(environ: Mapping[str, str]) -> float:
    text = environ.get(TIMEOUT_VARIABLE, "").strip()
    if not text:
        return _DEFAULT_TIMEOUT_S
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= _MOST_TIMEOUT_S:
        raise UsageError(
            f'{TIMEOUT_VARIABLE} cannot be "{text}"',
            hint=f"It is a number of seconds, more than 0 and at most {_MOST_TIMEOUT_S:.0f}.",
        )
    return seconds
