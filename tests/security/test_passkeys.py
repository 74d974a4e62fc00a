"""Only an enrolled passkey, of somebody who may, with user verification, approves exactly what it was shown: once.

The pages and the state store are the real ones; the authenticator is one in software, which signs whatever it is told.
"""

import random
import time
import tracemalloc
from contextlib import suppress
from hashlib import sha256
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projects_mcp.http.approval.passkeys import Signing
from projects_mcp.policy.passkey_signature import PasskeyError
from projects_mcp.state.approval import Approval
from projects_mcp.state.passkeys import PasskeyRefused, Passkeys
from tests.support.approval_desk import Desk
from tests.support.approval_page import read
from tests.support.authenticator import Credential, base64url
from tests.support.passkey_cases import ORIGIN, WRONG, desk_of
from tests.support.passkeys import assertion, enrol, from_base64, passkey_of, told

pytestmark = pytest.mark.anyio


async def waiting(desk: Desk, **fields: Any) -> tuple[str, Approval, str]:
    """An approval that only a passkey decides: its code, itself, and the token of its page."""
    code, approval = await desk.offer(passkey=True, **fields)
    return code, approval, (await desk.open(code)).fields["token"]["value"]


async def send(desk: Desk, code: str, body: Any, **headers: str) -> httpx.Response:
    return await desk.ask_json(f"/approve/{code}/passkey", body, **headers)


async def test_an_enrolled_passkey_approves_what_it_was_shown() -> None:
    desk, credential = desk_of(), Credential(origin=ORIGIN)
    await enrol(desk, credential, "alex")
    code, approval, token = await waiting(desk)
    page = await desk.ask("GET", f"/approve/{code}")
    options = told(page.text)["options"]
    assert from_base64(options["challenge"]) == sha256(read(page.text).shown.encode()).digest()
    assert (options["rpId"], options["userVerification"]) == ("localhost", "required")
    assert [each["id"] for each in options["allowCredentials"]] == [base64url(credential.id)]
    answer = await send(desk, code, assertion(credential, token, approval.digest))
    assert (answer.status_code, answer.json()) == (200, {})
    decided = await desk.approvals.find(code)
    assert decided is not None
    assert (decided.status, decided.channel, decided.approver) == ("granted", "passkey", "alex")
    assert "Approved" in (await desk.open(code)).title


@pytest.mark.parametrize("signing", WRONG.values(), ids=WRONG)
async def test_a_signature_of_anything_else_is_refused(signing: dict[str, Any]) -> None:
    desk, credential = desk_of(), Credential(origin=ORIGIN)
    await enrol(desk, credential)
    code, approval, token = await waiting(desk)
    other = dict(signing)
    challenge = other.pop("challenge", approval.digest)
    credential.origin = other.pop("origin", ORIGIN)
    answer = await send(desk, code, assertion(credential, token, challenge, **other))
    assert (answer.status_code, await desk.status(code)) == (422, "waiting")
    credential.origin = ORIGIN
    assert (await send(desk, code, assertion(credential, token, approval.digest))).status_code == 200


async def test_a_passkey_for_another_site_is_refused() -> None:
    desk, credential = desk_of(), Credential("example.com", ORIGIN)
    await enrol(desk, credential)
    code, approval, token = await waiting(desk)
    assert told((await desk.ask("GET", f"/approve/{code}")).text) is None
    assert (await send(desk, code, assertion(credential, token, approval.digest))).status_code == 422
    await Passkeys(desk.approvals.store).add(passkey_of(Credential(id=credential.id + b"2")))
    disguised = Credential("example.com", ORIGIN, id=credential.id + b"2")
    assert (await send(desk, code, assertion(disguised, token, approval.digest))).status_code == 422
    # One that was enrolled for another site counts there only, also if it signs for this one.
    moved = Credential("localhost", ORIGIN, id=credential.id, key=credential.key)
    assert (await send(desk, code, assertion(moved, token, approval.digest))).status_code == 422
    assert await desk.status(code) == "waiting"


