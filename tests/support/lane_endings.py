"""What clients call off, how their input ends, and what else ends a server over stdio, at each stage of two lanes."""

import copy
import signal
from collections.abc import Callable, Mapping
from typing import Any

from tests.support.conversation import Outcome
from tests.support.lane_scenarios import CALL, ERAS, Scenario, answers, gets, odd
from tests.support.lane_steps import (
    Step,
    end_of_input,
    ends,
    going_on,
    hear,
    imported,
    importing,
    reader_leaves,
    ready,
    say,
    signalled,
    under_way,
)
from tests.support.lanes import DELETE, GET, Make, cancelled

_CLOSED = "Connection closed"


def for_the_sdk(make: Make, number: Any) -> dict[str, Any]:
    """A call that reads, with a field that only the SDK knows."""
    message = copy.deepcopy(make(number, CALL, GET))
    message["params"].setdefault("_meta", {})["example.com/unknown"] = 1
    return message


def unanswered(*numbers: Any, **outcomes: str) -> Callable[[Outcome], None]:
    """Show that these requests have no answer, and what became of the calls."""

    def shows(outcome: Outcome) -> None:
        assert [number for number in numbers if outcome.answer(number) is not None] == []
        assert outcome.outcomes == sorted(outcomes.items())
        assert outcome.code == 0

    return shows


def closed(*numbers: Any) -> Callable[[Outcome], None]:
    """Show that these requests were answered when their time was over."""

    def shows(outcome: Outcome) -> None:
        assert [outcome.answer(number)["error"]["message"] for number in numbers] == [_CLOSED] * len(numbers)
        assert [what for _, what in outcome.outcomes] == ["cancelled"] * len(numbers)
        assert outcome.code == 0

    return shows


def ended(code: int = 0, **outcomes: str) -> Callable[[Outcome], None]:
    """Show that it ended with this code, and what became of the calls."""

    def shows(outcome: Outcome) -> None:
        assert (outcome.code, outcome.outcomes) == (code, sorted(outcomes.items()))
        assert outcome.said == []

    return shows


def _by_signal(number: signal.Signals, *eras: str) -> dict[str, Scenario]:
    name, code = number.name, 130 if number is signal.SIGINT else 0
    kill: list[Step] = [signalled(number), ends]
    return {
        f"{name} before anything": Scenario(lambda _opening, _make: [ready, *kill], ("modern",), shows=ended(code)),
        f"{name} after the opening": Scenario(
            lambda opening, _make: [say(*opening), hear(0), *kill], eras, shows=ended(code)
        ),
        f"{name} while it is imported": Scenario(
            lambda opening, make: [say(*opening, odd(make, 1)), importing, *kill],
            eras,
            held=True,
            alone=False,
            shows=ended(code),
        ),
        f"{name} after the hand-over": Scenario(
            lambda opening, make: [say(*opening, odd(make, 1)), hear(1), *kill], eras, shows=ended(code)
        ),
        f"{name} during a plain call": Scenario(
            lambda opening, make: [say(*opening, *gets(make, 1)), under_way(), *kill],
            eras,
            paused=True,
            shows=ended(code, project_get="cancelled"),
        ),
        f"{name} during a call of the SDK": Scenario(
            lambda opening, make: [say(*opening, make(1, CALL, DELETE)), under_way(), *kill],
            eras,
            paused=True,
            shows=ended(code, project_delete="cancelled"),
        ),
    }


ENDINGS: Mapping[str, Scenario] = {
    # Called off
    **{
        f"called off by {type(named).__name__} before it": Scenario(
            lambda opening, make, named=named: [  # type: ignore[misc]
                *(say(*opening, *gets(make, 4)), under_way(), say(cancelled(named)), say(odd(make, 2)), hear(2)),
            ],
            paused=True,
            shows=unanswered(4, project_get="cancelled"),
        )
        for named in (4, "4")
    },
    "a call of the SDK that is called off while it is imported": Scenario(
        lambda opening, make: [
            *(say(*opening, make(1, CALL, DELETE)), importing, say(cancelled(1), *gets(make, 2)), hear(2), imported),
            *(say(odd(make, 3)), hear(3)),
        ],
        *(ERAS, True),
        alone=False,
        shows=unanswered(1, project_get="answered"),
    ),
    "a plain call that is called off while it is imported": Scenario(
        lambda opening, make: [
            *(
                say(*opening, *gets(make, 1), odd(make, 2)),
                under_way(),
                importing,
                say(cancelled("1")),
                imported,
                hear(2),
            )
        ],
        held=True,
        paused=True,
        shows=unanswered(1, project_get="cancelled"),
    ),
    "a call of the SDK that is called off after it": Scenario(
        lambda opening, make: [
            *(say(*opening, make(1, CALL, DELETE)), under_way(), say(cancelled("1"), odd(make, 2)), hear(2)),
        ],
        paused=True,
        shows=unanswered(1, project_delete="cancelled"),
    ),
    "called off after it has been answered": Scenario(
        lambda opening, make: [
            *(say(*opening, *gets(make, 1)), hear(1), say(cancelled(1), odd(make, 2)), hear(2)),
            say(cancelled(2), *gets(make, 3)),
        ],
        shows=answers(1, 2, 3),
    ),
    # The end of the input, with calls under way
    "the end during a plain call": Scenario(
        lambda opening, make: [say(*opening, *gets(make, 1)), under_way(), end_of_input, going_on],
        paused=True,
        shows=answers(1),
    ),
    "the end during calls of both lanes": Scenario(
        lambda opening, make: [
            say(*opening, for_the_sdk(make, 1), *gets(make, 2)),
            under_way(2),
            end_of_input,
            going_on,
        ],
        paused=True,
        shows=answers(1, 2),
    ),
    "the end during calls of both lanes that take too long": Scenario(
        lambda opening, make: [say(*opening, for_the_sdk(make, 1), *gets(make, 2)), under_way(2), end_of_input, ends],
        paused=True,
        shows=closed(1, 2),
    ),
    # A reader that leaves
    "a reader that leaves while it is imported": Scenario(
        lambda opening, make: [
            *(say(*opening, odd(make, 1)), hear(0), importing, reader_leaves, say(*gets(make, 2)), imported, ends)
        ],
        *(ERAS, True),
        alone=False,
        shows=ended(project_get="answered"),
    ),
    "a reader that leaves during a plain call": Scenario(
        lambda opening, make: [say(*opening, *gets(make, 1)), under_way(), reader_leaves, going_on, ends],
        paused=True,
        shows=ended(project_get="answered"),
    ),
    "a reader that leaves during a call of the SDK": Scenario(
        lambda opening, make: [say(*opening, for_the_sdk(make, 1)), under_way(), reader_leaves, going_on, ends],
        paused=True,
        shows=ended(project_get="answered"),
    ),
    **_by_signal(signal.SIGTERM, "legacy"),
    **_by_signal(signal.SIGINT, "modern"),
    **_by_signal(signal.SIGHUP, "modern"),
}
