"""Change a project's settings: previewed, compared field by field, and undoable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from projects_mcp.api.outcome import Outcome
from projects_mcp.api.settings_diff import SettingsDiff, expected_after
from projects_mcp.api.settings_impact import warnings
from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.api.types import JSONObject, organization_of
from projects_mcp.errors.refusals import InvalidArguments, NotExpected
from projects_mcp.gateway.context import ToolContext
from projects_mcp.tools import readback
from projects_mcp.tools.receipt import changes, receipt, suggestion
from projects_mcp.tools.schema import settings_schema
from projects_mcp.tools.tool import tool
from projects_mcp.tools.validation import unknown_name

__all__ = ["project_update"]

_ADJUSTED: Final = "PostHog stored the adjusted fields in its own form, or merged them with what was there."


@tool(
    "project_update",
    "Change a project's settings",
    "Change settings and get a receipt: before, after, what was ignored, and how to undo it. "
    "Lists are replaced whole, so read them first; dry_run previews.",
    {
        "settings": settings_schema(),
        "clear": {
            "type": "array",
            "items": {"type": "string", "maxLength": 100},
            "maxItems": 100,
            "description": "Settings to set to null",
        },
        "expected": {
            "type": "object",
            "description": "Present values; if one differs, nothing is sent",
        },
        "dry_run": {"type": "boolean"},
    },
)
async def project_update(
    context: ToolContext,
    *,
    settings: Mapping[str, Any] | None = None,
    clear: Sequence[str] = (),
    expected: Mapping[str, Any] | None = None,
    dry_run: bool = False,
) -> JSONObject:
    """Write settings once, and report what PostHog made of them."""
    sent = _body(settings or {}, clear)
    if dry_run:
        before = await _read_expected(context, expected or {})
        return _preview(context, sent, before)
    async with context.lock_project():
        before = await _read_expected(context, expected or {})
        organization = organization_of(before, context.organization)
        after = await readback.write(context, organization, sent, lambda: readback.updated(context, sent, before))
    diff = SettingsDiff.between(sent, before, after)
    return _receipt(context, after, diff.outcome, diff)


async def _read_expected(context: ToolContext, expected: Mapping[str, Any]) -> JSONObject:
    """Read the project.

    Raises:
        NotExpected: a setting has another value than the caller expects.
    """
    before = await context.read_project()
    found: JSONObject = {}
    for name, value in expected.items():
        normal = SETTINGS[name].normal if name in SETTINGS else lambda item: item
        if normal(before.get(name)) != normal(value):
            found[name] = before.get(name)
    if found:
        raise NotExpected(found=found)
    return before


def _body(settings: Mapping[str, Any], clear: Sequence[str]) -> JSONObject:
    """Join what is set and what is cleared into one body.

    Raises:
        InvalidArguments: nothing to do, a name in both, an unknown name, or one that cannot be null.
    """
    problems = [unknown_name(name, "settings", list(SETTINGS)) for name in clear if name not in SETTINGS]
    problems += [f"`{name}` is in both `settings` and `clear`." for name in clear if name in settings]
    problems += [
        f"`{name}` cannot be cleared: PostHog wants a value for it."
        for name in clear
        if name in SETTINGS and not SETTINGS[name].nullable
    ]
    if not settings and not clear:
        problems.append("There is nothing to change: give `settings` or `clear`.")
    if problems:
        raise InvalidArguments(problems=problems)
    return {**settings, **dict.fromkeys(clear)}


def _preview(context: ToolContext, sent: Mapping[str, Any], before: JSONObject) -> JSONObject:
    after = expected_after(sent, before)
    diff = SettingsDiff.between(sent, before, after)
    apply = suggestion("project_update", _same_call(context, sent), "Apply this change.")
    return _receipt(context, after, Outcome.PREVIEW, diff, [apply] if diff.changed else [])


def _receipt(
    context: ToolContext,
    after: Mapping[str, Any],
    outcome: Outcome,
    diff: SettingsDiff,
    suggestions: Sequence[JSONObject] = (),
) -> JSONObject:
    settings, clear, lost = diff.revert
    return receipt(
        context,
        after,
        outcome,
        changed=diff.changed,
        ignored=diff.ignored,
        unchanged=diff.unchanged,
        adjusted=diff.adjusted,
        normalised=diff.normalised,
        note=_ADJUSTED if diff.adjusted else "",
        also_changed=changes(diff.also_changed),
        # A sentence cuts the values that it quotes, so secrets are removed before.
        warnings=warnings(context.services.redactor.value(diff.changed)),
        revert={"settings": settings, "clear": clear} if settings or clear else None,
        not_revertible=lost,
        suggestions=suggestions,
    )


def _same_call(context: ToolContext, sent: Mapping[str, Any]) -> JSONObject:
    arguments: JSONObject = {"organization_id": str(context.organization), "project_id": context.project}
    if settings := {name: value for name, value in sent.items() if value is not None}:
        arguments["settings"] = settings
    if clear := [name for name, value in sent.items() if value is None]:
        arguments["clear"] = clear
    return arguments
