"""Make a PNG smaller: a picture of a page has few colours, and the shades of its letters can be told apart by few."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import Final

__all__ = ["with_palette"]

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_COLORS: Final = 128
_CHANNELS: Final = {2: 3, 6: 4}
"""Bytes of a pixel, by the type of its colour: RGB, and RGB with transparency."""
_SUB, _UP, _AVERAGE, _PAETH = 1, 2, 3, 4


def with_palette(png: bytes) -> bytes:
    """Return a picture with the 128 most frequent of its colours, and the nearest of these in place of any other.

    Args:
        png: RGB, or RGB with transparency (which is dropped), of 8 bits a channel, not interlaced.
    """
    width, height, pixels = _pixels(png)
    counted = Counter(pixels)
    palette = [color for color, _ in counted.most_common(_COLORS)]
    nearest = {color: min(range(len(palette)), key=lambda at: _distance(palette[at], color)) for color in counted}
    indexed = bytes(nearest[color] for color in pixels)
    lines = b"".join(b"\0" + indexed[at : at + width] for at in range(0, len(indexed), width))
    return _SIGNATURE + b"".join(
        (
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", bytes(value for color in palette for value in color)),
            _chunk(b"IDAT", zlib.compress(lines, 9)),
            _chunk(b"IEND", b""),
        )
    )


def _distance(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_SIGNATURE)
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += 12 + length


def _pixels(png: bytes) -> tuple[int, int, list[tuple[int, ...]]]:
    """Return the width, the height and the colours of all pixels, from the left to the right and down."""
    parts = list(_chunks(png))
    width, height, _, kind = struct.unpack(">IIBB", dict(parts)[b"IHDR"][:10])
    size = _CHANNELS[kind]
    raw = zlib.decompress(b"".join(data for name, data in parts if name == b"IDAT"))
    stride, pixels, above = width * size, [], bytearray(width * size)
    for start in range(0, height * (stride + 1), stride + 1):
        line = bytearray(raw[start + 1 : start + 1 + stride])
        for at in range(stride):
            line[at] = (line[at] + _predicted(raw[start], line, above, at, size)) & 0xFF
        pixels += [tuple(line[at : at + 3]) for at in range(0, stride, size)]
        above = line
    return width, height, pixels


def _predicted(method: int, line: bytearray, above: bytearray, at: int, size: int) -> int:
    """Return what the filter of a line takes a byte for: PNG specification, section 9."""
    left, up = line[at - size] if at >= size else 0, above[at]
    if method == _AVERAGE:
        return (left + up) // 2
    if method == _PAETH:
        corner = above[at - size] if at >= size else 0
        return min((left, up, corner), key=lambda value: abs(left + up - corner - value))
    return {_SUB: left, _UP: up}.get(method, 0)
