"""Validate the body of a creation or an update.

PostHog's behaviour: every field is checked, and the response is for the first invalid one in PostHog's order. A taken
name (409) and a forbidden setting (403) end the validation at once. If all fields are valid, PostHog checks the role,
then the rules between fields.
"""

from __future__ import annotations

from typing import Any

from projects_mcp.sandbox.errors import ApiError, InvalidValueError, forbidden, invalid, server_error
from projects_mcp.sandbox.validation.field_types import boolean, parse_field
from projects_mcp.sandbox.validation.refinements import REFINEMENTS, ValidationContext
from projects_mcp.sandbox.validation.rules import BY_NAME, Rule, active_rules
from projects_mcp.sandbox.validation.validators import validate_errors_to_ignore
from projects_mcp.sandbox.world.state import Fields, Level

__all__ = ["validate_body"]


def validate_body(body: Any, context: ValidationContext, *, is_form: bool = False) -> Fields:
    """Return the values to store by field, without the fields that PostHog ignores.

    Args:
        body: Any JSON value.
        context: The project, its organization and the user's role.
        is_form: A form creates the project: every absent boolean is "no", or null where it may be.

    Raises:
        ApiError: 400, 403 or 409.
    """
    if not isinstance(body, dict):
        raise invalid(f"Invalid data. Expected a dictionary, but got {type(body).__name__}.")
    values: Fields = {}
    first: ApiError | None = None
    for rule in active_rules(context.world.behaviour):
        if is_form and rule.name not in body and (rule.field_type is boolean or rule.name == "access_control"):
            body = {**body, rule.name: None if rule.nullable else False}
        if rule.name in body:
            try:
                values[rule.name] = _parse_value(rule, body[rule.name], context)
            except InvalidValueError as error:
                first = first or error.to_api_error()
    if first is not None:
        raise first
    _check_role(values, context)
    _check_dashboard(values, context)
    if "autocapture_exceptions_errors_to_ignore" in values:
        _check_errors_to_ignore(values["autocapture_exceptions_errors_to_ignore"])
    return values


_ALWAYS_REFINED = frozenset({"name", "primary_dashboard"})


def _parse_value(rule: Rule, sent: Any, context: ValidationContext) -> Any:
    value = parse_field(rule.field_type, sent, rule.name, nullable=rule.nullable)
    refine = REFINEMENTS.get(rule.name)
    if refine is None or value is None or (context.world.behaviour.former_rules and rule.name not in _ALWAYS_REFINED):
        return value
    try:
        return refine(value, context)
    except InvalidValueError as error:
        raise error.within(rule.name) from None


def _check_role(values: Fields, context: ValidationContext) -> None:
    if context.level >= Level.ADMIN:
        return
    changed = sorted(name for name in values if not BY_NAME[name].member_safe)
    if context.project is None:
        # A member who may create a project may also name it, and create a demo project.
        changed = [name for name in changed if name not in {"name", "is_demo"}]
        if changed:
            names = ", ".join(changed)
            raise forbidden(f"Only organization admins can set these settings on project creation: {names}")
    elif changed and not context.world.behaviour.members_change_settings:
        raise forbidden(f"Only project admins can modify these settings: {', '.join(changed)}")


def _check_dashboard(values: Fields, context: ValidationContext) -> None:
    if "primary_dashboard" not in values:
        return
    if context.project is None:
        raise invalid("Primary dashboard cannot be set on project creation.", attr="primary_dashboard")
    number = values["primary_dashboard"]
    if number is None and context.world.behaviour.fails_on_odd_requests:
        raise server_error()
    if number is not None and number not in context.project.dashboards:
        raise invalid("Dashboard does not belong to this team.", attr="primary_dashboard")


def _check_errors_to_ignore(value: Any) -> None:
    try:
        validate_errors_to_ignore(value)
    except InvalidValueError as error:
        raise error.to_api_error() from None
