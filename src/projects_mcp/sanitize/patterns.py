"""Recognise a secret by its shape, in any text.

Every pattern takes time that grows linearly with the text: it starts at a marker that cannot stand inside a word, and
whatever it repeats before its end is bounded or cannot match in two ways.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from functools import cache
from typing import Final, NamedTuple

__all__ = ["PATTERNS", "REDACTED", "Pattern", "compiled"]

REDACTED: Final = "[redacted]"


class Pattern(NamedTuple):
    """One shape of a secret.

    Attributes:
        marker: what every match has in it, in lower case: looking for that is far cheaper, and nearly every text has
            none of them.
        expression: the shape, for `compiled`.
        replacement: what takes the place of a match.
    """

    marker: str
    expression: str
    replacement: str | Callable[[re.Match[str]], str] = REDACTED


# Where a word begins: also behind an escape of JSON, or of an address, whose letters belong to no word.
_START: Final = r"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2})|(?<=(?<!\\)\\[nrtbf])|(?<=\\u[0-9A-Fa-f]{4}))"
# Our own quotation marks end a value as well: no sentence of ours behind a quotation goes with it.
_VALUE: Final = r"[^\s\"',;<>\u201c\u201d]"
_GAP: Final = r"[\"']?\s{0,8}[:=]\s{0,8}[\"']?"
_SLASH: Final = r"(?:\\?/|%2f)"
_SCHEME: Final = rf"https?(?::|%3a){_SLASH}{_SLASH}"
_HOST_START: Final = rf"(?:{_SCHEME}|(?<![a-z0-9.-]))"
_REST: Final = rf"{_SLASH}(?:[^\s\"'<>\\\u201c\u201d]|\\/)+"
_PORT: Final = r"(?::[0-9]{1,5})?"


def _basic(match: re.Match[str]) -> str:
    """Redact credentials of HTTP's basic authentication; `Basic JavaScript` holds none."""
    try:
        inside = base64.b64decode(match[1] + "=" * (-len(match[1]) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        return match[0]
    return REDACTED if ":" in inside and inside.isprintable() else match[0]


compiled: Final = cache(re.compile)
"""Compile an expression when the first text has its marker: to compile all of them holds up the start."""

PATTERNS: Final = tuple(
    Pattern(marker, expression, *more)
    for marker, expression, *more in (
        # Personal, OAuth and project secret keys of PostHog; `phc_` is public. Words such as `alpha_users` hold `pha_`.
        # Behind a `_`, as in `my_phs_report_2024`, a word goes on unless a token's capital letters follow.
        (
            "ph",
            rf"{_START}(?:(?<!_)ph[aersx]_(?:(?=[a-z_-]{{0,32}}[A-Z0-9])[A-Za-z0-9_-]{{8,}}|[a-z]{{16,}})"
            r"|(?<=_)ph[aersx]_(?=[a-z0-9_-]{0,16}[A-Z])[A-Za-z0-9_-]{8,})",
        ),
        # JSON Web Tokens
        ("eyj", rf"(?:(?<![A-Za-z0-9_-])|{_START}(?<![_-]))eyJ[A-Za-z0-9_-]{{10,16384}}(?:\.[A-Za-z0-9_-]*){{1,4}}"),
        # Incoming webhooks of Slack and others, of Discord, and of Teams: whoever has the address can post.
        ("hooks.", rf"(?i:{_SCHEME}hooks\.[a-z0-9.-]{{1,253}}{_REST}|{_HOST_START}hooks\.slack(?:-gov)?\.com{_REST})"),
        (
            "discord",
            rf"(?i:{_HOST_START}(?:[a-z]{{1,16}}\.)?discord(?:app)?\.com{_SLASH}api(?:{_SLASH}v[0-9]{{1,3}})?"
            rf"{_SLASH}webhooks{_REST})",
        ),
        ("webhook", rf"(?i:{_HOST_START}[a-z0-9-]{{1,63}}\.webhook\.office\.com{_REST})"),
        ("webhook", rf"(?i:{_HOST_START}outlook\.office(?:365)?\.com{_SLASH}webhook{_REST})"),
        ("logic.azure.com", rf"(?i:{_HOST_START}[a-z0-9.-]{{1,253}}\.logic\.azure\.com{_PORT}{_REST})"),
        ("powerplatform.com", rf"(?i:{_HOST_START}[a-z0-9.-]{{1,253}}\.powerplatform\.com{_PORT}{_REST})"),
        ("xox", rf"(?i:{_START}xox[a-z]-[a-z0-9-]{{8,}})"),  # Slack tokens
        ("xapp-", rf"(?i:{_START}xapp-[a-z0-9-]{{8,}})"),
        (
            "authorization",
            rf"(?i:(?<![a-z])(?:proxy-)?authorization{_GAP}(?:(?:digest|hawk|oauth|aws4-hmac-sha256)\s[^\r\n\u201c\u201d]{{4,2048}}"
            rf"|(?:bearer|basic|token|negotiate|apikey)\s{{1,8}}{_VALUE}{{4,}}"
            rf"|(?={_VALUE}{{0,128}}[0-9]){_VALUE}{{8,}}))",
        ),
        (
            "bearer",
            r"(?<![A-Za-z])(?i:bearer)\s{1,8}(?=[A-Za-z]?[a-z._~+/=-]{0,128}[A-Z0-9])[A-Za-z0-9._~+/=-]{12,}",
        ),
        ("basic", r"(?<![A-Za-z])(?i:basic)\s{1,8}([A-Za-z0-9+/]{6,1024})={0,2}", _basic),
        ("sessionid", rf"(?i:(?<![a-z])sessionid{_GAP}){_VALUE}{{6,}}"),
        ("csrftoken", rf"(?i:(?<![a-z])(?:posthog_|x-)?csrftoken{_GAP}){_VALUE}{{6,}}"),
        (
            "cookie",
            rf"(?i:(?<![a-z])(?:set-)?cookie2?{_GAP})[^\s\"'=;,<>]{{1,128}}=(?:[^\r\n\"'<>\u201c\u201d]+)",
        ),
        # A user and password before a host, also if the whole address is percent-encoded.
        ("@", rf"(?i:(?::{_SLASH}{_SLASH}))[^\s/?#@:\"'<>\\]{{0,256}}:[^\s/?#@\"'<>]{{1,256}}@", f"://{REDACTED}@"),
        (
            "%40",
            r"(?i:%3a%2f%2f)[^\s/?#@:\"'<>%]{0,256}(?i:%3a)(?:[^\s%\"'<>]|%(?!40|2[fF])[0-9A-Fa-f]{2}){1,256}%40",
            f"%3A%2F%2F{REDACTED}%40",
        ),
        (
            "private key-----",
            r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)",
        ),
    )
)
