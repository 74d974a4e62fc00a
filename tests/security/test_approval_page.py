"""The page of an approval: who may decide there, how often, and what nobody gets past.

Each test asks the pages as a browser, an attacker or a proxy does, on a store and a clock of its own.
"""

import re
from collections.abc import AsyncIterator

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects_mcp.http.approval import forms
from projects_mcp.http.approval.site import public_site
from projects_mcp.state.memory import MemoryStore
from projects_mcp.state.store import StoreError
from tests.support.approval_desk import NAME, Desk, approval_of
from tests.support.approval_page import assert_kept_apart, read
from tests.support.authenticator import Credential
from tests.support.gates_and_approvals import SharedMemory
from tests.support.passkeys import enrol

pytestmark = pytest.mark.anyio

ELSEWHERE = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost:8124"},
    {"Origin": "https://localhost:8123"},
    {"Origin": "http://localhost:8123.evil.example"},
    {"Origin": "", "Sec_Fetch_Site": ""},
    {"Origin": "", "Sec_Fetch_Site": "same-site"},
    {"Origin": "", "Sec_Fetch_Site": "none"},
    {"Sec_Fetch_Site": "cross-site"},
]
OTHER_HOSTS = [
    "evil.example",
    "evil.example:8123",
    "localhost",
    "localhost:81",
    "localhost:8123.evil.example",
    "[::1]:8123",
]


async def test_the_page_shows_exactly_what_an_approval_is_about() -> None:
    desk = Desk()
    code, approval = await desk.offer()
    seen = await desk.open(code)
    assert seen.shown == approval.shown
    assert seen.title == "Delete project \u201cAcme web\u201d? · projects-mcp"
    assert "You have 15 minutes." in seen.text
    assert "somebody with a browser on this machine" in seen.text
    assert seen.buttons == ["Approve", "Deny"]
    assert "script" not in seen.tags


@pytest.mark.parametrize(("decision", "status"), [("approve", "granted"), ("deny", "denied")])
async def test_a_decision_is_made_once(decision: str, status: str) -> None:
    desk = Desk()
    code, _ = await desk.offer()
    forms = [await desk.form(code, decision), await desk.form(code, "deny" if decision == "approve" else "approve")]
    answer = await desk.send(code, forms[0])
    assert (answer.status_code, answer.headers["location"], await desk.status(code)) == (303, code, status)
    assert_kept_apart(answer.headers)
    for form in forms:
        answer = await desk.send(code, form)
        assert (answer.status_code, await desk.status(code)) == (409, status)
    seen = await desk.open(code)
    assert seen.title.startswith({"granted": "Approved: ", "denied": "Denied: "}[status])
    assert (seen.fields, seen.buttons) == ({}, [])


async def test_denying_needs_no_name() -> None:
    desk = Desk()
    code, _ = await desk.offer()
    assert (await desk.send(code, await desk.form(code, "deny", ""))).status_code == 303
    assert await desk.status(code) == "denied"


async def test_five_names_can_be_typed_and_no_more() -> None:
    desk = Desk()
    code, _ = await desk.offer()
    for wrong in ("", "acme web", "Acme web ", "Acme  web", "\u201cAcme web\u201d"):
        answer = await desk.send(code, await desk.form(code, name=wrong))
        seen = read(answer.text)
        assert (answer.status_code, seen.fields["name"]["value"], await desk.status(code)) == (422, wrong, "waiting")
        assert "not the exact name" in seen.alert
        assert seen.fields["name"]["aria-invalid"] == "true"
        assert_kept_apart(answer.headers)
        desk.now += 100
    answer = await desk.send(code, await desk.form(code))
    assert (answer.status_code, await desk.status(code)) == (429, "waiting")
    assert "5 wrong names" in read(answer.text).alert
    assert (await desk.send(code, await desk.form(code, "deny"))).status_code == 303, "it can still be denied"


