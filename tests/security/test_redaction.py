"""Secrets in every dress are removed, and ordinary words stay: by the public redactor, on whole values."""

import base64
import gc
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects_mcp.errors.rejected import status_error
from projects_mcp.sanitize.patterns import REDACTED
from projects_mcp.sanitize.redaction import Redactor
from projects_mcp.sanitize.text import strip_invisible_throughout

OWN = "phx_OwnKeyPlanted0123456789abcdef"
SECRET = "hunter2Zq9x7"
HOOK = "hooks.slack.com/services/T000/B000/" + SECRET


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


BROKEN_LINES = _base64("x" * 40 + OWN + "y" * 30)
DRESSES: dict[str, Any] = {
    "the name is not the first": {"name": "Acme", "key": "API_KEY", "value": SECRET},
    "capital names": {"Name": "Authorization", "Value": SECRET},
    "several values": {"name": "x-api-key", "values": [SECRET]},
    "a variable": {"variable": "CLIENT_SECRET", "value": SECRET},
    "pairs": [["X-Api-Key", SECRET], ["Accept", "text/html"]],
    "content": {"header": "Cookie", "content": SECRET},
    "val": {"name": "x-auth-token", "val": SECRET},
    "user and password": f"see https://bob:{SECRET}@host.example/x",
    "user and password, encoded": f"?next=https%3A%2F%2Fbob%3A{SECRET}%40host.example",
    "a database": {"url": f"postgres://app:{SECRET}@db:5432/x"},
    "a query": f"https://x.example/cb?access_token={SECRET}&a=1",
    "an encoded query": f"?next=%2Fcb%3Ftoken%3D{SECRET}",
    "a variable in a text": f"set API_KEY={SECRET} first",
    "a header in a text": f"X-API-Key: {SECRET}",
    "a password in a text": f"Password: {SECRET}",
    "basic": f"Basic {_base64(f'bob:{SECRET}')}",
    "digest": f'Authorization: Digest username="bob", response="{SECRET}"',
    "cookies": f"Cookie: theme=dark; sid={SECRET}",
    "JSON behind a space": f' {{"password": "{SECRET}"}}',
    "JSON within a text": f'bad body {{"password": "{SECRET}"}} here',
    "escaped JSON": f'bad body {{\\"password\\": \\"{SECRET}\\"}} here',
    "JSON with a long number": f'{{"password":"{SECRET}","n":{"1" * 5_000}}}',
    "no scheme": HOOK,
    "escaped slashes": f"https://{HOOK}".replace("/", "\\/"),
    "an encoded address": f"https://{HOOK}".replace(":", "%3A").replace("/", "%2F"),
    "a capital address": f"HTTPS://{HOOK.upper()}{SECRET}",
    "Power Automate": f"https://a.1.environment.api.powerplatform.com:443/workflows/x?sig={SECRET}",
    "behind an escape": f"line\\nphx_AbCdEfGhIjKl{SECRET}",
    "behind percent": f"?a%3Dphx_AbCdEfGhIjKl{SECRET}",
    "a private key": f"-----BEGIN RSA PRIVATE KEY-----\nMIIE{SECRET}\n-----END RSA PRIVATE KEY-----",
    "hexadecimal": OWN.encode().hex(),
    "capital hexadecimal": f"x {OWN.encode().hex().upper()}",
    "base64": _base64(f"sessionid={OWN}"),
    "base64 in lines": f"{BROKEN_LINES[:76]}\n{BROKEN_LINES[76:]}",
    "percent": "".join(f"%{byte:02x}" for byte in OWN.encode()),
    "percent twice": "".join(f"%25{byte:02X}" for byte in OWN.encode()),
    "JSON as a text that names and values": json.dumps([{"name": "API_KEY", "value": SECRET}]),
    "a webhook of Discord": f"HTTPS://Discord.com/api/webhooks/1/{SECRET}",
    "another webhook of Discord": f"https://PTB.DiscordApp.com/API/v10/Webhooks/1/{SECRET}",
    "a webhook of Teams": f"https://acme.webhook.office.com/webhookb2/{SECRET}",
    "another webhook of Teams": f"https://Acme.Webhook.Office.com/webhookb2/{SECRET}",
    "a former webhook of Teams": f"https://Outlook.Office365.com/webhook/{SECRET}",
    "a workflow of Teams": f"https://prod-1.westus.Logic.Azure.com:443/workflows/{SECRET}",
    "a token of an app": f"xapp-1-A0B1-{SECRET.lower().replace('_', '-')}",
    "a capital token of an app": f"XAPP-1-A0B1-{SECRET.replace('_', '-')}",
    "torn apart": f"{OWN[:8]}\u200b{OWN[8:]}",
    **{
        f"the name {name}": {name: SECRET}
        for name in (
            *("webHookUrl", "web_hook", "passWord", "pass_word", "accesstoken", "ACCESSTOKEN", "clientsecret"),
            *("dbpassword", "WEBHOOKURL", "passPhrase", "Pass-Phrase", "SESSION_ID", "basicAuth", "AccountKey"),
        )
    },
}