async def test_another_credential_and_one_that_was_removed_are_refused() -> None:
    desk, credential, stranger = desk_of(), Credential(origin=ORIGIN), Credential(origin=ORIGIN)
    await enrol(desk, credential)
    code, approval, token = await waiting(desk)
    for other in (stranger, Credential(origin=ORIGIN, id=credential.id)):
        assert (await send(desk, code, assertion(other, token, approval.digest))).status_code == 422
    assert await Passkeys(desk.approvals.store).remove("alex") == 1
    answer = await send(desk, code, assertion(credential, token, approval.digest))
    assert (answer.status_code, "was removed" in answer.json()["error"]) == (422, True)
    assert "No passkey is enrolled" in (await desk.open(code)).alert
    with pytest.raises(PasskeyRefused):
        await Passkeys(desk.approvals.store).add(passkey_of(credential))


async def test_a_replayed_signature_counts_neither_for_its_approval_nor_for_another_one() -> None:
    desk, credential = desk_of(), Credential(origin=ORIGIN)
    await enrol(desk, credential)
    code, approval, token = await waiting(desk)
    body = assertion(credential, token, approval.digest)
    other, _, other_token = await waiting(desk, binding="b" * 64)
    assert (await send(desk, other, body | {"token": other_token})).status_code == 422
    assert (await send(desk, code, body)).status_code == 200
    assert (await send(desk, code, body)).status_code == 409
    assert await desk.approvals.take(approval.binding) is not None
    again, renewed, new_token = await waiting(desk)
    assert renewed.digest != approval.digest
    assert (await send(desk, again, body | {"token": new_token})).status_code == 422
    assert [await desk.status(each) for each in (other, again)] == ["waiting", "waiting"]


async def test_a_count_of_signatures_does_not_go_back() -> None:
    desk, credential = desk_of(), Credential(origin=ORIGIN, sign_count=7)
    await enrol(desk, credential)
    code, approval, token = await waiting(desk)
    copy = Credential(origin=ORIGIN, id=credential.id, key=credential.key, sign_count=3)
    answer = await send(desk, code, assertion(copy, token, approval.digest))
    assert (answer.status_code, "counted fewer" in answer.json()["error"]) == (422, True)
    assert (await send(desk, code, assertion(credential, token, approval.digest))).status_code == 200
    (kept,) = await Passkeys(desk.approvals.store).all()
    assert kept.sign_count == 8


async def test_one_that_does_not_count_is_taken_each_time() -> None:
    desk, credential = desk_of(), Credential(origin=ORIGIN)
    await enrol(desk, credential)
    for binding in ("a" * 64, "b" * 64):
        credential.sign_count = -1
        code, approval, token = await waiting(desk, binding=binding)
        assert (await send(desk, code, assertion(credential, token, approval.digest))).status_code == 200


@pytest.mark.parametrize(
    ("approvers", "caller", "approves"),
    [
        (None, "bot", True),
        (("alex",), "bot", True),
        (("sam", "alex"), "bot", True),
        (("sam",), "bot", False),
        (("sam",), "alex", False),
        (("alex",), "alex", True),
        ((), "bot", False),
    ],
)
async def test_only_one_of_the_approvers_approves(
    approvers: tuple[str, ...] | None, caller: str, approves: bool
) -> None:
    desk, credential = desk_of(), Credential(origin=ORIGIN)
    await enrol(desk, credential, "alex")
    code, approval, token = await waiting(desk, approvers=approvers, caller=caller)
    answer = await send(desk, code, assertion(credential, token, approval.digest))
    assert answer.status_code == (200 if approves else 422), answer.text
    assert await desk.status(code) == ("granted" if approves else "waiting")


