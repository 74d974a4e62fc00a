"""Read the lines that are plain: of a form that is known exactly, so that everybody reads them alike.

The list here is of what is allowed. A line with anything else in it, such as a field that is not named here, a key that
stands twice, or a value of another type, is not plain, and the SDK judges it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from projects_mcp.api.strict_json import load_strictly

__all__ = ["MODERN_REVISION", "Plain", "Request", "client_of", "is_hello", "legacy_request", "modern_request", "read"]

MODERN_REVISION: Final = "2026-07-28"
"""The revision of the protocol whose requests carry their own envelope."""
_PREFIX: Final = "io.modelcontextprotocol/"
_REVISION: Final = f"{_PREFIX}protocolVersion"
_CAPABILITIES: Final = f"{_PREFIX}clientCapabilities"
_CLIENT: Final = f"{_PREFIX}clientInfo"
_TOKEN: Final = "progressToken"
_OF_CLIENTS: Final = frozenset({"claudecode/toolUseId"})
"""Fields of `_meta` that clients are known to add, each a text. Nothing here, nor in the SDK, gives them a meaning."""
_ENVELOPE: Final = frozenset({_REVISION, _CAPABILITIES, _CLIENT})
_MESSAGE: Final = frozenset({"jsonrpc", "id", "method", "params"})
_IDENTITY: Final = frozenset({"name", "version", "title", "description", "websiteUrl"})
_HELLO: Final = frozenset({"protocolVersion", "capabilities", "clientInfo"})
_MOST_BRACKETS: Final = 150
"""Of a plain line. What cannot be nested deeper than that is read alike by Python's parser and by the SDK's."""


class Plain(NamedTuple):
    """A message that is plain so far: as a message, before anything is known of its method.

    Attributes:
        method: what is asked for, or told.
        params: its parameters; empty if there are none.
        number: the id of a request; None for a notification.
    """

    method: str
    params: dict[str, Any]
    number: int | str | None


class Request(NamedTuple):
    """The parameters of a request that is plain in its era.

    Attributes:
        params: without `_meta`.
        client: how the client names itself in this request; empty if it does not.
        wants_progress: whether it wants to be told how far the request is.
    """

    params: dict[str, Any]
    client: str = ""
    wants_progress: bool = False


def read(line: str) -> Plain | None:
    """Read one line; None if it is not plain."""
    if line.count("{") + line.count("[") > _MOST_BRACKETS or "\\ud" in line or "\\uD" in line:
        return None  # halves of a character in two escapes are read alike only if both are there
    try:
        value = load_strictly(line)
    except (ValueError, RecursionError):
        return None
    if type(value) is not dict or value.keys() - _MESSAGE or value.get("jsonrpc") != "2.0":
        return None
    method, params, number = value.get("method"), value.get("params", {}), value.get("id")
    if type(method) is not str or type(params) is not dict or ("id" in value and not _is_number_or_text(number)):
        return None
    return Plain(method, params, number)


def is_hello(params: Mapping[str, Any]) -> bool:
    """Whether these are plain parameters of `initialize`."""
    return (
        params.keys() == _HELLO
        and type(params["protocolVersion"]) is str
        and _are_capabilities(params["capabilities"])
        and _is_identity(params["clientInfo"])
    )


def client_of(identity: Mapping[str, str]) -> str:
    """Return the name and version that a client gives itself, for one that is plain."""
    return f"{identity.get('title') or identity['name']} {identity['version']}"


def legacy_request(params: dict[str, Any]) -> Request | None:
    """Return the parameters of a request of a connection with a handshake; None if they are not plain."""
    if "_meta" not in params:
        return Request(params)
    meta = params["_meta"]
    if type(meta) is not dict or not _is_of_any_era(meta):
        return None
    return Request(_without_meta(params), wants_progress=_TOKEN in meta)


def modern_request(params: dict[str, Any]) -> Request | None:
    """Return the parameters of a request that carries its own envelope; None if they are not plain."""
    meta = params.get("_meta")
    if type(meta) is not dict or meta.get(_REVISION) != MODERN_REVISION:
        return None
    if not _are_capabilities(meta.get(_CAPABILITIES)):
        return None
    if not _is_of_any_era({name: value for name, value in meta.items() if name not in _ENVELOPE}):
        return None
    request = Request(_without_meta(params), wants_progress=_TOKEN in meta)
    if _CLIENT not in meta:
        return request
    identity = meta[_CLIENT]
    return request._replace(client=client_of(identity)) if _is_identity(identity) else None


def _without_meta(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if name != "_meta"}


def _is_of_any_era(meta: Mapping[str, Any]) -> bool:
    return all(
        _is_number_or_text(value) if name == _TOKEN else name in _OF_CLIENTS and type(value) is str
        for name, value in meta.items()
    )


def _is_identity(value: object) -> bool:
    return (
        type(value) is dict
        and {"name", "version"} <= value.keys() <= _IDENTITY
        and all(type(item) is str for item in value.values())
    )


def _are_capabilities(value: object) -> bool:
    return type(value) is dict and all(_is_capability(name, given) for name, given in value.items())


def _is_capability(name: str, given: object) -> bool:
    if type(given) is not dict:
        return False
    if name == "roots":
        return all(key == "listChanged" and type(item) is bool for key, item in given.items())
    if name == "tasks":
        return all(_is_of_objects(item) for item in given.values())
    return name in {"elicitation", "sampling", "experimental", "extensions"} and _is_of_objects(given)


def _is_of_objects(value: object) -> bool:
    return type(value) is dict and all(type(item) is dict for item in value.values())


def _is_number_or_text(value: object) -> bool:
    return type(value) is int or type(value) is str  # to Python, true is a number
