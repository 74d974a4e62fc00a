"""Change a project's settings: previewed, compared field by field, and undoable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from projects_mcp.api.json_values import canonical
from projects_mcp.api.outcome import Outcome
from projects_mcp.api.settings_diff import SettingsDiff, expected_after
from projects_mcp.api.settings_impact import MAY_BE_IRREVERSIBLE, describe_impact, describe_replaced, irreversible
from projects_mcp.api.settings_newer import keys_at_risk
from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.api.types import JSONObject
from projects_mcp.errors.refusals import (
    ChangedMeanwhile,
    ConfirmationNeeded,
    InvalidArguments,
    NotExpected,
    ProjectNotIdentified,
)
from projects_mcp.gateway.confirmation import confirm
from projects_mcp.gateway.context import ToolContext
from projects_mcp.policy.confirmation import identify
from projects_mcp.sanitize.secret_fields import PRESENCE, WITHHELD_FIELDS
from projects_mcp.tools import readback, readback_checks
from projects_mcp.tools.names import unknown_name
from projects_mcp.tools.neighbours import same_name
from projects_mcp.tools.receipt import changes, receipt, suggestion
from projects_mcp.tools.schema import closed_object, settings_schema
from projects_mcp.tools.several import SEVERAL
from projects_mcp.tools.tool import CONFIRM_PROJECT_NAME, tool
from projects_mcp.tools.validation import validate
from projects_mcp.tools.way_back import way_back

__all__ = ["project_update"]

_EXPECTED: Final = closed_object({"expected": settings_schema()})
_NONE_KNOWN: Final = (
    "None of it takes effect: this PostHog does not know these settings. It is another version, or the names are wrong."
)
_NONE_TOOK: Final = (
    "None of it took effect, although PostHog answered without an error. Most likely the organization's plan lacks the "
    "feature, PostHog manages the value itself, or it keeps the former value for one that it does not take. A person "
    "can try the same in PostHog's project settings, which say why."
)
_LISTED_BY_POSTHOG: Final = frozenset({"base_currency", "primary_dashboard", "timezone"})
"""Settings whose values PostHog alone knows: its own lists, and what is in the project."""
_UNCHECKED: Final = "PostHog has a list of its own for {}, so this preview cannot tell whether it takes the value."
_ADJUSTED: Final = "PostHog stored the adjusted fields in its own form, or merged them with what was there."


@tool(
    "project_update",
    "Change a project's settings",
    "Change PostHog settings or rename a PostHog project. Set, add, put, make, keep, enable, disable, stop, switch, "
    "turn off: PostHog session replay, PostHog session recording (record sessions; sample recordings, retention; mask "
    "text, console logs, network), PostHog autocapture, error capture, web vitals, heatmaps, PostHog surveys (survey "
    "default), feature flags' default, support widget, PostHog time zone (UTC), week start, currency, app domain, "
    "authorized URL (https), path cleaning, a PostHog filter to exclude internal, test users by email, people's "
    "display name, IPs (discard client IP data), cookieless tracking, Slack webhook. Lists are replaced whole. If "
    "irreversible, requires confirmation.",
    {
        "settings": {**settings_schema(), "description": "Set, change timezone, recordings, surveys, webhook"},
        "clear": {
            "type": "array",
            "items": {"type": "string", "maxLength": 100},
            "maxItems": 100,
            "description": "Set to null",
        },
        "expected": {
            "type": "object",
            "description": "Present values, else nothing is sent",
        },
        "dry_run": {"type": "boolean", "description": "Preview it"},
        "confirm_project_name": CONFIRM_PROJECT_NAME,
        **SEVERAL,
    },
    several=True,
)
async def project_update(
    context: ToolContext,
    *,
    settings: Mapping[str, Any] | None = None,
    clear: Sequence[str] = (),
    expected: Mapping[str, Any] | None = None,
    dry_run: bool = False,
    confirm_project_name: str | None = None,
    project_ids: Sequence[int] | None = None,
    where: Mapping[str, Any] | None = None,
    plan: str | None = None,
    confirm_plan: str | None = None,
) -> JSONObject:
    """Write settings once, and report what PostHog made of them. Of several projects: preview, or apply a preview."""
    applies = plan is not None or confirm_plan is not None
    sent = {} if applies and not (settings or clear) else _body(settings or {}, clear)
    if context.project is None or applies or project_ids is not None or where is not None:
        given = {"expected": expected, "confirm_project_name": confirm_project_name}
        others = [name for name, value in given.items() if value is not None]
        from projects_mcp.tools.changing_many import change_many  # noqa: PLC0415 - a start does not wait for it

        return await change_many(context, sent, project_ids, where, plan, confirm_plan, dry_run=dry_run, others=others)
    expected = _expected_values(expected) if expected else {}
    if dry_run:
        before = await _read_expected(context, expected)
        return _with_twins(await context.work(_preview, context, sent, before), await _twins(context, sent, before))
    turn = await context.project_turn()
    before = await _read_expected(context, expected)
    twins = await _twins(context, sent, before) if "name" in sent else ""
    lasting = not MAY_BE_IRREVERSIBLE.isdisjoint(sent)
    lost = await context.work(_irreversible, sent, before) if lasting else {}
    if lost:
        await _confirm_for_good(context, confirm_project_name, sent, before, lost, twins)
    async with context.hold(turn):
        if lost or turn.others_wrote:  # time has passed since it was read
            before = await _read_expected(context, expected)
            if lasting and await context.work(_irreversible, sent, before) != lost:
                raise ChangedMeanwhile
        after = await readback.write(
            context, context.organization, sent, lambda: readback_checks.updated(context, sent, before)
        )
    result = await context.work(_compared, context, sent, before, after)
    return _with_twins(result, twins) if twins else result  # nothing to be said in nearly every call


async def _twins(context: ToolContext, sent: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    """Say that other projects have the new name already. Nothing is read if there is no new name."""
    name = sent.get("name", before.get("name"))
    return "" if name == before.get("name") else await same_name(context, name, context.organization)


def _with_twins(result: JSONObject, twins: str) -> JSONObject:
    return {**result, "warnings": [*result.get("warnings", ()), twins]} if twins else result


def _compared(
    context: ToolContext, sent: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]
) -> JSONObject:
    diff = SettingsDiff.between(sent, before, after)
    return _receipt(context, after, diff.outcome, diff)


def _irreversible(sent: Mapping[str, Any], before: JSONObject) -> dict[str, str]:
    after = expected_after(sent, before, all_known=True)  # any doubt about what the project has asks a person
    return irreversible(SettingsDiff.between(sent, before, after).changed)


async def _confirm_for_good(
    context: ToolContext,
    name: str | None,
    sent: Mapping[str, Any],
    before: JSONObject,
    lost: Mapping[str, str],
    twins: str,
) -> None:
    """Take a change that cannot be undone through the gates of a destructive tool.

    Raises:
        Refusal: a gate stayed closed. Nothing has been sent but reads.
        ConsentPendingError: a person has to be asked in another round.
    """
    context.authorization.require_irreversible(context.project)
    if name is None:
        raise ConfirmationNeeded(consequences=list(lost.values()))
    target = identify(before["id"], before)
    if target is None:
        raise ProjectNotIdentified
    details = {
        "settings": canonical(dict(sent)),
        "before": canonical({setting: before.get(setting) for setting in lost}),
    }
    consequence = " ".join([*lost.values(), "This cannot be undone.", *filter(None, [twins])])
    await confirm(context, target, name, f"Change {', '.join(lost)} of project", consequence, details)


def _expected_values(expected: Mapping[str, Any]) -> Mapping[str, Any]:
    """Check the values that the caller expects by the rules of the settings. Null means that there is no value.

    Raises:
        InvalidArguments: there is no such setting, or it cannot have that value.
    """
    values = {name: value for name, value in expected.items() if value is not None or name not in SETTINGS}
    checked: JSONObject = validate(_EXPECTED, {"expected": values}).values["expected"]
    return {**dict.fromkeys(expected), **checked}


async def _read_expected(context: ToolContext, expected: Mapping[str, Any]) -> JSONObject:
    """Read the project.

    Raises:
        NotExpected: a setting has another value than the caller expects.
    """
    before = await context.read_project()
    found: JSONObject = {}
    for name, value in expected.items():
        if not SETTINGS[name].same(before.get(name), value):
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
    problems += [
        f"`settings.{name}` holds a placeholder for a value that is not shown; send the value itself, or leave it out."
        for name, value in settings.items()
        if name in WITHHELD_FIELDS and value in PRESENCE
    ]
    if problems:
        raise InvalidArguments(problems=problems)
    return {**settings, **dict.fromkeys(clear)}


def _preview(context: ToolContext, sent: Mapping[str, Any], before: JSONObject) -> JSONObject:
    after = expected_after(sent, before)
    diff = SettingsDiff.between(sent, before, after)
    known = {name: value for name, value in sent.items() if name not in diff.unknown}
    apply = suggestion("project_update", _same_call(context, known), "Apply this change.")
    lost = _irreversible(sent, before)
    result = _receipt(context, after, Outcome.PREVIEW, diff, [apply] if diff.changed and not lost else [])
    if feared := context.services.redactor.value(keys_at_risk(sent, before)):
        result["warnings"] = [*result.get("warnings", ()), *describe_replaced(feared, done=False)]
    if listed := sorted(_LISTED_BY_POSTHOG.intersection(diff.changed)):
        result["unchecked"] = _UNCHECKED.format(" and ".join(listed))
    return result | ({"needs_confirmation": lost} if lost else {})


def _receipt(
    context: ToolContext,
    after: Mapping[str, Any],
    outcome: Outcome,
    diff: SettingsDiff,
    suggestions: Sequence[JSONObject] = (),
) -> JSONObject:
    kept, clear, lost = way_back(diff)
    context.audit.changed = diff.changed  # exact, for whoever undoes it later
    redactor = context.services.redactor  # a sentence cuts what it quotes, so secrets are removed before
    warnings = describe_impact(redactor.value(diff.changed))
    if diff.lost_keys:
        warnings += describe_replaced(redactor.value(diff.lost_keys), done=True)
    return receipt(
        context,
        after,
        outcome,
        changed=diff.changed,
        ignored=diff.ignored,
        unknown_to_this_posthog=diff.unknown,
        unchanged=diff.unchanged,
        adjusted=diff.adjusted,
        normalised=diff.normalised,
        note=_ADJUSTED if diff.adjusted else "" if diff.changed or not diff.ignored else _why_ignored(diff),
        also_changed=changes(diff.also_changed),
        warnings=warnings,
        revert={"settings": kept, "clear": clear} if kept or clear else None,
        not_revertible=lost,
        suggestions=suggestions,
    )


def _why_ignored(diff: SettingsDiff) -> str:
    """Say why everything that was sent can have been ignored."""
    return _NONE_KNOWN if set(diff.ignored) == set(diff.unknown) else _NONE_TOOK


def _same_call(context: ToolContext, sent: Mapping[str, Any]) -> JSONObject:
    """Return the arguments of this call on the organization that the project is in, whatever is current later."""
    arguments: JSONObject = {"organization_id": str(context.organization), "project_id": context.project}
    if settings := {name: value for name, value in sent.items() if value is not None}:
        arguments["settings"] = settings
    if clear := [name for name, value in sent.items() if value is None]:
        arguments["clear"] = clear
    return arguments
