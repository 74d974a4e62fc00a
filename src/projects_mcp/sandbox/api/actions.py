"""The operations at a project: its activity log, demo data, product intents, tokens and organization."""

from __future__ import annotations

import uuid
from typing import Any

from starlette.responses import JSONResponse, Response

from projects_mcp.sandbox.api.representations import serialize_project, serialize_team
from projects_mcp.sandbox.api.request import ApiRequest
from projects_mcp.sandbox.errors import InvalidValueError, invalid, server_error
from projects_mcp.sandbox.validation import field_types
from projects_mcp.sandbox.world import activity_log
from projects_mcp.sandbox.world.catalogs import INTENT_CONTEXTS, PRODUCT_KEYS
from projects_mcp.sandbox.world.state import Fields, Level, Organization, ProductIntent, Project, World, timestamp

_UNKNOWN_CONTEXT = "unknown"


def read_activity(request: ApiRequest) -> Response:
    """Respond with a page of the project's activity log."""
    return JSONResponse(activity_log.read_page(request.world, request.project, request.http.query_params, request.url))


def is_generating_demo_data(request: ApiRequest) -> Response:
    """Respond whether the data of a demo project is still being generated."""
    ready_at = request.project.demo_data_ready_at
    return JSONResponse({"is_generating_demo_data": ready_at is not None and request.world.clock() < ready_at})


def add_product_intent(request: ApiRequest) -> Response:
    """Count an intent and respond with the team object. PostHog's behaviour: 201, also if the intent is not new."""
    _count_intent(request, completed=False)
    return JSONResponse(serialize_team(request.world, request.project, request.principal), status_code=201)


def complete_product_onboarding(request: ApiRequest) -> Response:
    """Count an intent, mark its onboarding as completed now, and respond with the team object.

    PostHog's behaviour: the error for a missing or unknown product does not have the usual envelope.
    """
    product = request.fields.get("product_type")
    if not product:
        return JSONResponse({"error": "product_type is required"}, status_code=400)
    if request.world.behaviour.checks_product_keys and product not in PRODUCT_KEYS:
        known = ", ".join(f"<ProductKey.{key.upper()}: '{key}'>" for key in PRODUCT_KEYS)
        return JSONResponse({"error": f"invalid product_type, expected one of [{known}]"}, status_code=400)
    _count_intent(request, completed=True)
    return JSONResponse(serialize_team(request.world, request.project, request.principal))


def _count_intent(request: ApiRequest, *, completed: bool) -> None:
    product, context, metadata = _parse_intent(request)
    now = request.world.clock()
    intents = request.project.intents
    intent = intents.setdefault(product, ProductIntent(product, created_at=now, updated_at=now))
    intent.updated_at = now
    intent.contexts[context] = intent.contexts.get(context, 0) + 1
    intent.metadata = {
        **metadata,
        "$current_url": request.http.headers.get("referer"),
        "$session_id": request.http.headers.get("x-posthog-session-id"),
    }
    if completed:
        intent.onboarding_completed_at = now


def _parse_intent(request: ApiRequest) -> tuple[str, str, Fields]:
    strict = request.world.behaviour.checks_product_keys
    sent = request.fields
    product = field_types.choice(PRODUCT_KEYS) if strict else field_types.text()
    context = field_types.choice(INTENT_CONTEXTS) if strict else field_types.text()
    metadata = _parse_optional(sent, "metadata", field_types.mapping, {})
    if "product_type" not in sent:
        raise invalid("This field is required.", code="required", attr="product_type")
    return (
        _parse_optional(sent, "product_type", product, ""),
        _parse_optional(sent, "intent_context", context, _UNKNOWN_CONTEXT),
        metadata,
    )


def _parse_optional(sent: Fields, name: str, field_type: field_types.FieldType, default: Any) -> Any:
    if name not in sent:
        return default
    try:
        return field_types.parse_field(field_type, sent[name], name, nullable=False)
    except InvalidValueError as error:
        raise error.to_api_error() from None


def reset_token(request: ApiRequest) -> Response:
    """Replace the ``api_token``; the old one stops working at once.

    PostHog's behaviour: the activity log holds both tokens in clear.
    """
    world, project = request.world, request.project
    before = project.fields["api_token"]
    after = world.new_token("phc_")
    _store(world, project, api_token=after)
    activity_log.record(
        world, project, request.user.id, "updated", changes=[activity_log.describe_change("api_token", before, after)]
    )
    return _respond(request)


