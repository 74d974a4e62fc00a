"""The rules of what may be shown and what may be done, as properties."""

import base64
import json
import re
from collections.abc import Callable
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
from projects_mcp.sanitize.patterns import REDACTED
from projects_mcp.sanitize.redaction import Redactor
from projects_mcp.sanitize.secret import Secret
from projects_mcp.sanitize.secret_fields import FIELDS, masked
from projects_mcp.sanitize.text import quoted, strip_invisible
from projects_mcp.tools.catalog import CATALOG

OWN = "phx_own_key_0123456789"
_SHAPES = [
    OWN,
    "phs_abcdefghijklmnop",
    "pha_AbCd0123EfGh",
    "phr_0123456789abcdef",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sig_nature",
    "https://hooks.slack.com/services/T0/B0/abcdefgh",
    "HTTPS://HOOKS.SLACK.COM/services/T0/B0/abcdefgh",
    "https://discord.com/api/webhooks/123/abcdefgh",
    "https://discordapp.com/api/v10/webhooks/123/abcdefgh",
    "https://acme.webhook.office.com/webhookb2/abcdefgh",
    "https://prod-1.westus.logic.azure.com:443/workflows/abcdefgh",
    "xoxb-123456-abcdef",
    "xapp-1-A0B1-123456-abcdef",
]
_ENCODINGS: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for addresses": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 with a user": lambda text: base64.b64encode(f"me:{text}".encode()).decode(),
    "base64 in an object": lambda text: base64.b64encode(json.dumps({"k": text}).encode()).decode(),
    "percent": lambda text: "".join(f"%{ord(character):02X}" for character in text),
    "percent in part": lambda text: "".join(
        f"%{ord(character):02x}" if at % 2 else character for at, character in enumerate(text)
    ),
}
_SECRETS = st.sampled_from(_SHAPES) | st.sampled_from(list(_ENCODINGS.values())).map(lambda encode: encode(OWN))


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


ORDINARY = (
    *("alpha_release", "alpha_anna", "graphs_enabled", "morphs_and_graphs", "keyJourneyStepsOfEveryCustomer.map"),
    *("Bearer authentication is needed", "Authorization: see the page", "the csrftoken of a page"),
    *("/srv/alpha_secrets/project-7-secret-token-20260101T000000Z-0a1b2c3d", "https://hooks.example", "xoxb-", "ph_a"),
    *("https://discord.com/invite/abc", "eyJust a word", "phc_0123456789abcdefghijklmnop", "phs_...abcd"),
)
"""Texts that look a little like a secret, and are none."""
_WORDS = (st.sampled_from(ORDINARY) | st.text()).filter(
    lambda text: (
        not re.search(r"(?i)token|secret|webhook|passw|passc|passp|pwd|credential|authoriz|cookie|jwt|key|sess", text)
        or text in ORDINARY
    )
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_WORDS, inner, max_size=4),
    max_leaves=12,
)


@given(value=_JSON)
def test_what_is_no_secret_stays_as_it_is_byte_for_byte(value: Any) -> None:
    assert json.dumps(Redactor([OWN]).value(value)) == json.dumps(value)


@given(names=st.lists(st.sampled_from([*_SHAPES, f"a {OWN}", REDACTED, f"{REDACTED} 1", "plain"]), unique=True))
def test_no_key_takes_the_place_of_another(names: list[str]) -> None:
    clean = Redactor([OWN]).value({name: at for at, name in enumerate(names)})
    assert list(clean.values()) == list(range(len(names)))
    assert not any(OWN in name for name in clean)


_SPEAKING = (
    *("slack_bot_token", "widget_public_token", "clientSecret", "webhook_url", "apiKey", "password", "API_KEY"),
    *("CLIENT_SECRET", "PASSWORD", "x-api-key", "secretKey", "webhookUrl", "Cookie", "sessionid", "signing_key"),
    *("passphrase", "APIKey", "X-Api-Key", "private key", "SigningKey", "auth.token"),
)


@pytest.mark.parametrize("name", _SPEAKING)
def test_names_that_speak_of_a_secret_are_enough(name: str) -> None:
    clean = Redactor().value({"settings": {name: "anything at all", "other": 1}})
    assert clean == {"settings": {name: REDACTED, "other": 1}}
    listed = Redactor().value([{"name": name, "value": "anything at all"}, {"name": "plain", "value": "stays"}])
    assert listed == [{"name": name, "value": REDACTED}, {"name": "plain", "value": "stays"}]


@given(name=st.sampled_from(_SPEAKING), value=_nested(st.just("hunter-two")))
def test_nothing_below_a_name_of_a_secret_is_shown(name: str, value: Any) -> None:
    redactor = Redactor()
    redactor.value(value)  # so every name in it has been seen
    assert "hunter-two" not in json.dumps(redactor.value({name: value}))


@pytest.mark.parametrize(
    "name", ["api_token", "tokenizer", "cookieless_server_hash_mode", "secretary", "name", "session_id", "keyboard"]
)
def test_names_that_do_not_are_left_alone(name: str) -> None:
    assert Redactor().value({name: "phc_public"}) == {name: "phc_public"}


@given(secret=st.sampled_from(_SHAPES), before=st.integers(0, 260), tail=st.text(max_size=5))
def test_a_quotation_shows_no_part_of_a_secret_that_it_cuts(secret: str, before: int, tail: str) -> None:
    shown = Redactor([OWN]).quote(f"{'x' * before} {secret} {tail}")
    assert secret[:12] not in shown


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
