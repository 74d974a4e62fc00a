"""The gates with a second way to a yes: approvals in a store that all servers share, and that outlives them.

An approval counts once, for exactly the call and the state that it was offered for, at whichever server.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule
from mcp_types import CallToolResult, InputRequiredResult

from projects_mcp.gateway.approval_page import ApprovalPage
from projects_mcp.sandbox import MOBILE_ID, NORTHWIND_ID, PRODUCTION_ID
from projects_mcp.state.approvals import ApprovalError, Approvals
from projects_mcp.state.memory import MemoryStore
from projects_mcp.state.sqlite import SqliteStore
from projects_mcp.state.store import StateStore
from tests.support.gates import STATE, TOOLS, Gates, answer_of
from tests.support.witness import State, Subject, Wish

TOOL_NAMES = sorted(TOOLS.values())
UNPROTECTED = st.sampled_from([PRODUCTION_ID, MOBILE_ID])
RECENT = st.sampled_from([0, 0, 0, 0, 1, 2])


class SharedMemory(MemoryStore):
    """Stands for a store that several processes share."""

    shared = True


@dataclass
class Offer:
    """An approval that a refusal has offered."""

    code: str
    client: str
    subject: Subject
    name: str
    state: State
    arguments: dict[str, Any]
    granted: bool = False
    used: bool = False

    def is_like(self, other: "Offer") -> bool:
        """Whether both are for the same call and state: they are one approval, with a code each."""
        return (self.subject, self.state, self.arguments) == (other.subject, other.state, other.arguments)


class GatesAndApprovals(Gates):
    def __init__(self) -> None:
        super().__init__()
        self.offered: list[Offer] = []
        self.folder = tempfile.TemporaryDirectory(prefix="state")

    @initialize(
        confirmation=st.sampled_from(["human", "human", "human", "auto"]),
        kind=st.sampled_from(["memory", "memory", "sqlite"]),
    )
    def connect(self, confirmation: str, kind: str) -> None:
        folder = Path(self.folder.name)
        self.store: StateStore = SharedMemory() if kind == "memory" else SqliteStore(folder / "state.sqlite3")
        self.bench.store = self.store
        self.bench.approval_page = ApprovalPage("https://mcp.example.com/approve/")
        self.confirmation = confirmation
        self.start()

    def teardown(self) -> None:
        super().teardown()
        self.folder.cleanup()

    def approved(self, wish: Wish, consent: tuple[Subject, State]) -> bool:
        for offer in self.offered:
            exact = (offer.subject, offer.state) == consent and offer.arguments == wish.arguments
            if offer.granted and not offer.used and exact:
                for each in self.offered:
                    each.used = each.used or each.is_like(offer)
                return True
        return False

    def send(
        self,
        client: str,
        subject: Subject,
        name: str,
        arguments: dict[str, Any],
        responses: dict[str, Any] | None = None,
        state: str | None = None,
    ) -> CallToolResult | InputRequiredResult | None:
        seen = self.state(subject[1])
        result = super().send(client, subject, name, arguments, responses, state)
        error = (result.meta or {}).get("projects-mcp/error", {}) if isinstance(result, CallToolResult) else {}
        if approval := error.get("approval"):
            assert approval["url"].endswith(approval["code"])
            assert f"approve {approval['code']}" in approval["command"]
            self.offered.append(Offer(approval["code"], client, subject, name, seen, arguments))
        return result

    @rule(client=st.sampled_from(["auto False", "legacy False"]), tool=st.sampled_from(TOOL_NAMES), project=UNPROTECTED)
    def be_refused(self, client: str, tool: str, project: int) -> None:
        """A client that cannot ask makes a call that only an approval can let through."""
        arguments = {"project_id": project, "confirm_project_name": self.bench.fields(project)["name"]}
        subject: Subject = (tool, project, NORTHWIND_ID if tool == "project_change_organization" else None)
        if subject[2]:
            arguments["target_organization_id"] = NORTHWIND_ID
        self.send(client, subject, arguments["confirm_project_name"], arguments)

    @rule(granted=st.sampled_from([True, True, True, False]), which=RECENT)
    def decide(self, granted: bool, which: int) -> None:
        """Somebody decides on one of the last offers, in another process."""
        if which >= len(self.offered):
            return
        offer = self.offered[-1 - which]

        async def decided() -> bool:
            approvals = Approvals(self.store)
            seen = await approvals.find(offer.code)
            if seen is None:
                return False
            try:
                await approvals.decide(seen, granted=granted, channel="terminal")
            except ApprovalError:
                return False
            return True

        if self.portal.call(decided) and granted:
            offer.granted = True

    @rule(which=RECENT, restore=st.booleans())
    def repeat(self, which: int, restore: bool) -> None:
        """The same call is made again, perhaps in the state that it was refused in."""
        if which >= len(self.offered):
            return
        offer = self.offered[-1 - which]
        if restore:
            self.bench.fields(offer.subject[1]).update(zip(STATE, offer.state, strict=True))
        self.answer = lambda: answer_of("decline")
        self.send(offer.client, offer.subject, offer.name, offer.arguments)

    @rule(
        client=st.sampled_from(["auto False", "legacy False"]),
        tool=st.sampled_from(TOOL_NAMES),
        project=UNPROTECTED,
        granted=st.sampled_from([True, True, False]),
        meanwhile=st.sampled_from([None, None, "rename", "move", "token"]),
        times=st.integers(1, 3),
    )
    def walk(self, client: str, tool: str, project: int, granted: bool, meanwhile: str | None, times: int) -> None:
        """From a refusal to a decision and to the call that uses it, and that is then made again and again."""
        self.be_refused(client, tool, project)
        self.decide(granted, 0)
        if meanwhile:
            self.act(meanwhile, project)
        for time in range(times):
            self.repeat(0, restore=time > 0)

    @rule()
    def restart(self) -> None:
        """The servers end and start again. What was spent stays spent, and what was granted counts once."""
        self.stop()
        self.start()
