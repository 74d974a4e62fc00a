"""Recognise a secret: by the name of its field, by its shape in any text, and as an encoding of a known one.

Every pattern takes time that grows linearly with the text: it starts at a marker that cannot stand inside a word, and
whatever it repeats before its end is bounded or cannot match in two ways.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple

__all__ = ["LONGEST_NAME", "MAY_BE_ENCODED", "PATTERNS", "EncodedSecrets", "replace_run", "speaks_of_secret"]

_PUBLIC_NAMES: Final = frozenset({"api_token", "secret_file", "secret_file_problem"})
"""Names that speak of a secret and hold none: PostHog's public token, and what a rotation says of its file."""

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET_WORDS: Final = frozenset(
    {
        *("token", "tokens", "secret", "secrets", "webhook", "webhooks", "password", "passwords", "passwd", "pwd"),
        *("passphrase", "passphrases", "passcode", "credential", "credentials", "authorization", "cookie", "cookies"),
        *("sessionid", "jsessionid", "phpsessid", "csrftoken", "xsrftoken", "jwt"),
        *("apikey", "apikeys", "privatekey", "secretkey", "signingkey", "accesskey", "encryptionkey", "authkey"),
    }
)
_SECRET_PAIRS: Final = frozenset(
    {
        *(("api", "key"), ("api", "keys"), ("private", "key"), ("secret", "key"), ("signing", "key")),
        *(("access", "key"), ("encryption", "key"), ("auth", "key"), ("session", "key")),
    }
)
LONGEST_NAME: Final = 128
"""Characters of the name of a field; what is longer names none. It bounds what is kept of names."""
_NAME: Final = re.compile(r"[\w$:.\[\]-]{1,100}(?: [\w$.-]{1,100})?")
"""What can be the name of a field; anything longer, or with more words, is a sentence or an address."""

_VALUE: Final = r"[^\s\"',;<>]"
_GAP: Final = r"[\"']?\s{0,8}[:=]\s{0,8}[\"']?"
_URL_REST: Final = r"/[^\s\"'<>]+"

PATTERNS: Final = tuple(
    (marker, re.compile(pattern))
    for marker, pattern in (
        # Personal, OAuth and project secret keys of PostHog; `phc_` is public. Words such as `alpha_users` hold `pha_`.
        ("ph", r"(?<![A-Za-z0-9])ph[aersx]_(?:(?=[a-z_-]{0,64}[A-Z0-9])[A-Za-z0-9_-]{8,}|[a-z]{16,})"),
        ("eyj", r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{10,}(?:\.[A-Za-z0-9_-]*){1,4}"),  # JSON Web Tokens
        # Incoming webhooks of Slack and others, of Discord, and of Teams: whoever has the address can post.
        ("//hooks.", rf"(?i:https?://hooks\.[a-z0-9.-]{{1,253}}{_URL_REST})"),
        (
            "discord",
            rf"(?i:https?://(?:[a-z]{{1,16}}\.)?discord(?:app)?\.com/api(?:/v[0-9]{{1,3}})?/webhooks{_URL_REST})",
        ),
        ("webhook", rf"(?i:https?://[a-z0-9-]{{1,63}}\.webhook\.office\.com{_URL_REST})"),
        ("webhook", rf"(?i:https?://outlook\.office(?:365)?\.com/webhook{_URL_REST})"),
        ("logic.azure.com", rf"(?i:https?://[a-z0-9.-]{{1,253}}\.logic\.azure\.com(?::[0-9]{{1,5}})?{_URL_REST})"),
        ("xox", r"(?i:(?<![a-z0-9])xox[a-z]-[a-z0-9-]{8,})"),  # Slack tokens
        ("xapp-", r"(?i:(?<![a-z0-9])xapp-[a-z0-9-]{8,})"),
        (
            "authorization",
            rf"(?i:(?<![a-z])(?:proxy-)?authorization{_GAP}"
            rf"(?:(?:bearer|basic|token|digest|negotiate|apikey)\s{{1,8}}{_VALUE}{{4,}}"
            rf"|(?={_VALUE}{{0,128}}[0-9]){_VALUE}{{8,}}))",
        ),
        (
            "bearer",
            r"(?<![A-Za-z])(?i:bearer)\s{1,8}(?=[A-Za-z]?[a-z._~+/=-]{0,128}[A-Z0-9])[A-Za-z0-9._~+/=-]{12,}",
        ),
        ("sessionid", rf"(?i:(?<![a-z])sessionid{_GAP}){_VALUE}{{6,}}"),
        ("csrftoken", rf"(?i:(?<![a-z])(?:posthog_|x-)?csrftoken{_GAP}){_VALUE}{{6,}}"),
    )
)
"""Patterns of secrets. Before each stands a marker that every match has in it, whatever the case: looking for that is
far cheaper, and nearly every text has none of them."""

_BASE64: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=")
MAY_BE_ENCODED: Final = re.compile(r"[A-Za-z0-9+/_-]{14}|%[0-9A-Fa-f]{2}")
"""What every text has in it that holds an encoding of a secret."""
_SHORTEST_ENCODED: Final = 12
"""Characters below which an encoding is too short to be told from chance."""


@lru_cache(maxsize=4_096)
def speaks_of_secret(name: str) -> bool:
    """Whether a name says that its value is a secret: in any case and style, such as `API_KEY` or `x-api-key`.

    Args:
        name: of a field, at most `LONGEST_NAME` characters long.
    """
    if name in _PUBLIC_NAMES or not _NAME.fullmatch(name):
        return False
    words = [word.lower() for word in _WORD.findall(name)]
    return not _SECRET_WORDS.isdisjoint(words) or not _SECRET_PAIRS.isdisjoint(pairwise(words))


class EncodedSecrets(NamedTuple):
    """The encodings of known secrets in which one could leave: base64 (inside a longer text too) and percent-encoding.

    Attributes:
        base64: the characters that base64 makes of a secret, the longest first.
        percent: a pattern of each secret, with any of its characters percent-encoded.
    """

    base64: Sequence[str] = ()
    percent: Sequence[re.Pattern[str]] = ()

    @classmethod
    def of(cls, secrets: Iterable[str]) -> EncodedSecrets:
        """Return the encodings of secrets."""
        known = [secret for secret in secrets if len(secret) >= _SHORTEST_ENCODED]
        cores = {core for secret in known for core in _base64_cores(secret)}
        percent = [re.compile("".join(map(_character_or_percent, secret))) for secret in known]
        return cls(sorted(cores, key=len, reverse=True), percent)


def _base64_cores(secret: str) -> Iterable[str]:
    """Return the characters that base64 makes of a secret at each of the three places where it can begin."""
    data = secret.encode()
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + data).decode()
        core = encoded[-(-8 * before // 6) : 8 * (before + len(data)) // 6]
        yield core
        yield core.replace("+", "-").replace("/", "_")


def replace_run(text: str, core: str, marker: str) -> str:
    """Replace each run of base64 characters that holds the core of an encoded secret."""
    parts: list[str] = []
    at = 0
    while (found := text.find(core, at)) >= 0:
        begin, end = found, found + len(core)
        while begin > at and text[begin - 1] in _BASE64:
            begin -= 1
        while end < len(text) and text[end] in _BASE64:
            end += 1
        parts += [text[at:begin], marker]
        at = end
    return "".join([*parts, text[at:]])


def _character_or_percent(character: str) -> str:
    encoded = "".join(f"%(?i:{byte:02x})" for byte in character.encode())
    return f"(?:{re.escape(character)}|{encoded})"
