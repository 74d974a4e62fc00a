"""`projects-mcp approve` and `approvals`: a person at a terminal decides on a call that waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final

import anyio

from projects_mcp.cli.complaints import complain, complain_at, note
from projects_mcp.cli.controlling_terminal import ControllingTerminal, NoTerminalError
from projects_mcp.cli.exit_codes import DONE, FAILED
from projects_mcp.cli.interruption import may_change
from projects_mcp.cli.open_page import show_page
from projects_mcp.cli.output import print_answer
from projects_mcp.cli.table import print_table, print_text
from projects_mcp.cli.terminal import say
from projects_mcp.config.settings import Settings
from projects_mcp.errors.kinds import Kind
from projects_mcp.http.approval.site import Site
from projects_mcp.runner.build import open_state
from projects_mcp.sanitize.text import has_invisible, on_one_line
from projects_mcp.state.approval import Approval, Status
from projects_mcp.state.approvals import ApprovalError, Approvals
from projects_mcp.state.codes import parse_code
from projects_mcp.state.store import StateStore, StoreError

__all__ = ["run_approvals", "run_approve"]

_TRIES: Final = 3
"""How often the name may be typed."""
_NOTHING: Final = "Nothing was decided."
_MAYBE: Final = "It may have been decided already. What waits is listed by: projects-mcp approvals"
_BY_PASSKEY: Final = "Only a passkey approves this call: add --browser."
_UNSHARED: Final = (
    "PROJECTS_MCP_STATE is memory here, so that this process cannot see what waits in another one. "
    "Set it as it is set for the server, or open the page that the refusal names."
)


def run_approvals(settings: Settings, *, as_json: bool) -> int:
    """List what waits for a decision, without its codes.

    Returns:
        The exit code.
    """
    try:
        waiting = anyio.run(_waiting, open_state(settings))
    except StoreError as error:
        return complain("approvals", f"the state store cannot be used: {error}.", FAILED, "state_unavailable")
    rows = [_row(approval) for approval in waiting]
    print_answer(rows, lambda: _print_waiting(rows), as_json=as_json)
    return DONE


def _print_waiting(rows: Sequence[Mapping[str, str]]) -> None:
    if not rows:
        say("Nothing waits for a decision.")
        return
    names = ("expires_at", "tool", "what", "asked_by")
    head = [name.replace("_", " ") for name in names]
    print_table(head, [[on_one_line(row[name]) for name in names] for row in rows])
    print_text("\nTo decide: projects-mcp approve CODE, with the code that the refusal of the call names.")


def run_approve(settings: Settings, code: str, *, deny: bool, browser: bool = False, as_json: bool = False) -> int:
    """Show the whole question at the terminal, and decide on it.

    Args:
        settings: name the state store.
        code: of the approval.
        deny: say no, which needs no name.
        browser: serve the page of the approval until it is decided there, and try to open it. This needs no terminal.
        as_json: print what was decided as one line of JSON too.

    Returns:
        The exit code: 0 if a decision was made.
    """
    try:
        if browser and not deny:
            with may_change(_MAYBE):
                return anyio.run(_decide_on_page, open_state(settings), code, as_json)
        with ControllingTerminal() as terminal:
            return _decide(open_state(settings), terminal, code, deny=deny, as_json=as_json)
    except NoTerminalError:
        return _complain(
            "a person decides at a terminal, and this process has none. Nothing was decided.", "no_terminal"
        )
    except StoreError as error:
        return _complain(f"the state store cannot be used: {error}. {_NOTHING}", "state_unavailable")
    except OSError as error:
        return _complain(f"no page can be served on this machine: {error.strerror}. {_NOTHING}", "no_page")


def _complain(sentence: str, kind: Kind) -> int:
    return complain("approve", sentence, FAILED, kind)


async def _decide_on_page(store: StateStore, code: str, as_json: bool) -> int:
    from projects_mcp.http.approval.command_server import serve_until  # noqa: PLC0415 - a web server, for this way only

    approvals = Approvals(store)
    try:
        approval = await _find(approvals, code)
        if approval is None:
            return FAILED

        async def tell(site: Site) -> None:
            typed = parse_code(code) or code
            await show_page(partial(note, at_once=True), f"{site.base}{typed}", f"To decide until {approval.ends}")

        async def is_decided() -> bool:
            now = await approvals.find(code)
            return now is None or now.status is not Status.WAITING

        await serve_until(approvals, is_decided, tell, max(approval.until - approvals.clock(), 1.0))
        decided = await approvals.find(code)
    finally:
        await store.aclose()
    if decided is None or decided.status is Status.WAITING:
        return _complain("nothing was decided, and the time is over. The call stays refused.", "not_decided")
    said = "Denied." if decided.status is Status.DENIED else "Approved, once. Let the same call be made again."
    print_answer(_decision(decided), lambda: print_text(said), as_json=as_json)
    return DONE


def _decision(decided: Approval) -> dict[str, str]:
    return {**_row(decided), "decision": "denied" if decided.status is Status.DENIED else "approved"}


async def _find(approvals: Approvals, code: str) -> Approval | None:
    """Return an approval, or say why there is none."""
    if not approvals.store.shared:
        _complain(_UNSHARED, "state_unavailable")
        return None
    approval = await approvals.find(code)
    if approval is None:
        _complain("no approval has this code, or its time is over. Nothing was decided.", "no_approval")
    return approval


async def _waiting(store: StateStore) -> list[Approval]:
    try:
        return await Approvals(store).waiting()
    finally:
        await store.aclose()


async def _find_once(store: StateStore, code: str) -> Approval | None:
    try:
        return await _find(Approvals(store), code)
    finally:
        await store.aclose()


async def _decide_once(store: StateStore, seen: Approval, granted: bool) -> Approval:
    try:
        return await Approvals(store).decide(seen, granted=granted, channel="terminal")
    finally:
        await store.aclose()


def _decide(store: StateStore, terminal: ControllingTerminal, code: str, *, deny: bool, as_json: bool) -> int:
    """Find the approval, ask, and decide. The person is asked while no event loop runs, so that Ctrl+C ends it."""
    approval = anyio.run(_find_once, store, code)
    if approval is None:
        return FAILED
    terminal.show("\n".join(f"{label}: {on_one_line(value)}" for label, value in approval.rows))
    if not deny and approval.passkey:
        return complain_at(terminal.show, "approve", f"{_BY_PASSKEY} {_NOTHING}", "passkey_needed")
    if not deny and not _ask_for_name(terminal, approval):
        return complain_at(terminal.show, "approve", _NOTHING, "not_decided")
    try:
        with may_change(_MAYBE):
            decided = anyio.run(_decide_once, store, approval, not deny)
    except ApprovalError as error:
        return complain_at(terminal.show, "approve", f"{error} {_NOTHING}", "not_decided")
    if deny:
        terminal.show("Denied. The call is refused until the time above.")
    else:
        minutes = max(round((decided.until - datetime.now(UTC).timestamp()) / 60), 1)
        terminal.show(f"Approved, once. Let the same call be made again within {minutes} minutes.")
    print_answer(_decision(decided), lambda: None, as_json=as_json)
    return DONE


def _ask_for_name(terminal: ControllingTerminal, approval: Approval) -> bool:
    """Let a person type the name of the project, or the words of the plan, exactly; Ctrl+C and Ctrl+D end it."""
    what = "the project's exact name" if approval.project is not None else f"the words “{approval.phrase}”"
    if has_invisible(approval.phrase):
        terminal.show("The name holds characters that cannot be seen: copy it from PostHog's settings.")
    for left in reversed(range(_TRIES)):
        typed = terminal.ask(f"Type {what} to approve it: ")
        if typed is None:
            return False
        if typed == approval.phrase:
            return True
        wrong = "That is not the name." if approval.project is not None else "Those are not the words."
        terminal.show(wrong + (" Try again." if left else ""))
    return False


def _row(approval: Approval) -> dict[str, str]:
    lines = dict(approval.lines)
    return {
        "tool": approval.tool,
        "what": lines.get("Action", "")
        if approval.project is None
        else f"{lines.get('Action', '')} {lines.get('Project', '')} (id {lines.get('Project id', '')})",
        "caller": approval.caller,
        "asked_by": lines.get("Asked by", ""),
        "expires_at": approval.ends,
    }
