"""One authenticated request: its principal, the organization and the project in its address, and its body."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from projects_mcp.sandbox.errors import invalid, not_found, server_error, unreadable, unsupported_media_type
from projects_mcp.sandbox.world.state import ApiKey, Organization, Project, User, World

CURRENT = "@current"
"""In place of an id: the organization or the project that the user has open."""

_MAX_FIELDS = 1_000
_TOO_DEEP = "maximum recursion depth exceeded while decoding a JSON array from a unicode string"
"""The words of the Python that PostHog runs on. Those of this interpreter may differ."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The user behind a request, and the key; `key` is None for a browser session."""

    user: User
    key: ApiKey | None


class ApiRequest:
    """One authenticated request.

    Attributes:
        world: The state of the sandbox.
        http: The HTTP request, for its headers and query.
        principal: The user, and the key.
    """

    def __init__(self, world: World, http: Request, body: bytes, principal: Principal) -> None:
        self.world = world
        self.http = http
        self.principal = principal
        self._body = body

    @property
    def user(self) -> User:
        """The user behind the credential."""
        return self.principal.user

    @property
    def method(self) -> str:
        """The HTTP method; HEAD counts as GET."""
        return "GET" if self.http.method == "HEAD" else self.http.method

    @property
    def url(self) -> str:
        """The absolute address of the request, with the host that it names."""
        return str(self.http.url)

    @cached_property
    def data(self) -> Any:
        """The body, as JSON or as a form of texts; an empty body is an empty object.

        Raises:
            ApiError: 415 for another media type, 400 for a body that is not JSON.
        """
        if not self._body:
            return {}
        if self.is_form:
            return self._parse_form()
        media_type = self.http.headers.get("content-type", "")
        if media_type.partition(";")[0].strip().lower() != "application/json":
            raise unsupported_media_type(media_type)
        try:
            return json.loads(self._body, parse_constant=_reject_constant)
        except ValueError as error:
            raise unreadable(str(error)) from None
        except RecursionError:
            raise unreadable(_TOO_DEEP) from None

    def _parse_form(self) -> dict[str, str]:
        try:
            text = self._body.decode(errors="replace")
            return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS))
        except ValueError:
            raise invalid(f"A form has at most {_MAX_FIELDS} fields.") from None

    @property
    def is_form(self) -> bool:
        """Whether the body is a form, in which an absent box means "no"."""
        media_type = self.http.headers.get("content-type", "")
        return bool(self._body) and media_type.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded"

    @property
    def fields(self) -> dict[str, Any]:
        """The body as a JSON object.

        Raises:
            ApiError: 400 for any other JSON value; also those of `data`.
        """
        if not isinstance(self.data, dict):
            raise invalid(f"Invalid data. Expected a dictionary, but got {type(self.data).__name__}.")
        return self.data

    @cached_property
    def organization(self) -> Organization:
        """The organization in the address.

        Raises:
            ApiError: 404 for an unknown or malformed id, for a slug, and for ``@current`` of a user who has none open;
                500 for a malformed one in older versions. PostHog's behaviour: membership is not checked here.
        """
        found = self.world.organizations.get(self._organization_id() or "")
        if found is None:
            raise not_found("Organization not found.")
        return found

    def _organization_id(self) -> str | None:
        segment: str = self.http.path_params["organization"]
        if segment == CURRENT:
            return self.user.current_organization_id
        try:
            return str(uuid.UUID(segment))
        except ValueError:
            if self.world.behaviour.fails_on_odd_requests:
                raise server_error() from None
            return None

    @cached_property
    def project(self) -> Project:
        """The project in the address.

        PostHog's behaviour: an id is looked up among the organization's projects that the user sees; ``@current`` is
        the project that the user has open, in any organization that the key covers.

        Raises:
            ApiError: 404, or 400 for an id that is not a number.
        """
        segment: str = self.http.path_params["project"]
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
        key = self.principal.key
        return key is None or not key.scoped_organizations or project.organization_id in key.scoped_organizations

    @property
    def project_level(self) -> int | None:
        """The user's membership level in the project's organization; None without a membership."""
        return self.world.level(self.user.id, self.project.organization_id)


def _reject_constant(name: str) -> None:
    raise ValueError(f"Out of range float values are not JSON compliant: {name}")
