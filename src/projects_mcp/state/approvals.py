"""The approvals in the store: offered by a refused call, decided by a person, used by the same call made again.

There is one record for each binding, so that every step is one atomic replacement: of two processes that decide or use
an approval at once, one does. A code leads to the record, and the record knows the codes that still open it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from secrets import token_hex
from typing import Final

from projects_mcp.state.approval import Approval, Status
from projects_mcp.state.codes import new_code, of_code, parse_code
from projects_mcp.state.store import StateStore, StoreError

__all__ = ["APPROVAL_S", "ApprovalError", "Approvals", "TooManyApprovals"]

APPROVAL_S: Final = 900.0
"""Seconds that a person has to decide, and the call to be made again."""
_REOPENED_S: Final = 300.0
"""An approval that has fewer seconds left is not offered again: a new one takes its place."""
_CODES: Final = 5
"""Codes that open one approval. The oldest ends if the same call is refused more often."""
_OFFERS: Final = 60
"""Codes that one caller gets in the time of an approval."""
_TRIES: Final = 5
"""How often a step is tried again if another process was faster."""
_LISTED: Final = 1_000


class ApprovalError(Exception):
    """There is no such approval, or it cannot be decided so. The sentence says why."""


class TooManyApprovals(Exception):
    """The caller has been offered as many approvals as it may be, for now."""


@dataclass(frozen=True, slots=True)
class Approvals:
    """Everything that waits for a person in one store.

    Args:
        store: keeps it.
        clock: seconds since 1970, for tests.
    """

    store: StateStore
    clock: Callable[[], float] = time.time

    async def offer(self, approval: Approval) -> tuple[str, Approval]:
        """Offer an approval for a call that was refused. The same call is offered the same one, under another code.

        Args:
            approval: as it would be if there were none yet; its id, time and codes are set here.

        Returns:
            A new code, and the approval that it opens.

        Raises:
            TooManyApprovals: the caller must wait.
            StoreError: the store cannot be used.
        """
        if await self.store.take(_key("offers", approval.caller), _OFFERS, APPROVAL_S):
            raise TooManyApprovals
        code = new_code()
        key = _key("approval", approval.binding)
        for _ in range(_TRIES):
            text = await self.store.get(key)
            chosen = self._choose(None if text is None else Approval.load(text), approval, of_code(code))
            left = chosen.until - self.clock()
            if text is None:
                kept = await self.store.add(key, chosen.dump(), left)
            else:
                kept = await self.store.replace(key, text, chosen.dump(), left)
            if kept:
                await self.store.add(_key("code", of_code(code)), approval.binding, left)
                return code, chosen
        raise StoreError("other processes are changing the same approval")

    def _choose(self, former: Approval | None, new: Approval, code: str) -> Approval:
        """Return the approval to offer: the one that is there already, or a new one if that is used or nearly over.

        A decision that was made while the call was under way stays, so that it counts for the next call.
        """
        if former is not None and former.status is not Status.USED:
            left = former.until - self.clock()
            if left > (_REOPENED_S if former.status is Status.WAITING else 0):
                return replace(former, codes=(*former.codes, code)[-_CODES:])
        return replace(new, id=token_hex(6), until=self.clock() + APPROVAL_S, codes=(code,))

    async def find(self, typed: str) -> Approval | None:
        """Return the approval that a code opens; None if the code is wrong, or its time is over."""
        code = parse_code(typed)
        if code is None:
            return None
        binding = await self.store.get(_key("code", of_code(code)))
        text = None if binding is None else await self.store.get(_key("approval", binding))
        if text is None:
            return None
        approval = Approval.load(text)
        return approval if of_code(code) in approval.codes and approval.until > self.clock() else None

    async def waiting(self) -> list[Approval]:
        """Return what waits for a decision, the oldest first."""
        found = [Approval.load(text) for _key, text in await self.store.find("approval:", _LISTED)]
        now = self.clock()
        return sorted((a for a in found if a.status is Status.WAITING and a.until > now), key=lambda a: a.until)

    async def decide(
        self,
        seen: Approval,
        *,
        granted: bool,
        channel: str,
        approver: str = "",
        assertion: Mapping[str, str] | None = None,
    ) -> Approval:
        """Grant or deny an approval, once.

        Args:
            seen: as the person has seen it.
            granted: the decision.
            channel: how it was made: `terminal`, `page` or `passkey`.
            approver: who has made it, if that is known.
            assertion: of a passkey, already verified.

        Raises:
            ApprovalError: it needs another channel or somebody else, it was decided before, or its time is over.
            StoreError: the store cannot be used.
        """
        if granted and seen.passkey and assertion is None:
            raise ApprovalError("Only a passkey approves this call.")
        if granted and seen.approvers is not None and (assertion is None or approver not in seen.approvers):
            raise ApprovalError("Only a passkey of one of its approvers approves this call.")
        key = _key("approval", seen.binding)
        for _ in range(_TRIES):
            text = await self.store.get(key)
            now = None if text is None else Approval.load(text)
            if text is None or now is None or now.id != seen.id or now.until <= self.clock():
                raise ApprovalError("This approval is over. Make the call again for a new one.")
            if now.status is not Status.WAITING:
                raise ApprovalError(f"This approval was decided before: it is {now.status.value}.")
            decided = now.decided(granted=granted, channel=channel, approver=approver, assertion=assertion)
            if await self.store.replace(key, text, decided.dump()):
                return decided
        raise StoreError("other processes are changing the same approval")

    async def take(self, binding: str) -> Approval | None:
        """Use up the decision on a call that is made again.

        Returns:
            The approval that was granted, which nothing can use again, or that was denied, which stays so for its time;
            None if there is no decision.

        Raises:
            StoreError: the store cannot be used.
        """
        key = _key("approval", binding)
        text = await self.store.get(key)
        approval = None if text is None else Approval.load(text)
        if text is None or approval is None or approval.until <= self.clock() or approval.binding != binding:
            return None
        if approval.status is Status.DENIED:
            return approval
        if approval.status is not Status.GRANTED:
            return None
        used = replace(approval, status=Status.USED)
        return approval if await self.store.replace(key, text, used.dump()) else None


def _key(kind: str, what: str) -> str:
    """Return the key of a record. What is not a digest of ours becomes one: keys are short and ASCII."""
    if kind not in {"approval", "code"}:
        what = hashlib.sha256(what.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{kind}:{what}"
