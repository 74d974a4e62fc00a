"""Changing a project's settings: previewed, compared field by field, and undoable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from projects_mcp.api.effects import Effect
from projects_mcp.api.operations import organization_of
from projects_mcp.api.settings_diff import Outcome, SettingsDiff, compare, revert, side_effects, would_be
from projects_mcp.api.settings_impact import warnings
from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.errors.refusals import Refusal, RefusalKind
from projects_mcp.gateway.context import Call
from projects_mcp.posthog.client import JSONObject
from projects_mcp.tools import readback as proof
from projects_mcp.tools.receipt import changes, receipt, suggestion
from projects_mcp.tools.schema import settings_schema, unknown_name
from projects_mcp.tools.tool import tool

__all__ = ["project_update"]

_NAME: Final = "project_update"
_ADJUSTED: Final = "PostHog stored the adjusted fields in its own form, or merged them with what was there."


@tool(
    _NAME,
    "Change a project's settings",
    "Change settings and get a receipt: before, after, what was ignored, and how to undo it. "
    "Lists are replaced whole, so read them first; dry_run previews.",
    Effect.CHANGE,
    "update",
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
    call: Call,
    *,
    settings: Mapping[str, Any] | None = None,
    clear: Sequence[str] = (),
    expected: Mapping[str, Any] | None = None,
    dry_run: bool = False,
) -> JSONObject:
    """Write settings once, and report what PostHog made of them."""
    sent = _what_to_send(settings or {}, clear)
    if dry_run:
        before = await _read_as_expected(call, expected or {})
        return _receipt(call, sent, before, would_be(sent, before), preview=True)
    async with call.lock_project():
        before = await _read_as_expected(call, expected or {})
        after = await call.write(
            organization_of(before, call.organization), sent, lambda: proof.updated(call, sent, before)
        )
    return _receipt(call, sent, before, after, preview=False)


async def _read_as_expected(call: Call, believed: Mapping[str, Any]) -> JSONObject:
    """Read the project, and refuse where it is not as the caller believes."""
    before = await call.read_project()
    _refuse_if_otherwise(call, believed, before)
    return before


def _what_to_send(settings: Mapping[str, Any], clear: Sequence[str]) -> JSONObject:
    """Join what is set and what is cleared into one body.

    Raises:
        Refusal: `invalid_argument`: nothing to do, a name in both, an unknown name, or one that cannot be null.
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
        raise Refusal(RefusalKind.INVALID_ARGUMENT, problems=problems)
    return {**settings, **dict.fromkeys(clear)}


def _refuse_if_otherwise(call: Call, believed: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    differs: dict[str, dict[str, Any]] = {}
    for name, value in believed.items():
        normal = SETTINGS[name].normal if name in SETTINGS else lambda item: item
        if normal(found.get(name)) != normal(value):
            differs[name] = {"expected": value, "found": found.get(name)}
    if differs:
        raise Refusal(RefusalKind.EXPECTED_OTHERWISE, differs=changes(call, differs))


def _receipt(
    call: Call, sent: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any], *, preview: bool
) -> JSONObject:
    comparison = compare(sent, before, after)
    beside = {} if preview else side_effects(sent, before, after)
    undo = _undo(call, comparison, beside)
    following = []
    if preview and comparison.changed:
        following.append(suggestion(_NAME, _same_call(call, sent), "Apply this change."))
    return receipt(
        call,
        _NAME,
        after,
        Outcome.PREVIEW if preview else comparison.outcome,
        changed=comparison.changed,
        ignored=comparison.ignored,
        unchanged=comparison.unchanged,
        adjusted=comparison.adjusted,
        normalised=_normalised(sent, comparison),
        note=_ADJUSTED if comparison.adjusted else "",
        also_changed=changes(call, beside),
        warnings=[call.redactor.text(sentence) for sentence in warnings(comparison.changed)],
        **undo,
        following=following,
    )


def _normalised(sent: Mapping[str, Any], comparison: SettingsDiff) -> list[str]:
    """Return the fields that PostHog stored in its own spelling of the value that was sent, such as a trimmed name."""
    return [
        name
        for name, values in comparison.changed.items()
        if name not in comparison.adjusted and SETTINGS[name].stored is not None and sent[name] != values["after"]
    ]


def _undo(call: Call, comparison: SettingsDiff, beside: Mapping[str, Mapping[str, Any]]) -> JSONObject:
    """Return the arguments that undo a change, as far as one call can, and the names of what it cannot restore."""
    settings, clear, lost = revert(comparison)
    # What PostHog changed by itself comes back by itself only where there was nothing before.
    lost += [name for name, values in beside.items() if values["before"] not in (None, {}, [], "")]
    for name, value in list(settings.items()):
        if call.redactor.field(name, value) != value:
            # What may not be shown cannot be handed back to be written again.
            del settings[name]
            lost.append(name)
    result: JSONObject = {}
    if settings or clear:
        result["revert"] = {"settings": settings, "clear": clear}
    if lost:
        result["not_revertible"] = lost
    return result


def _same_call(call: Call, sent: Mapping[str, Any]) -> JSONObject:
    arguments: JSONObject = {"organization_id": str(call.organization), "project_id": call.project}
    if settings := {name: value for name, value in sent.items() if value is not None}:
        arguments["settings"] = settings
    if clear := [name for name, value in sent.items() if value is None]:
        arguments["clear"] = clear
    return arguments
