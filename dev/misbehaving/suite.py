"""Run the clients against a server."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from dev.misbehaving.bench import Bench, NotApplicableError, Observation
from dev.misbehaving.clients import Client
from dev.misbehaving.session import Era, Session
from dev.misbehaving.transports import Transport
from dev.misbehaving.verdict import Verdict, judge

__all__ = ["Plan", "run_suite"]


class Plan(NamedTuple):
    """What is tried on which server.

    Attributes:
        transport: how the server is reached.
        tool: the destructive tool.
        arguments: of its call.
        other: arguments about something else, for clients that mix two calls up; None to leave those out.
        snapshot_tool: a tool that reads what would be destroyed; None to believe what the server says.
        snapshot_arguments: of that tool.
        within_s: seconds in which a response is in time.
        at_once: how many clients are at work at a time.
    """

    transport: Transport
    tool: str
    arguments: Mapping[str, Any]
    other: Mapping[str, Any] | None = None
    snapshot_tool: str | None = None
    snapshot_arguments: Mapping[str, Any] = {}
    within_s: float = 60.0
    at_once: int = 4


async def run_suite(plan: Plan, clients: Sequence[Client], eras: Sequence[Era]) -> list[Verdict]:
    """Run clients in eras, those last and one by one that make the server change something rightly.

    A client after which something was changed, and whose calls do not say so, is run once more by itself: clients that
    run at the same time see each other's doing.

    Returns:
        A verdict for each client and era, in their order. Where the server cannot be reached, nothing was played.
    """
    verdicts = {(client.name, era): Verdict(client.name, era) for client in clients for era in eras}
    turns = asyncio.Semaphore(plan.at_once)

    async def run(client: Client, era: Era) -> None:
        async with turns:
            await _run_client(plan, client, verdicts[client.name, era])

    async with asyncio.TaskGroup() as group:
        for client in clients:
            for era in eras:
                if not client.agrees:
                    group.create_task(run(client, era))
    for client in clients:
        for era in eras:
            if client.agrees or verdicts[client.name, era].unclaimed:
                verdicts[client.name, era] = Verdict(client.name, era)
                await run(client, era)
    return list(verdicts.values())


async def _run_client(plan: Plan, client: Client, verdict: Verdict) -> None:
    play = client.plays.get(verdict.era)
    if play is None:
        return
    try:
        connection = await plan.transport.connect()
    except OSError:
        return
    session = Session(connection, verdict.era, client.declares, plan.within_s)
    try:
        if not await session.open():
            return
        verdict.played = True
        before = await _describe(plan, session, verdict.era)

        async def take_snapshot() -> None:
            nonlocal before
            before = await _describe(plan, session, verdict.era)

        bench = Bench(session, plan.tool, plan.arguments, plan.other, take_snapshot)
        try:
            observations = await play(bench)
        except NotApplicableError:
            verdict.played = False
            return
        verdict.asked = bench.asked > 0
        after = before if _agreed_at_last(observations) else await _describe(plan, session, verdict.era)
        judge(verdict, observations, before, after)
    finally:
        await session.aclose()


def _agreed_at_last(observations: Sequence[Observation]) -> bool:
    """Whether what is there now may have been changed rightly since the last snapshot."""
    return bool(observations) and observations[-1].consented


async def _describe(plan: Plan, session: Session, era: Era) -> str | None:
    """Read what the tool would destroy, as the server describes it; empty if nothing is to be looked at.

    A look that fails says nothing of what is there, so it is repeated once, on a new connection.

    Returns:
        The text; None if that failed too.
    """
    if plan.snapshot_tool is None:
        return ""
    seen = None if session.closed else await _take_snapshot(plan.snapshot_tool, plan.snapshot_arguments, session)
    if seen is not None:
        return seen
    try:
        fresh = Session(await plan.transport.connect(), era, declares=True, within_s=plan.within_s)
    except OSError:
        return None
    try:
        if not await fresh.open():
            return None
        return await _take_snapshot(plan.snapshot_tool, plan.snapshot_arguments, fresh)
    finally:
        await fresh.aclose()


async def _take_snapshot(tool: str, arguments: Mapping[str, Any], session: Session) -> str | None:
    call = await session.call(tool, arguments)
    await session.wait(call)
    return call.text if call.claims_success else None
