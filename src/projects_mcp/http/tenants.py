"""The tenants of a served server: one tool runner for each caller, with its rights, credential, caches and records.

Nothing that is kept for one caller is looked at for another. They share the connections to PostHog, which keep nothing,
the audit log, which only takes, and the project locks, so that two callers do not write to one project at a time.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

from projects_mcp.gateway.approval_page import ApprovalPage
from projects_mcp.gateway.audit import AuditLog
from projects_mcp.gateway.key_access import KeyAccess
from projects_mcp.gateway.project_locks import ProjectLocks
from projects_mcp.http.callers import DEFAULT_CREDENTIAL, Caller, Callers
from projects_mcp.http.limits import KEPT_RATE_LIMITERS, KEPT_RUNNERS
from projects_mcp.http.tally import Tally
from projects_mcp.policy.standing import CallerStanding
from projects_mcp.posthog.client import PostHog
from projects_mcp.posthog.credentials import Credentials
from projects_mcp.runner.build import in_sandbox, open_state, posthog_application
from projects_mcp.runner.rate_limit import RateLimiter
from projects_mcp.runner.runner import ToolRunner
from projects_mcp.sanitize.redaction import Redactor
from projects_mcp.state.store import StateStore

if TYPE_CHECKING:
    from projects_mcp.config.settings import Settings
    from projects_mcp.posthog.pool import ASGIApplication
    from projects_mcp.state.store import StateStore

__all__ = ["Tenants"]


class Tenants:
    """The callers of this process, and the tool runner of each.

    Args:
        settings: what the operator has decided.
        environment: may hold the credentials of a callers file.
        application: an ASGI application to use as PostHog, for tests. In sandbox mode it defaults to a new sandbox.
        store: what must be remembered between calls; the one that is set by default.
        tally: counts calls and requests; None if nobody reads the counts.

    Raises:
        SettingsError: the callers file or the state store cannot be used.
    """

    def __init__(
        self,
        settings: Settings,
        environment: Mapping[str, str],
        application: ASGIApplication | None = None,
        store: StateStore | None = None,
        tally: Tally | None = None,
    ) -> None:
        self.tally: Final = tally
        """Counts calls and requests; None if nobody reads the counts."""
        self._given = settings
        self._environment = environment
        self._settings = in_sandbox(settings) if settings.sandbox else settings
        counts = None if tally is None else tally.calls
        self._audit_log = AuditLog(Redactor(), settings.audit_log, tally=counts, origin=self._settings.origin)
        self._posthog = PostHog(
            self._settings.origin,
            self._settings.credentials,
            settings.limits,
            posthog_application(settings, application),
            tally=None if tally is None else tally.upstream,
        )
        # Asks whether PostHog answers, in slots of its own: slow calls do not make the server unready.
        self._anonymous = self._posthog.acting_as(Credentials())
        self._clients = {self._settings.credentials: self._posthog}
        # What PostHog has said of a key is about the key, and is not forgotten when a caller's runner is.
        self._key_access = {self._settings.credentials: KeyAccess(self._posthog)}
        self._runners: OrderedDict[Caller, tuple[Credentials, ToolRunner]] = OrderedDict()
        self._standings: WeakValueDictionary[Caller, CallerStanding] = WeakValueDictionary()
        """Of the callers that have a runner, or a call under way."""
        self._rate_limiters: OrderedDict[tuple[str, str | None], RateLimiter] = OrderedDict()
        self.store: Final = open_state(settings, private=True) if store is None else store
        """What must be remembered between calls, for all callers."""
        self.approval_page: Final = ApprovalPage(local=False)
        """Where approvals are opened in a browser: nowhere, until whoever serves the pages has set its base."""
        self._project_locks = ProjectLocks(self.store, self._settings.origin, settings.limits.call_s)
        self.default_runner = ToolRunner(
            self._settings,
            self._posthog,
            self._audit_log,
            project_locks=self._project_locks,
            key_access=self._key_access[self._settings.credentials],
            store=self.store,
            approval_page=self.approval_page,
        )
        """Runs the tools of requests without a caller. Closing it closes the connections of all runners."""
        self.callers: Callers | None = None
        """The present content of the callers file; None if there is none."""
        self.reload()

    @property
    def redactor(self) -> Redactor:
        """The redactor that knows every secret of this process."""
        return self._audit_log.redactor

    def reload(self) -> None:
        """Read the callers file, if there is one, and use it.

        Raises:
            SettingsError: it cannot be used; what was read before stays.
        """
        self.use(self.load_callers())

    def load_callers(self) -> Callers | None:
        """Read the callers file, if there is one. A long one takes a while, so a served server does it in a thread.

        Raises:
            SettingsError: it cannot be used.
        """
        path = self._settings.serving.callers
        if path is None:
            return None
        from projects_mcp.http.callers_file import load_callers  # noqa: PLC0415 - its models take time to build

        return load_callers(path, self._environment)

    def use(self, callers: Callers | None) -> None:
        """Use the content of a callers file from now on.

        Calls that are under way send nothing more to PostHog if their caller's token was taken out or its rights were
        changed, but for reading back what became of a write.
        """
        named = callers.credentials.values() if callers else ()
        # All at once: each addition works out the encodings of all that are known.
        self.redactor.add_secrets(
            [*self._settings.secrets(), *(secret for credentials in named for secret in credentials.secrets())]
        )
        former, self.callers = self.callers, callers
        if self.tally is not None and callers is not None:
            self.tally.calls.know_callers(caller.name for caller in callers.by_hash.values())
        for digest, caller in former.by_hash.items() if former else ():
            now = callers.by_hash.get(digest) if callers else None
            if now is None or now.rights != caller.rights:
                self._withdraw(caller)

    def _withdraw(self, caller: Caller) -> None:
        """End what is under way for a caller. Another token with the same entry begins with a runner of its own."""
        self._runners.pop(caller, None)
        standing = self._standings.pop(caller, None)
        if standing is not None:
            standing.withdrawn = True

    async def posthog_answers(self) -> bool:
        """Whether PostHog answers at all."""
        return await self._anonymous.answers()

    def runner_of(self, caller: Caller) -> ToolRunner:
        """Return the tool runner of a caller: the same one until the caller's rights or credential change."""
        credentials = self._credentials_of(caller)
        kept = self._runners.get(caller)
        if kept is None or kept[0] != credentials:
            kept = credentials, self._build_runner(caller, credentials)
            self._runners[caller] = kept
        self._runners.move_to_end(caller)
        if len(self._runners) > KEPT_RUNNERS:
            self._runners.popitem(last=False)
        return kept[1]

    def rate_limiter_of(self, caller: Caller) -> RateLimiter:
        """Return the rate limiter of a caller: one for each name of an issuer, whatever scopes its tokens carry."""
        identity = caller.name, caller.issuer
        limiter = self._rate_limiters.get(identity)
        if limiter is None:
            limiter = self._rate_limiters[identity] = self._new_rate_limiter(caller)
        limiter.change(caller.at_once, caller.per_minute)  # the callers file may have been read again
        self._rate_limiters.move_to_end(identity)
        if len(self._rate_limiters) > KEPT_RATE_LIMITERS:
            self._rate_limiters.popitem(last=False)
        return limiter

    def _new_rate_limiter(self, caller: Caller) -> RateLimiter:
        if not self.store.shared:
            return RateLimiter(caller.at_once, caller.per_minute)
        whose = hashlib.sha256(f"{caller.name}\x00{caller.issuer or ''}".encode("utf-8", "surrogatepass")).hexdigest()
        return RateLimiter(caller.at_once, caller.per_minute, store=self.store, key=f"calls:{whose}")

    def _credentials_of(self, caller: Caller) -> Credentials:
        if caller.credential == DEFAULT_CREDENTIAL or self.callers is None:
            return self._settings.credentials
        named = self.callers.credentials.get(caller.credential)
        if named is None:  # taken out of the file after the request had come in
            return Credentials()
        return self._sandboxed(named) if self._given.sandbox else named

    def _sandboxed(self, credentials: Credentials) -> Credentials:
        return in_sandbox(dataclasses.replace(self._given, credentials=credentials)).credentials

    def _build_runner(self, caller: Caller, credentials: Credentials) -> ToolRunner:
        policy = self._settings.policy
        settings = dataclasses.replace(
            self._settings,
            credentials=credentials,
            organization=caller.organization or self._settings.organization,
            policy=policy._replace(protected=policy.protected | caller.grant.protected),
        )
        client = self._clients.get(credentials)
        if client is None:
            client = self._clients[credentials] = self._posthog.acting_as(credentials)
            self._key_access[credentials] = KeyAccess(client)
        standing = self._standings.setdefault(caller, CallerStanding())
        return ToolRunner(
            settings,
            client,
            self._audit_log,
            caller.grant,
            self.rate_limiter_of(caller),
            self._project_locks,
            self._key_access[credentials],
            standing,
            self.store,
            self.approval_page,
        )
