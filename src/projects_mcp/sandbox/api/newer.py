"""Operations that newer versions have beside those of the documented page."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.responses import JSONResponse, Response

from projects_mcp.sandbox.api.request import ApiRequest
from projects_mcp.sandbox.errors import invalid
from projects_mcp.sandbox.validation.rules import BY_NAME
from projects_mcp.sandbox.world.activity_log import record
from projects_mcp.sandbox.world.state import Fields, Project, World

_NARROW = (
    "id",
    "organization",
    "name",
    "product_description",
    "created_at",
    "is_pending_deletion",
    "deletion_scheduled_at",
)


def cancel_deletion(request: ApiRequest) -> Response:
    """Cancel the pending deletion and respond with the narrow project object.

    Raises:
        ApiError: 400 if there is none, or if it is too late.
    """
    world, project = request.world, request.project
    _check_cancellable(world, project)
    project.deletion_at = None
    project.fields.update(is_pending_deletion=False, deletion_scheduled_at=None)
    record(world, project, request.user.id, "updated", scope="Project")
    fields = {name: project.fields[name] for name in _NARROW}
    fields["organization_id"] = fields.pop("organization")
    return JSONResponse(fields)


def _check_cancellable(world: World, project: Project) -> None:
    if not project.fields["is_pending_deletion"]:
        raise invalid("This project is not pending deletion.")
    if project.deletion_at is None:
        raise invalid("The deletion of this project can no longer be cancelled.")
    if project.deletion_at <= world.clock():
        raise invalid("The deletion of this project has already started.")
    if world.behaviour.cancelling_fails:
        raise invalid("The deletion of this project could not be cancelled. Please try again.")


def read_settings_as_of(request: ApiRequest) -> Response:
    """Respond with the settings at a moment: those of today, with the later changes in the activity log taken back.

    Query: ``at`` (a time in ISO 8601) and ``scope`` (a setting, any number of times; all by default).

    Raises:
        ApiError: 400 for a bad time or an unknown setting.
    """
    query, project = request.http.query_params, request.project
    at = _parse_time(query.get("at"))
    names = query.getlist("scope") or [name for name in BY_NAME if name in project.fields]
    unknown = [name for name in names if name not in BY_NAME or name not in project.fields]
    if unknown:
        raise invalid(f"Unknown setting: {unknown[0]}.", attr="scope")
    return JSONResponse({name: _value_at(project, name, at) for name in names})


def _parse_time(text: str | None) -> datetime:
    if text is None:
        raise invalid("This field is required.", code="required", attr="at")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise invalid("Datetime has wrong format.", attr="at") from None
    # A time without a zone is in UTC.
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _value_at(project: Project, name: str, at: datetime) -> object:
    value = project.fields[name]
    for entry in reversed(project.activity):
        if entry.created_at <= at:
            break
        for change in entry.changes:
            if change["field"] == name:
                value = change["before"]
    return value


def list_ingestion_restrictions(request: ApiRequest) -> Response:
    """Respond with what is kept out of the project: ``{restriction_type, distinct_ids}`` for each restriction."""
    restrictions: list[Fields] = request.project.restrictions
    return JSONResponse(restrictions)
