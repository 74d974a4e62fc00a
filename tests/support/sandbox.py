"""What the tests of the sandbox share: a clock to turn, a world to change and a client to ask."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from projects_mcp.sandbox import (
    ACME_ID,
    CSRF_TOKEN,
    MOBILE_ID,
    NORTHWIND_ID,
    PRODUCTION_ID,
    READ_WRITE_KEY,
    SESSION_ID,
    STAGING_ID,
    World,
)

ORIGIN = "https://sandbox.test"
RESET: dict[str, Any] = {"project_id": MOBILE_ID, "confirm_project_name": "Acme mobile"}
"""What resets the token of the mobile app's project."""
ACME = f"/api/organizations/{ACME_ID}/projects"
NORTHWIND = f"/api/organizations/{NORTHWIND_ID}/projects"
PRODUCTION = f"{ACME}/{PRODUCTION_ID}"
MOBILE = f"{ACME}/{MOBILE_ID}"
STAGING = f"{ACME}/{STAGING_ID}"

SESSION_HEADERS: Mapping[str, str] = {
    "cookie": f"sessionid={SESSION_ID}; posthog_csrftoken={CSRF_TOKEN}",
    "x-csrftoken": CSRF_TOKEN,
    "referer": f"{ORIGIN}/project/settings",
}

NOT_FOUND = {"type": "invalid_request", "code": "not_found", "detail": "Not found.", "attr": None}
NO_ORGANIZATION = {**NOT_FOUND, "detail": "Organization not found."}
SERVER_ERROR = {"type": "server_error", "code": "error", "detail": "A server error occurred.", "attr": None}


def forbidden(detail: str) -> dict[str, str | None]:
    return {"type": "authentication_error", "code": "permission_denied", "detail": detail, "attr": None}


def invalid(detail: str, *, code: str = "invalid_input", attr: str | None = None) -> dict[str, str | None]:
    return {"type": "validation_error", "code": code, "detail": detail, "attr": attr}


@dataclass
class Clock:
    now: datetime = field(default_factory=lambda: datetime(2026, 10, 5, 12, 0, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)


@dataclass
class Sandbox:
    world: World
    clock: Clock
    http: httpx.AsyncClient

    async def ask(self, method: str, path: str, *, key: str | None = READ_WRITE_KEY, **request: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        return await self.http.request(method, path, headers={**headers, **request.pop("headers", {})}, **request)

    async def by_session(self, method: str, path: str, **request: Any) -> httpx.Response:
        return await self.ask(method, path, key=None, headers=SESSION_HEADERS, **request)

    async def act(self, method: str, path: str, **request: Any) -> Any:
        """Make a request by session that must succeed, and return the body of its answer."""
        response = await self.by_session(method, path, **request)
        assert response.status_code == 200, response.text
        return response.json()

    async def get(self, path: str, *, key: str | None = READ_WRITE_KEY) -> Any:
        response = await self.ask("GET", path, key=key)
        assert response.status_code == 200, response.text
        return response.json()

    async def patch(self, path: str, **settings: Any) -> Any:
        response = await self.ask("PATCH", path, json=settings)
        assert response.status_code == 200, response.text
        return response.json()

    async def create(self, **settings: Any) -> Any:
        response = await self.ask("POST", f"{ACME}/", json=settings)
        assert response.status_code == 201, response.text
        return response.json()

    def play(self, **switches: Any) -> None:
        self.world.behaviour = replace(self.world.behaviour, **switches)
