"""Choices of integers are published as ranges, since Gemini refuses a whole request for one such choice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects_mcp.errors.refusals import InvalidArguments
from projects_mcp.tools.schema import closed_object, public_schema
from projects_mcp.tools.validation import validate


@given(choices=st.lists(st.integers(-20, 20), min_size=1, max_size=6, unique=True), about=st.sampled_from(["", "Size"]))
def test_a_choice_of_integers_is_published_as_its_range_and_still_enforced(choices: list[int], about: str) -> None:
    argument = {"type": "integer", "enum": choices, **({"description": about} if about else {})}
    enforced = closed_object({"size": argument})
    published = public_schema(enforced)["properties"]["size"]
    lowest, highest = published["minimum"], published["maximum"]
    assert "enum" not in published
    assert (lowest, highest) == (min(choices), max(choices))
    between = set(range(lowest, highest + 1)) - set(choices)
    words = published.get("description", "")
    assert words.startswith(about)
    assert all(str(choice) in words for choice in choices) if between else words == about
    for value in range(lowest - 1, highest + 2):
        assert _is_taken(enforced, value) is (value in choices)


def _is_taken(enforced: dict[str, object], value: int) -> bool:
    try:
        return validate(enforced, {"size": value}).values == {"size": value}
    except InvalidArguments:
        return False


def test_an_unknown_name_is_refused_although_no_schema_says_so() -> None:
    enforced = closed_object({"settings": closed_object({"inner": {"type": "string"}})})
    assert "additionalProperties" not in str(public_schema(enforced))
    for wrong in ({"other": 1}, {"settings": {"other": 1}}):
        with pytest.raises(InvalidArguments) as caught:
            validate(enforced, wrong)
        assert "There is no" in str(caught.value.problems)