async def test_a_form_counts_once_and_for_its_approval_only() -> None:
    desk = Desk()
    code, _ = await desk.offer()
    other, _ = await desk.offer("Another")
    form = await desk.form(code, name="wrong")
    assert (await desk.send(code, form)).status_code == 422
    for token in (form["token"], (await desk.form(other))["token"], "", "0" * 32):
        answer = await desk.send(code, {"token": token, "decision": "approve", "name": NAME})
        assert (answer.status_code, await desk.status(code)) == (409, "waiting"), "a form that is replayed or made up"
    assert (await desk.send(code, {"decision": "deny"})).status_code == 409
    assert await desk.status(code) == await desk.status(other) == "waiting"


@pytest.mark.parametrize("headers", ELSEWHERE)
async def test_no_other_page_sends_a_form(headers: dict[str, str]) -> None:
    desk = Desk()
    code, _ = await desk.offer()
    for form in (await desk.form(code), await desk.form(code, "deny")):
        answer = await desk.send(code, form, **headers)
        assert (answer.status_code, await desk.status(code)) == (403, "waiting")
        assert_kept_apart(answer.headers)


@pytest.mark.parametrize("host", OTHER_HOSTS)
async def test_no_other_name_leads_to_a_page(host: str) -> None:
    desk = Desk()
    code, _ = await desk.offer()
    form = await desk.form(code)
    for answer in (
        await desk.ask("GET", f"/approve/{code}", Host=host),
        await desk.ask("GET", "/approve", Host=host),
        await desk.send(code, form, Host=host, Origin=f"http://{host}"),
    ):
        assert (answer.status_code, await desk.status(code)) == (421, "waiting")
        assert NAME not in answer.text
        assert_kept_apart(answer.headers)


async def test_at_the_public_address_only_its_own_pages_decide() -> None:
    site = public_site("https://mcp.example.com/posthog/mcp", ["other.example.com", "mcp.internal:8443"])
    assert (site.base, site.this_machine) == ("https://mcp.example.com/posthog/approve/", False)
    desk = Desk(site=site, host="mcp.example.com")
    code, _ = await desk.offer()
    assert "somebody who had this code" in (await desk.open(code)).text
    for host in ("MCP.example.com:443", "other.example.com:9", "mcp.internal:8443"):
        assert (await desk.ask("GET", f"/approve/{code}", Host=host)).status_code == 200
    for host in (
        "localhost",
        "mcp.example.com:444",
        "mcp.internal",
        "mcp.internal:1",
        "mcp.example.com.evil.example",
        ":1",
    ):
        assert (await desk.ask("GET", f"/approve/{code}", Host=host)).status_code == 421
    form = await desk.form(code)
    assert (await desk.send(code, form, Origin="https://other.example.com")).status_code == 403
    assert (await desk.send(code, form)).status_code == 303


async def test_what_cannot_be_seen_is_shown_wherever_it_comes_from() -> None:
    desk = Desk()
    code, _ = await desk.offer(lines=(("Action", "Delete\u202e\u200b"), ("Project", "\u2066x")))
    seen = await desk.open(code)
    assert seen.rows[:2] == [("Action", "Delete\ufffd\ufffd"), ("Project", "\ufffdx")]
    assert seen.title.startswith("Delete\ufffd\ufffd \ufffdx?")


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"decision=approve&token=" + b"x" * 8_192, "application/x-www-form-urlencoded", 413),
        (b'{"decision": "approve"}', "application/json", 415),
        (b"decision=approve", "multipart/form-data; boundary=x", 415),
        (b"decision=approve", "text/plain", 415),
        (b"decision=approve", "", 415),
        (b"\xff=\xff", "application/x-www-form-urlencoded", 400),
        (b"decision=%ff", "application/x-www-form-urlencoded", 400),
        (b"decision=approve&decision=deny", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"%d=1" % n for n in range(20)), "application/x-www-form-urlencoded", 400),
        (b"decision=perhaps", "application/x-www-form-urlencoded", 400),
        (b"", "application/x-www-form-urlencoded", 400),
    ],
)
async def test_only_a_form_within_its_bounds_is_read(content: bytes, kind: str, status: int) -> None:
    desk = Desk()
    code, _ = await desk.offer()
    answer = await desk.ask("POST", f"/approve/{code}", content=content, Content_Type=kind)
    assert (answer.status_code, await desk.status(code)) == (status, "waiting")
    assert_kept_apart(answer.headers)


