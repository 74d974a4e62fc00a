"""Mutants of a person's yes: what it is for, that it counts once, and that a no stays a no."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dev.mutants.mutant import Mutant

__all__ = ["CONSENT"]

_SPENT: Final = "tests/security/test_answers_are_spent.py"
_EXACT: Final = "tests/security/test_approvals_are_exact.py::"
_GATES: Final = "tests/security/test_gates.py::TestGatesAndApprovals"
_STATES: Final = "tests/state/test_approvals.py::"
_IN_TIME: Final = "tests/state/test_approvals_in_time.py::"
_ELICITATION: Final = "src/projects_mcp/protocol/elicitation.py"
_CONFIRMATION: Final = "src/projects_mcp/gateway/confirmation.py"
_APPROVALS: Final = "src/projects_mcp/state/approvals.py"

CONSENT: Final[Mapping[str, tuple[Mutant, ...]]] = {
    "A yes is used up by being given, whatever becomes of its round": (
        Mutant(
            "spend-a-yes-only-where-it-counts",
            _ELICITATION,
            """        digest = hashlib.sha256(self._nonce.encode("utf-8", "surrogatepass")).hexdigest()
        try:
            self._counts = await store.add(f"spent:{digest}", "1", 2 * ROUNDS_APART_S)
        except StoreError as error:
            self._store_error = str(error)

    async def request_consent(self, request: ConfirmationRequest) -> Consent:
        \"\"\"Read the answer that this round brings. If it comes back without one, the client has failed.
""",
            """        self._store = store

    async def request_consent(self, request: ConfirmationRequest) -> Consent:
        if self.answered and self._digest == request.digest:
            digest = hashlib.sha256(self._nonce.encode("utf-8", "surrogatepass")).hexdigest()
            try:
                self._counts = await self._store.add(f"spent:{digest}", "1", 2 * ROUNDS_APART_S)
            except StoreError as error:
                self._store_error = str(error)
        \"\"\"Read the answer that this round brings. If it comes back without one, the client has failed.
