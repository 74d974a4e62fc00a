"""A PostHog that nobody of this project has written: Prism, a mock of OpenAPI documents, on the page of PostHog's API.

It knows shapes and nothing else: no ids, no state, no rules. A proxy before it turns its answers into the ones that a
test is about, asks it for failures, and plants secrets.
"""

import http.client
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import anyio.to_thread

from projects_mcp.sandbox import ACME_ID, PRODUCTION_ID
from tests.support.harness import ENVIRONMENT, Harness

IDENTITY: Mapping[str, Any] = {"id": PRODUCTION_ID, "name": "Acme web", "organization": ACME_ID}
"""Of the project that the calls of the contract are about."""
STATE: Mapping[str, Any] = {"api_token": "phc_foreign_token_0001", "is_pending_deletion": False}
"""What a confirmation is about, besides the identity and the secrets."""
SECRETS: Mapping[str, Any] = {
    "secret_api_token": "phs_ForeignSecretPlanted00000001",
    "secret_api_token_backup": "phs_ForeignBackupPlanted00000002",
    "live_events_token": "eyJhbGciOiJub25lIn0.eyJmb3JlaWduIjoxfQ.c2lnbmVkc2lnbmVk",
}
"""Planted in every project that the mock answers."""
UNTOLD = (*SECRETS.values(), *(value for name, value in ENVIRONMENT.items() if name != "POSTHOG_HOST"))
"""What no result and no log may show."""

_TIMEOUT_S = 20


class MockResponse(NamedTuple):
    """What the server was told in the end."""

    method: str
    path: str
    status: int
    body: Any

    @property
    def about_key(self) -> bool:
        return self.path.startswith("/api/personal_api_keys/")

    @property
    def of_project(self) -> bool:
        """Whether it is the response to the one request that reads a project."""
        return self.method == "GET" and self.path.endswith(f"/projects/{PRODUCTION_ID}/")


@dataclass
class MockProxy:
    """An ASGI application before the mock.

    Attributes:
        port: of the mock.
        bend: turns an answer of the mock with a project in it into another one. It may change what it is given.
        prefer: asks the mock for one answer, such as `code=403`; None for the one that it would give.
        answers: what it has passed on, in order.
    """

    port: int
    bend: Callable[[MockResponse], Any] = lambda answer: answer.body
    prefer: Callable[[str, str], str | None] = lambda _method, _path: None
    answers: list[MockResponse] = field(default_factory=list)

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        body: bytes = (await receive()).get("body", b"")
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        method, path = scope["method"], scope["path"]
        if wish := self.prefer(method, path):
            headers["prefer"] = wish
        target = f"{path}?{scope['query_string'].decode()}"
        status, raw = await anyio.to_thread.run_sync(self._ask, method, target, body, headers)
        value = json.loads(raw) if raw else None
        if isinstance(value, dict):
            if "detail" in value:
                value["detail"] = f"{value['detail']}: {headers}"
            value |= {name: secret for name, secret in SECRETS.items() if name in value}
            value = self.bend(MockResponse(method, path, status, value))
            raw = json.dumps(value).encode()
        self.answers.append(MockResponse(method, path, status, value))
        kind = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": kind})
        await send({"type": "http.response.body", "body": raw})

    def _ask(self, method: str, target: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        passed = {name: value for name, value in headers.items() if name not in {"host", "accept-encoding"}}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_TIMEOUT_S)
        try:
            connection.request(method, target, body or None, passed)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def harness(self) -> Harness:
        """A real server whose PostHog is this one. A read that failed is not sent again, so that tests are quick."""
        return Harness(application=self, limits={"second_look_s": 0.01, "repeats": 0})


def identified(answer: MockResponse) -> Any:
    """Let reading a project answer the one that was asked for, and a list be whole; leave everything else as it is."""
    if answer.status < 400 and "results" in answer.body:
        return {**answer.body, "results": [], "count": 0, "next": None}
    return {**answer.body, **IDENTITY, **STATE} if answer.of_project and answer.status < 400 else answer.body


def at_one(answer: MockResponse) -> Any:
    """Let every answer about the project be about that project: reads agree, and a write answers it as well."""
    alike = identified(answer)
    is_write = answer.method != "GET" and answer.status < 400
    return {**alike, **IDENTITY} if is_write and "id" in alike else alike
