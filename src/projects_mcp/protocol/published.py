"""What the SDK answers to plain messages, as it writes it: recorded, and put together again.

`published.json` is written by `python -m dev.fast_start generate`, which asks the SDK; nothing in it is worded by hand.
A test asks again, so that another version of the SDK, or other words of a tool, show as a difference.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from projects_mcp.runner.result import ToolResult

__all__ = ["FILE", "Era", "Published", "load"]

FILE: Final = Path(__file__).with_name("published.json")
_TOKENS: Final = re.compile(r'"(?:[^"\\]|\\.)*"|(-?[0-9.]+)e-0([0-9])')
"""A text, or a number that Python and the SDK write in two ways."""
_MAY_BE_SMALL: Final = re.compile(r"[:,\[]-?[0-9.]+e-0[0-9]")
"""How such a number stands in JSON. A text can look so too, and seldom does."""


class Era(NamedTuple):
    """What is written in one era of the protocol.

    Attributes:
        fixed: the result of each method that has always the same.
        around_tools: what stands before and behind the tools of a list.
        tools: each tool by its name.
        calls: the result of a call, by whether it has a body, and an error. Every other piece is the name of what
            stands there.
    """

    fixed: Mapping[str, str]
    around_tools: tuple[str, str]
    tools: Mapping[str, str]
    calls: Mapping[tuple[bool, bool], tuple[str, ...]]

    def list_of(self, names: Iterable[str]) -> str:
        """Return the result of `tools/list` with these tools."""
        before, behind = self.around_tools
        return f"{before}{','.join(self.tools[name] for name in names)}{behind}"

    def call(self, result: ToolResult) -> str:
        """Return the result of a call. Its body is written once: the text is the same."""
        written = {
            "text": _json(result.text),
            "body": "" if result.body is None else _body(result.text, result.body),
            "error": "" if result.error is None else _json(dict(result.error)),
        }
        pieces = self.calls[result.body is not None, result.error is not None]
        return "".join(written[piece] if at % 2 else piece for at, piece in enumerate(pieces))


class Published(NamedTuple):
    """Everything that is recorded.

    Attributes:
        hello: the result of `initialize`, by the revision that the client asks for.
        legacy: of connections with a handshake.
        modern: of requests that carry their own envelope.
    """

    hello: Mapping[str, str]
    legacy: Era
    modern: Era


def load() -> Published:
    """Read what is recorded."""
    value = json.loads(FILE.read_text(encoding="utf-8"))
    return Published(value["hello"], _era(value["legacy"]), _era(value["modern"]))


def _era(value: Mapping[str, Any]) -> Era:
    calls = value["calls"]
    by_parts = {(True, False): calls["body"], (False, True): calls["error"], (True, True): calls["both"]}
    before, behind = value["around_tools"]
    return Era(
        value["fixed"], (before, behind), value["tools"], {parts: tuple(pieces) for parts, pieces in by_parts.items()}
    )


def _body(text: str, body: Mapping[str, Any]) -> str:
    """Return a body as the SDK writes it. That is the text, unless the text escapes what could not be seen."""
    written = text if "\\u" not in text else _json(body)
    if "e-0" not in written or not _MAY_BE_SMALL.search(written):
        return written
    return _TOKENS.sub(_number, written)


def _number(token: re.Match[str]) -> str:
    """Return a number below 0.0001 as the SDK writes it, and a text as it is."""
    mantissa, exponent = token[1], token[2]
    if mantissa is None:
        return token[0]
    if exponent != "5":
        return f"{mantissa}e-{exponent}"
    return f"{'-' if mantissa[0] == '-' else ''}0.0000{mantissa.lstrip('-').replace('.', '')}"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
