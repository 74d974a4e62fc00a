"""A record in the state store that says "signed" is checked again where it is used: forged ones change nothing."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest

from projects_mcp.config.settings import load
from projects_mcp.gateway.approval_page import ApprovalPage
from projects_mcp.gateway.audit import AuditLog
from projects_mcp.policy.authorization import CallerGrant
from projects_mcp.posthog.client import PostHog
from projects_mcp.runner.result import ToolResult
from projects_mcp.runner.runner import ToolRunner
from projects_mcp.sandbox import MOBILE_ID, PRODUCTION_ID
from projects_mcp.sanitize.redaction import Redactor
from projects_mcp.state.approval import Approval
from projects_mcp.state.approvals import Approvals
from projects_mcp.state.passkeys import Passkeys
from tests.support.authenticator import USER_PRESENT, Credential, base64url
from tests.support.gates_and_approvals import SharedMemory
from tests.support.harness import ENVIRONMENT, Harness
from tests.support.passkeys import assertion, passkey_of

pytestmark = pytest.mark.anyio

WEB = {"project_id": PRODUCTION_ID, "confirm_project_name": "Acme web"}
MOBILE = {"project_id": MOBILE_ID, "confirm_project_name": "Acme mobile"}
TOOL = "project_reset_token"
SCOPES = frozenset({"project:read", "project:write"})


class Server:
    """A server where only passkeys approve, and somebody who can write into its store."""

    def __init__(
        self, approvers: tuple[str, ...] | None = None, caller: str = "", confirmation: str = "passkey"
    ) -> None:
        self.harness, self.store = Harness(), SharedMemory()
        self.approvals = Approvals(self.store)
        settings = load({**ENVIRONMENT, "PROJECTS_MCP_CONFIRMATION": confirmation})
        grant = CallerGrant(caller, SCOPES, approvers=approvers) if caller else None
        posthog = PostHog(settings.origin, settings.credentials, settings.limits, self.harness.recorder)
        page = ApprovalPage("http://localhost:8787/approve/")
        journal = AuditLog(Redactor(settings.secrets()))
        self.runner = ToolRunner(settings, posthog, journal, grant, store=self.store, approval_page=page)

    async def call(self, arguments: dict[str, Any] = WEB) -> ToolResult:
        return await self.runner.call(TOOL, arguments)

    async def make_offer(self, arguments: dict[str, Any] = WEB) -> Approval:
        error = (await self.call(arguments)).error or {}
        assert error["kind"] == "passkey_needed", error
        approval = await self.approvals.find(error["approval"]["code"])
        assert approval is not None
        return approval

    async def enrol(self, credential: Credential, name: str = "alex") -> Credential:
        await Passkeys(self.store).add(passkey_of(credential, name))
        return credential

    async def write(self, approval: Approval, **fields: Any) -> None:
        """Put a record in the place of an approval's, as somebody does who can write into the store."""
        key = f"approval:{approval.binding}"
        old = await self.store.get(key)
        assert old is not None
        new = json.dumps({**asdict(approval), "status": "granted", "channel": "passkey", "approver": "alex", **fields})
        assert await self.store.replace(key, old, new)

    async def assert_refused(self, kind: str = "approval_not_signed") -> None:
        error = (await self.call()).error or {}
        assert error["kind"] == kind, error
        assert self.harness.recorder.writes == []
        await self.make_offer()


def assertion_of(credential: Credential, approval: Approval, **other: Any) -> dict[str, str]:
    signed = assertion(credential, "", approval.digest, **other)
    del signed["token"]
    place = {"rp_id": credential.rp_id, "origin": credential.origin}
    return {**signed, "public_key": base64url(credential.public_key), **place}


async def test_what_an_enrolled_passkey_has_signed_counts_once() -> None:
    server = Server()
    credential, approval = await server.enrol(Credential()), await server.make_offer()
    await server.write(approval, assertion=assertion_of(credential, approval))
    assert (await server.call()).outcome == "applied"
    assert len(server.harness.recorder.writes) == 1
    await server.make_offer()


