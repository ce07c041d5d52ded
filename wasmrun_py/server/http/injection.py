"""Put the reload client into an HTML page, whatever it looks like. Pure.

The place is the first one where the HTML standard's parser would be inside ``head``, or would open it by
itself: behind white space, comments, the doctype and the tags ``html`` and ``head``.
"""

from __future__ import annotations

import codecs
import html
import re
from dataclasses import dataclass

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
# Where a browser looks for the page's own word on its encoding.
_PRESCAN_BYTES = 1024
# How far a policy is looked for.
_LOOKED_AT = 64 * 1024
_QUOTED = r"""(?:"[^"]*"|'[^']*'|[^>"'])*"""
# What may stand before the content of head. A comment ends at --> or --!>, or at once: <!--> and <!--->.
_BEFORE_HEAD = re.compile(
    rf"""\s+ | <!---?> | <!--.*?--!?> | <!(?!--)[^>]*> | <\?[^>]*>
    | <html(?:[\s/]{_QUOTED})?> | (?P<head><head(?:[\s/]{_QUOTED})?>)""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_META = re.compile(rf"<meta[\s/]({_QUOTED})>", re.IGNORECASE)
_CHARSET = re.compile(r"""charset\s*=\s*["']?\s*([a-z0-9_:.-]+)""", re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?(?:--!?>|$)", re.DOTALL)
_OWN_POLICY = re.compile(r"""http-equiv\s*=\s*["']?\s*content-security-policy(?![\w-])""", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectedPage:
    """A page with the client in it.

    Attributes:
        content: Its bytes, in the encoding that it had.
        charset: What that encoding is called.
        has_policy: It has a Content-Security-Policy of its own, which may keep the client out.
    """

    content: bytes
    charset: str
    has_policy: bool


def inject_client(page: bytes, token: str, *, generation: int = 0) -> InjectedPage:
    """The page with the token's ``meta`` and the client's ``script``.

    Args:
        page: An HTML page in any encoding that a browser knows.
        token: The page token.
        generation: Which outputs the page belongs to, so that it knows whether it has missed newer ones.
    """
    bom, encoding = next(((mark, name) for mark, name in _BOMS if page.startswith(mark)), (b"", ""))
    # Bytes stand for themselves: nothing but ASCII is looked at, and every byte comes out as it went in.
    codec = encoding if encoding.startswith("utf-16") else "latin-1"
    end = len(page) - (len(page) % 2 if codec != "latin-1" else 0)
    text = page[len(bom) : end].decode(codec, "surrogatepass" if codec != "latin-1" else "strict")
    at = _find_place(text)
    tags = client_tags(token, generation)
    content = bom + (text[:at] + tags + text[at:]).encode(codec, "surrogatepass") + page[end:]
    without_comments = _COMMENT.sub("", text[:_LOOKED_AT])
    return InjectedPage(
        content=content,
        charset=encoding.removesuffix("-le").removesuffix("-be") or _find_charset(text),
        has_policy=any(_OWN_POLICY.search(each[1]) for each in _META.finditer(without_comments)),
    )


def client_tags(token: str, generation: int = 0) -> str:
    """What a page needs to hear from the server."""
    return (
        f'{token_tag(token)}<meta name="wasmrun-generation" content="{generation}">'
        '<script type="module" src="/_wasmrun/client.js"></script>'
    )


def token_tag(token: str) -> str:
    """The element that carries the page token."""
    return f'<meta name="wasmrun-token" content="{html.escape(token)}">'


def _find_place(text: str) -> int:
    at = 0
    while match := _BEFORE_HEAD.match(text, at):
        at = match.end()
        if match["head"]:
            break
    return at


def _find_charset(text: str) -> str:
    """The encoding that a page gives itself; UTF-8 when it does not, or gives none that there is."""
    for each in _META.finditer(_COMMENT.sub("", text[:_PRESCAN_BYTES])):
        match = _CHARSET.search(each[1])
        if match is None:
            continue
        try:
            codecs.lookup(match[1])
        except LookupError:
            continue
        # A page that is read as ASCII to find this is not in UTF-16.
        return "utf-8" if match[1].lower().startswith("utf-16") else match[1].lower()
    return "utf-8"
