"""The words for what this server refuses by itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from projects_mcp.errors.context import NOT_CHANGED, FailureContext
from projects_mcp.errors.refusals import RefusalKind
from projects_mcp.sanitize.text import quoted

__all__ = ["REFUSALS"]

_ASK_USER: Final = "Ask the user for the exact name as PostHog shows it, and call again with it."


def _invalid_argument(facts: Mapping[str, Any], situation: FailureContext) -> str:
    return f"{' '.join(facts['problems'])} {NOT_CHANGED} Correct the arguments of {situation.tool} and call it again."


def _not_configured(_facts: Mapping[str, Any], situation: FailureContext) -> str:
    return (
        f"No PostHog key is configured. {NOT_CHANGED} Set POSTHOG_PERSONAL_API_KEY to a personal API key from "
        f"{situation.origin}/settings/user-api-keys and restart the server, or set PROJECTS_MCP_SANDBOX=1 to try it "
        "without one."
    )


def _access_level(facts: Mapping[str, Any], situation: FailureContext) -> str:
    mode = "read-only mode" if facts["configured"] == "read" else f"access level {facts['configured']}"
    return (
        f"This server runs in {mode}, which does not allow {situation.tool}. {NOT_CHANGED} "
        f"Its operator can allow it with PROJECTS_MCP_ACCESS={facts['needed']}."
    )


def _missing_scope(facts: Mapping[str, Any], situation: FailureContext) -> str:
    return (
        f"The PostHog key lacks the scope {facts['scope']}, which {situation.tool} needs. {NOT_CHANGED} "
        f"Add the scope to the key at {situation.origin}/settings/user-api-keys, then restart this server."
    )


def _caller_scope(facts: Mapping[str, Any], situation: FailureContext) -> str:
    return (
        f"Your access to this server lacks the scope {facts['scope']}, which {situation.tool} needs. {NOT_CHANGED} "
        "Whoever runs the server can grant it."
    )


def _caller_organization(_facts: Mapping[str, Any], _situation: FailureContext) -> str:
    return f"Your access to this server is limited to another organization. {NOT_CHANGED} Leave organization_id out."


def _too_many_calls(facts: Mapping[str, Any], _situation: FailureContext) -> str:
    return f"Too many calls: {facts['limit']}. {NOT_CHANGED} Try again in {facts['retry_after_s']} seconds."


def _key_restricted(facts: Mapping[str, Any], situation: FailureContext) -> str:
    if facts["to"] == "organizations":
        what = "The PostHog key is restricted to other organizations."
    elif "project" in facts:
        what = f"The PostHog key is restricted to certain projects, and {facts['project']} is not one of them."
    else:
        what = f"The PostHog key is restricted to certain projects, so it cannot {facts['verb']} them."
    return f"{what} {NOT_CHANGED} Its restrictions are shown at {situation.origin}/settings/user-api-keys."


def _only_projects(facts: Mapping[str, Any], _situation: FailureContext) -> str:
    allowed = ", ".join(map(str, facts["only"]))
    if facts["creating"]:
        return (
            f"This server may only touch the projects {allowed}, so it creates none. {NOT_CHANGED} "
            "Its operator sets that in PROJECTS_MCP_ONLY_PROJECTS."
        )
    return (
        f"This server may only touch the projects {allowed}. {NOT_CHANGED} "
        "Give one of these as project_id, or ask the operator to extend PROJECTS_MCP_ONLY_PROJECTS."
    )


def _protected(facts: Mapping[str, Any], situation: FailureContext) -> str:
    return (
        f"Project {facts['project']} is protected, so {situation.tool} is refused. {NOT_CHANGED} "
        "Only the operator can change that, in PROJECTS_MCP_PROTECTED_PROJECTS."
    )


def _name_mismatch(_facts: Mapping[str, Any], situation: FailureContext) -> str:
    return f"confirm_project_name is not the project's name, so {situation.tool} was refused. {NOT_CHANGED} {_ASK_USER}"


def _not_identified(_facts: Mapping[str, Any], _situation: FailureContext) -> str:
    return (
        f"PostHog's answer could not be matched to the project that was asked for. {NOT_CHANGED} "
        "Look the project up with project_list and check its id and organization."
    )


def _not_confirmed(facts: Mapping[str, Any], situation: FailureContext) -> str:
    what = {
        "declined": f"The user declined {situation.tool}.",
        "cancelled": f"The user closed the question about {situation.tool} without an answer.",
    }.get(facts["answer"], f"The question about {situation.tool} got no valid answer.")
    return f"{what} {NOT_CHANGED} Do not try again unless the user asks for it."


def _cannot_ask(_facts: Mapping[str, Any], situation: FailureContext) -> str:
    return (
        f"{situation.tool} needs a person's consent, and this client cannot show a question. {NOT_CHANGED} "
        "Use a client that supports elicitation, or let the operator change PROJECTS_MCP_CONFIRMATION."
    )


def _changed_meanwhile(_facts: Mapping[str, Any], situation: FailureContext) -> str:
    return (
        f"The project changed after it was confirmed, so {situation.tool} was not carried out. {NOT_CHANGED} "
        "Read the project again and let the user decide on its present state."
    )


def _expected_otherwise(facts: Mapping[str, Any], _situation: FailureContext) -> str:
    found = {name: json.dumps(values["found"], ensure_ascii=False) for name, values in facts["differs"].items()}
    listed = "; ".join(f"{quoted(name, 60)} is {quoted(value)}" for name, value in list(found.items())[:5])
    return f"The project is not as expected: {listed}. {NOT_CHANGED} Decide again with the present values."


def _other_organization(_facts: Mapping[str, Any], _situation: FailureContext) -> str:
    return (
        f"The current project of the key's owner belongs to another organization than the one asked for. {NOT_CHANGED} "
        "Give a project_id; project_list shows the projects of an organization."
    )


def _audit_unavailable(_facts: Mapping[str, Any], situation: FailureContext) -> str:
    return (
        f"The audit log cannot be written, so {situation.tool} was refused. {NOT_CHANGED} "
        "The operator must make the file of PROJECTS_MCP_AUDIT_LOG writable; reading still works."
    )


def _secrets_folder(facts: Mapping[str, Any], situation: FailureContext) -> str:
    return (
        f"The folder of PROJECTS_MCP_SECRETS_DIR cannot be used: {facts['reason']}. {NOT_CHANGED} "
        f"The operator must mend it before {situation.tool} can run."
    )


REFUSALS: Final[Mapping[RefusalKind, Callable[[Mapping[str, Any], FailureContext], str]]] = {
    RefusalKind.INVALID_ARGUMENT: _invalid_argument,
    RefusalKind.NOT_CONFIGURED: _not_configured,
    RefusalKind.ACCESS_LEVEL: _access_level,
    RefusalKind.MISSING_SCOPE: _missing_scope,
    RefusalKind.CALLER_SCOPE: _caller_scope,
    RefusalKind.CALLER_ORGANIZATION: _caller_organization,
    RefusalKind.TOO_MANY_CALLS: _too_many_calls,
    RefusalKind.KEY_RESTRICTED: _key_restricted,
    RefusalKind.ONLY_PROJECTS: _only_projects,
    RefusalKind.PROTECTED_PROJECT: _protected,
    RefusalKind.NAME_MISMATCH: _name_mismatch,
    RefusalKind.NOT_IDENTIFIED: _not_identified,
    RefusalKind.NOT_CONFIRMED: _not_confirmed,
    RefusalKind.CANNOT_ASK: _cannot_ask,
    RefusalKind.CHANGED_MEANWHILE: _changed_meanwhile,
    RefusalKind.EXPECTED_OTHERWISE: _expected_otherwise,
    RefusalKind.OTHER_ORGANIZATION: _other_organization,
    RefusalKind.AUDIT_UNAVAILABLE: _audit_unavailable,
    RefusalKind.SECRETS_FOLDER: _secrets_folder,
}
