"""Mutants of what results say: the way back, changes for good, equality, success, causes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dev.mutants.mutant import Mutant

__all__ = ["RESULTS"]

_TRUTH: Final = "tests/mcp/test_truth_of_receipts.py::"
_FOR_GOOD: Final = "tests/mcp/test_irreversible_settings.py"
_HOLD: Final = "tests/security/test_limits_hold.py::"
_LIMIT: Final = "tests/mcp/test_result_limit.py"

RESULTS: Final[Mapping[str, tuple[Mutant, ...]]] = {
    "What is offered for another call is exact, or left out with the reason": (
        Mutant(
            "suggest-redacted-arguments",
            "src/projects_mcp/runner/result.py",
            'if "next" in clean and clean["next"] != body["next"]:',
            'if "next" not in clean:',
            (f"{_TRUTH}test_a_suggested_call_has_exactly_its_arguments_or_none",),
        ),
        Mutant(
            "revert-to-a-redacted-value",
            "src/projects_mcp/runner/result.py",
            'exact = {name: value for name, value in settings.items() if revert["settings"].get(name) == value}',
            'exact = revert["settings"]',
            (f"{_TRUTH}test_what_may_not_be_shown_is_no_way_back",),
        ),
        Mutant(
            "cut-inside-a-way-back",
            "src/projects_mcp/runner/bounds.py",
            '_WHOLE: Final = frozenset({"revert", "next"})',
            "_WHOLE: Final = frozenset[str]()",
            (f"{_LIMIT}::test_a_way_back_is_whole_or_not_there", f"{_TRUTH}test_a_way_back_is_whole_or_named"),
        ),
        Mutant(
            "forget-what-a-cut-way-back-held",
            "src/projects_mcp/runner/bounds.py",
            'if name == "revert":',
            'if name == "reverted":',
            (f"{_LIMIT}::test_a_way_back_is_whole_or_not_there", f"{_TRUTH}test_a_way_back_is_whole_or_named"),
        ),
        Mutant(
            "offer-a-way-back-that-is-refused",
            "src/projects_mcp/tools/way_back.py",
            "taken = fits(setting.schema, value)",
            "taken = True",
            (f"{_TRUTH}test_whatever_was_there_before_a_way_back_restores_it_or_is_not_offered",),
        ),
        Mutant(
            "suggest-the-current-organization",
            "src/projects_mcp/tools/update.py",
            'arguments: JSONObject = {"organization_id": str(context.organization), "project_id": context.project}',
            'arguments: JSONObject = {"organization_id": "@current", "project_id": context.project}',
            ("tests/mcp/test_restricted_keys.py::test_what_a_preview_suggests_works_whatever_is_current_later",),
        ),
    ),
    "A marker of the server's is no value": (
        Mutant(
            "take-a-redacted-value",
            "src/projects_mcp/tools/validation.py",
            "elif REDACTED in text or _MASKED_TOKEN.search(text):",
            "elif _MASKED_TOKEN.search(text):",
            (f"{_TRUTH}test_a_marker_of_ours_is_never_written_back",),
        ),
        Mutant(
            "take-a-masked-token",
            "src/projects_mcp/tools/validation.py",
            "elif REDACTED in text or _MASKED_TOKEN.search(text):",
            "elif REDACTED in text:",
            (f"{_TRUTH}test_a_marker_of_ours_is_never_written_back",),
        ),
        Mutant(
            "take-the-word-for-a-withheld-value",
            "src/projects_mcp/tools/update.py",
            "if name in WITHHELD_FIELDS and value in PRESENCE",
            "if name in WITHHELD_FIELDS and value is PRESENCE",
            (f"{_HOLD}test_a_word_in_the_place_of_a_withheld_value_is_not_written_back",),
        ),
    ),
    "A change that cannot be undone goes through the gates of a destructive tool": (
        Mutant(
            "forget-the-token-of-widgets",
            "src/projects_mcp/api/settings_impact.py",
            'return SETTINGS["conversations_enabled"].impact if before and not after else ""',
            'return ""',
            (f"{_FOR_GOOD}::test_without_the_name_nothing_is_sent_and_the_loss_is_told",),
        ),
        Mutant(
            "forget-that-logs-are-deleted",
            "src/projects_mcp/api/settings_impact.py",
            'return f"Logs that are older than {now:g} days are deleted." if now < was else ""',
            'return ""',
            (f"{_FOR_GOOD}::test_without_the_name_nothing_is_sent_and_the_loss_is_told",),
        ),
        Mutant(
            "change-a-protected-project-for-good",
            "src/projects_mcp/tools/update.py",
            "    context.authorization.require_irreversible(context.project)\n",
            "",
            (f"{_FOR_GOOD}::test_what_bounds_a_destructive_tool_bounds_it_too",),
        ),
        Mutant(
            "change-for-good-whatever-the-callers-level",
            "src/projects_mcp/policy/authorization.py",
            "refusal = self._by_operator(project, Effect.DESTROY) or self._by_caller(None, Effect.DESTROY)",
            "refusal = self._by_operator(project, Effect.DESTROY)",
            ("tests/process/test_http_callers.py::test_a_change_for_good_needs_the_callers_full_access",),
        ),
        Mutant(
            "change-for-good-without-the-name",
            "src/projects_mcp/tools/update.py",
            "        raise ConfirmationNeeded(consequences=list(lost.values()))\n",
            '        name = str(before["name"])\n',
            (f"{_FOR_GOOD}::test_without_the_name_nothing_is_sent_and_the_loss_is_told",),
        ),
        Mutant(
            "ask-nobody-about-a-change-for-good",
            "src/projects_mcp/tools/update.py",
            "    await confirm(context, target, name, f",
            "    _ = (context, target, name, f",
            (f"{_FOR_GOOD}::test_a_person_is_asked_what_is_lost",),
        ),
        Mutant(
            "offer-a-way-back-from-a-change-for-good",
            "src/projects_mcp/tools/way_back.py",
            "for_good = {*irreversible(diff.changed), *irreversible(backwards)}",
            "for_good = {*irreversible(backwards)}",
            (f"{_FOR_GOOD}::test_with_the_name_it_is_written_and_claims_no_way_back",),
        ),
        Mutant(
            "offer-a-way-back-that-is-for-good",
            "src/projects_mcp/tools/way_back.py",
            "for_good = {*irreversible(diff.changed), *irreversible(backwards)}",
            "for_good = {*irreversible(diff.changed)}",
            (f"{_FOR_GOOD}::test_the_other_direction_needs_no_name_and_offers_no_way_back_that_would",),
        ),
        Mutant(
            "confirm-one-loss-and-write-another",
            "src/projects_mcp/tools/update.py",
            "if lasting and await context.work(_irreversible, sent, before) != lost:",
            "if lasting and lost and not await context.work(_irreversible, sent, before):",
            ("tests/mcp/test_project_locks.py::test_what_becomes_for_good_while_it_waits_is_not_written",),
        ),
        Mutant(
            "fear-for-recordings-that-stay",
            "src/projects_mcp/api/settings_capture.py",
            'impact="It concerns recordings from now on; existing ones keep the period that they had.",',
            'impact="Recordings that are older are deleted.",',
            ("tests/mcp/test_versions_of_posthog.py::test_the_period_of_recordings_claims_nothing_that_is_lost",),
        ),
    ),
    "Equality is that of JSON": (
        Mutant(
            "take-true-for-one",
            "src/projects_mcp/api/json_values.py",
            "    if isinstance(first, bool) or isinstance(second, bool):\n        return False\n",
            "",
            (f"{_TRUTH}test_equality_is_that_of_json",),
        ),
        Mutant(
            "expect-values-that-no-setting-has",
            "src/projects_mcp/tools/update.py",
            'checked: JSONObject = validate(_EXPECTED, {"expected": values}).values["expected"]',
            "checked: JSONObject = dict(values)",
            (f"{_TRUTH}test_equality_is_that_of_json",),
        ),
        Mutant(
            "hide-that-only-the-order-differs",
            "src/projects_mcp/api/settings_impact.py",
            'return shown if added or removed else {**shown, "order": "The same items stand in another order."}',
            "return shown",
            (f"{_TRUTH}test_a_long_list_in_another_order_is_shown_as_that",),
        ),
        Mutant(
            "count-the-same-item-once",
            "src/projects_mcp/api/json_values.py",
            "            left[key] -= 1\n        else:\n",
            "            pass\n        else:\n",
            (f"{_TRUTH}test_a_long_list_in_another_order_is_shown_as_that",),
        ),
    ),
    "Only what PostHog's answer shows is called done": (
        Mutant(
            "take-an-id-for-a-project",
            "src/projects_mcp/gateway/answers.py",
            "number != (project or number) or not isinstance(name, str):",
            "number != (project or number):",
            (f"{_HOLD}test_an_answer_about_something_else_is_no_success",),
        ),
        Mutant(
            "take-another-name-for-success",
            "src/projects_mcp/gateway/answers.py",
            "if elsewhere or (names and name.strip() not in names):",
            "if elsewhere:",
            (f"{_HOLD}test_an_answer_about_something_else_is_no_success",),
        ),
        Mutant(
            "take-another-organization-for-success",
            "src/projects_mcp/gateway/answers.py",
            "if elsewhere or (names and name.strip() not in names):",
            "if names and name.strip() not in names:",
            (f"{_HOLD}test_an_answer_about_something_else_is_no_success",),
        ),
        Mutant(
            "take-back-whatever-came-after",
            "src/projects_mcp/tools/way_back.py",
            'expected = {name: diff.changed[name]["after"] for name in',
            'expected = {name: diff.changed[name]["before"] for name in',
            (
                "tests/mcp/test_activity.py::test_a_change_of_others_is_taken_back_exactly_or_refused_with_what_is_there",
            ),
        ),
        Mutant(
            "call-a-deletion-begun-that-is-not",
            "src/projects_mcp/tools/deletion.py",
            '    if project.get("is_pending_deletion") is True:\n',
            '    if project.get("is_pending_deletion") != "":\n',
            (f"{_HOLD}test_a_deletion_that_left_the_project_as_it_was_is_not_called_begun",),
        ),
        Mutant(
            "promise-more-decimals-than-posthog-takes",
            "src/projects_mcp/tools/validation.py",
            'elif "decimals" in schema and round(value, schema["decimals"]) != value:',
            'elif "decimals" in schema and round(value, 3) != value:',
            (f"{_TRUTH}test_a_preview_promises_nothing_that_posthog_refuses",),
        ),
    ),
    "The cause of a 403 is read from where PostHog states it": (
        Mutant(
            "read-a-cause-inside-a-sentence",
            "src/projects_mcp/errors/forbidden.py",
            "        return sentence.startswith(beginning)\n",
            "        return beginning in sentence\n",
            ("tests/mcp/test_results.py::test_a_name_inside_a_sentence_is_no_cause",),
        ),
        Mutant(
            "read-a-scope-inside-a-sentence",
            "src/projects_mcp/errors/forbidden.py",
            "if scope := _MISSING_SCOPE.match(sentence):",
            "if scope := _MISSING_SCOPE.search(sentence):",
            ("tests/mcp/test_results.py::test_a_name_inside_a_sentence_is_no_cause",),
        ),
    ),
    "A name that holds invisible characters is told, and how to confirm it": (
        Mutant(
            "hide-that-a-name-hides-something",
            "src/projects_mcp/tools/views.py",
            'return {"name_note": _INVISIBLE} if has_invisible(project.get("name")) else {}',
            "return {}",
            (f"{_TRUTH}test_a_name_with_invisible_characters_is_told_and_so_is_what_to_do",),
        ),
        Mutant(
            "take-the-visible-form-of-a-name",
            "src/projects_mcp/gateway/confirmation.py",
            "    if name != target.name:\n",
            "    if strip_invisible(name) != strip_invisible(target.name):\n",
            (f"{_TRUTH}test_a_name_with_invisible_characters_is_told_and_so_is_what_to_do",),
        ),
        Mutant(
            "do-not-say-how-to-confirm",
            "src/projects_mcp/gateway/confirmation.py",
            "raise NameMismatch(invisible=has_invisible(target.name))",
            "raise NameMismatch(invisible=False)",
            (f"{_TRUTH}test_a_name_with_invisible_characters_is_told_and_so_is_what_to_do",),
        ),
    ),
    "What PostHog says is quoted without markup, and not at all of a failure": (
        Mutant(
            "quote-markup",
            "src/projects_mcp/errors/rejected.py",
            'text, taken = _MARKUP.subn("", text)',
            "text, taken = text, 0",
            (f"{_HOLD}test_a_detail_loses_its_markup_and_a_failure_its_page", "tests/security/test_redaction.py"),
        ),
        Mutant(
            "quote-a-failure",
            "src/projects_mcp/errors/rejected.py",
            'return Words("server_error", f"PostHog failed with status {self.status}.", "Try again later.")',
            'return Words("server_error", f"PostHog failed with status {self.status}. {self.detail}", "Try later.")',
            (f"{_HOLD}test_a_detail_loses_its_markup_and_a_failure_its_page",),
        ),
    ),
}
