"""`projects-mcp demo`: an assistant and a person at work with the real server, on a PostHog that is only played."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

import anyio

from projects_mcp.cli.complaints import complain
from projects_mcp.cli.controlling_terminal import ControllingTerminal, NoTerminalError
from projects_mcp.cli.demo.page import Page
from projects_mcp.cli.demo.stage import Stage
from projects_mcp.cli.demo.story import SCENES
from projects_mcp.cli.demo.world import played_posthog
from projects_mcp.cli.exit_codes import DONE, FAILED
from projects_mcp.cli.terminal import AnswerNotWrittenError, end_answer, say, takes_colour

__all__ = ["run_demo"]

_TITLE: Final = "projects-mcp: an assistant at work on PostHog projects, and a person in charge"
_INTRODUCTION: Final = (
    "A real MCP client calls the real server. PostHog is played by a sandbox on this machine, so nothing of yours is "
    "touched, and no account is needed. It takes about ten seconds. → is a call, ← its answer, ✗ a refusal, and ? a "
    "question to the person."
)
_NEXT: Final = (
    ("login", "Keep your region and key, and see what the key can do."),
    ("install CLIENT", "Print the entry for your client, such as claude-code, cursor or vscode."),
    ("call TOOL", "Run one tool at this terminal; with --sandbox without an account."),
)


def run_demo(*, color: str = "auto", step: bool = False) -> int:
    """Run the demonstration.

    Args:
        color: `always`, `never`, or `auto`: as `takes_colour` says of stdout.
        step: wait for the Enter key before each scene, at the terminal that this process belongs to.

    Returns:
        The exit code: `DONE` if every scene went as it should, `FAILED` if not, or if there is no terminal to wait at.
    """
    use_color = color == "always" or (color == "auto" and takes_colour(sys.stdout))
    if not step:
        return _run(Page(color=use_color))
    try:
        with ControllingTerminal() as terminal:
            return _run(Page(color=use_color, pause=_Pause(terminal)))
    except NoTerminalError:
        sentence = "--step waits for the Enter key at a terminal, and this process has none."
        return complain("demo", sentence, FAILED, "no_terminal")


def _run(page: Page) -> int:
    """Play all scenes.

    Raises:
        AnswerNotWrittenError: stdout does not take them.
    """
    try:
        return anyio.run(_play, page)
    except* (AnswerNotWrittenError, OSError) as group:
        reason = next(_leaves(group))
    if isinstance(reason, AnswerNotWrittenError):
        raise reason
    say(f"projects-mcp demo: {reason}.", error=True)
    return FAILED


class _Pause:
    """Waits for the Enter key. The end of the input, Ctrl+D, is the last pause.

    Args:
        terminal: where it is pressed.
    """

    def __init__(self, terminal: ControllingTerminal) -> None:
        self._terminal: ControllingTerminal | None = terminal

    def __call__(self) -> None:
        """Wait, after what was printed has arrived."""
        end_answer()
        if self._terminal is None:
            say()
        elif self._terminal.ask("\nPress Enter to go on. ") is None:
            self._terminal.show("")
            self._terminal = None


async def _play(page: Page) -> int:
    page.print_title(_TITLE, _INTRODUCTION)
    failed: list[int] = []
    with played_posthog() as posthog, TemporaryFile("w+", encoding="utf-8") as log:
        async with AsyncExitStack() as stack:
            stage = Stage(page, posthog, log)
            await stage.open(stack)
            for number, scene in enumerate(SCENES, 1):
                page.print_heading(number, scene.heading)
                stage.wrong.clear()
                try:
                    await scene.play(stage)
                except LookupError as error:
                    stage.expect(False, f"an answer lacks {error}")
                if stage.wrong:
                    failed.append(number)
    page.print_verdict(failed, len(SCENES))
    if failed:
        return FAILED
    page.print_next([(f"{_program()} {words}", purpose) for words, purpose in _NEXT])
    return DONE


def _program() -> str:
    """Return how this command is started here."""
    name = Path(sys.argv[0]).name
    return name if shutil.which(name) else os.path.relpath(sys.argv[0])


def _leaves(group: BaseExceptionGroup[Exception]) -> Iterator[Exception]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
