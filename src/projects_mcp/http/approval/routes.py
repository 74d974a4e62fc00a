"""The form for a code, and the page of each approval, as routes of Starlette. The code is all that opens them."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from typing import Final

import anyio
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from projects_mcp.http.approval.forms import (
    issue_token,
    read_form,
    require_host,
    require_own_page,
    require_post,
    spend_token,
)
from projects_mcp.http.approval.pages import approval_page, code_page, message_page
from projects_mcp.http.approval.passkey_pages import signing
from projects_mcp.http.approval.passkeys import Enrolment, Signing, send_script
from projects_mcp.http.approval.plan_list import plan_list
from projects_mcp.http.approval.responses import page_response, redirect
from projects_mcp.http.approval.site import APPROVE_PATH, PASSKEY_PATH, Site
from projects_mcp.state.approval import Approval, Status
from projects_mcp.state.approvals import APPROVAL_S, ApprovalError, Approvals
from projects_mcp.state.codes import parse_code
from projects_mcp.state.passkeys import Passkeys
from projects_mcp.state.store import StoreError

__all__ = ["approval_routes"]

logger: Final = logging.getLogger("projects_mcp")

_NAMES: Final = 5
"""Names that can be typed for one approval in its time."""
_WRONG_CODES: Final = 30
"""Wrong codes in a minute, of all browsers together: nobody finds one of 40 bits so."""
_MINUTE_S: Final = 60.0


def approval_routes(approvals: Approvals, site: Site) -> list[Route]:
    """Return the routes of the pages.

    Args:
        approvals: what is shown and decided.
        site: where they are.
    """
    pages = _ApprovalPages(approvals, site)
    return [
        Route(APPROVE_PATH, _CodeForm(site)),
        Route(f"{APPROVE_PATH}/{{code}}", pages),
        Route(f"{APPROVE_PATH}/{{code}}/passkey", Signing(approvals, site, pages.open)),
        Route(f"{PASSKEY_PATH}/page.js", send_script),
        Route(f"{PASSKEY_PATH}/{{code}}", Enrolment(Passkeys(approvals.store, approvals.clock), site)),
    ]


class _Pages(ABC):
    """Answers each request with a page, whatever comes of it."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = await self._answer(scope, receive)
        await response(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        try:
            require_host(scope, self._site)
            if scope["method"] in {"GET", "HEAD"}:
                return await self._show(scope)
            require_post(scope)
            require_own_page(scope, self._site)
            return await self._take(scope, await read_form(scope, receive))
        except HTTPException as error:
            title = "There is no such approval" if error.status_code == _NO_SUCH_APPROVAL.status_code else "Not done"
            html = message_page(title, error.detail, f"..{APPROVE_PATH}" if "code" in scope["path_params"] else "")
            return page_response(html, error.status_code, error.headers)
        except StoreError as error:
            logger.error("projects-mcp: an approval cannot be shown or decided: %s", error)  # noqa: TRY400 - says all
            html = message_page(
                "Not possible now", "The state store cannot be used. Nothing was decided. Try again soon."
            )
            return page_response(html, 503, {"Retry-After": "5"})

    @abstractmethod
    async def _show(self, scope: Scope) -> Response:
        """Answer a GET."""

    @abstractmethod
    async def _take(self, scope: Scope, form: dict[str, str]) -> Response:
        """Answer a form."""


class _CodeForm(_Pages):
    """Takes a code from a form, so that it stands in no address that a browser or a proxy keeps as a search."""

    async def _show(self, scope: Scope) -> Response:
        del scope
        return page_response(code_page())

    async def _take(self, scope: Scope, form: dict[str, str]) -> Response:
        del scope
        code = parse_code(form.get("code", ""))
        if code is None:
            return page_response(code_page("This is no code. It has eight letters and digits, such as 7F3K-9QWX."), 422)
        return redirect(f"{APPROVE_PATH[1:]}/{code}")  # whether there is such an approval is not said here


_NO_SUCH_APPROVAL: Final = HTTPException(
    404, "The code is wrong, or its time is over. Make the call again in your assistant for a new one."
)


class _ApprovalPages(_Pages):
    """Shows an approval, and takes the decision on it."""

    def __init__(self, approvals: Approvals, site: Site) -> None:
        super().__init__(site)
        self._approvals = approvals
        self._store = approvals.store
        self._opening = anyio.Lock()

    async def _show(self, scope: Scope) -> Response:
        return await self._page(await self.open(scope))

    async def _take(self, scope: Scope, form: dict[str, str]) -> Response:
        approval = await self.open(scope)
        decision = form.get("decision")
        if decision not in {"approve", "deny"}:
            raise HTTPException(400, "The form has no decision. Nothing was decided.")
        if not await spend_token(self._store, approval.id, form.get("token", "")):
            error = "This form was sent before, or the page has been opened too often since. Look again, and decide."
            return await self._page(approval, 409, error)
        granted = decision == "approve"
        if granted and not approval.passkey:
            # All back after five times the time of an approval: none comes back while it lasts.
            if await self._store.take(f"page-names:{approval.id}", _NAMES, _NAMES * APPROVAL_S):
                error = (
                    f"Not approved: {_NAMES} wrong names have been typed. Nobody can approve it on this page any more."
                )
                return await self._page(approval, 429, error)
            name = form.get("name", "")
            if name != approval.phrase:
                right = "the exact name of the project" if approval.project is not None else "the words of the plan"
                error = f"Not approved: this is not {right}. Nothing was decided."
                return await self._page(approval, 422, error, name)
        try:
            await self._approvals.decide(approval, granted=granted, channel="page")
        except ApprovalError as error:
            return await self._page(await self.open(scope), 409, str(error))
        return redirect(scope["path_params"]["code"])

    async def open(self, scope: Scope) -> Approval:
        """Return the approval that the code in the path opens.

        Raises:
            HTTPException: 404, there is none; 429, too many wrong codes have been tried.
        """
        code = parse_code(scope["path_params"]["code"])
        if code is None:
            raise _NO_SUCH_APPROVAL
        async with self._opening:  # one after the other: guesses that come all at once are counted too
            if await self._store.get("page-codes:closed") is not None:
                raise _too_many_codes(1)
            approval = await self._approvals.find(code)
            if approval is not None:
                return approval
            wait_s = await self._store.take("page-codes:wrong", _WRONG_CODES, _MINUTE_S)
            if not wait_s:
                raise _NO_SUCH_APPROVAL
            await self._store.add("page-codes:closed", "", wait_s)
            raise _too_many_codes(wait_s)

    async def _page(self, approval: Approval, status: int = 200, error: str = "", typed: str = "") -> Response:
        waiting = approval.status is Status.WAITING
        signed = waiting and approval.passkey
        html = approval_page(
            approval,
            minutes=int((approval.until - self._approvals.clock()) // _MINUTE_S),
            token=await issue_token(self._store, approval.id) if waiting else "",
            this_machine=self._site.this_machine,
            error=error,
            typed=typed,
            sign=await signing(approval, Passkeys(self._store), self._site) if signed else "",
            listed=await plan_list(approval, self._store, self._approvals.clock),
        )
        return page_response(html, status, scripts=signed)


def _too_many_codes(wait_s: float) -> HTTPException:
    wait = {"Retry-After": str(int(wait_s) + 1)}
    return HTTPException(429, "Too many wrong codes have been tried. Open this page again in a minute.", wait)
