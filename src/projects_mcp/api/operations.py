"""The operations of PostHog's Projects API as data: method, path, and which credential PostHog takes for them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, Literal, NamedTuple, TypeAlias
from uuid import UUID

__all__ = [
    "CURRENT",
    "KEY_INTROSPECTION",
    "OPERATIONS",
    "Current",
    "Operation",
    "OrganizationRef",
    "ProjectRef",
    "operation",
    "organization_of",
    "organization_uuid",
]


class Current(Enum):
    """The one symbolic reference that PostHog knows: whatever the credential's owner has open in the browser."""

    CURRENT = "@current"

    def __str__(self) -> str:
        return self.value


CURRENT: Final = Current.CURRENT

OrganizationRef: TypeAlias = UUID | Current
ProjectRef: TypeAlias = int | Current

Method: TypeAlias = Literal["GET", "POST", "PATCH", "DELETE"]


class Operation(NamedTuple):
    """One operation of the API.

    `session_only` operations answer 403 to every personal key and OAuth token on current PostHog versions, whatever
    its scopes: they carry no API scope, so only a browser session can use them.
    """

    name: str
    method: Method
    suffix: str
    on_project: bool = True
    session_only: bool = False

    @property
    def reads(self) -> bool:
        """Whether the request changes nothing, and so may be sent again."""
        return self.method == "GET"

    def path(self, organization: OrganizationRef, project: ProjectRef | None) -> str:
        """Build the request path. Only a UUID, an integer or `@current` can become a segment of it.

        Raises:
            TypeError: a segment is of any other type, or a project is missing or superfluous.
        """
        if not isinstance(organization, UUID | Current):
            raise TypeError("an organization in a path is a UUID or @current")
        base = f"/api/organizations/{organization}/projects/"
        if not self.on_project:
            if project is not None:
                raise TypeError(f"{self.name} takes no project")
            return base
        if not (isinstance(project, Current) or (type(project) is int and project >= 1)):
            raise TypeError("a project in a path is an integer from 1 or @current")
        return f"{base}{project}/{self.suffix}"


def _session_only(name: str, method: Method) -> Operation:
    return Operation(name, method, f"{name}/", session_only=True)


_TABLE = (
    Operation("list", "GET", "", on_project=False),
    Operation("create", "POST", "", on_project=False),
    Operation("retrieve", "GET", ""),
    Operation("update", "PATCH", ""),
    Operation("destroy", "DELETE", ""),
    _session_only("activity", "GET"),
    Operation("add_product_intent", "PATCH", "add_product_intent/"),
    _session_only("change_organization", "POST"),
    Operation("complete_product_onboarding", "PATCH", "complete_product_onboarding/"),
    _session_only("delete_secret_token_backup", "PATCH"),
    _session_only("is_generating_demo_data", "GET"),
    _session_only("reset_token", "PATCH"),
    _session_only("rotate_secret_token", "PATCH"),
)

OPERATIONS: Final[Mapping[str, Operation]] = {row.name: row for row in _TABLE}
"""The 13 operations by name, in the order of PostHog's page."""

KEY_INTROSPECTION: Final = "/api/personal_api_keys/@current/"
"""Where a personal key can ask what it may do. Not one of the 13 operations: no tool can send it."""


def organization_uuid(text: str) -> UUID | None:
    """Read the UUID of an organization in its usual spelling; Python reads more spellings than are good for a path."""
    try:
        organization = UUID(text)
    except ValueError:
        return None
    return organization if str(organization) == text.lower() else None


def organization_of(project: Mapping[str, Any], otherwise: OrganizationRef) -> OrganizationRef:
    """Return the concrete organization that a project says it is in, or what was asked for where it does not say."""
    value = project.get("organization")
    try:
        return UUID(value) if isinstance(value, str) else otherwise
    except ValueError:
        return otherwise


def operation(name: str) -> Operation:
    """Return one operation by its name in the table.

    Raises:
        KeyError: there is none of that name.
    """
    return OPERATIONS[name]
