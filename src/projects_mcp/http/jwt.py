"""JSON Web Tokens of one issuer: what makes one valid, and whose it is.

Follows RFC 8725 (fixed algorithms, issuer and audience checked), RFC 9068 (claims of access tokens), RFC 7517 (keys).
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
import urllib.request
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import jwt

from projects_mcp.config.parsers import is_loopback
from projects_mcp.http.callers import SCOPES, Caller
from projects_mcp.policy.authorization import KeyGrant

__all__ = ["InvalidToken", "Issuer", "IssuerUnavailable"]

logger: Final = logging.getLogger("projects_mcp")

_ALGORITHMS: Final = [
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
]
"""Signatures that only the issuer can make. `none`, and secrets shared with the issuer, are not among them."""
_KEYS_FOR_S: Final = 600.0
_MOST_FETCHES, _IN_S = 5, 60.0
"""An unknown key makes us ask for the keys once more, but whoever forges tokens must not make us ask each time."""
_PATIENCE_S: Final = 5.0
_MOST_BYTES: Final = 262_144
_LONGEST_TOKEN: Final = 16_384
_LONGEST_SUBJECT: Final = 160
_LEEWAY_S: Final = 5.0
_METADATA: Final = (".well-known/openid-configuration", ".well-known/oauth-authorization-server")


class InvalidToken(Exception):
    """The token is not one of this issuer's for this server, or no longer. The text says why, and nothing of it."""


class IssuerUnavailable(Exception):
    """The issuer's keys could not be had, so nothing can be said of a token."""


def _fetch(address: str) -> Any:
    request = urllib.request.Request(address, headers={"Accept": "application/json"})  # noqa: S310 - https, see config
    with urllib.request.urlopen(request, timeout=_PATIENCE_S) as answer:  # noqa: S310 - as above
        return json.loads(answer.read(_MOST_BYTES))


class Issuer:
    """An issuer of tokens, and its keys, which are fetched when they are needed and kept for ten minutes.

    Args:
        issuer: its address, as the claim `iss` has it.
        audience: what the claim `aud` must hold.
        jwks: where its keys are; None for what its metadata names.
        fetch: gets the JSON at an address, for tests.
        clock: seconds that never go back, for tests.
    """

    def __init__(
        self,
        issuer: str,
        audience: str,
        jwks: str | None = None,
        *,
        fetch: Callable[[str], Any] = _fetch,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.issuer = issuer
        self._audience = audience
        self._jwks = jwks
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[str, Any] = {}
        self._fetched_at = float("-inf")
        self._tries: deque[float] = deque(maxlen=_MOST_FETCHES)
        self._fetching = anyio.Lock()

    async def caller_of(self, token: str) -> Caller:
        """Return whose token this is.

        Raises:
            InvalidToken: it does not hold.
            IssuerUnavailable: the keys to check it with could not be had.
        """
        if len(token) > _LONGEST_TOKEN:
            raise InvalidToken("the token is too long")
        try:
            head = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise InvalidToken("the token is no JSON Web Token") from None
        if head.get("alg") not in _ALGORITHMS:
            raise InvalidToken("the token's algorithm is not accepted")
        key = await self._key(str(head.get("kid", "")))
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=_ALGORITHMS,
                audience=self._audience,
                issuer=self.issuer,
                leeway=_LEEWAY_S,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError:
            raise InvalidToken("the token has expired") from None
        except jwt.InvalidAudienceError:
            raise InvalidToken("the token is for another audience") from None
        except (jwt.PyJWTError, ValueError, TypeError):
            raise InvalidToken("the token does not hold") from None
        return _caller(claims, self.issuer)

    async def _key(self, key_id: str) -> Any:
        known, fetched_at = self._known(key_id), self._fetched_at
        if known is None or self._clock() - fetched_at > _KEYS_FOR_S:
            async with self._fetching:
                if self._fetched_at == fetched_at and self._may_fetch():  # nobody else has done so in the meantime
                    await self._refresh(needed=known is None)
            known = self._known(key_id)
        if known is None and not self._keys:
            raise IssuerUnavailable
        if known is None:
            raise InvalidToken("the token is signed with an unknown key")
        return known

    def _may_fetch(self) -> bool:
        return len(self._tries) < _MOST_FETCHES or self._clock() - self._tries[0] > _IN_S

    def _known(self, key_id: str) -> Any:
        if not key_id and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(key_id)

    async def _refresh(self, *, needed: bool) -> None:
        """Fetch the keys. Where that fails, those that are known hold on: an issuer may be away for a moment."""
        self._tries.append(self._clock())
        try:
            with anyio.fail_after(2 * _PATIENCE_S):
                document = await anyio.to_thread.run_sync(self._download, abandon_on_cancel=True)
            keys = _read_keys(document)
            if not keys:
                raise ValueError("there is no key that could be used")  # noqa: TRY301 - as if none had come
            self._keys = keys
        except Exception as error:  # noqa: BLE001 - whatever it is, the keys could not be had
            logger.warning("the keys of the issuer could not be fetched: %s", type(error).__name__)
            if needed:
                raise IssuerUnavailable from None
        else:
            self._fetched_at = self._clock()

    def _download(self) -> Any:
        if self._jwks is None:
            self._jwks = self._named_by_metadata()
        return self._fetch(self._jwks)

    def _named_by_metadata(self) -> str:
        for path in _METADATA:
            try:
                document = self._fetch(f"{self.issuer.rstrip('/')}/{path}")
            except (OSError, ValueError):
                continue
            address = document.get("jwks_uri") if isinstance(document, dict) else None
            if isinstance(address, str) and _is_safe(address):
                return address
        raise OSError("no metadata names the keys")


def _is_safe(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))


def _read_keys(document: Any) -> dict[str, Any]:
    entries = document.get("keys") if isinstance(document, dict) else None
    keys: dict[str, Any] = {}
    for entry in entries if isinstance(entries, list) else []:
        try:
            if entry.get("kty") != "oct" and entry.get("use", "sig") == "sig":
                key = jwt.PyJWK(entry)
                # Without an `alg` of its own, PyJWT would bind the key to one that it guesses.
                keys[str(entry.get("kid", ""))] = key if entry.get("alg") else key.key
        except (jwt.PyJWTError, AttributeError, ValueError):
            continue  # a kind of key that is newer than this
    return keys


def _caller(claims: Mapping[str, Any], issuer: str) -> Caller:
    given = claims.get("scope", claims.get("scp", ""))
    scopes = given.split() if isinstance(given, str) else given if isinstance(given, list) else []
    rights = KeyGrant(scopes=frozenset(scope for scope in scopes if scope in SCOPES))
    subject = str(claims["sub"])
    if len(subject) > _LONGEST_SUBJECT:  # cut, and still another than all others
        subject = f"{subject[:_LONGEST_SUBJECT]}…{hashlib.sha256(subject.encode()).hexdigest()[:32]}"
    return Caller(name=f"{subject} of {issuer}", rights=rights, issuer=issuer)
