"""The commands about people and callers: who may call, and who approves a call that waits."""

from __future__ import annotations

from typing import Final

from projects_mcp.cli.command import Argument, Command, flag, option
from projects_mcp.cli.group import Group
from projects_mcp.cli.invocation import Invocation, apply_flags
from projects_mcp.cli.output import Output
from projects_mcp.config.settings import load

__all__ = ["APPROVALS", "APPROVE", "CALLER", "PASSKEY"]

_WHOSE: Final = "whose passkey it is: 1 to 64 letters, digits, dots, hyphens or underscores"


def _approvals(invocation: Invocation, *, as_json: bool) -> int:
    from projects_mcp.cli.approve import run_approvals

    return run_approvals(invocation.settings, as_json=as_json)


APPROVALS: Final = Command(
    "approvals",
    "list the calls that wait for a person",
    _approvals,
    examples=("approvals", "approvals --json"),
)


def _approve(invocation: Invocation, *, code: str, deny: bool, browser: bool, as_json: bool) -> int:
    from projects_mcp.cli.approve import run_approve

    return run_approve(invocation.settings, code, deny=deny, browser=browser, as_json=as_json)


APPROVE: Final = Command(
    "approve",
    "decide on a call that waits for a person",
    _approve,
    (
        Argument("code", "CODE", "the code that the refusal of the call names, such as 7F3K-9QWX"),
        flag("--deny", "say no; the call is then refused until the code ends"),
        flag("--browser", "decide on its page, which signs with a passkey too"),
    ),
    examples=("approve 7F3K-9QWX", "approve 7F3K-9QWX --deny"),
)


def _new_caller(invocation: Invocation, *, name: str, scopes: str | None, credential: str | None) -> int:
    from projects_mcp.cli.caller import parse_rights, run_caller

    flags = apply_flags({}, invocation.flags)  # what the environment says is about the server
    return run_caller(name, parse_rights(scopes, credential, load(flags), flags))


def _list_callers(invocation: Invocation, *, as_json: bool) -> int:
    from projects_mcp.cli.caller import run_caller_list

    return run_caller_list(invocation.settings, as_json=as_json)


def _revoke_caller(invocation: Invocation, *, name: str, as_json: bool) -> int:
    from projects_mcp.cli.caller import run_caller_revoke

    return run_caller_revoke(invocation.settings, name, as_json=as_json)


CALLER: Final = Group(
    "caller",
    "make, list and revoke those who may call serve",
    (
        Command(
            "new",
            "make a token and print its entry for the callers file",
            _new_caller,
            (
                Argument("name", "NAME", "the caller's name, for the audit log: letters, digits, dots, hyphens, _"),
                option("--scopes", "read|read,write", "what it may do; default: read"),
                option("--credential", "NAME", "a [credentials.NAME] of the file; default: the key of the server"),
            ),
            more="--access, --organization-id and --protected-projects are those of the caller.",
            examples=(
                "caller new ci >> callers.toml",
                "caller new ops --scopes read,write --access full --protected-projects 12345 >> callers.toml",
            ),
            output=Output.TEXT,
        ),
        Command(
            "list",
            "list the callers of the callers file, without their tokens",
            _list_callers,
            examples=("caller list", "caller list --json"),
        ),
        Command(
            "revoke",
            "take a caller out of the callers file",
            _revoke_caller,
            (Argument("name", "NAME", "the caller's name, as caller list shows it"),),
            examples=("caller revoke ci",),
        ),
    ),
    examples=("caller new ci >> callers.toml", "caller list", "caller revoke ci"),
)


def _passkey(invocation: Invocation, action: str, name: str | None, *, as_json: bool) -> int:
    from projects_mcp.cli.passkey import run_passkey

    return run_passkey(invocation.settings, action, name, as_json=as_json)


def _add(invocation: Invocation, *, name: str, as_json: bool) -> int:
    return _passkey(invocation, "add", name, as_json=as_json)


def _list(invocation: Invocation, *, as_json: bool) -> int:
    return _passkey(invocation, "list", None, as_json=as_json)


def _remove(invocation: Invocation, *, name: str, as_json: bool) -> int:
    return _passkey(invocation, "remove", name, as_json=as_json)


def _invite(invocation: Invocation, *, name: str, as_json: bool) -> int:
    return _passkey(invocation, "invite", name, as_json=as_json)


PASSKEY: Final = Group(
    "passkey",
    "enrol, list and remove the passkeys that approve",
    (
        Command(
            "add",
            "enrol a passkey on this machine, in the browser",
            _add,
            (Argument("name", "NAME", _WHOSE),),
            examples=("passkey add ada",),
        ),
        Command(
            "list",
            "list the passkeys, also those that were removed",
            _list,
            examples=("passkey list", "passkey list --json > passkeys.json"),
            about_json="as audit verify --passkeys reads them",
        ),
        Command(
            "remove",
            "remove all passkeys of a person",
            _remove,
            (Argument("name", "NAME", _WHOSE),),
            examples=("passkey remove ada",),
        ),
        Command(
            "invite",
            "print an address at which a person enrols one with the server",
            _invite,
            (Argument("name", "NAME", _WHOSE),),
            examples=("passkey invite ada",),
        ),
    ),
    examples=("passkey add ada", "passkey list"),
)
