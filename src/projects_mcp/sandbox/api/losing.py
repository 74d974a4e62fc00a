"""Lose the answer of a write that takes effect later, or never."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from projects_mcp.sandbox.errors import server_error
from projects_mcp.sandbox.world.slow_writes import LateWrite, SlowWrites
from projects_mcp.sandbox.world.state import World

_MOST_WAITING = 1_000
_PROMISED_BYTES = 4_096


class HalfAnswer(Response):
    """An answer that promises more than it brings. A server of ASGI then closes the connection."""

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send the head and the first byte."""
        headers = [(b"content-type", b"application/json"), (b"content-length", str(_PROMISED_BYTES).encode())]
        await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": headers})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})


async def lose_answer(world: World, slow: SlowWrites, answer: Callable[[], Response]) -> Response:
    """Keep a write for later, and answer as the switch says.

    Args:
        world: keeps the write.
        slow: what the client gets, and when the write takes effect.
        answer: carries the write out and returns its answer.
    """
    answers: list[Response] = []
    if slow.effect_after_s is not None and len(world.late) < _MOST_WAITING:
        due = world.clock() + timedelta(seconds=slow.effect_after_s)
        world.late.append(LateWrite(due, lambda: answers.append(answer())))
    if slow.answer == "cut":
        return HalfAnswer()
    if slow.answer != "late":
        status = HTTPStatus(int(slow.answer))
        page = f"<html><head><title>{status} {status.phrase}</title></head><body>{status.phrase}</body></html>"
        return HTMLResponse(page, status_code=status)
    await (world.sleep or asyncio.sleep)(slow.answer_after_s)
    world.carry_out_late_writes()
    return answers[0] if answers else JSONResponse(server_error().body, status_code=500)
