"""Declare every setting of the operator: one row for each, in the order of the documents.

The parser of the environment, the flags of the command line, the form of desktop clients, the registry's entry, the
table of the README, the diagnosis and the redaction of this process's own secrets are all derived from these rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from projects_mcp.config import parsers
from projects_mcp.config.parsers import Choice, WholeNumber
from projects_mcp.config.row import Flag, FormField, Variable
from projects_mcp.config.state_parser import parse_state
from projects_mcp.config.web_names import parse_hosts, parse_origins
from projects_mcp.policy.access import Access
from projects_mcp.policy.confirmation import Confirmation

__all__ = ["VARIABLES", "is_profile_name", "related"]

_PROFILE_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


def is_profile_name(text: str) -> bool:
    """Whether a text is the name of a profile."""
    return _PROFILE_NAME.fullmatch(text) is not None


def _parse_profile(name: str, text: str) -> str:
    if not is_profile_name(text):
        raise parsers.SettingsError(f"{name} must be 1 to 64 letters, digits, dots, hyphens or underscores.")
    return text


_ROWS: Final = (
    Variable(
        "POSTHOG_PERSONAL_API_KEY",
        "credentials.key",
        parsers.parse_key,
        "Personal API key of PostHog (phx_…)",
        FormField("Personal API key", required=True),
        secret=True,
    ),
    Variable(
        "POSTHOG_PERSONAL_API_KEY_FILE",
        "credentials.key",
        parsers.parse_key_file,
        "File that holds the key, instead of the variable above",
        None,  # the form keeps the key itself, and only one of the two may be set
    ),
    Variable(
        "POSTHOG_HOST",
        "origin",
        parsers.parse_host,
        "us (default), eu, or the https address of a self-hosted PostHog",
        FormField("PostHog region or address"),
        default="us",
        flag=Flag("--posthog-host"),
    ),
    Variable(
        "POSTHOG_ORGANIZATION_ID",
        "organization",
        parsers.parse_organization,
        "Organization to use where a call names none; default @current",
        FormField("Organization"),
        default="@current",
        flag=Flag("--organization-id"),
    ),
    Variable(
        "POSTHOG_SESSION_ID",
        "credentials.session.session_id",
        parsers.parse_secret,
        "Opt-in: cookie sessionid of a signed-in browser, for the six session-only operations",
        FormField("Browser session"),
        secret=True,
    ),
    Variable(
        "POSTHOG_CSRF_TOKEN",
        "credentials.session.csrf_token",
        parsers.parse_secret,
        "Cookie posthog_csrftoken of the same browser; only where doctor says that it is needed",
        FormField("CSRF token of the browser session"),
        secret=True,
    ),
    Variable(
        "PROJECTS_MCP_PROFILE",
        "profile",
        _parse_profile,
        "Profile of the user's config.toml whose settings stand under these; default: the one named default, if any",
        None,
        flag=Flag("--profile", about="use the settings of a profile under these; see: projects-mcp profiles"),
    ),
    Variable(
        "PROJECTS_MCP_ACCESS",
        "policy.access",
        Choice(Access),
        "read, write or full (default): the most that any tool may do",
        FormField("Access level"),
        default="full",
        flag=Flag("--access"),
    ),
    Variable(
        "PROJECTS_MCP_CONFIRMATION",
        "confirmation",
        Choice(Confirmation),
        "auto (default), human, passkey or argument: whom a destructive call must convince",
        FormField("Confirmation"),
        default="auto",
        flag=Flag("--confirmation"),
    ),
    Variable(
        "PROJECTS_MCP_QUESTION_TIMEOUT",
        "question_timeout_s",
        WholeNumber(5, 300),
        "Seconds that a question to a person waits for its answer while a call is under way",
        FormField("Seconds for an answer", type="number"),
        default="45",
    ),
    Variable(
        "PROJECTS_MCP_PROTECTED_PROJECTS",
        "policy.protected",
        parsers.parse_project_ids,
        "Project ids, comma-separated, that no destructive tool may touch",
        FormField("Protected projects"),
        flag=Flag("--protected-projects"),
    ),
    Variable(
        "PROJECTS_MCP_ONLY_PROJECTS",
        "policy.only",
        parsers.parse_project_ids,
        "The only project ids that this server may touch at all, comma-separated",
        FormField("Only these projects"),
        flag=Flag("--only-projects"),
    ),
    Variable(
        "PROJECTS_MCP_AUDIT_LOG",
        "audit_log",
        parsers.parse_path,
        "File that gets one JSON line per call; without it writable, nothing is changed",
        FormField("Audit log"),
    ),
    Variable(
        "PROJECTS_MCP_SECRETS_DIR",
        "secrets_dir",
        parsers.parse_path,
        "Private folder that gets the new secret of a rotation, so that no answer shows it",
        FormField("Folder for secrets", type="directory"),
    ),
    Variable(
        "PROJECTS_MCP_RESULT_LIMIT",
        "result_limit",
        WholeNumber(4_096, 4_194_304),
        "Most bytes of JSON in a result",
        FormField("Largest result", type="number"),
        default="65536",
    ),
    Variable(
        "PROJECTS_MCP_CONNECT_TIMEOUT",
        "limits.connect_s",
        WholeNumber(1, 30),
        "Seconds to reach PostHog",
        FormField("Seconds to connect", type="number"),
        default="5",
    ),
    Variable(
        "PROJECTS_MCP_READ_TIMEOUT",
        "limits.read_s",
        WholeNumber(1, 120),
        "Seconds without a byte from PostHog",
        FormField("Seconds of silence", type="number"),
        default="20",
    ),
    Variable(
        "PROJECTS_MCP_CALL_TIMEOUT",
        "limits.call_s",
        WholeNumber(2, 300),
        "Seconds for all requests of a call together",
        FormField("Seconds for a call", type="number"),
        default="30",
    ),
    Variable(
        "PROJECTS_MCP_FAST_START",
        "fast_start",
        parsers.parse_switch,
        "on (default) or off: over stdio, answer plain messages before the SDK of MCP is imported",
        None,
        default="on",
    ),
    # The form asks for none of those below, up to the sandbox: a desktop client starts the server over stdio.
    Variable(
        "PROJECTS_MCP_STATE",
        "state",
        parse_state,
        "Where approvals and used answers are kept: memory, a file (its absolute path), redis://… or rediss://…",
        None,
    ),
    Variable(
        "PROJECTS_MCP_CALLERS",
        "serving.callers",
        parsers.parse_path,
        "File of those who may call a served server, with their rights; see docs/serving.md",
        None,
    ),
    Variable(
        "PROJECTS_MCP_OAUTH_ISSUER",
        "serving.issuer",
        parsers.parse_https_address,
        "Issuer whose JSON Web Tokens are accepted too: an https address",
        None,
    ),
    Variable(
        "PROJECTS_MCP_OAUTH_AUDIENCE",
        "serving.audience",
        parsers.parse_text,
        "Audience that such a token must name; default: PROJECTS_MCP_PUBLIC_URL",
        None,
    ),
    Variable(
        "PROJECTS_MCP_OAUTH_JWKS",
        "serving.jwks",
        parsers.parse_https_address,
        "Address of the issuer's keys; default: what its metadata names",
        None,
    ),
    Variable(
        "PROJECTS_MCP_PUBLIC_URL",
        "serving.public_url",
        parsers.parse_https_address,
        "Address of the server as its callers see it, such as https://mcp.example.com/mcp",
        None,
    ),
    Variable(
        "PROJECTS_MCP_ALLOWED_HOSTS",
        "serving.hosts",
        parse_hosts,
        "Host names, comma-separated, under which a served server may be called, besides that of its public address",
        None,
    ),
    Variable(
        "PROJECTS_MCP_ALLOWED_ORIGINS",
        "serving.origins",
        parse_origins,
        "Origins of web pages, comma-separated, that may call it and read its answers",
        None,
    ),
    Variable(
        "PROJECTS_MCP_SIGNING_KEY",
        "serving.signing_keys",
        parsers.parse_signing_keys,
        "Keys, comma-separated, of 32 bytes or more, that seal confirmations; the first seals",
        None,
        secret=True,
    ),
    Variable(
        "PROJECTS_MCP_SANDBOX",
        "sandbox",
        parsers.parse_sandbox,
        "1 = the embedded sandbox instead of PostHog, or its version: current or 2025-08; no account needed",
        FormField("Sandbox", type="boolean", about="Practise on made-up projects. The key above is then not used."),
        default="0",
        flag=Flag("--sandbox", constant="1", about="use the embedded sandbox instead of PostHog"),
    ),
)

VARIABLES: Final[Mapping[str, Variable]] = {row.name: row for row in _ROWS}
"""Every setting by its name."""


def related(names: Iterable[str]) -> frozenset[str]:
    """Return these settings together with those that set the same part of `Settings`, such as both of a session."""
    parts = {_part(VARIABLES[name]) for name in names}
    return frozenset(name for name, row in VARIABLES.items() if _part(row) in parts)


def _part(row: Variable) -> tuple[str, ...]:
    return tuple(row.field.split(".")[:2])
