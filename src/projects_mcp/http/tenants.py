"""Connects each caller over HTTP with a funnel of its own: its rights, its credential, its caches, its journal lines.

Nothing that is kept for one caller is looked at for another. What they share is the connections to PostHog, which keep
nothing, and the journal, which only takes.
"""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakValueDictionary

from projects_mcp.api.effects import Access
from projects_mcp.gateway.audit import AuditLog
from projects_mcp.http.callers import DEFAULT_CREDENTIAL, Caller, Callers, load_callers
from projects_mcp.posthog.client import PostHog
from projects_mcp.posthog.credentials import Credentials
from projects_mcp.runner.build import in_sandbox, posthog_application
from projects_mcp.runner.rate_limit import RateLimiter
from projects_mcp.runner.runner import ToolRunner
from projects_mcp.sanitize.redaction import Redactor

if TYPE_CHECKING:
    from projects_mcp.config.settings import Settings
    from projects_mcp.gateway.audit import Echo
    from projects_mcp.gateway.context import Approver, ProjectLocks
    from projects_mcp.posthog.client import ASGIApplication, JSONObject
    from projects_mcp.runner.runner import Result
    from projects_mcp.tools.tool import Tool

__all__ = ["Tenants"]

_MOST_KEPT: Final = 1_000
"""Callers whose funnel is kept. Those of an issuer are not known before they come."""

_present: Final[ContextVar[Caller | None]] = ContextVar("caller", default=None)


class Tenants:
    """All funnels of a served server. To the MCP server it is a funnel itself: that of the present caller.

    Args:
        settings: what the operator has decided.
        environment: where the credentials of a callers file may be.
        application: an ASGI application to use as PostHog, for tests. In sandbox mode it defaults to a new sandbox.
        echo: a stream that gets the journal's lines.

    Raises:
        SettingsError: the callers file cannot be used.
    """

    def __init__(
        self,
        settings: Settings,
        environment: Mapping[str, str],
        application: ASGIApplication | None = None,
        *,
        echo: Echo | None = None,
    ) -> None:
        self._given = settings
        self._environment = environment
        self._settings = in_sandbox(settings) if settings.sandbox else settings
        self._journal = AuditLog(Redactor(), settings.audit_log, echo)
        self._posthog = PostHog(
            self._settings.origin,
            self._settings.credentials,
            settings.limits,
            posthog_application(settings, application),
        )
        # Asks whether PostHog is there, with turns of its own: slow calls do not make the server unready.
        self._nobody = self._posthog.acting_as(Credentials())
        self._clients = {self._settings.credentials: self._posthog}
        self._funnels: OrderedDict[Caller, tuple[Credentials, ToolRunner]] = OrderedDict()
        self._turns: ProjectLocks = WeakValueDictionary()
        self._starter = ToolRunner(self._settings, self._posthog, self._journal, project_locks=self._turns)
        self.callers: Callers | None = None
        self.reload()

    @property
    def redactor(self) -> Redactor:
        """The net that knows every secret of this process."""
        return self._journal.redactor

    def reload(self) -> None:
        """Read the callers file, where there is one. Calls that are under way go on as they began.

        Raises:
            SettingsError: it cannot be used; what was read before stays.
        """
        path = self._settings.serving.callers
        callers = None if path is None else load_callers(path, self._environment)
        self.redactor.learn(self._settings.credentials.secrets())
        self.redactor.learn(key.reveal() for key in self._settings.serving.signing_keys)
        for credentials in callers.credentials.values() if callers else ():
            self.redactor.learn(credentials.secrets())
        self.callers = callers

    @contextmanager
    def entered(self, caller: Caller | None) -> Iterator[None]:
        """Make a caller the present one while the block, and whatever is started in it, runs."""
        token = _present.set(caller)
        try:
            yield
        finally:
            _present.reset(token)

    @property
    def present(self) -> Caller | None:
        """Whose request is being answered; None for nobody in particular."""
        return _present.get()

    async def start(self) -> None:
        """Do what can be done before the first call."""
        await self._starter.start()

    async def ready(self) -> bool:
        """Whether PostHog answers."""
        return await self._nobody.answers()

    async def list_tools(self) -> list[Tool]:
        """Return the tools of the present caller."""
        return await self._present_funnel().list_tools()

    async def describe(self) -> JSONObject:
        """Return what is configured, granted and hidden for the present caller."""
        return await self._present_funnel().describe()

    async def call(self, name: str, arguments: Mapping[str, Any], person: Approver | None = None) -> Result:
        """Run one call of the present caller; see `Dispatcher.call`."""
        return await self._present_funnel().call(name, arguments, person)

    async def aclose(self) -> None:
        """Close the connections to PostHog."""
        for client in self._clients.values():
            await client.aclose()

    def _present_funnel(self) -> ToolRunner:
        caller = _present.get()
        if caller is None:
            return self._starter
        credentials = self._credentials(caller)
        kept = self._funnels.get(caller)
        if kept is None or kept[0] != credentials:
            kept = credentials, self._funnel(caller, credentials)
            self._funnels[caller] = kept
        self._funnels.move_to_end(caller)
        if len(self._funnels) > _MOST_KEPT:
            self._funnels.popitem(last=False)
        return kept[1]

    def _credentials(self, caller: Caller) -> Credentials:
        if caller.credential == DEFAULT_CREDENTIAL or self.callers is None:
            return self._settings.credentials
        named = self.callers.credentials.get(caller.credential)
        if named is None:  # taken out of the file after the caller had come in
            return Credentials()
        return self._sandboxed(named) if self._given.sandbox else named

    def _sandboxed(self, credentials: Credentials) -> Credentials:
        return in_sandbox(dataclasses.replace(self._given, credentials=credentials)).credentials

    def _funnel(self, caller: Caller, credentials: Credentials) -> ToolRunner:
        policy = self._settings.policy
        lower = min(policy.access, caller.access, key=list(Access).index)
        settings = dataclasses.replace(
            self._settings,
            credentials=credentials,
            organization=caller.organization or self._settings.organization,
            policy=policy._replace(access=lower, protected=policy.protected | caller.protected),
        )
        client = self._clients.get(credentials)
        if client is None:
            client = self._clients[credentials] = self._posthog.acting_as(credentials)
        allowance = RateLimiter(caller.at_once, caller.per_minute)
        return ToolRunner(settings, client, self._journal, caller, allowance, self._turns)
