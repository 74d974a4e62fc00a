"""The operations on projects: list, create, retrieve, update and delete."""

from __future__ import annotations

import copy
from datetime import timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from starlette.responses import JSONResponse, Response

from projects_mcp.sandbox.api.representations import serialize_list_item, serialize_project
from projects_mcp.sandbox.api.request import ApiRequest
from projects_mcp.sandbox.api.updating import update_project
from projects_mcp.sandbox.errors import invalid, server_error
from projects_mcp.sandbox.validation.body import validate_body
from projects_mcp.sandbox.validation.refinements import ValidationContext, is_name_taken
from projects_mcp.sandbox.validation.rules import BY_NAME
from projects_mcp.sandbox.world.activity_log import record
from projects_mcp.sandbox.world.defaults import filters_of_new_project, new_project_fields
from projects_mcp.sandbox.world.state import (
    DELETION_DELAY,
    Fields,
    Organization,
    Project,
    World,
    timestamp,
)

DEFAULT_LIMIT = 100
"""Items on a page of the list. PostHog's behaviour: there is no maximum."""

DEMO_DATA_DURATION = timedelta(minutes=1)
"""The time in which the sandbox pretends to generate the data of a demo project."""

UNUSED_DELETION_DELAY = timedelta(hours=1)
"""The time from the deletion of a project that never ingested an event to its removal."""

_SUNDAY_COUNTRIES = frozenset({"US", "CA", "MX", "BR", "JP", "KR", "IN", "IL", "AU", "ZA", "AE", "EG", "SA"})


def list_projects(request: ApiRequest) -> Response:
    """Respond with a page of the projects that the user sees.

    Query: ``limit``, ``offset`` and ``search`` (a part of the name, in any case; older versions ignore it). PostHog's
    behaviour: a value that is not a positive number counts as absent; projects with a pending deletion are listed too.
    """
    query = request.http.query_params
    search = query.get("search", "").strip().casefold() if request.world.behaviour.searches else ""
    found = [project for project in _visible_projects(request) if search in project.name.casefold()]
    limit = _parse_positive(query.get("limit")) or DEFAULT_LIMIT
    offset = _parse_positive(query.get("offset"))
    rows = found[offset : offset + limit]
    return JSONResponse(
        {
            "count": len(found),
            "next": _page_url(request.url, limit, offset + limit) if offset + limit < len(found) else None,
            "previous": _page_url(request.url, limit, max(0, offset - limit)) if offset > 0 else None,
            "results": [serialize_list_item(request.world, project) for project in rows],
        }
    )


def _visible_projects(request: ApiRequest) -> list[Project]:
    """Return the organization's projects that the user sees, by id.

    PostHog's behaviour: membership is not checked; a user sees nothing in an organization of others. Nothing orders the
    rows, so one that was written again can be at the end.
    """
    organization, world = request.organization, request.world
    if world.level(request.user.id, organization.id) is None:
        return []
    found = [project for project in world.projects.values() if project.organization_id == organization.id]
    moves = world.behaviour.moves_edited_rows
    return sorted(found, key=lambda project: (project.moved if moves else 0, project.id))


def _parse_positive(text: str | None) -> int:
    try:
        return max(0, int(text or "0"))
    except ValueError:
        return 0


def _page_url(url: str, limit: int, offset: int) -> str:
    parts = urlsplit(url)
    query = {**dict(parse_qsl(parts.query, keep_blank_values=True)), "limit": str(limit), "offset": str(offset)}
    if not offset:
        del query["offset"]
    return urlunsplit(parts._replace(query=urlencode(sorted(query.items()))))


def retrieve(request: ApiRequest) -> Response:
    """Respond with the full project, with its secrets in clear."""
    return JSONResponse(serialize_project(request.world, request.project, request.principal))


def partial_update(request: ApiRequest) -> Response:
    """Change the sent settings and respond with the full project."""
    project = request.project
    values = validate_body(request.data, _validation_context(request, project))
    update_project(request.world, project, request.user.id, values)
    return JSONResponse(serialize_project(request.world, project, request.principal))


