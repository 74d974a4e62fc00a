"""The steps of a conversation with a process of the server, and a whole one, with two lanes or with the SDK alone."""

import os
import re
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from projects_mcp.sandbox import READ_WRITE_KEY
from tests.support.conversation import Conversation, Outcome, Paused, start
from tests.support.forking import HELD
from tests.support.lanes import written

Step = Callable[[Conversation], None]


def say(*messages: Any, end: str = "\n", pieces: int = 0) -> Step:
    """Write messages, or lines as they are, all at once or in pieces of so many bytes."""
    lines = [message if isinstance(message, str) else written(message)[0] for message in messages]
    data = "".join(f"{line}{end}" for line in lines).encode("utf-8", "surrogateescape")

    def step(talk: Conversation) -> None:
        for at in range(0, len(data), pieces or len(data)):
            talk.send(data[at : at + (pieces or len(data))])
            time.sleep(0.001 if pieces else 0)

    return step


def hear(*numbers: Any) -> Step:
    """Read until these requests have an answer, or the server asks something under that method."""

    def step(talk: Conversation) -> None:
        def heard() -> bool:
            known = [key for message in talk.messages() for key in _keys(message)]
            return all(number in known for number in numbers)

        talk.until(heard)

    return step


def _keys(message: Any) -> list[Any]:
    messages = message if isinstance(message, list) else [message]
    return [one.get("method", one.get("id")) for one in messages]


def reply(action: str) -> Step:
    """Answer the question of the server that has come last."""

    def step(talk: Conversation) -> None:
        (*_, question) = [one for one in talk.messages() if isinstance(one, dict) and "method" in one]
        result = {"action": action, "content": {"confirm": True}} if action == "accept" else {"action": action}
        say({"jsonrpc": "2.0", "id": question["id"], "result": result})(talk)

    return step


def again_with_yes(number: Any, asked: dict[str, Any], earlier: Any) -> Step:
    """Send a request again with a person's yes, to the question that the answer to an earlier one has brought."""

    def step(talk: Conversation) -> None:
        (result,) = [one["result"] for one in talk.messages() if one.get("id") == earlier]
        said = {"confirm": {"action": "accept", "content": {"confirm": True}}}
        params = {**asked["params"], "requestState": result["requestState"], "inputResponses": said}
        say({**asked, "id": number, "params": params})(talk)

    return step


def importing(talk: Conversation) -> None:
    """Wait until the import of the SDK has begun. It goes no further."""
    if talk.held is not None:
        begun = Path(f"{talk.held}.begun")
        talk.until(begun.exists)


def imported(talk: Conversation) -> None:
    """Let the import go on."""
    if talk.held is not None:
        talk.held.touch()


def under_way(count: int = 1) -> Step:
    """Wait until so many requests have arrived at PostHog. They get no answer yet."""

    def step(talk: Conversation) -> None:
        posthog = talk.posthog
        assert posthog is not None
        talk.until(lambda: len(posthog.sent) >= count)

    return step


def going_on(talk: Conversation) -> None:
    """Let PostHog answer."""
    assert talk.posthog is not None
    talk.posthog.goes_on.set()


def end_of_input(talk: Conversation) -> None:
    talk.close(talk.started.stdin)


def reader_leaves(talk: Conversation) -> None:
    talk.close(talk.started.stdout)


def stderr_closes(talk: Conversation) -> None:
    talk.close(talk.started.stderr)


def ends(talk: Conversation) -> None:
    """Wait until it ends, although its input does not."""
    talk.until(talk.ended)


def ready(talk: Conversation) -> None:
    """Wait until it takes notice of signals: of a hangup, the last that it asks for."""
    status = Path(f"/proc/{talk.started.process}/status")

    def caught() -> bool:
        found = re.search(r"SigCgt:\s*([0-9a-f]+)", status.read_text(encoding="ascii"))
        return found is not None and bool(int(found[1], 16) >> (signal.SIGHUP - 1) & 1)

    talk.until(caught)


def signalled(number: signal.Signals) -> Step:
    return lambda talk: os.kill(talk.started.process, number)


def converse(way: str, steps: Sequence[Step], folder: Path, *, paused: bool, held: bool) -> Outcome:
    """Hold one conversation to its end, and return what came of it.

    Args:
        way: the value of PROJECTS_MCP_FAST_START.
        steps: what happens.
        folder: for the files of this conversation.
        paused: whether PostHog lets requests about the project wait.
        held: whether the import of the SDK waits; it cannot where the SDK is alone.
    """
    given = {"PROJECTS_MCP_FAST_START": way}
    file = folder / f"import-{way}" if held and way == "on" else None
    if file is not None:
        given[HELD] = str(file)
    posthog = Paused() if paused else None
    with ExitStack() as stack:
        if posthog is None:
            given["PROJECTS_MCP_SANDBOX"] = "1"
        else:
            stack.enter_context(posthog.serving())
            given |= {"POSTHOG_HOST": posthog.origin, "POSTHOG_PERSONAL_API_KEY": READ_WRITE_KEY}
        talk = stack.enter_context(Conversation(start(given), file, posthog))
        for step in steps:
            step(talk)
        return talk.finish()
