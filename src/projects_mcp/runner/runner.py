"""Run the call of a tool, whoever made it: one visible sequence from its arguments to its result.

Knows nothing of MCP. The server and the command line call it alike. Whatever happens is recorded, and comes back as one
`ToolResult`, or as an exception that is no result: there is no such tool, or a person has to be asked in another round.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping
from contextlib import nullcontext
from copy import copy
from dataclasses import replace
from functools import partial
from time import time
from typing import Any, Final

import anyio.to_thread

from projects_mcp.api.types import CURRENT, JSONObject, ProjectRef
from projects_mcp.config.settings import Settings
from projects_mcp.errors.connection import PostHogError
from projects_mcp.errors.context import NOT_CHANGED, FailureContext
from projects_mcp.errors.explain import detail_of_unresolved, explain, explain_unexpected
from projects_mcp.errors.refusals import NotConfigured, Refusal, WrongKindOfKey
from projects_mcp.errors.uncertain import WriteUnresolved
from projects_mcp.gateway.approval_page import ApprovalPage
from projects_mcp.gateway.audit import AuditLog
from projects_mcp.gateway.call_audit import CallAudit
from projects_mcp.gateway.context import ToolContext
from projects_mcp.gateway.history import Done, History
from projects_mcp.gateway.key_access import KeyAccess
from projects_mcp.gateway.progress import Progress
from projects_mcp.gateway.project_locks import ProjectLocks
from projects_mcp.gateway.secret_file import SecretFolder
from projects_mcp.gateway.services import ToolServices
from projects_mcp.policy.authorization import Authorization, CallerGrant
from projects_mcp.policy.confirmation import Approver, ConsentPendingError
from projects_mcp.policy.standing import CallerStanding, Standing, TokenStanding
from projects_mcp.posthog.client import PostHog
from projects_mcp.runner.describe import describe_server
from projects_mcp.runner.failing import failed, failure_context
from projects_mcp.runner.rate_limit import RateLimiter
from projects_mcp.runner.result import ToolResult, finalize
from projects_mcp.sanitize.redaction import Redactor
from projects_mcp.state.approvals import Approvals
from projects_mcp.state.memory import MemoryStore
from projects_mcp.state.sliding_windows import SlidingWindows
from projects_mcp.state.store import StateStore
from projects_mcp.tools.catalog import CATALOG, TOOLS
from projects_mcp.tools.organizations import organization_of_call
from projects_mcp.tools.tool import Tool
from projects_mcp.tools.validation import validate

__all__ = ["ToolRunner", "UnknownToolError"]

logger: Final = logging.getLogger("projects_mcp")


class UnknownToolError(Exception):
    """There is no tool of that name."""


class ToolRunner:
    """Runs tools with the settings, the client and the credentials of this process, or of one caller.

    Args:
        settings: what the operator has decided, for this caller.
        posthog: the client, with the credentials to use.
        audit_log: where the audit records go.
        caller: what the caller over HTTP was given; None for whoever has started the process.
        rate_limiter: how much that caller may ask; None for no limit.
        project_locks: of those who write to one project, if other runners write to it too.
        key_access: what is known of the credential, if other runners use it too.
        standing: whether what the caller was given still holds.
        store: what must be remembered between calls; None for a store of this runner alone.
        approval_page: where approvals are opened in a browser; None if this process serves no page.
    """

    def __init__(
        self,
        settings: Settings,
        posthog: PostHog,
        audit_log: AuditLog,
        caller: CallerGrant | None = None,
        rate_limiter: RateLimiter | None = None,
        project_locks: ProjectLocks | None = None,
        key_access: KeyAccess | None = None,
        standing: Standing | None = None,
        store: StateStore | None = None,
        approval_page: ApprovalPage | None = None,
    ) -> None:
        self._settings = settings
        self.question_timeout_s: Final = settings.question_timeout_s
        """Seconds that a person has to answer a question in the middle of a call."""
        key = settings.credentials.key
        self._other_token = None if key is None else key.other_kind
        self._audit_log = audit_log
        self.rate_limiter: Final = rate_limiter
        """How much the caller may ask; None for no limit."""
        self.writes: Final = audit_log.writes
        self.store: Final = store or MemoryStore()
        """What must be remembered between calls."""
        self.fleet_requests: Final = SlidingWindows.of_key(self.store, settings.origin, key and key.value.reveal())
        """How many requests work on many projects may send."""
        redactor, path, fresh = audit_log.redactor, audit_log.path, settings.sandbox is not None
        self.history: Final = History(self.store, settings.origin, redactor, caller, settings.policy, path, fresh=fresh)
        """What was done."""
        self._services = ToolServices(
            posthog=posthog,
            key_access=key_access or KeyAccess(posthog),
            redactor=redactor,
            policy=settings.policy,
            confirmation=settings.confirmation,
            secret_folder=None if settings.secrets_dir is None else SecretFolder(settings.secrets_dir),
            caller=caller,
            standing=standing or CallerStanding(),
            project_locks=project_locks or ProjectLocks(self.store, settings.origin, settings.limits.call_s),
            approvals=Approvals(self.store),
            approval_page=approval_page,
            fleet_requests=self.fleet_requests,
        )

    @property
    def redactor(self) -> Redactor:
        """Knows the secrets of this process."""
        return self._audit_log.redactor

    def until(self, expires_at: float) -> ToolRunner:
        """Return a runner that shares everything with this one, and whose calls send nothing more from a time on.

        Args:
            expires_at: when the token of a request expires, in seconds since 1970. What became of a write that has left
                by then is still read back.
        """
        limited = copy(self)
        standing = TokenStanding(self._services.standing, expires_at)
        limited._services = replace(self._services, standing=standing)  # noqa: SLF001 - of another one of this class
        return limited

    async def start(self) -> None:
        """Ask what the key may do, and see whether the audit log is there. Never fails: a call says what is missing."""
        self._audit_log.probe()
        if self._other_token is not None:
            logger.error("projects-mcp: the key is %s, and not a personal API key; it is not sent.", self._other_token)
        await self._services.key_access.get()

    async def aclose(self) -> None:
        """Close the connections to PostHog, and let go of the state store."""
        try:
            await self.history.flush()
            await self._services.posthog.aclose()
        finally:
            await self.store.aclose()

    async def list_tools(self) -> list[Tool]:
        """Return the tools that the operator and the credential allow, in the order of the catalog."""
        return [tool for tool in CATALOG if (await self._authorization(tool)).refusal() is None]

    async def hidden_tools(self) -> dict[str, str]:
        """Return the tools that are not offered, each with the reason."""
        return {
            tool.name: explain(refusal, self._at(tool, None)).text.replace(f" {NOT_CHANGED}", "")
            for tool in CATALOG
            if (refusal := (await self._authorization(tool)).refusal()) is not None
        }

    async def describe(self) -> JSONObject:
        """Return what is configured, granted and hidden, without a secret."""
        key, hidden = await self._services.key_access.get(), await self.hidden_tools()
        clean: JSONObject = self.redactor.value(describe_server(self._settings, key, self._services.caller, hidden))
        return clean

    async def call(
        self,
        name: str | Tool,
        arguments: Mapping[str, Any],
        approver: Approver | None = None,
        *,
        client: str = "",
        counted: bool = False,
        progress: Progress | None = None,
    ) -> ToolResult:
        """Run one call to its end, and record it.

        Args:
            name: of the tool; or a tool that no client sees, of a command.
            arguments: as the caller sent them, unchecked.
            approver: a person who can be asked; None if the client cannot ask.
            client: the program that makes the call, as it names itself.
            counted: the rate limit has already counted it, for the request that makes it.
            progress: whoever wants to know how far it is.

        Raises:
            UnknownToolError: there is no such tool.
            ConsentPendingError: a person has to be asked in another round.
        """
        tool = TOOLS.get(name) if isinstance(name, str) else name
        if tool is None:
            raise UnknownToolError
        caller = self._services.caller
        audit = CallAudit(self._audit_log, tool.operation, None if caller is None else caller.name)
        try:
            result = await self._run(tool, audit, arguments, approver, client, progress, counted=counted)
        except ConsentPendingError:
            audit.finish("question_pending")
            raise
        except BaseException:
            # Cancelled: whoever waited is gone, and a write that had left may or may not have happened.
            audit.finish("unknown" if audit.intent_written else "cancelled")
            if audit.intent_written:
                self.history.pending.append(Done(time(), audit.number, tool.name, audit.project, "unknown", None, {}))
            raise
        outcome = result.outcome
        audit.finish(outcome, result.error, (result.body or {}).get("project"))
        if not tool.operation.effect.reads and outcome != "preview":
            what = audit.number, tool.name, arguments.get("project_id"), outcome, result.body, audit.changed
            self.history.pending.append(Done(time(), *what))
            if caller is not None or self.store.shared:  # this process, or the caller's runner, may be gone in a moment
                await self.history.flush_in_time()
        return result

    async def _run(
        self,
        tool: Tool,
        audit: CallAudit,
        arguments: Mapping[str, Any],
        approver: Approver | None,
        client: str,
        progress: Progress | None,
        *,
        counted: bool,
    ) -> ToolResult:
        context: ToolContext | None = None
        try:
            async with self.rate_limiter.acquire(counted=counted) if self.rate_limiter else nullcontext():
                self._require_key()
                authorization = await self._authorization(tool)
                authorization.require()  # whoever may not use the tool is told so, and not what its arguments are
                checked, audit.dropped, warnings, large = validate(tool.arguments, arguments)
                context = self._context(authorization, audit, checked, approver)
                context.client, context.progress = client, progress
                context.large = large and not tool.operation.effect.reads
                authorization.require_target(context.organization, context.project)
                if not (tool.operation.effect.reads or checked.get("dry_run")):
                    self._audit_log.require_writable()
                    if self.store.shared:  # what is kept in this process alone is always there
                        await self._services.require_store()
                body = await tool.run(context, **checked)
                if warnings:
                    body["warnings"] = [*body.get("warnings", ()), *warnings]
                finish = partial(
                    finalize, body, context.services.redactor, self._settings.result_limit, checked.get("offset", 0)
                )
                body, text = await anyio.to_thread.run_sync(finish) if context.large else finish()
        except (Refusal, PostHogError, WriteUnresolved) as failure:
            return failed(explain(failure, self._at(tool, context)), self.redactor)
        except ConsentPendingError:
            raise
        except Exception:  # noqa: BLE001 - masks the unforeseen
            what = self.redactor.text(traceback.format_exc())  # before anything else sees it
            logger.error("%s failed unexpectedly\n%s", tool.name, what)  # noqa: TRY400 - as above
            return failed(explain_unexpected(self._at(tool, context)), self.redactor)
        if context.unresolved is None:
            return ToolResult(text, body)
        # Reading back has shown that the write happened: a success, and programs can see how it came about.
        return ToolResult(text, body, detail_of_unresolved(context.unresolved, self._at(tool, context)))

    def _require_key(self) -> None:
        if self._settings.credentials.key is None:
            raise NotConfigured
        if self._other_token is not None:
            raise WrongKindOfKey(what=self._other_token)

    async def _authorization(self, tool: Tool) -> Authorization:
        services, key = self._services, await self._services.key_access.get()
        session = services.posthog.credentials.session is not None
        operation = tool.operation if session else tool.by_key
        return Authorization(operation, services.policy, key, services.denials, services.caller, session)

    def _context(
        self, authorization: Authorization, audit: CallAudit, checked: dict[str, Any], approver: Approver | None
    ) -> ToolContext:
        """Build the context of a call. The target is taken out of the checked arguments."""
        whole = {**checked}
        named = checked.pop("organization_id", None)
        organization = self._settings.organization if named is None else organization_of_call(named, authorization)
        project: ProjectRef | None = None
        if authorization.operation.on_project:
            # What changes something names its project, or is about several.
            project = checked.pop("project_id", CURRENT if authorization.operation.effect.reads else None)
        audit.organization, audit.project = organization, project
        return ToolContext(self._services, authorization, audit, approver, organization, project, whole)

    def _at(self, tool: Tool, context: ToolContext | None) -> FailureContext:
        return failure_context(tool, context, self._settings.origin, self.redactor)
