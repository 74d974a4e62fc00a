"""What is answered of a plan: the preview, the question to a person, the receipt, and the plan that undoes it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from projects_mcp.api.outcome import Outcome
from projects_mcp.api.types import JSONObject
from projects_mcp.fleet.marks import Mark, Status
from projects_mcp.fleet.plan import Plan, Step, confirm_words
from projects_mcp.fleet.values import value_text
from projects_mcp.gateway.context import ToolContext
from projects_mcp.state.plans import BEGIN_S
from projects_mcp.state.stored_plan import StoredPlan
from projects_mcp.tools.plan_names import describe_names

__all__ = ["MOST_WITHOUT_CONSENT", "preview", "receipt", "revert_of", "said_of"]

MOST_WITHOUT_CONSENT: Final = 5
"""Projects that a plan may change without a person's consent, if all of it can be undone."""
_MOST_NAMED: Final = 200
_MOST_LEFT_OUT: Final = 20
_MOST_CHANGES: Final = 30
"""Changes that the question tells."""
_LONGEST_SAID: Final = 700
"""Characters of one line of the question."""
_NOTHING: Final = "Nothing would change, so there is no plan."
_SHOW: Final = (
    "Show this to the user. If the user agrees, call again with only plan and confirm_plan, and repeat that call until "
    "left is 0."
)
_GO_ON: Final = "Make exactly the same call again: it goes on where this one ended."
_REVERT: Final = "Applying revert_plan undoes what was done, and leaves alone what others have changed since."


def preview(context: ToolContext, plan: Plan, facts: Mapping[str, Any]) -> JSONObject:
    """Return what a plan would do. Nothing has been written."""
    answer: JSONObject = {"operation": context.operation.tool, "outcome": Outcome.PREVIEW.value}
    if plan.steps:
        answer |= {"plan": plan.id, "confirm_plan": plan.words}
    answer |= {"projects": len(plan.steps), **_parts(context, plan, facts)}
    answer["unchanged"] = facts["unchanged"]
    if facts["left_out"]:
        answer["left_out"] = {reason: _first(ids, _MOST_LEFT_OUT) for reason, ids in facts["left_out"].items()}
    if facts["unknown"]:
        answer["unknown_to_this_posthog"] = facts["unknown"]
    if facts["incomplete"]:
        answer["incomplete"] = facts["incomplete"]
    if not plan.steps:
        return answer | {"note": _NOTHING}
    return answer | {
        "requests": plan.requests,
        "minutes": plan.minutes,
        "begin_within_minutes": round(BEGIN_S / 60),
        "note": _SHOW,
    }


def _parts(context: ToolContext, plan: Plan, facts: Mapping[str, Any]) -> JSONObject:
    protected = set(context.services.policy.protected)
    if context.services.caller is not None:
        protected |= context.services.caller.protected
    summary = plan.summary(context.services.redactor, protected)._asdict()
    summary["warnings"] = [*summary["warnings"], *describe_names(context.services.redactor, plan.steps, _twins(facts))]
    changed = summary.pop("groups")
    return {"changed": changed, **{name: value for name, value in summary.items() if value}}


def _twins(facts: Mapping[str, Any]) -> Sequence[Sequence[str]]:
    found: Sequence[Sequence[str]] = facts.get("twins", ())
    return found


def said_of(context: ToolContext, kept: StoredPlan, plan: Plan, marks: Mapping[int, Mark]) -> list[tuple[str, str]]:
    """Return what a person is told before deciding, as labels and values, of which several may stand under one label.

    It is the same for the same state of the plan.
    """
    parts = _parts(context, plan, kept.facts)
    changes = [
        f"{name}: {change} in {number} project{'' if number == 1 else 's'}"
        for name, groups in parts["changed"].items()
        for change, number in groups.items()
    ]
    said = [("What changes", line) for line in _first(changes, _MOST_CHANGES)]
    said.append(("Projects", ", ".join(parts.get("such_as", ()))))
    for label, name in (
        ("Few projects", "exceptions"),
        ("Privacy", "lowers_privacy"),
        ("What is lost", "cannot_be_undone"),
        ("Protected projects", "protected"),
        ("Also", "warnings"),
    ):
        said += [(label, line) for line in parts.get(name, ())]
    left_out = sum(len(ids) for ids in kept.facts.get("left_out", {}).values())
    if left_out:
        said.append(("Not in the plan", f"{left_out} projects that could not be read or may not be changed"))
    if kept.stopped:
        final = sum(mark.status.is_final for mark in marks.values())
        said.append(("So far", f"{final} of {len(plan.steps)} projects are done. {kept.stopped}"))
    return [(label, text if len(text) <= _LONGEST_SAID else f"{text[: _LONGEST_SAID - 1]}…") for label, text in said]


