"""Exchanges with a real PostHog: their file, and the world in which they happened.

A recording is a file of JSON lines, one exchange on each, and a file about who is who. A part of the exchanges may be
missing from it. `build_recorded_world` needs nothing but these two files, so a replay of another part of the same
recording begins in the same world.
"""

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from projects_mcp.sandbox.world.behaviour import Behaviour
from projects_mcp.sandbox.world.state import World
from projects_mcp.sandbox.world_file import build_world

CSRF_TOKEN = "recordedcsrftoken000000000000001"

_MEMBERSHIPS: Mapping[str, Mapping[str, str]] = {
    "owner": {"Acme": "owner", "Beta": "owner", "Free": "owner"},
    "admin": {"Acme": "admin", "Beta": "member"},
    "member": {"Acme": "member"},
    "outsider": {"Foreign": "owner"},
}
_FIRST_NAMES = {"owner": "Olga", "admin": "Adam", "member": "Mia", "outsider": "Otto"}
_SCOPES: Mapping[str, list[str] | None] = {
    "all": ["*"],
    "read": ["project:read"],
    "write": ["project:write"],
    "none": ["insight:read"],
    "legacy": None,
    "team": ["project:write"],
    "org": ["project:write"],
    "orgB": ["project:write"],
    "teamread": ["project:write", "team:read"],
}


@dataclass(frozen=True)
class Exchange:
    """One request to PostHog and its answer.

    Attributes:
        number: its line in the file, from 0.
        who: the name of the key; ``session``, ``nobody``, ``unknown_key``, ``unknown_token``, or ``other:`` and the
            whole ``Authorization`` header.
        request: the text of the body.
        response: the JSON of the answer.
    """

    number: int
    method: str
    path: str
    who: str
    user_agent: str | None
    request: str | None
    status: int
    response: Any

    @cached_property
    def sent(self) -> Any:
        """The JSON of the body; None if it is none."""
        try:
            return json.loads(self.request or "null")
        except ValueError:
            return None

    @property
    def detail(self) -> str:
        """The sentence of a refusal; empty for anything else."""
        return str(self.response.get("detail", "")) if isinstance(self.response, dict) else ""

    @property
    def line(self) -> str:
        return f"{self.number} {self.method} {self.path} [{self.who}] {(self.request or '')[:100]}"


@dataclass(frozen=True)
class Recording:
    meta: Mapping[str, Any]
    exchanges: tuple[Exchange, ...]

    def organization(self, name: str) -> str:
        return str(self.meta["organizations"][name])


def read_recording(exchanges: Path, meta: Path) -> Recording:
    """Read the two files of a recording; that of the exchanges may be compressed."""
    text = gzip.decompress(exchanges.read_bytes()) if exchanges.suffix == ".gz" else exchanges.read_bytes()
    rows = [json.loads(line) for line in text.decode().splitlines()]
    kept = ("method", "path", "who", "user_agent", "request", "status", "response")
    found = [Exchange(number, **{name: row[name] for name in kept}) for number, row in enumerate(rows)]
    return Recording(json.loads(meta.read_text("utf-8")), tuple(found))


def key_value(who: str) -> str:
    """Return the value of the key with a name."""
    return f"phx_recorded_{who}"


def session_id(user: str) -> str:
    """Return the value of the cookie of a user."""
    return f"recordedsession{user}"


def build_recorded_world(recording: Recording, behaviour: Behaviour) -> World:
    """Build the world as it was before the first exchange, as far as the file about who is who tells it."""
    world = build_world(describe_world(recording), behaviour)
    world.next_dashboard_id = world.next_project_id
    return world


def describe_world(recording: Recording) -> dict[str, Any]:
    """Describe the recorded world as a document for `projects_mcp.sandbox.world_file`."""
    meta, users = recording.meta, recording.meta["users"]
    homes = {user: recording.organization(next(iter(found))) for user, found in _MEMBERSHIPS.items()}
    projects = [
        {"id": project["id"], "organization": project["org"], "name": name, "primary_dashboard": project["id"]}
        for name, project in meta["projects"].items()
    ]
    return {
        "organizations": [
            {"id": identity, "name": name, "project_limit": 1 if name == "Free" else None}
            for name, identity in meta["organizations"].items()
        ],
        "users": [
            {
                "id": user["id"],
                "email": user["email"],
                "first_name": _FIRST_NAMES[name],
                "memberships": {recording.organization(org): level for org, level in _MEMBERSHIPS[name].items()},
                "current_organization_id": homes[name],
                "current_project_id": next(p["id"] for p in projects if p["organization"] == homes[name]),
            }
            for name, user in users.items()
        ],
        "keys": [
            {
                "value": key_value(f"{name}_{kind}"),
                "user_id": user["id"],
                "label": f"{name}_{kind}",
                "scopes": scopes,
                "scoped_teams": [meta["projects"]["Acme web"]["id"]] if kind == "team" else [],
                "scoped_organizations": _organizations_of_key(recording, kind),
            }
            for name, user in users.items()
            for kind, scopes in _SCOPES.items()
        ],
        "sessions": [
            {"id": session_id(name), "user_id": user["id"], "csrf_token": CSRF_TOKEN} for name, user in users.items()
        ],
        "projects": projects,
    }


def _organizations_of_key(recording: Recording, kind: str) -> list[str]:
    names = {"org": ["Acme"], "orgB": ["Beta"]}
    return [recording.organization(name) for name in names.get(kind, [])]
