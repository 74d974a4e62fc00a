"""What a failed call says to the person at a terminal: the sentences are written for a model that relays them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from projects_mcp.api.operations import OPERATIONS

__all__ = ["spoken"]

_TOOL: Final = f"({'|'.join(OPERATIONS)})"
_RULES: Final[Sequence[tuple[re.Pattern[str], str]]] = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (rf"Correct the arguments of {_TOOL} and call it again\.", r"See: projects-mcp call \1 --help"),
        (r" and restart the server, or set PROJECTS_MCP_SANDBOX=1 to try it", ", or add --sandbox to try it"),
        (r",? (?:and|then) restart (?:the|this) server", ""),
        (
            r"Ask the user for the exact name as PostHog shows it, and call again with it\.",
            "Give it as PostHog shows it.",
        ),
        (rf"let the user copy it (.*) first with {_TOOL}, and call again with that name", r"copy it \1 with \2 first"),
        (r"Ask the user which one, and give it as", "Give one of them as"),
        (
            r"Ask the user, and call again with (confirm_project_name), (.*) from the user\.",
            r"To go on, add \1=… with \2.",
        ),
        (
            r"Read the project again and let the user decide on its present state\.",
            "Look at it again before you go on.",
        ),
        (r"Tell the user, and make exactly the same call again after that\.", "Then run the same command again."),
        (r"Ask the user whether another project is wanted instead\.", "Is it another project that you want?"),
        (rf"The user declined {_TOOL}, as the client reports\.", r"You said no, so \1 was not run."),
        (r" (?:Do not repeat the call unless the user asks for it|Ask the user whether the question was seen)\.", ""),
        (
            rf"Call {_TOOL} with the same arguments and dry_run, show the user what it answers, and then call it with "
            r"its plan and confirm_plan\.",
            r"Run projects-mcp call \1 with the same arguments and dry_run=true, then with plan=… and confirm_plan=….",
        ),
        (
            r"The preview has them: show it to the user, and call again with the words if the user agrees\.",
            "The preview has them.",
        ),
        (r": tell the user\.", "."),
        (r"Another client, one that shows .* or the operator can change", "Run it at a terminal, or change"),
        (r"this client cannot show a question", "nobody can be asked here"),
        (r"The same call made again", "The same command"),
        (r"Make the same call again", "Run the same command again"),
        (r"\bcall again\b", "run it again"),
        (r"This server runs in read-only mode, which", "The access is read-only, which"),
        (r"Its operator can allow it with", "Allow it with"),
        (r"(?:Its operator sets that|Only the operator can change that,) in", "That is set in"),
        (r"ask the operator to extend", "extend"),
        (r"[Tt]he operator can also opt in to", "You can also opt in to"),
        (r"[Tt]he operator can find out more with", "Find out more with"),
        (r"(?:The operator must|(?<=; )the operator must|the operator can)(?= [a-z])", "You can"),
        (rf"\bwith {_TOOL}", r"with projects-mcp call \1"),
        (rf"\b{_TOOL} shows", r"projects-mcp call \1 shows"),
    )
)


def spoken(text: str) -> str:
    """Return the sentences of a failed call as they are said to the person who typed the command."""
    for pattern, words in _RULES:
        text = pattern.sub(words, text)
    return text
