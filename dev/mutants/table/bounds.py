"""Mutants of bounds: time, numbers, memory, the limit of a result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dev.mutants.mutant import Mutant

__all__ = ["BOUNDS"]

_LOOP: Final = "tests/mcp/test_event_loop.py::"
_BOUNDED: Final = "tests/unit/test_bounded_memory.py::"

BOUNDS: Final[Mapping[str, tuple[Mutant, ...]]] = {
    "Work grows linearly, and nothing holds the event loop": (
        Mutant(
            "look-for-tokens-in-quadratic-time",
            "src/projects_mcp/sanitize/patterns.py",
            r'rf"(?:(?<![A-Za-z0-9_-])|{_START}(?<![_-]))eyJ[A-Za-z0-9_-]{{10,16384}}(?:\.[A-Za-z0-9_-]*){{1,4}}"',
            r'r"eyJ[A-Za-z0-9_-]{10,}(?:\.[A-Za-z0-9_-]*){1,4}"',
            ("tests/security/test_patterns.py",),
            hangs=True,
        ),
        Mutant(
            "look-through-a-text-of-any-length",
            "src/projects_mcp/sanitize/redaction.py",
            "return self._removed(text) if len(text) <= _LONGEST_TEXT else REDACTED",
            "return self._removed(text)",
            ("tests/security/test_redaction.py::test_a_text_that_is_too_long_to_be_looked_through_is_not_shown",),
        ),
        Mutant(
            "finish-large-results-in-the-loop",
            "src/projects_mcp/runner/runner.py",
            "body, text = await anyio.to_thread.run_sync(finish) if context.large else finish()",
            "body, text = finish()",
            (f"{_LOOP}test_no_answer_holds_the_loop",),
        ),
        Mutant(
            "work-on-large-projects-in-the-loop",
            "src/projects_mcp/gateway/context.py",
            "            return await anyio.to_thread.run_sync(function, *arguments)\n",
            "            pass\n",
            (f"{_LOOP}test_no_answer_holds_the_loop",),
        ),
        Mutant(
            "take-any-number-of-values-from-posthog",
            "src/projects_mcp/posthog/client.py",
            "if values > self.limits.body_values:",
            "if values < 0:",
            (f"{_LOOP}test_an_answer_beyond_the_bounds_is_refused_before_it_is_read",),
        ),
        Mutant(
            "take-any-number-of-values-from-a-caller",
            "src/projects_mcp/tools/validation.py",
            "    if values > _MAX_VALUES:\n",
            "    if values < 0:\n",
            ("tests/mcp/test_arguments.py", f"{_LOOP}test_no_arguments_hold_the_loop"),
        ),
        Mutant(
            "compare-lists-item-by-item",
            "src/projects_mcp/api/json_values.py",
            """    left = Counter(map(_key, before))
    added: list[Any] = []
    for item in after:
        key = _key(item)
        if left[key] > 0:
            left[key] -= 1
        else:
            added.append(item)
""",
            """    left = Counter(map(_key, before))
    added: list[Any] = []
    pool = list(before)
    for item in after:
        at = next((at for at, other in enumerate(pool) if same_json(item, other)), None)
        if at is None:
            added.append(item)
        else:
            left[_key(pool.pop(at))] -= 1
""",
            (f"{_BOUNDED}test_lists_are_compared_in_linear_time",),
        ),
    ),
    "A number that is none is refused": (
        Mutant(
            "take-an-infinite-number-from-posthog",
            "src/projects_mcp/posthog/response.py",
            "    if not math.isfinite(number):  # 1e999\n        raise ValueError(text[:20])\n",
            "",
            ("tests/security/test_limits_hold.py::test_a_number_that_is_none_is_refused_in_an_answer",),
        ),
        Mutant(
            "take-the-constants-of-javascript-from-posthog",
            "src/projects_mcp/posthog/response.py",
            "object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite",
            "object_pairs_hook=_unique, parse_float=_finite",
            ("tests/security/test_limits_hold.py::test_a_number_that_is_none_is_refused_in_an_answer",),
        ),
        Mutant(
            "expect-an-exponent-without-bound",
            "src/projects_mcp/tools/update.py",
            'checked: JSONObject = validate(_EXPECTED, {"expected": values}).values["expected"]',
            "checked: JSONObject = {name: value for name, value in values.items() if name in SETTINGS}",
            ("tests/mcp/test_truth_of_receipts.py::test_expected_values_are_those_that_a_setting_can_have",),
        ),
    ),
    "What is kept is bounded in bytes": (
        Mutant(
            "keep-harmless-texts-of-any-length",
            "src/projects_mcp/sanitize/redaction.py",
            "        if len(text) > _LONGEST_KEPT:",
            "        if len(text) > _LONGEST_TEXT:",
            (f"{_BOUNDED}test_long_names_are_not_kept",),
        ),
        Mutant(
            "keep-harmless-texts-in-any-number",
            "src/projects_mcp/sanitize/redaction.py",
            "    if len(texts) >= _MOST_HARMLESS:",
            "    if len(texts) >= 1_000 * _MOST_HARMLESS:",
            (f"{_BOUNDED}test_harmless_texts_are_kept_in_bounds",),
        ),
        Mutant(
            "keep-judged-names-of-any-length",
            "src/projects_mcp/sanitize/redaction.py",
            "return len(name) <= LONGEST_NAME and speaks_of_secret(name)",
            "return speaks_of_secret(name)",
            (f"{_BOUNDED}test_long_names_are_not_kept",),
        ),
        Mutant(
            "keep-plain-names-of-any-length",
            "src/projects_mcp/sanitize/redaction.py",
            "        if plain and len(name) <= _LONGEST_KEPT:",
            "        if plain:",
            (f"{_BOUNDED}test_long_names_are_not_kept",),
        ),
        Mutant(
            "hold-a-line-without-end",
            "src/projects_mcp/protocol/stdio_pipes.py",
            "elif self._begun_bytes > LONGEST_LINE_BYTES:",
            "elif self._begun_bytes < 0:",
            (
                "tests/process/test_stdio_wire.py::test_a_line_without_end_is_refused_before_it_ends_and_takes_no_memory",
            ),
            hangs=True,
        ),
        Mutant(
            "keep-what-follows-a-compressed-body",
            "src/projects_mcp/posthog/response.py",
            "            if inflate.unused_data:",
            "            if inflate is body:",
            (f"{_BOUNDED}test_what_follows_a_compressed_body_is_not_kept",),
        ),
    ),
    "The limit of a result holds for names too": (
        Mutant(
            "leave-out-where-a-project-is",
            "src/projects_mcp/runner/bounds.py",
            '"outcome", "organization_id", "project_id", "truncated"}',
            '"outcome", "project_id", "truncated"}',
            ("tests/mcp/test_result_limit.py",),
        ),
        Mutant(
            "shorten-no-text",
            "src/projects_mcp/runner/bounds.py",
            "    if _size(result) <= limit:\n        return result\n",
            "    if result:\n        return result\n",
            ("tests/mcp/test_result_limit.py",),
        ),
        Mutant(
            "name-all-that-is-left-out",
            "src/projects_mcp/runner/bounds.py",
            "        if left < 0:\n            break\n        named.append(name)\n",
            "        named.append(name)\n",
            ("tests/mcp/test_result_limit.py", "tests/mcp/test_results.py"),
        ),
    ),
}