async def test_what_is_sent_from_elsewhere_or_without_the_page_is_refused() -> None:
    desk, credential = desk_of(), Credential(origin=ORIGIN)
    await enrol(desk, credential)
    code, approval, token = await waiting(desk)
    body = assertion(credential, token, approval.digest)
    for headers in (
        {"Origin": "https://elsewhere.example"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Origin": "null"},
        {"Origin": "", "Sec_Fetch_Site": ""},
    ):
        assert (await send(desk, code, body, **headers)).status_code == 403
    assert (await send(desk, code, body, Host="elsewhere.example")).status_code == 421
    assert (await send(desk, code, body, Content_Type="text/plain")).status_code == 415
    assert (await send(desk, code, body | {"token": "x"})).status_code == 409
    assert (await send(desk, "7F3K-9QWX", body)).status_code == 404
    bodies: tuple[Any, ...] = ([], {}, body | {"more": "x"}, body | {"signature": 7}, body | {"signature": "é"}, "x")
    for wrong in bodies:
        assert (await send(desk, code, wrong)).status_code == 400
    assert (await send(desk, code, body | {"signature": "A" * 40_000})).status_code == 413
    assert (await desk.ask("GET", f"/approve/{code}/passkey")).status_code == 405
    assert await desk.status(code) == "waiting"


SIGNED = ("credential_id", "authenticator_data", "client_data_json", "signature")


def mutated(body: dict[str, str], field: str, where: int, change: int, how: str) -> dict[str, str]:
    """Change one byte of what was signed or of its text, cut it, or repeat a part."""
    if how == "letter":
        text = body[field]
        at = where % len(text)
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=."
        letter = letters[(letters.index(text[at]) + 1 + change % (len(letters) - 1)) % len(letters)]
        return body | {field: text[:at] + letter + text[at + 1 :]}
    data = from_base64(body[field])
    at = where % len(data)
    return body | {
        field: base64url(
            {
                "byte": data[:at] + bytes([data[at] ^ (1 + change % 255)]) + data[at + 1 :],
                "cut": data[:at],
                "repeat": data[: at + 1] + data[at:],
            }[how]
        )
    }


HOW = ("byte", "letter", "cut", "repeat")


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(SIGNED), st.integers(0, 10_000), st.integers(0, 254), st.sampled_from(HOW))
def test_no_changed_byte_is_accepted(field: str, where: int, change: int, how: str) -> None:
    async def run() -> None:
        desk, credential = desk_of(), Credential(origin=ORIGIN)
        await enrol(desk, credential)
        code, approval, token = await waiting(desk)
        body = assertion(credential, token, approval.digest)
        answer = await send(desk, code, mutated(body, field, where, change, how))
        assert answer.status_code in {400, 422}, answer.text
        assert await desk.status(code) == "waiting"
        assert (await send(desk, code, body)).status_code == 200

    anyio.run(run)


@pytest.mark.parametrize("field", SIGNED)
async def test_base64url_has_one_form(field: str) -> None:
    """The last letter may hold bits that no byte has: another letter would say the same, and is refused."""
    desk, credential = desk_of(), Credential(origin=ORIGIN)
    await enrol(desk, credential)
    code, approval, token = await waiting(desk)
    body = assertion(credential, token, approval.digest)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for step in (1, 2, 3):
        last = letters[letters.index(body[field][-1]) ^ step]
        answer = await send(desk, code, body | {field: body[field][:-1] + last})
        assert (answer.status_code, await desk.status(code)) == (422, "waiting")


async def _never_opened(_scope: object) -> Approval:
    raise AssertionError


async def test_ten_thousand_changed_signatures_cost_little_and_none_is_accepted() -> None:
    desk, credential = desk_of(), Credential(origin=ORIGIN)
    await enrol(desk, credential)
    code, approval, token = await waiting(desk)
    body = assertion(credential, token, approval.digest)
    random_ = random.Random(2026)
    signing = Signing(desk.approvals, desk.site, _never_opened)
    began, refused = time.monotonic(), 0
    tracemalloc.start()
    for number in range(10_000):
        if number == 1_000:
            _, most = tracemalloc.get_traced_memory()
            tracemalloc.stop()  # it makes everything slow
            assert most < 16 * 1024 * 1024
        field, how = random_.choice(SIGNED), random_.choice(HOW)
        sent = mutated(body, field, random_.randrange(10_000), random_.randrange(255), how)
        with suppress(PasskeyError):
            await signing.verify(approval, sent)
            continue
        refused += 1
    assert (refused, await desk.status(code)) == (10_000, "waiting")
    assert time.monotonic() - began < 60, "each is one bounded check"


async def test_the_tries_at_one_approval_are_counted() -> None:
    desk, credential = desk_of(), Credential(origin=ORIGIN)
    await enrol(desk, credential)
    code, approval, token = await waiting(desk)
    wrong = assertion(credential, token, b"0" * 32)
    codes = [(await send(desk, code, wrong)).status_code for _ in range(25)]
    assert codes == [422] * 20 + [429] * 5
    assert (await send(desk, code, assertion(credential, token, approval.digest))).status_code == 429