def receipt(
    context: ToolContext, kept: StoredPlan, plan: Plan, marks: Mapping[int, Mark], retry_after_s: float
) -> JSONObject:
    """Return what has become of a plan so far."""
    by_status: dict[Status | None, list[Step]] = {}
    for step in plan.steps:
        mark = marks.get(step.project_id)
        by_status.setdefault(None if mark is None else mark.status, []).append(step)
    left = sum(len(steps) for status, steps in by_status.items() if status is None or not status.is_final)
    applied = by_status.get(Status.APPLIED, [])
    answer: JSONObject = {
        "operation": context.operation.tool,
        "outcome": _outcome(by_status, left).value,
        "plan": plan.id,
        "confirm_plan": plan.words,
        "projects": len(plan.steps),
        "left": left,
        "applied": len(applied),
        "changed": _changes(context, [marks[step.project_id] for step in applied]),
    }
    if applied and (not left or kept.stopped):
        answer["applied_ids"] = _ranges([step.project_id for step in applied])
    answer |= _named(by_status, marks)
    renamed = [step for step in applied if "name" in marks[step.project_id].changed]
    if warnings := describe_names(context.services.redactor, renamed, _twins(kept.facts)):
        answer["warnings"] = warnings
    if left:
        answer["note"] = kept.stopped or _GO_ON
        if kept.stopped:
            answer["stopped"] = True
        elif retry_after_s:
            answer["retry_after_s"] = math.ceil(retry_after_s)
    answer |= _way_back(kept, plan, marks)
    return answer


def _outcome(by_status: Mapping[Status | None, Sequence[Step]], left: int) -> Outcome:
    if Status.UNKNOWN in by_status:
        return Outcome.UNKNOWN
    if Status.APPLIED in by_status:
        return Outcome.APPLIED
    return Outcome.UNCHANGED if not left and set(by_status) == {Status.UNCHANGED} else Outcome.NOT_APPLIED


def _named(by_status: Mapping[Status | None, Sequence[Step]], marks: Mapping[int, Mark]) -> JSONObject:
    """Name every project that is not simply as it is wanted now."""
    named: JSONObject = {}
    if unchanged := by_status.get(Status.UNCHANGED):
        named["unchanged"] = _first([step.shown for step in unchanged], _MOST_NAMED)
    for status in (Status.IGNORED, Status.DRIFTED):
        if steps := by_status.get(status):
            lines = [f"{step.shown}: {', '.join(marks[step.project_id].names)}" for step in steps]
            named[status.value] = _first(lines, _MOST_NAMED)
    partly = [step for step in by_status.get(Status.APPLIED, ()) if marks[step.project_id].names]
    if partly:
        named["in_part"] = _first([_in_part(step, marks[step.project_id]) for step in partly], _MOST_NAMED)
    for status in (Status.UNKNOWN, Status.FAILED):
        if steps := by_status.get(status):
            named[status.value] = _by_reason(steps, lambda step: marks[step.project_id].says)
    return named


def _in_part(step: Step, mark: Mark) -> str:
    return f"{step.shown}: {', '.join(mark.names)} did not change. {mark.says}".rstrip()


def _by_reason(steps: Iterable[Step], reason: Callable[[Step], str]) -> dict[str, list[Any]]:
    found: dict[str, list[str]] = {}
    for step in steps:
        found.setdefault(reason(step), []).append(step.shown)
    return {why: _first(names, _MOST_NAMED) for why, names in found.items()}


def _changes(context: ToolContext, marks: Iterable[Mark]) -> JSONObject:
    """Return how often each change was made: setting -> change -> number, from the states before and after."""
    redactor, found = context.services.redactor, dict[str, Counter[str]]()
    for mark in marks:
        for name, both in mark.changed.items():
            before, after = (value_text(redactor, name, both[when]) for when in ("before", "after"))
            found.setdefault(name, Counter())[f"{before} -> {after}"] += 1
    return {name: dict(counter.most_common(_MOST_LEFT_OUT)) for name, counter in found.items()}


def _way_back(kept: StoredPlan, plan: Plan, marks: Mapping[int, Mark]) -> JSONObject:
    lost = Counter(name for mark in marks.values() if mark.status is Status.APPLIED for name in mark.lost)
    parts: JSONObject = {"not_revertible": dict(lost)} if lost else {}
    if kept.revert:
        steps = len(revert_of(plan, marks).steps)
        parts["revert_plan"] = {"plan": kept.revert, "confirm_plan": confirm_words(steps), "note": _REVERT}
    return parts


def revert_of(plan: Plan, marks: Mapping[int, Mark]) -> Plan:
    """Return the plan that restores what was there before each step that is applied, as far as one update can."""
    steps = []
    for step in plan.steps:
        mark = marks.get(step.project_id)
        if mark is None or mark.status is not Status.APPLIED or not mark.undo:
            continue
        before = {name: mark.changed[name]["after"] for name in mark.undo}
        steps.append(Step(step.project_id, step.name, step.organization, before, dict(mark.undo)))
    return Plan(tuple(steps), reverts=True)


def _ranges(numbers: Sequence[int]) -> str:
    """Write ids in order, runs of them as first-last."""
    parts: list[str] = []
    first = last = numbers[0]
    for number in [*numbers[1:], None]:
        if number is not None and number == last + 1:
            last = number
            continue
        parts.append(str(first) if first == last else f"{first}-{last}")
        if number is not None:
            first = last = number
    shown = parts[:_MOST_NAMED]
    return ", ".join(shown) + (f" and {len(parts) - len(shown)} more" if len(parts) > len(shown) else "")


def _first(items: Sequence[Any], most: int) -> list[Any]:
    return [*items[:most], *([f"and {len(items) - most} more"] if len(items) > most else [])]
