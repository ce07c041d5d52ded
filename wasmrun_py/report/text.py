"""Text from outside made safe for one line of a log, for XML and for Markdown."""

from __future__ import annotations

import re

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\x7f-\x84\x86-\x9f]")
_NOT_A_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|<>~@])")
_LONGEST = 8_000


def for_xml(text: str) -> str:
    """``text`` without the characters that XML 1.0 has no way to write, those visible as escapes."""
    return _NOT_XML.sub(_escape, capped(text))


def for_line(text: str) -> str:
    """``text`` as one line without control characters, direction overrides and lone surrogates."""
    return _NOT_A_LINE.sub(_escape, capped(text).replace("\n", " "))


def for_markdown(text: str) -> str:
    """``text`` as plain words of one Markdown table cell: nothing in it is markup, a mention or HTML."""
    return _MARKDOWN.sub(r"\\\1", for_line(text)).replace("\\<", "&lt;").replace("\\>", "&gt;")


def capped(text: str) -> str:
    """At most 8000 characters; where there were more, it says so."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} characters)"


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"  # noqa: PLR2004 - one byte
