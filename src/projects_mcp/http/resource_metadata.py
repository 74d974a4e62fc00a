"""The metadata of the protected resource, which tells a client who issues its tokens: RFC 9728."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from starlette.types import Receive, Scope, Send

from projects_mcp.http.callers import SCOPES
from projects_mcp.http.responses import json_response

__all__ = ["WELL_KNOWN_PATH", "ResourceMetadata"]

WELL_KNOWN_PATH: Final = "/.well-known/oauth-protected-resource"


class ResourceMetadata:
    """The document on one resource.

    Args:
        resource: the address of the server as its callers see it.
        issuer: issues the tokens.
        path: the path of the server, without a proxy before it.
    """

    def __init__(self, resource: str, issuer: str, path: str) -> None:
        scheme, _, rest = resource.partition("://")
        authority, slash, path_and_query = rest.partition("/")
        self.address = f"{scheme}://{authority}{WELL_KNOWN_PATH}{slash}{path_and_query}".rstrip("/")
        """Where clients find the document: its path is put before that of the resource."""
        public_path = urlsplit(resource).path.rstrip("/")
        paths = {WELL_KNOWN_PATH, f"{WELL_KNOWN_PATH}{path}", f"{WELL_KNOWN_PATH}{public_path}"}
        self.paths = sorted((*paths, *(f"{one}/" for one in paths)))
        """The paths that answer with the document, each with and without a slash at its end."""
        self._document = {
            "resource": resource,
            "authorization_servers": [issuer],
            "scopes_supported": list(SCOPES),
            "bearer_methods_supported": ["header"],
            "resource_name": "projects-mcp",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request with the document."""
        await json_response(self._document)(scope, receive, send)
