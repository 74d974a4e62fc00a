"""The scenes of the demonstration, in their order. Each plays calls on the stage and says what is expected of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from anyio import to_thread

from projects_mcp.api.types import JSONObject
from projects_mcp.cli.demo.person import approve_on_page
from projects_mcp.cli.demo.stage import Stage
from projects_mcp.cli.demo.world import PLAN_LACKS
from projects_mcp.sandbox import MOBILE_ID, NORTHWIND_ID, PRODUCTION_ID, STAGING_ID
from projects_mcp.sanitize.json_text import indented_json

__all__ = ["SCENES", "Scene"]

_FIRST_ROWS: Final = 3
_LONG: Final = 60
_CUSTOMERS: Final = 20
_RECEIPT: Final = ("ignored", "note", "evidence", "warnings")


class Scene(NamedTuple):
    """One scene.

    Attributes:
        heading: what happens.
        play: plays it.
    """

    heading: str
    play: Callable[[Stage], Awaitable[None]]


async def _look_around(stage: Stage) -> None:
    body = await stage.call("project_list")
    rows = [f"{row['name']} ({row['id']})" for row in body["projects"]]
    stage.page.print_answer([f"{body['total']} projects: {', '.join(rows[:_FIRST_ROWS])}, …"])
    stage.expect(body["total"] >= _FIRST_ROWS, "the projects of the sandbox are not there")
    body = await stage.call(
        "project_get", project_id=PRODUCTION_ID, fields=["timezone", PLAN_LACKS, "secret_api_token"]
    )
    stage.page.print_answer([_joined(body)])


async def _change(stage: Stage) -> None:
    settings = {"timezone": "Europe/Madrid", PLAN_LACKS: True}
    body = await stage.call("project_update", project_id=PRODUCTION_ID, settings=settings, dry_run=True)
    stage.page.print_answer([f"{body['outcome']}: nothing was sent. {_joined(_changed(body))}"])
    stage.expect(body["outcome"] == "preview", "no preview")
    body = await stage.call("project_update", project_id=PRODUCTION_ID, settings=settings)
    stage.page.print_answer(_receipt(stage, body))
    stage.expect(body["outcome"] == "applied" and body["ignored"] == [PLAN_LACKS], "not exactly one was taken")
    back = {name: value for name, value in body["revert"].items() if value}
    body = await stage.call("project_update", project_id=PRODUCTION_ID, **back)
    stage.page.print_answer(_receipt(stage, body))
    stage.expect(body["changed"]["timezone"]["before"] == "Europe/Madrid", "it is not undone")


async def _misspell(stage: Stage) -> None:
    body = await stage.call("project_update", project_id=PRODUCTION_ID, settings={"time_zone": "UTC"})
    stage.expect("timezone" in body.get("refusal", ""), "the right name is not suggested")


async def _lose_an_answer(stage: Stage) -> None:
    with stage.posthog.losing_answers():
        body = await stage.call("project_update", project_id=PRODUCTION_ID, settings={"week_start_day": 0})
    stage.page.print_answer(_receipt(stage, body))
    stage.expect("read back" in body.get("evidence", ""), "it is not read back")


async def _say_no(stage: Stage) -> None:
    body = await stage.call("project_delete", project_id=STAGING_ID, confirm_project_name="staging")
    stage.expect("web staging" not in body.get("refusal", ""), "the right name is given away")
    stage.agrees = False
    body = await stage.call("project_delete", project_id=STAGING_ID, confirm_project_name="Acme web staging")
    stage.agrees = True
    stage.expect(body.get("kind") == "not_confirmed", "a no is no refusal")


async def _approve(stage: Stage) -> None:
    arguments: dict[str, Any] = {"project_id": MOBILE_ID, "confirm_project_name": "Acme mobile"}
    body = await stage.call("project_reset_token", "silent", **arguments)
    address = body.get("approval", {}).get("url", "")
    approved = await to_thread.run_sync(approve_on_page, address, "Acme mobile")
    stage.page.print_person("The person opens that page, reads what would be lost, and types the project's name.")
    stage.expect(approved, "the page does not take the name")
    body = await stage.call("project_reset_token", "silent", **arguments)
    stage.page.print_answer(_receipt(stage, body))
    stage.expect(body.get("outcome") == "applied", "the approved call does not go through")
    for record in stage.audit_records("project_reset_token"):
        shown = ("event", "tool", "project", "confirmed", "outcome")
        stage.page.print_record({name: record[name] for name in shown if name in record})


async def _delete(stage: Stage) -> None:
    name: dict[str, Any] = {"project_id": STAGING_ID, "confirm_project_name": "Acme web staging"}
    body = await stage.call("project_delete", **name)
    stage.page.print_answer(_receipt(stage, body))
    cancel = body["next"][0]
    body = await stage.call(cancel["tool"], **cancel["arguments"])
    stage.page.print_answer(_receipt(stage, body))
    stage.expect(body["outcome"] == "applied", "the deletion is not cancelled")


async def _destroy(stage: Stage) -> None:
    body = await stage.call("organization_list")
    stage.page.print_answer(f"{row['name']} ({row['id']})" for row in body["organizations"])
    name: dict[str, Any] = {"project_id": MOBILE_ID, "confirm_project_name": "Acme mobile"}
    body = await stage.call("project_change_organization", target_organization_id=NORTHWIND_ID, **name)
    stage.page.print_answer(_receipt(stage, body))
    stage.expect(body.get("outcome") == "applied", "it is not moved")
    name = {"project_id": PRODUCTION_ID, "confirm_project_name": "Acme web"}
    body = await stage.call("project_rotate_secret_token", **name)
    stage.page.print_answer(_receipt(stage, body))
    stage.expect("..." in body["changed"]["secret_api_token"]["after"], "the secret is shown")
    body = await stage.call("project_delete_secret_token_backup", **name)
    stage.page.print_answer(_receipt(stage, body))
    stage.expect(body.get("outcome") == "applied", "the backup is not dropped")


async def _plan(stage: Stage) -> None:
    stage.posthog.add_projects(_CUSTOMERS)
    where, settings = {"anonymize_ips": False}, {"anonymize_ips": True}
    body = await stage.call("project_list", where=where, fields=["anonymize_ips"])
    stage.page.print_answer(
        [f"{body['matching']} of {body['total']} projects keep the IP addresses of their visitors."]
    )
    body = await stage.call("project_update", where=where, settings=settings, dry_run=True)
    stage.page.print_answer([f"{body['outcome']}: {_grouped(body)}; {body['requests']} requests"])
    receipt = await _carried_out(stage, body)
    stage.expect(receipt.get("applied") == body["projects"], "the plan is not carried out")
    undone = await _carried_out(stage, receipt["revert_plan"])
    stage.expect(undone.get("applied") == body["projects"], "the plan is not undone")


async def _carried_out(stage: Stage, plan: JSONObject) -> JSONObject:
    body = await stage.call("project_update", plan=plan["plan"], confirm_plan=plan["confirm_plan"])
    stage.page.print_answer([f"{body['outcome']}: {_grouped(body)}; {body['left']} left"])
    return body


def _grouped(body: JSONObject) -> str:
    return _joined({name: _joined(groups) for name, groups in body["changed"].items()})


async def _create(stage: Stage) -> None:
    body = await stage.call("project_create", name="Docs search", settings={"timezone": "Europe/Berlin"})
    stage.page.print_answer([f"{body['outcome']}: project {body['project']['id']}, token {body['api_token']}"])
    stage.expect(body["outcome"] == "applied", "it is not created")
    number = body["project"]["id"]
    product: dict[str, Any] = {
        "product_type": "session_replay",
        "intent_context": "onboarding product selected - primary",
    }
    for tool in ("project_add_product_intent", "project_complete_product_onboarding"):
        body = await stage.call(tool, project_id=number, **product)
        stage.page.print_answer([str(body["outcome"])])
        stage.expect(body["outcome"] == "applied", f"{tool} is not applied")
    body = await stage.call("project_is_generating_demo_data", project_id=number)
    stage.page.print_answer([_joined(body)])


async def _look_back(stage: Stage) -> None:
    body = await stage.call("project_activity", project_id=PRODUCTION_ID, limit=2)
    stage.page.print_answer(
        f"{row['at'][11:19]} {row['by']}: {_joined(_by_field(row['changes']))}" for row in body["activity"]
    )
    stage.expect(body["activity"], "nothing is in the log")


async def _only_read(stage: Stage) -> None:
    body = await stage.call("project_update", "reader", project_id=PRODUCTION_ID, settings={"timezone": "UTC"})
    stage.expect("Nothing was changed." in body.get("refusal", ""), "a key that only reads has changed something")


def _receipt(stage: Stage, body: JSONObject) -> Iterator[str]:
    """Show a receipt: the outcome and the changes in the first line, then what is said about them."""
    if "outcome" not in body:
        return
    yield f"{body['outcome']}: {_joined(_changed(body))}"
    for name in _RECEIPT:
        for text in body[name] if isinstance(body.get(name), list) else [body.get(name)]:
            if text and text not in stage.told:  # what repeats is folded
                stage.told.add(text)
                yield f"{name}: {text}"


def _changed(body: JSONObject) -> JSONObject:
    return {name: f"{_short(both['before'])} → {_short(both['after'])}" for name, both in body["changed"].items()}


def _by_field(changes: Sequence[JSONObject]) -> JSONObject:
    return {row["field"]: f"{_short(row['before'])} → {_short(row['after'])}" for row in changes}


def _joined(values: JSONObject) -> str:
    return ", ".join(f"{name} {value if isinstance(value, str) else _short(value)}" for name, value in values.items())


def _short(value: Any) -> str:
    """Fold what is long: a demonstration shows that something is there, and a receipt holds it whole."""
    text = value if isinstance(value, str) else indented_json(value, None)
    return text if len(text) <= _LONG else f"({len(text)} characters)"


SCENES: Final = (
    Scene("The assistant looks around. Secrets are never shown.", _look_around),
    Scene("It previews a change, makes it, and undoes it with the receipt. PostHog ignores one setting.", _change),
    Scene("A misspelt setting is caught. PostHog itself would ignore it.", _misspell),
    Scene("The answer to a change gets lost. It is not sent again: the server looks.", _lose_an_answer),
    Scene("It wants to delete a project: first with a wrong name, then the person says no.", _say_no),
    Scene("Another client cannot ask. A person approves on a page, and the same call goes through, once.", _approve),
    Scene("This time the person says yes, and then thinks better of it.", _delete),
    Scene("More that only a person can allow: move a project, rotate a secret, drop the former one.", _destroy),
    Scene("One plan for many projects: shown, agreed to once, carried out, and undone by another.", _plan),
    Scene("A new project, and its onboarding.", _create),
    Scene("Who changed what?", _look_back),
    Scene("With a key that only reads, nothing can be changed.", _only_read),
)