def _validation_context(request: ApiRequest, project: Project | None) -> ValidationContext:
    organization = request.world.organizations[project.organization_id] if project else request.organization
    # A user who is not a member was refused before any body is read.
    level = request.world.level(request.user.id, organization.id) or 0
    return ValidationContext(request.world, organization, project, level)


def create(request: ApiRequest) -> Response:
    """Create a project, open it for the user, and respond with 201 and the full project."""
    world, organization = request.world, request.organization
    values = validate_body(request.data, _validation_context(request, None), is_form=request.is_form)
    values = {name: value for name, value in values.items() if BY_NAME[name].creatable}
    project = _new_project(world, organization, values)
    world.projects[project.id] = project
    request.user.current_organization_id = organization.id
    request.user.current_project_id = project.id
    record(world, project, request.user.id, "created", scope="Project")
    record(world, project, request.user.id, "created")
    return JSONResponse(serialize_project(world, project, request.principal), status_code=201)


def _new_project(world: World, organization: Organization, values: Fields) -> Project:
    number = world.next_project_id
    world.next_project_id += 1
    now = world.clock()
    name = values.get("name") or _default_name(world, organization.id)
    fields = new_project_fields(project_id=number, organization_id=organization.id, name=name, now=now)
    fields["uuid"] = world.new_uuid()
    fields["api_token"] = world.new_token("phc_")
    fields["anonymize_ips"] = organization.default_anonymize_ips
    fields["week_start_day"] = _guess_week_start(world.behaviour.ip_country)
    fields.update(copy.deepcopy(dict(world.behaviour.defaults)))
    recorder = fields["extra_settings"]
    fields.update(values)
    dashboard = None if fields["is_demo"] and world.behaviour.former_rules else world.new_dashboard_id(number)
    fields["primary_dashboard"] = dashboard
    fields.update({name: value for name, value in world.behaviour.renamed_values.items() if name in values})
    # PostHog's behaviour: the filter of the new cohort of test users replaces what was sent.
    fields["test_account_filters"] = filters_of_new_project(world, fields)
    if recorder is not None:
        fields["extra_settings"] = {**recorder, **_mapping(fields["extra_settings"])}
    return Project(
        fields=fields,
        dashboards={dashboard} if dashboard is not None else set(),
        moved=world.moves,
        screenshot_secret=world.new_token(""),
        demo_data_ready_at=now + DEMO_DATA_DURATION if fields["is_demo"] else None,
    )


def _guess_week_start(country: str) -> int | None:
    if not country:
        return None
    return 0 if country in _SUNDAY_COUNTRIES else 1


def _mapping(value: object) -> Fields:
    return value if isinstance(value, dict) else {}


def _default_name(world: World, organization_id: str) -> str:
    name, number = "Default project", 1
    while world.behaviour.unique_names and is_name_taken(name, world, organization_id):
        number += 1
        name = f"Default project {number}"
    return name


def destroy(request: ApiRequest) -> Response:
    """Delete the project, after 48 hours or at once, and respond with 204 without a body.

    PostHog's behaviour: 204 means "accepted". A project that never ingested an event is deleted after one hour; older
    versions delete it, or every project, at once. With their engine down they answer 500, keep the project, and have
    lost its persons.
    """
    world, project = request.world, request.project
    _check_deletable(world, project)
    if world.behaviour.deletion_fails:
        project.lost_persons = True
        raise server_error()
    record(world, project, request.user.id, "deleted")
    record(world, project, request.user.id, "deleted", scope="Project")
    behaviour = world.behaviour
    unused = not project.fields["ingested_event"]
    if behaviour.deletion == "immediate" or (unused and behaviour.unused_deleted_at_once):
        world.remove(project)
        return Response(status_code=204)
    project.deletion_at = world.clock() + (UNUSED_DELETION_DELAY if unused else DELETION_DELAY)
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
