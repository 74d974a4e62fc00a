"""Puts a process together from its settings: the client, the dispatcher, and the sandbox where that is asked for."""

from __future__ import annotations

import dataclasses

from projects_mcp.api.types import CURRENT
from projects_mcp.config.settings import Settings, SettingsError
from projects_mcp.gateway.approval_page import ApprovalPage
from projects_mcp.gateway.audit import AuditLog
from projects_mcp.posthog.client import PostHog
from projects_mcp.posthog.credentials import BrowserSession, Credentials, PersonalKey
from projects_mcp.posthog.pool import ASGIApplication
from projects_mcp.runner.runner import ToolRunner
from projects_mcp.sanitize.redaction import Redactor
from projects_mcp.sanitize.secret import Secret
from projects_mcp.state.open import open_store
from projects_mcp.state.store import StateStore, StoreError

__all__ = ["SANDBOX_ORIGIN", "build_runner", "in_sandbox", "open_state", "posthog_application"]

SANDBOX_ORIGIN = "https://sandbox.localhost"
"""A name that resolves to no other machine. Nothing is ever sent to it: the sandbox answers in process."""


def build_runner(
    settings: Settings,
    application: ASGIApplication | None = None,
    store: StateStore | None = None,
    approval_page: ApprovalPage | None = None,
) -> ToolRunner:
    """Build everything that answers calls. Opens no connection.

    Args:
        settings: what the operator decided.
        application: an ASGI application to use as PostHog, for tests. In sandbox mode it defaults to a new sandbox.
        store: what must be remembered between calls; None for a store of this runner alone.
        approval_page: where approvals are opened in a browser; None if this process serves no page.
    """
    application = posthog_application(settings, application)
    if settings.sandbox is not None:
        settings = in_sandbox(settings)
    journal = AuditLog(Redactor(settings.secrets()), settings.audit_log, origin=settings.origin)
    posthog = PostHog(settings.origin, settings.credentials, settings.limits, application)
    return ToolRunner(settings, posthog, journal, store=store, approval_page=approval_page)


def open_state(settings: Settings, *, private: bool = False) -> StateStore:
    """Return the state store that the operator wants. Connects to nothing.

    Args:
        settings: what the operator decided.
        private: whether an unset one is of this process alone, as for `serve`; else it is the user's, for the sandbox
            too, so that an approval can be tried.

    Raises:
        SettingsError: the one that is set cannot be used.
    """
    try:
        return open_store(settings.state, private=private)
    except StoreError as error:
        raise SettingsError(f"PROJECTS_MCP_STATE cannot be used: {error}.", ("PROJECTS_MCP_STATE",)) from None


def posthog_application(settings: Settings, application: ASGIApplication | None) -> ASGIApplication | None:
    """Return the application that is PostHog: the given one, in sandbox mode a new sandbox, None for the network."""
    if application is not None or settings.sandbox is None:
        return application
    from projects_mcp.sandbox import VERSIONS, seed  # noqa: PLC0415 - only sandbox mode loads it
    from projects_mcp.sandbox.app import create_app  # noqa: PLC0415 - as above

    return create_app(seed(behaviour=VERSIONS[settings.sandbox]))


def in_sandbox(settings: Settings) -> Settings:
    """Return the settings with the sandbox as PostHog and one of its own credentials.

    A key, session or organization that the sandbox does not know is a real one of somebody's: it is not used at all.
    """
    from projects_mcp import sandbox  # noqa: PLC0415 - only sandbox mode loads it

    world, given = sandbox.seed(), settings.credentials
    if given.key is None or given.key.value.reveal() not in world.api_keys:
        credentials = Credentials(
            PersonalKey(Secret(sandbox.READ_WRITE_KEY)),
            BrowserSession(Secret(sandbox.SESSION_ID), Secret(sandbox.CSRF_TOKEN)),
        )
    elif given.session is not None and given.session.session_id.reveal() in world.sessions:
        credentials = given
    else:
        credentials = Credentials(given.key)
    organization = settings.organization if str(settings.organization) in world.organizations else CURRENT
    return dataclasses.replace(settings, origin=SANDBOX_ORIGIN, credentials=credentials, organization=organization)
