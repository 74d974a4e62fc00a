"""Enrol a passkey by an invitation, and take the signature on an approval, as the script of the pages sends them."""

from __future__ import annotations

import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Final

import anyio.to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from projects_mcp.http.approval.forms import read_json, require_host, require_own_page, require_post, spend_token
from projects_mcp.http.approval.pages import message_page
from projects_mcp.http.approval.passkey_pages import enrolment_page, why_none
from projects_mcp.http.approval.responses import page_response, script_response
from projects_mcp.http.approval.site import Site
from projects_mcp.policy.confirmation import Assertion, Channel
from projects_mcp.policy.passkey_signature import (
    PasskeyError,
    PasskeyLibraryMissing,
    verify_assertion,
    verify_registration,
)
from projects_mcp.state.approval import Approval, Status
from projects_mcp.state.approvals import APPROVAL_S, ApprovalError, Approvals
from projects_mcp.state.passkeys import Passkey, PasskeyRefused, Passkeys
from projects_mcp.state.store import StoreError

__all__ = ["Enrolment", "Signing", "send_script"]

logger: Final = logging.getLogger("projects_mcp")
_process_log: Final = logging.getLogger("projects_mcp.process")

_SCRIPT: Final = Path(__file__).with_name("passkey.js")
_SIGNATURES: Final = 20
"""Signatures that can be tried for one approval in its time."""
_SIGNED: Final = frozenset({"token", "credential_id", "authenticator_data", "client_data_json", "signature"})
_MADE: Final = frozenset({"credential_id", "client_data_json", "attestation_object"})
_NO_INVITATION: Final = (
    "This invitation was used, or its time is over. Let a new one be made: projects-mcp passkey add, or passkey invite."
)


async def send_script(_request: Request) -> Response:
    """Answer with the script of the pages."""
    return script_response(await anyio.to_thread.run_sync(_SCRIPT.read_bytes))


