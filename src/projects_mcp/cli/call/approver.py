"""Ask the person at the terminal."""

from __future__ import annotations

from typing import Self

from projects_mcp.cli.controlling_terminal import ControllingTerminal, NoTerminalError
from projects_mcp.policy.confirmation import ConfirmationRequest, Consent

__all__ = ["TerminalApprover"]


class TerminalApprover:
    """Requests consent from the person at the controlling terminal, whatever the streams are redirected to."""

    @classmethod
    def find(cls) -> Self | None:
        """Return an approver if this process has a terminal at which a person can type; else None."""
        try:
            with ControllingTerminal() as terminal:
                return cls() if terminal.interactive else None
        except NoTerminalError:
            return None

    async def request_consent(self, question: ConfirmationRequest) -> Consent:
        """Show a confirmation request at the terminal and read the answer there. Only `yes` accepts."""
        try:
            with ControllingTerminal() as terminal:
                terminal.show(question.text)
                typed = terminal.ask("Type yes to go on: ")
        except NoTerminalError:
            typed = None
        if typed is None:
            return Consent.CLOSED
        return Consent.ACCEPTED if typed.strip() == "yes" else Consent.DECLINED