FORGED: dict[str, Callable[[Credential, Approval], dict[str, Any]]] = {
    "no signature": lambda _key, _approval: {"assertion": None},
    "half of one": lambda key, it: {"assertion": {"signature": assertion_of(key, it)["signature"]}},
    "more than one": lambda key, it: {"assertion": {**assertion_of(key, it), "more": "x"}},
    "numbers": lambda key, it: {"assertion": {**assertion_of(key, it), "signature": 7}},
    "another text": lambda key, _it: {"assertion": assertion_of_other(key)},
    "without user verification": lambda key, it: {"assertion": assertion_of(key, it, flags=USER_PRESENT)},
    "inside another page": lambda key, it: {"assertion": assertion_of(key, it, crossOrigin=True)},
    "a key that nobody enrolled": lambda _key, it: {"assertion": assertion_of(Credential(), it)},
    "another key under its id": lambda key, it: {"assertion": assertion_of(Credential(id=key.id), it)},
    "another person": lambda key, it: {"assertion": assertion_of(key, it), "approver": "sam"},
    "another site": lambda key, it: {
        "assertion": assertion_of(Credential("evil.example", "https://evil.example", key.id, key=key.key), it)
    },
    "a page elsewhere": lambda key, it: {
        "assertion": assertion_of(Credential("localhost", "https://evil.example", key.id, key=key.key), it)
    },
    "the page": lambda key, it: {"assertion": assertion_of(key, it), "channel": "page"},
    "the terminal": lambda _key, _it: {"channel": "terminal", "passkey": False, "approvers": None},
    "a client": lambda _key, _it: {"channel": "client", "passkey": False},
}


def assertion_of_other(key: Credential) -> dict[str, str]:
    signed = assertion(key, "", b"0" * 32)
    del signed["token"]
    return {**signed, "public_key": base64url(key.public_key), "rp_id": key.rp_id, "origin": key.origin}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
async def test_a_forged_record_is_refused(forge: Callable[[Credential, Approval], dict[str, Any]]) -> None:
    server = Server()
    credential, approval = await server.enrol(Credential()), await server.make_offer()
    await server.write(approval, **forge(credential, approval))
    await server.assert_refused()


async def test_a_real_signature_of_another_call_is_refused() -> None:
    """Whoever writes into the store may bring everything that a person has signed, but only about another project."""
    server = Server()
    credential = await server.enrol(Credential())
    wanted, other = await server.make_offer(), await server.make_offer(MOBILE)
    shown = {"lines": other.lines, "id": other.id, "until": other.until}
    await server.write(wanted, assertion=assertion_of(credential, other), **shown)
    await server.assert_refused()


async def test_a_real_signature_for_another_caller_is_refused() -> None:
    ada = Server(caller="ada")
    credential, signed = Credential(), await ada.make_offer()
    server = Server(caller="ada-2")
    await server.enrol(credential)
    wanted = await server.make_offer()
    shown = {"lines": signed.lines, "id": signed.id, "until": signed.until}
    await server.write(wanted, assertion=assertion_of(credential, signed), **shown)
    await server.assert_refused()


@pytest.mark.parametrize("confirmation", ["auto", "human", "argument", "passkey"])
async def test_the_approvers_are_those_of_the_callers_file_and_not_of_the_record(confirmation: str) -> None:
    server = Server(("alex",), "sam", confirmation)
    alex, sam = await server.enrol(Credential()), await server.enrol(Credential(), "sam")
    approval = await server.make_offer()
    for approvers in (None, ("sam",)):
        await server.write(approval, assertion=assertion_of(sam, approval), approver="sam", approvers=approvers)
        await server.assert_refused()
        approval = await server.make_offer()
    await server.write(approval, assertion=assertion_of(alex, approval))
    assert (await server.call()).outcome == "applied"


async def test_one_that_was_removed_in_between_does_not_count() -> None:
    server = Server()
    credential, approval = await server.enrol(Credential()), await server.make_offer()
    await server.write(approval, assertion=assertion_of(credential, approval))
    await Passkeys(server.store).remove("alex")
    await server.assert_refused()
