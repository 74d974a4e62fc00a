"""Clients that misbehave alike in both eras."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dev.misbehaving.answers import CANCEL, DECLINE, accept_empty, accept_unticked, accept_wrong_types, yes
from dev.misbehaving.bench import Bench, NotApplicableError, Observation

__all__ = ["close", "decline", "dismiss", "empty", "hang", "honest", "spam", "unticked", "wrong_types"]

_SPAM = 50

Make = Callable[[Mapping[str, Any]], Mapping[str, Any] | None]


async def honest(bench: Bench) -> list[Observation]:
    """Say yes. If this is not carried out, the other clients prove nothing."""
    call, question = await bench.ask()
    if question is not None:
        call = await bench.reply(call, question, yes(question.form))
        await bench.end(call)
    return [Observation(call, consented=question is not None)]


async def hang(bench: Bench) -> list[Observation]:
    """Never answer."""
    call, _ = await bench.ask()
    await bench.end(call)
    return [Observation(call)]


async def decline(bench: Bench) -> list[Observation]:
    """Decline at once, without showing the question to anybody."""
    return await _answer(bench, lambda _form: DECLINE)


async def dismiss(bench: Bench) -> list[Observation]:
    """Cancel at once, without showing the question to anybody."""
    return await _answer(bench, lambda _form: CANCEL)


async def empty(bench: Bench) -> list[Observation]:
    """Accept, and send no form."""
    return await _answer(bench, accept_empty)


async def unticked(bench: Bench) -> list[Observation]:
    """Accept, with every box not ticked."""
    return await _answer(bench, accept_unticked)


async def wrong_types(bench: Bench) -> list[Observation]:
    """Accept, with a text where the form has a box."""
    return await _answer(bench, accept_wrong_types)


async def close(bench: Bench) -> list[Observation]:
    """Close the connection when the question comes."""
    call, _ = await bench.ask()
    await bench.session.aclose()
    return [Observation(call, owed=False)]


async def spam(bench: Bench) -> list[Observation]:
    """Send progress of nothing and cancel calls that were never made, then accept without the form."""
    call, question = await bench.ask()
    for number in range(_SPAM):
        await bench.session.notify("notifications/progress", {"progressToken": f"none-{number}", "progress": number})
        await bench.session.notify("notifications/cancelled", {"requestId": f"none-{number}"})
    if question is not None:
        call = await bench.reply(call, question, accept_empty(question.form) or DECLINE)
    await bench.end(call)
    return [Observation(call)]


async def _answer(bench: Bench, make: Make) -> list[Observation]:
    call, question = await bench.ask()
    if question is not None:
        answer = make(question.form)
        if answer is None:
            raise NotApplicableError
        call = await bench.reply(call, question, answer)
        await bench.end(call)
    return [Observation(call)]
