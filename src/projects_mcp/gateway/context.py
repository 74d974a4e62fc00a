"""One call of one tool, on its way down: the only hands with which a tool reaches PostHog.

A tool can read the project that it is about, and send its own operation. A destructive operation leaves only with a
`Confirmed`, which nothing but `Call.confirm` makes. Every request that changes something is in the journal before it
leaves.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol, TypeAlias
from weakref import WeakValueDictionary

import anyio

from projects_mcp.api.effects import Effect
from projects_mcp.api.operations import (
    CURRENT,
    OPERATIONS,
    Operation,
    OrganizationRef,
    ProjectRef,
    organization_of,
)
from projects_mcp.api.settings_diff import Outcome, ReadbackResult, WriteUnresolved
from projects_mcp.errors.posthog import Forbidden, InvalidResponse, PostHogError, ResponseLost, ServerError
from projects_mcp.errors.refusals import Refusal, RefusalKind
from projects_mcp.gateway.key_access import KeyAccess
from projects_mcp.gateway.secret_file import SecretFolder
from projects_mcp.policy.authorization import KeyGrant, Policy, decide
from projects_mcp.policy.confirmation import (
    Confirmation,
    ConfirmationRequest,
    Confirmed,
    Consequence,
    ProjectSnapshot,
    identify,
    question_about,
)
from projects_mcp.posthog.client import JSONObject, PostHog
from projects_mcp.sanitize.redaction import Redactor

__all__ = ["Approver", "Call", "Consent", "Proof", "ToolServices"]

_RETRIEVE: Final = OPERATIONS["retrieve"]
_LIST: Final = OPERATIONS["list"]
_READ_BACK_S: Final = 5.0
"""Seconds that reading back gets on top of what a call has left."""


class Consent(StrEnum):
    """What came of asking a person. Only ACCEPTED is consent."""

    ACCEPTED = "accepted"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    NOT_CHANGED = "nothing"
    """An error, silence, or an answer that does not fit the question."""


Proof: TypeAlias = Callable[[], Awaitable[ReadbackResult]]
"""Reads back, and tells whether a write has happened."""


class Approver(Protocol):
    """Somebody at the other end who can be shown a question."""

    async def request_consent(self, question: ConfirmationRequest) -> Consent:
        """Show the question and wait for the answer."""
        ...


ProjectLocks: TypeAlias = "WeakValueDictionary[ProjectRef, anyio.Lock]"
"""A lock for each project that somebody is writing to."""


@dataclass(frozen=True, slots=True)
class ToolServices:
    """What all calls share.

    Attributes:
        posthog: the client.
        grants: what is known of its credential.
        redactor: what every result goes through.
        policy: what the operator allows.
        confirmation: whom a destructive call must convince.
        vault: where new secrets are written; None where the operator set no folder.
        caller: what a caller over HTTP was given; None where there is but one.
        turns: whose turn it is to read and write a project, for as long as anybody waits for it.
    """

    posthog: PostHog
    grants: KeyAccess
    redactor: Redactor
    policy: Policy
    confirmation: Confirmation
    vault: SecretFolder | None = None
    caller: KeyGrant | None = None
    project_locks: ProjectLocks = field(default_factory=WeakValueDictionary, repr=False)


@dataclass(slots=True)
class Call:
    """Everything that one call of a tool may use.

    Attributes:
        means: what all calls share.
        effect: what the tool does.
        operation: the one operation that it may send.
        grant: what the credential was known to allow when the call began.
        person: who can be asked; None where the client cannot ask.
        announce: records in the journal that a write is about to leave, with its body and its organization.
        organization: the organization that was asked for.
        project: the project that was asked for; None for operations that take none.
        confirmed_by: how a destructive call was confirmed, once it was.
        write_left: whether a request that changes something has left, and may have had an effect.
        lost: what is known of a write whose answer was lost.
    """

    means: ToolServices
    effect: Effect
    operation: Operation
    grant: KeyGrant
    person: Approver | None
    record_intent: Callable[[Call, Mapping[str, Any], OrganizationRef], Awaitable[None]] = field(repr=False)
    organization: OrganizationRef = CURRENT
    project: ProjectRef | None = None
    confirmed_by: str | None = field(default=None, init=False)
    write_left: bool = field(default=False, init=False)
    lost: WriteUnresolved | None = field(default=None, init=False)
    _left_s: float = field(default=0.0, init=False)
    _asked: OrganizationRef = field(default=CURRENT, init=False)

    def __post_init__(self) -> None:
        self._asked = self.organization
        self._left_s = self.means.posthog.limits.call_s

    @property
    def redactor(self) -> Redactor:
        """What every result goes through."""
        return self.means.redactor

    @property
    def origin(self) -> str:
        """Where PostHog is, for links."""
        return self.means.posthog.origin

    async def read(self, query: Mapping[str, str | int] | None = None) -> JSONObject:
        """Send the tool's own operation, which reads."""
        if not (self.effect.reads and self.operation.reads):
            raise AssertionError("read() is for tools that read")
        if self._goes_beyond_the_key():
            project = await self.read_project()
            self.organization = organization_of(project, self.organization)
            self._require_rights(self.organization, self.project)
        return await self._send(self.operation, self.organization, self.project, query=query)

    def _goes_beyond_the_key(self) -> bool:
        """Whether a session would answer where the key is restricted, so that the key must be asked first."""
        session = self.means.posthog.credentials.session
        restricted = self.grant.organizations is not None and self.organization is CURRENT
        return self.operation.session_only and session is not None and restricted

    async def list_projects(self, query: Mapping[str, str | int]) -> JSONObject:
        """Read one page of the organization's projects."""
        return await self._send(_LIST, self.organization, None, query=query)

    @asynccontextmanager
    async def lock_project(self) -> AsyncIterator[None]:
        """Keep other calls of this server from writing settings of the project between our read and our write.

        PostHog knows no conditional request, so writers elsewhere can still come between.
        """
        if self.project is None:
            raise AssertionError("a turn is for a project")
        turn = self.means.project_locks.setdefault(self.project, anyio.Lock())
        async with turn:
            yield

    async def read_created(self, number: int) -> JSONObject:
        """Read a project that this call may have created."""
        return await self._send(_RETRIEVE, self.organization, number)

    async def read_project(self, organization: OrganizationRef | None = None) -> JSONObject:
        """Read the project that the call is about.

        Args:
            organization: where it is, if that is known better than from the call.

        Raises:
            Refusal: `not_identified` where PostHog answered another project.
        """
        project = await self._send(_RETRIEVE, organization or self.organization, self.project)
        if project.get("id") != self.project:
            raise Refusal(RefusalKind.NOT_IDENTIFIED)
        return project

    async def write(self, organization: OrganizationRef, body: Mapping[str, Any], prove: Proof) -> JSONObject:
        """Send the tool's own operation, which adds or changes, once.

        Args:
            organization: in which organization.
            body: the JSON body.
            prove: reads back what happened, should the answer be lost.

        Returns:
            The project as PostHog answered it, or as it was read back.

        Raises:
            WriteLost: the answer was lost, and reading back does not show that the write happened.
        """
        if self.effect not in (Effect.ADD, Effect.CHANGE) or self.operation.reads:
            raise AssertionError("write() is for tools that add or change")
        return await self._send_write(organization, self.project, body, prove)

    async def confirm(
        self, action: str, loss: Consequence, name: str, details: Mapping[str, Any] | None = None
    ) -> Confirmed:
        """Take a destructive call through the gates.

        Args:
            action: what happens, as an imperative.
            loss: says what stops working.
            name: what the caller wrote as the project's name.
            details: arguments that change what happens.

        Raises:
            Refusal: a gate stayed closed. Nothing has been sent but reads.
        """
        first = await self._fetch(self.organization)
        self._require_rights(first.organization, first.id)
        if name != first.name:
            raise Refusal(RefusalKind.NAME_MISMATCH)
        question = question_about(action, first, loss, details or {})
        by = await self._gate_of_person(question)
        # The project is read again, by its concrete organization: what was confirmed must still be what is there.
        now = await self._fetch(first.organization)
        self._require_rights(now.organization, now.id)
        if now.name != name or question_about(action, now, loss, details or {}).digest != question.digest:
            raise Refusal(RefusalKind.CHANGED_MEANWHILE)
        self.confirmed_by = by
        return Confirmed(now, by)

    async def destroy(self, confirmed: Confirmed, prove: Proof, body: Mapping[str, Any] | None = None) -> JSONObject:
        """Send the tool's own operation, which destroys, once, for exactly the target that was confirmed.

        Args, result and errors are those of `write`; the answer to a deletion is empty.
        """
        if self.effect is not Effect.DESTROY:
            raise AssertionError("destroy() is for destructive tools")
        target = confirmed.target
        return await self._send_write(target.organization, target.id, body, prove)

    async def _send(
        self,
        operation: Operation,
        organization: OrganizationRef,
        project: ProjectRef | None,
        *,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> JSONObject:
        """Send a request, unless PostHog has refused the same before."""
        grants = self.means.grants
        if (refusal := grants.refusal(operation, organization, project)) is not None:
            raise refusal
        began = anyio.current_time()
        try:
            return await self.means.posthog.send(
                operation, organization, project, query=query, body=body, within_s=self._left_s
            )
        except Forbidden as error:
            for known_as in {organization, self._asked}:
                grants.learn(operation, known_as, project, error)
            raise
        finally:
            self._left_s -= anyio.current_time() - began

    async def _send_write(
        self,
        organization: OrganizationRef,
        project: ProjectRef | None,
        body: Mapping[str, Any] | None,
        prove: Proof,
    ) -> JSONObject:
        if self.write_left:
            raise AssertionError("a call writes once")
        await self.record_intent(self, body or {}, organization)
        self.write_left = True
        try:
            answer = await self._send(self.operation, organization, project, body=body)
            self._require_project(answer, project)
        except (ResponseLost, ServerError) as error:
            return await self._read_back(error, prove)
        except (PostHogError, Refusal):
            self.write_left = False  # PostHog said no, or never heard of it
            raise
        return answer

    def _require_project(self, answer: JSONObject, project: ProjectRef | None) -> None:
        """Make sure that an answer describes the project that was written; a deletion has none."""
        number = answer.get("id")
        if self.operation.method == "DELETE" and not answer:
            return
        if type(number) is not int or (project is not None and number != project):
            raise InvalidResponse("shape")

    async def _read_back(self, error: ResponseLost | ServerError, prove: Proof) -> JSONObject:
        """Find out whether a write happened whose answer was lost. It is not sent again, whatever comes out."""
        self._left_s = max(self._left_s, 0) + _READ_BACK_S
        try:
            evidence = await prove()
            if evidence.outcome is Outcome.NOT_APPLIED:
                # PostHog may still be at work on what a proxy has given up waiting for: look twice.
                await anyio.sleep(self.means.posthog.limits.second_look_s)
                evidence = await prove()
        except (PostHogError, Refusal):
            evidence = ReadbackResult(Outcome.UNKNOWN, "Reading back failed as well.")
        self.lost = WriteUnresolved(error, evidence)
        if evidence.outcome is Outcome.APPLIED:
            return dict(evidence.project or {})
        raise self.lost

    async def _fetch(self, organization: OrganizationRef) -> ProjectSnapshot:
        if not isinstance(self.project, int):
            raise AssertionError("only a concrete project is confirmed")
        target = identify(self.project, await self._send(_RETRIEVE, organization, self.project))
        if target is None:
            raise Refusal(RefusalKind.NOT_IDENTIFIED)
        return target

    def require_destination(self, organization: OrganizationRef) -> None:
        """Make sure that a project may go to an organization.

        Raises:
            Refusal: the key, or the caller, is limited to others.
        """
        self._require_rights(organization, self.project)

    def _require_rights(self, organization: OrganizationRef, project: ProjectRef | None) -> None:
        refusal = decide(
            self.effect,
            self.operation,
            self.means.policy,
            self.grant,
            organization=organization,
            project=project,
            caller=self.means.caller,
        )
        if refusal is not None:
            raise refusal

    async def _gate_of_person(self, question: ConfirmationRequest) -> str:
        if self.means.confirmation is Confirmation.ARGUMENT:
            return "argument"
        if self.person is None:
            if self.means.confirmation is Confirmation.HUMAN:
                raise Refusal(RefusalKind.CANNOT_ASK)
            return "argument"
        answer = await self.person.request_consent(question._replace(text=self.redactor.text(question.text)))
        if answer is not Consent.ACCEPTED:
            raise Refusal(RefusalKind.NOT_CONFIRMED, answer=answer.value)
        return "person"
