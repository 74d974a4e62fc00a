"""Audit logs for tests: written by the server's own writer, and checked through the command line."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import anyio

from projects_mcp.api.operations import OPERATIONS
from projects_mcp.gateway.audit import AuditLog
from projects_mcp.gateway.call_audit import CallAudit
from projects_mcp.policy.confirmation import Assertion, Channel, ConfirmationEvidence
from projects_mcp.sandbox import ACME_ID, MOBILE_ID
from projects_mcp.sanitize.redaction import Redactor
from tests.support.authenticator import Credential, base64url
from tests.support.process import run

SHOWN = 'PostHog at eu.posthog.com: Delete project "Acme mobile" (id 12346)? Its events are gone.'


class Verified(NamedTuple):
    code: int
    report: dict[str, Any]

    @property
    def found(self) -> list[tuple[str, int | None]]:
        """What was found, by kind and line, in the order of the report; without notes."""
        return [(one["kind"], one["line"]) for one in self.report["shown"] if not one["note"]]

    @property
    def noted(self) -> list[str]:
        return [one["sentence"] for one in self.report["shown"] if one["note"]]


def verify(*arguments: str | Path) -> Verified:
    """Run `projects-mcp audit verify … --json` in a process of its own."""
    done = run("audit", "verify", *map(str, arguments), "--json")
    assert done.returncode in {0, 1}, done.stderr
    return Verified(done.returncode, json.loads(done.stdout))


def call(
    log: AuditLog, tool: str = "project_list", confirmed: ConfirmationEvidence | None = None, *, ends: bool = True
) -> None:
    """Leave the records of one call, as a call does: an intent before a write, and an outcome."""
    audit = CallAudit(log, OPERATIONS[tool], project=MOBILE_ID, evidence=confirmed)
    if not OPERATIONS[tool].effect.reads:
        anyio.run(audit.intent, UUID(ACME_ID), {"name": "x"})
    if ends:
        audit.finish("applied" if audit.intent_written else "answered")


def log_at(file: Path) -> AuditLog:
    return AuditLog(Redactor(), file)


def by_passkey(
    credential: Credential, shown: str = SHOWN, approver: str = "alex", challenge: bytes | None = None, **signing: Any
) -> ConfirmationEvidence:
    """The evidence of a passkey that has signed what was shown, or a `challenge` in its place."""
    made = credential.get(challenge or sha256(shown.encode()).digest(), **signing)["response"]
    assertion = Assertion(
        credential_id=base64url(credential.id),
        authenticator_data=made["authenticatorData"],
        client_data_json=made["clientDataJSON"],
        signature=made["signature"],
        public_key=base64url(credential.public_key),
        rp_id=credential.rp_id,
        origin=credential.origin,
    )
    return ConfirmationEvidence(Channel.PASSKEY, approver, shown, assertion)
