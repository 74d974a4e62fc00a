"""Plans in the store: their steps, how far each of them is, and who has agreed. They are text here: see `fleet/plan`.

A plan has one record that says what it is, records with its steps, and one record for each step that has been begun.
Each step of the work is one atomic change of one record, so processes can end anywhere, and two can work at once. A
plan made again has another `run`, which knows nothing of the former one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from secrets import token_hex
from typing import Any, Final, NamedTuple

from projects_mcp.state.plan_steps import drop_steps, keep_steps, read_steps, write_steps
from projects_mcp.state.store import StateStore, StoreError
from projects_mcp.state.stored_plan import StoredPlan

__all__ = ["BEGIN_S", "LEASE_S", "WORK_S", "PlanLease", "PlanRoomError", "Plans"]

BEGIN_S: Final = 1_800.0
"""Seconds in which a plan has to be begun."""
WORK_S: Final = 86_400.0
"""Seconds that it is kept after that, and that a plan which undoes another one can be begun in."""
LEASE_S: Final = 60.0
"""Seconds for which a call has a plan for itself: longer than a call works. After a kill they have to pass."""
_DRAFT_S: Final = 7_200.0
"""Seconds that a plan which is being made is kept after it was last added to: longer than the longest wait."""
_MOST_CHARACTERS: Final = 8_000_000
"""Characters of the steps of one plan."""
_MOST_PLANS: Final = 20
_MOST_STEPS: Final = 10_000
_MOST_TOGETHER: Final = 24_000_000
"""Plans that one caller has at a time, and the steps and characters of all of them."""
_TRIES: Final = 10


class PlanRoomError(Exception):
    """There is no room for the plan. The sentence says why."""


class PlanLease(NamedTuple):
    """A plan that one call has for itself.

    Attributes:
        token: gives it back.
        plan: as it is kept now: another call may have changed it since it was read.
    """

    token: str
    plan: StoredPlan


@dataclass(frozen=True, slots=True)
class Plans:
    """The plans of one caller at one PostHog.

    Args:
        store: keeps them.
        owner: tells the caller and the PostHog from others: see `owner_of`.
        clock: seconds since 1970.

    Each method raises `StoreError` if the store cannot be used.
    """

    store: StateStore
    owner: str
    clock: Callable[[], float]

    @staticmethod
    def owner_of(origin: str, caller: str) -> str:
        """Return the name under which the plans of a caller at a PostHog are kept."""
        return hashlib.sha256(f"{origin}\x00{caller}".encode("utf-8", "surrogatepass")).hexdigest()[:32]

    async def keep(
        self, plan: str, steps: Sequence[str], facts: Mapping[str, Any], *, reverts: bool = False
    ) -> StoredPlan:
        """Keep a plan. If the same one was made before, and a call is at work on it, that one stands.

        One that was not begun stays the same run, for longer: who has made it before may be about to begin it. One that
        was begun, and is at rest, is replaced.

        Args:
            plan: its id.
            steps: each as one text.
            facts: what else is to be known of it.
            reverts: whether it undoes another one. It then has to be begun within a day.

        Raises:
            PlanRoomError: it is too large, or the caller has begun too many.
        """
        characters = sum(map(len, steps))
        if characters > _MOST_CHARACTERS:
            raise PlanRoomError("The plan is too large to be kept.")
        for_s, kept = WORK_S if reverts else BEGIN_S, None
        for _ in range(_TRIES):
            text = await self.store.get(self._key(plan))
            if (former := await self._standing(plan, text, facts, for_s)) is not None:
                if kept is not None:
                    await drop_steps(self.store, kept.run, kept.chunks)
                return former
            if kept is None:
                await self._make_room(plan, len(steps), characters)
                run = token_hex(8)
                kept = StoredPlan(
                    id=plan,
                    run=run,
                    steps=len(steps),
                    chunks=await write_steps(self.store, run, 0, steps, for_s),
                    characters=characters,
                    reverts=reverts,
                    until=self.clock() + for_s,
                    facts=dict(facts),
                )
            if text is None:
                done = await self.store.add(self._key(plan), kept.dump(), for_s)
            else:
                done = await self.store.replace(self._key(plan), text, kept.dump(), for_s)
            if done:
                return kept
        raise StoreError("other processes are changing the same plan")

    async def _standing(self, plan: str, text: str | None, facts: Mapping[str, Any], for_s: float) -> StoredPlan | None:
        """Return the same plan made before, which is kept for longer if it was not begun; None if it is at rest."""
        found = None if text is None else StoredPlan.load(text)
        if text is None or found is None:
            return None
        if found.begun:
            return None if await self.store.get(self._key(plan, "planlease")) is None else found
        longer = replace(found, until=self.clock() + for_s, facts=dict(facts))
        stays = await keep_steps(self.store, found.run, found.chunks, for_s)
        return longer if stays and await self.store.replace(self._key(plan), text, longer.dump(), for_s) else None

    async def find(self, plan: str) -> StoredPlan | None:
        """Return a plan; None if there is none, or its time to be begun is over."""
        text = await self.store.get(self._key(plan)) if _is_id(plan) else None
        found = None if text is None else StoredPlan.load(text)
        return None if found is None or (not found.begun and found.until <= self.clock()) else found

    async def change(self, plan: StoredPlan, **facts: Any) -> StoredPlan | None:
        """Change what is kept of a plan; None if there is no such run of it any more."""
        for _ in range(_TRIES):
            text = await self.store.get(self._key(plan.id))
            now = None if text is None else StoredPlan.load(text)
            if text is None or now is None or now.run != plan.run:
                return None
            new = replace(now, **facts)
            if await self.store.replace(self._key(plan.id), text, new.dump()):
                return new
        raise StoreError("other processes are changing the same plan")

    async def begin(self, plan: StoredPlan, agreed: Mapping[str, Any] | None) -> StoredPlan | None:
        """Note that somebody has agreed, or nobody had to; None if there is no such run of the plan any more.

        From then on it is kept for a day. If another call has begun it meanwhile, that stands.
        """
        if not await keep_steps(self.store, plan.run, plan.chunks, WORK_S):
            return None
        for _ in range(_TRIES):
            text = await self.store.get(self._key(plan.id))
            now = None if text is None else StoredPlan.load(text)
            if text is None or now is None or now.run != plan.run:
                return None
            if now.begun and not now.stopped:
                return now
            begun = replace(now, begun=True, evidence=agreed, stopped="", failures=0)
            if await self.store.replace(self._key(plan.id), text, begun.dump(), None if now.begun else WORK_S):
                return begun
        raise StoreError("other processes are changing the same plan")

    async def steps(self, plan: StoredPlan) -> list[str]:
        """Return the steps of a plan, each as the text that it was kept as."""
        return await read_steps(self.store, plan.run, plan.chunks)

    async def marks(self, plan: StoredPlan) -> dict[int, str]:
        """Return how far each step is that was begun, by the id of its project."""
        prefix = f"planmark:{plan.run}:"
        found = await self.store.find(prefix, plan.steps + 1)
        return {int(key.removeprefix(prefix)): text for key, text in found}

    async def mark(self, plan: StoredPlan, project: int, old: str | None, new: str | None) -> bool:
        """Note how far a step is. Return whether it was as expected until then; if not, nothing has changed.

        Args:
            plan: of the step.
            project: the id of its project.
            old: what is noted by now; None if nothing is.
            new: what is to be noted; None for nothing.
        """
        key = f"planmark:{plan.run}:{project}"
        if old is None:
            return new is not None and await self.store.add(key, new, WORK_S)
        return await self.store.replace(key, old, new)

    async def lease(self, plan: StoredPlan) -> PlanLease | None:
        """Have a plan for oneself for a while; None if another call has it, or has made it anew meanwhile."""
        token = f"{self.clock() + LEASE_S:.3f} {token_hex(8)}"
        if not await self.store.add(self._key(plan.id, "planlease"), token, LEASE_S):
            return None
        # Changed, it cannot be replaced any more by whoever has looked at the lease before.
        now = await self.find(plan.id)
        kept = await self.change(plan, calls=plan.calls + 1 if now is None else now.calls + 1)
        if kept is None:
            await self.release(plan.id, token)
            return None
        return PlanLease(token, kept)

    async def release(self, plan: str, token: str) -> None:
        """Let others have it. A lease that cannot be given back ends by itself."""
        await self.store.replace(self._key(plan, "planlease"), token, None)

    async def leased_s(self, plan: str) -> float:
        """Return the seconds for which another call may have a plan at the most; 0 if none has it."""
        text = await self.store.get(self._key(plan, "planlease"))
        if text is None:
            return 0.0
        try:
            left_s = float(text.partition(" ")[0]) - self.clock()
        except ValueError:  # it is damaged, or of another version; it ends by itself
            return LEASE_S
        return min(max(left_s, 1.0), LEASE_S)  # the clock of another machine may be ahead, or behind

    async def draft(self, digest: str) -> tuple[str, dict[str, Any]] | None:
        """Return what is there of a plan that is being made, as text and read; None if there is nothing.

        Args:
            digest: the SHA-256 of what was asked for.
        """
        text = await self.store.get(self._key(digest, "plandraft"))
        if text is None:
            return None
        try:
            return text, dict(json.loads(text))
        except (ValueError, TypeError):
            raise StoreError("a plan in the store cannot be read") from None

    async def add_to_draft(self, digest: str, old: str | None, facts: Mapping[str, Any], steps: Sequence[str]) -> bool:
        """Add steps to a plan that is being made. Return whether nobody else has meanwhile.

        Args:
            digest: the SHA-256 of what was asked for.
            old: the text of what was there; None if nothing was.
            facts: how far it is.
            steps: to be added.
        """
        former: dict[str, Any] = json.loads(old) if old else {"parts": [], "characters": 0}
        characters = former["characters"] + sum(map(len, steps))
        if characters > _MOST_CHARACTERS:
            raise PlanRoomError("The plan is too large to be kept.")
        run = token_hex(8)  # of this addition alone: one that was never finished is in nobody's way
        chunks = await write_steps(self.store, run, 0, steps, _DRAFT_S)
        new = json.dumps({**facts, "parts": [*former["parts"], [run, chunks]], "characters": characters})
        key = self._key(digest, "plandraft")
        if old is None:
            added = await self.store.add(key, new, _DRAFT_S)
        else:
            added = await self.store.replace(key, old, new, _DRAFT_S)
        if not added:
            await drop_steps(self.store, run, chunks)
        return added

    async def draft_steps(self, facts: Mapping[str, Any]) -> list[str]:
        """Return the steps that were added so far."""
        return [step for run, chunks in _parts_of(facts) for step in await read_steps(self.store, run, chunks)]

    async def drop_draft(self, digest: str, old: str) -> None:
        """Forget a plan that is being made: it is made, or begins anew."""
        await self.store.replace(self._key(digest, "plandraft"), old, None)
        for run, chunks in _parts_of(json.loads(old)):
            await drop_steps(self.store, run, chunks)

    async def _make_room(self, plan: str, steps: int, characters: int) -> None:
        """Forget the oldest plans that were not begun, as far as room is needed."""
        found = await self.store.find(f"plan:{self.owner}:", 10 * _MOST_PLANS)
        others = [(key, text, StoredPlan.load(text)) for key, text in found if not key.endswith(plan)]
        others.sort(key=lambda item: (item[2].begun, item[2].until))
        while others and (
            len(others) >= _MOST_PLANS
            or steps + sum(other.steps for _, _, other in others) > _MOST_STEPS
            or characters + sum(other.characters for _, _, other in others) > _MOST_TOGETHER
        ):
            key, text, oldest = others.pop(0)
            if oldest.begun:
                raise PlanRoomError("As many plans have been begun as are kept; each is kept for a day.")
            if await self.store.replace(key, text, None):
                await drop_steps(self.store, oldest.run, oldest.chunks)

    def _key(self, what: str, kind: str = "plan") -> str:
        return f"{kind}:{self.owner}:{what}"


def _parts_of(facts: Mapping[str, Any]) -> list[tuple[str, int]]:
    return [(str(run), int(chunks)) for run, chunks in facts["parts"]]


def _is_id(text: str) -> bool:
    return len(text) == hashlib.sha256().digest_size * 2 and text.isascii() and text.isalnum()
