"""What clients do to a server over stdio: said to both lanes and to the SDK alone, it must come to the same."""

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.conversation import Outcome
from tests.support.lane_steps import (
    Step,
    again_with_yes,
    end_of_input,
    hear,
    imported,
    importing,
    reply,
    say,
    stderr_closes,
)
from tests.support.lanes import CAPABILITIES, DELETE, GET, INITIALIZED, Make, enveloped, initialize, request, written

Opening = list[dict[str, Any]]
CALL = "tools/call"
CREATE = {"name": "project_create", "arguments": {"name": "Another"}}
MANY = {"name": "project_list", "arguments": {"where": {"timezone": "UTC"}}}
LISTS = ("tools/list", "resources/list", "resources/templates/list", "prompts/list")
ERAS = ("modern", "legacy")


@dataclass(frozen=True)
class Scenario:
    """What a client does.

    Attributes:
        steps: makes the steps, of how a connection is opened in an era and of what makes its requests.
        eras: those in which it makes sense.
        held: whether the import of the SDK waits until a step lets it go on.
        paused: whether PostHog lets requests about the project wait until a step lets them go on.
        alone: whether the SDK alone makes the same of it; not where it has been imported already.
        shows: fails if something is missing in what has come of it.
    """

    steps: Callable[[Opening, Make], list[Step]]
    eras: tuple[str, ...] = ERAS
    held: bool = False
    paused: bool = False
    alone: bool = True
    shows: Callable[[Outcome], None] = lambda _outcome: None


def odd(make: Make, number: Any) -> dict[str, Any]:
    """A request that only the SDK answers."""
    return make(number, "prompts/get", {"name": "review_project_settings", "arguments": {"project_id": "3"}})


def gets(make: Make, *numbers: Any) -> list[dict[str, Any]]:
    return [make(number, CALL, GET) for number in numbers]


def answers(*numbers: Any, code: int = 0) -> Callable[[Outcome], None]:
    """Show that each of these requests has a result."""

    def shows(outcome: Outcome) -> None:
        assert [number for number in numbers if "result" not in (outcome.answer(number) or {})] == []
        assert outcome.code == code

    return shows


def deleted(number: Any) -> Callable[[Outcome], None]:
    """Show that a project has been deleted once."""

    def shows(outcome: Outcome) -> None:
        assert outcome.answer(number)["result"]["structuredContent"]["outcome"] == "applied"
        assert outcome.outcomes.count(("project_delete", None)) == 1, "one intent"

    return shows


def wants_progress(message: dict[str, Any], token: Any) -> dict[str, Any]:
    message = copy.deepcopy(message)
    message["params"].setdefault("_meta", {})["progressToken"] = token
    return message


def batch(*messages: Any) -> str:
    return json.dumps(messages)


_ASKS: dict[str, Any] = {CAPABILITIES: {"elicitation": {}}}
_LONG = '{"jsonrpc":"2.0","id":77,"method":"tools/call","params":{"name":"' + "x" * 17 * 1024 * 1024
_TWICE = '{"jsonrpc":"2.0","id":5,"id":6,"method":"tools/list"}'
_BROKEN = '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":'

