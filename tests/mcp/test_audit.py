"""Settings of many projects at once: which match, how often each value is there, within the limits of a key."""

import json
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projects_mcp.sandbox import NORTHWIND_ID, ONE_PROJECT_KEY, PRODUCTION_ID, VERSIONS
from projects_mcp.sandbox.fleet import FIRST_FLEET_ID, add_fleet
from tests.support.fleets import TurnedClock, audit_whole, busiest, fleet_world, of_acme, summed
from tests.support.harness import ERAS, Era, Harness, body_of, refusal_of, text_of

CHARACTERS_OF_1500_TOKENS = 3_300
"""Such answers have 2.5 characters to a token of o200k_base, and some more; this allows 2.2."""


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_500_projects_are_audited_in_two_calls_and_1500_tokens(clock: TurnedClock, era: Era) -> None:
    harness = Harness(fleet_world(clock, 496))
    where = {"anonymize_ips": False}
    async with harness.client(era) as client:
        answers = await audit_whole(client, clock, where=where)
    assert len(answers) <= 2
    assert sum(len(json.dumps(answer, separators=(",", ":"))) for answer in answers) <= CHARACTERS_OF_1500_TOKENS
    truth = of_acme(harness.world, "anonymize_ips")
    off = [number for number, value in truth.items() if value is False]
    assert answers[0]["total"] == sum(answer["read"] for answer in answers) == len(truth) == 500
    assert sum(answer["matching"] for answer in answers) == len(off)
    assert summed(answers, "anonymize_ips") == {"false": len(off), "true": 500 - len(off)}
    assert [row["id"] for row in answers[0]["projects"]] == off[:20]
    assert answers[0]["more"] == answers[0]["matching"] - 20
    assert busiest(harness.world, 60) <= 360


@pytest.mark.anyio
async def test_what_the_list_shows_is_not_read_again(clock: TurnedClock) -> None:
    harness = Harness(fleet_world(clock, 30))
    async with harness.client() as client:
        body = body_of(await client.call_tool("project_list", {"where": {"timezone": ["Asia/Tokyo", "UTC"]}}))
    assert len(harness.sent) == 1
    assert body["counts"]["timezone"]["UTC"] == list(of_acme(harness.world, "timezone").values()).count("UTC")
    assert {row["timezone"] for row in body["projects"]} == {"Asia/Tokyo", "UTC"}, "shown, as it may be either"


@pytest.mark.anyio
async def test_fields_without_a_condition_page_by_id(clock: TurnedClock) -> None:
    harness = Harness(fleet_world(clock, 3))
    async with harness.client() as client:
        answers = await audit_whole(client, clock, fields=["app_urls"], limit=3)
    assert [[row["id"] for row in answer["projects"]] for answer in answers] == [
        [12345, 12346, 12347],
        [12348, FIRST_FLEET_ID, FIRST_FLEET_ID + 1],
        [FIRST_FLEET_ID + 2],
    ]
    assert "matching" not in answers[0]
    assert answers[1]["projects"][1]["app_urls"] == ["https://customer-001.example"]


COMPARED = ("anonymize_ips", "timezone", "week_start_day", "session_recording_opt_in", "base_currency", "app_urls")
VALUES: dict[str, list[Any]] = {
    "anonymize_ips": [True, False],
    "timezone": ["UTC", "Asia/Tokyo"],
    "week_start_day": [0, 1, None],
    "session_recording_opt_in": [True, False],
    "base_currency": ["USD", "EUR", "JPY"],
    "app_urls": [[], ["https://a.example"], ["https://a.example", "https://b.example"]],
}


@given(
    fleet=st.lists(st.fixed_dictionaries({name: st.sampled_from(VALUES[name]) for name in COMPARED}), max_size=8),
    where=st.lists(st.sampled_from(COMPARED), min_size=1, max_size=3, unique=True),
    data=st.data(),
)
@settings(max_examples=40)
def test_an_audit_says_what_a_direct_look_says(
    fleet: list[dict[str, Any]], where: list[str], data: st.DataObject
) -> None:
    wanted = {name: data.draw(st.lists(st.sampled_from(VALUES[name]), min_size=1, max_size=2)) for name in where}
    world = fleet_world(TurnedClock(), len(fleet))
    for at, fields in enumerate(fleet):
        world.projects[FIRST_FLEET_ID + at].fields.update(fields)
    harness = Harness(world)

    async def audit() -> dict[str, Any]:
        async with harness.client() as client:
            return body_of(await client.call_tool("project_list", {"where": wanted, "limit": 500}))

    body = anyio.run(audit)
    matching = set(of_acme(world, "id"))
    for name, values in wanted.items():
        truth = of_acme(world, name)
        matching &= {number for number, value in truth.items() if value in values}
        assert sum(body["counts"][name].values()) == len(truth)
        for value in truth.values():
            text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
            assert body["counts"][name][text] == list(truth.values()).count(value)
    assert {row["id"] for row in body["projects"]} == matching
    assert body["matching"] == len(matching)


