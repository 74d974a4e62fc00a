"""Clients of protocol 2026-07-28, in which a question ends the call and its answer comes with another one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dev.misbehaving.answers import DECLINE, yes
from dev.misbehaving.bench import Bench, NotApplicableError, Observation
from dev.misbehaving.session import Elicitation

__all__ = [
    "another_key",
    "answer_first",
    "answer_twice",
    "change_arguments",
    "crossed",
    "garble",
    "replay",
    "spoil_state",
    "undeclared",
]


async def garble(bench: Bench) -> list[Observation]:
    """Answer with something that is no answer."""
    return await _round(bench, lambda question: {question.key: {"error": {"code": -32601, "message": "no"}}})


async def another_key(bench: Bench) -> list[Observation]:
    """Say yes to an input that the server has not asked for."""
    return await _round(bench, lambda question: {f"another-{question.key}": yes(question.form)})


async def answer_twice(bench: Bench) -> list[Observation]:
    """Decline, and then say yes with the same state."""
    call, question = await bench.ask()
    if question is None:
        return [Observation(call)]
    declined = await bench.reply(call, question, DECLINE)
    await bench.end(declined)
    accepted = await bench.reply(call, question, yes(question.form))
    await bench.end(accepted)
    return [Observation(declined), Observation(accepted)]


async def crossed(bench: Bench) -> list[Observation]:
    """Make two calls at once, and send each with the yes and the state of the other."""
    other = _other(bench)
    first, asked_first = await bench.ask()
    second, asked_second = await bench.ask(other)
    if asked_first is None or asked_second is None:
        return [Observation(first), Observation(second)]
    calls = [
        await bench.again({asked_second.key: yes(asked_second.form)}, asked_second.state),
        await bench.again({asked_first.key: yes(asked_first.form)}, asked_first.state, other),
    ]
    await bench.end(*calls)
    return [Observation(call) for call in calls]


async def change_arguments(bench: Bench) -> list[Observation]:
    """Say yes to the question about one thing, in a call about another."""
    other = _other(bench)
    call, question = await bench.ask()
    if question is not None:
        call = await bench.again({question.key: yes(question.form)}, question.state, other)
        await bench.end(call)
    return [Observation(call)]


async def replay(bench: Bench) -> list[Observation]:
    """Say yes, and then make the same call with the same yes and state again."""
    call, question = await bench.ask()
    if question is None:
        return [Observation(call)]
    first = await bench.reply(call, question, yes(question.form))
    await bench.end(first)
    await bench.take_snapshot()
    second = await bench.reply(call, question, yes(question.form))
    await bench.end(second)
    return [Observation(first, consented=True), Observation(second)]


async def answer_first(bench: Bench) -> list[Observation]:
    """Say yes in the first round, without a state, as if the question had been asked."""
    _, question = await bench.ask()
    call = await bench.again(_guess(question), None)
    await bench.end(call)
    return [Observation(call)]


async def spoil_state(bench: Bench) -> list[Observation]:
    """Say yes with a state that has been tampered with."""
    call, question = await bench.ask()
    if question is not None:
        if not question.state:
            raise NotApplicableError
        middle = len(question.state) // 2
        spoilt = (
            question.state[:middle] + ("A" if question.state[middle] != "A" else "B") + question.state[middle + 1 :]
        )
        call = await bench.again({question.key: yes(question.form)}, spoilt)
        await bench.end(call)
    return [Observation(call)]


async def undeclared(bench: Bench) -> list[Observation]:
    """Do not say that questions can be shown, and send a yes all the same."""
    call = await bench.again(_guess(None), None)
    await bench.end(call)
    return [Observation(call)]


async def _round(bench: Bench, answers: Any) -> list[Observation]:
    call, question = await bench.ask()
    if question is not None:
        call = await bench.again(answers(question), question.state)
        await bench.end(call)
    return [Observation(call)]


def _guess(question: Elicitation | None) -> dict[str, Mapping[str, Any]]:
    if question is not None:
        return {question.key: yes(question.form)}
    content = {"confirm": True, "confirmed": True, "approve": True, "ok": True}
    return {key: {"action": "accept", "content": content} for key in ("confirm", "confirmation", "approve")}


def _other(bench: Bench) -> Mapping[str, Any]:
    if bench.other is None:
        raise NotApplicableError
    return bench.other
