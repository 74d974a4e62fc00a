"""The graders of descriptions are held to their floors, and to a table of what is refused."""

from __future__ import annotations

import pytest

from dev.conformance.graders import FLOORS, judge
from dev.conformance.graders_refused import REFUSED


@pytest.mark.parametrize("name", FLOORS)
def test_a_grade_fails_for_less_points_for_what_is_new_and_for_what_is_gone(name: str) -> None:
    refused = list(REFUSED[name])
    assert judge(name, FLOORS[name], refused) == []
    assert "is below" in "".join(judge(name, FLOORS[name] - 0.1, refused))
    assert "NEW is new" in "".join(judge(name, 100, [*refused, "NEW"]))
    assert f"{refused[0]} is not found any more" in "".join(judge(name, 100, refused[1:]))
    assert all(REFUSED[name].values())


def test_every_grader_has_a_table() -> None:
    assert set(FLOORS) == set(REFUSED)
