"""How often the right tool comes first, and how often among the first five."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from dev.retrieval.questions import Query, questions
from dev.retrieval.rank import RANKERS
from dev.retrieval.tools import SearchedTool, other_tools, our_tools

__all__ = ["FEW", "Answered", "Found", "answer", "found"]

FEW: Final = 5
"""As many tools a search usually hands to a model: three to five, by the documents of such searches."""


class Answered(NamedTuple):
    """A question, what the search put first, and at which place the right tool came."""

    question: Query
    first: SearchedTool
    place: int


class Found(NamedTuple):
    """The shares of the questions whose right tool came first, and among the first few."""

    first: float
    among_few: float


def answer(ranker: str, name: str) -> list[Answered]:
    """Answer a set of questions with one ranker."""
    ours = {tool.name: tool for tool in our_tools()}
    # Ours are listed last: where others score as much, the others count as found.
    rank = RANKERS[ranker]([*other_tools(), *ours.values()])
    answers = []
    for question in questions(name):
        ranked = rank(question.text)
        answers.append(Answered(question, ranked[0], ranked.index(ours[question.tool]) + 1))
    return answers


def found(answers: Sequence[Answered]) -> Found:
    """Return the shares of some answers."""
    places = [each.place for each in answers]
    return Found(*(sum(place <= most for place in places) / len(places) for most in (1, FEW)))
