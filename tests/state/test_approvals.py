"""An approval is decided once, used at most once, only for its binding and only in its time: a state machine.

Two processes share the store. The model remembers what was offered, decided and used.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, multiple, rule

from projects_mcp.state import approvals as module
from projects_mcp.state.approval import Approval, Status
from projects_mcp.state.approvals import APPROVAL_S, ApprovalError, Approvals, TooManyApprovals
from projects_mcp.state.codes import new_code, parse_code
from projects_mcp.state.memory import MemoryStore
from tests.support.approvals import BINDINGS, Clock, waiting

pytestmark = pytest.mark.anyio


def run(function: Callable[..., Any], *arguments: Any) -> Any:
    return anyio.run(function, *arguments)


@dataclass
class Known:
    """What the model knows of one approval."""

    binding: str
    until: float
    status: Status = Status.WAITING
    codes: list[str] = field(default_factory=list)


class ApprovalsOfTwoProcesses(RuleBasedStateMachine):
    codes = Bundle("codes")

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        store = MemoryStore(clock=self.clock)
        self.processes = [Approvals(store, self.clock), Approvals(store, self.clock)]
        self.known: dict[str, Known] = {}
        self.granted: list[str] = []

    @rule(target=codes, process=st.integers(0, 1), binding=st.sampled_from(BINDINGS))
    def offer(self, process: int, binding: str) -> Any:
        async def make_offer() -> tuple[str, Approval]:
            return await self.processes[process].offer(waiting(binding))

        try:
            code, approval = run(make_offer)
        except TooManyApprovals:
            return multiple()
        known = self.known.setdefault(approval.id, Known(binding, approval.until))
        assert approval.binding == binding
        assert self.clock.now < approval.until == known.until <= self.clock.now + APPROVAL_S
        assert approval.status is known.status is not Status.USED
        known.codes.append(code)
        return code

    @rule(process=st.integers(0, 1), code=codes, granted=st.booleans())
    def decide(self, process: int, code: str, granted: bool) -> None:
        async def decided() -> Approval | None:
            seen = await self.processes[process].find(code)
            if seen is None:
                return None
            return await self.processes[process].decide(seen, granted=granted, channel="terminal")

        known = next(each for each in self.known.values() if code in each.codes)
        try:
            approval = run(decided)
        except ApprovalError:
            assert known.status is not Status.WAITING, "a decision was refused that nothing stands against"
            return
        if approval is None:
            return
        assert known.status is Status.WAITING, "decided twice"
        assert self.clock.now < known.until
        known.status = approval.status
        assert approval.status is (Status.GRANTED if granted else Status.DENIED)

    @rule(process=st.integers(0, 1), binding=st.sampled_from(BINDINGS))
    def use(self, process: int, binding: str) -> None:
        taken = run(self.processes[process].take, binding)
        in_time = [each for each in self.known.values() if each.binding == binding and each.until > self.clock.now]
        if taken is None:
            assert not any(each.status in {Status.GRANTED, Status.DENIED} for each in in_time)
            return
        known = self.known[taken.id]
        assert known in in_time, "for another call, or over"
        assert taken.status is known.status
        assert known.status in {Status.GRANTED, Status.DENIED}, "never decided, or used before"
        if known.status is Status.GRANTED:
            known.status = Status.USED

    @rule(seconds=st.sampled_from([1.0, 300.0, 601.0, 899.0, 901.0]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule(code=consumes(codes))
    def forget(self, code: str) -> None:
        """Fewer codes are tried again and again."""


TestApprovals = ApprovalsOfTwoProcesses.TestCase
TestApprovals.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


class Slow(MemoryStore):
    async def get(self, key: str) -> str | None:
        text = await super().get(key)
        await anyio.lowlevel.checkpoint()  # lets the other one in between
        return text


async def test_two_processes_that_decide_at_once_decide_once() -> None:
    store = Slow()
    code, _ = await Approvals(store).offer(waiting())
    seen = await Approvals(store).find(code)
    assert seen is not None
    decided: list[Approval] = []

    async def decide(granted: bool) -> None:
        with suppress(ApprovalError):
            decided.append(await Approvals(store).decide(seen, granted=granted, channel="terminal"))

    async with anyio.create_task_group() as group:
        for number in range(8):
            group.start_soon(decide, number % 2 == 0)
    assert len(decided) == 1
    kept = await Approvals(store).find(code)
    assert kept == decided[0]


async def test_two_processes_that_use_one_approval_at_once_use_it_once() -> None:
    store = Slow()
    approvals = Approvals(store)
    code, _ = await approvals.offer(waiting())
    seen = await approvals.find(code)
    assert seen is not None
    await approvals.decide(seen, granted=True, channel="terminal")
    taken: list[Approval | None] = []

    async def take() -> None:
        taken.append(await Approvals(store).take(BINDINGS[0]))

    async with anyio.create_task_group() as group:
        for _ in range(8):
            group.start_soon(take)
    assert len([each for each in taken if each is not None]) == 1


async def test_a_decision_that_comes_while_the_call_is_refused_is_not_lost() -> None:
    approvals = Approvals(MemoryStore())
    code, _ = await approvals.offer(waiting())
    seen = await approvals.find(code)
    assert seen is not None
    await approvals.decide(seen, granted=True, channel="page")
    _, again = await approvals.offer(waiting())
    assert again.status is Status.GRANTED
    taken = await approvals.take(BINDINGS[0])
    assert taken is not None
    assert taken.channel == "page"


@pytest.mark.parametrize("facts", [{"passkey": True}, {"approvers": ("anna",)}])
async def test_only_a_signature_grants_what_needs_one_and_anybody_denies_it(facts: dict[str, Any]) -> None:
    approvals = Approvals(MemoryStore())
    code, _ = await approvals.offer(waiting(**facts))
    seen = await approvals.find(code)
    assert seen is not None
    with pytest.raises(ApprovalError, match="passkey"):
        await approvals.decide(seen, granted=True, channel="terminal", approver="anna")
    assert await approvals.take(BINDINGS[0]) is None
    await approvals.decide(seen, granted=False, channel="terminal")
    denied = await approvals.take(BINDINGS[0])
    assert denied is not None
    assert denied.status is Status.DENIED


async def test_an_approver_who_is_not_named_does_not_count() -> None:
    approvals = Approvals(MemoryStore())
    code, _ = await approvals.offer(waiting(approvers=("anna",)))
    seen = await approvals.find(code)
    assert seen is not None
    signature = {"signature": "c2ln"}
    with pytest.raises(ApprovalError):
        await approvals.decide(seen, granted=True, channel="passkey", approver="berta", assertion=signature)
    granted = await approvals.decide(seen, granted=True, channel="passkey", approver="anna", assertion=signature)
    assert granted.approver == "anna"


async def test_one_caller_is_offered_so_many_and_no_more() -> None:
    approvals = Approvals(MemoryStore())
    for number in range(module._OFFERS):  # noqa: SLF001 - the bound itself
        await approvals.offer(waiting(f"{number:064x}", caller="anna"))
    with pytest.raises(TooManyApprovals):
        await approvals.offer(waiting(caller="anna"))
    await approvals.offer(waiting(caller="berta"))


@given(st.text(max_size=60))
def test_whatever_is_typed_is_a_code_or_none(text: str) -> None:
    code = parse_code(text)
    assert code is None or (len(code) == 9 and parse_code(code) == code)


def test_a_code_is_read_as_people_type_it() -> None:
    code = new_code()
    for typed in (code, code.lower(), code.replace("-", ""), f" {code} ", code.replace("0", "o").replace("1", "l")):
        assert parse_code(typed) == code


async def test_ten_thousand_forged_codes_open_nothing() -> None:
    approvals = Approvals(MemoryStore())
    real, _ = await approvals.offer(waiting())
    for _ in range(10_000):
        forged = new_code()
        assert forged == real or await approvals.find(forged) is None


@given(
    st.builds(
        waiting,
        phrase=st.text(max_size=40),
        lines=st.lists(st.tuples(st.text(max_size=9), st.text(max_size=40)), max_size=4).map(tuple),
        caller=st.text(max_size=9),
    )
)
def test_what_was_kept_is_what_is_read(approval: Approval) -> None:
    assert Approval.load(approval.dump()) == approval
    assert len(approval.digest) == 32
