"""The refusals that follow from a question to a person. Each says only what is known of how the answer came about.

A person is said to have declined only where one can have read the question. All else is reported of the client.
"""

from __future__ import annotations

from typing import Final

from projects_mcp.errors.context import NOT_CHANGED, FailureContext
from projects_mcp.errors.refusal import Refusal

__all__ = [
    "ApprovalDenied",
    "ApprovalNotSigned",
    "ClientCannotAsk",
    "ClientFailed",
    "ClientRefused",
    "NotConfirmed",
    "NotTicked",
    "PasskeyNeeded",
    "PasskeyUnusable",
    "QuestionUnanswered",
]

_ANOTHER_CLIENT: Final = (
    "Another client, one that shows questions to a person, can make the call, or the operator can change "
    "PROJECTS_MCP_CONFIRMATION."
)
_WITHOUT_ASKING: Final = "Do not repeat the call unless the user asks for it."


def _way_on(refusal: Refusal) -> str:
    return _ANOTHER_CLIENT if refusal.approval is None else refusal.approval.way_on


class NotConfirmed(Refusal):
    """Somebody who can have read the question said no, or closed it. `closed`: which of the two."""

    kind = "not_confirmed"
    closed: bool = False

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        what = (
            f"The question about {at.tool} was closed without an answer."
            if self.closed
            else f"The user declined {at.tool}, as the client reports."
        )
        return f"{what} {NOT_CHANGED} {_WITHOUT_ASKING} {_way_on(self)}"


class ClientRefused(Refusal):
    """The client said no before anybody can have read the question."""

    kind = "client_refused"

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        return (
            f"The client answered no to the question about {at.tool} at once, perhaps without showing the question. "
            f"{NOT_CHANGED} Ask the user whether the question was seen. {_way_on(self)}"
        )


class QuestionUnanswered(Refusal):
    """No answer came in time."""

    kind = "no_answer"

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        return (
            f"The question about {at.tool} got no answer within PROJECTS_MCP_QUESTION_TIMEOUT; perhaps the client "
            f"did not show it. {NOT_CHANGED} {_WITHOUT_ASKING} {_way_on(self)}"
        )


class NotTicked(Refusal):
    """The answer accepts, and lacks what makes it a yes."""

    kind = "answer_without_form"

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        return (
            f"The client accepted the question about {at.tool} without its form: the box “Yes, do it” was not ticked. "
            f"{NOT_CHANGED} {_WITHOUT_ASKING} {_way_on(self)}"
        )


class ClientFailed(Refusal):
    """The client could not ask: an error, something that is no answer, or a connection that broke."""

    kind = "client_failed"

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        return (
            f"The client answered the question about {at.tool} with an error or not in the way of the protocol. "
            f"{NOT_CHANGED} {_way_on(self)}"
        )


class ClientCannotAsk(Refusal):
    """A person's consent is needed, and the client cannot show a question."""

    kind = "cannot_ask"

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        return (
            f"{at.tool} needs a person's consent, and this client cannot show a question. {NOT_CHANGED} {_way_on(self)}"
        )


class PasskeyNeeded(Refusal):
    """Only a passkey confirms, and none has."""

    kind = "passkey_needed"

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        return f"{at.tool} needs a person's signature with a passkey. {NOT_CHANGED} {_way_on(self)}"


class PasskeyUnusable(Refusal):
    """Only a passkey confirms, and none can at this server. `reason`: why, with what would help."""

    kind = "passkey_unusable"
    reason: str

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        return (
            f"{at.tool} needs a person's signature with a passkey, and this server can take none: {self.reason}. "
            f"{NOT_CHANGED} {_WITHOUT_ASKING} The operator can find out more with projects-mcp doctor."
        )


class ApprovalNotSigned(Refusal):
    """The store says that the call was approved by a passkey, and no signature of an enrolled one proves it."""

    kind = "approval_not_signed"

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        return (
            f"The approval of this call of {at.tool} is not signed by a passkey that is enrolled now and may approve "
            f"it, so it does not count. {NOT_CHANGED} The passkey may have been removed, or somebody may have changed "
            "the state store: tell the user. The same call made again offers a new approval."
        )


class ApprovalDenied(Refusal):
    """A person has denied the approval of exactly this call. `channel`: where; `until`: how long that holds."""

    kind = "approval_denied"
    channel: str
    until: str

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        return (
            f"A person has denied this call of {at.tool} ({self.channel}). {NOT_CHANGED} "
            f"{_WITHOUT_ASKING} The denial holds until {self.until}."
        )
