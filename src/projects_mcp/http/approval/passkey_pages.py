"""What the pages say about passkeys, and what their script is told."""

from __future__ import annotations

import json
from html import escape
from secrets import token_bytes
from typing import Any, Final

from projects_mcp.http.approval.pages import escaped, whole_page
from projects_mcp.http.approval.site import PASSKEY_PATH, Site
from projects_mcp.policy.passkey_signature import ALGORITHMS, NO_LIBRARY, base64url, library_is_there
from projects_mcp.state.approval import Approval
from projects_mcp.state.passkeys import NOT_KEPT, Invitation, Passkey, Passkeys

__all__ = ["enrolment_page", "signing", "why_none"]

_TIMEOUT_MS: Final = 120_000
"""Milliseconds that a device is given to ask its person."""
_NO_SCRIPT: Final = "<noscript><p>This needs JavaScript: a passkey works in no other way.</p></noscript>"


def why_none(passkeys: Passkeys, site: Site) -> str:
    """Return why no passkey can be used at this server; empty if one can."""
    if not library_is_there():
        return f"This server can take no passkey: {NO_LIBRARY}."
    if not passkeys.store.shared:
        return f"This server can take no passkey: {NOT_KEPT}."
    if not site.takes_passkeys:
        return f"Browsers use no passkey at {site.origin}: it takes a name, and HTTPS."
    return ""


async def signing(approval: Approval, passkeys: Passkeys, site: Site) -> str:
    """Return what signs an approval, as HTML: a button, or why there is none.

    Raises:
        StoreError: the state store cannot be used.
    """
    wrong = why_none(passkeys, site)
    enrolled = [] if wrong else await passkeys.enrolled(site.rp_id, approval.approvers)
    if not enrolled:
        return f'<p class="alert" role="alert">{escaped(wrong or _nobody(approval, site))}</p>'
    options = {
        "challenge": base64url(approval.digest),
        "rpId": site.rp_id,
        "timeout": _TIMEOUT_MS,
        "userVerification": "required",
        "allowCredentials": _named(enrolled),
    }
    return _button("Sign with a passkey", "get", options, site, f"..{PASSKEY_PATH}/page.js")


def enrolment_page(invitation: Invitation, enrolled: list[Passkey], site: Site) -> str:
    """Show the page of an invitation.

    Args:
        invitation: whose passkey it is.
        enrolled: the passkeys for this site, which a device must not enrol again.
        site: where the page is.
    """
    options = {
        "challenge": base64url(bytes.fromhex(invitation.challenge)),
        "rp": {"id": site.rp_id, "name": "projects-mcp"},
        "user": {"id": base64url(token_bytes(32)), "name": invitation.name, "displayName": invitation.name},
        "pubKeyCredParams": [{"type": "public-key", "alg": number} for number in ALGORITHMS],
        "timeout": _TIMEOUT_MS,
        "attestation": "none",
        "authenticatorSelection": {"residentKey": "preferred", "userVerification": "required"},
        "excludeCredentials": _named(enrolled),
    }
    content = (
        f"<h1>Enrol a passkey for {escaped(invitation.name)}</h1>"
        "<p>Anybody who holds it can then approve calls that destroy something, as this person. Go on only if you are "
        f"{escaped(invitation.name)}, and if you have asked for this page.</p>"
        "<p>Your device makes the passkey and keeps its secret. It asks for your fingerprint, your face or its PIN, "
        "now and whenever you approve a call.</p>"
        f"{_button('Make a passkey', 'create', options, site, 'page.js')}"
    )
    return whole_page(f"Enrol a passkey for {invitation.name}", content)


def _named(passkeys: list[Passkey]) -> list[dict[str, str]]:
    return [{"type": "public-key", "id": passkey.credential_id} for passkey in passkeys]


def _button(text: str, ceremony: str, options: dict[str, Any], site: Site, script: str) -> str:
    told = {"ceremony": ceremony, "origin": site.origin, "options": options}
    return (
        f'<div class="buttons"><button type="button" id="passkey" data-passkey="{escape(json.dumps(told))}" '
        f'aria-describedby="passkey-status">{escaped(text, apart=False)}</button></div>'
        f'<p id="passkey-status" role="status"></p>{_NO_SCRIPT}<script src="{script}" defer></script>'
    )


def _nobody(approval: Approval, site: Site) -> str:
    if approval.approvers == ():
        return "Nobody can approve this: the entry of this caller names no approvers."
    who = "" if approval.approvers is None else f" of {' or '.join(approval.approvers)}"
    how = (
        "Run `projects-mcp passkey add NAME` in a terminal of this machine, and open this page again."
        if site.rp_id == "localhost"
        else "Who runs this server makes an invitation: `projects-mcp passkey invite NAME`. Open this page again then."
    )
    return f"No passkey{who} is enrolled for {site.rp_id}, so nobody can approve this yet. {how}"