class _Ceremony(ABC):
    """Answers what the script sends with JSON: nothing to add, or one sentence for the person."""

    fields: frozenset[str]

    def __init__(self, site: Site) -> None:
        self._site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = await self._answer(scope, receive)
        await response(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:  # noqa: PLR0911 - one for each end
        try:
            require_host(scope, self._site)
            if scope["method"] in {"GET", "HEAD"}:
                return await self._show(scope)
            require_post(scope)
            require_own_page(scope, self._site)
            await self._take(scope, await read_json(scope, receive, self.fields))
        except HTTPException as error:
            return _sentence(error.detail, error.status_code)
        except (PasskeyError, PasskeyRefused) as error:
            return _sentence(str(error), 422)
        except ApprovalError as error:
            return _sentence(str(error), 409)
        except PasskeyLibraryMissing as error:
            return _sentence(f"This server can take no passkey: {error}.", 501)
        except StoreError as error:
            logger.error("projects-mcp: a passkey cannot be enrolled or used: %s", error)  # noqa: TRY400 - says all
            return _sentence("The state store cannot be used. Nothing was done. Try again soon.", 503)
        return _json({}, 200)

    async def _show(self, scope: Scope) -> Response:
        """Answer a GET."""
        del scope
        raise HTTPException(405, "This address takes POST only.")

    @abstractmethod
    async def _take(self, scope: Scope, sent: dict[str, str]) -> None:
        """Take what an authenticator has made."""


class Signing(_Ceremony):
    """Takes the signature of a passkey on an approval.

    Args:
        approvals: what is decided.
        site: where the page is.
        open_approval: returns the approval whose code is in the path, and counts wrong codes.
    """

    fields = _SIGNED

    def __init__(self, approvals: Approvals, site: Site, open_approval: Callable[[Scope], Awaitable[Approval]]) -> None:
        super().__init__(site)
        self._approvals = approvals
        self._open = open_approval
        self._passkeys = Passkeys(approvals.store, approvals.clock)

    async def _take(self, scope: Scope, sent: dict[str, str]) -> None:
        approval = await self._open(scope)
        if approval.status is not Status.WAITING:
            raise ApprovalError(f"This approval was decided before: it is {approval.status.value}.")
        store = self._approvals.store
        if await store.take(f"signatures:{approval.id}", _SIGNATURES, _SIGNATURES * APPROVAL_S):
            raise HTTPException(429, "Too many signatures have been tried. Make the call again for a new approval.")
        passkey, assertion, count = await self.verify(approval, sent)
        if not await spend_token(store, approval.id, sent["token"]):
            raise ApprovalError("This page was used before, or opened too often since. Open it again, and decide.")
        await self._passkeys.count(passkey, count)
        await self._approvals.decide(
            approval,
            granted=True,
            channel=Channel.PASSKEY.value,
            approver=passkey.name,
            assertion=assertion._asdict(),
        )

    async def verify(self, approval: Approval, sent: dict[str, str]) -> tuple[Passkey, Assertion, int]:
        """Make sure that an enrolled passkey that may approve this has signed exactly what is shown. Decides nothing.

        Args:
            approval: what is shown.
            sent: by the script.

        Returns:
            The passkey, what it has signed, and how many signatures it has counted with this one.

        Raises:
            PasskeyError: it has not.
            PasskeyLibraryMissing: nothing can be checked.
            StoreError: the state store cannot be used.
        """
        passkey = await self._passkeys.find(sent["credential_id"])
        if passkey is None or passkey.rp_id != self._site.rp_id:
            raise PasskeyError("This passkey is not enrolled here, or was removed. Nothing was approved.")
        if approval.approvers is not None and passkey.name not in approval.approvers:
            raise PasskeyError(f"This passkey is that of {passkey.name}, who may not approve this call.")
        assertion = Assertion(
            credential_id=sent["credential_id"],
            authenticator_data=sent["authenticator_data"],
            client_data_json=sent["client_data_json"],
            signature=sent["signature"],
            public_key=passkey.public_key,
            rp_id=self._site.rp_id,
            origin=self._site.origin,
        )
        # In a thread: the library is slow to load, and a signature takes a moment.
        verify = partial(verify_assertion, assertion, approval.digest, passkey.sign_count)
        return passkey, assertion, await anyio.to_thread.run_sync(verify)


class Enrolment(_Ceremony):
    """Shows the page of an invitation, and takes the passkey that is made there.

    Args:
        passkeys: keep it.
        site: where the page is.
    """

    fields = _MADE

    def __init__(self, passkeys: Passkeys, site: Site) -> None:
        super().__init__(site)
        self._passkeys = passkeys

    async def _show(self, scope: Scope) -> Response:
        if wrong := why_none(self._passkeys, self._site):
            return page_response(message_page("Not possible here", wrong), 501)
        invitation = await self._passkeys.invitation(scope["path_params"]["code"])
        if invitation is None:
            return page_response(message_page("There is no such invitation", _NO_INVITATION), 404)
        enrolled = await self._passkeys.enrolled(self._site.rp_id)
        return page_response(enrolment_page(invitation, enrolled, self._site), scripts=True)

    async def _take(self, scope: Scope, sent: dict[str, str]) -> None:
        if wrong := why_none(self._passkeys, self._site):
            raise HTTPException(501, wrong)
        code = scope["path_params"]["code"]
        invitation = await self._passkeys.invitation(code)
        if invitation is None:
            raise HTTPException(404, _NO_INVITATION)
        challenge = bytes.fromhex(invitation.challenge)
        verify = partial(verify_registration, sent, challenge, self._site.rp_id, self._site.origin)
        made = await anyio.to_thread.run_sync(verify)
        if not await self._passkeys.accept(code, invitation):
            raise HTTPException(404, _NO_INVITATION)
        passkey = Passkey(
            name=invitation.name,
            credential_id=made.credential_id,
            public_key=made.public_key,
            sign_count=made.sign_count,
            rp_id=self._site.rp_id,
            added_at=self._passkeys.now(),
        )
        await self._passkeys.add(passkey)
        _process_log.info("projects-mcp: a passkey of %s was enrolled for %s", passkey.name, passkey.rp_id)


def _sentence(sentence: str, status: int) -> Response:
    return _json({"error": sentence}, status)


def _json(value: dict[str, str], status: int) -> Response:
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(json.dumps(value).encode(), status, headers, media_type="application/json")
