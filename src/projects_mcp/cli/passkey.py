"""`projects-mcp passkey`: enrol, list, remove and invite."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

import anyio

from projects_mcp.cli.complaints import complain, complain_at
from projects_mcp.cli.controlling_terminal import ControllingTerminal, NoTerminalError
from projects_mcp.cli.exit_codes import DONE, FAILED, USAGE
from projects_mcp.cli.interruption import may_change
from projects_mcp.cli.open_page import show_page
from projects_mcp.cli.output import print_answer
from projects_mcp.cli.table import DIM, print_table, print_text
from projects_mcp.cli.terminal import say, styled
from projects_mcp.config.settings import Settings
from projects_mcp.errors.kinds import Kind
from projects_mcp.http.approval.command_server import serve_until
from projects_mcp.http.approval.site import Site, public_site
from projects_mcp.http.callers import CALLER_NAME
from projects_mcp.policy.passkey_signature import NO_LIBRARY, library_is_there
from projects_mcp.runner.build import open_state
from projects_mcp.state.approvals import Approvals
from projects_mcp.state.passkeys import INVITATION_S, NOT_KEPT, Passkey, Passkeys
from projects_mcp.state.store import StateStore, StoreError

__all__ = ["run_passkey"]

_NAMES: Final = "a name has 1 to 64 letters, digits, dots, hyphens or underscores."
_MINUTES: Final = round(INVITATION_S / 60)


def run_passkey(settings: Settings, action: str, name: str | None, *, as_json: bool) -> int:
    """Enrol, list or remove passkeys, or invite somebody to enrol one.

    Args:
        settings: name the state store, and the public address.
        action: `add`, `list`, `remove` or `invite`.
        name: whose passkey; None for `list` only.
        as_json: print one line of JSON; a list in the form that `audit verify --passkeys` reads.

    Returns:
        The exit code.
    """
    if (name is None) != (action == "list"):
        return complain("passkey", "name whose passkey it is, but for list.", USAGE, "usage")
    if name is not None and not CALLER_NAME.fullmatch(name):
        return complain("passkey", _NAMES, USAGE, "usage")
    store = open_state(settings)
    try:
        if not store.shared:
            return _complain(f"{NOT_KEPT}.", "state_unavailable")
        if name is None:
            return anyio.run(_list, store, as_json)
        return _run_for_person(settings, store, action, name, as_json)
    except StoreError as error:
        return _complain(f"the state store cannot be used: {error}.", "state_unavailable")


def _run_for_person(settings: Settings, store: StateStore, action: str, name: str, as_json: bool) -> int:
    if action == "remove":
        return anyio.run(_remove, store, name, as_json)
    if not library_is_there():
        return _complain(f"{NO_LIBRARY}.", "passkey_unusable")
    if action == "invite":
        return anyio.run(_invite, store, settings, name, as_json)
    try:
        with ControllingTerminal() as terminal:
            if terminal.interactive:
                with may_change("A passkey may be enrolled already. See: projects-mcp passkey list"):
                    return anyio.run(_add, store, terminal, name, as_json)
    except NoTerminalError:
        pass
    except OSError as error:
        return _complain(f"no page can be served on this machine: {error.strerror}.", "no_page")
    return _complain("a person enrols a passkey at a terminal, and this process has none.", "no_terminal")


def _complain(sentence: str, kind: Kind) -> int:
    return complain("passkey", sentence, FAILED, kind)


async def _list(store: StateStore, as_json: bool) -> int:
    try:
        passkeys = await Passkeys(store).all()
    finally:
        await store.aclose()
    rows = [_row(passkey) for passkey in passkeys]
    print_answer({"passkeys": rows}, lambda: _print_table(passkeys), as_json=as_json)
    return DONE


def _print_table(passkeys: Sequence[Passkey]) -> None:
    if not passkeys:
        say("No passkey is enrolled.")
        return
    rows = []
    for passkey in passkeys:
        cells = [passkey.name, passkey.rp_id, f"{passkey.credential_id:.12}…", passkey.added_at]
        style = DIM if passkey.removed_at else ""
        rows.append([styled(text, style, sys.stdout) for text in (*cells, passkey.removed_at or "")])
    print_table(["name", "for", "passkey", "added", "removed"], rows)


def _row(passkey: Passkey) -> dict[str, str | int | None]:
    return {
        "name": passkey.name,
        "rp_id": passkey.rp_id,
        "credential_id": passkey.credential_id,
        "public_key": passkey.public_key,
        "sign_count": passkey.sign_count,
        "added_at": passkey.added_at,
        "removed_at": passkey.removed_at,
    }


async def _remove(store: StateStore, name: str, as_json: bool) -> int:
    try:
        count = await Passkeys(store).remove(name)
    finally:
        await store.aclose()
    if not count:
        return _complain(f"no passkey of {name} is enrolled.", "no_such_passkey")
    said = f"Removed {count} passkey{'' if count == 1 else 's'} of {name}. What they have signed can still be checked."
    print_answer({"name": name, "removed": count}, lambda: print_text(said), as_json=as_json)
    return DONE


async def _invite(store: StateStore, settings: Settings, name: str, as_json: bool) -> int:
    try:
        if settings.serving.public_url is None:
            return _complain("PROJECTS_MCP_PUBLIC_URL is not set, so nobody could be told an address.", "no_address")
        site = public_site(settings.serving.public_url, settings.serving.hosts)
        if not site.takes_passkeys:
            return _complain(f"browsers use no passkey at {site.origin}: it takes a name, and HTTPS.", "no_address")
        address = site.enrolment(await Passkeys(store).invite(name))
    finally:
        await store.aclose()
    said = f"The first to open this address, within {_MINUTES} minutes, can approve calls as {name}:\n{address}"
    print_answer({"name": name, "address": address, "minutes": _MINUTES}, lambda: print_text(said), as_json=as_json)
    return DONE


async def _add(store: StateStore, terminal: ControllingTerminal, name: str, as_json: bool) -> int:
    passkeys = Passkeys(store)
    try:
        code = await passkeys.invite(name)

        async def tell(site: Site) -> None:
            await show_page(
                terminal.show, site.enrolment(code), f"To enrol a passkey of {name}, within {_MINUTES} minutes"
            )

        async def is_done() -> bool:
            return not await passkeys.is_open(code)

        before = len(await passkeys.enrolled(names=(name,)))
        if not await serve_until(Approvals(store), is_done, tell, INVITATION_S):
            return complain_at(terminal.show, "passkey", "Nothing was enrolled: the time is over.", "not_enrolled")
        if len(await passkeys.enrolled(names=(name,))) <= before:
            return complain_at(terminal.show, "passkey", "Nothing was enrolled.", "not_enrolled")
    finally:
        await store.aclose()
    terminal.show(f"The passkey of {name} is enrolled for localhost: it approves calls on this machine.")
    print_answer({"name": name, "enrolled": True}, lambda: None, as_json=as_json)
    return DONE
