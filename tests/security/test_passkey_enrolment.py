"""A passkey is enrolled by an invitation, once, in its time, and by a device that verifies its person."""

from typing import Any

import anyio
import pytest

from projects_mcp.http.approval.site import loopback_site, public_site
from projects_mcp.state.passkeys import INVITATION_S, MOST_PASSKEYS, Passkey, PasskeyRefused, Passkeys
from tests.support.approval_desk import Desk
from tests.support.authenticator import Credential, base64url
from tests.support.gates_and_approvals import SharedMemory
from tests.support.passkey_cases import ORIGIN, WRONG, desk_of
from tests.support.passkeys import from_base64, passkey_of, registration, told

pytestmark = pytest.mark.anyio


async def invited(desk: Desk) -> tuple[str, bytes, dict[str, Any]]:
    """An invitation: the path of its page, its challenge, and what the page tells its script."""
    path = f"/passkey/{await Passkeys(desk.approvals.store, desk.approvals.clock).invite('alex')}"
    options: dict[str, Any] = told((await desk.ask("GET", path)).text)["options"]
    return path, from_base64(options["challenge"]), options


async def test_an_invitation_enrols_one_passkey() -> None:
    desk, credential = desk_of(), Credential(origin=ORIGIN)
    path, challenge, options = await invited(desk)
    assert (options["attestation"], options["user"]["name"]) == ("none", "alex")
    assert options["authenticatorSelection"] == {"residentKey": "preferred", "userVerification": "required"}
    assert [each["alg"] for each in options["pubKeyCredParams"]] == [-7, -8, -257]
    body = registration(credential, challenge)
    assert (await desk.ask_json(path, body)).status_code == 200
    (kept,) = await Passkeys(desk.approvals.store).all()
    assert (kept.name, kept.rp_id, kept.public_key) == ("alex", "localhost", base64url(credential.public_key))
    assert (await desk.ask_json(path, body)).status_code == 404
    assert (await desk.ask("GET", path)).status_code == 404
    _, _, options = await invited(desk)
    assert [each["id"] for each in options["excludeCredentials"]] == [base64url(credential.id)]


@pytest.mark.parametrize("signing", [each for each in WRONG.values() if "kind" not in each], ids=str)
async def test_a_credential_that_was_made_otherwise_is_not_enrolled(signing: dict[str, Any]) -> None:
    desk, credential = desk_of(), Credential(origin=ORIGIN)
    path, challenge, _ = await invited(desk)
    other = dict(signing)
    challenge = other.pop("challenge", challenge)
    credential.origin = other.pop("origin", ORIGIN)
    assert (await desk.ask_json(path, registration(credential, challenge, **other))).status_code == 422
    assert await Passkeys(desk.approvals.store).all() == []


async def test_an_invitation_ends() -> None:
    desk, credential = desk_of(), Credential(origin=ORIGIN)
    path, challenge, _ = await invited(desk)
    body = registration(credential, challenge)
    assert (await desk.ask_json(path, body, Origin="https://elsewhere.example")).status_code == 403
    desk.now += INVITATION_S + 1
    assert (await desk.ask_json(path, body)).status_code == 404


async def test_a_hundred_tries_at_once_use_an_invitation_once() -> None:
    desk = desk_of()
    path, challenge, _ = await invited(desk)
    answers: list[int] = []

    async def try_one() -> None:
        body = registration(Credential(origin=ORIGIN), challenge)
        answers.append((await desk.ask_json(path, body)).status_code)

    async with anyio.create_task_group() as group:
        for _ in range(15):
            group.start_soon(try_one)
    assert sorted(answers) == [200] + [404] * 14
    assert len(await Passkeys(desk.approvals.store).all()) == 1


async def test_there_are_so_many_passkeys_and_no_more() -> None:
    passkeys = Passkeys(SharedMemory())
    made = [passkey_of(Credential(), name=f"person-{number}") for number in range(MOST_PASSKEYS + 1)]
    for passkey in made[:-1]:
        await passkeys.add(passkey)
    with pytest.raises(PasskeyRefused, match="200 passkeys"):
        await passkeys.add(made[-1])
    assert await passkeys.remove("person-0") == 1
    await passkeys.add(made[-1])
    assert len(await passkeys.all()) == MOST_PASSKEYS + 1


def test_where_passkeys_can_be_used() -> None:
    assert loopback_site(8123).takes_passkeys
    served = public_site("https://mcp.example.com/tools/mcp", ())
    assert (served.rp_id, served.takes_passkeys) == ("mcp.example.com", True)
    assert served.enrolment("code") == "https://mcp.example.com/tools/passkey/code"
    for address in ("http://mcp.example.com/mcp", "https://192.0.2.7/mcp", "https://[2001:db8::1]/mcp"):
        assert not public_site(address, ()).takes_passkeys


def test_a_passkey_is_kept_to_the_letter() -> None:
    passkey = passkey_of(Credential())
    assert Passkey.load(passkey.dump()) == passkey
