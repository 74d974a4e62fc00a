"""JSON Web Tokens of one issuer: what makes one valid, and whose it is.

Follows RFC 8725 (fixed algorithms, issuer and audience checked) and RFC 9068 (claims of access tokens).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import jwt

from projects_mcp.http.callers import SCOPES, Caller
from projects_mcp.http.jwks import IssuerKeys
from projects_mcp.http.limits import SUBJECT_CHARACTERS, TOKEN_BYTES, TOKEN_LEEWAY_S
from projects_mcp.policy.authorization import CallerGrant

__all__ = ["InvalidToken", "Issuer", "VerifiedToken"]

_ALGORITHMS: Final = [
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
]
"""Signatures that only the issuer can make. `none`, and secrets shared with the issuer, are not among them."""


class InvalidToken(Exception):
    """The token is not one of this issuer's for this server, or no longer. The text says why, and nothing of it."""


class VerifiedToken(NamedTuple):
    """A token that holds now.

    Attributes:
        caller: whose it is.
        expires_at: until when it does, in seconds since 1970.
    """

    caller: Caller
    expires_at: float


class Issuer:
    """An issuer of tokens.

    Args:
        issuer: its address, as the claim `iss` has it.
        audience: what the claim `aud` must hold.
        keys: the keys that it signs with.
    """

    def __init__(self, issuer: str, audience: str, keys: IssuerKeys) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = keys

    async def verify(self, token: str) -> VerifiedToken:
        """Return whose token this is, and until when.

        Raises:
            InvalidToken: it is not valid.
            IssuerUnavailable: the keys to check it with could not be had.
        """
        if len(token) > TOKEN_BYTES:
            raise InvalidToken("the token is too long")
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise InvalidToken("the token is no JSON Web Token") from None
        if header.get("alg") not in _ALGORITHMS:
            raise InvalidToken("the token's algorithm is not accepted")
        key = await self._keys.find(str(header.get("kid", "")))
        if key is None:
            raise InvalidToken("the token is signed with an unknown key")
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=_ALGORITHMS,
                audience=self._audience,
                issuer=self._issuer,
                leeway=TOKEN_LEEWAY_S,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError:
            raise InvalidToken("the token has expired") from None
        except jwt.InvalidAudienceError:
            raise InvalidToken("the token is for another audience") from None
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
            raise InvalidToken("the token does not hold") from None
        return VerifiedToken(_caller(claims, self._issuer), int(claims["exp"]) + TOKEN_LEEWAY_S)


def _caller(claims: Mapping[str, Any], issuer: str) -> Caller:
    given = claims.get("scope", claims.get("scp", ""))
    scopes = given.split() if isinstance(given, str) else given if isinstance(given, list) else []
    granted = frozenset(scope for scope in scopes if scope in SCOPES)
    subject = str(claims["sub"])
    if len(subject) > SUBJECT_CHARACTERS:  # cut, and still another than all others
        subject = f"{subject[:SUBJECT_CHARACTERS]}…{hashlib.sha256(subject.encode()).hexdigest()[:32]}"
    return Caller(CallerGrant(f"{subject} of {issuer}", granted), issuer=issuer)
