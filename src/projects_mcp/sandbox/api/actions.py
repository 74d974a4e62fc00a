"""The eight operations beside a project: activity, demo data, product intents, tokens and the move."""

from __future__ import annotations

import uuid
from typing import Any

from starlette.responses import JSONResponse, Response

from projects_mcp.sandbox.api.answers import project_answer, team_answer
from projects_mcp.sandbox.api.calls import Call
from projects_mcp.sandbox.errors import InvalidValueError, invalid, server_error
from projects_mcp.sandbox.validation import kinds
from projects_mcp.sandbox.world import history
from projects_mcp.sandbox.world.catalogs import INTENT_CONTEXTS, PRODUCT_KEYS
from projects_mcp.sandbox.world.state import Fields, Level, Organization, ProductIntent, Project, World, timestamp

_UNKNOWN_CONTEXT = "unknown"


def activity(call: Call) -> Response:
    """Answer a page of the project's log."""
    return JSONResponse(history.page(call.world, call.project, call.request.query_params, call.url))


def is_generating_demo_data(call: Call) -> Response:
    """Answer whether the data of a demo project is still being made."""
    ready_at = call.project.demo_data_ready_at
    return JSONResponse({"is_generating_demo_data": ready_at is not None and call.world.clock() < ready_at})


def add_product_intent(call: Call) -> Response:
    """Count an intent and answer the team object. PostHog's behaviour: 201, whether or not the intent is new."""
    _register(call, completed=False)
    return JSONResponse(team_answer(call.world, call.project, call.user), status_code=201)


def complete_product_onboarding(call: Call) -> Response:
    """Count an intent, mark its onboarding as completed now and answer the team object.

    PostHog's behaviour: a missing or unknown product is answered outside the usual envelope.
    """
    product = call.fields.get("product_type")
    if not product:
        return JSONResponse({"error": "product_type is required"}, status_code=400)
    if call.world.behaviour.checks_product_keys and product not in PRODUCT_KEYS:
        known = ", ".join(f"<ProductKey.{key.upper()}: '{key}'>" for key in PRODUCT_KEYS)
        return JSONResponse({"error": f"invalid product_type, expected one of [{known}]"}, status_code=400)
    _register(call, completed=True)
    return JSONResponse(team_answer(call.world, call.project, call.user))


def _register(call: Call, *, completed: bool) -> None:
    product, context, metadata = _intent(call)
    now = call.world.clock()
    intents = call.project.intents
    intent = intents.setdefault(product, ProductIntent(product, created_at=now, updated_at=now))
    intent.updated_at = now
    intent.contexts[context] = intent.contexts.get(context, 0) + 1
    intent.metadata = {
        **metadata,
        "$current_url": call.request.headers.get("referer"),
        "$session_id": call.request.headers.get("x-posthog-session-id"),
    }
    if completed:
        intent.onboarding_completed_at = now


def _intent(call: Call) -> tuple[str, str, Fields]:
    strict = call.world.behaviour.checks_product_keys
    sent = call.fields
    product = kinds.choice(PRODUCT_KEYS) if strict else kinds.text()
    context = kinds.choice(INTENT_CONTEXTS) if strict else kinds.text()
    metadata = _optional(sent, "metadata", kinds.mapping, {})
    if "product_type" not in sent:
        raise invalid("This field is required.", code="required", attr="product_type")
    return (
        _optional(sent, "product_type", product, ""),
        _optional(sent, "intent_context", context, _UNKNOWN_CONTEXT),
        metadata,
    )


def _optional(sent: Fields, name: str, check: kinds.Check, default: Any) -> Any:
    if name not in sent:
        return default
    try:
        return kinds.field(check, sent[name], name, nullable=False)
    except InvalidValueError as error:
        raise error.in_body() from None