async def test_a_form_that_trickles_in_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "_BODY_TIMEOUT_S", 0.05)
    desk = Desk()
    code, _ = await desk.offer()

    async def trickle() -> AsyncIterator[bytes]:
        for letter in b"decision=deny":
            yield bytes([letter])
            await anyio.sleep(0.05)

    form = "application/x-www-form-urlencoded"
    answer = await desk.ask("POST", f"/approve/{code}", content=trickle(), Content_Type=form)
    assert (answer.status_code, answer.headers["connection"], await desk.status(code)) == (408, "close", "waiting")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
async def test_other_methods_do_nothing(method: str) -> None:
    desk = Desk()
    code, _ = await desk.offer()
    for path in (f"/approve/{code}", "/approve"):
        answer = await desk.ask(method, path, Access_Control_Request_Method="POST", Origin=desk.site.origin)
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")
        assert_kept_apart(answer.headers)


async def test_a_passkey_page_takes_no_name() -> None:
    desk = Desk(store=SharedMemory())
    await enrol(desk, Credential())
    code, _ = await desk.offer(passkey=True)
    response = await desk.ask("GET", f"/approve/{code}")
    assert_kept_apart(response.headers, scripts="'self'")
    seen = read(response.text)
    assert ("name" in seen.fields, seen.buttons, "passkey" in seen.ids) == (
        False,
        ["Sign with a passkey", "Deny"],
        True,
    )
    assert "Only a passkey approves this call" in seen.text
    form = {"token": seen.fields["token"]["value"], "decision": "approve", "name": NAME}
    answer = await desk.send(code, form)
    assert (answer.status_code, await desk.status(code)) == (409, "waiting")
    assert "Only a passkey" in read(answer.text).alert
    assert (await desk.send(code, await desk.form(code, "deny"))).status_code == 303


async def test_without_the_store_nothing_is_shown_or_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    desk = Desk(store=store)
    code, _ = await desk.offer()
    form = await desk.form(code)

    async def away(*_: object) -> str:
        raise StoreError("it is away")

    with monkeypatch.context() as patch:
        patch.setattr(store, "get", away)
        for answer in (await desk.ask("GET", f"/approve/{code}"), await desk.send(code, form)):
            assert answer.status_code == 503
            assert read(answer.text).alert == "The state store cannot be used. Nothing was decided. Try again soon."
            assert_kept_apart(answer.headers)
    assert (await desk.status(code), (await desk.send(code, form)).status_code) == ("waiting", 303)


HOSTILE = st.text(
    st.sampled_from(
        "<>&\"'/=`;{}%\u202e\u2066\u200b\u00ad\u0000\u0007\ufeff\u05d0\u0627 \n\tAascriptonload!-[]\u201c\u201d🚀"
    ),
    min_size=1,
    max_size=60,
)


@given(HOSTILE | st.text(min_size=1), HOSTILE)
def test_no_name_becomes_markup_or_hides(name: str, typed: str) -> None:
    proper = name.encode("utf-8", "ignore").decode() or "x"

    async def play() -> None:
        desk = Desk()
        plain, code_of_plain = Desk(), (await desk.offer(proper))[0]
        code, _ = await plain.offer()
        seen, expected = await desk.open(code_of_plain), await plain.open(code)
        assert seen.tags == expected.tags, "a name makes no element"
        found = await desk.approvals.find(code_of_plain)
        assert found is not None
        assert seen.shown == found.shown
        assert re.search("[\u0000-\u0008\u202a-\u202e\u2066-\u2069\u200b\ufeff]", seen.text) is None
        if typed != proper:
            answer = await desk.send(code_of_plain, await desk.form(code_of_plain, name=typed))
            again = read(answer.text)
            assert (answer.status_code, [tag for tag in again.tags if tag not in {"p", "bdi"}]) == (
                422,
                [tag for tag in expected.tags if tag not in {"p", "bdi"}],
            )

    anyio.run(play)


def test_what_is_shown_has_every_row() -> None:
    approval = approval_of(NAME)
    assert [label for label, _ in approval.rows] == [
        *("PostHog", "Action", "Project", "Project id", "Organization", "What is lost", "Asked by", "Until", "Approval")
    ]
