"""A state machine: whatever happens in whatever order, no destructive request leaves without all gates passed for
exactly the state that it destroys.

The witness stands at PostHog's door. For every destructive request it looks at the project as it is at that moment, at
the name that the caller wrote, and for a consent of a person to exactly this: the tool, the project, its state. Each
consent counts once.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule
from mcp import Client, MCPError
from mcp.client import ClientRequestContext
from mcp_types import (
    INVALID_PARAMS,
    CallToolResult,
    ElicitRequest,
    ElicitRequestParams,
    ElicitResult,
    InputRequiredResult,
)

from projects_mcp.sandbox import ACME_ID, DEMO_ID, MOBILE_ID, NORTHWIND_ID, PRODUCTION_ID
from projects_mcp.sandbox.app import create_app
from tests.contract.operations import OPERATIONS
from tests.support.harness import Harness, Sent
from tests.support.witness import Pending, State, Subject, Wish, Witness

PROJECTS = (PRODUCTION_ID, MOBILE_ID, DEMO_ID)
PROTECTED = DEMO_ID
USUALLY = (PRODUCTION_ID, MOBILE_ID) * 4 + (PROTECTED,)

TOOLS = {
    row.line.partition(f"/{PRODUCTION_ID}/")[2].strip("/"): row.tool for row in OPERATIONS if row.effect == "destroy"
}
"""The tool of each destructive request, by the end of its path."""
STATE = ("name", "organization", "api_token", "secret_api_token", "secret_api_token_backup", "is_pending_deletion")
NOT_A_YES = ("not_confirmed", "client_refused", "answer_without_form", "client_failed")
"""The kinds of a refusal that has used up an answer."""


class Gates(RuleBasedStateMachine):
    questions = Bundle("questions")
    harness: type[Harness] = Harness

    def __init__(self) -> None:
        super().__init__()
        self.bench = self.harness()
        self.witness = Witness(create_app(self.bench.world), self.judge)
        self.bench.recorder = self.witness
        self.wish: Wish | None = None
        self.consents: list[tuple[Subject, State]] = []
        self.violations: list[str] = []
        self.destroyed = 0
        self._open: list[AbstractContextManager[Any]] = []
        self._servers: list[AbstractContextManager[Any]] = []
        starting = start_blocking_portal()
        self.portal: BlockingPortal = starting.__enter__()
        self._open.append(starting)
        self.clients: dict[str, Client] = {}
        self.answer: Callable[[], ElicitResult] = lambda: ElicitResult(action="cancel")

    @initialize(confirmation=st.sampled_from(["auto", "human", "argument"]))
    def connect(self, confirmation: str) -> None:
        self.confirmation = confirmation
        self.start()

    def start(self) -> None:
        """Start the servers, each with one client."""
        for era in ("auto", "legacy"):
            for asks in (True, False):
                client = self.bench.client(
                    era,
                    self.ask if asks else None,
                    PROJECTS_MCP_CONFIRMATION=self.confirmation,
                    PROJECTS_MCP_PROTECTED_PROJECTS=str(PROTECTED),
                )
                manager = self.portal.wrap_async_context_manager(client)
                self.clients[f"{era} {asks}"] = manager.__enter__()
                self._servers.append(manager)

    def stop(self) -> None:
        """Stop the servers. What only they know is gone."""
        while self._servers:
            self._servers.pop().__exit__(None, None, None)

    def teardown(self) -> None:
        self.stop()
        for manager in reversed(self._open):
            manager.__exit__(None, None, None)

    # The witness ----------------------------------------------------------------------------------------------------

    def state(self, project: int) -> State:
        fields = self.bench.fields(project)
        return tuple(fields.get(name) for name in STATE)

    def judge(self, sent: Sent) -> None:
        """Called at the moment a destructive request arrives, before it has any effect."""
        self.destroyed += 1
        organization, _, number, action = sent.path.removeprefix("/api/organizations/").split("/", 3)
        action = action.strip("/")
        project = int(number)
        wish, fields = self.wish, self.bench.fields(project)
        if wish is None or wish.subject[:2] != (TOOLS[action], project):
            self.violations.append(f"{sent.line}: nobody called that")
            return
        if project == PROTECTED:
            self.violations.append(f"{sent.line}: a protected project")
        if (organization, wish.name) != (fields["organization"], fields["name"]):
            self.violations.append(f"{sent.line}: not the project that was named")
        if self.confirmation == "argument" or (self.confirmation == "auto" and not wish.asks):
            return
        consent = (wish.subject, self.state(project))
        if consent in self.consents:
            self.consents.remove(consent)
        elif not self.approved(wish, consent):
            self.violations.append(f"{sent.line}: no person has agreed to exactly this")

    def approved(self, wish: Wish, consent: tuple[Subject, State]) -> bool:
        """Whether a person has approved it by another way than the client, for this once."""
        del wish, consent
        return False

    # What callers do ------------------------------------------------------------------------------------------------

    @rule(
        target=questions,
        client=st.sampled_from(["auto True", "auto False", "legacy True", "legacy False"]),
        tool=st.sampled_from(sorted(TOOLS.values())),
        project=st.sampled_from(USUALLY),
        name=st.sampled_from(["right"] * 6 + ["wrong", "former"]),
        to=st.sampled_from([ACME_ID, NORTHWIND_ID]),
        organization=st.sampled_from(["right"] * 6 + ["none", "wrong"]),
        answer=st.sampled_from(["yes"] * 4 + ["no tick", "wrong type", "decline", "cancel", "nothing"]),
        meanwhile=st.sampled_from([None] * 4 + ["rename", "move", "token"]),
        ambush=st.sampled_from([None] * 4 + ["rename", "move", "token"]),
    )
    def call(
        self,
        client: str,
        tool: str,
        project: int,
        name: str,
        to: str,
        organization: str,
        answer: str,
        meanwhile: str | None,
        ambush: str | None,
    ) -> Any:
        fields = self.bench.fields(project)
        written = {"right": fields["name"], "wrong": fields["name"].upper() + "x", "former": "Acme web"}[name]
        arguments = {"project_id": project, "confirm_project_name": written}
        subject: Subject = (tool, project, to if tool == "project_change_organization" else None)
        if subject[2]:
            arguments["target_organization_id"] = to
        if organization != "none":
            right = fields["organization"]
            arguments["organization_id"] = right if organization == "right" else "@current"

        def answered() -> ElicitResult:
            if meanwhile:
                self.act(meanwhile, project)
            if answer == "yes":
                # The question was built from what the first read found, before anybody could act.
                self.consents.append((subject, self.asked_about))
            return answer_of(answer)

        self.answer = answered
        self.witness.ambush = (lambda: self.act(ambush, project)) if ambush else None
        result = self.send(client, subject, written, arguments)
        if isinstance(result, InputRequiredResult):
            return Pending(client, subject, arguments, result, self.asked_about)
        return multiple()

    @rule(
        pending=questions,
        answer=st.sampled_from(["yes"] * 6 + ["no tick", "wrong type", "decline", "cancel"]),
        tamper=st.sampled_from([None] * 8 + ["state", "no state", "other arguments", "other question"]),
        ambush=st.sampled_from([None] * 4 + ["rename", "move", "token"]),
    )
    def respond(self, pending: Pending, answer: str, tamper: str | None, ambush: str | None) -> None:
        """Answer a question, perhaps again, perhaps long after, perhaps with a state that somebody has changed."""
        arguments, state = dict(pending.arguments), pending.question.request_state or ""
        subject = pending.subject
        if tamper == "state":
            state = state[:-2] + ("AA" if not state.endswith("AA") else "BB")
        elif tamper == "no state":
            state = ""
        elif tamper == "other arguments":
            other = next(project for project in PROJECTS if project != subject[1])
            arguments |= {"project_id": other, "confirm_project_name": self.bench.fields(other)["name"]}
            subject = (subject[0], other, subject[2])
        key = "confirm" if tamper != "other question" else "another"
        genuine = tamper is None
        if genuine and answer == "yes" and not pending.used:
            self.consents.append((subject, pending.state))
        self.witness.ambush = (lambda: self.act(ambush, subject[1])) if ambush else None
        responses = {key: answer_of(answer)}
        before = self.destroyed
        result = self.send(
            pending.client, subject, arguments["confirm_project_name"], arguments, responses, state or None
        )
        refused = isinstance(result, CallToolResult) and any(kind in str(result.meta) for kind in NOT_A_YES)
        pending.used = pending.used or (genuine and (refused or self.destroyed > before))

    # What somebody else does ----------------------------------------------------------------------------------------

    @rule(what=st.sampled_from(["rename", "rename back", "move", "token", "secret"]), project=st.sampled_from(PROJECTS))
    def act(self, what: str, project: int) -> None:
        fields = self.bench.fields(project)
        if what == "rename":
            fields["name"] = f"{fields['name']}!"[-30:]
        elif what == "rename back":
            fields["name"] = fields["name"].rstrip("!")
        elif what == "move":
            fields["organization"] = NORTHWIND_ID if fields["organization"] == ACME_ID else ACME_ID
        elif what == "token":
            fields["api_token"] = self.bench.world.new_token("phc_")
        else:
            fields["secret_api_token"] = self.bench.world.new_token("phs_")

    @rule(pending=questions)
    def restore(self, pending: Pending) -> None:
        """Everything is as it was when the question was asked: an old answer must not fit again."""
        self.bench.fields(pending.subject[1]).update(zip(STATE, pending.state, strict=True))

    @invariant()
    def nothing_left_that_should_not(self) -> None:
        assert self.violations == []

    # How ------------------------------------------------------------------------------------------------------------

    async def ask(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        answer = self.answer()
        if answer.action == "cancel" and answer.content == {"silence": True}:
            raise MCPError(code=-32000, message="the client broke")
        return answer

    def send(
        self,
        client: str,
        subject: Subject,
        name: str,
        arguments: dict[str, Any],
        responses: dict[str, Any] | None = None,
        state: str | None = None,
    ) -> CallToolResult | InputRequiredResult | None:
        self.wish = Wish(subject, name, asks=client.endswith("True"), arguments=arguments)
        self.asked_about = self.state(subject[1])
        session = self.clients[client].session

        async def called() -> CallToolResult | InputRequiredResult | None:
            try:
                return await session.call_tool(
                    subject[0], arguments, input_responses=responses, request_state=state, allow_input_required=True
                )
            except MCPError as error:
                if error.error.code == INVALID_PARAMS:  # a state that was tampered with
                    return None
                raise

        try:
            result = self.portal.call(called)
        finally:
            self.wish = None
            self.witness.ambush = None
            self.consents.clear()  # an answer counts in the call that it was given to, and in no other
        if isinstance(result, InputRequiredResult):
            (request,) = (result.input_requests or {}).values()
            assert isinstance(request, ElicitRequest)
        return result


def answer_of(answer: str) -> ElicitResult:
    return {
        "yes": ElicitResult(action="accept", content={"confirm": True}),
        "no tick": ElicitResult(action="accept", content={"confirm": False}),
        "wrong type": ElicitResult(action="accept", content={"confirm": "true"}),
        "decline": ElicitResult(action="decline"),
        "cancel": ElicitResult(action="cancel"),
        "nothing": ElicitResult(action="cancel", content={"silence": True}),
    }[answer]
