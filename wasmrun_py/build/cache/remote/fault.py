"""What goes wrong with a remote cache, in words: a ``RemoteFault`` never leaves ``build.cache.remote``.

Words of the server's are not repeated; what httpx says is, with its line ends taken out.
"""

from __future__ import annotations

import ssl
from http import HTTPStatus
from typing import TYPE_CHECKING

from wasmrun_py.config.remote_cache import PASSWORD_VARIABLE, TOKEN_VARIABLE, USER_VARIABLE

if TYPE_CHECKING:
    import httpx

IS_IT_A_CACHE = "Is it a server of Bazel's cache protocol?"
_MOST_WORDS = 200
_CREDENTIALS = f"{TOKEN_VARIABLE}, or {USER_VARIABLE} and {PASSWORD_VARIABLE}"


class RemoteFault(Exception):  # noqa: N818 - it is no error of the build's
    """The remote cache did not do what it should.

    Attributes:
        problem: What it did, to follow its name (``answered 500``).
        hint: What to do about it; often empty.
        writing: It refused to be written to; reading may still work.
    """

    def __init__(self, problem: str, *, hint: str = "", writing: bool = False) -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint
        self.writing = writing


def explain_status(response: httpx.Response, *, writing: bool = False) -> RemoteFault:
    """The fault for an answer that is neither success nor "not here"."""
    status = response.status_code
    if response.is_redirect:
        return RemoteFault(
            f"redirects to {_find_host(response)}, which is not followed",
            hint="Set WASMRUN_REMOTE_CACHE to the final address if you trust it.",
            writing=writing,
        )
    hints = {
        HTTPStatus.UNAUTHORIZED: f"Set {_CREDENTIALS}.",
        HTTPStatus.FORBIDDEN: f"Check {_CREDENTIALS}, and what they may do.",
        HTTPStatus.METHOD_NOT_ALLOWED: IS_IT_A_CACHE,
        HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: "Check HTTPS_PROXY and HTTP_PROXY.",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Raise the server's limit for one upload.",
    }
    known = status in HTTPStatus._value2member_map_
    said = f"{status} {HTTPStatus(status).phrase}" if known else str(status)
    return RemoteFault(
        f"answered {said}", hint=hints.get(HTTPStatus(status), "") if known else "", writing=writing
    )


def explain_exception(error: Exception) -> RemoteFault:
    """The fault for an exception of httpx, of TLS or of the system."""
    import httpx  # noqa: PLC0415 - loaded already: it raised

    if isinstance(error, httpx.TimeoutException):
        late = isinstance(error, httpx.ConnectTimeout)
        return RemoteFault("cannot be reached in time" if late else "did not answer in time")
    if isinstance(error, httpx.ProxyError):
        return RemoteFault(f"cannot be reached: {_say(error)}", hint="Check HTTPS_PROXY and HTTP_PROXY.")
    if _is_tls(error):
        return RemoteFault(
            f"cannot be trusted: {_say(error)}",
            hint="For a certificate of your own authority, set SSL_CERT_FILE to its certificate.",
        )
    if isinstance(error, httpx.RemoteProtocolError):
        return RemoteFault(f"does not speak HTTP properly: {_say(error)}")
    if isinstance(error, httpx.ConnectError):
        return RemoteFault(f"cannot be reached: {_say(error)}")
    return RemoteFault(f"broke off: {_say(error)}")


def _is_tls(error: BaseException) -> bool:
    """Whether TLS is at the root: httpx wraps it in a connection error."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return True
        cause = cause.__cause__ or cause.__context__
    return "CERTIFICATE_VERIFY_FAILED" in str(error)


def _say(error: Exception) -> str:
    return " ".join(str(error).split())[:_MOST_WORDS] or type(error).__name__


def _find_host(response: httpx.Response) -> str:
    import httpx  # noqa: PLC0415 - as above

    try:
        target = response.request.url.join(response.headers.get("location", ""))
    except (httpx.InvalidURL, ValueError):
        return "nowhere"
    return target.netloc.decode("ascii", "replace") or "nowhere"
