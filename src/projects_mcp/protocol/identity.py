"""What the server says of itself: its website, its icon, and the protocol revisions that it serves."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any, Final

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp_types import Icon
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

__all__ = ["ICONS", "WEBSITE", "complete_identity"]

WEBSITE: Final = "https://github.com/projects-mcp/projects-mcp"
_PICTURE: Final = base64.b64encode(Path(__file__).with_name("icon.png").read_bytes()).decode()
"""The picture of `assets/icon.svg`, small. A client over stdio could fetch no file from this server."""
ICONS: Final = (Icon(src=f"data:image/png;base64,{_PICTURE}", mime_type="image/png", sizes=["48x48"]),)

_SERVER_INFO: Final = "io.modelcontextprotocol/serverInfo"
_LARGE: Final = ("icons", "websiteUrl")
"""Parts of the identity that `server/discover` and `initialize` tell; the other results leave them out."""


async def complete_identity(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Handle one message: name every revision where a client asks for them, and keep the other results small.

    A middleware. Revision 2026-07-28 puts the identity into each result, and there the picture would be most of it.
    """
    result = await call_next(ctx)
    if not isinstance(result, dict):
        return result
    if ctx.method == "server/discover":
        return {**result, "supportedVersions": [*MODERN_PROTOCOL_VERSIONS, *reversed(HANDSHAKE_PROTOCOL_VERSIONS)]}
    meta = result.get("_meta")
    identity = meta.get(_SERVER_INFO) if isinstance(meta, dict) else None
    if isinstance(identity, dict):
        for name in _LARGE:
            identity.pop(name, None)  # the SDK makes a new one for each result
    return result
