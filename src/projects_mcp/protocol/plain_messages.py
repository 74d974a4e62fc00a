"""Read the lines that are plain: of a form that is known exactly, so that everybody reads them alike.

The forms here are of what is allowed. A line with anything else in it, such as a field that is not named here, a key
that stands twice, or a value of another type, is not plain, and the SDK judges it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from projects_mcp.api.strict_json import load_strictly

__all__ = ["ENVELOPE", "Plain", "Request", "client_of", "id_key", "is_hello", "key_called_off", "read", "request_of"]

_PREFIX: Final = "io.modelcontextprotocol/"
_REVISION, _CAPABILITIES = f"{_PREFIX}protocolVersion", f"{_PREFIX}clientCapabilities"
_CLIENT: Final = f"{_PREFIX}clientInfo"
_TOKEN: Final = "progressToken"
ENVELOPE: Final[Mapping[str, Any]] = {_REVISION: "2026-07-28", _CAPABILITIES: {}}
"""The least `_meta` of a request of the revision whose requests carry their own envelope."""
_MOST_BRACKETS: Final = 150
"""Of a plain line. What cannot be nested deeper than that is read alike by Python's parser and by the SDK's."""


class _Object(NamedTuple):
    """The form of an object.

    Attributes:
        fields: the form of each field.
        needed: the fields that must be there.
        others: the form of every field with another name; by default, there may be none.
    """

    fields: Mapping[str, _Form]
    needed: Iterable[str] = ()
    others: _Form = ()


_Form: TypeAlias = "_Object | tuple[type, ...] | str"
"""What a value must be: an object of a form, of one of some types, or this very text."""

_TEXT: Final = (str,)
_ID: Final = (int, str)
_OBJECTS: Final = _Object({}, others=(dict,))
_OFFERED: Final = _Object(
    {
        "roots": _Object({"listChanged": (bool,)}),
        "tasks": _Object({}, others=_OBJECTS),
        **dict.fromkeys(("elicitation", "sampling", "experimental", "extensions"), _OBJECTS),
    }
)
"""The capabilities of a client."""
_IDENTITY: Final = _Object(
    dict.fromkeys(("name", "version", "title", "description", "websiteUrl"), _TEXT), ("name", "version")
)
_MESSAGE: Final = _Object({"jsonrpc": "2.0", "id": _ID, "method": _TEXT, "params": (dict,)}, ("jsonrpc", "method"))
_HELLO: Final = _Object(
    {"protocolVersion": _TEXT, "capabilities": _OFFERED, "clientInfo": _IDENTITY},
    ("protocolVersion", "capabilities", "clientInfo"),
)
_CANCELLATION: Final = _Object({"requestId": _ID, "reason": _TEXT}, ("requestId",))
_CALL: Final = _Object({"name": _TEXT, "arguments": (dict,)}, ("name",))
_NOTHING: Final = _Object({})
_LEGACY_META: Final = _Object({_TOKEN: _ID, "claudecode/toolUseId": _TEXT})
"""Of a request of a connection with a handshake. What clients add has no meaning here, nor in the SDK."""
_MODERN_META: Final = _Object(
    {**_LEGACY_META.fields, _REVISION: ENVELOPE[_REVISION], _CAPABILITIES: _OFFERED, _CLIENT: _IDENTITY}, ENVELOPE
)
"""Of a request that carries its own envelope."""


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
    client: str
    wants_progress: bool


def read(line: str) -> Plain | None:
    """Read one line; None if it is not plain."""
    if line.count("{") + line.count("[") > _MOST_BRACKETS or "\\ud" in line or "\\uD" in line:
        return None  # halves of a character in two escapes are read alike only if both are there
    try:
        value = load_strictly(line)
    except (ValueError, RecursionError):
        return None
    if not _fits(value, _MESSAGE):
        return None
    return Plain(value["method"], value.get("params", {}), value.get("id"))


def is_hello(params: Mapping[str, Any]) -> bool:
    """Whether these are plain parameters of `initialize`."""
    return _fits(params, _HELLO)


def client_of(identity: Mapping[str, str]) -> str:
    """Return the name and version that a client gives itself."""
    return f"{identity.get('title') or identity['name']} {identity['version']}"


def request_of(message: Plain, *, modern: bool) -> Request | None:
    """Return the parameters of a request; None if they are not plain in its era.

    Args:
        message: the request; no `initialize`.
        modern: whether it has to carry its own envelope.
    """
    meta = message.params.get("_meta", {})
    rest = {name: value for name, value in message.params.items() if name != "_meta"}
    if not _fits(meta, _MODERN_META if modern else _LEGACY_META):
        return None
    if not _fits(rest, _CALL if message.method == "tools/call" else _NOTHING):
        return None
    return Request(rest, client_of(meta[_CLIENT]) if _CLIENT in meta else "", _TOKEN in meta)


def key_called_off(message: Plain) -> int | str | None:
    """Return the key of the request that a message calls off; None if it is no plain cancellation."""
    if message.method != "notifications/cancelled" or not _fits(message.params, _CANCELLATION):
        return None
    return id_key(message.params["requestId"])


def id_key(number: int | str) -> int | str:
    """Return what a request and its cancellation are matched by: as the SDK has it, a number in quotes is a number."""
    try:
        return int(number)
    except ValueError:
        return number


def _fits(value: Any, form: _Form) -> bool:
    """Whether a value is of a form."""
    if isinstance(form, str):
        return bool(value == form)
    if not isinstance(form, _Object):
        return type(value) in form  # to Python, true is a number too
    if type(value) is not dict or any(name not in value for name in form.needed):
        return False
    return all(_fits(item, form.fields.get(name, form.others)) for name, item in value.items())