""",
            (_SPENT,),
        ),
        Mutant(
            "never-spend-a-yes",
            _ELICITATION,
            'self._counts = await store.add(f"spent:{digest}", "1", 2 * ROUNDS_APART_S)',
            "self._counts = True",
            (_SPENT,),
        ),
        Mutant(
            "forget-a-spent-yes-too-soon",
            _ELICITATION,
            'f"spent:{digest}", "1", 2 * ROUNDS_APART_S)',
            'f"spent:{digest}", "1", ROUNDS_APART_S / 2)',
            (f"{_SPENT}::test_a_spent_yes_is_remembered_as_long_as_its_question_counts",),
        ),
        Mutant(
            "take-a-yes-that-cannot-be-remembered",
            _ELICITATION,
            "            self._store_error = str(error)\n",
            "            self._counts = bool(str(error))\n",
            (f"{_SPENT}::test_an_answer_that_cannot_be_remembered_does_not_count",),
        ),
        Mutant(
            "take-a-yes-to-another-state",
            _ELICITATION,
            "if not self._counts or self._digest != request.digest:",
            "if not self._counts:",
            ("tests/mcp/test_confirmation.py::test_a_project_that_changes_while_the_person_thinks_is_left_alone",),
        ),
        Mutant(
            "do-not-look-again-before-destroying",
            _CONFIRMATION,
            "    if not now.is_same_as(target):\n        raise ChangedMeanwhile\n",
            "",
            ("tests/mcp/test_confirmation.py::test_a_project_that_changes_after_it_was_first_read_is_left_alone",),
        ),
    ),
    "An approval counts for exactly the call and the state that a person has seen": (
        Mutant(
            "approve-whatever-the-arguments",
            _CONFIRMATION,
            'whose, arguments = "" if caller is None else caller.name, _ENCODER.encode(context.arguments)',
            'whose, arguments = "" if caller is None else caller.name, ""',
            (f"{_EXACT}test_an_approval_counts_for_nothing_but_its_call",),
        ),
        Mutant(
            "approve-whoever-calls",
            _CONFIRMATION,
            'whose, arguments = "" if caller is None else caller.name, _ENCODER.encode(context.arguments)',
            'whose, arguments = "", _ENCODER.encode(context.arguments)',
            (f"{_EXACT}test_an_approval_counts_for_nothing_but_its_call",),
        ),
        Mutant(
            "approve-whatever-the-state",
            _CONFIRMATION,
            "{whose}\\x00{arguments}\\x00{request.digest}",
            "{whose}\\x00{arguments}",
            (f"{_EXACT}test_an_approval_counts_for_nothing_but_its_call", _GATES),
        ),
        Mutant(
            "go-on-after-a-no",
            _CONFIRMATION,
            "        if decided.status is Status.DENIED:\n",
            "        if decided.status is Status.USED:\n",
            (f"{_EXACT}test_a_no_stays_a_no_for_its_time", _GATES),
        ),
        Mutant(
            "offer-again-what-was-denied-meanwhile",
            "src/projects_mcp/gateway/approval_offers.py",
            "    if approval.status is Status.DENIED:\n",
            "    if approval.status is Status.USED:\n",
            (f"{_EXACT}test_a_no_that_comes_while_the_call_is_under_way_is_told",),
        ),
        Mutant(
            "go-on-without-the-approvals",
            _CONFIRMATION,
            "        raise StateUnavailable(reason=str(error)) from None\n    if decided",
            "        return ConfirmationEvidence(Channel.ARGUMENT, str(error))\n    if decided",
            ("tests/mcp/test_state_away.py::test_what_goes_away_during_a_call_stops_it",),
        ),
        Mutant(
            "let-the-name-do-where-approvers-are-named",
            _CONFIRMATION,
            "if not named_approvers and (confirmation is Confirmation.ARGUMENT or nobody_to_ask):",
            "if confirmation is Confirmation.ARGUMENT or nobody_to_ask:",
            (f"{_EXACT}test_where_approvers_are_named_nothing_else_will_do",),
        ),
        Mutant(
            "let-the-client-do-where-a-passkey-is-needed",
            _CONFIRMATION,
            "    must_sign = named_approvers or confirmation is Confirmation.PASSKEY\n",
            "    must_sign = named_approvers and confirmation is Confirmation.PASSKEY\n",
            (f"{_EXACT}test_where_a_passkey_is_wanted_a_client_will_not_do",),
        ),
    ),
    "An approval is decided once, by whom it asks for, and used once": (
        Mutant(
            "use-an-approval-again",
            _APPROVALS,
            "        return approval if await self.store.replace(key, text, used.dump()) else None\n",
            "        return approval if used else None\n",
            (f"{_STATES}TestApprovals", f"{_EXACT}test_an_approval_counts_for_nothing_but_its_call"),
        ),
        Mutant(
            "let-two-use-one-approval",
            _APPROVALS,
            "        return approval if await self.store.replace(key, text, used.dump()) else None\n",
            "        await self.store.replace(key, text, used.dump())\n        return approval\n",
            (f"{_STATES}test_two_processes_that_use_one_approval_at_once_use_it_once",),
        ),
        Mutant(
            "use-what-is-not-decided",
            _APPROVALS,
            "        if approval.status is not Status.GRANTED:\n",
            "        if approval.status is Status.USED:\n",
            (f"{_STATES}TestApprovals",),
        ),
        Mutant(
            "decide-again",
            _APPROVALS,
            "            if now.status is not Status.WAITING:\n",
            "            if now.status is Status.USED:\n",
            (f"{_STATES}TestApprovals",),
        ),
        Mutant(
            "let-two-decide-at-once",
            _APPROVALS,
            "            if await self.store.replace(key, text, decided.dump()):\n                return decided\n",
            "            await self.store.replace(key, text, decided.dump())\n            return decided\n",
            (f"{_STATES}test_two_processes_that_decide_at_once_decide_once",),
        ),
        Mutant(
            "decide-on-what-took-the-place-of-what-was-seen",
            _APPROVALS,
            "now is None or now.id != seen.id or now.until <= self.clock():",
            "now is None or now.until <= self.clock():",
            (f"{_IN_TIME}test_nobody_decides_on_what_they_have_not_seen",),
        ),
        Mutant(
            "decide-when-the-time-is-over",
            _APPROVALS,
            "now is None or now.id != seen.id or now.until <= self.clock():",
            "now is None or now.id != seen.id:",
            (f"{_IN_TIME}test_an_approval_is_over_when_it_says_so_whatever_the_store_keeps",),
        ),
        Mutant(
            "use-when-the-time-is-over",
            _APPROVALS,
            "approval is None or approval.until <= self.clock() or approval.binding != binding:",
            "approval is None or approval.binding != binding:",
            (f"{_IN_TIME}test_an_approval_is_over_when_it_says_so_whatever_the_store_keeps",),
        ),
        Mutant(
            "find-when-the-time-is-over",
            _APPROVALS,
            "return approval if of_code(code) in approval.codes and approval.until > self.clock() else None",
            "return approval if of_code(code) in approval.codes else None",
            (f"{_IN_TIME}test_an_approval_is_over_when_it_says_so_whatever_the_store_keeps",),
        ),
        Mutant(
            "open-a-new-approval-with-an-old-code",
            _APPROVALS,
            "return approval if of_code(code) in approval.codes and approval.until > self.clock() else None",
            "return approval if approval.until > self.clock() else None",
            (f"{_STATES}TestApprovals", f"{_IN_TIME}test_a_code_opens_no_approval_that_took_the_place_of_its_own"),
        ),
        Mutant(
            "take-a-typed-yes-where-a-passkey-is-needed",
            _APPROVALS,
            "if granted and seen.passkey and assertion is None:",
            "if granted and seen.passkey and assertion is not None and not assertion:",
            (f"{_STATES}test_only_a_signature_grants_what_needs_one_and_anybody_denies_it",),
        ),
        Mutant(
            "take-the-passkey-of-anybody",
            _APPROVALS,
            "if granted and seen.approvers is not None and (assertion is None or approver not in seen.approvers):",
            "if granted and seen.approvers is not None and assertion is None:",
            (f"{_STATES}test_an_approver_who_is_not_named_does_not_count",),
        ),
        Mutant(
            "offer-one-caller-without-end",
            _APPROVALS,
            'if await self.store.take(_key("offers", approval.caller), _OFFERS, APPROVAL_S):',
            'if await self.store.take(_key("offers", approval.caller), _OFFERS, APPROVAL_S) < 0:',
            (f"{_STATES}test_one_caller_is_offered_so_many_and_no_more",),
        ),
        Mutant(
            "lose-a-decision-that-comes-meanwhile",
            _APPROVALS,
            "            if left > (_REOPENED_S if former.status is Status.WAITING else 0):\n",
            "            if left > _REOPENED_S and former.status is Status.WAITING:\n",
            (f"{_STATES}test_a_decision_that_comes_while_the_call_is_refused_is_not_lost",),
        ),
        Mutant(
            "keep-codes-as-they-are",
            "src/projects_mcp/state/codes.py",
            'return hashlib.sha256(code.encode("ascii")).hexdigest()',
            "return code",
            (f"{_IN_TIME}test_no_code_is_in_the_store",),
        ),
    ),
}
