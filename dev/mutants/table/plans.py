"""Mutants of plans: what is agreed to, that each step is sent once, and what is left alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dev.mutants.mutant import Mutant

__all__ = ["PLANS"]

_STEP: Final = "src/projects_mcp/tools/plan_step.py"
_APPLYING: Final = "src/projects_mcp/tools/applying.py"
_PLANNING: Final = "src/projects_mcp/tools/planning.py"
_STORE: Final = "src/projects_mcp/tools/plan_store.py"
_CONFIRMATION: Final = "src/projects_mcp/gateway/confirmation.py"
_KILLED: Final = "tests/mcp/test_plans_killed.py::"
_FAULTS: Final = "tests/mcp/test_plans_faults.py::"
_CONSENT: Final = "tests/mcp/test_plans_consent.py::"
_PLAIN: Final = "tests/mcp/test_plans.py::"
_RIGHTS: Final = "tests/security/test_plans.py::"

PLANS: Final[Mapping[str, tuple[Mutant, ...]]] = {
    "A step of a plan is sent once, whatever ends in between": (
        Mutant(
            "send-a-step-that-another-process-has",
            _STEP,
            "if not await self._note(step, former, sent):",
            "if not await self._note(step, former, sent) and step.project_id < 0:",
            (f"{_KILLED}test_two_processes_at_once_write_each_project_once",),
        ),
        Mutant(
            "try-again-what-may-have-been-sent",
            _STEP,
            "mark = Mark(Status.UNKNOWN, _STILL)",
            "mark = Mark(Status.AGAIN, _STILL)",
            (f"{_FAULTS}test_a_lost_answer_is_settled_by_reading_and_never_sent_again",),
        ),
        Mutant(
            "note-a-step-after-it-was-sent",
            _STEP,
            """        if not await self._note(step, former, sent):
            return Carried(None)  # another call has it
        try:
            after = await context.write(context.organization, body)
""",
            """        try:
            after = await context.write(context.organization, body)
            if not await self._note(step, former, sent):
                return Carried(None)
