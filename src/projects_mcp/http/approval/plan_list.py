"""Every project of a plan with its difference, as a part of the page that asks for consent to the plan.

The plan's id, which stands among the rows that a person agrees to, is the SHA-256 of exactly these steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import anyio.to_thread

from projects_mcp.fleet.difference_text import difference_lines
from projects_mcp.fleet.plan import MOST_STEPS, Plan, Step
from projects_mcp.http.approval.pages import escaped
from projects_mcp.sanitize.redaction import Redactor
from projects_mcp.state.approval import Approval
from projects_mcp.state.plans import Plans
from projects_mcp.state.store import StateStore, StoreError

__all__ = ["plan_list"]

_LIST: Final = """<section class="plan"><h2 id="projects">{title}</h2>
<div class="all" role="region" aria-labelledby="projects" tabindex="0"><table>
<thead><tr><th scope="col">Project</th><th scope="col">What changes</th></tr></thead>
<tbody>
{rows}
</tbody></table></div>
<p class="quiet">The plan's number, above, is the SHA-256 of exactly this list.</p></section>"""
_GONE: Final = (
    '<section class="plan"><p class="quiet">The list of its projects is not kept any more: the plan can no longer be '
    "begun.</p></section>"
)
_REDACTOR: Final = Redactor()
"""A plan keeps no secret of the process that made it. What looks like one is not shown here either."""


async def plan_list(approval: Approval, store: StateStore, clock: Callable[[], float]) -> str:
    """Return the list of all projects of the plan that an approval is about, as HTML; empty if it is about none.

    Args:
        approval: what is shown.
        store: where the plan is.
        clock: seconds since 1970.

    Raises:
        StoreError: the plan cannot be read, or is not what it was.
    """
    if not approval.plan:
        return ""
    plans = Plans(store, approval.plans_of, clock)
    found = await plans.find(approval.plan)
    if found is None:
        return _GONE
    try:
        steps = tuple(Step.load(text) for text in await plans.steps(found))
    except (ValueError, TypeError):
        raise StoreError("a plan in the store cannot be read") from None
    return await anyio.to_thread.run_sync(_as_html, Plan(steps, found.reverts), approval.plan)


def _as_html(plan: Plan, expected: str) -> str:
    if plan.id != expected or len(plan.steps) > MOST_STEPS:
        raise StoreError("a plan in the store is not what it was")
    number = len(plan.steps)
    title = "The one project" if number == 1 else f"All {number} projects"
    return _LIST.format(title=title, rows="\n".join(map(_row, plan.steps)))


def _row(step: Step) -> str:
    return (
        f'<tr><th scope="row">{escaped(step.name)} <span class="quiet">{step.project_id}</span></th>'
        f"<td>{_lines(difference_lines(_REDACTOR, step))}</td></tr>"
    )


def _lines(lines: Sequence[str]) -> str:
    return "".join(f"<p>{escaped(line)}</p>" for line in lines)
