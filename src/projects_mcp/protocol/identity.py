"""What the server says of itself beside its name and version: its website and its icon."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Final

from mcp_types import Icon

__all__ = ["ICONS", "WEBSITE"]

WEBSITE: Final = "https://github.com/projects-mcp/projects-mcp"
_PICTURE: Final = base64.b64encode(Path(__file__).with_name("icon.png").read_bytes()).decode()
"""The picture of `assets/icon.svg`, small. A client over stdio could fetch no file from this server."""
ICONS: Final = (Icon(src=f"data:image/png;base64,{_PICTURE}", mime_type="image/png", sizes=["48x48"]),)
