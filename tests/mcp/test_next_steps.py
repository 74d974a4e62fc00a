"""A refusal that suggests a call suggests one that works when made literally; any other names who must act."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from projects_mcp.errors.explain import explain
from projects_mcp.sandbox import (
    ACME_ID,
    ADMIN_ID,
    MOBILE_ID,
    NORTHWIND_ID,
    NORTHWIND_PROJECT_ID,
    ONE_ORGANIZATION_KEY,
    ONE_PROJECT_KEY,
    PRODUCTION_ID,
    READ_WRITE_KEY,
    World,
)
from tests.contract.operations import NAMED, TOOLS, WEB
from tests.support.failures import failures
from tests.support.harness import ERAS, Era, Harness, body_of, refusal_of

pytestmark = pytest.mark.anyio

Call = tuple[str, dict[str, Any]]

_SOMEBODY = re.compile(
    r"\b([Pp]erson|[Oo]perator|admin of|project admin|organization admin|[Ww]hoever|[Ss]omebody|the user)\b"
    r"|restart this|Ask for page 1|Ask for less|nothing to do|[Tt]ry again|Wait a minute|[Cc]all again|Decide again"
    r"|POSTHOG_|SSL_CERT_|PROXY|at https?://"
    r"|The server's log|read the project|Choose another|Correct the arguments|organization_id|confirm_project_name"
)
"""What names who must act, when to come back, or which argument of the same call to change."""


class Lead(NamedTuple):
    """A refused call, and the calls that its words suggest, made literally.

    Attributes:
        call: what is refused.
        kind: the kind of its refusal.
        says: what its text must hold.
        follow: the calls that must then work.
        prepare: what the world is like.
        environment: of the server.
    """

    call: Call
    kind: str
    says: tuple[str, ...]
    follow: tuple[Call, ...]
    prepare: Callable[[World], object] = lambda _world: None
    environment: dict[str, str] = {}  # noqa: RUF012 - never changed


def _keys_of_two_organizations(world: World) -> None:
    world.api_keys[READ_WRITE_KEY].scoped_organizations = (ACME_ID, NORTHWIND_ID)


def _open_northwind(world: World) -> None:
    world.users[ADMIN_ID].current_project_id = NORTHWIND_PROJECT_ID


def _hide_a_character(world: World) -> None:
    world.projects[PRODUCTION_ID].fields["name"] = "Acme\u200bweb"


def _update(settings: dict[str, Any], **more: Any) -> Call:
    return "project_update", {**WEB, "settings": settings, **more}


ANYWHERE = "Find the id with project_list."
LEADS = {
    "no such project": Lead(
        ("project_get", {"project_id": 999}), "not_found", (ANYWHERE,), (("project_list", {}), ("project_get", WEB))
    ),
    "a project of another organization": Lead(
        ("project_get", {"project_id": NORTHWIND_PROJECT_ID}),
        "not_found",
        ("it is in another organization of the same key: give that one as organization_id",),
        (
            ("project_list", {"organization_id": NORTHWIND_ID}),
            ("project_get", {"project_id": NORTHWIND_PROJECT_ID, "organization_id": NORTHWIND_ID}),
        ),
    ),
    "no such organization": Lead(
        ("project_list", {"organization_id": ACME_ID.replace("1", "2")}),
        "not_found",
        ("Leave organization_id out",),
        (("project_list", {}),),
    ),
    "a key of one project": Lead(
        ("project_get", {"project_id": MOBILE_ID}),
        "key_restricted",
        (f"It works on {PRODUCTION_ID}, which project_list shows.",),
        (("project_list", {}), ("project_get", WEB)),
        environment={"POSTHOG_PERSONAL_API_KEY": ONE_PROJECT_KEY},
    ),
    "creating with a key of one project": Lead(
        ("project_create", {"name": "New"}),
        "key_restricted",
        ("cannot create", "project_list", "A person can make another key"),
        (("project_list", {}),),
        environment={"POSTHOG_PERSONAL_API_KEY": ONE_PROJECT_KEY},
    ),
    "a key of one organization": Lead(
        ("project_list", {"organization_id": NORTHWIND_ID}),
        "key_restricted",
        (ACME_ID, "as organization_id"),
        (("project_list", {"organization_id": ACME_ID}),),
        environment={"POSTHOG_PERSONAL_API_KEY": ONE_ORGANIZATION_KEY},
    ),
    "creating with a key of several organizations": Lead(
        ("project_create", {"name": "New"}),
        "organization_needed",
        (ACME_ID, NORTHWIND_ID, "as organization_id", "Ask the user"),
        (("project_create", {"name": "New", "organization_id": NORTHWIND_ID}),),
        _keys_of_two_organizations,
    ),
    "the current project is elsewhere": Lead(
        ("project_get", {"organization_id": ACME_ID}),
        "other_organization",
        ("project_list",),
        (("project_list", {"organization_id": ACME_ID}), ("project_get", {**WEB, "organization_id": ACME_ID})),
        _open_northwind,
    ),
    "only some projects": Lead(
        ("project_get", {"project_id": MOBILE_ID}),
        "only_projects",
        (str(PRODUCTION_ID), "project_id"),
        (("project_get", WEB),),
        environment={"PROJECTS_MCP_ONLY_PROJECTS": str(PRODUCTION_ID)},
    ),
    "a name that is taken": Lead(
        ("project_create", {"name": "Acme web"}),
        "conflict",
        ("Choose another name",),
        (("project_create", {"name": "Acme web 2"}),),
    ),
    "no such page": Lead(
        ("project_activity", {**WEB, "page": 99}),
        "no_such_page",
        ("Ask for page 1.",),
        (("project_activity", {**WEB, "page": 1}),),
    ),
    "a misspelt setting": Lead(
        _update({"time_zone": "UTC"}),
        "invalid_argument",
        ("Did you mean `timezone`?",),
        (_update({"timezone": "UTC"}),),
    ),
    "null alone": Lead(
        _update({"surveys_opt_in": None}),
        "invalid_argument",
        ("name it in `clear` to set it to null",),
        (("project_update", {**WEB, "clear": ["surveys_opt_in"]}),),
    ),
    "a name that cannot be seen whole": Lead(
        ("project_delete", NAMED),
        "name_mismatch",
        ("rename the project first with project_update",),
        (_update({"name": "Acme web"}), ("project_delete", NAMED)),
        _hide_a_character,
    ),
    "other present values": Lead(
        _update({"timezone": "UTC"}, expected={"timezone": "Asia/Tokyo"}),
        "expected_otherwise",
        ("Europe/Berlin",),
        (_update({"timezone": "UTC"}, expected={"timezone": "Europe/Berlin"}),),
    ),
    "a token in the settings": Lead(
        _update({"api_token": "phc_x"}),
        "invalid_argument",
        ("`api_token` is no setting: project_reset_token",),
        (("project_reset_token", NAMED),),
    ),
    "a secret in the settings": Lead(
        _update({"secret_api_token": "x"}),
        "invalid_argument",
        ("project_rotate_secret_token",),
        (("project_rotate_secret_token", NAMED),),
    ),
    "an organization in the settings": Lead(
        _update({"organization": NORTHWIND_ID}),
        "invalid_argument",
        ("project_change_organization",),
        (("project_change_organization", {**NAMED, "target_organization_id": NORTHWIND_ID}),),
    ),
    "a deletion in the settings": Lead(
        _update({"is_pending_deletion": True}),
        "invalid_argument",
        ("project_delete",),
        (("project_delete", NAMED),),
    ),
    "an interest in the settings": Lead(
        _update({"product_intents": []}),
        "invalid_argument",
        ("project_add_product_intent",),
        (("project_add_product_intent", {**WEB, "product_type": "surveys"}),),
    ),
}


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("name", list(LEADS))
async def test_the_call_that_a_refusal_suggests_works(harness: Harness, era: Era, name: str) -> None:
    lead = LEADS[name]
    lead.prepare(harness.world)
    tool, arguments = lead.call
    async with harness.client(era, None, **lead.environment) as client:
        text, detail = refusal_of(await client.call_tool(tool, arguments))
        assert detail["kind"] == lead.kind, text
        for part in lead.says:
            assert part in text
        assert harness.recorder.writes == [] or lead.kind == "conflict"
        suggested = _tools_in(text) - {tool}
        assert suggested <= {followed for followed, _ in lead.follow}, "each tool that is named is called"
        for followed, exact in lead.follow:
            body_of(await client.call_tool(followed, exact))


def test_what_names_no_tool_that_leads_on_names_who_must_act_or_what_to_change() -> None:
    leads = {(lead.kind, tool) for lead in LEADS.values() for tool, _ in lead.follow}
    for name, situation, failure in failures():
        explanation = explain(failure, situation)
        text = explanation.text
        assert _SOMEBODY.search(text) or _tools_in(text), name
        for tool in _tools_in(text) - {situation.tool}:
            known = (explanation.detail["kind"], tool) in leads
            assert known or _is_reading(tool), f"{name}: nothing shows that {tool} leads on"


def _tools_in(text: str) -> set[str]:
    return set(re.findall(r"\bproject_[a-z_]+\b", text)) & set(TOOLS)


def _is_reading(tool: str) -> bool:
    """Whether looking is all that is suggested, which works whatever the failure was."""
    return tool in {"project_list", "project_get"}


def _world_with(**behaviour: Any) -> Callable[[World], None]:
    def prepare(world: World) -> None:
        world.behaviour = replace(world.behaviour, **behaviour)

    return prepare


def _last_with_a_subscription(world: World) -> None:
    world.organizations[ACME_ID].active_subscription = True
    for number in [n for n, one in world.projects.items() if one.organization_id == ACME_ID and n != PRODUCTION_ID]:
        del world.projects[number]


def _member_of_the_other(world: World) -> None:
    world.memberships[ADMIN_ID, NORTHWIND_ID] = type(world.memberships[ADMIN_ID, ACME_ID])(1)


def _full_plan(world: World) -> None:
    world.organizations[ACME_ID].project_limit = 1


MOVE: Call = ("project_change_organization", {**NAMED, "target_organization_id": NORTHWIND_ID})
RULES: dict[str, tuple[Call, str, str, Callable[[World], object]]] = {
    "deletion is switched off": (
        ("project_delete", NAMED),
        "deletion_disabled",
        "The people who run this PostHog",
        _world_with(deletion_disabled=True),
    ),
    "the last project": (("project_delete", NAMED), "last_project", "A person must cancel", _last_with_a_subscription),
    "no admin of both": (MOVE, "role", "admin of both organizations can move", _member_of_the_other),
    "the plan's limit": (("project_create", {"name": "New"}), "plan_limit", "a person can upgrade", _full_plan),
}


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("name", list(RULES))
async def test_a_rule_of_posthog_is_no_mistake_in_the_arguments(harness: Harness, era: Era, name: str) -> None:
    (tool, arguments), kind, who, prepare = RULES[name]
    prepare(harness.world)
    async with harness.client(era) as client:
        text, detail = refusal_of(await client.call_tool(tool, arguments))
    assert (detail["kind"], detail["outcome"]) == (kind, "not_applied")
    assert who in text
    assert "Correct the arguments" not in text
    assert "Delete" not in text