""",
            (f"{_KILLED}test_a_process_that_ends_at_any_request_is_carried_on",),
        ),
    ),
    "A plan that is made again while a call is at work on it stays one": (
        Mutant(
            "replace-a-plan-under-a-call",
            "src/projects_mcp/state/plans.py",
            'return None if await self.store.get(self._key(plan, "planlease")) is None else found',
            "return None",
            (f"{_KILLED}test_a_plan_that_is_made_again_while_a_call_is_at_work_on_it_stays_one",),
        ),
    ),
    "A plan that is made twice before it is begun is one": (
        Mutant(
            "replace-a-plan-that-was-not-begun",
            "src/projects_mcp/state/plans.py",
            "        stays = await keep_steps(self.store, found.run, found.chunks, for_s)\n",
            "        stays = False\n",
            ("tests/state/test_plans.py::test_a_plan_that_is_made_twice_before_it_is_begun_is_one",),
        ),
        Mutant(
            "begin-a-plan-twice",
            "src/projects_mcp/state/plans.py",
            "            if now.begun and not now.stopped:\n                return now\n",
            "",
            ("tests/state/test_plans.py::test_a_plan_that_is_made_twice_before_it_is_begun_is_one",),
        ),
    ),
    "The list of a plan's projects is of the plan that is agreed to": (
        Mutant(
            "list-whatever-steps-are-in-the-store",
            "src/projects_mcp/http/approval/plan_list.py",
            "if plan.id != expected or",
            'if plan.id == "" or',
            ("tests/security/test_plan_page.py::test_the_list_is_of_the_plan_and_of_no_other",),
        ),
    ),
    "What others have changed since is left alone": (
        Mutant(
            "write-over-what-others-have-changed",
            _STEP,
            "        if not moved:\n            return step.sent, None\n",
            "        if moved is not None:\n            return step.sent, None\n",
            (f"{_PLAIN}test_a_plan_and_its_revert_restore_all_but_what_others_changed",),
        ),
        Mutant(
            "undo-what-others-have-changed",
            _STEP,
            "for name, value in step.sent.items() if name not in moved}",
            "for name, value in step.sent.items()}",
            (f"{_PLAIN}test_a_plan_and_its_revert_restore_all_but_what_others_changed",),
        ),
        Mutant(
            "undo-what-others-have-written-beside",
            "src/projects_mcp/api/settings_diff.py",
            "            if name in self.beside:\n",
            "            if not name:\n",
            ("tests/mcp/test_plans_other_writers.py",),
        ),
    ),
    "A plan is agreed to by a person, once, and again after it has stopped": (
        Mutant(
            "let-the-words-of-a-plan-do",
            _CONFIRMATION,
            "return await _consent(context, request, argument_is_enough=False)",
            "return await _consent(context, request, argument_is_enough=True)",
            (f"{_CONSENT}test_a_client_that_cannot_ask_is_offered_an_approval_of_the_plan",),
        ),
        Mutant(
            "take-any-words-for-those-of-the-plan",
            _APPLYING,
            "if words.strip() != whole.words:",
            "if not words.strip():",
            (f"{_PLAIN}test_a_plan_is_of_the_one_who_made_it_and_for_half_an_hour",),
        ),
        Mutant(
            "ask-nobody-for-what-cannot-be-undone",
            _APPLYING,
            "> MOST_WITHOUT_CONSENT or whole.is_irreversible:",
            "> MOST_WITHOUT_CONSENT:",
            (f"{_CONSENT}test_more_than_five_and_what_cannot_be_undone_need_a_person",),
        ),
        Mutant(
            "go-on-after-three-failures",
            _APPLYING,
            "        self._ended = self._ended or self.failures >= _MOST_FAILURES\n",
            "",
            (f"{_FAULTS}test_three_in_a_row_stop_until_a_person_says_so_again",),
        ),
        Mutant(
            "carry-out-whatever-steps-are-in-the-store",
            _STORE,
            "if (whole := Plan(steps, found.reverts)).id != found.id:",
            'if (whole := Plan(steps, found.reverts)).id == "":',
            (f"{_RIGHTS}test_steps_that_were_changed_in_the_store_are_not_carried_out",),
        ),
        Mutant(
            "keep-the-plans-of-all-callers-together",
            _STORE,
            "Plans.owner_of(context.origin, caller)",
            'Plans.owner_of(context.origin, "")',
            (f"{_RIGHTS}test_nobody_applies_the_plan_of_another_caller_or_without_the_rights",),
        ),
    ),
    "A plan does nothing that its caller may not do, and holds no secret": (
        Mutant(
            "change-for-good-by-a-plan-what-is-protected",
            _STEP,
            "            if step.lost:\n",
            "            if step.lost and step.project_id < 0:\n",
            (f"{_RIGHTS}test_what_was_allowed_when_it_was_made_is_asked_again_when_it_is_applied",),
        ),
        Mutant(
            "keep-a-secret-in-a-plan",
            _PLANNING,
            "if name in SECRET_FIELDS or holds_secret(redactor, name, SETTINGS[name].plain(value)):",
            "if name in SECRET_FIELDS:",
            (f"{_CONSENT}test_no_secret_is_kept_in_a_plan",),
        ),
    ),
    "A plan uses three quarters of what PostHog allows, and obeys its Retry-After": (
        Mutant(
            "count-only-what-a-step-reads",
            _APPLYING,
            "(await windows.take() or await windows.take())",
            "await windows.take()",
            ("tests/mcp/test_plans_limits.py::test_two_processes_with_a_plan_each_share_the_limits_of_the_key",),
        ),
        Mutant(
            "forget-retry-after-between-calls",
            _APPLYING,
            "if (wait_s := kept.not_before - plans.clock()) > 0:",
            "if (wait_s := kept.not_before - plans.clock()) > 1e9:",
            (f"{_FAULTS}test_retry_after_is_obeyed_in_full_by_whichever_process_comes_next",),
        ),
    ),
}