@pytest.mark.parametrize("dress", DRESSES)
def test_a_secret_is_removed_in_every_dress(dress: str) -> None:
    value = DRESSES[dress]
    shown = json.dumps(Redactor([OWN]).value(value), ensure_ascii=False)
    planted = value if isinstance(value, str) else SECRET
    for piece in (SECRET, SECRET.upper(), OWN[8:], _base64(f"bob:{SECRET}"), BROKEN_LINES[56:90], planted):
        assert piece not in shown
    assert REDACTED in shown


ORDINARY: tuple[Any, ...] = (
    *({"max_tokens": 4_096}, {"cookie_lifetime_days": 30}, {"token_expires_at": "2026-01-01T00:00:00Z"}),
    *({"tokenizer": "bpe"}, {"secretary": "Anna"}, {"public_key": "x"}, {"monkey": "x"}, {"passenger": "x"}),
    *({"name": "Token sales", "value": "12 EUR"}, {"name": "password reset", "value": "funnel"}),
    {"key": "token", "value": ["abc"], "operator": "exact"},
    *(["password", "email"], [["token", "secret"]] * 0, ["alpha_release", "graphs_enabled", "my_phs_report_2024"]),
    *("phr_export", "the table phs_report of phe_counts", "pha_se: 7", "phx_"),
    *("Bearer authentication is needed", "basic JavaScript course", "Token: see docs", "keyJourneyStepA.b"),
    *("The cookie banner: show it to everyone in 2024", "Session key: ask Anna", "a token = a coin", "key: value"),
    *("api_token=phc_Public0123456789", "https://user@host.example/x", "https://x.example/?max_tokens=4096&page=2"),
    *("Cookie: strictly necessary", "the webhook: see https", "token: present", "secret: phs_...abcd", "%7Epath%2Fx"),
    *(
        '{"a": 1e999, "token_count": 3}',
        " [1, 2 ,3 ]",
        "50% off: 100%",
        "a@b.example: hello",
        "http://a.example:8080/@x",
    ),
)


@pytest.mark.parametrize("text", ["x" * 500_001, "x " * 250_001], ids=["a word", "words"])
def test_a_text_that_is_too_long_to_be_looked_through_is_not_shown(text: str) -> None:
    redactor = Redactor()
    assert redactor.text(text) == REDACTED
    assert redactor.value({"name": text, "list": [text]}) == {"name": REDACTED, "list": [REDACTED]}
    assert redactor.text("x" * 500_000) == "x" * 500_000


@pytest.mark.parametrize("value", ORDINARY, ids=repr)
def test_ordinary_words_stay_as_they_are(value: Any) -> None:
    assert json.dumps(Redactor([OWN]).value(value)) == json.dumps(value)


@given(keys=st.lists(st.text(alphabet="ab\u200b\u200c\ufffd 12", max_size=4), unique=True, max_size=30))
def test_no_two_keys_merge_when_what_is_invisible_is_replaced(keys: list[str]) -> None:
    clean = strip_invisible_throughout({key: at for at, key in enumerate(keys)})
    assert list(clean.values()) == list(range(len(keys)))


