"""One request with what belongs to it: who calls, which organization and project are meant, what was sent."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from starlette.requests import Request

from projects_mcp.sandbox.errors import invalid, not_found, unreadable, unsupported_media_type
from projects_mcp.sandbox.world.state import ApiKey, Organization, Project, User, World

CURRENT = "@current"
"""Stands for what the person is looking at, in place of an organization's or a project's id."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: a person, through a key or through a browser session (`key` None)."""

    user: User
    key: ApiKey | None


class Call:
    """One authenticated request.

    Attributes:
        world: Everything.
        request: The request, for its headers and query.
        caller: Who calls.
    """

    def __init__(self, world: World, request: Request, body: bytes, caller: Caller) -> None:
        self.world = world
        self.request = request
        self.caller = caller
        self._body = body

    @property
    def user(self) -> User:
        """The person behind the credential."""
        return self.caller.user

    @property
    def url(self) -> str:
        """The absolute address of the request, made from its own host."""
        return str(self.request.url)

    @cached_property
    def data(self) -> Any:
        """What was sent; nothing is an empty object.

        Raises:
            ApiError: 415 for anything but JSON, 400 for what is not JSON.
        """
        if not self._body:
            return {}
        media_type = self.request.headers.get("content-type", "")
        if media_type.partition(";")[0].strip().lower() != "application/json":
            raise unsupported_media_type(media_type)
        try:
            return json.loads(self._body, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise unreadable(str(error)) from None

    @property
    def fields(self) -> dict[str, Any]:
        """What was sent when it is an object.

        Raises:
            ApiError: 400 for any other JSON value, and as `data`.
        """
        if not isinstance(self.data, dict):
            raise invalid(f"Invalid data. Expected a dictionary, but got {type(self.data).__name__}.")
        return self.data

    @cached_property
    def organization(self) -> Organization:
        """The organization in the address.

        Raises:
            ApiError: 404 for one that does not exist, for malformed ids and slugs, and for ``@current`` of a person who
                looks at none. PostHog's behaviour: membership is not asked here.
        """
        found = self.world.organizations.get(self._organization_id() or "")
        if found is None:
            raise not_found("Organization not found.")
        return found

    def _organization_id(self) -> str | None:
        segment: str = self.request.path_params["organization"]
        if segment == CURRENT:
            return self.user.current_organization_id
        try:
            return str(uuid.UUID(segment))
        except ValueError:
            return None

    @cached_property
    def project(self) -> Project:
        """The project in the address.

        PostHog's behaviour: a number is looked for among the projects of the organization that the person sees;
        ``@current`` is the project the person looks at, whatever organization the address names, unless the key is
        restricted to organizations.

        Raises:
            ApiError: 404, or 400 for what is not a number.
        """
        segment: str = self.request.path_params["project"]
        found = self._current_project() if segment == CURRENT else self._numbered_project(segment)
        if found is None or not self._key_covers(found):
            raise not_found()
        return found

    def _current_project(self) -> Project | None:
        number = self.user.current_project_id
        return None if number is None else self.world.projects.get(number)

    def _numbered_project(self, segment: str) -> Project | None:
        try:
            found = self.world.projects.get(int(segment))
        except ValueError:
            raise invalid(f"Field 'id' expected a number but got '{segment}'.") from None
        if found is None or found.organization_id != self.organization.id:
            return None
        return found if self.world.level(self.user.id, found.organization_id) is not None else None

    def _key_covers(self, project: Project) -> bool:
        key = self.caller.key
        return key is None or not key.scoped_organizations or project.organization_id in key.scoped_organizations

    @property
    def project_level(self) -> int | None:
        """The caller's effective membership level on `project`."""
        return self.world.level(self.user.id, self.project.organization_id)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"Out of range float values are not JSON compliant: {name}")
