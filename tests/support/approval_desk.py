"""The pages of approvals in this process, on a store and a clock that a test holds."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
from starlette.routing import Router

from projects_mcp.http.approval.routes import approval_routes
from projects_mcp.http.approval.site import Site, loopback_site
from projects_mcp.policy.confirmation import ProjectSnapshot, confirmation_request
from projects_mcp.sandbox import ACME_ID
from projects_mcp.sanitize.redaction import Redactor
from projects_mcp.state.approval import Approval
from projects_mcp.state.approvals import Approvals
from projects_mcp.state.memory import MemoryStore
from projects_mcp.state.store import StateStore
from tests.support.approval_page import Seen, read

PORT = 8123
NAME = "Acme web"


def approval_of(name: str, **fields: Any) -> Approval:
    """An approval as a refused call offers it, for a project of that name."""
    state = {"id": 1, "name": name, "organization": ACME_ID, "api_token": "phc_invented0000"}
    target = ProjectSnapshot(1, name, UUID(ACME_ID), state)
    request = confirmation_request("https://us.posthog.com", "Delete project", target, "All is lost.", {}, Redactor())
    given: dict[str, Any] = {
        "id": "",
        "binding": request.digest,
        "tool": "project_delete",
        "project": 1,
        "phrase": name,
        "lines": (*request.lines, ("Asked by", "the person who started this server")),
        "caller": "",
        "passkey": False,
        "approvers": None,
        "until": 0.0,
    }
    return Approval(**{**given, **fields})


@dataclass
class Desk:
    """The pages, and a browser before them."""

    now: float = 1_800_000_000.0
    site: Site = field(default_factory=lambda: loopback_site(PORT))
    host: str = f"localhost:{PORT}"
    store: StateStore | None = None
    approvals: Approvals = field(init=False)

    def __post_init__(self) -> None:
        self.approvals = Approvals(self.store or MemoryStore(clock=lambda: self.now), clock=lambda: self.now)
        self._app = Router(routes=approval_routes(self.approvals, self.site), redirect_slashes=False)

    async def offer(self, name: str = NAME, **fields: Any) -> tuple[str, Approval]:
        return await self.approvals.offer(approval_of(name, **fields))

    async def ask(
        self,
        method: str,
        path: str,
        form: Mapping[str, str] | None = None,
        content: bytes | AsyncIterator[bytes] | None = None,
        **headers: str,
    ) -> httpx.Response:
        """Send one request, as a browser on the page does; headers with `_` for `-`, and empty ones left out."""
        own = {"Origin": self.site.origin, "Sec-Fetch-Site": "same-origin"} if method == "POST" else {}
        given = {"Host": self.host, **own, **{name.replace("_", "-"): value for name, value in headers.items()}}
        chosen = {name: value for name, value in given.items() if value}
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(self._app), base_url=f"http://{self.host}", headers=chosen
        ) as client:
            return await client.request(method, path, data=form, content=content)

    async def ask_json(self, path: str, body: Any, **headers: str) -> httpx.Response:
        """Send JSON, as the script of the page does."""
        given = {"Content_Type": "application/json", **headers}
        return await self.ask("POST", path, None, json.dumps(body).encode(), **given)

    async def open(self, code: str) -> Seen:
        response = await self.ask("GET", f"/approve/{code}")
        assert response.status_code == 200, response.text
        return read(response.text)

    async def form(self, code: str, decision: str = "approve", name: str = NAME) -> dict[str, str]:
        """Open the page, and return what its form sends."""
        token = (await self.open(code)).fields["token"]["value"]
        return {"token": token, "decision": decision, "name": name}

    async def send(self, code: str, form: Mapping[str, str], **headers: str) -> httpx.Response:
        return await self.ask("POST", f"/approve/{code}", form, None, **headers)

    async def status(self, code: str) -> str:
        """What has become of an approval, as the store has it."""
        found = await self.approvals.find(code)
        return "gone" if found is None else found.status.value
