"""The smallest picture and the smallest sound there are, for the fixtures that must return one."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Final

from mcp_types import AudioContent, EmbeddedResource, ImageContent, TextContent, TextResourceContents

__all__ = ["PICTURE", "audio", "embedded", "image", "text"]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


PICTURE: Final = (
    b"\x89PNG\r\n\x1a\n"
    + _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    + _chunk(b"IDAT", zlib.compress(b"\x00\xff\xff\xff"))
    + _chunk(b"IEND", b"")
)
"""One white pixel as PNG."""

_SILENCE: Final = (
    struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 36, b"WAVE", b"fmt ", 16, 1, 1, 8000, 8000, 1, 8) + b"data\0\0\0\0"
)
"""No sample at all as WAV."""


def text(words: str) -> TextContent:
    return TextContent(type="text", text=words)


def image() -> ImageContent:
    return ImageContent(type="image", data=base64.b64encode(PICTURE).decode(), mime_type="image/png")


def audio() -> AudioContent:
    return AudioContent(type="audio", data=base64.b64encode(_SILENCE).decode(), mime_type="audio/wav")


def embedded(uri: str, words: str, mime_type: str = "text/plain") -> EmbeddedResource:
    return EmbeddedResource(type="resource", resource=TextResourceContents(uri=uri, mime_type=mime_type, text=words))
