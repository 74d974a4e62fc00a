"""The operations of PostHog's Projects API: one row each, in the order in which clients see their tools."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, TypeAlias
from uuid import UUID

from projects_mcp.api.effects import Effect
from projects_mcp.api.types import Current, OrganizationRef, ProjectRef

__all__ = ["BY_KEY", "KEY_INTROSPECTION", "OPERATIONS", "Method", "Operation"]

Method: TypeAlias = Literal["GET", "POST", "PATCH", "DELETE"]

_PROJECTS: Final = "/api/organizations/{organization}/projects/"
_PROJECT: Final = "/api/organizations/{organization}/projects/{project}/"
_ORGANIZATIONS: Final = "/api/organizations/"
_PROJECT_ALONE: Final = "/api/projects/{project}/"


class Operation(NamedTuple):
    """One operation of the API, and the tool that sends it.

    Attributes:
        tool: the name of the tool.
        effect: what it does to a project.
        method: of the request.
        suffix: what follows the project in the path.
        on_project: whether the path names a project.
        session_only: whether current versions of PostHog answer 403 to every personal key and OAuth token, whatever its
            scopes: the operation carries no API scope, so only a browser session can use it.
        address: what stands before the suffix in the path.
        more_scopes: scopes that a key needs for it besides the one of its effect.
        in_organization: whether the path names an organization, or one project of one.
        needs_session: whether no key was ever taken for it, so that without a session it is not tried.
    """

    tool: str
    effect: Effect
    method: Method
    suffix: str = ""
    on_project: bool = True
    session_only: bool = False
    address: str = _PROJECT
    more_scopes: tuple[str, ...] = ()
    in_organization: bool = True
    needs_session: bool = False

    def path(self, organization: OrganizationRef, project: ProjectRef | None) -> str:
        """Build the request path. Only a UUID, an integer or `@current` can become a segment of it.

        Raises:
            TypeError: a segment is of any other type, or a project is missing or superfluous.
        """
        if not isinstance(organization, UUID | Current):
            raise TypeError("an organization in a path is a UUID or @current")
        place = organization.value if isinstance(organization, Current) else organization
        if not self.on_project:
            if project is not None:
                raise TypeError(f"{self.tool} takes no project")
            return self.address.format(organization=place)
        if not (isinstance(project, Current) or (type(project) is int and project >= 1)):
            raise TypeError("a project in a path is an integer from 1 or @current")
        number = project.value if isinstance(project, Current) else project
        return f"{self.address.format(organization=place, project=number)}{self.suffix}"


def _action(name: str, effect: Effect, method: Method = "PATCH", *, session_only: bool = True) -> Operation:
    return Operation(f"project_{name}", effect, method, f"{name}/", session_only=session_only)


_ROWS: Final = (
    Operation("project_list", Effect.READ, "GET", on_project=False, address=_PROJECTS),
    Operation("project_get", Effect.READ, "GET"),
    _action("activity", Effect.READ, "GET"),
    _action("is_generating_demo_data", Effect.READ, "GET"),
    Operation("project_create", Effect.ADD, "POST", on_project=False, address=_PROJECTS),
    Operation("project_update", Effect.CHANGE, "PATCH"),
    _action("add_product_intent", Effect.ADD, session_only=False),
    _action("complete_product_onboarding", Effect.ADD, session_only=False),
    Operation("project_delete", Effect.DESTROY, "DELETE"),
    Operation("project_cancel_deletion", Effect.ADD, "POST", "cancel-deletion/", session_only=True, needs_session=True),
    _action("change_organization", Effect.DESTROY, "POST"),
    _action("reset_token", Effect.DESTROY),
    _action("rotate_secret_token", Effect.DESTROY),
    _action("delete_secret_token_backup", Effect.DESTROY),
    Operation(
        "organization_list",
        Effect.READ,
        "GET",
        on_project=False,
        address=_ORGANIZATIONS,
        more_scopes=("organization:read",),
        in_organization=False,
    ),
)

OPERATIONS: Final[Mapping[str, Operation]] = {row.tool: row for row in _ROWS}
"""Each operation by the name of its tool, in the order in which clients see them."""

BY_KEY: Final[Mapping[str, Operation]] = {
    "project_activity": Operation(
        "project_activity",
        Effect.READ,
        "GET",
        "activity_log/",
        address=_PROJECT_ALONE,
        more_scopes=("activity_log:read",),
    )
}
"""What a key can send where there is no session, in place of the session-only operation of the same tool. The address
names no organization, so the project is read first."""


KEY_INTROSPECTION: Final = "/api/personal_api_keys/@current/"
"""Where a personal key can ask what it may do. No tool can send it."""
