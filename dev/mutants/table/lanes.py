"""Mutants of the two lanes over stdio: what is plain, what the SDK is told, and what is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dev.mutants.mutant import Mutant

__all__ = ["LANES"]

_HAND_OVER: Final = "tests/mcp/test_stdio_hand_over.py::"
_CALLED_OFF: Final = "tests/mcp/test_stdio_called_off.py::"
_PLAIN: Final = "tests/mcp/test_plain_messages.py::"
_MESSAGES: Final = "src/projects_mcp/protocol/plain_messages.py"
_PLAIN_LANE: Final = "src/projects_mcp/protocol/plain_lane.py"
_LANES: Final = "src/projects_mcp/protocol/stdio_lanes.py"

LANES: Final[Mapping[str, tuple[Mutant, ...]]] = {
    "Both lanes see the same connection": (
        Mutant(
            "go-on-after-garbage-before-the-opening",
            _PLAIN_LANE,
            "self._shared, self._over = True, self._may_still_shake_hands",
            "self._shared = True",
            (f"{_HAND_OVER}test_garbage_before_the_opening_leaves_everything_to_the_sdk",),
        ),
        Mutant(
            "tell-the-sdk-of-no-handshake",
            _PLAIN_LANE,
            "            self._told.append((_INITIALIZE, params))\n",
            "",
            (f"{_HAND_OVER}test_a_person_is_asked_as_the_handshake_allows",),
        ),
        Mutant(
            "let-a-handshake-follow-a-call",
            _PLAIN_LANE,
            "            self._may_still_shake_hands = False\n        elif",
            "            pass\n        elif",
            (f"{_HAND_OVER}test_the_handshake_may_follow_the_question_for_the_revisions",),
        ),
        Mutant(
            "give-the-next-line-before-the-handshake-is-over",
            _LANES,
            "await self._told_answered.wait()",
            "pass",
            (f"{_HAND_OVER}test_batches_know_the_revision_of_a_handshake_that_the_sdk_has_not_seen",),
        ),
    ),
    "What is asked of a person or cannot be undone is never plain": (
        Mutant(
            "make-destructive-calls-plain",
            _PLAIN_LANE,
            " or tool.effect.needs_confirmation:",
            ":",
            (f"{_PLAIN}test_a_destructive_tool_is_never_plain",),
        ),
        Mutant(
            "make-confirmed-changes-plain",
            _PLAIN_LANE,
            " and arguments.keys() - _CHANGED_BY_SETTINGS_ONLY:",
            " and not arguments:",
            (f"{_PLAIN}test_a_change_that_may_ask_somebody_is_not_plain",),
        ),
    ),
    "Whoever wants to know how far a call is, is told": (
        Mutant(
            "make-calls-with-progress-plain",
            _PLAIN_LANE,
            "not request.wants_progress or ",
            "request is not None or ",
            (f"{_PLAIN}test_a_call_that_tells_how_far_it_is_is_not_plain",),
        ),
    ),
    "A plain message has one reading": (
        Mutant(
            "take-a-key-that-stands-twice",
            "src/projects_mcp/api/strict_json.py",
            "    if len(found) != len(pairs):\n",
            "    if found is None:\n",
            (f"{_PLAIN}test_what_is_odd_is_not_plain",),
        ),
        Mutant(
            "take-what-is-nested-deep",
            _MESSAGES,
            'line.count("{") + line.count("[") > _MOST_BRACKETS or ',
            "",
            (f"{_PLAIN}test_what_is_odd_is_not_plain",),
        ),
        Mutant(
            "take-fields-that-are-not-known",
            _MESSAGES,
            "for name, item in value.items())",
            "for name, item in value.items() if name in form.fields)",
            (f"{_PLAIN}test_what_is_odd_is_not_plain",),
        ),
        Mutant(
            "take-half-a-character",
            _MESSAGES,
            ' or "\\\\ud" in line',
            "",
            (f"{_PLAIN}test_what_is_odd_is_not_plain",),
        ),
    ),
    "Each request is answered once, or not at all if it is called off": (
        Mutant(
            "write-what-the-sdk-is-told",
            _LANES,
            "        else:\n            await self._write(text)\n",
            "        await self._write(text)\n",
            (f"{_HAND_OVER}test_what_was_done_before_is_not_done_again",),
        ),
        Mutant(
            "do-what-was-called-off-meanwhile",
            _LANES,
            'self._waiting.pop(key).line = ""',
            "self._waiting.pop(key)",
            (f"{_HAND_OVER}test_what_is_called_off_meanwhile_is_not_done",),
        ),
        Mutant(
            "call-off-nothing",
            _PLAIN_LANE,
            "        request.scope.cancel()\n        return True\n",
            "        return True\n",
            (f"{_CALLED_OFF}test_a_call_can_be_called_off",),
        ),
        Mutant(
            "wait-for-what-was-called-off-by-its-number-in-quotes",
            "src/projects_mcp/protocol/stdio_transport.py",
            "self._latest.get(coerce_request_id(named))",
            "self._latest.get(named)",
            (f"{_CALLED_OFF}test_a_batch_does_not_wait_for_a_call_that_is_called_off_by_its_number_in_quotes",),
        ),
        Mutant(
            "answer-errors-for-what-the-other-lane-answers",
            "src/projects_mcp/protocol/stdio_transport.py",
            "        return number in self._under_way or number in self.elsewhere\n",
            "        return number in self._under_way\n",
            (f"{_CALLED_OFF}test_an_error_never_takes_the_place_of_an_answer_of_the_other_lane",),
        ),
        Mutant(
            "leave-calls-without-an-answer-at-the-end",
            _PLAIN_LANE,
            "        if not outcome and self._ends:\n            outcome = _CLOSED\n",
            "",
            (f"{_CALLED_OFF}test_a_call_that_takes_too_long_after_the_end_is_answered_so",),
        ),
    ),
    "No line is torn": (
        Mutant(
            "write-two-lines-at-once",
            "src/projects_mcp/protocol/stdio_pipes.py",
            "        async with self._turn:\n",
            "        if self._turn is not None:\n",
            ("tests/process/test_stdio_fast_start.py::test_both_lanes_go_on_side_by_side_and_no_line_is_torn",),
        ),
    ),
    "What is recorded is the SDK's": (
        Mutant(
            "publish-other-words-than-the-sdk",
            "src/projects_mcp/tools/update.py",
            '"Change PostHog settings or rename a PostHog project. ',
            '"Update PostHog settings or rename a PostHog project. ',
            (f"{_PLAIN}test_what_is_recorded_is_what_the_sdk_answers",),
        ),
        Mutant(
            "write-small-numbers-as-python-does",
            "src/projects_mcp/protocol/published.py",
            "return _TOKENS.sub(_number, written)",
            "return written",
            (f"{_PLAIN}test_small_numbers_are_written_as_the_sdk_does",),
        ),
    ),
}
