"""Describe what a server is configured and allowed to do, without a secret."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from projects_mcp.api.types import JSONObject
from projects_mcp.config.settings import Settings
from projects_mcp.policy.access import Access
from projects_mcp.policy.authorization import CallerGrant, KeyGrant

__all__ = ["describe_server"]


def describe_server(
    settings: Settings, key: KeyGrant, caller: CallerGrant | None, hidden_tools: Mapping[str, str]
) -> JSONObject:
    """Return what is configured, granted and hidden. Of credentials it says only whether there are any.

    Args:
        settings: what the operator has decided, for this caller.
        key: what the credential may do.
        caller: whose description it is, over HTTP; None for whoever has started the process.
        hidden_tools: the tools that are not offered, each with the reason.
    """
    policy, credentials = settings.policy, settings.credentials
    description: JSONObject = {
        "posthog": settings.origin,
        "sandbox": settings.sandbox is not None,
        "organization": str(settings.organization),
        "access": (policy.access if caller is None else _lower(policy.access, caller.access)).value,
        "confirmation": settings.confirmation.value,
        "protected_projects": sorted(policy.protected),
        "only_projects": None if policy.only is None else sorted(policy.only),
        "personal_api_key": "present" if credentials.key else "absent",
        "browser_session": "present" if credentials.session else "absent",
        "audit_log": settings.audit_log is not None,
        "secrets_dir": settings.secrets_dir is not None,
        "result_limit_bytes": settings.result_limit,
        "key": {
            "scopes": None if key.scopes is None else sorted(key.scopes),
            "projects": None if key.projects is None else sorted(key.projects),
            "organizations": None if key.organizations is None else sorted(map(str, key.organizations)),
        },
        "hidden_tools": dict(hidden_tools),
    }
    if caller is not None:
        description |= _only_its_own(caller, key, description)
    return description


def _only_its_own(caller: CallerGrant, key: KeyGrant, description: JSONObject) -> JSONObject:
    """Return what differs for a caller: its own rights, and nothing of the organizations and projects of others."""
    scopes = [scope for scope in sorted(caller.scopes) if key.has(scope)]
    own: JSONObject = {"caller": {"name": caller.name, "scopes": sorted(caller.scopes)}}
    if caller.organizations is None:
        return own
    organizations = sorted(map(str, caller.organizations if key.organizations is None else _common(caller, key)))
    return own | {
        "key": {"scopes": scopes, "projects": None, "organizations": organizations},
        "protected_projects": sorted(caller.protected),
        # Whether the operator names projects, and not which: they may be in other organizations.
        "only_projects": None if description["only_projects"] is None else "set by the operator",
    }


def _common(caller: CallerGrant, key: KeyGrant) -> frozenset[UUID]:
    return (caller.organizations or frozenset()) & (key.organizations or frozenset())


def _lower(first: Access, second: Access) -> Access:
    return min(first, second, key=list(Access).index)
