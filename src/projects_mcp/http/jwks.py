"""The signing keys of one issuer: fetched if they are needed, and kept while the issuer is away (RFC 7517)."""

from __future__ import annotations

import asyncio
import json
import logging
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import jwt

from projects_mcp.config.parsers import is_loopback
from projects_mcp.http.limits import (
    FETCH_PERIOD_S,
    FETCH_TIMEOUT_S,
    FETCHES_PER_PERIOD,
    KEYS_BYTES,
    KEYS_EXPIRE_S,
    KEYS_REFRESH_S,
    KNOWN_KEY_WAIT_S,
)

if TYPE_CHECKING:
    from http.client import HTTPMessage

__all__ = ["IssuerKeys", "IssuerUnavailable", "SigningKey", "fetch_json"]

logger: Final = logging.getLogger("projects_mcp")

SigningKey: TypeAlias = Any
"""What PyJWT takes as a key: a `PyJWK`, which is for one algorithm, or a public key for any of its kind."""

_METADATA: Final = (".well-known/openid-configuration", ".well-known/oauth-authorization-server")


class IssuerUnavailable(Exception):
    """The issuer's keys could not be had, so nothing can be said of a token."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """Follow none: the operator has named one address, and https."""


def fetch_json(address: str) -> Any:
    """Fetch a JSON document of at most `KEYS_BYTES`, without following a redirect. Blocks.

    Raises:
        OSError: it could not be fetched.
        ValueError: it is no JSON, or too long.
    """
    request = urllib.request.Request(address, headers={"Accept": "application/json"})  # noqa: S310 - https, see config
    try:
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=FETCH_TIMEOUT_S) as response:
            data: bytes = response.read(KEYS_BYTES + 1)
    except urllib.error.HTTPError as error:
        with error:  # it holds the connection open
            raise OSError(f"the answer has status {error.code}") from None
    if len(data) > KEYS_BYTES:
        raise ValueError("the document is too long")
    return json.loads(data)


class _KeySetClient(jwt.PyJWKClient):
    """PyJWT's client of a key set, with our way to fetch it: bounded, and without redirects in every version of PyJWT.

    It keeps nothing. PyJWT's own cache forgets the keys when they expire, whether or not there are new ones.
    """

    def __init__(self, address: str, fetch: Callable[[str], Any]) -> None:
        super().__init__(address, cache_jwk_set=False)
        self._fetch = fetch
        self._for_one_algorithm: set[str] = set()

    def fetch_data(self) -> Any:
        """Fetch the key set, and leave only keys that can have signed a token."""
        document = self._fetch(self.uri)
        listed = document.get("keys") if isinstance(document, dict) else None
        entries = [entry for entry in listed if _signs(entry)] if isinstance(listed, list) else []
        self._for_one_algorithm = {str(entry.get("kid", "")) for entry in entries if entry.get("alg")}
        return {"keys": entries}

    def signing_keys(self) -> dict[str, SigningKey]:
        """Fetch the keys by their id; empty for a key without one. Kinds that PyJWT does not know are left out.

        Raises:
            jwt.PyJWTError: there is no key that could be used.
        """
        keys = {str(key.key_id or ""): key for key in self.get_jwk_set(refresh=True)}
        # Without an `alg` of its own, PyJWT would bind a key to the algorithm that it guesses.
        return {key_id: key if key_id in self._for_one_algorithm else key.key for key_id, key in keys.items()}


class IssuerKeys:
    """The signing keys of one issuer.

    They are fetched again aside, in a worker thread, once at a time: a request whose key is known goes on meanwhile, so
    that an issuer that hangs keeps nobody out. If the issuer is away, the last keys hold.

    Args:
        issuer: its address.
        address: the address of its key set; None for what its metadata names.
        fetch: fetches the JSON at an address, for tests.
        clock: seconds that never go back, for tests.
    """

    def __init__(
        self,
        issuer: str,
        address: str | None = None,
        *,
        fetch: Callable[[str], Any] = fetch_json,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._address = address
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[str, SigningKey] = {}
        self._fetched_at = float("-inf")
        self._attempts: deque[float] = deque(maxlen=FETCHES_PER_PERIOD)
        self._refresh: asyncio.Task[bool] | None = None
        self._wait_until = 0.0
        """When a request whose key is known stops waiting for the present refresh, by the clock of the event loop."""
        self._failing = False

    async def find(self, key_id: str) -> SigningKey | None:
        """Return a key by its id, or the only key if the id is empty. None if the issuer has no such key.

        Raises:
            IssuerUnavailable: the key is not known, and the issuer could not be asked for it.
        """
        key = self._known(key_id)
        if key is None:
            return await self._find_unknown(key_id)
        age_s = self._clock() - self._fetched_at
        if age_s <= KEYS_REFRESH_S:
            return key
        refresh = self._start_refresh()
        if age_s > KEYS_EXPIRE_S and not self._failing and refresh is not None:
            await asyncio.wait({refresh}, timeout=max(0.0, self._wait_until - anyio.current_time()))
        return self._known(key_id)

    async def _find_unknown(self, key_id: str) -> SigningKey | None:
        refresh = self._start_refresh()
        if refresh is not None:
            await asyncio.wait({refresh})
        key = self._known(key_id)
        if key is None and (not self._keys or (refresh is not None and not refresh.result())):
            raise IssuerUnavailable
        return key

    def _known(self, key_id: str) -> SigningKey | None:
        if not key_id and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(key_id)

    def _start_refresh(self) -> asyncio.Task[bool] | None:
        """Return the refresh that is under way, or a new one; None if the issuer has been asked too often."""
        if self._refresh is not None and not self._refresh.done():
            return self._refresh
        now = self._clock()
        if len(self._attempts) == FETCHES_PER_PERIOD and now - self._attempts[0] <= FETCH_PERIOD_S:
            return None
        self._attempts.append(now)
        self._wait_until = anyio.current_time() + KNOWN_KEY_WAIT_S
        self._refresh = asyncio.get_running_loop().create_task(self._fetch_keys())
        return self._refresh

    async def _fetch_keys(self) -> bool:
        """Fetch the keys, and return whether there are new ones. If not, those that are known hold on."""
        try:
            with anyio.fail_after(2 * FETCH_TIMEOUT_S):
                self._keys = await anyio.to_thread.run_sync(self._download, abandon_on_cancel=True)
        except Exception as error:  # noqa: BLE001 - whatever it is, the keys could not be had
            self._failing = True
            logger.warning("the keys of the issuer could not be fetched: %s", type(error).__name__)
            return False
        self._failing = False
        self._fetched_at = self._clock()
        return True

    def _download(self) -> dict[str, SigningKey]:
        if self._address is None:
            self._address = self._address_in_metadata()
        return _KeySetClient(self._address, self._fetch).signing_keys()

    def _address_in_metadata(self) -> str:
        for path in _METADATA:
            try:
                document = self._fetch(f"{self._issuer.rstrip('/')}/{path}")
            except (OSError, ValueError):
                continue
            address = document.get("jwks_uri") if isinstance(document, dict) else None
            if isinstance(address, str) and _is_safe(address):
                return address
        raise OSError("no metadata names the keys")


def _is_safe(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))


def _signs(entry: Any) -> bool:
    """Whether an entry of a key set is a public key for signatures. A shared secret is none."""
    return isinstance(entry, dict) and entry.get("kty") != "oct" and entry.get("use", "sig") == "sig"
