"""Compare a project with another one: `compare_to` of `project_get`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.api.types import CURRENT, JSONObject, OrganizationRef, parse_uuid
from projects_mcp.errors.connection import PostHogError
from projects_mcp.errors.refusals import InvalidArguments, NoOtherProject, Refusal
from projects_mcp.errors.rejected import Forbidden, NotFound
from projects_mcp.fleet.comparison import Comparison, Equalizing, compare
from projects_mcp.gateway.context import ToolContext
from projects_mcp.gateway.single_reads import read_once
from projects_mcp.tools.names import unknown_name
from projects_mcp.tools.receipt import suggestion
from projects_mcp.tools.validation import fits

__all__ = ["compare_projects"]

_MOST_PLACES: Final = 5
"""Organizations in which the other project is looked for."""
_WITHIN_S: Final = 10.0
_NOT_TAKEN: Final = "The other project has a value that PostHog takes no more."


async def compare_projects(
    context: ToolContext, project: Mapping[str, Any], compare_to: int, fields: Sequence[str]
) -> JSONObject:
    """Return what differs between a project and another one, and the update that would make it equal.

    Args:
        context: of the call.
        project: the one of the call, whole.
        compare_to: the id of the other one.
        fields: settings to compare; all of them by default.

    Raises:
        InvalidArguments: `fields` names what is no setting, or both are one project.
        NoOtherProject: there is none of that id where it was looked for.
        Refusal: the call may not touch the other project.
        PostHogError: it cannot be read.
    """
    problems = [unknown_name(name, "settings", list(SETTINGS)) for name in fields if name not in SETTINGS]
    if compare_to == project["id"]:
        problems.append("`compare_to` is the same project.")
    if problems:
        raise InvalidArguments(problems=problems)
    other = await _read_other(context, project, compare_to)
    compared = await context.work(compare, project, other, fields)
    equalizing = _acceptable(compared.equalizing(context.services.redactor))
    result: JSONObject = {
        "project": _identity(project),
        "compared_with": _identity(other),
        "equal": compared.equal,
        "differs": compared.by_area(),
    }
    if compared.not_compared:
        result["not_compared"] = compared.not_compared
    if equalizing.settings or equalizing.clear:
        result["next"] = [_update(compared, equalizing)]
    if equalizing.left_out:
        result["left_out"] = equalizing.left_out
    return result


def _update(compared: Comparison, equalizing: Equalizing) -> JSONObject:
    arguments: JSONObject = {"project_id": compared.this["id"]}
    if (organization := compared.this.get("organization")) is not None:
        arguments = {"organization_id": organization, **arguments}
    if equalizing.settings:
        arguments["settings"] = equalizing.settings
    if equalizing.clear:
        arguments["clear"] = equalizing.clear
    return suggestion("project_update", arguments, "Make this project equal to the other one.")


def _acceptable(equalizing: Equalizing) -> Equalizing:
    """Leave out values that `project_update` does not take: older versions of PostHog have stored such."""
    settings, left_out = dict(equalizing.settings), dict(equalizing.left_out)
    for name, value in equalizing.settings.items():
        setting = SETTINGS[name]
        for form in (value, setting.normal(value)):
            if fits(setting.schema, form):
                settings[name] = form
                break
        else:
            del settings[name]
            left_out[name] = _NOT_TAKEN
    return Equalizing(settings, equalizing.clear, left_out)


async def _read_other(context: ToolContext, project: Mapping[str, Any], number: int) -> JSONObject:
    """Read the other project, wherever the key and the caller may look for it."""
    failure: Refusal | PostHogError | None = None
    for organization in _places(context, project)[:_MOST_PLACES]:
        try:
            return await read_once(context, organization, number, _WITHIN_S)
        except (NotFound, Forbidden, Refusal) as error:
            failure = failure or error
    if failure is None:
        raise AssertionError("the organization of the call is one of the places")
    raise NoOtherProject(project=number) if isinstance(failure, NotFound) else failure


def _places(context: ToolContext, project: Mapping[str, Any]) -> list[OrganizationRef]:
    """Return the organizations in which the other project may be: first the one of this project."""
    authorization, caller = context.authorization, context.services.caller
    here: OrganizationRef = parse_uuid(project.get("organization")) or context.organization
    theirs = sorted(caller.organizations) if caller is not None and caller.organizations is not None else []
    known = [here, context.organization, CURRENT, *sorted(authorization.key.organizations or ()), *theirs]
    return list(dict.fromkeys(known))


def _identity(project: Mapping[str, Any]) -> JSONObject:
    return {"id": project["id"], "name": project.get("name"), "organization_id": project.get("organization")}
