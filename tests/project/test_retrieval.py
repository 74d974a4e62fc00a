"""A search finds the right one of our tools among those of others, for questions that nobody tuned the words to."""

from __future__ import annotations

import pytest

from dev.retrieval.questions import SETS, digest, questions
from dev.retrieval.tools import our_tools

FROZEN = {"first": "895c0f8812b17b3816b96a478d1ffa8f2d3c14605742225c71618918bf69b411"}


@pytest.mark.parametrize("name", SETS)
def test_the_questions_are_those_that_were_written_before_the_words(name: str) -> None:
    assert digest(name) == FROZEN[name]
    asked = questions(name)
    assert len({question.text for question in asked}) == len(asked)
    assert {question.tool for question in asked} == {tool.name for tool in our_tools()}
