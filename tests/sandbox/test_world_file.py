"""A world of one's own, from a JSON document."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from projects_mcp.sandbox import VERSIONS, Behaviour
from projects_mcp.sandbox.app import create_app
from projects_mcp.sandbox.world_file import WorldFileError, build_world, read_world

pytestmark = pytest.mark.anyio

HOME = "018f3a2e-7b00-0000-8a11-5d2c9e7f0b31"
DOCUMENT: dict[str, Any] = {
    "organizations": [{"id": HOME, "name": "Mine", "project_limit": 1}],
    "users": [
        {
            "id": 1,
            "email": "ada@mine.example",
            "first_name": "Ada",
            "memberships": {HOME: "owner"},
            "current_organization_id": HOME,
            "current_project_id": 7,
        }
    ],
    "keys": [
        {"value": "phx_mine", "user_id": 1, "label": "mine", "scopes": ["*"], "scoped_organizations": [HOME]},
        {"value": "phx_old", "user_id": 1, "label": "old", "scopes": None, "created_at": "2020-01-01T00:00:00+00:00"},
    ],
    "sessions": [{"id": "session0001", "user_id": 1, "csrf_token": "csrf0001"}],
    "projects": [{"id": 7, "organization": HOME, "name": "Shop", "timezone": "Asia/Tokyo", "primary_dashboard": 3}],
}


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_chosen_world_answers(tmp_path: Path, version: str) -> None:
    file = tmp_path / "world.json"
    file.write_text(json.dumps(DOCUMENT), "utf-8")
    application = create_app(read_world(file, VERSIONS[version]))
    headers = {"authorization": "Bearer phx_mine"}
    transport = httpx.ASGITransport(app=application)
    async with httpx.AsyncClient(transport=transport, base_url="http://mine.test", headers=headers) as http:
        body = (await http.get("/api/organizations/@current/projects/@current/")).json()
        assert {name: body[name] for name in ("id", "name", "timezone", "primary_dashboard")} == {
            "id": 7,
            "name": "Shop",
            "timezone": "Asia/Tokyo",
            "primary_dashboard": 3,
        }
        assert (await http.post("/api/organizations/@current/projects/", json={"name": "Second"})).status_code == 403


BROKEN: list[tuple[Any, str]] = [
    ({"organizations": {}}, "organizations of the world is not a list of objects"),
    ({"organizations": [1]}, "organizations of the world is not a list of objects"),
    ({"organizations": [{"id": HOME}]}, r"organizations\[0\] of the world is wrong: TypeError"),
    (
        {"users": [{**DOCUMENT["users"][0], "memberships": {"x": "owner"}}]},
        r"users\[0\] of the world is wrong: KeyError",
    ),
    ({"keys": [{"value": "k", "user_id": 9, "label": ""}]}, r"keys\[0\] of the world is wrong: KeyError"),
    ({"keys": [{"value": "k", "user_id": 1, "label": "", "colour": 1}]}, r"keys\[0\] of the world is wrong: TypeError"),
    ({"sessions": [{"id": "s", "user_id": 9, "csrf_token": ""}]}, r"sessions\[0\] of the world is wrong: KeyError"),
    ({"projects": [{"id": "x", "organization": HOME, "name": ""}]}, r"projects\[0\] of the world is wrong: ValueError"),
    ({"projects": [{"id": 7, "name": ""}]}, r"projects\[0\] of the world is wrong: KeyError"),
    ({"planets": []}, "the world has an unknown part: planets"),
]


@pytest.mark.parametrize(("change", "words"), BROKEN)
def test_a_document_that_is_no_world(change: dict[str, Any], words: str) -> None:
    with pytest.raises(WorldFileError, match=words):
        build_world({**DOCUMENT, **change}, Behaviour())


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b" " * (4 * 1024 * 1024 + 1)])
def test_a_file_that_is_no_world(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "world.json"
    file.write_bytes(data)
    with pytest.raises(WorldFileError, match=r"the world (is not JSON|is not a JSON object|has more than)"):
        read_world(file, Behaviour())
    with pytest.raises(WorldFileError, match="cannot read the world"):
        read_world(tmp_path / "nowhere.json", Behaviour())
