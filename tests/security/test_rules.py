"""The rules of what may be shown and what may be done, as properties."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects_mcp.api.effects import Effect
from projects_mcp.api.operations import OPERATIONS
from projects_mcp.api.types import CURRENT
from projects_mcp.policy.access import ALLOWED_EFFECTS, NEEDED_ACCESS, Access
from projects_mcp.policy.authorization import UNKNOWN, Authorization, KeyGrant, Policy
from projects_mcp.policy.denials import RememberedDenials
from projects_mcp.sanitize.redaction import FIELDS, REDACTED, Redactor, masked
from projects_mcp.sanitize.secret import Secret
from projects_mcp.sanitize.text import quoted, strip_invisible
from projects_mcp.tools.catalog import CATALOG

OWN = "phx_own_key_0123456789"
_SECRETS = st.sampled_from(
    [
        OWN,
        "phs_abcdefghijklmnop",
        "pha_abcdefgh",
        "phr_abcdefgh",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sig_nature",
        "https://hooks.slack.com/services/T0/B0/abcdefgh",
        "xoxb-123456-abcdef",
    ]
)


def _nested(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaf,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text(max_size=6), inner, max_size=3)
            | inner.map(json.dumps)
        ),
        max_leaves=5,
    )


@given(data=st.data())
def test_no_secret_survives_wherever_it_is(data: st.DataObject) -> None:
    secret = data.draw(_SECRETS)
    around = st.builds(lambda before, after: f"{before} {secret} {after}", st.text(max_size=5), st.text(max_size=5))
    value = data.draw(_nested(around))
    redactor = Redactor([OWN])
    assert secret not in json.dumps(redactor.value(value), ensure_ascii=False)
    assert secret not in redactor.text(json.dumps(value, ensure_ascii=False))


@given(
    name=st.sampled_from(
        ["slack_bot_token", "widget_public_token", "clientSecret", "webhook_url", "apiKey", "password"]
    )
)
def test_names_that_speak_of_a_secret_are_enough(name: str) -> None:
    assert Redactor().value({"settings": {name: "anything at all", "other": 1}}) == {
        "settings": {name: REDACTED, "other": 1}
    }


@pytest.mark.parametrize("name", ["api_token", "tokenizer", "cookieless_server_hash_mode", "secretary", "name"])
def test_names_that_do_not_are_left_alone(name: str) -> None:
    assert Redactor().value({name: "phc_public"}) == {name: "phc_public"}


@given(project=st.dictionaries(st.sampled_from([*FIELDS, "name", "new_secret", "n"]), _nested(st.none() | st.text())))
def test_redacting_twice_is_redacting_once_and_never_fails(project: dict[str, Any]) -> None:
    redactor = Redactor([OWN])
    shown = redactor.value(project)
    assert redactor.value(shown) == shown
    assert set(shown) == set(project)


@given(secret=st.text(min_size=1))
def test_a_mask_shows_at_most_eight_characters(secret: str) -> None:
    shown = masked(secret)
    assert shown == REDACTED or len(shown) == 11


def test_a_secret_shows_nothing_of_itself() -> None:
    secret = Secret(OWN)
    for shown in (repr(secret), str(secret), f"{secret}", f"{secret:>20}", repr([secret]), repr(Redactor([OWN]))):
        assert OWN not in shown
    assert secret == Secret(OWN)
    assert hash(secret) == hash(Secret(OWN))
    with pytest.raises(TypeError):
        secret.__reduce__()


@given(text=st.text())
def test_quoted_text_is_one_line_bounded_and_without_unseen_characters(text: str) -> None:
    shown = quoted(text)
    assert "\n" not in shown
    assert len(shown) <= 203
    assert shown.count("\u201c") == shown.count("\u201d") == 1
    assert strip_invisible(shown) == shown


@given(text=st.text(alphabet=st.characters(categories=["L", "N", "P", "Zs", "So"])))
def test_ordinary_text_is_left_alone(text: str) -> None:
    unseen = "\u3164\u115f\u1160\uffa0"  # letters by category, and blank
    assert strip_invisible(text) == "".join("\ufffd" if character in unseen else character for character in text)


def test_joiners_stay_where_a_script_or_an_emoji_needs_them() -> None:
    for text in ("👩\u200d🔬", "می\u200cخواهم", "👨\u200d👩\u200d👧", "🏳\ufe0f\u200d🌈"):
        assert strip_invisible(text) == text
    assert strip_invisible("ac\u200dme") == "ac\ufffdme"
    assert strip_invisible("\u200dx") == "\ufffdx"


def test_an_effect_decides_everything() -> None:
    for tool in CATALOG:
        assert tool.effect.reads == (tool.operation.method == "GET")
        assert tool.effect.needs_confirmation == ("confirm_project_name" in tool.input_schema.get("required", ()))
        assert tool.effect.scope == ("project:read" if tool.effect.reads else "project:write")
    assert [NEEDED_ACCESS[effect] for effect in Effect] == [Access.READ, Access.WRITE, Access.WRITE, Access.FULL]


_GRANTS = st.builds(
    KeyGrant,
    scopes=st.none() | st.frozensets(st.sampled_from(["*", "project:read", "project:write", "insight:read"])),
    projects=st.none() | st.frozensets(st.integers(1, 5), min_size=1),
)
_POLICIES = st.builds(
    Policy,
    access=st.sampled_from(Access),
    protected=st.frozensets(st.integers(1, 5)),
    only=st.none() | st.frozensets(st.integers(1, 5), min_size=1),
)


@given(tool=st.sampled_from(CATALOG), policy=_POLICIES, grant=_GRANTS, project=st.integers(1, 5))
def test_what_is_decided_is_never_more_than_each_party_allows(
    tool: Any, policy: Policy, grant: KeyGrant, project: int
) -> None:
    target = project if tool.operation.on_project else None
    authorization = Authorization(tool.operation, policy, grant, RememberedDenials())
    refusal = authorization.refusal(CURRENT, target)
    if authorization.refusal() is not None:
        assert refusal is not None, "what is not offered cannot be called"
    if refusal is None:
        assert tool.effect in ALLOWED_EFFECTS[policy.access]
        assert grant.scopes is None or grant.scopes & {"*", "project:write", tool.effect.scope}
        if target is not None:
            assert policy.only is None or target in policy.only
            assert grant.projects is None or target in grant.projects
            assert tool.effect is not Effect.DESTROY or target not in policy.protected
    elif policy == Policy() and grant == UNKNOWN:
        raise AssertionError("with nothing to object, nothing is refused")


def test_the_current_project_is_nobodys_to_touch_where_only_some_are_allowed() -> None:
    policy = Policy(only=frozenset({1}))
    authorization = Authorization(OPERATIONS["project_get"], policy, UNKNOWN, RememberedDenials())
    assert authorization.refusal(CURRENT, CURRENT) is not None
    assert authorization.refusal(CURRENT, 1) is None


@given(value=_nested(st.none() | st.integers() | st.text()))
def test_any_introspection_answer_can_be_read(value: Any) -> None:
    for name in ("scopes", "scoped_teams", "scoped_organizations"):
        KeyGrant.from_introspection({name: value})


@pytest.mark.parametrize("organization", ["acme", "../..", 1, None])
def test_only_uuids_and_integers_become_path_segments(organization: Any) -> None:
    with pytest.raises(TypeError):
        OPERATIONS["project_list"].path(organization, None)
    hostile: list[Any] = [True, 0, -1, 1.5, "1", "@current"]
    for project in hostile:
        with pytest.raises(TypeError):
            OPERATIONS["project_get"].path(CURRENT, project)
    with pytest.raises(TypeError):
        OPERATIONS["project_list"].path(CURRENT, 1)
