"""The steps of the demonstration, as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from projects_mcp.sandbox import MOBILE_ID, NORTHWIND_ID, PRODUCTION_ID, STAGING_ID

__all__ = ["STEPS", "JSONObject", "Step"]

JSONObject = Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """One call of a tool.

    Attributes:
        purpose: the heading.
        tool: the name of the tool.
        arguments: builds the arguments from the bodies of all earlier successful calls, by tool name.
        check: tells whether the body of the result is the expected one; that of a refusal is `{"refusal": text}`.
        refused: the call is expected to be refused.
        read_only: the call is made with the read-only key.
    """

    purpose: str
    tool: str
    arguments: Callable[[JSONObject], JSONObject]
    check: Callable[[JSONObject], bool]
    refused: bool = False
    read_only: bool = False


def _arguments(**arguments: Any) -> Callable[[JSONObject], JSONObject]:
    """Build the same arguments, whatever came before."""
    return lambda _earlier: arguments


def _with_shown_name(tool: str, **arguments: Any) -> Callable[[JSONObject], JSONObject]:
    """Build arguments that confirm the project's name, which the last call of another tool has shown."""
    return lambda earlier: {**arguments, "confirm_project_name": earlier[tool]["name"]}


def _shows(project: int) -> Callable[[JSONObject], bool]:
    return lambda body: body["id"] == project


def _was_applied(body: JSONObject) -> bool:
    return body.get("outcome") == "applied"


def _refusal_says(text: str) -> Callable[[JSONObject], bool]:
    return lambda body: text in body["refusal"]


STEPS: Final = (
    Step(
        "See what is there.",
        "project_list",
        _arguments(),
        lambda body: body["total"] >= 1 and body["projects"][0]["name"],
    ),
    Step(
        "Look at one project.",
        "project_get",
        _arguments(project_id=PRODUCTION_ID),
        _shows(PRODUCTION_ID),
    ),
    Step(
        "Preview a change. Nothing is sent.",
        "project_update",
        _arguments(
            project_id=PRODUCTION_ID, settings={"timezone": "Europe/Madrid", "surveys_opt_in": True}, dry_run=True
        ),
        lambda body: body["outcome"] == "preview" and "timezone" in body["changed"],
    ),
    Step(
        "Make it, with a receipt.",
        "project_update",
        _arguments(project_id=PRODUCTION_ID, settings={"timezone": "Europe/Madrid"}),
        lambda body: _was_applied(body) and body["changed"]["timezone"]["after"] == "Europe/Madrid",
    ),
    Step(
        "Undo it with the arguments of that receipt.",
        "project_update",
        lambda earlier: {"project_id": PRODUCTION_ID, **earlier["project_update"]["revert"]},
        lambda body: _was_applied(body) and body["changed"]["timezone"]["before"] == "Europe/Madrid",
    ),
    Step(
        "A misspelt setting is caught. PostHog itself would ignore it.",
        "project_update",
        _arguments(project_id=PRODUCTION_ID, settings={"time_zone": "UTC"}),
        _refusal_says("timezone"),
        refused=True,
    ),
    Step(
        "Who changed what?",
        "project_activity",
        _arguments(project_id=PRODUCTION_ID, limit=3),
        lambda body: bool(body["activity"]),
    ),
    Step(
        "Create a project.",
        "project_create",
        _arguments(name="Docs search", settings={"timezone": "Europe/Berlin"}),
        lambda body: _was_applied(body) and body["project"]["name"] == "Docs search",
    ),
    Step(
        "Is it being filled with demo data?",
        "project_is_generating_demo_data",
        lambda earlier: {"project_id": earlier["project_create"]["project"]["id"]},
        lambda body: body["is_generating_demo_data"] is False,
    ),
    Step(
        "Note interest in a product.",
        "project_add_product_intent",
        lambda earlier: {
            "project_id": earlier["project_create"]["project"]["id"],
            "product_type": "session_replay",
            "intent_context": "onboarding product selected - primary",
        },
        _was_applied,
    ),
    Step(
        "Complete its onboarding.",
        "project_complete_product_onboarding",
        lambda earlier: {
            "project_id": earlier["project_create"]["project"]["id"],
            "product_type": "session_replay",
            "intent_context": "onboarding product selected - primary",
        },
        _was_applied,
    ),
    Step(
        "Delete with a wrong name: refused, and the right name is not given away.",
        "project_delete",
        _arguments(project_id=STAGING_ID, confirm_project_name="staging"),
        _refusal_says("Nothing was changed."),
        refused=True,
    ),
    Step(
        "Read the exact name first.",
        "project_get",
        _arguments(project_id=STAGING_ID),
        _shows(STAGING_ID),
    ),
    Step("Now delete it.", "project_delete", _with_shown_name("project_get", project_id=STAGING_ID), _was_applied),
    Step("Another project.", "project_get", _arguments(project_id=MOBILE_ID), _shows(MOBILE_ID)),
    Step(
        "Replace its public token.",
        "project_reset_token",
        _with_shown_name("project_get", project_id=MOBILE_ID),
        lambda body: _was_applied(body) and "api_token" in body["changed"],
    ),
    Step(
        "Move it to the other organization.",
        "project_change_organization",
        _with_shown_name("project_get", project_id=MOBILE_ID, target_organization_id=NORTHWIND_ID),
        lambda body: _was_applied(body) and body["project"]["organization_id"] == NORTHWIND_ID,
    ),
    Step(
        "Back to the first project.",
        "project_get",
        _arguments(project_id=PRODUCTION_ID),
        _shows(PRODUCTION_ID),
    ),
    Step(
        "Rotate its secret token. The secret itself is never shown.",
        "project_rotate_secret_token",
        _with_shown_name("project_get", project_id=PRODUCTION_ID),
        lambda body: _was_applied(body) and "..." in body["changed"]["secret_api_token"]["after"],
    ),
    Step(
        "Drop the backup, once every server has the new secret.",
        "project_delete_secret_token_backup",
        _with_shown_name("project_get", project_id=PRODUCTION_ID),
        lambda body: _was_applied(body) and body["changed"]["secret_api_token_backup"]["after"] is None,
    ),
    Step(
        "With a read-only key, nothing can be changed.",
        "project_update",
        _arguments(project_id=PRODUCTION_ID, settings={"timezone": "UTC"}),
        _refusal_says("Nothing was changed."),
        refused=True,
        read_only=True,
    ),
)
