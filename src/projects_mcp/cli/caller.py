"""`projects-mcp caller new`, `list` and `revoke`: who may call a served server."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, Final, NamedTuple

from projects_mcp.api.types import CURRENT, OrganizationRef
from projects_mcp.cli.complaints import complain, note
from projects_mcp.cli.exit_codes import DONE, FAILED
from projects_mcp.cli.nearest import did_you_mean
from projects_mcp.cli.output import print_answer
from projects_mcp.cli.table import print_table, print_text
from projects_mcp.cli.terminal import say
from projects_mcp.cli.toml_tables import remove_table
from projects_mcp.cli.user_files import NotMergedError, read_file, replace_file
from projects_mcp.config.credential_text import shown_path
from projects_mcp.config.settings import Settings, SettingsError
from projects_mcp.http.callers import CALLER_NAME, DEFAULT_CREDENTIAL, SCOPES, Caller
from projects_mcp.http.callers_file import read_callers
from projects_mcp.policy.access import Access

__all__ = ["Rights", "new_entry", "parse_rights", "run_caller", "run_caller_list", "run_caller_revoke"]

_TOKEN_BYTES: Final = 32
"""Random bytes in a token."""
_WRITE: Final = "project:write"
_COLUMNS: Final = ("name", "scopes", "access", "credential", "organization")
_READ_AGAIN: Final = "A server that runs takes it up when it gets SIGHUP; behind a balancer each one does."
_LAST: Final = (
    "That was the last caller. A server that runs does not take up a file without any, and keeps the former "
    "one: stop it."
)


class Rights(NamedTuple):
    """What a new caller is given.

    Attributes:
        scopes: of `SCOPES`.
        access: the most that it may do; None for `write` if a scope allows it, else `read`.
        credential: the name of the PostHog credential that its calls use.
        organization: the UUID of the only one that it may touch; None for any that the credential reaches.
        protected: project ids that it must not destroy.
    """

    scopes: tuple[str, ...] = SCOPES[:1]
    access: Access | None = None
    credential: str = DEFAULT_CREDENTIAL
    organization: OrganizationRef | None = None
    protected: frozenset[int] = frozenset()


def parse_rights(scopes: str | None, credential: str | None, settings: Settings, given: Collection[str] = ()) -> Rights:
    """Read the rights of a new caller from flags.

    Args:
        scopes: separated by commas, each with or without `project:`; None for reading only.
        credential: the name of a `[credentials.NAME]` of the callers file; None for the key of the process.
        settings: hold access, organization and protected projects, where a flag gave them.
        given: the variables of the settings that were given as flags. What the environment says is about the server.

    Raises:
        SettingsError: one of them cannot be used.
    """
    names = [name.strip() for name in (scopes or SCOPES[0]).split(",") if name.strip()]
    whole = {name if ":" in name else f"project:{name}" for name in names}
    if not names or not whole <= set(SCOPES):
        raise SettingsError(f"--scopes must be {' or '.join(SCOPES)}, or both, separated by a comma.")
    if credential is not None and not CALLER_NAME.fullmatch(credential):
        raise SettingsError("--credential must be a name of 1 to 64 letters, digits, dots, hyphens or underscores.")
    organization = settings.organization if "POSTHOG_ORGANIZATION_ID" in given else CURRENT
    return Rights(
        tuple(scope for scope in SCOPES if scope in whole),
        settings.policy.access if "PROJECTS_MCP_ACCESS" in given else None,
        credential or DEFAULT_CREDENTIAL,
        None if organization is CURRENT else organization,
        settings.policy.protected if "PROJECTS_MCP_PROTECTED_PROJECTS" in given else frozenset(),
    )


def run_caller(name: str, rights: Rights | None = None) -> int:
    """Print the entry of a new caller on stdout, and its token on stderr.

    Args:
        name: the caller's name.
        rights: what it is given; reading by default.

    Returns:
        The exit code.

    Raises:
        SettingsError: the name cannot be used.
    """
    token, entry = new_entry(name, rights)
    note(f"The token of {name}, which is shown this once: {token}", name=name, token=token)
    say(entry, end="")
    return DONE


def new_entry(name: str, rights: Rights | None = None) -> tuple[str, str]:
    """Create a token for a new caller.

    Args:
        name: 1 to 64 letters, digits, dots, hyphens or underscores.
        rights: what it is given; reading by default.

    Returns:
        The token, which is stored nowhere, and the lines for the callers file, which hold only its hash.

    Raises:
        SettingsError: the name cannot be used.
    """
    if not CALLER_NAME.fullmatch(name):
        raise SettingsError("A caller's name has 1 to 64 letters, digits, dots, hyphens or underscores.")
    rights = rights or Rights()
    token = f"pmcp_{token_urlsafe(_TOKEN_BYTES)}"
    digest = hashlib.sha256(token.encode()).hexdigest()
    table = f'"{name}"' if "." in name else name
    writes = _WRITE in rights.scopes
    access = rights.access or (Access.WRITE if writes else Access.READ)
    lines = [
        (f"[callers.{table}]", ""),
        (f'token_sha256 = "{digest}"', ""),
        (f"scopes = {json.dumps(list(rights.scopes))}", "" if writes else f'and "{_WRITE}" for changes'),
        (f'access = "{access}"', "read, write or full"),
        (f'credential = "{rights.credential}"', "or a name from [credentials.NAME]"),
        _optional(
            "organization",
            None if rights.organization is None else f'"{rights.organization}"',
            '"…"',
            "the UUID of the only organization it may touch",
        ),
        _optional(
            "protected_projects",
            str(sorted(rights.protected)) if rights.protected else None,
            "[12345]",
            "project ids that it must not destroy",
        ),
    ]
    return token, "".join(f"{line.ljust(32)}# {about}\n" if about else f"{line}\n" for line, about in lines)


def _optional(name: str, value: str | None, example: str, about: str) -> tuple[str, str]:
    return (f"# {name} = {example}", about) if value is None else (f"{name} = {value}", "")


def run_caller_list(settings: Settings, *, as_json: bool) -> int:
    """List the callers of the callers file, without their tokens.

    Args:
        settings: name the callers file.
        as_json: as a JSON list.

    Returns:
        The exit code.

    Raises:
        SettingsError: no callers file is set, or it cannot be used.
    """
    rows = [_row(caller) for caller in read_callers(_required_file(settings)).values()]
    cells = [[_cell(row[column]) for column in _COLUMNS] for row in rows]
    print_answer(rows, lambda: print_table(_COLUMNS, cells, wrap=True), as_json=as_json)
    return DONE


def _row(caller: Caller) -> dict[str, Any]:
    grant = caller.grant
    return {
        "name": caller.name,
        "scopes": sorted(grant.scopes),
        "access": grant.access.value,
        "credential": caller.credential,
        "organization": None if caller.organization is None else str(caller.organization),
        "protected_projects": sorted(grant.protected),
        "approvers": None if grant.approvers is None else list(grant.approvers),
        "concurrent_calls": caller.at_once,
        "calls_per_minute": caller.per_minute,
    }


def _cell(value: str | Sequence[str] | None) -> str:
    if value is None:
        return "any"
    return value if isinstance(value, str) else ",".join(value) or "none"


def run_caller_revoke(settings: Settings, name: str, *, as_json: bool) -> int:
    """Take a caller out of the callers file. Everything else in it stays byte for byte.

    Args:
        settings: name the callers file.
        name: of the caller.
        as_json: say as one line of JSON what was done.

    Returns:
        The exit code: `FAILED` if there is no such caller, or the file was not changed.

    Raises:
        SettingsError: no callers file is set, or it cannot be used.
    """
    file = _required_file(settings)
    callers = read_callers(file)
    if name not in callers:
        sentence = f"{shown_path(file)} has no such caller.{did_you_mean(name, callers)}"
        return complain("caller", sentence, FAILED, "no_such_caller")
    try:
        found = read_file(file)
        new = remove_table((found.data or b"").decode(), ("callers", name))
        replace_file(found, new.encode(), backup=False)
    except (NotMergedError, OSError, UnicodeDecodeError) as error:
        reason = str(error) if isinstance(error, NotMergedError) else "It cannot be read or written."
        return complain("caller", f"{shown_path(file)} was not changed. {reason}", FAILED, "not_written")
    left = len(callers) - 1
    body = {"revoked": name, "file": str(file), "callers_left": left, "next": _READ_AGAIN if left else _LAST}
    print_answer(
        body, lambda: print_text(f"{name} is no longer in {shown_path(file)}.\n{body['next']}"), as_json=as_json
    )
    return DONE


def _required_file(settings: Settings) -> Path:
    if settings.serving.callers is None:
        raise SettingsError("PROJECTS_MCP_CALLERS is not set: it names the callers file.", ("PROJECTS_MCP_CALLERS",))
    return settings.serving.callers
