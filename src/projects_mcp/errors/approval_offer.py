"""The offer that a refusal carries: how a person can approve the same call by another way than the client."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ApprovalOffer"]


class ApprovalOffer(NamedTuple):
    """How a person can approve a call.

    Attributes:
        code: opens the approval; the caller may read it, since it approves nothing by itself.
        expires_at: until when, as RFC 3339 in UTC.
        command: for a terminal; None if no other process can see the approval.
        url: the page; None if this process serves none.
        passkey: whether only a passkey's signature counts.
    """

    code: str
    expires_at: str
    command: str | None = None
    url: str | None = None
    passkey: bool = False

    @property
    def way_on(self) -> str:
        """Say who must do what, and that the same call is to be made again afterwards."""
        # A passkey signs on a page: a terminal can only show the question, and open that page.
        browser = " --browser" if self.passkey else ""
        run = "" if self.command is None else f"run `{self.command}{browser}` in a terminal"
        opened = "" if self.url is None else f"open {self.url} in a browser"
        with_passkey = " and sign with a passkey" if self.passkey else ""
        return (
            f"A person can approve it: {' or '.join(filter(None, (opened, run)))}{with_passkey}, until "
            f"{self.expires_at}. Tell the user, and make exactly the same call again after that."
        )
