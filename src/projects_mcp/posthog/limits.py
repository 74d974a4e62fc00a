"""How long, how much, how often."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Limits"]


class Limits(NamedTuple):
    """Bounds of every exchange with PostHog. Times are in seconds, sizes in bytes.

    Attributes:
        connect_s: to reach PostHog.
        read_s: without a byte from it.
        call_s: for all requests of a call together, waiting included. A person's time to answer does not count.
        body_bytes: of an answer, after decompression.
        body_values: of an answer: its texts, numbers, lists and so on, however they are nested.
        connections: at a time; further requests queue, first come, first served.
        repeats: how often a request that reads may be sent again.
        wait_s: that a request may wait between its repeats, in all.
        second_look_s: before a write that seems not to have happened is looked for once more.
    """

    connect_s: float = 5.0
    read_s: float = 20.0
    call_s: float = 30.0
    body_bytes: int = 10 * 1024 * 1024
    body_values: int = 100_000
    connections: int = 32
    repeats: int = 2
    wait_s: float = 3.0
    second_look_s: float = 0.5
