"""Every pattern takes time that grows linearly with its input: shown by growth, on the input that is worst for it."""

import time
from collections.abc import Callable

import pytest

from projects_mcp.errors.rejected import status_error
from projects_mcp.sanitize.names import speaks_of_secret
from projects_mcp.sanitize.patterns import PATTERNS, compiled
from projects_mcp.sanitize.redaction import Redactor
from projects_mcp.sanitize.text import strip_invisible

WORST = (
    *("eyJ", "eyJ.", "-eyJ", "eyJaaaaaaaaaa.", "phs_", "phs_-", "pha_a-", "ph_", "authorization", "authorization "),
    *("authorization:", "authorization: bearer ", "authorization:a", "bearer ", "bearer a", "Bearer aaaaaaaaaaaa"),
    *("sessionid", "sessionid:", "sessionid =", "csrftoken=", "csrftoken  ", "x-csrftoken", "http://hooks."),
    *("http://a.", "https://", "HTTPS://hooks.a/", "https://discord.com/api/", "https://a.discord.", "xox", "xoxb-"),
    *("xapp-", "%70", "%", "https://a.logic.azure.com/", "https://a.webhook.office.com", "logic.azure.com", "<", "<a"),
    *("{", "[", '{"a":', "\u200d", "a\u200d", " ", "hooks.", "hooks.slack.com", "a.api.powerplatform.com/", "basic "),
    *(
        "basic aaaaaa",
        "Basic YTpi",
        "cookie:",
        "cookie: a=",
        "://",
        "://a",
        "://:",
        "://a:b",
        "%3A%2F%2Fa%3A",
        "%40",
        "@",
    ),
    *("-----BEGIN PRIVATE KEY-----", "-----BEGIN ", "key=", "token ", "token=a", "a=", "key.", "api_key: ", "token%3D"),
    *("\\", "\\n", "eyJ\\n", "phx_\\u0041", 'token="', "70", "%2570", "a\n", "\\npassword"),
)
OWN = "phx_own_key_0123456789"


def seconds(work: Callable[[str], object], text: str) -> float:
    """The least of a few runs: what disturbs one of them does not count."""
    least = float("inf")
    for _ in range(3):
        began = time.process_time()
        work(text)
        least = min(least, time.process_time() - began)
    return least


def clean(text: str) -> object:
    return Redactor([OWN]).value({"text": text, text[:4_000]: text[:100]})


def worded(text: str) -> object:
    return status_error(400, {"detail": text, "code": text, "attr": text}, None)


@pytest.mark.parametrize("piece", WORST)
@pytest.mark.parametrize("work", [clean, worded, strip_invisible, speaks_of_secret])
def test_four_times_the_input_takes_about_four_times_the_work(piece: str, work: Callable[[str], object]) -> None:
    texts = [(piece * (size // len(piece) + 1))[:size] for size in (16_384, 65_536)]
    small, large = (seconds(work, text) for text in texts)
    # Quadratic work would take sixteen times as long; below some milliseconds the clock says nothing.
    assert large < 10 * max(small, 0.004), f"{small * 1000:.1f} ms, then {large * 1000:.1f} ms"


def test_each_pattern_compiles_and_matches_no_empty_text() -> None:
    for pattern in PATTERNS:  # which are compiled on first use
        assert compiled(pattern.expression).search("") is None, pattern.marker


def test_each_pattern_is_tried_on_its_marker() -> None:
    for pattern in PATTERNS:
        assert any(pattern.marker in piece.lower() * 3 for piece in WORST), pattern.marker
