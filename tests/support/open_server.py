"""A server that everybody on this machine may call, and calls of it that need a confirmation."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from projects_mcp.sandbox import PRODUCTION_ID
from tests.support.served import HARMLESS, Served, served

UPDATE = {"project_id": PRODUCTION_ID, "settings": {"timezone": "Asia/Tokyo"}}
NEW_KEY = "a-newer-signing-key-of-more-than-32-bytes-0000"


@contextmanager
def open_to_all(origin: str, audit: Path) -> Iterator[Served]:
    """Serve everybody on this machine, under the names of a proxy too."""
    names = {
        "PROJECTS_MCP_ALLOWED_HOSTS": "mcp.example.com,other.example.com:8443",
        "PROJECTS_MCP_ALLOWED_ORIGINS": "https://app.example.com",
    }
    with served(POSTHOG_HOST=origin, PROJECTS_MCP_AUDIT_LOG=str(audit), **HARMLESS, **names) as process:
        process.wait_for("no token is needed")
        yield process
