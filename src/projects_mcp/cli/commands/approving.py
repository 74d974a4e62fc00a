"""The commands about people and callers: who may call, and who approves a call that waits."""

from __future__ import annotations

from typing import Final

from projects_mcp.cli.command import Argument, Command, flag
from projects_mcp.cli.group import Group
from projects_mcp.cli.invocation import Invocation

__all__ = ["APPROVALS", "APPROVE", "CALLER", "PASSKEY"]

_WHOSE: Final = "whose passkey it is: 1 to 64 letters, digits, dots, hyphens or underscores"


def _approvals(invocation: Invocation, *, as_json: bool) -> int:
    from projects_mcp.cli.approve import run_approvals

    return run_approvals(invocation.settings, as_json=as_json)


APPROVALS: Final = Command(
    "approvals",
    "list the calls that wait for a person",
    _approvals,
    (flag("--json", "print a JSON list"),),
    examples=("approvals", "approvals --json"),
)


def _approve(invocation: Invocation, *, code: str, deny: bool, browser: bool) -> int:
    from projects_mcp.cli.approve import run_approve

    return run_approve(invocation.settings, code, deny=deny, browser=browser)


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


def _new_caller(_invocation: Invocation, *, name: str) -> int:
    from projects_mcp.cli.caller import run_caller

    return run_caller(name)


CALLER: Final = Group(
    "caller",
    "make an entry for the callers file",
    (
        Command(
            "new",
            "make a token and print its entry",
            _new_caller,
            (Argument("name", "NAME", "the caller's name, for the audit log: letters, digits, dots, hyphens, _"),),
            examples=("caller new ci >> callers.toml",),
        ),
    ),
    examples=("caller new ci >> callers.toml",),
)


def _passkey(invocation: Invocation, action: str, name: str | None, *, as_json: bool = False) -> int:
    from projects_mcp.cli.passkey import run_passkey

    return run_passkey(invocation.settings, action, name, as_json=as_json)


def _add(invocation: Invocation, *, name: str) -> int:
    return _passkey(invocation, "add", name)


def _list(invocation: Invocation, *, as_json: bool) -> int:
    return _passkey(invocation, "list", None, as_json=as_json)


def _remove(invocation: Invocation, *, name: str) -> int:
    return _passkey(invocation, "remove", name)


def _invite(invocation: Invocation, *, name: str) -> int:
    return _passkey(invocation, "invite", name)


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
            (flag("--json", "print them as audit verify --passkeys reads them"),),
            examples=("passkey list", "passkey list --json > passkeys.json"),
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
