"""The five operations on projects themselves: list, create, retrieve, update, delete."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from starlette.responses import JSONResponse, Response

from projects_mcp.sandbox.api.access import visible_projects
from projects_mcp.sandbox.api.answers import list_answer, project_answer
from projects_mcp.sandbox.api.calls import Call
from projects_mcp.sandbox.api.updating import update_project
from projects_mcp.sandbox.errors import invalid
from projects_mcp.sandbox.validation.rules import BY_NAME
from projects_mcp.sandbox.validation.serializer import Situation, is_taken, validate
from projects_mcp.sandbox.world.defaults import default_filters, new_project_fields
from projects_mcp.sandbox.world.history import record
from projects_mcp.sandbox.world.state import DELETION_DELAY, Fields, Organization, Project, World, timestamp

DEFAULT_LIMIT = 100
"""Items on a page of the list. PostHog's behaviour: there is no highest."""

DEMO_DATA_TIME = timedelta(minutes=1)
"""How long the sandbox takes to "generate" the data of a demo project."""

_SUNDAY_COUNTRIES = frozenset({"US", "CA", "MX", "BR", "JP", "KR", "IN", "IL", "AU", "ZA", "AE", "EG", "SA"})


def list_projects(call: Call) -> Response:
    """Answer a page of the projects that the caller sees.

    Query: ``limit``, ``offset`` and ``search`` (part of the name, whatever the case). PostHog's behaviour: values that
    are not positive numbers count as absent; projects that wait for their deletion are listed like any other.
    """
    query = call.request.query_params
    search = query.get("search", "").strip().casefold()
    found = [project for project in visible_projects(call) if search in project.name.casefold()]
    limit = _positive(query.get("limit")) or DEFAULT_LIMIT
    offset = _positive(query.get("offset"))
    rows = found[offset : offset + limit]
    return JSONResponse(
        {
            "count": len(found),
            "next": _page(call.url, limit, offset + limit) if offset + limit < len(found) else None,
            "previous": _page(call.url, limit, max(0, offset - limit)) if offset > 0 else None,
            "results": [list_answer(call.world, project) for project in rows],
        }
    )


def _positive(text: str | None) -> int:
    try:
        return max(0, int(text or "0"))
    except ValueError:
        return 0


def _page(url: str, limit: int, offset: int) -> str:
    parts = urlsplit(url)
    query = {**dict(parse_qsl(parts.query, keep_blank_values=True)), "limit": str(limit), "offset": str(offset)}
    if not offset:
        del query["offset"]
    return urlunsplit(parts._replace(query=urlencode(sorted(query.items()))))


def retrieve(call: Call) -> Response:
    """Answer the full project, secrets in clear."""
    return JSONResponse(project_answer(call.world, call.project, call.user))


def partial_update(call: Call) -> Response:
    """Change the sent settings and answer the full project."""
    project = call.project
    values = validate(call.data, _situation(call, project))
    update_project(call.world, project, call.user.id, values)
    return JSONResponse(project_answer(call.world, project, call.user))


def _situation(call: Call, project: Project | None) -> Situation:
    organization = call.world.organizations[project.organization_id] if project else call.organization
    # Whoever is not a member was refused before any body is looked at.
    level = call.world.level(call.user.id, organization.id) or 0
    return Situation(call.world, organization, project, level)


def create(call: Call) -> Response:
    """Make a project, move the caller to it and answer it in full with 201."""
    world, organization = call.world, call.organization
    values = validate(call.data, _situation(call, None))
    values = {name: value for name, value in values.items() if BY_NAME[name].creatable}
    project = _new_project(world, organization, values)
    world.projects[project.id] = project
    call.user.current_organization_id = organization.id
    call.user.current_project_id = project.id
    record(world, project, call.user.id, "created", scope="Project")
    record(world, project, call.user.id, "created")
    return JSONResponse(project_answer(world, project, call.user), status_code=201)


def _new_project(world: World, organization: Organization, values: Fields) -> Project:
    number = world.next_project_id
    world.next_project_id += 1
    now = world.clock()
    name = values.get("name") or _default_name(world, organization.id)
    fields = new_project_fields(project_id=number, organization_id=organization.id, name=name, now=now)
    fields["uuid"] = world.new_uuid()
    fields["api_token"] = world.new_token("phc_")
    fields["anonymize_ips"] = organization.default_anonymize_ips
    fields["week_start_day"] = 0 if world.behaviour.ip_country in _SUNDAY_COUNTRIES else 1
    fields["primary_dashboard"] = number * 10
    fields.update(values)
    fields.update({name: value for name, value in world.behaviour.renamed_values.items() if name in values})
    # PostHog's behaviour: whatever was sent here is overwritten with the filter of the new cohort of test users.
    fields["test_account_filters"] = default_filters(number)
    fields["extra_settings"] = {"recorder_script": "posthog-recorder", **_mapping(fields["extra_settings"])}
    return Project(
        fields=fields,
        dashboards={number * 10},
        screenshot_secret=world.new_token(""),
        demo_data_ready_at=now + DEMO_DATA_TIME if fields["is_demo"] else None,
    )


def _mapping(value: object) -> Fields:
    return value if isinstance(value, dict) else {}


def _default_name(world: World, organization_id: str) -> str:
    name, number = "Default project", 1
    while world.behaviour.unique_names and is_taken(name, world, organization_id):
        number += 1
        name = f"Default project {number}"
    return name


def destroy(call: Call) -> Response:
    """Delete the project, at once or after 48 hours, and answer 204 without a body.

    PostHog's behaviour: 204 means "accepted". A project that never ingested an event goes at once; older versions
    delete every project at once.
    """
    world, project = call.world, call.project
    _check_deletable(world, project)
    record(world, project, call.user.id, "deleted")
    record(world, project, call.user.id, "deleted", scope="Project")
    behaviour = world.behaviour
    unused = behaviour.unused_deleted_at_once and not project.fields["ingested_event"]
    if behaviour.deletion == "immediate" or unused:
        world.remove(project)
        return Response(status_code=204)
    project.deletion_at = world.clock() + DELETION_DELAY
    project.fields["is_pending_deletion"] = True
    project.fields["deletion_scheduled_at"] = timestamp(project.deletion_at)
    return Response(status_code=204)


def _check_deletable(world: World, project: Project) -> None:
    if world.behaviour.deletion_disabled:
        raise invalid("Project deletion is temporarily disabled during database migration. Please try again later.")
    if project.fields["is_pending_deletion"]:
        raise invalid("This project is already being deleted.")
    siblings = [p for p in world.projects.values() if p.organization_id == project.organization_id]
    if len(siblings) == 1 and world.organizations[project.organization_id].active_subscription:
        raise invalid(
            "Cannot delete the last project in an organization with an active subscription. "
            "Please cancel your subscription first in the billing page."
        )
