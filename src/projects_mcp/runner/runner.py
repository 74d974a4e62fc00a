"""The one funnel that every call of a tool goes through, whoever made it.

    known? -> configured? -> allowed? -> arguments -> allowed for this target? -> the tool -> redacted and bounded

Knows nothing of MCP: the server and the command line are two doors to it. Each call leaves its lines in the journal.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol
from weakref import WeakValueDictionary

from projects_mcp.api.operations import CURRENT, OrganizationRef, ProjectRef, organization_uuid
from projects_mcp.api.settings_diff import WriteUnresolved
from projects_mcp.config.settings import Settings
from projects_mcp.errors.explain import NOT_CHANGED, Explanation, FailureContext, about_lost_answer, explain, unexpected
from projects_mcp.errors.posthog import PostHogError
from projects_mcp.errors.refusals import Refusal, RefusalKind
from projects_mcp.gateway.audit import AuditLog, AuditUnavailable
from projects_mcp.gateway.context import Approver, Call, ProjectLocks, ToolServices
from projects_mcp.gateway.key_access import KeyAccess
from projects_mcp.gateway.secret_file import SecretFolder
from projects_mcp.policy.authorization import KeyGrant, decide
from projects_mcp.policy.confirmation import ConfirmationRequest
from projects_mcp.posthog.client import JSONObject, PostHog
from projects_mcp.runner.result import finalize
from projects_mcp.sanitize.redaction import Redactor
from projects_mcp.tools.catalog import CATALOG
from projects_mcp.tools.schema import validate
from projects_mcp.tools.tool import Tool

if TYPE_CHECKING:
    from projects_mcp.http.callers import Caller
    from projects_mcp.runner.rate_limit import RateLimiter

__all__ = ["ConsentPendingError", "Funnel", "Result", "ToolRunner", "UnknownToolError"]

logger: Final = logging.getLogger("projects_mcp")

_TOOLS: Final[Mapping[str, Tool]] = {tool.name: tool for tool in CATALOG}


class Funnel(Protocol):
    """What the MCP server needs of whoever runs the calls."""

    @property
    def redactor(self) -> Redactor:
        """The net for whatever is said besides results."""

    async def start(self) -> None:
        """Do what can be done before the first call. Never fails."""

    async def list_tools(self) -> list[Tool]:
        """Return the tools that are allowed."""

    async def call(self, name: str, arguments: Mapping[str, Any], person: Approver | None = None) -> Result:
        """Run one call to its end."""

    async def describe(self) -> JSONObject:
        """Return what is configured, granted and hidden."""

    async def aclose(self) -> None:
        """Close the connections."""


class UnknownToolError(Exception):
    """There is no tool of that name."""


class ConsentPendingError(Exception):
    """A person must answer first, in another round of the protocol. Nothing has been sent but reads."""

    def __init__(self, question: ConfirmationRequest) -> None:
        super().__init__("a question is pending")
        self.question = question


class Result(NamedTuple):
    """What a call answers: an object and the same as text, or an explanation of why there is none.

    `error` is the machine-readable part of a failure. A write whose answer was lost, and which reading back has shown
    to have happened, has both a body and that.
    """

    text: str
    body: JSONObject | None = None
    error: Mapping[str, Any] | None = None

    @property
    def failed(self) -> bool:
        """Whether there is no answer but a refusal or a failure."""
        return self.body is None


@dataclass(slots=True)
class _Run:
    """One call under way, for the journal and for the words of a failure."""

    tool: Tool
    id: str = field(default_factory=lambda: token_hex(8))
    started: float = field(default_factory=time.monotonic)
    call: Call | None = None
    announced: bool = False


class ToolRunner:
    """Runs tools with the settings, the client and the credentials of this process, or of one caller.

    Args:
        settings: what the operator has decided, for this caller.
        posthog: the client, with the credentials to use.
        journal: where the lines go.
        caller: whose calls these are, over HTTP; None for whoever has started the process.
        allowance: how much that caller may ask; None for no bound.
        turns: of those who write to one project, where other funnels write to it too.
    """

    def __init__(
        self,
        settings: Settings,
        posthog: PostHog,
        journal: AuditLog,
        caller: Caller | None = None,
        allowance: RateLimiter | None = None,
        project_locks: ProjectLocks | None = None,
    ) -> None:
        self._settings = settings
        self._journal = journal
        self._caller = caller
        self._allowance = allowance
        self._means: Final = ToolServices(
            posthog=posthog,
            grants=KeyAccess(posthog),
            redactor=journal.redactor,
            policy=settings.policy,
            confirmation=settings.confirmation,
            vault=None if settings.secrets_dir is None else SecretFolder(settings.secrets_dir),
            caller=None if caller is None else caller.rights,
            project_locks=WeakValueDictionary() if project_locks is None else project_locks,
        )

    @property
    def redactor(self) -> Redactor:
        """The net that knows the secrets of this process."""
        return self._journal.redactor

    async def start(self) -> None:
        """Do what can be done before the first call: ask what the key may do, and see whether the audit log is there.

        Never fails: a server starts without a network and without an audit log, and says so at the call.
        """
        self._journal.probe()
        await self._means.grants.get()

    async def list_tools(self) -> list[Tool]:
        """Return the tools that the operator and the credential allow, in the order of the catalogue."""
        grant = await self._means.grants.get()
        return [tool for tool in CATALOG if self._refusal(tool, grant) is None]

    async def hidden_tools(self) -> dict[str, str]:
        """Return the tools that are not offered, each with the reason."""
        grant = await self._means.grants.get()
        refusals = {tool.name: self._refusal(tool, grant) for tool in CATALOG}
        return {
            name: explain(refusal, self._situation(_TOOLS[name], None)).text.replace(f" {NOT_CHANGED}", "")
            for name, refusal in refusals.items()
            if refusal is not None
        }

    async def describe(self) -> JSONObject:
        """Return what is configured, granted and hidden, without a secret: whether there is one, and no more."""
        settings, grant = self._settings, await self._means.grants.get()
        policy, credentials = settings.policy, settings.credentials
        description: JSONObject = {
            "posthog": settings.origin,
            "sandbox": settings.sandbox,
            "organization": str(settings.organization),
            "access": policy.access.value,
            "confirmation": settings.confirmation.value,
            "protected_projects": sorted(policy.protected),
            "only_projects": None if policy.only is None else sorted(policy.only),
            "personal_api_key": "present" if credentials.key else "absent",
            "browser_session": "present" if credentials.session else "absent",
            "audit_log": settings.audit_log is not None,
            "secrets_dir": settings.secrets_dir is not None,
            "result_limit_bytes": settings.result_limit,
            "key": {
                "scopes": None if grant.scopes is None else sorted(grant.scopes),
                "projects": None if grant.projects is None else sorted(grant.projects),
                "organizations": None if grant.organizations is None else sorted(map(str, grant.organizations)),
            },
            "hidden_tools": await self.hidden_tools(),
        }
        if self._caller is not None:
            description["caller"] = {"name": self._caller.name, "scopes": sorted(self._caller.rights.scopes or ())}
        clean: JSONObject = self.redactor.value(description)
        return {**clean, "personal_api_key": description["personal_api_key"]}

    async def call(self, name: str, arguments: Mapping[str, Any], person: Approver | None = None) -> Result:
        """Run one call to its end.

        Args:
            name: the tool.
            arguments: as the caller sent them, unchecked.
            person: somebody who can be asked; None where the client cannot ask.

        Raises:
            UnknownToolError: there is no such tool.
            QuestionPendingError: a person has to be asked in another round.
        """
        tool = _TOOLS.get(name)
        if tool is None:
            raise UnknownToolError
        run = _Run(tool)
        try:
            result = await self._run(run, arguments, person)
        except ConsentPendingError:
            self._record(run, "question_pending")
            raise
        except BaseException:
            # Cancelled: whoever waited is gone, and a write that had left may or may not have happened.
            self._record(run, "unknown" if run.announced else "cancelled")
            raise
        self._record(run, _outcome_of(result), result.error, (result.body or {}).get("project"))
        return result

    async def aclose(self) -> None:
        """Close the connections to PostHog."""
        await self._means.posthog.aclose()

    async def _run(self, run: _Run, arguments: Mapping[str, Any], person: Approver | None) -> Result:
        tool = run.tool
        try:
            with nullcontext() if self._allowance is None else self._allowance.taken():
                return await self._answer(run, arguments, person)
        except (Refusal, PostHogError, WriteUnresolved) as failure:
            return self._failed(explain(failure, self._situation(tool, run.call)))
        except ConsentPendingError:
            raise
        except Exception:  # noqa: BLE001 - the one place where the unforeseen is masked
            logger.error("%s failed unexpectedly\n%s", tool.name, self.redactor.text(traceback.format_exc()))  # noqa: TRY400 - redacted first
            return self._failed(unexpected(self._situation(tool, run.call)))

    async def _answer(self, run: _Run, arguments: Mapping[str, Any], person: Approver | None) -> Result:
        tool = run.tool
        self._require(Refusal(RefusalKind.NOT_CONFIGURED) if self._settings.credentials.key is None else None)
        grant = await self._means.grants.get()
        self._require(self._refusal(tool, grant))
        checked = validate(tool.arguments, arguments)
        run.call = call = self._call(run, checked, grant, person)
        self._require(self._refusal(tool, grant, call.organization, call.project))
        writes = not tool.effect.reads and not checked.get("dry_run")
        blind = writes and not self._journal.probe()
        self._require(Refusal(RefusalKind.AUDIT_UNAVAILABLE) if blind else None)
        body = await tool.run(call, **checked)
        body, text = finalize(body, self.redactor, self._settings.result_limit, checked.get("offset", 0))
        # Reading back has shown that the write happened: a success, and programs can see how it came about.
        lost = about_lost_answer(call.lost, self._situation(tool, call)) if call.lost else None
        return Result(text, body, lost)

    @staticmethod
    def _require(refusal: Refusal | None) -> None:
        if refusal is not None:
            raise refusal

    def _refusal(
        self,
        tool: Tool,
        grant: KeyGrant,
        organization: OrganizationRef | None = None,
        project: ProjectRef | None = None,
    ) -> Refusal | None:
        """Decide on a tool, or on a call of it: for the list and for the call alike."""
        return decide(
            tool.effect,
            tool.operation,
            self._means.policy,
            grant,
            organization=organization,
            project=project,
            caller=None if self._caller is None else self._caller.rights,
        ) or self._means.grants.refusal(tool.operation, organization, project)

    def _call(self, run: _Run, checked: dict[str, Any], grant: KeyGrant, person: Approver | None) -> Call:
        """Build the call, taking its target out of the arguments."""
        project: ProjectRef | None = None
        if run.tool.operation.on_project:
            project = checked.pop("project_id", CURRENT)

        async def record_intent(call: Call, body: Mapping[str, Any], organization: OrganizationRef) -> None:
            call.organization = organization
            line = {**self._about(run), "target_organization": body.get("organization_id"), "fields": sorted(body)}
            try:
                await self._journal.intent(line)
            except AuditUnavailable:
                raise Refusal(RefusalKind.AUDIT_UNAVAILABLE) from None
            run.announced = True

        return Call(
            means=self._means,
            effect=run.tool.effect,
            operation=run.tool.operation,
            grant=grant,
            person=person,
            record_intent=record_intent,
            organization=self._organization(checked.pop("organization_id", None)),
            project=project,
        )

    def _organization(self, value: str | None) -> OrganizationRef:
        if value is None:
            return self._settings.organization
        if value == "@current":
            return CURRENT
        organization = organization_uuid(value)
        if organization is None:
            problem = "`organization_id` must be the UUID of an organization, or @current."
            raise Refusal(RefusalKind.INVALID_ARGUMENT, problems=[problem])
        return organization

    def _situation(self, tool: Tool, call: Call | None) -> FailureContext:
        return FailureContext(
            tool=tool.name,
            effect=tool.effect,
            origin=self._settings.origin,
            write_left=call is not None and call.write_left,
        )

    def _failed(self, explanation: Explanation) -> Result:
        return Result(self.redactor.text(explanation.text), error=self.redactor.value(dict(explanation.detail)))

    def _about(self, run: _Run) -> dict[str, Any]:
        """Return what the journal says of every call: names and ids, never values."""
        call = run.call
        return {
            "request_id": run.id,
            "caller": None if self._caller is None else self._caller.name,
            "tool": run.tool.name,
            "effect": run.tool.effect.value,
            "organization": str(call.organization) if call else None,
            "project": None if call is None or call.project is None else _plain(call.project),
            "confirmed": (call.confirmed_by if call else None) or "none",
        }

    def _record(self, run: _Run, outcome: str, error: Mapping[str, Any] | None = None, project: object = None) -> None:
        duration = round((time.monotonic() - run.started) * 1000, 1)
        line = {**self._about(run), "outcome": outcome, "duration_ms": duration}
        if isinstance(project, dict):  # a receipt knows what was created, and where it is now
            line |= {"project": project.get("id"), "organization": project.get("organization_id")}
        if error is not None:
            line |= {"kind": error["kind"], "status": error["status"]}
        self._journal.record("outcome" if run.announced else "call", line)


def _plain(project: ProjectRef) -> int | str:
    return project if isinstance(project, int) else str(project)


def _outcome_of(result: Result) -> str:
    """One word for the journal: a receipt's outcome, or that a read was answered, refused or failed."""
    if result.body is not None:
        return str(result.body.get("outcome", "answered"))
    outcome = (result.error or {}).get("outcome")
    if outcome not in {None, "not_applied"}:
        return str(outcome)
    return "failed" if (result.error or {}).get("request_sent") else "refused"