def rotate_secret_token(request: ApiRequest) -> Response:
    """Replace the ``secret_api_token``; the old one becomes the backup, the old backup is lost.

    PostHog's behaviour: a first token is refused as deprecated unless conversations need it. The activity log holds the
    tokens masked.
    """
    world, project = request.world, request.project
    former, lost_backup = project.fields["secret_api_token"], project.fields["secret_api_token_backup"]
    _check_not_deprecated(world, project)
    new = world.new_token("phs_")
    _store(world, project, secret_api_token=new, secret_api_token_backup=former)
    before: dict[str, str | None] = {"secret_api_token": _mask_optional(former)}
    after: dict[str, str | None] = {"secret_api_token": activity_log.mask(new)}
    if former:
        before["secret_api_token_backup"] = _mask_optional(lost_backup)
        after["secret_api_token_backup"] = activity_log.mask(former)
    change = activity_log.describe_change("secret_api_token", before, after)
    change = {**change, "action": "changed" if former else "created"}
    activity_log.record(world, project, request.user.id, "updated", changes=[change])
    return _respond(request)


def _check_not_deprecated(world: World, project: Project) -> None:
    has_token = project.fields["secret_api_token"] or project.fields["secret_api_token_backup"]
    if not (has_token or project.fields["conversations_enabled"] or world.behaviour.first_secret):
        raise invalid(
            "The feature flags secure API key is deprecated. "
            "Create a project secret API key with the feature_flag:read scope instead."
        )


def delete_secret_token_backup(request: ApiRequest) -> Response:
    """Clear the backup of the secret token; without a backup, change nothing."""
    world, project = request.world, request.project
    backup = project.fields["secret_api_token_backup"]
    if backup:
        _store(world, project, secret_api_token_backup=None)
        change = activity_log.describe_change("secret_api_token_backup", activity_log.mask(backup), None)
        activity_log.record(world, project, request.user.id, "updated", changes=[change])
    return _respond(request)


def _mask_optional(token: str | None) -> str | None:
    return activity_log.mask(token) if token else None


def _store(world: World, project: Project, **fields: object) -> None:
    project.fields.update(fields)
    project.fields["updated_at"] = timestamp(world.clock())


def _respond(request: ApiRequest) -> Response:
    return JSONResponse(serialize_project(request.world, request.project, request.principal))


def change_organization(request: ApiRequest) -> Response:
    """Move the project to the organization in ``organization_id``.

    PostHog's behaviour: users who have the project open keep it open if they are members of the new organization;
    otherwise they have nothing open afterwards. Older versions leave them alone. A move to the same organization is
    refused; in older versions it succeeds and changes nothing.
    """
    world, project = request.world, request.project
    target = _target_organization(request, project)
    change = activity_log.describe_change("organization_id", project.organization_id, target.id, scope="Project")
    _store(world, project, organization=target.id)
    world.move(project)
    for user in world.users.values():
        if world.behaviour.moves_repair_users and user.current_project_id == project.id:
            is_member = world.level(user.id, target.id) is not None
            user.current_organization_id = target.id if is_member else None
            user.current_project_id = project.id if is_member else None
    activity_log.record(world, project, request.user.id, "updated", changes=[change], scope="Project")
    return _respond(request)


def _target_organization(request: ApiRequest, project: Project) -> Organization:
    world, sent = request.world, request.fields.get("organization_id")
    found = world.organizations.get(_canonical_uuid(sent)) if sent else None
    level = world.level(request.user.id, found.id) if found else None
    if found is None or level is None:
        raise invalid("You must be a member of the target organization to move a project.")
    if level < Level.ADMIN or (world.level(request.user.id, project.organization_id) or 0) < Level.ADMIN:
        raise invalid("You must be an admin of both the source and target organizations to move a project.")
    if found.id == project.organization_id and not world.behaviour.moves_in_place:
        raise invalid("Project is already in the target organization.")
    return found


def _canonical_uuid(sent: object) -> str:
    try:
        return str(uuid.UUID(str(sent)))
    except ValueError:
        # PostHog's behaviour: Django's error for a malformed id is not caught.
        raise server_error() from None
