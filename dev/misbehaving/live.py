"""Clients of the older era, in which the server asks by a request in the middle of the call."""

from __future__ import annotations

import asyncio
from typing import Any

from dev.misbehaving.answers import DECLINE, yes
from dev.misbehaving.bench import Bench, Observation

__all__ = ["another_id", "answer_first", "answer_twice", "cancel", "crossed", "fail", "late", "replay", "undeclared"]

_AFTERWARDS_S = 0.5
"""How long the server is given to do what it must not do after an answer that comes late."""
_GUESSES: tuple[Any, ...] = (*range(10), *(str(number) for number in range(10)))
"""Ids that a server may give its first question."""
_GUESSED = {"action": "accept", "content": {"confirm": True, "confirmed": True, "approve": True, "ok": True}}
"""A yes to a question that is not known yet."""


async def fail(bench: Bench) -> list[Observation]:
    """Answer with an error, as a client that has never heard of questions."""
    call, question = await bench.ask()
    if question is not None:
        await bench.session.fail(question.key)
        await bench.end(call)
    return [Observation(call)]


async def late(bench: Bench) -> list[Observation]:
    """Wait until the server has given up, and then say yes."""
    call, question = await bench.ask()
    await bench.end(call)
    if question is not None and call.took_s is not None:
        await bench.session.answer(question.key, yes(question.form))
        await asyncio.sleep(_AFTERWARDS_S)
    return [Observation(call)]


async def another_id(bench: Bench) -> list[Observation]:
    """Say yes to questions that the server has not asked, and nothing to the one that it has."""
    call, question = await bench.ask()
    if question is not None:
        for key in ("another", 987_654, f"{question.key}-{question.key}"):
            await bench.session.answer(key, yes(question.form))
    await bench.end(call)
    return [Observation(call)]


async def answer_twice(bench: Bench) -> list[Observation]:
    """Decline, and then say yes to the same question."""
    call, question = await bench.ask()
    if question is not None:
        await bench.session.answer(question.key, DECLINE)
        await bench.session.answer(question.key, yes(question.form))
    await bench.end(call)
    await asyncio.sleep(_AFTERWARDS_S)
    return [Observation(call)]


async def crossed(bench: Bench) -> list[Observation]:
    """Have two calls under way, and answer them the other way round: yes to the second, then no to the first."""
    first, asked_first = await bench.ask()
    second, asked_second = await bench.ask(bench.other)
    if asked_first is not None and asked_second is not None:
        await bench.session.answer(asked_second.key, yes(asked_second.form))
        await bench.session.answer(asked_first.key, DECLINE)
    await bench.end(first, second)
    return [Observation(first), Observation(second, consented=asked_second is not None)]


async def replay(bench: Bench) -> list[Observation]:
    """Say yes, call again, and send the same yes once more instead of an answer."""
    first, question = await bench.ask()
    if question is None:
        return [Observation(first)]
    await bench.session.answer(question.key, yes(question.form))
    await bench.end(first)
    await bench.take_snapshot()
    second, _ = await bench.ask()
    await bench.session.answer(question.key, yes(question.form))
    await bench.end(second)
    return [Observation(first, consented=True), Observation(second)]


async def answer_first(bench: Bench) -> list[Observation]:
    """Say yes to every id that a server may use, before it is asked."""
    for key in _GUESSES:
        await bench.session.answer(key, _GUESSED)
    call, _ = await bench.ask()
    await bench.end(call)
    return [Observation(call)]


async def cancel(bench: Bench) -> list[Observation]:
    """Cancel the call while the question is open, and then say yes to it."""
    call, question = await bench.ask()
    if question is not None:
        await bench.session.notify("notifications/cancelled", {"requestId": call.number})
        await bench.session.answer(question.key, yes(question.form))
        await asyncio.sleep(_AFTERWARDS_S)
    return [Observation(call, owed=False)]


async def undeclared(bench: Bench) -> list[Observation]:
    """Do not say that questions can be shown, and answer all the same."""
    call = await bench.call()
    for key in _GUESSES:
        await bench.session.answer(key, _GUESSED)
    await bench.end(call)
    return [Observation(call)]
