"""The audit records of one call: its intent before a write leaves, and its outcome."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from secrets import token_hex
from traceback import format_exc
from typing import Any, Final

from projects_mcp.api.operations import Operation
from projects_mcp.api.types import OrganizationRef, ProjectRef
from projects_mcp.errors.refusals import AuditLogUnavailable
from projects_mcp.gateway.audit import AuditLog, AuditUnavailable
from projects_mcp.policy.confirmation import ConfirmationEvidence

__all__ = ["CallAudit"]

logger: Final = logging.getLogger("projects_mcp")


@dataclass(slots=True)
class CallAudit:
    """Writes the records of one call: names and ids, never values, but for what a passkey has signed.

    Attributes:
        log: where the records go.
        operation: what the call sends.
        caller: whose call it is; None for whoever has started the process.
        organization: its target, once it is known.
        project: its target, once it is known.
        dropped: arguments that the client has added by itself, by names that this package knows.
        evidence: how a destructive call was confirmed, once it was.
        plan: the id of the plan that it is a step of.
        intent_written: whether a request that changes something was about to leave.
        changed: settings that the call has changed -> their values before and after.
    """

    log: AuditLog
    operation: Operation
    caller: str | None = None
    organization: OrganizationRef | None = None
    project: ProjectRef | None = None
    dropped: Sequence[str] = ()
    evidence: ConfirmationEvidence | None = None
    plan: str | None = None
    intent_written: bool = False
    changed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    number: str = field(default_factory=partial(token_hex, 8))
    _started: float = field(default_factory=time.monotonic)

    async def intent(self, organization: OrganizationRef, body: Mapping[str, Any]) -> None:
        """Record that a request that changes something is about to leave, and wait until the disk has it.

        Raises:
            AuditLogUnavailable: the audit log cannot be written, so the request must not leave.
        """
        self.organization = organization
        identity, signed = self._identity(), self._signed()
        fields: dict[str, Any] = {"target_organization": body.get("organization_id"), "fields": sorted(body)}
        if (evidence := self.evidence) is not None:
            fields |= {"approver": evidence.approver, "digest": evidence.digest}
        try:
            await self.log.intent({**identity, **fields}, signed)
        except AuditUnavailable:
            raise AuditLogUnavailable from None
        self.intent_written = True

    def finish(self, outcome: str, error: Mapping[str, Any] | None = None, project: object = None) -> None:
        """Record the end of the call, and count it. Never fails.

        Args:
            outcome: one word.
            error: the machine-readable part of a failure.
            project: the `project` of a receipt, which knows what was created, and where it is now.
        """
        try:
            duration_s = time.monotonic() - self._started
            if (tally := self.log.tally) is not None:
                kind = None if error is None else error["kind"]
                channel = None if self.evidence is None else self.evidence.channel.value
                tally.count(self.operation.tool, self.caller, outcome, duration_s, kind, channel)
            record = {**self._identity(), "outcome": outcome, "duration_ms": round(duration_s * 1000, 1)}
            if isinstance(project, dict):
                record |= {"project": project.get("id"), "organization": project.get("organization_id")}
            if error is not None:
                record |= {"kind": error["kind"], "status": error["status"]}
            self.log.record("outcome" if self.intent_written else "call", record)
        except Exception:  # noqa: BLE001 - no record takes a result away, and none is logged before it is redacted
            logger.error("the record of %s failed\n%s", self.operation.tool, self.log.redactor.text(format_exc()))  # noqa: TRY400

    def _signed(self) -> dict[str, Any] | None:
        """Return what a passkey's signature can be checked with, as it is; None if none has signed.

        A text that would be redacted now, because it holds a secret that was not known when it was shown, is left out:
        the signature is then checked against its digest alone.
        """
        evidence = self.evidence
        if evidence is None or evidence.assertion is None:
            return None
        signed: dict[str, Any] = {"assertion": evidence.assertion._asdict()}
        if evidence.shown is not None and self.log.redactor.text(evidence.shown) == evidence.shown:
            signed["shown"] = evidence.shown
        return signed

    def _identity(self) -> dict[str, Any]:
        project = self.project
        return {
            "request_id": self.number,
            "caller": self.caller,
            "tool": self.operation.tool,
            "effect": self.operation.effect.value,
            "organization": None if self.organization is None else str(self.organization),
            "project": project if project is None or isinstance(project, int) else str(project),
            "plan": self.plan,
            "confirmed": "none" if self.evidence is None else self.evidence.channel.value,
            "dropped_arguments": list(self.dropped) or None,
        }
