"""The clients, each once, with what it does in either era."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NamedTuple

from dev.misbehaving import any_era, live, rounds
from dev.misbehaving.bench import Bench, Observation
from dev.misbehaving.session import LEGACY, MODERN, Era

__all__ = ["CLIENTS", "CONTROL", "Client", "Play"]

Play = Callable[[Bench], Awaitable[list[Observation]]]


class Client(NamedTuple):
    """A client.

    Attributes:
        name: of the client.
        plays: what it does, in each era in which it can do it.
        declares: whether it says that it can show questions.
        agrees: whether it also gives a yes that counts, so that something is changed. Such clients come last.
    """

    name: str
    plays: Mapping[Era, Play]
    declares: bool = True
    agrees: bool = False


def _both(play: Play) -> dict[Era, Play]:
    return {LEGACY: play, MODERN: play}


CONTROL: Final = Client("says yes, as it should", _both(any_era.honest), agrees=True)
"""The one that behaves. If its yes is not carried out, nothing is known of the others."""

CLIENTS: Final = (
    Client("never answers", _both(any_era.hang)),
    Client("declines at once", _both(any_era.decline)),
    Client("cancels at once", _both(any_era.dismiss)),
    Client("accepts without the form", _both(any_era.empty)),
    Client("accepts and ticks nothing", _both(any_era.unticked)),
    Client("accepts with wrong types", _both(any_era.wrong_types)),
    Client("answers with an error", {LEGACY: live.fail, MODERN: rounds.garble}),
    Client("says yes when it is too late", {LEGACY: live.late}),
    Client("answers another question", {LEGACY: live.another_id, MODERN: rounds.another_key}),
    Client("declines, then says yes", {LEGACY: live.answer_twice, MODERN: rounds.answer_twice}),
    Client("closes the connection", _both(any_era.close)),
    Client("cancels the call, then says yes", {LEGACY: live.cancel}),
    Client("answers before it is asked", {LEGACY: live.answer_first, MODERN: rounds.answer_first}),
    Client("sends a flood, then no form", _both(any_era.spam)),
    Client("shows no questions, and answers", {LEGACY: live.undeclared, MODERN: rounds.undeclared}, declares=False),
    Client("changes the arguments", {MODERN: rounds.change_arguments}),
    Client("tampers with the state", {MODERN: rounds.spoil_state}),
    Client("crosses two answers", {LEGACY: live.crossed, MODERN: rounds.crossed}, agrees=True),
    Client("sends an old yes again", {LEGACY: live.replay, MODERN: rounds.replay}, agrees=True),
    CONTROL,
)
