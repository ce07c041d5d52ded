"""The reload client in HTML pages, whatever they look like."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.server.http.conftest import PAGE
from tests.server.recorded import RecordedSession
from tests.server.running import running
from wasmrun_py.model.events import Message
from wasmrun_py.server.http.injection import client_tags, inject_client

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server.running import Running

_TAGS = client_tags("TOKEN")
# The | is where the client belongs.
_PLACES = (
    "<!doctype html><html><head>|<title>x</title></head></html>",
    "<!DOCTYPE HTML>\n<HTML LANG='en'>\n<HEAD >|\n<TITLE>x</TITLE>",
    "<!-- <head> --><!doctype html><html><!-- <head> --><head>|<script>1</script>",
    '<html data-x="<head>"><head data-y=">">|<meta charset=utf-8>',
    "<html data-x='>'>|<body>no head",
    "<!doctype html>|<p>no html, no head",
    "|just text",
    "|<body><head>late</head>",
    "|",
    "  \n|<header>not a head</header>",
    "<html>|<header>not a head</header>",
    "<?xml version='1.0'?><!doctype html><html xmlns='x'><head>|</head>",
    "<!--><head>|",
    "<!---><html><head>|",
    "<!-- a --!><head>|",
    "|<!-- never closed <head>",
    "|<html never closed",
    "<!doctype html PUBLIC '-//W3C//DTD HTML 4.01//EN'><html><head/>|<title>",
    "<head>|<head>",
)


@pytest.mark.parametrize("text", _PLACES)
def test_the_place(text: str) -> None:
    """Where a parser is in head, or would open it by itself: behind comments, and never inside one."""
    page = inject_client(text.replace("|", "").encode(), "TOKEN")
    assert page.content.decode() == text.replace("|", _TAGS)


@pytest.mark.parametrize(
    ("content", "charset"),
    [
        (b"<head><meta charset=windows-1251><title>\xcf\xf0", "windows-1251"),
        (
            b'<head><meta http-equiv="Content-Type" content="text/html; charset=Shift_JIS">\x83\x65',
            "shift_jis",
        ),
        (b"<head><!-- <meta charset=koi8-r> --><meta charset='iso-8859-2'>\xb1", "iso-8859-2"),
        (b"<head><meta charset=utf-16><title>\xc3\xa4", "utf-8"),
        (b"<head><meta charset=nonsense>\xc3\xa4", "utf-8"),
        (b"<head>\xff\xfe\xfd", "utf-8"),
        (codecs.BOM_UTF8 + b"<head><meta charset=latin-1>\xc3\xa4", "utf-8"),
        (b"<head>" + b" " * 2000 + b"<meta charset=koi8-r>", "utf-8"),
    ],
)
def test_other_encodings(content: bytes, charset: str) -> None:
    """Every byte stays as it is, and the encoding that the page gives itself is told."""
    page = inject_client(content, "TOKEN")
    assert page.charset == charset
    assert page.content.replace(_TAGS.encode(), b"") == content
    assert page.content.count(_TAGS.encode()) == 1


@pytest.mark.parametrize(
    ("bom", "codec"), [(codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")]
)
@pytest.mark.parametrize("tail", [b"", b"\xd8", b"\x00\xd8"])
def test_utf_16(bom: bytes, codec: str, tail: bytes) -> None:
    """The client is written in the page's own encoding, behind its mark; a torn end stays torn."""
    page = inject_client(bom + "<html><head><title>ä".encode(codec) + tail, "TOKEN")
    expected = bom + f"<html><head>{_TAGS}<title>ä".encode(codec) + tail
    assert page.content == expected
    assert page.charset == "utf-16"


@given(content=st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_any_bytes_come_out_as_they_went_in(content: bytes) -> None:
    """Nothing is lost or changed but for the client that was put in."""
    page = inject_client(content, "TOKEN")
    utf_16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    codec = ("utf-16-le" if content.startswith(codecs.BOM_UTF16_LE) else "utf-16-be") if utf_16 else "ascii"
    tags = _TAGS.encode(codec)
    assert page.content.count(tags) == 1
    assert page.content.replace(tags, b"") == content


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('<head><meta http-equiv="Content-Security-Policy" content="script-src \'none\'">', True),
        ("<head><META content=x HTTP-EQUIV='content-security-policy'>", True),
        ("<head><!-- <meta http-equiv='Content-Security-Policy'> -->", False),
        ("<head><meta http-equiv=Content-Security-Policy-Report-Only>", False),
        ("<p>Content-Security-Policy</p>", False),
    ],
)
def test_a_policy_of_the_page_is_noticed(text: str, found: bool) -> None:  # noqa: FBT001 - a table's column
    """So that the user can be told why nothing reloads."""
    assert inject_client(text.encode(), "TOKEN").has_policy is found


def test_the_page_of_the_app_is_at_the_root(page_server: Running) -> None:
    """With the client in it, a tag and headers of its own; other HTML outputs too, in their folders too."""
    reply = page_server.ask("/")
    assert "<head><meta name=" in reply.text
    assert '<script type="module" src="/_wasmrun/client.js"></script><title>mine</title>' in reply.text
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert page_server.ask("/index.html").text == reply.text
    assert page_server.ask("/", headers={"If-None-Match": reply.headers["etag"]}).status == 304
    assert page_server.token in page_server.ask("/sub/page.html").text
    assert "frame-ancestors 'none'" in page_server.ask("/_wasmrun/").headers["content-security-policy"]


def test_without_a_page_the_root_is_wasmruns(server: Running) -> None:
    """The same page as /_wasmrun/, which nobody may frame."""
    root, own = server.ask("/"), server.ask("/_wasmrun/")
    assert root.body == own.body
    assert root.headers["content-security-policy"] == own.headers["content-security-policy"]
    assert "script-src 'self' 'wasm-unsafe-eval'" in own.headers["content-security-policy"]
    assert server.token in root.text


def test_a_slash_that_was_left_out(server: Running) -> None:
    """Our own folders are found without it."""
    for path in ("/_wasmrun", "/_wasmrun/app"):
        reply = server.ask(path)
        assert (reply.status, reply.headers["location"]) == (307, f"{path}/")
        assert server.ask(f"{path}/").status == 200


def test_a_policy_is_told_once(outputs: Path) -> None:
    """The page is served, and one warning says why reload may not work."""
    (outputs / "index.html").write_text(
        "<meta http-equiv=Content-Security-Policy content=\"default-src 'self'\">x"
    )
    with running(RecordedSession(outputs, program=PAGE)) as server:
        assert server.ask("/").status == 200
        server.ask("/")
        assert [each.text for each in server.events if isinstance(each, Message)] == [
            "/index.html has a Content-Security-Policy of its own, which may keep live reload out of it"
        ]
