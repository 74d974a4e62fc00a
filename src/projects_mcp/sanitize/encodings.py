"""Find known secrets in the encodings in which one could leave: base64, hexadecimal digits, percent-encoding."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from projects_mcp.sanitize.text import without_invisible

__all__ = ["MAY_BE_ENCODED", "EncodedSecrets"]

MAY_BE_ENCODED: Final = re.compile(r"[A-Za-z0-9+/_-]{14}|%[0-9A-Fa-f]{2}|[^\x00-\x7f]")
"""What every text has in it that holds an encoding of a secret."""
_SHORTEST: Final = 12
"""Characters of a secret below which an encoding is too short to be told from chance."""
_BASE64: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=")
_BROKEN_LINE: Final = re.compile(r"(?<=[A-Za-z0-9+/_-])(?:\r?\n|\\r\\n|\\n)[ \t]{0,8}(?=[A-Za-z0-9+/_=-])")
_PERCENT: Final = re.compile(r"%[0-9A-Fa-f]{2}")
_TIMES_ENCODED: Final = 2


class EncodedSecrets(NamedTuple):
    """Known secrets, and what encodings make of them.

    Attributes:
        secrets: the secrets that are long enough to be looked for.
        cores: the characters that base64, at each of the three places where a secret can begin in a longer text, and
            hexadecimal digits make of them, the longest first.
    """

    secrets: Sequence[str] = ()
    cores: Sequence[str] = ()

    @classmethod
    def of(cls, secrets: Iterable[str]) -> EncodedSecrets:
        """Return the encodings of secrets."""
        known = [secret for secret in secrets if len(secret) >= _SHORTEST]
        cores = {core for secret in known for core in _cores(secret)}
        return cls(known, sorted(cores, key=len, reverse=True))

    def redact(self, text: str, marker: str) -> str:
        """Put a marker in the place of each encoded secret, and of each that invisible characters tear apart."""
        if not text.isascii():
            visible = without_invisible(text)
            if any(secret in visible for secret in self.secrets):
                text = visible
                for secret in self.secrets:
                    text = text.replace(secret, marker)
        text = self._without_cores(text, marker)
        if "\n" in text or "\\n" in text:  # lines of 76 characters, as in mail
            joined = _BROKEN_LINE.sub("", text)
            if (clean := self._without_cores(joined, marker)) != joined:
                text = clean
        return _without_percent(text, self.secrets, marker) if "%" in text else text

    def _without_cores(self, text: str, marker: str) -> str:
        for core in self.cores:
            if core in text:
                text = _replace_run(text, core, marker)
        return text


def _cores(secret: str) -> Iterable[str]:
    data = secret.encode()
    yield data.hex()
    yield data.hex().upper()
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + data).decode()
        core = encoded[-(-8 * before // 6) : 8 * (before + len(data)) // 6]
        yield core
        yield core.replace("+", "-").replace("/", "_")


def _replace_run(text: str, core: str, marker: str) -> str:
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


def _without_percent(text: str, secrets: Sequence[str], marker: str) -> str:
    """Replace secrets that show when percent-encoding is taken away, once or twice, whatever part of them has it."""
    for times in range(1, _TIMES_ENCODED + 1):
        plain, places = _decoded(text, times)
        for secret in (one.encode().decode("latin-1") for one in secrets):
            if secret not in plain:
                continue
            parts: list[str] = []
            at = kept = 0
            while (found := plain.find(secret, at)) >= 0:
                at = found + len(secret)
                parts += [text[kept : places[found]], marker]
                kept = places[at]
            text = "".join([*parts, text[kept:]])
            plain, places = _decoded(text, times)
    return text


def _decoded(text: str, times: int) -> tuple[str, Sequence[int]]:
    """Decode percent-encoding, and tell where each character, and the end, was in the text."""
    places: Sequence[int] = range(len(text) + 1)
    for _ in range(times):
        parts: list[str] = []
        kept: list[int] = []
        at = 0
        for found in _PERCENT.finditer(text):
            begin, end = found.span()
            parts += [text[at:begin], chr(int(text[begin + 1 : end], 16))]
            kept += places[at : begin + 1]
            at = end
        text, places = "".join([*parts, text[at:]]), [*kept, *places[at:]]
    return text, places