@pytest.mark.anyio
async def test_values_are_compared_as_posthog_stores_them(harness: Harness) -> None:
    harness.fields()["tags"] = ["web", "shop"]
    async with harness.client() as client:
        for where in ({"session_recording_sample_rate": 0.5}, {"tags": ["Shop ", "web"]}, {"business_model": ["b2c"]}):
            body = body_of(await client.call_tool("project_list", {"where": where}))
            assert [row["id"] for row in body["projects"]] == [PRODUCTION_ID], where
        body = body_of(await client.call_tool("project_list", {"where": {"week_start_day": None}}))
        assert PRODUCTION_ID not in [row["id"] for row in body["projects"]]
        lists = {"app_urls": [[], ["https://www.acme.example", "https://*.acme.example"]]}
        assert body_of(await client.call_tool("project_list", {"where": lists}))["matching"] == 4


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("where", "says"),
    [
        ({"anonymise_ips": True}, "Did you mean `anonymize_ips`?"),
        ({"anonymize_ips": "maybe"}, "`where.anonymize_ips` must be true or false."),
        ({"week_start_day": [0, 7]}, "`where.week_start_day` must be one of 0, 1."),
        ({"week_start_day": []}, "`where.week_start_day` lists no value."),
        ({"secret_api_token": "phs_abcdefghijklmnop"}, "`secret_api_token` is no setting"),
        ({"api_token": None}, "`api_token` is no setting"),
        ({"slack_incoming_webhook": "https://hooks.slack.com/services/T0/B0/x"}, "is a secret and is not compared"),
        ({"conversations_settings": {"slack_bot_token": "xoxb-sandbox-0000000000-invented"}}, "holds a secret"),
    ],
)
async def test_what_cannot_be_asked_is_refused_before_anything_is_read(
    harness: Harness, where: dict[str, Any], says: str
) -> None:
    async with harness.client() as client:
        text, detail = refusal_of(await client.call_tool("project_list", {"where": where}))
    assert says in text
    assert detail["kind"] == "invalid_argument"
    assert harness.sent == []


@pytest.mark.anyio
async def test_no_secret_is_shown_or_counted(harness: Harness) -> None:
    fields = ["secret_api_token", "secret_api_token_backup", "live_events_token", "heatmaps_screenshot_secret"]
    async with harness.client() as client:
        shown = await client.call_tool("project_list", {"fields": [*fields, "conversations_settings"]})
    held = harness.fields()
    for secret in (
        held["secret_api_token"],
        held["secret_api_token_backup"],
        *map(held["conversations_settings"].get, ("slack_bot_token", "widget_public_token")),
        harness.world.projects[PRODUCTION_ID].screenshot_secret,
    ):
        assert secret
        assert secret not in text_of(shown)
    row = body_of(shown)["projects"][0]
    assert {row[name] for name in fields} == {"present", "absent"}
    assert "2 projects have a secret_api_token" in body_of(shown)["presence"]


@pytest.mark.anyio
async def test_of_a_withheld_setting_only_its_absence_can_be_asked_for(harness: Harness) -> None:
    harness.world.behaviour = VERSIONS["2025-08"]
    hook = "https://hooks.slack.com/services/T0000/B0000/abcdefghijkl"
    harness.fields()["slack_incoming_webhook"] = hook
    arguments = {"where": {"slack_incoming_webhook": None}, "fields": ["slack_incoming_webhook"]}
    async with harness.client() as client:
        without = await client.call_tool("project_list", arguments)
        shown = await client.call_tool("project_list", {"fields": ["slack_incoming_webhook"]})
    assert hook not in text_of(without) + text_of(shown)
    assert body_of(without)["matching"] == 3
    assert [row["slack_incoming_webhook"] for row in body_of(shown)["projects"]] == ["present", *["absent"] * 3]
    assert body_of(shown)["presence"] == ["1 projects have a slack_incoming_webhook"]


@pytest.mark.anyio
async def test_rights_hold(harness: Harness) -> None:
    add_fleet(harness.world, 4)
    add_fleet_ids = [FIRST_FLEET_ID + at for at in range(4)]
    where = {"where": {"anonymize_ips": [True, False]}}
    async with harness.client("auto", None, PROJECTS_MCP_ONLY_PROJECTS=f"{FIRST_FLEET_ID},{PRODUCTION_ID}") as client:
        body = body_of(await client.call_tool("project_list", where))
    assert [row["id"] for row in body["projects"]] == [PRODUCTION_ID, FIRST_FLEET_ID]
    assert body["total"] == 2
    assert not any(str(number) in line for number in add_fleet_ids[1:] for line in harness.sent)
    harness.recorder.requests.clear()
    harness.world.api_keys[ONE_PROJECT_KEY].scoped_teams = (PRODUCTION_ID, FIRST_FLEET_ID + 2, 7)
    async with harness.client("auto", None, POSTHOG_PERSONAL_API_KEY=ONE_PROJECT_KEY) as client:
        body = body_of(await client.call_tool("project_list", where))
    assert [row["id"] for row in body["projects"]] == [PRODUCTION_ID, FIRST_FLEET_ID + 2]
    assert list(body["unreadable"]["projects"].values()) == [[7]]
    assert len(harness.sent) == 3
    async with harness.client() as client:
        body = body_of(await client.call_tool("project_list", {**where, "organization_id": NORTHWIND_ID}))
    assert {row["id"] for row in body["projects"]} == {20001}


@pytest.mark.anyio
async def test_an_answer_that_is_cut_counts_what_it_does_not_show(clock: TurnedClock) -> None:
    harness = Harness(fleet_world(clock, 46))
    for project in harness.world.projects.values():
        project.fields["app_urls"] = ["https://a-rather-long-name-of-a-site.example"] * 5
    arguments = {"where": {"anonymize_ips": [True, False]}, "fields": ["app_urls"], "limit": 500}
    async with harness.client("auto", None, PROJECTS_MCP_RESULT_LIMIT="8192") as client:
        body = body_of(await client.call_tool("project_list", arguments))
    assert "truncated" in body
    assert len(body["projects"]) + body["more"] == body["matching"] == body["read"] == 50
    assert "next_offset" not in body, "all were read"
