"""What may stand after ``plugin install``, and what never reaches a process or a path."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmrun_py.model.errors import UsageError
from wasmrun_py.model.plugin_source import (
    NAME_PATTERN,
    BareName,
    CratesIo,
    Git,
    Local,
    PyPI,
    Url,
    check_name,
    format_source,
    parse_source,
)

CWD = Path("/somewhere")
HOSTILE_NAMES = [
    *("..", "../x", "a/../b", "/etc/passwd", "a\\b", "-rf", "--help", "-", ".", ".hidden", "_x", ""),
    *("CON", "con", "nul.txt", "Com1", "LPT9.zip", "aux", "a\nb", "a\r", "a\0b", "a b", "a;b", "$(x)", "`x`"),
    *("x" * 65, "x" * 1000, "é", "\uff41", "a\u202eb", "a:b", "a*", "trailing.", "a=b", "a@b", "\x1b[2J"),
]
DIGEST = "0123456789abcdef" * 4


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_hostile_names_are_refused(name: str) -> None:
    """With a message that fits a line and shows no control character."""
    with pytest.raises(UsageError, match="cannot be the name of a plugin") as caught:
        check_name(name)
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 200


@pytest.mark.parametrize("prefix", ["pypi:", "crates:"])
@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_hostile_names_behind_a_prefix(prefix: str, name: str) -> None:
    """A prefix makes no name harmless: what is accepted is a harmless name and version."""
    if (prefix, name) == ("crates:", "a@b"):
        assert parse_source(prefix + name, cwd=CWD) == CratesIo(name="a", version="b")
        return
    with pytest.raises(UsageError) as caught:
        parse_source(prefix + name, cwd=CWD)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "text", ["-rf", "--help", "CON", "a\nb", "x" * 1000, "", "\0", "a b", ".hidden", "é"]
)
def test_hostile_sources_are_refused(text: str) -> None:
    """What is neither a name nor a path nor an address is an error of use."""
    with pytest.raises(UsageError):
        parse_source(text, cwd=CWD)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("wasmrust", BareName(name="wasmrust")),
        ("wasmrust@0.3.0", BareName(name="wasmrust", version="0.3.0")),
        ("wasmrust==0.3.0", BareName(name="wasmrust", version="0.3.0")),
        ("pypi:zork==1!2.0+local", PyPI(name="zork", version="1!2.0+local")),
        ("crates:zork@1.0.0-rc.1", CratesIo(name="zork", version="1.0.0-rc.1")),
        ("git+https://h/p.git", Git(url="https://h/p.git")),
        ("git+ssh://git@h/p@v1", Git(url="ssh://git@h/p", ref="v1")),
        ("git+https://u:p@h/a@b/c@feature/x", Git(url="https://u:p@h/a@b/c", ref="feature/x")),
        (
            "git+file:///r@main#subdirectory=a/b/",
            Git(url="file:///r", ref="main", subdirectory="a/b"),
        ),
        (f"https://h/a.zip#sha256={DIGEST.upper()}", Url(url="https://h/a.zip", sha256=DIGEST)),
        ("http://127.0.0.1:80/a.zip", Url(url="http://127.0.0.1:80/a.zip")),
        ("./x", Local(path=CWD / "x")),
        ("../x", Local(path=CWD / "../x")),
        (".", Local(path=CWD)),
        ("/a/b.whl", Local(path=Path("/a/b.whl"))),
    ],
)
def test_sources_that_are_understood(text: str, expected: object) -> None:
    """Every form of the documentation."""
    assert parse_source(text, cwd=CWD) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("git+ext://sh -c x", "git+http://h/p", "git+--upload-pack=x", "git+https://", "git+https://h/p@-x"),
        *("git+https://h/p@a b", "git+https://h/p#egg=x", "git+https://h/p#subdirectory=../x"),
        *("git+https://h/p#subdirectory=/x", "git+https://h/p#subdirectory=C:x", "git+https://h/@v1"),
        *("http://h/a.zip", "ftp://h/a.zip", "file:///a.zip", "https://h/a.zip#sha256=12", "https://h/a#x"),
        *("pypi:a==-x", "pypi:a==1;rm", "crates:a@", "pypi:a[extra]"),
    ],
)
def test_sources_that_are_refused(text: str) -> None:
    """Other schemes, references that look like options, and fragments nobody knows."""
    with pytest.raises(UsageError):
        parse_source(text, cwd=CWD)


def test_two_versions_must_agree() -> None:
    """``--version`` and the source name the same one, or only one of them does."""
    assert parse_source("a@1", cwd=CWD, version="1") == BareName(name="a", version="1")
    assert parse_source("a", cwd=CWD, version="1") == BareName(name="a", version="1")
    with pytest.raises(UsageError, match="names version 1, and --version says 2"):
        parse_source("a@1", cwd=CWD, version="2")
    with pytest.raises(UsageError, match="--version does not go with"):
        parse_source("./a", cwd=CWD, version="1")


@given(st.text(max_size=80))
def test_any_text_is_a_source_or_an_error_of_use(text: str) -> None:
    """What is accepted is read back from how it is shown, and its name is harmless."""
    try:
        source = parse_source(text, cwd=CWD)
    except UsageError:
        return
    if isinstance(source, BareName | PyPI | CratesIo):
        assert NAME_PATTERN.fullmatch(source.name)
    if isinstance(source, BareName) or (isinstance(source, Local) and "/" not in format_source(source)):
        return
    assert parse_source(format_source(source), cwd=CWD) == source
