"""What a code opens, and what a decision is about: the approval that was seen, in its time, and nothing after it."""

import pytest

from projects_mcp.state.approvals import APPROVAL_S, ApprovalError, Approvals
from projects_mcp.state.memory import MemoryStore
from tests.support.approvals import BINDINGS, Clock, waiting

pytestmark = pytest.mark.anyio


async def test_an_approval_is_over_when_it_says_so_whatever_the_store_keeps() -> None:
    """The clocks of a store and of a process differ, and a store may keep a record for longer."""
    clock = Clock()
    approvals = Approvals(MemoryStore(clock=lambda: 0.0), clock)
    undecided, _ = await approvals.offer(waiting())
    granted, _ = await approvals.offer(waiting(BINDINGS[1]))
    seen, other = await approvals.find(undecided), await approvals.find(granted)
    assert seen is not None
    assert other is not None
    await approvals.decide(other, granted=True, channel="terminal")
    clock.now += APPROVAL_S
    assert await approvals.find(undecided) is None
    assert await approvals.waiting() == []
    with pytest.raises(ApprovalError, match="over"):
        await approvals.decide(seen, granted=True, channel="terminal")
    assert await approvals.take(BINDINGS[1]) is None


async def test_nobody_decides_on_what_they_have_not_seen() -> None:
    clock = Clock()
    approvals = Approvals(MemoryStore(clock=clock), clock)
    code, _ = await approvals.offer(waiting())
    seen = await approvals.find(code)
    assert seen is not None
    clock.now += 601  # it is nearly over, so the same call is offered a new one
    _, new = await approvals.offer(waiting(lines=(("What is lost", "Something else."),)))
    assert new.id != seen.id
    with pytest.raises(ApprovalError, match="over"):
        await approvals.decide(seen, granted=True, channel="terminal")
    assert await approvals.take(BINDINGS[0]) is None


async def test_a_code_opens_no_approval_that_took_the_place_of_its_own() -> None:
    clock = Clock()
    approvals = Approvals(MemoryStore(clock=clock), clock)
    old, _ = await approvals.offer(waiting())
    clock.now += 601
    new, _ = await approvals.offer(waiting())
    assert await approvals.find(old) is None
    assert await approvals.find(new) is not None


async def test_no_code_is_in_the_store() -> None:
    store = MemoryStore()
    code, _ = await Approvals(store).offer(waiting())
    kept = str(await store.find("", 99))
    assert code.lower() not in kept.lower()
    assert code.replace("-", "").lower() not in kept.lower()
