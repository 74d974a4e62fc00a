"""Read one line of a client as JSON-RPC messages, and word the errors for what is none.

An error goes to a message whose id can be read, and to no other: without an id nobody can tell what it belongs to, and
the older revisions of the protocol have no such message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from mcp_types import INVALID_REQUEST, PARSE_ERROR, ErrorData, jsonrpc_message_adapter
from mcp_types.jsonrpc import JSONRPCError, JSONRPCMessage, JSONRPCNotification, JSONRPCRequest, RequestId
from pydantic import ValidationError
from pydantic_core import from_json

__all__ = ["BATCH_REVISION", "Batch", "Line", "read_line", "refuse_long_line"]

BATCH_REVISION: Final = "2025-03-26"
"""The one revision of the protocol that has batches."""
_MOST_IN_BATCH: Final = 100
"""Messages of one batch."""
_NO_JSON: Final = "Parse error: this is not valid JSON. Nothing was done."
_NO_MESSAGE: Final = "Invalid request: this is no JSON-RPC 2.0 message of MCP. Nothing was done."
_NO_BATCHES: Final = (
    "Invalid request: a batch is of protocol revision 2025-03-26 only. Nothing was done. Send each message on a line "
    "of its own."
)
_TOO_MANY: Final = f"Invalid request: a batch has {_MOST_IN_BATCH} messages at most. Nothing was done."
_TOO_LONG: Final = "Invalid request: the line is longer than {} bytes. Nothing was done."
_NOT_IN_BATCH: Final = "Invalid request: initialize cannot be part of a batch. Nothing was done."
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s"{}\[\]:,]+')
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")


class Batch(NamedTuple):
    """The messages of one line that holds several.

    Attributes:
        messages: what is to be done.
        errors: the answers to the others.
    """

    messages: list[JSONRPCMessage]
    errors: list[JSONRPCError]


class Line(NamedTuple):
    """What a line holds.

    Attributes:
        message: the message; None if there is none.
        errors: answers to what cannot be done, each for itself.
        batch: the messages of a batch, whose answers belong together; None if the line is no batch.
    """

    message: JSONRPCMessage | None = None
    errors: tuple[JSONRPCError, ...] = ()
    batch: Batch | None = None


def read_line(line: str, revision: str | None) -> Line:
    """Read one line.

    Args:
        line: without its end.
        revision: that the client and this server have agreed on; None before that, and for those without a handshake.
    """
    try:
        message = jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValidationError:
        return _read_unusual(line, revision)
    if isinstance(message, JSONRPCNotification) and '"id"' in line and "id" in json.loads(line):
        return Line()  # a request whose id is of another type: nobody could match an answer
    return Line(message)


def refuse_long_line(beginning: str, longest: int) -> Line:
    """Return the error for a line that was not read because it is too long, if its beginning holds the id.

    Args:
        beginning: the first characters of the line.
        longest: bytes that a line may have.
    """
    return Line(errors=_errors(_id_in_text(beginning), INVALID_REQUEST, _TOO_LONG.format(longest)))


def _read_unusual(line: str, revision: str | None) -> Line:
    try:
        value = from_json(line)
    except ValueError:
        return Line(errors=_errors(_id_in_text(line), PARSE_ERROR, _NO_JSON))
    if isinstance(value, list):
        return _read_batch(value, revision)
    return Line(errors=_errors(_id_of(value), INVALID_REQUEST, _NO_MESSAGE))


def _read_batch(values: list[Any], revision: str | None) -> Line:
    refusal = _TOO_MANY if len(values) > _MOST_IN_BATCH else None
    if revision != BATCH_REVISION:
        refusal = _NO_BATCHES
    if refusal is not None:
        return Line(errors=tuple(error for one in values for error in _errors(_id_of(one), INVALID_REQUEST, refusal)))
    batch = Batch([], [])
    for value in values:
        try:
            message = jsonrpc_message_adapter.validate_python(value, by_name=False)
        except ValidationError:
            batch.errors.extend(_errors(_id_of(value), INVALID_REQUEST, _NO_MESSAGE))
            continue
        if isinstance(message, JSONRPCRequest) and message.method == "initialize":
            batch.errors.extend(_errors(message.id, INVALID_REQUEST, _NOT_IN_BATCH))
        elif not (isinstance(message, JSONRPCNotification) and "id" in value):
            batch.messages.append(message)
    return Line(batch=batch)


def _errors(number: RequestId | None, code: int, message: str) -> tuple[JSONRPCError, ...]:
    if number is None:
        return ()
    return (JSONRPCError(jsonrpc="2.0", id=number, error=ErrorData(code=code, message=message)),)


def _id_of(value: object) -> RequestId | None:
    """Return the id of a request; None for anything else, responses too: those are never answered."""
    if not isinstance(value, Mapping) or "result" in value or "error" in value:
        return None
    number = value.get("id")
    return number if type(number) in {int, str} else None


def _id_in_text(line: str) -> RequestId | None:
    """Return the id that stands at the top level of a broken JSON object; None if there is none, or more than one."""
    found: list[RequestId] = []
    depth = 0
    tokens = _TOKEN.findall(line)
    if not tokens or tokens[0] != "{":
        return None
    for at, token in enumerate(tokens):
        if token in {"{", "["}:
            depth += 1
        elif token in {"}", "]"}:
            depth -= 1
        elif depth == 1 and token in {'"result"', '"error"'} and tokens[at + 1 : at + 2] == [":"]:
            return None
        elif depth == 1 and token == '"id"' and tokens[at + 1 : at + 2] == [":"]:
            found += _as_id(tokens[at + 2 : at + 4])
    return found[0] if len(found) == 1 else None


def _as_id(tokens: list[str]) -> list[RequestId]:
    """Return the id that a token is, if what follows it ends it."""
    if tokens[1:] not in ([","], ["}"]):
        return []
    if _NUMBER.fullmatch(tokens[0]):
        return [int(tokens[0])]
    try:
        text = json.loads(tokens[0])
    except ValueError:
        return []
    return [text] if isinstance(text, str) else []