@pytest.mark.parametrize("at", range(4_096 - len(OWN), 4_097))
def test_a_detail_that_was_cut_shows_no_part_of_a_key(at: int) -> None:
    detail = ("<" + "a" * 998 + ">") * 4
    detail = f"{detail}{' ' * (at - len(detail))}{OWN} and more"
    kept = status_error(400, {"detail": detail}, None).detail or ""
    assert OWN[:6] not in Redactor([OWN]).quote(kept)


@pytest.mark.parametrize(
    ("detail", "kept"),
    [
        ("a <b>bold</b> word", "a bold word"),
        ("<scr<b>ipt>alert(1)</scr</b>ipt>", "alert(1)"),
        ("<img src=x", "img src=x"),
        ("at least 5 < 6 and 7 > 3", "at least 5 < 6 and 7 > 3"),
        ("<!-- hidden -->shown", "shown"),
    ],
)
def test_a_detail_loses_its_markup_and_nothing_else(detail: str, kept: str) -> None:
    assert status_error(400, {"detail": detail}, None).detail == kept


@pytest.mark.parametrize("longest", [20, 40, 60, 80, 200])
@pytest.mark.parametrize(
    "said",
    [
        "{'cookie': 'sessionid=abcdef0123456789; other=abcdef0123456789 more words'}",
        "Cookie: sessionid=abcdef0123456789; theme=dark and so on and on and on and on",
        'authorization: Digest username="ada", realm="x", response="0123456789abcdef0123456789abcdef"',
        "api_key='0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef'",
        "token=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
        "Bearer abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0123456789",
        "phx_abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0123456789",
    ],
)
def test_what_we_say_behind_a_quotation_stays(said: str, longest: int) -> None:
    """A text is quoted, perhaps cut, and redacted once more as a whole."""
    redactor = Redactor()
    behind = ". Nothing was changed. Correct the arguments and call it again."
    text = redactor.text(f"It says {redactor.quote(said, longest)}{behind}")
    assert text.endswith(f"\u201d{behind}")
    assert "0123456789" not in text


# What is remembered ---------------------------------------------------------------------------------------------------

WORDS = st.sampled_from(["kept-in-sight-7", "plain", OWN, "phc_", "a=", " ", "token: ", "0123456789abcdef", "%3D"])


@given(texts=st.lists(st.lists(WORDS, max_size=5).map("".join), max_size=8))
def test_a_text_that_was_seen_before_is_shown_as_the_first_time(texts: list[str]) -> None:
    redactor = Redactor([OWN])
    for text in [*texts, *texts]:
        assert redactor.text(text) == Redactor([OWN]).text(text)
    redactor.add_secrets(["kept-in-sight-7"])
    for text in texts:
        assert redactor.text(text) == Redactor([OWN, "kept-in-sight-7"]).text(text)
        assert "kept-in-sight-7" not in redactor.text(text)


@given(names=st.lists(st.lists(WORDS, max_size=5).map("".join), max_size=8))
def test_a_name_that_was_seen_before_is_shown_as_the_first_time(names: list[str]) -> None:
    redactor = Redactor([OWN])
    for name in [*names, *names]:
        value: dict[str, object] = {name: {"shown": "x1", "n": 1}}
        assert redactor.value(value) == Redactor([OWN]).value(value)
    redactor.value({"kept-in-sight-7": 1})
    redactor.add_secrets(["kept-in-sight-7"])
    for name in [*names, "kept-in-sight-7"]:
        value = {name: "x1"}
        assert redactor.value(value) == Redactor([OWN, "kept-in-sight-7"]).value(value)
        assert "kept-in-sight-7" not in str(redactor.value(value))


def test_no_text_with_a_secret_is_remembered() -> None:
    redactor = Redactor([OWN])
    for text in ("harmless words", f"key {OWN}", "phs_0123456789abcdefghijklmnop"):
        redactor.text(text)
        redactor.value({text: "x"})
    remembered = {text for kept in gc.get_objects() if isinstance(kept, set) for text in kept if isinstance(text, str)}
    assert "harmless words" in remembered
    assert not [text for text in remembered if OWN in text or "phs_0123456789" in text]
