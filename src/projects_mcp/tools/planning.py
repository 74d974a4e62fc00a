"""Make a plan: read the projects, see what would change in each, and keep that in the state store. Nothing is written.

Reading many projects takes longer than a call may. What was read so far is kept in the store, and the same call made
again goes on behind the last project.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import anyio.to_thread

from projects_mcp.api.json_values import canonical
from projects_mcp.api.outcome import Outcome
from projects_mcp.api.settings_newer import NEWER, keys_at_risk
from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.api.types import CURRENT, JSONObject, organization_of
from projects_mcp.errors.refusals import InvalidArguments, Refusal
from projects_mcp.fleet.plan import MOST_STEPS, Plan, Step, Wanted, step_for
from projects_mcp.fleet.values import SECRET_FIELDS, holds_secret
from projects_mcp.fleet.where import Where
from projects_mcp.gateway.context import ToolContext
from projects_mcp.state.plan_steps import LONGEST_STEP
from projects_mcp.state.plans import Plans
from projects_mcp.state.store import StoreError
from projects_mcp.tools.candidates import find_candidates
from projects_mcp.tools.plan_answers import preview
from projects_mcp.tools.plan_names import find_twins
from projects_mcp.tools.plan_store import keep_plan, plans_of, stored
from projects_mcp.tools.reading_many import ReadProjects, read_each

__all__ = ["plan_changes", "plan_where"]

_MERGED_LATE: Final = "modifiers"
_HOLDS_SECRET: Final = "`{}` is, or holds, a secret, and no plan keeps one: change it project by project."
_SECRET: Final = "Its present value of a setting holds a secret, which no plan keeps. Change it by itself."
_TOO_LARGE: Final = "Its settings are too large for a plan. Change it by itself."
_FOR_GOOD: Final = (
    "The change cannot be undone there, and the project is protected or the access level does not allow it."
)
_LOSES_KEYS: Final = "This PostHog would replace a setting whole that others merge. Change it by itself."


class _Request(NamedTuple):
    """What is planned.

    Attributes:
        digest: the SHA-256 of all of it: the same request goes on with what was read.
        rows: one for each project that may be meant, by id.
        wanted: what is wanted of a project.
        names: all settings that are wanted of some project.
        where: which of the projects are meant.
        incomplete: why projects may be missing, as a sentence.
        told: ids that the caller may hear of even if they could not be read; None for all of them.
    """

    digest: str
    rows: Sequence[Mapping[str, Any]]
    wanted: Callable[[int], Wanted]
    names: frozenset[str]
    where: Where = Where()
    incomplete: str = ""
    told: frozenset[int] | None = None

    @property
    def total(self) -> int | None:
        """How many projects may be meant; None if the caller may not know."""
        return None if self.told == frozenset() else len(self.rows)


async def plan_changes(context: ToolContext, wanted: Mapping[int, Wanted]) -> JSONObject:
    """Plan changes of named projects, each of its own kind.

    Args:
        context: of a call of `project_update` with `dry_run`.
        wanted: the id of each project -> what is wanted of it, in the strict form of the settings.

    Returns:
        The preview, with the id of the plan. If there was no time or no room in the limits of the key to read all
        projects: how many were read, and `retry_after_s`, after which the same call goes on.

    Raises:
        InvalidArguments: a wanted value is or holds a secret, or there are too many projects.
        TooManyPlans, StateUnavailable: the plan cannot be kept.
        PostHogError: nothing at all could be read.
    """
    if not wanted or len(wanted) > MOST_STEPS:
        raise InvalidArguments(problems=[f"A plan is for 1 to {MOST_STEPS} projects."])
    for one in {canonical(each.body): each for each in wanted.values()}.values():
        _require_storable(context, one)
    names = frozenset(name for each in wanted.values() for name in each.body)
    exact = {str(number): each.body for number, each in wanted.items()}
    rows = [{"id": number} for number in sorted(wanted)]
    return await _plan(context, _Request(_digest(context, exact), rows, wanted.__getitem__, names))


async def plan_where(context: ToolContext, where: Where, wanted: Wanted) -> JSONObject:
    """Plan one change of all projects that meet conditions. Arguments, result and errors are those of `plan_changes`.

    Args:
        context: of the call.
        where: which projects of the organization are meant.
        wanted: of each of them.
    """
    _require_storable(context, wanted)
    found = await find_candidates(context)
    if context.organization is CURRENT and found.rows:  # whatever is current when the call is made again
        context.organization = organization_of(found.rows[0], CURRENT)
    exact = {"where": [[condition.name, list(condition.values)] for condition in where.conditions], "body": wanted.body}
    names = frozenset(wanted.body)
    digest, rows = _digest(context, exact), found.rows
    request = _Request(digest, rows, lambda _: wanted, names, where, found.incomplete, found.told)
    return await _plan(context, request)


def _digest(context: ToolContext, exact: Mapping[str, Any]) -> str:
    text = f"{context.organization}\x00{canonical(dict(exact))}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _require_storable(context: ToolContext, wanted: Wanted) -> None:
    """Make sure that no secret would be kept in a plan.

    Raises:
        InvalidArguments: a value is a secret, or holds one.
    """
    redactor = context.services.redactor
    problems = [
        _HOLDS_SECRET.format(name) for name, value in wanted.body.items() if holds_secret(redactor, name, value)
    ]
    if problems:
        raise InvalidArguments(problems=problems)


async def _plan(context: ToolContext, request: _Request) -> JSONObject:
    plans = plans_of(context)
    with stored():
        draft = await plans.draft(request.digest)
    text, facts = draft or (None, {"next_id": 0, "read": 0, "unchanged": 0, "left_out": {}, "unknown": []})
    rows = [row for row in request.rows if row["id"] >= facts["next_id"]]
    needed = {*request.names, *request.where.names, *(NEWER if _MERGED_LATE in request.names else ())}
    read = await read_each(context, rows, needed)
    steps, facts = await anyio.to_thread.run_sync(_steps_of, context, request, read, facts)
    facts["incomplete"] = " ".join(filter(None, (request.incomplete, read.incomplete)))
    if read.next_id is not None:
        with stored():
            facts["next_id"] = read.next_id
            if not await plans.add_to_draft(request.digest, text, facts, [step.dump() for step in steps]):
                # Another call makes the same plan, and was quicker: the next call goes on with what that one has read.
                draft = await plans.draft(request.digest)
                facts = {**facts, "read": 0 if draft is None else draft[1]["read"]}
        return _unfinished(context, request, facts, read)
    if text is not None:
        with stored():
            former = await _take_draft(plans, request.digest, text)
        if former is None:
            return _unfinished(context, request, {**facts, "read": 0}, read)
        steps = [*former, *steps]
    plan = Plan(tuple(steps))
    kept = {name: facts[name] for name in ("read", "unchanged", "left_out", "unknown", "incomplete")}
    kept["total"] = request.total
    kept["twins"] = await find_twins(context, plan.steps, request.rows)
    if plan.steps:
        await keep_plan(context, plan, kept)
    return await anyio.to_thread.run_sync(preview, context, plan, kept)


async def _take_draft(plans: Plans, digest: str, text: str) -> list[Step] | None:
    """Take the steps that former calls have added; None if another call has taken them, and so has made the plan.

    Raises:
        StoreError: they cannot be read.
    """
    try:
        former = [Step.load(step) for step in await plans.draft_steps(json.loads(text))]
    except StoreError:
        draft = await plans.draft(digest)
        if draft is not None and draft[0] == text:
            raise
        return None
    await plans.drop_draft(digest, text)
    return former


def _steps_of(
    context: ToolContext, request: _Request, read: ReadProjects, former: Mapping[str, Any]
) -> tuple[list[Step], dict[str, Any]]:
    """Return the steps of the projects that were read, and the facts with them counted."""
    steps: list[Step] = []
    left_out: dict[str, list[int]] = {reason: list(ids) for reason, ids in former["left_out"].items()}
    unknown, unchanged = set(former["unknown"]), former["unchanged"]
    for one in read.unreadable:
        if request.told is not None and one.id not in request.told:
            continue
        left_out.setdefault(one.why, []).append(one.id)
    meant = [project for project in read.projects if request.where.holds(project)]
    for project in meant:
        name = context.services.redactor.text(str(project["name"]))
        step, not_known = step_for(project, name, request.wanted(project["id"]))
        unknown.update(not_known)
        if step is None:
            unchanged += 1
        elif reason := _why_not(context, step, project):
            left_out.setdefault(reason, []).append(step.project_id)
        else:
            steps.append(step)
    number = former["read"] + len(read.projects)
    return steps, {
        "next_id": 0,
        "read": number,
        "unchanged": unchanged,
        "left_out": left_out,
        "unknown": sorted(unknown),
    }


def _why_not(context: ToolContext, step: Step, project: Mapping[str, Any]) -> str:
    """Say why a project cannot be in a plan; empty if it can."""
    redactor = context.services.redactor
    for name, value in step.before.items():
        if name in SECRET_FIELDS or holds_secret(redactor, name, SETTINGS[name].plain(value)):
            return _SECRET
    if len(step.dump()) > LONGEST_STEP:
        return _TOO_LARGE
    if keys_at_risk(step.sent, project):
        return _LOSES_KEYS
    if step.lost:
        try:
            context.authorization.require_irreversible(step.project_id)
        except Refusal:
            return _FOR_GOOD
    return ""


def _unfinished(context: ToolContext, request: _Request, facts: Mapping[str, Any], read: ReadProjects) -> JSONObject:
    answer: JSONObject = {
        "operation": context.operation.tool,
        "outcome": Outcome.PREVIEW.value,
        "read": facts["read"],
        "total": request.total,
        "note": "Not all projects are read yet. Make exactly the same call again: it goes on where this one ended.",
    }
    if read.retry_after_s:
        answer["retry_after_s"] = math.ceil(read.retry_after_s)
    if facts["incomplete"]:
        answer["incomplete"] = facts["incomplete"]
    return answer
