"""What is no message, though it has an id: with the code of its error and that id."""

from typing import Final

from mcp_types import INVALID_REQUEST, PARSE_ERROR

BROKEN: Final[dict[str, tuple[bytes, int, int | str]]] = {
    "cut off": (b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":', PARSE_ERROR, 7),
    "id last": (b'{"method":"tools/call","params":{"name":oops x},"jsonrpc":"2.0","id":"a b"}', PARSE_ERROR, "a b"),
    "single quotes": (b'{"jsonrpc":"2.0","id":8,\'method\':\'tools/list\'}', PARSE_ERROR, 8),
    "lone surrogate": (b'{"jsonrpc":"2.0","id":9,"method":"x","params":{"name":"\\ud800"}}', PARSE_ERROR, 9),
    "deep": (b'{"jsonrpc":"2.0","id":5,"method":"x","params":' + b"[" * 5_000 + b"]" * 5_000 + b"}", PARSE_ERROR, 5),
    "no version": (b'{"id":1,"method":"tools/list"}', INVALID_REQUEST, 1),
    "old version": (b'{"jsonrpc":"1.0","id":2,"method":"tools/list"}', INVALID_REQUEST, 2),
    "no method": (b'{"jsonrpc":"2.0","id":3,"params":{}}', INVALID_REQUEST, 3),
    "parameters in a list": (b'{"jsonrpc":"2.0","id":"x","method":"tools/list","params":[1]}', INVALID_REQUEST, "x"),
}
