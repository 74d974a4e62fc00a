"""Who comes in: from the headers of a request to a caller, or to the answer that turns it away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from projects_mcp.http.callers import Caller, Callers
from projects_mcp.http.jwt import InvalidToken, Issuer, IssuerUnavailable

__all__ = ["AuthError", "BearerAuthentication"]


class AuthError(Exception):
    """A request that is answered at the door.

    Args:
        status: of the answer.
        sentence: what was wrong and what to do, for people.
        headers: more headers of the answer.
    """

    def __init__(self, status: int, sentence: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.headers = dict(headers or {})


class _Realm(NamedTuple):
    """What a client is told about how to come in."""

    metadata: str | None

    def challenge(self, **parameters: str) -> dict[str, str]:
        """Return the header that asks for a token: RFC 6750, RFC 9728."""
        if self.metadata is not None:
            parameters["resource_metadata"] = self.metadata
        listed = ", ".join(f'{name}="{value}"' for name, value in parameters.items())
        return {"WWW-Authenticate": f"Bearer {listed}".rstrip()}


class BearerAuthentication:
    """Decides on each request by its bearer token.

    Args:
        callers: the present content of the callers file; None where there is none.
        issuer: whose JSON Web Tokens are accepted; None for nobody's.
        metadata: the address of the document that names the issuer.
    """

    def __init__(self, callers: Callers | None, issuer: Issuer | None, metadata: str | None = None) -> None:
        self.callers = callers
        self._issuer = issuer
        self._realm = _Realm(metadata if issuer is not None else None)

    @property
    def asks(self) -> bool:
        """Whether a token is needed at all."""
        return self.callers is not None or self._issuer is not None

    async def caller(self, authorizations: Iterable[str]) -> Caller | None:
        """Return whose request this is; None where nobody is asked.

        Args:
            authorizations: the `Authorization` headers.

        Raises:
            TurnedAway: 401 without a valid token, 400 with two, 503 where none can be checked now.
        """
        if not self.asks:
            return None
        given = list(authorizations)
        if len(given) > 1:
            raise AuthError(400, "There is more than one Authorization header.")
        kind, _, token = (given[0] if given else "").partition(" ")
        token = token.strip()
        if kind.lower() != "bearer" or not token:
            raise AuthError(
                401, "A bearer token is needed: Authorization: Bearer …", self._realm.challenge(scope="project:read")
            )
        found = self.callers.of_token(token) if self.callers is not None else None
        if found is not None:
            return found
        if self._issuer is None:
            raise self._invalid("the token is not known")
        try:
            return await self._issuer.caller_of(token)
        except InvalidToken as error:
            raise self._invalid(str(error)) from None
        except IssuerUnavailable:
            raise AuthError(503, "The issuer of tokens cannot be reached; try again.", {"Retry-After": "30"}) from None

    def require(self, caller: Caller, needed: Iterable[str]) -> None:
        """Make sure that a token has all scopes that a call needs, before it runs.

        Raises:
            TurnedAway: 403 `insufficient_scope`, naming all of them.
        """
        scopes = list(needed)
        if all(map(caller.rights.has, scopes)):
            return
        header = self._realm.challenge(error="insufficient_scope", scope=" ".join(scopes))
        raise AuthError(403, f"The token lacks a scope: {' and '.join(scopes)} are needed.", header)

    def _invalid(self, why: str) -> AuthError:
        header = self._realm.challenge(error="invalid_token", error_description=why, scope="project:read")
        return AuthError(401, f"The bearer token is not accepted: {why}.", header)
