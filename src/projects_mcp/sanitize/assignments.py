"""Find secrets that a text assigns to a name which speaks of one: `API_KEY=…`, `X-API-Key: …`, `?token=…`.

The text may be a line of an environment, a header, an address, or a piece of JSON that is cut or escaped.
"""

from __future__ import annotations

import re
from typing import Final

from projects_mcp.sanitize.names import measures, speaks_of_secret
from projects_mcp.sanitize.patterns import REDACTED

__all__ = ["MAY_BE_ASSIGNED", "without_assigned"]

MAY_BE_ASSIGNED: Final = re.compile(
    r"(?:token|secret|pass|pwd|key|cookie|hook|credential|auth|sess|jwt|bearer)"
    r"[\w.\[\] -]{0,64}\\{0,3}[\"']?\s{0,4}(?:=|:|%3[ad])",
    re.IGNORECASE,
)
"""What every text has in it that assigns a secret to a name. (`without_assigned` looks closer.)"""
_NAME: Final = re.compile(
    r"(?:(?<![A-Za-z0-9_.$-])|(?<=%[0-9A-Fa-f]{2})|(?<=(?<!\\)\\[nrt]))"
    r"([A-Za-z](?:[A-Za-z0-9_.-]|\[\]){1,63}(?: (?i:keys?|tokens?|secrets?|passwords?|url))?)"
    r"(\\{0,3}[\"']?\s{0,4}(?:=>|[:=]|%3[ADad])\s{0,4}\\{0,3}[\"']?)"
)
_QUOTED: Final = re.compile(r"[^\"'\\\r\n\u201c\u201d]{1,4096}")
"""Our own quotation marks end it too: what is quoted may be cut, and no sentence of ours behind it goes with it."""
_BARE: Final = re.compile(r"[^\s\"'\\,;&<>(){}\[\]\u201c\u201d]{4,4096}")
_LOOKS_RANDOM: Final = re.compile(r"(?=[^\s\"'\\,;&<>(){}\[\]]{8})[^\s\"'\\,;&<>(){}\[\]0-9]{0,63}[0-9]")
"""Eight characters or more, with a digit among the first ones."""
_HARMLESS: Final = re.compile(
    r"(?:true|false|null|none|undefined|present|absent|phc_[A-Za-z0-9]*|[^.]{4}\.\.\.[^.]{4}|\W+)", re.IGNORECASE
)


def without_assigned(text: str) -> str:
    """Return a text without the secrets that it assigns to a name."""
    parts: list[str] = []
    at = kept = 0
    while (name := _NAME.search(text, at)) is not None:
        at = name.end()
        if not speaks_of_secret(name[1]):
            continue
        value = _value(text, name[2], at)
        if value is None or _HARMLESS.fullmatch(value[0]) or (value[0].isdigit() and measures(name[1])):
            continue
        parts += [text[kept:at], REDACTED]
        at = kept = value.end()
    return "".join([*parts, text[kept:]]) if parts else text


def _value(text: str, gap: str, at: int) -> re.Match[str] | None:
    """Return what is assigned. Behind a colon or between spaces, as in prose, only what looks like no word counts."""
    if gap[-1:] in {'"', "'"}:
        return _QUOTED.match(text, at)
    if gap.isspace():
        return None
    in_prose = ":" in gap or " " in gap or "%3a" in gap.lower()
    if in_prose and not _LOOKS_RANDOM.match(text, at):
        return None
    return _BARE.match(text, at)
