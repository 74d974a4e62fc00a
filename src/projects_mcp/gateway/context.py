"""The one way of a tool to PostHog: it can read the project of its call, and send its own operation.

Every request that changes something is in the audit log before it leaves, and leaves once. A destructive one needs a
`Confirmed`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar

import anyio
import anyio.to_thread

from projects_mcp.api.effects import Effect
from projects_mcp.api.operations import OPERATIONS, Operation
from projects_mcp.api.types import (
    CURRENT,
    JSONObject,
    LargeObject,
    OrganizationRef,
    ProjectRef,
    are_project_ids,
    parse_uuid,
)
from projects_mcp.errors.connection import PostHogError, ResponseLost
from projects_mcp.errors.refusals import CallerWithdrawn, OtherOrganization, ProjectBusy, ProjectNotIdentified
from projects_mcp.errors.rejected import Forbidden, ServerError
from projects_mcp.errors.uncertain import WriteUnresolved
from projects_mcp.gateway.answers import require_project
from projects_mcp.gateway.call_audit import CallAudit
from projects_mcp.gateway.progress import Progress
from projects_mcp.gateway.project_locks import ProjectTurn
from projects_mcp.gateway.services import ToolServices
from projects_mcp.policy.authorization import Authorization
from projects_mcp.policy.confirmation import Approver, Confirmed, ProjectSnapshot, identify

__all__ = ["ToolContext"]

_GET: Final = OPERATIONS["project_get"]
_LIST: Final = OPERATIONS["project_list"]
_ResultT = TypeVar("_ResultT")
_READ_BACK_S: Final = 5.0
"""Seconds that reading back gets on top of what a call has left."""


@dataclass(slots=True)
class ToolContext:
    """Everything that one call of a tool may use.

    Attributes:
        services: what all calls share.
        authorization: the rights of this call.
        audit: its audit records.
        approver: a person who can be asked; None if the client cannot ask.
        organization: the organization that was asked for.
        project: the project that was asked for; None for operations that take none.
        arguments: what the caller sent, in its strict form.
        client: the program that made the call, as it names itself; empty if it does not.
        progress: whoever wants to know how far the call is; None if nobody does.
        operation: the one operation that the call may send.
        origin: where PostHog is, for links.
        write_left: whether a request that changes something has left, and may have had an effect.
        large: whether PostHog has answered so much that a thread should work on it.
        unresolved: a write whose answer was lost, and what reading back has shown.
    """

    services: ToolServices
    authorization: Authorization
    audit: CallAudit = field(repr=False)
    approver: Approver | None
    organization: OrganizationRef = CURRENT
    project: ProjectRef | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict, repr=False)
    client: str = ""
    progress: Progress | None = None
    operation: Operation = field(init=False)
    origin: str = field(init=False)
    write_left: bool = field(default=False, init=False)
    unresolved: WriteUnresolved | None = field(default=None, init=False)
    large: bool = field(default=False, init=False)
    _asked: OrganizationRef = field(default=CURRENT, init=False)
    _name: object = field(default=None, init=False)
    """The project's name as it was last read, which an answer about it must have."""
    _left_s: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.operation = self.authorization.operation
        self.origin = self.services.posthog.origin
        self._asked = self.organization
        self._left_s = self.services.posthog.limits.call_s

    async def read(self, query: Mapping[str, str | int] | None = None) -> JSONObject:
        """Send the tool's own operation, which reads."""
        if not self.operation.effect.reads:
            raise AssertionError("read() is for tools that read")
        if self._goes_beyond_the_key():
            await self.read_project()
        return await self._send(self.operation, self.organization, self.project, query=query)

    def _goes_beyond_the_key(self) -> bool:
        """Whether a session would answer what the key may not see, so that the key must be asked first."""
        session = self.services.posthog.credentials.session
        restricted = self.authorization.key.organizations is not None and self.organization is CURRENT
        return self.operation.session_only and session is not None and restricted

    async def list_projects(self, query: Mapping[str, str | int]) -> JSONObject:
        """Read one page of the organization's projects."""
        return await self._send(_LIST, self.organization, None, query=query)

    async def read_other(self, project: ProjectRef) -> JSONObject:
        """Read a project of a call that names none: one that it may have created, the current one, one of a list.

        Raises:
            ProjectNotIdentified: PostHog answered another one.
        """
        found = await self._send(_GET, self.organization, project)
        if not are_project_ids(found.get("id")) or project not in (CURRENT, found["id"]):
            raise ProjectNotIdentified
        return found

    def posthog_time(self) -> datetime:
        """Return PostHog's own time, as of its latest answer."""
        return self.services.posthog.now()

    async def read_project(self, organization: OrganizationRef | None = None) -> JSONObject:
        """Read the project of the call, in `organization` if that is known better. From then on it is the call's own.

        Raises:
            ProjectNotIdentified: PostHog answered another project, or no organization that can be read.
            OtherOrganization: the call names an organization, and the project is in another one.
            Refusal: the call may not touch the organization that the project is in.
        """
        project = await self._send(_GET, organization or self.organization, self.project)
        if type(project.get("id")) is not int or project["id"] != self.project:  # to Python, true is 1
            raise ProjectNotIdentified
        place = parse_uuid(project.get("organization"))
        self.authorization.require_place(place, self.project, stated=project.get("organization") is not None)
        if organization is None and self._asked is not CURRENT and place not in (None, self._asked):
            raise OtherOrganization
        self.organization = place or self.organization
        self._name = project.get("name")
        return project

    async def read_target(self, organization: OrganizationRef | None = None) -> ProjectSnapshot:
        """Read the project that a destructive call is about, and hold it to the rights of the call.

        Args:
            organization: where it is, if that is known better than from the call.

        Raises:
            ProjectNotIdentified: what came is not, beyond doubt, that project.
            OtherOrganization: the call names an organization, and the project is in another one.
            Refusal: the call may not touch the organization that the project is in.
        """
        if not isinstance(self.project, int):
            raise AssertionError("only a concrete project is confirmed")
        target = identify(self.project, await self._send(_GET, organization or self.organization, self.project))
        if target is None:
            raise ProjectNotIdentified
        if self._asked is not CURRENT and target.organization != self._asked:
            raise OtherOrganization
        self.authorization.require_target(target.organization, target.id)
        self._name = target.name
        return target

    async def work(self, function: Callable[..., _ResultT], *arguments: Any) -> _ResultT:
        """Work on what PostHog has answered: in a thread, if that is so much that it would hold the event loop."""
        if self.large:
            return await anyio.to_thread.run_sync(function, *arguments)
        return function(*arguments)

    async def project_turn(self) -> ProjectTurn:
        """Return a turn at the call's project. Read the project before it is held: only who may see it can wait."""
        if self.project is None:
            raise AssertionError("a turn is at a project")
        return await self.services.project_locks.turn(self.project)

    @asynccontextmanager
    async def hold(self, turn: ProjectTurn) -> AsyncIterator[None]:
        """Keep other calls from writing settings of the project while the block runs.

        Raises:
            ProjectBusy: another call holds it for longer than this call has time.
            StateUnavailable: the state store cannot be used.
        """
        began = anyio.current_time()
        try:
            await turn.acquire(self._left_s)
        except TimeoutError:
            raise ProjectBusy from None
        finally:
            self._left_s -= anyio.current_time() - began
        try:
            yield
        finally:
            await turn.release()

    async def write(self, organization: OrganizationRef, body: Mapping[str, Any]) -> JSONObject:
        """Send the tool's own operation, which adds or changes, once.

        Returns:
            The project as PostHog answered it.

        Raises:
            ResponseLost, ServerError: the answer was lost: the write may or may not have happened.
            PostHogError: PostHog refused it, or the request never left.
        """
        if self.operation.effect not in (Effect.ADD, Effect.CHANGE):
            raise AssertionError("write() is for tools that add or change")
        return await self._send_write(organization, self.project, body)

    async def destroy(self, confirmed: Confirmed, body: Mapping[str, Any] | None = None) -> JSONObject:
        """Send the tool's own operation, which destroys, once, for exactly the target that was confirmed.

        Args, result and errors are those of `write`; the answer to a deletion is empty.
        """
        if self.operation.effect is not Effect.DESTROY:
            raise AssertionError("destroy() is for destructive tools")
        target = confirmed.target
        return await self._send_write(target.organization, target.id, body or {})

    async def require_session(self) -> None:
        """Make sure that PostHog takes the browser session, if the call's write goes by it. Before anybody is asked.

        Raises:
            OwnCsrfTokenRefused, SessionUnchecked, Unauthenticated: it does not, or that cannot be told.
        """
        if self.services.standing.withdrawn:
            raise CallerWithdrawn
        began = anyio.current_time()
        await self.services.key_access.session_trial.require(self._left_s)
        self._left_s -= anyio.current_time() - began

    def limit(self, within_s: float) -> None:
        """Leave the call at most so many seconds for its requests."""
        self._left_s = min(self._left_s, within_s)

    def extend_for_read_back(self) -> None:
        """Give the call some more time, to find out what became of a write."""
        self._left_s = max(self._left_s, 0) + _READ_BACK_S

    async def _send(
        self,
        operation: Operation,
        organization: OrganizationRef,
        project: ProjectRef | None,
        *,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> JSONObject:
        """Send a request. PostHog's refusals are remembered; the call's own operation was held to them before."""
        if self.services.standing.withdrawn and not self.write_left:  # else what became of a write is read back
            raise CallerWithdrawn
        denials = self.services.denials
        if denials and operation is not self.operation and (denial := denials.find(operation, organization, project)):
            raise denial
        began = anyio.current_time()
        try:
            path = operation.path(organization, project)
            answer = await self.services.posthog.send(operation, path, query=query, body=body, within_s=self._left_s)
        except Forbidden as error:
            denials.remember(operation, {organization, self._asked}, project, error)
            raise
        else:
            self.large = self.large or isinstance(answer, LargeObject)
            return answer
        finally:
            self._left_s -= anyio.current_time() - began

    async def _send_write(
        self, organization: OrganizationRef, project: ProjectRef | None, body: Mapping[str, Any]
    ) -> JSONObject:
        if self.write_left:
            raise AssertionError("a call writes once")
        self.authorization.require_target(organization, project)  # the concrete one, that PostHog has answered
        self.organization = organization
        if self.services.standing.withdrawn:
            raise CallerWithdrawn
        await self.audit.intent(organization, body)
        if self.services.standing.withdrawn:  # the disk may have taken its time
            raise CallerWithdrawn
        self.write_left = True
        try:
            # A deletion has no body, and answers none.
            answer = await self._send(self.operation, organization, project, body=body or None)
            if self.operation.method != "DELETE" or answer:
                require_project(answer, organization, project, body, self._name)
        except (ResponseLost, ServerError):
            raise  # it may have happened
        except PostHogError:
            self.write_left = False  # PostHog said no, or never heard of it
            raise
        return answer
