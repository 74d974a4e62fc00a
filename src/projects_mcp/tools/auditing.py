"""The arguments of `project_list` that ask for settings of many projects: checked, and in the words of the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from projects_mcp.api.own_fields import OWN_FIELDS
from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.api.types import JSONObject
from projects_mcp.errors.refusals import InvalidArguments
from projects_mcp.fleet.values import SECRET_FIELDS, holds_secret
from projects_mcp.fleet.where import Condition, Where
from projects_mcp.gateway.context import ToolContext
from projects_mcp.tools.audit_of_projects import AuditRequest, audit
from projects_mcp.tools.names import nearest
from projects_mcp.tools.schema import closed_object, settings_schema
from projects_mcp.tools.validation import validate

__all__ = ["IN_LIST", "audit_projects", "beyond_list", "read_where"]

IN_LIST: Final = frozenset(
    {
        *("id", "uuid", "organization", "project_id", "api_token", "name", "timezone", "is_demo", "ingested_event"),
        *("completed_snippet_onboarding", "has_completed_onboarding_for", "access_control"),
    }
)
"""Fields that PostHog's list shows of each project, so that none of them has to be read."""
_WHERE: Final = closed_object({"where": settings_schema()})


def beyond_list(fields: Sequence[str]) -> bool:
    """Whether one of the fields is of each project, and not shown by PostHog's list."""
    return any(name not in IN_LIST and (name in SETTINGS or name in OWN_FIELDS) for name in fields)


async def audit_projects(
    context: ToolContext,
    where: Mapping[str, Any],
    fields: Sequence[str],
    search: str,
    limit: int | None,
    offset: int,
) -> JSONObject:
    """Read settings of many projects, and return the matching ones and how often each value was found.

    Raises:
        InvalidArguments: `where` names no setting, a value that it cannot have, or a secret.
    """
    fields = list(dict.fromkeys(fields))
    result = await audit(context, AuditRequest(read_where(context, where), fields, search, limit, offset))
    known = [*SETTINGS, *OWN_FIELDS, *IN_LIST]
    unknown = [name for name in result.get("not_returned_by_posthog", ()) if name not in known]
    if near := {name: meant for name in unknown if (meant := nearest(name, known)) is not None}:
        result["did_you_mean"] = near
    return result


def read_where(context: ToolContext, where: Mapping[str, Any]) -> Where:
    """Read the argument `where`.

    Raises:
        InvalidArguments: it names no setting, a value that it cannot have, or a secret.
    """
    return Where([_condition(context, name, value) for name, value in where.items()])


def _condition(context: ToolContext, name: str, value: Any) -> Condition:
    """Read one entry of `where`: a value, or a list of values.

    Where a setting is a list itself, a list of lists holds its values.
    """
    is_list = name in SETTINGS and SETTINGS[name].schema["type"] == "array"
    several = isinstance(value, list) and (not is_list or (value and all(map(_is_list_or_null, value))))
    values = value if several else [value]
    if not values and name in SETTINGS:
        raise InvalidArguments(problems=[f"`where.{name}` lists no value."])
    checked = [_checked(name, item) for item in values or [value]]
    if name in SECRET_FIELDS and any(item is not None for item in checked):
        raise InvalidArguments(
            problems=[f"`where.{name}` is a secret and is not compared: only null can be asked for, for no value."]
        )
    if any(holds_secret(context.services.redactor, name, item) for item in checked if item is not None):
        raise InvalidArguments(problems=[f"`where.{name}` holds a secret, and secrets are not compared."])
    return Condition.of(name, checked)


def _checked(name: str, value: Any) -> Any:
    """Return a value in its strict form. Null is always one: a project without a value has it.

    Raises:
        InvalidArguments: there is no such setting, or it cannot have that value.
    """
    if value is None and name in SETTINGS:
        return None
    return validate(_WHERE, {"where": {name: value}}).values["where"][name]


def _is_list_or_null(item: Any) -> bool:
    return item is None or isinstance(item, list)
