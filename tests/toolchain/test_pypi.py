from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wasmrun_py.toolchain.pypi import parse_reason, redact_credentials


@given(user=st.text("abcXYZ09._-", min_size=1), password=st.text("abcXYZ09._-:%", min_size=1))
def test_credentials_in_urls_are_covered(user: str, password: str) -> None:
    """Neither user nor password of a URL survives, host and path do."""
    text = f"error: could not fetch https://{user}:{password}@mirror.example/simple/ziglang/ (401)"
    assert (
        redact_credentials(text) == "error: could not fetch https://***@mirror.example/simple/ziglang/ (401)"
    )


def test_text_without_credentials_is_left_alone() -> None:
    """An address or a mail in plain text is not a credential."""
    text = "see https://mirror.example/simple and write to someone@mirror.example"
    assert redact_credentials(text) == text


def test_reason_keeps_what_failed_and_why() -> None:
    """Small talk and the middle of a long chain of causes are left out."""
    output = (
        "Using CPython 3.11.7\n"
        "error: Request failed after 3 retries\n"
        "  cause: Failed to fetch the index\n"
        "  cause: error sending request\n"
        "  cause: client error (Connect)\n"
        "  cause: tcp connect error\n"
        "  cause: Connection refused\n"
    )
    assert parse_reason(output) == (
        "error: Request failed after 3 retries / cause: Failed to fetch the index / "
        "cause: tcp connect error / cause: Connection refused"
    )


def test_reason_of_silence_is_empty() -> None:
    """A client that says nothing leaves nothing to show."""
    assert parse_reason("\n\n") == ""