ALIKE: Mapping[str, Scenario] = {
    # The hand-over
    "plain, one for the SDK and plain again, all at once": Scenario(
        lambda opening, make: [say(*opening, *gets(make, 1, 2), odd(make, 3), *gets(make, 4, 5, 6))],
        shows=answers(1, 2, 3, 4, 5, 6),
    ),
    "one for the SDK between the opening and its end": Scenario(
        lambda _opening, make: [say(initialize(), odd(make, 1), INITIALIZED, *gets(make, 2))], ("legacy",)
    ),
    "plain ones while it is imported": Scenario(
        lambda opening, make: [
            *(say(*opening, odd(make, 1)), importing, say(*gets(make, 2, 3), make(4, "tools/list")), hear(2, 3, 4)),
            *(imported, hear(1)),
        ],
        held=True,
        shows=answers(1, 2, 3, 4),
    ),
    "a ping while it is imported": Scenario(
        lambda opening, make: [
            *(say(*opening, odd(make, 1)), importing, say(request(2, "ping")), hear(2), imported, hear(1)),
        ],
        ("legacy",),
        held=True,
        shows=answers(1, 2),
    ),
    "several for the SDK while it is imported": Scenario(
        lambda opening, make: [
            *(say(*opening, odd(make, 1)), importing),
            *(say(odd(make, 2), *gets(make, 3), make(4, "x/y"), odd(make, 5)), hear(3), imported, hear(1, 2, 4, 5)),
        ],
        held=True,
        shows=answers(1, 2, 3, 5),
    ),
    "a destructive tool first": Scenario(
        lambda opening, make: [say(*opening, make(1, CALL, DELETE)), hear(1), say(*gets(make, 2)), hear(2)],
        shows=deleted(1),
    ),
    "a destructive tool, and the end of the input while it is imported": Scenario(
        lambda opening, make: [say(*opening, make(1, CALL, DELETE)), importing, end_of_input, imported],
        held=True,
        shows=deleted(1),
    ),
    "a write before it": Scenario(
        lambda opening, make: [say(*opening, make(1, CALL, CREATE)), hear(1), say(odd(make, 2), *gets(make, 3))],
        shows=answers(1, 2, 3),
    ),
    # Questions
    **{
        f"a person says {action}, and plain calls meanwhile": Scenario(
            lambda _opening, make, action=action: [  # type: ignore[misc]
                *(say(initialize(0, elicitation={}), INITIALIZED, *gets(make, 1)), hear(1)),
                *(say(make(2, CALL, DELETE)), hear("elicitation/create"), say(*gets(make, 3)), hear(3)),
                *(reply(action), hear(2), say(*gets(make, 4)), hear(4)),
            ],
            ("legacy",),
            alone=action == "accept",  # how fast a no was decides its words
            shows=answers(1, 2, 3, 4),
        )
        for action in ("accept", "decline", "cancel")
    },
    "a person says yes in a second request": Scenario(
        lambda _opening, _make: [
            *(say(enveloped(1, CALL, DELETE, **_ASKS)), hear(1), say(*gets(enveloped, 2)), hear(2)),
            *(again_with_yes(3, enveloped(3, CALL, DELETE, **_ASKS), 1), hear(3)),
        ],
        ("modern",),
        shows=deleted(3),
    ),
    "a question that nobody answers": Scenario(
        lambda _opening, make: [
            say(initialize(0, elicitation={}), INITIALIZED, make(1, CALL, DELETE), *gets(make, 2)),
            hear("elicitation/create", 2),
        ],
        ("legacy",),
    ),
    "progress of calls about many, and of one": Scenario(
        lambda opening, make: [
            say(*opening, wants_progress(make(1, CALL, MANY), 7), wants_progress(make(2, CALL, GET), "a")),
            *(hear(1, 2), say(make(3, CALL, MANY))),
        ],
        shows=answers(1, 2, 3),
    ),
    # The opening
    "everything without an opening": Scenario(lambda _opening, make: [say(*gets(make, 1, 2), make(3, "tools/list"))]),
    "every list": Scenario(
        lambda opening, make: [say(*opening, *(make(at, name) for at, name in enumerate(LISTS, 1)))],
        shows=answers(1, 2, 3, 4),
    ),
    "garbage before the opening": Scenario(
        lambda opening, make: [say("no json", _BROKEN, *opening, *gets(make, 1)), hear(1), say(initialize(2))]
    ),
    "the handshake after the question for the revisions": Scenario(
        lambda opening, make: [say(enveloped("a", "server/discover"), *opening, *gets(make, 1), odd(make, 2))],
        ("legacy",),
        shows=answers(1, 2),
    ),
    "a handshake after a call": Scenario(
        lambda _opening, make: [say(*gets(enveloped, 1)), hear(1), say(initialize(2), *gets(make, 3)), hear(2, 3)],
    ),
    "a handshake of an unknown revision": Scenario(
        lambda _opening, make: [say(initialize(0, "1999-01-01"), INITIALIZED, *gets(make, 1))], ("legacy",)
    ),
    "two handshakes": Scenario(
        lambda opening, make: [say(*opening), hear(0), say(initialize(1)), hear(1), say(*gets(make, 2))], ("legacy",)
    ),
    "requests of both eras": Scenario(
        lambda opening, make: [say(*opening, *gets(enveloped, 1), *gets(request, 2), odd(make, 3), *gets(enveloped, 4))]
    ),
    # The wire
    "a byte order mark": Scenario(
        lambda opening, make: [say("\ufeff" + written(opening[0])[0], *opening[1:], *gets(make, 1))], shows=answers(1)
    ),
    "lines that end as on Windows": Scenario(
        lambda opening, make: [say(*opening, *gets(make, 1), odd(make, 2), *gets(make, 3), end="\r\n")],
        shows=answers(1, 2, 3),
    ),
    "lines in small pieces": Scenario(
        lambda opening, make: [say(*opening, *gets(make, 1), odd(make, 2), *gets(make, 3), pieces=11)],
        shows=answers(1, 2, 3),
    ),
    "blank lines": Scenario(lambda opening, make: [say("", *opening, "  ", *gets(make, 1), "", odd(make, 2), "\t")]),
    "a line that is far too long": Scenario(
        lambda opening, make: [say(*opening, *gets(make, 1)), hear(1), say(_LONG), hear(77), say(*gets(make, 2))],
        ("modern",),
        shows=answers(1, 2),
    ),
    "a batch where there are batches": Scenario(
        lambda _opening, make: [
            *(say(initialize(0, "2025-03-26"), INITIALIZED, *gets(make, 1)), hear(1)),
            say(batch(make(2, "ping"), make(3, "tools/list"), make(4, "x/y")), *gets(make, 5)),
        ],
        ("legacy",),
        shows=answers(1, 5),
    ),
    "a batch where there are none": Scenario(
        lambda opening, make: [say(*opening, *gets(make, 1), batch(make(2, "ping"), 3), batch(), *gets(make, 4))],
        shows=answers(1, 4),
    ),
    "keys that stand twice": Scenario(
        lambda opening, make: [say(*opening, _TWICE, *gets(make, 1), _TWICE.replace("id", "method"), *gets(make, 2))],
        shows=answers(1, 2),
    ),
    "ids that are numbers, texts and both": Scenario(
        lambda opening, make: [
            *(say(*opening, *gets(make, 1, "1", "", "é", 10**25, -3, "\u2028")), hear(1, "1")),
            *(say(odd(make, "2"), *gets(make, 2), odd(make, 3)), hear("2", 2), say(*gets(make, 2.5, None, True))),
        ],
        shows=answers(1, "1", "", "é", 10**25, -3, "2", 2, 3),
    ),
    "an id that is used again": Scenario(
        lambda opening, make: [say(*opening, *gets(make, 1), odd(make, 2)), hear(1, 2), say(odd(make, 1))],
    ),
    "nested deep, half a character and bytes that are no text": Scenario(
        lambda opening, make: [
            say(*opening, '{"jsonrpc":"2.0","id":5,"method":"x","params":{"a":' + "[" * 400 + "]" * 400 + "}}"),
            say('{"jsonrpc":"2.0","id":6,"method":"x","params":{"a":"\\ud800"}}', "\udcff\udcfe", *gets(make, 1)),
        ],
    ),
    "what is not asked for": Scenario(
        lambda opening, make: [
            say(*opening, {"jsonrpc": "2.0", "id": 9, "result": {}}, {"jsonrpc": "2.0", "method": "notifications/x"}),
            say({"jsonrpc": "2.0", "id": 8, "error": {"code": 1, "message": "x"}}, *gets(make, 1), make(2, "x/y")),
        ],
    ),
    "arguments that are wrong, and tools that there are not": Scenario(
        lambda opening, make: [
            say(
                *opening, make(1, CALL, {"name": "nope"}), make(2, CALL, {"name": "project_get", "arguments": {"a": 1}})
            ),
            say(make(3, CALL, {**GET, "arguments": []}), make(4, CALL, {}), make(5, CALL, {**GET, "task": {}})),
        ],
    ),
    # The end of the input
    "nothing at all": Scenario(lambda _opening, _make: [end_of_input], ("modern",)),
    "only the opening": Scenario(lambda opening, _make: [say(*opening)]),
    "a last line without its end": Scenario(
        lambda opening, make: [say(*opening), say(*gets(make, 1), end="")], shows=answers(1)
    ),
    "a last line that breaks off": Scenario(
        lambda opening, make: [say(*opening, *gets(make, 1)), say(_BROKEN, end="")]
    ),
    "the end while it is imported": Scenario(
        lambda opening, make: [say(*opening, odd(make, 1), *gets(make, 2)), importing, end_of_input, hear(2), imported],
        held=True,
        shows=answers(1, 2),
    ),
    "stderr that closes before it": Scenario(
        lambda opening, make: [
            say(*opening, *gets(make, 1)),
            hear(1),
            stderr_closes,
            say(odd(make, 2), *gets(make, 3)),
        ],
        shows=answers(1, 2, 3),
    ),
}
