"""Lines for programs stay JSON whatever a caller is called, also behind the redaction of the log itself."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import anyio
from hypothesis import given
from hypothesis import strategies as st

from projects_mcp.api.operations import OPERATIONS
from projects_mcp.gateway.audit import AuditLog
from projects_mcp.gateway.call_audit import CallAudit
from projects_mcp.http.callers import Caller
from projects_mcp.http.middleware import AccessLog
from projects_mcp.policy.authorization import CallerGrant
from projects_mcp.sanitize.redaction import Redactor

OWN = "phx_OwnKeyPlanted0123456789abcdef"
_PIECES = (
    *(
        'sessionid=abcdef"',
        "csrftoken: abcdefg\\",
        'authorization: bearer abc123"x',
        'password="',
        "token='",
        "\\",
        '"',
    ),
    *(
        OWN,
        "eyJhbGciOiJIUzI1NiJ9.e30.x",
        "cookie: a=b\\",
        "-----BEGIN PRIVATE KEY-----",
        "\n",
        "\u2028",
        "é",
        "://a:b@",
    ),
    *("Authorization: Digest x", "xoxb-12345678\\", "api_key=", "%70", "{", "}", "a", "secret", ":", "=", ",", " "),
)
_subjects = st.lists(st.sampled_from(_PIECES), min_size=1, max_size=8).map("".join) | st.text(max_size=20)


@contextmanager
def lines(name: str) -> Iterator[list[str]]:
    found: list[str] = []

    class Keeping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage())

    logger, handler = logging.getLogger(name), Keeping()
    former = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        yield found
    finally:
        logger.removeHandler(handler)
        logger.setLevel(former)


@given(subject=_subjects)
def test_a_line_of_a_request_and_of_a_call_stays_json(subject: str) -> None:
    redactor = Redactor([OWN])
    name = f"{subject} of https://issuer.example"

    async def application(scope: Any, _receive: Any, send: Any) -> None:
        scope["state"] = {"caller": Caller(CallerGrant(name, frozenset()))}
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(_message: Any) -> None: ...

    async def receive() -> Any: ...

    scope = {"type": "http", "method": "POST", "path": "/mcp", "client": ("127.0.0.1", 1)}
    with lines("projects_mcp.access") as requests, lines("projects_mcp.audit") as calls:
        anyio.run(partial(AccessLog(application, redactor), scope, receive, send))
        CallAudit(AuditLog(redactor), OPERATIONS["project_get"], name).finish("answered")
    for (line,) in (requests, calls):
        shown = json.loads(redactor.text(line))  # as the handler of the log does
        assert "caller" in shown
        assert OWN not in line
