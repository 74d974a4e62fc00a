"""From the bytes of an answer to a JSON value, within bounds and without surprises."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import AsyncIterable
from typing import Any, Final

from projects_mcp.errors.connection import InvalidResponse

__all__ = ["MAX_DEPTH", "at_most_values", "decode", "is_json", "read_bounded"]

MAX_DEPTH: Final = 64
"""Levels of nesting. PostHog's deepest settings have about six."""

_GZIP_OR_ZLIB: Final = 32 + zlib.MAX_WBITS


class _DuplicateKeyError(ValueError):
    pass


async def read_bounded(chunks: AsyncIterable[bytes], encoding: str, limit: int) -> bytes:
    """Join the raw chunks of a body, decompressing as they come.

    Args:
        chunks: the body as it came over the wire.
        encoding: the `Content-Encoding`; empty, `identity` and `gzip` are understood.
        limit: bytes, after decompression. Not one byte more is ever held, so a compression bomb stays small.

    Raises:
        AnswerUnusable: the body is longer than the limit, is not what its encoding says, or the encoding is unknown.
    """
    if encoding not in {"", "identity", "gzip", "x-gzip"}:
        raise InvalidResponse("encoding")
    inflate = zlib.decompressobj(_GZIP_OR_ZLIB) if encoding.endswith("gzip") else None
    body = bytearray()
    async for chunk in chunks:
        if inflate is None:
            body += chunk
        else:
            try:
                body += inflate.decompress(chunk, limit + 1 - len(body))
            except zlib.error:
                raise InvalidResponse("encoding") from None
            if inflate.unused_data:  # what follows the end of the body would be kept whole, compressed or not
                break
        if len(body) > limit:
            raise InvalidResponse("too_large")
    if inflate is not None and body and not inflate.eof:
        raise InvalidResponse("truncated")
    return bytes(body)


def is_json(content_type: str) -> bool:
    """Whether a `Content-Type` announces JSON."""
    media = content_type.partition(";")[0].strip().lower()
    return media == "application/json" or media.endswith("+json")


def at_most_values(body: bytes) -> int:
    """Return how many values a JSON body holds at the most. Counts the signs between them, also inside texts."""
    return body.count(b",") + body.count(b"[") + body.count(b"{") + 1


def decode(body: bytes) -> Any:
    """Parse a JSON body strictly.

    Raises:
        AnswerUnusable: it is empty, not UTF-8, not JSON, nested deeper than `MAX_DEPTH`, or holds what another reader
            could take differently: duplicate keys, NaN or Infinity, half of a surrogate pair.
    """
    if not body.strip():
        raise InvalidResponse("empty")
    try:
        value = json.loads(
            body.decode(), object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite
        )
    except _DuplicateKeyError:
        raise InvalidResponse("duplicate_keys") from None
    except RecursionError:
        raise InvalidResponse("too_deep") from None
    except ValueError:
        raise InvalidResponse("not_json") from None
    # Both checks walk the value, so each is made only for bodies that could fail it.
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH and _deeper_than(value, MAX_DEPTH):
        raise InvalidResponse("too_deep")
    if b"\\ud" in body.lower() and _has_lone_surrogate(value):
        raise InvalidResponse("not_unicode")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _DuplicateKeyError
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):  # 1e999
        raise ValueError(text[:20])
    return number


def _deeper_than(value: Any, levels: int) -> bool:
    layer = [value]
    for _ in range(levels + 1):
        layer = [
            child
            for item in layer
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        if not layer:
            return False
    return True


def _has_lone_surrogate(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False