def reset_token(call: Call) -> Response:
    """Give the project a new ``api_token``; the old one stops working at once.

    PostHog's behaviour: the log keeps both tokens in clear.
    """
    world, project = call.world, call.project
    before = project.fields["api_token"]
    after = world.new_token("phc_")
    _store(world, project, api_token=after)
    history.record(world, project, call.user.id, "updated", changes=[history.change("api_token", before, after)])
    return _answer(call)


def rotate_secret_token(call: Call) -> Response:
    """Give the project a new ``secret_api_token``; the former becomes the backup, the former backup is lost.

    PostHog's behaviour: where the newer secret keys exist, a first token is refused unless conversations need it. The
    log shows the tokens masked.
    """
    world, project = call.world, call.project
    former, lost = project.fields["secret_api_token"], project.fields["secret_api_token_backup"]
    _check_not_deprecated(world, project)
    new = world.new_token("phs_")
    _store(world, project, secret_api_token=new, secret_api_token_backup=former)
    before: dict[str, str | None] = {"secret_api_token": _masked(former)}
    after: dict[str, str | None] = {"secret_api_token": history.masked(new)}
    if former:
        before["secret_api_token_backup"] = _masked(lost)
        after["secret_api_token_backup"] = history.masked(former)
    change = {**history.change("secret_api_token", before, after), "action": "changed" if former else "created"}
    history.record(world, project, call.user.id, "updated", changes=[change])
    return _answer(call)


def _check_not_deprecated(world: World, project: Project) -> None:
    has_token = project.fields["secret_api_token"] or project.fields["secret_api_token_backup"]
    if has_token or project.fields["conversations_enabled"]:
        return
    if world.organizations[project.organization_id].has_project_secret_api_keys:
        raise invalid(
            "The feature flags secure API key is deprecated. "
            "Create a project secret API key with the feature_flag:read scope instead."
        )


def delete_secret_token_backup(call: Call) -> Response:
    """Clear the backup of the secret token; without one nothing happens."""
    world, project = call.world, call.project
    backup = project.fields["secret_api_token_backup"]
    if backup:
        _store(world, project, secret_api_token_backup=None)
        change = history.change("secret_api_token_backup", history.masked(backup), None)
        history.record(world, project, call.user.id, "updated", changes=[change])
    return _answer(call)


def _masked(token: str | None) -> str | None:
    return history.masked(token) if token else None


def _store(world: World, project: Project, **fields: object) -> None:
    project.fields.update(fields)
    project.fields["updated_at"] = timestamp(world.clock())


def _answer(call: Call) -> Response:
    return JSONResponse(project_answer(call.world, call.project, call.user))


def change_organization(call: Call) -> Response:
    """Move the project to the organization in ``organization_id``.

    PostHog's behaviour: people who look at the project move along when they are members there, otherwise they look at
    nothing afterwards. Moving it to where it is succeeds and changes nothing.
    """
    world, project = call.world, call.project
    target = _target(call, project)
    change = history.change("organization_id", project.organization_id, target.id, scope="Project")
    _store(world, project, organization=target.id)
    for user in world.users.values():
        if user.current_project_id == project.id:
            is_member = world.level(user.id, target.id) is not None
            user.current_organization_id = target.id if is_member else None
            user.current_project_id = project.id if is_member else None
    history.record(world, project, call.user.id, "updated", changes=[change], scope="Project")
    return _answer(call)


def _target(call: Call, project: Project) -> Organization:
    world, sent = call.world, call.fields.get("organization_id")
    found = world.organizations.get(_canonical(sent)) if sent else None
    level = world.level(call.user.id, found.id) if found else None
    if found is None or level is None:
        raise invalid("You must be a member of the target organization to move a project.")
    if level < Level.ADMIN or (world.level(call.user.id, project.organization_id) or 0) < Level.ADMIN:
        raise invalid("You must be an admin of both the source and target organizations to move a project.")
    return found


def _canonical(sent: object) -> str:
    try:
        return str(uuid.UUID(str(sent)))
    except ValueError:
        # PostHog's behaviour: Django's own complaint about a malformed id is not caught.
        raise server_error() from None
