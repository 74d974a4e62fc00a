"""What leaves: bounded, clean, and the same as text and as an object."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects_mcp.errors.forbidden import CAUSES
from projects_mcp.runner.result import finalize
from projects_mcp.sandbox import ACME_ID, NORTHWIND_PROJECT_ID, PRODUCTION_ID
from projects_mcp.sanitize.json_text import compact_json
from projects_mcp.sanitize.redaction import Redactor
from tests.support.harness import ENVIRONMENT, ERAS, Era, Harness, body_of, refusal_of, text_of

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("era", ERAS)
async def test_a_long_list_is_cut_at_whole_rows_and_can_be_continued(harness: Harness, era: Era) -> None:
    pattern = harness.world.projects[PRODUCTION_ID]
    for number in range(1, 151):
        copy = type(pattern)(
            **{**_attributes(pattern), "fields": {**pattern.fields, "id": number, "name": f"P{number}" * 20}}
        )
        harness.world.projects[number] = copy
    seen: list[int] = []
    offset = 0
    async with harness.client(era, PROJECTS_MCP_RESULT_LIMIT="8192") as client:
        for _ in range(60):
            result = await client.call_tool("project_list", {"offset": offset, "limit": 500})
            body = body_of(result)
            assert len(text_of(result).encode()) <= 8192
            seen += [row["id"] for row in body["projects"]]
            if "next_offset" not in body:
                assert "truncated" not in body
                break
            assert set(body["truncated"]) == {"reason", "how_to_get_the_rest"}
            offset = body["next_offset"]
    assert sorted(seen) == sorted(number for number in harness.world.projects if number != NORTHWIND_PROJECT_ID)


def _attributes(project: Any) -> dict[str, Any]:
    return {name: getattr(project, name) for name in project.__dataclass_fields__}


@pytest.mark.parametrize("era", ERAS)
async def test_a_huge_project_is_cut_at_whole_fields(harness: Harness, era: Era) -> None:
    harness.fields()["extra_settings"] = {"blob": "x" * 200_000}
    harness.fields()["correlation_config"] = {"names": ["y" * 100] * 300, "small": 1}
    async with harness.client(era) as client:
        result = await client.call_tool("project_get", {"project_id": PRODUCTION_ID, "detail": "full"})
    body = body_of(result)
    assert len(text_of(result).encode()) <= 65_536
    assert body["id"] == PRODUCTION_ID
    assert body["timezone"] == "Europe/Berlin"
    assert "extra_settings" in body["truncated"]["fields"]
    assert body["truncated"]["how_to_get_the_rest"]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=200),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=8), inner, max_size=8),
    max_leaves=40,
)


@given(
    body=st.dictionaries(st.sampled_from(["id", "name", "projects", "activity", "changed", "settings", "note"]), _JSON)
)
def test_any_result_is_bounded_and_still_the_same_as_text(body: dict[str, Any]) -> None:
    limit = 4096
    result, text = finalize(body, Redactor(), limit)
    assert json.loads(text) == json.loads(json.dumps(result))
    small = {"id", "name"} & set(body)
    if not small:  # identity is kept whatever its size
        assert len(text.encode()) <= limit


@given(text=st.text())
def test_compact_json_hides_nothing_and_changes_nothing(text: str) -> None:
    written = compact_json({"a": text})
    assert json.loads(written) == {"a": text}
    for hidden in ("\u200b", "\u202e", "\u2066", "\ufeff", "\U000e0041", "\x9b"):
        assert hidden not in written


@pytest.mark.parametrize("era", ERAS)
async def test_text_that_others_wrote_cannot_hide_or_reorder(harness: Harness, era: Era) -> None:
    harness.fields()["name"] = "Acme\u202e\u200bweb\x1b[31m\U000e0041"
    harness.fields()["product_description"] = "line\u2028two\ufeff"
    async with harness.client(era) as client:
        calls: dict[str, dict[str, Any]] = {
            "project_list": {},
            "project_get": {"project_id": PRODUCTION_ID, "detail": "full"},
        }
        for tool, arguments in calls.items():
            result = await client.call_tool(tool, arguments)
            body_of(result)
            shown = json.dumps(result.structured_content, ensure_ascii=False) + text_of(result)
            for hidden in ("\u202e", "\u200b", "\x1b", "\U000e0041", "\u2028", "\ufeff"):
                assert hidden not in shown
                assert json.dumps(hidden)[1:-1] not in shown


@pytest.mark.parametrize("era", ERAS)
async def test_what_undoes_a_change_is_exact_even_with_unseen_characters(harness: Harness, era: Era) -> None:
    name = "Acme\u200bweb 👩\u200d🔬"
    harness.fields()["name"] = name
    async with harness.client(era) as client:
        result = await client.call_tool("project_update", {"project_id": PRODUCTION_ID, "settings": {"name": "Plain"}})
        body = body_of(result)
        assert "\u200b" not in text_of(result)
        body_of(await client.call_tool("project_update", {"project_id": PRODUCTION_ID, **body["revert"]}))
    assert harness.fields()["name"] == name


@pytest.mark.parametrize("era", ERAS)
async def test_no_secret_of_posthogs_is_in_any_result(harness: Harness, era: Era) -> None:
    fields = harness.fields()
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"
    fields["conversations_settings"] = {
        "slack_bot_token": "xoxb-1-abcdefghij",
        "color": "red",
        "inner": {"webhook_url": "w"},
    }
    fields["extra_settings"] = {
        "json": '{"api_secret": "plantedplanted", "n": 1}',
        "note": "Authorization: Bearer plantedbearer",
    }
    fields["slack_incoming_webhook"] = "https://hooks.slack.com/services/T0/B0/planted"
    fields["product_description"] = f"my key is phx_plantedplantedplanted and {token}"
    secrets = [
        fields["secret_api_token"],
        fields["secret_api_token_backup"],
        token,
        "planted",
        "xoxb-1-abcdefghij",
    ]
    arguments = {"project_id": PRODUCTION_ID}
    named = {**arguments, "confirm_project_name": "Acme web"}
    async with harness.client(era) as client:
        calls: list[tuple[str, dict[str, Any]]] = [
            ("project_get", {**arguments, "detail": "full"}),
            ("project_get", {**arguments, "fields": ["conversations_settings", "slack_incoming_webhook"]}),
            ("project_get", arguments),
            ("project_update", {**arguments, "settings": {"conversations_settings": {"color": "blue"}}}),
            ("project_rotate_secret_token", named),
            ("project_delete_secret_token_backup", named),
            ("project_reset_token", named),
            ("project_activity", arguments),
        ]
        for tool, given_arguments in calls:
            result = await client.call_tool(tool, given_arguments)
            body_of(result)
            shown = result.model_dump_json()
            for secret in [*secrets, fields["secret_api_token"], fields["secret_api_token_backup"]]:
                assert secret is None or secret not in shown, tool


@pytest.mark.parametrize("era", ERAS)
async def test_the_unexpected_is_masked_and_logged_without_secrets(
    harness: Harness, era: Era, caplog: pytest.LogCaptureFixture
) -> None:
    key = ENVIRONMENT["POSTHOG_PERSONAL_API_KEY"]

    async def broken(_scope: Any, _receive: Any, _send: Any) -> None:
        raise KeyError(f"Bearer {key}")

    broken_bench = Harness(application=broken)
    async with broken_bench.client(era) as client:
        text, detail = refusal_of(await client.call_tool("project_list", {}))
    assert detail["kind"] == "internal"
    assert "KeyError" not in text
    assert "KeyError" in caplog.text
    assert key not in text + caplog.text


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    "status_and_body",
    [
        (401, {"type": "authentication_error", "code": "authentication_failed", "detail": "x", "attr": None}),
        (403, {"type": "authentication_error", "code": "permission_denied", "detail": "<b>x</b>", "attr": None}),
        (404, {"type": "invalid_request", "code": "not_found", "detail": "Not found.", "attr": None}),
        (409, {"type": "server_error", "code": "conflict", "detail": "x", "attr": None}),
        (400, {"error": "invalid product_type, expected one of [...]"}),
        (
            429,
            {
                "type": "throttled_error",
                "code": "throttled",
                "detail": "Expected available in 42 seconds.",
                "attr": None,
            },
        ),
        (500, {"type": "server_error", "code": "error", "detail": "A server error occurred.", "attr": None}),
        (418, ["teapot"]),
    ],
)
async def test_each_error_status_is_a_sentence(era: Era, status_and_body: tuple[int, Any]) -> None:
    status, body = status_and_body

    async def failing(_scope: Any, _receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})

    async with Harness(application=failing).client(era) as client:
        text, detail = refusal_of(await client.call_tool("project_get", {"project_id": PRODUCTION_ID}))
    assert detail["status"] == status
    assert detail["request_sent"] is (status != 429), "asking about the key has closed that door already"
    assert "Nothing was changed." in text
    assert 2 <= text.count(". ") + text.endswith(".") <= 5
    if status == 429:
        assert detail["retry_after_s"] == 42
        assert "42 seconds" in text
    if status == 401:
        assert "POSTHOG_HOST" in text


@pytest.mark.parametrize("era", ERAS)
async def test_the_current_project_of_another_organization_is_not_passed_off(harness: Harness, era: Era) -> None:
    other = "018f9c40-1d55-0000-b7c2-3e8a6f104d92"
    async with harness.client(era, POSTHOG_ORGANIZATION_ID=other) as client:
        text, detail = refusal_of(await client.call_tool("project_get", {}))
    assert detail["kind"] == "other_organization"
    assert "Acme" not in text
    assert ACME_ID not in text


@pytest.mark.parametrize("era", ERAS)
async def test_expected_values_that_differ_stop_the_change(harness: Harness, era: Era) -> None:
    arguments = {
        "project_id": PRODUCTION_ID,
        "settings": {"timezone": "UTC"},
        "expected": {"timezone": "Europe/Paris", "session_recording_sample_rate": 0.5},
    }
    async with harness.client(era) as client:
        text, detail = refusal_of(await client.call_tool("project_update", arguments))
        assert detail["kind"] == "expected_otherwise"
        assert "Europe/Berlin" in text
        assert "session_recording_sample_rate" not in text
        assert harness.recorder.writes == []
        arguments["expected"] = {"timezone": "Europe/Berlin", "session_recording_sample_rate": "0.50"}
        body_of(await client.call_tool("project_update", arguments))
    assert harness.fields()["timezone"] == "UTC"


@pytest.mark.parametrize("beginning", sorted({text for cause in CAUSES for text in cause.beginnings}))
@pytest.mark.parametrize("detail", ["You cannot do this in '{}'.", "No project named {}: ask its owner.", "x {}"])
async def test_a_name_inside_a_sentence_is_no_cause(detail: str, beginning: str) -> None:
    """Names are what people choose, and PostHog quotes them anywhere in a sentence."""
    name = beginning.replace("{name}", "'Acme'")
    name = f"{name} 'team:read'" if "scope" in name else name

    async def refusing(_scope: Any, _receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 403, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps({"detail": detail.format(name)}).encode()})

    async with Harness(application=refusing).client() as client:
        _, said = refusal_of(await client.call_tool("project_get", {"project_id": PRODUCTION_ID}))
    assert said["kind"] == "forbidden"
