"""Whatever is sent, an answer of PostHog's comes back, and the project can still be read."""

from typing import Any

import anyio
import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from projects_mcp.sandbox import READ_WRITE_KEY, seed
from projects_mcp.sandbox.app import create_app
from projects_mcp.sandbox.validation.rules import RULES
from tests.support.sandbox import ACME, ORIGIN, PRODUCTION

ENVELOPE = {"type", "code", "detail", "attr"}
KEYS = st.sampled_from(["id", "key", "version", "groups", "regex", "alias", "type", "value", "retention_days", "x"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
BODIES = st.dictionaries(st.sampled_from([rule.name for rule in RULES]), VALUES, max_size=4)


@settings(max_examples=60)
@given(body=BODIES)
def test_any_settings_get_an_answer(body: dict[str, Any]) -> None:
    anyio.run(_send, body)


async def _send(body: dict[str, Any]) -> None:
    headers = {"authorization": f"Bearer {READ_WRITE_KEY}"}
    transport = httpx.ASGITransport(app=create_app(seed()))
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers) as http:
        for method, path in (("PATCH", f"{PRODUCTION}/"), ("POST", f"{ACME}/")):
            response = await http.request(method, path, json=body)
            if response.is_success:
                assert response.json()["id"]
            else:
                assert response.json().keys() == ENVELOPE
        assert (await http.get(f"{PRODUCTION}/")).status_code == 200
