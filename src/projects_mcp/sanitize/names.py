"""Recognise the name of a field whose value is a secret, in any case and style, and one that only measures it."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import Final

__all__ = ["LONGEST_NAME", "measures", "speaks_of_secret"]

LONGEST_NAME: Final = 128
"""Characters of the name of a field; what is longer names none. It bounds what is kept of names."""
_MOST_KEPT: Final = 4_096

_PUBLIC: Final = frozenset({"api_token", "secret_file", "secret_file_problem", "session_id", "$session_id"})
"""Names that speak of a secret and hold none: PostHog's public token, what a rotation says of its file, and the
property of events."""

_NAME: Final = re.compile(r"[\w$:.\[\]-]{1,100}(?: [\w$.-]{1,100})?")
"""What can be the name of a field; anything longer, or with more words, is a sentence or an address."""
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

_ENDINGS: Final = (
    *("token", "tokens", "secret", "secrets", "password", "passwords", "passwd", "passphrase", "passphrases"),
    *("passcode", "cookie", "cookies", "credential", "credentials", "webhook", "webhooks", "webhookurl", "webhookuri"),
    *("apikey", "apikeys", "privatekey", "secretkey", "signingkey", "accesskey", "encryptionkey", "authkey"),
    *("sessionkey", "sessionid", "sessid", "authorization", "basicauth"),
)
"""How a word ends that means a secret: `dbpassword` is one as well as `password`."""
_WORDS: Final = frozenset({"pwd", "jwt", "bearer"})
_PAIRS: Final = frozenset(
    {
        *((kind, "key") for kind in ("api", "private", "secret", "signing", "access", "encryption", "auth", "session")),
        *((kind, "key") for kind in ("account", "shared", "master", "hmac", "ssh", "service")),
        *(("api", "keys"), ("pass", "word"), ("pass", "words"), ("pass", "phrase"), ("pass", "code")),
        *(("web", "hook"), ("web", "hooks"), ("session", "id"), ("basic", "auth")),
    }
)
_SECOND: Final = frozenset({"url", "uri", "address", "value"})
"""Words that may follow the secret's in a name of two words with a space, such as `Webhook URL`."""

_MEASURES: Final = frozenset(
    {
        *(
            "count",
            "counts",
            "limit",
            "limits",
            "max",
            "min",
            "maximum",
            "minimum",
            "length",
            "size",
            "number",
            "total",
        ),
        *("days", "hours", "minutes", "seconds", "ms", "s", "ttl", "age", "lifetime", "timeout", "interval", "retries"),
        *(
            "expires",
            "expiry",
            "expiration",
            "expire",
            "at",
            "until",
            "since",
            "date",
            "version",
            "used",
            "usage",
            "rate",
        ),
    }
)


@lru_cache(maxsize=_MOST_KEPT)
def speaks_of_secret(name: str) -> bool:
    """Whether a name says that its value is a secret: in any case and style, such as `API_KEY` or `x-api-key`.

    Args:
        name: of a field, at most `LONGEST_NAME` characters long.
    """
    if name in _PUBLIC or not _NAME.fullmatch(name):
        return False
    words = [word.lower() for word in _WORD.findall(name)]
    if " " in name and words:  # a label, such as `API key`; `Token sales` is about something else
        words = words[:-1] if words[-1] in _SECOND else words
        return _is_secret(words[-1:]) or not _PAIRS.isdisjoint(pairwise(words[-2:]))
    return _is_secret(words)


def measures(name: str) -> bool:
    """Whether a name is about a quantity or a time, such as `max_tokens`: a number in it is no secret."""
    return not _MEASURES.isdisjoint(word.lower() for word in _WORD.findall(name))


def _is_secret(words: list[str]) -> bool:
    return (
        any(word.endswith(_ENDINGS) for word in words)
        or not _WORDS.isdisjoint(words)
        or not _PAIRS.isdisjoint(pairwise(words))
    )
