"""What a form sends: from a page of ours, within its bounds, and once."""

from __future__ import annotations

import hashlib
import json
from secrets import token_urlsafe
from typing import Final
from urllib.parse import parse_qsl

import anyio
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope

from projects_mcp.http.approval.site import Site
from projects_mcp.state.approvals import APPROVAL_S
from projects_mcp.state.store import StateStore, StoreError

__all__ = [
    "issue_token",
    "read_form",
    "read_json",
    "require_host",
    "require_own_page",
    "require_post",
    "spend_token",
]

_BODY_BYTES: Final = 8_192
_JSON_BYTES: Final = 32_768
_BODY_TIMEOUT_S: Final = 10.0
_FIELDS: Final = 8
_FORM: Final = "application/x-www-form-urlencoded"
_JSON: Final = "application/json"
_TOKENS: Final = 8
"""Forms of one approval that can be sent. The oldest ends if the page is opened more often."""
_TRIES: Final = 5
_CLOSE: Final = {"Connection": "close"}


def require_host(scope: Scope, site: Site) -> None:
    """Make sure that a request was sent to the site's own name: another one may have been pointed here.

    Raises:
        HTTPException: 421, its host is not one of the site's.
    """
    hosts = _values_of(scope, b"host")
    if len(hosts) != 1 or not site.answers(hosts[0]):
        raise HTTPException(421, "This server does not answer under that name.")


def require_post(scope: Scope) -> None:
    """Make sure that a request sends a form.

    Raises:
        HTTPException: 405, its method is another one.
    """
    if scope["method"] != "POST":
        raise HTTPException(405, "This page takes GET and POST only.", {"Allow": "GET, HEAD, POST"})


def require_own_page(scope: Scope, site: Site) -> None:
    """Make sure that a form was sent by a page of the site.

    Raises:
        HTTPException: 403, it comes from elsewhere, or its browser does not say from where.
    """
    origins, fetched = _values_of(scope, b"origin"), _values_of(scope, b"sec-fetch-site")
    own = len(origins) == 1 and origins[0] in site.origins if origins else fetched == ["same-origin"]
    if not own or (fetched and fetched != ["same-origin"]):
        raise HTTPException(403, "This form was not sent by a page of this server. Nothing was decided.")


async def read_form(scope: Scope, receive: Receive) -> dict[str, str]:
    """Read the fields of a form; of two with one name, there is none that counts.

    Raises:
        HTTPException: 400, 408, 413 or 415: it is no form, too long or too slow.
    """
    kinds = _values_of(scope, b"content-type")
    if len(kinds) != 1 or kinds[0].partition(";")[0].strip().lower() != _FORM:
        raise HTTPException(415, "Only a form is taken here.", _CLOSE)
    try:
        pairs = parse_qsl(
            (await _read_body(receive, _BODY_BYTES)).decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=_FIELDS,
        )
    except ValueError:
        raise HTTPException(400, "The form cannot be read. Nothing was decided.") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise HTTPException(400, "The form has a field twice. Nothing was decided.")
    return fields


async def read_json(scope: Scope, receive: Receive, fields: frozenset[str]) -> dict[str, str]:
    """Read a JSON object whose members are exactly the given ones, each a text.

    Raises:
        HTTPException: 400, 408, 413 or 415: it is something else, too long or too slow.
    """
    kinds = _values_of(scope, b"content-type")
    if len(kinds) != 1 or kinds[0].partition(";")[0].strip().lower() != _JSON:
        raise HTTPException(415, "Only JSON is taken here.", _CLOSE)
    try:
        sent = json.loads(await _read_body(receive, _JSON_BYTES))
    except (ValueError, RecursionError):
        raise HTTPException(400, "What was sent cannot be read.") from None
    if (
        not isinstance(sent, dict)
        or sent.keys() != fields
        or not all(isinstance(text, str) and text.isascii() for text in sent.values())
    ):
        raise HTTPException(400, "What was sent is not in its form.")
    return sent


async def _read_body(receive: Receive, most: int) -> bytes:
    body = bytearray()
    with anyio.move_on_after(_BODY_TIMEOUT_S):
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise HTTPException(400, "The form was cut off. Nothing was decided.")
            body += message.get("body", b"")
            if len(body) > most:
                raise HTTPException(413, f"The form is longer than {most} bytes.", _CLOSE)
            if not message.get("more_body", False):
                return bytes(body)
    raise HTTPException(408, f"The form took longer than {_BODY_TIMEOUT_S:g} seconds to arrive.", _CLOSE)


async def issue_token(store: StateStore, approval_id: str) -> str:
    """Return a token for one form about an approval. The store keeps its SHA-256.

    Raises:
        StoreError: the store cannot be used.
    """
    token, key = token_urlsafe(24), _key(approval_id)
    for _ in range(_TRIES):
        text = await store.get(key)
        if text is None:
            kept = await store.add(key, json.dumps([_digest(token)]), APPROVAL_S)
        else:
            kept = await store.replace(key, text, json.dumps([*json.loads(text), _digest(token)][-_TOKENS:]))
        if kept:
            return token
    raise StoreError("other processes are changing the same approval")


async def spend_token(store: StateStore, approval_id: str, token: str) -> bool:
    """Use up the token of a form. Return whether there was one: it counts once, for its approval only.

    Raises:
        StoreError: the store cannot be used.
    """
    key, digest = _key(approval_id), _digest(token)
    for _ in range(_TRIES):
        text = await store.get(key)
        tokens: list[str] = [] if text is None else json.loads(text)
        if text is None or digest not in tokens:
            return False
        if await store.replace(key, text, json.dumps([it for it in tokens if it != digest])):
            return True
    raise StoreError("other processes are changing the same approval")


def _values_of(scope: Scope, header: bytes) -> list[str]:
    return [value.decode("latin-1") for name, value in scope["headers"] if name == header]


def _key(approval_id: str) -> str:
    return f"form:{approval_id}"


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
