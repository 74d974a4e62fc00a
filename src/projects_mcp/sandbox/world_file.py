"""Build a world from a JSON document: its organizations, users, keys, sessions and projects.

    {"organizations": [{"id": "018f…", "name": "Acme", "project_limit": 1}],
     "users": [{"id": 1, "email": "a@acme.example", "first_name": "Ada", "memberships": {"018f…": "owner"},
                "current_organization_id": "018f…", "current_project_id": 7}],
     "keys": [{"value": "phx_…", "user_id": 1, "label": "mine", "scopes": ["project:read"]}],
     "sessions": [{"id": "…", "user_id": 1, "csrf_token": "…"}],
     "projects": [{"id": 7, "organization": "018f…", "name": "Shop", "timezone": "UTC"}]}

An organization takes every field of `Organization`, a key every one of `ApiKey`, and a project every field of PostHog's
project object; what is left out has the value of something new. A key with ``"scopes": null`` is older than scopes.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from projects_mcp.sandbox.world.behaviour import Behaviour
from projects_mcp.sandbox.world.defaults import filters_of_new_project, new_project_fields
from projects_mcp.sandbox.world.state import (
    ApiKey,
    Level,
    Organization,
    Project,
    Session,
    User,
    World,
    utc_now,
)

_MOST_BYTES = 4 * 1024 * 1024
_LEVELS = {level.name.lower(): level for level in Level}


class WorldFileError(Exception):
    """The document does not describe a world. The text is one sentence."""


def read_world(path: Path, behaviour: Behaviour) -> World:
    """Read the document at a path and build its world.

    Raises:
        WorldFileError: The file cannot be read, or does not describe a world.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise WorldFileError(f"cannot read the world: {error.strerror}") from None
    if len(data) > _MOST_BYTES:
        raise WorldFileError(f"the world has more than {_MOST_BYTES} bytes")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise WorldFileError("the world is not JSON") from None
    if not isinstance(document, dict):
        raise WorldFileError("the world is not a JSON object")
    return build_world(document, behaviour)


def build_world(document: Mapping[str, Any], behaviour: Behaviour, *, clock: Callable[[], datetime] = utc_now) -> World:
    """Build a world.

    Args:
        document: as described above.
        behaviour: the version of PostHog that it plays.
        clock: its only source of time.

    Raises:
        WorldFileError: The document does not describe a world.
    """
    world = World(clock=clock, behaviour=behaviour)
    for kind, add in _PARTS.items():
        for number, part in enumerate(_list(document, kind)):
            try:
                add(world, part)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise WorldFileError(
                    f"{kind}[{number}] of the world is wrong: {type(error).__name__}: {error}"
                ) from None
    unknown = sorted(document.keys() - _PARTS.keys())
    if unknown:
        raise WorldFileError(f"the world has an unknown part: {unknown[0]}")
    world.next_project_id = max(world.projects, default=0) + 1
    return world


def _list(document: Mapping[str, Any], kind: str) -> list[Mapping[str, Any]]:
    parts = document.get(kind, [])
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise WorldFileError(f"{kind} of the world is not a list of objects")
    return parts


def _add_organization(world: World, part: Mapping[str, Any]) -> None:
    organization = Organization(**part)
    world.organizations[organization.id] = organization


def _add_user(world: World, part: Mapping[str, Any]) -> None:
    given = {name: value for name, value in part.items() if name != "memberships"}
    user = User(**given)
    world.users[user.id] = user
    for organization_id, level in part.get("memberships", {}).items():
        world.organizations[organization_id]
        world.memberships[user.id, organization_id] = _LEVELS[level]


def _add_key(world: World, part: Mapping[str, Any]) -> None:
    given = {"scopes": (), "created_at": world.clock(), **part}
    for name in ("scopes", "scoped_teams", "scoped_organizations"):
        if given.get(name) is not None:
            given[name] = tuple(given[name])
        elif name != "scopes":
            given.pop(name, None)
    for name in ("created_at", "last_used_at"):
        if isinstance(given.get(name), str):
            given[name] = datetime.fromisoformat(given[name])
    key = ApiKey(**given)
    world.users[key.user_id]
    world.api_keys[key.value] = key


def _add_session(world: World, part: Mapping[str, Any]) -> None:
    session = Session(**part)
    world.users[session.user_id]
    world.sessions[session.id] = session


def _add_project(world: World, part: Mapping[str, Any]) -> None:
    world.organizations[part["organization"]]
    add_project(world, part)


def add_project(world: World, given: Mapping[str, Any]) -> Project:
    """Add a project to a world.

    Args:
        world: Holds its organization.
        given: Fields of PostHog's project object, with ``id``, ``organization`` and ``name``. Those that depend on who
            asks are left out.
    """
    number = int(given["id"])
    project = new_project_fields(
        project_id=number, organization_id=given["organization"], name=given["name"], now=world.clock()
    )
    project.update(copy.deepcopy(dict(world.behaviour.defaults)))
    project["uuid"], project["api_token"] = world.new_uuid(), world.new_token("phc_")
    if any(organization == project["organization"] for _, organization in world.memberships):
        project["test_account_filters"] = filters_of_new_project(world, project)
    project.update({name: value for name, value in given.items() if name in project})
    dashboard = project["primary_dashboard"]
    world.projects[number] = Project(
        fields=project,
        dashboards=set() if dashboard is None else {dashboard},
        screenshot_secret=world.new_token(""),
    )
    return world.projects[number]


_PARTS: Mapping[str, Callable[[World, Mapping[str, Any]], None]] = {
    "organizations": _add_organization,
    "users": _add_user,
    "keys": _add_key,
    "sessions": _add_session,
    "projects": _add_project,
}
