"""Two ways to rank tools for a question, as clients without a model of meaning do it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from dev.retrieval.tools import SearchedTool
from dev.retrieval.words import cut

__all__ = ["RANKERS", "Ranker"]

Ranker: TypeAlias = Callable[[str], list[SearchedTool]]
"""Orders all tools for one question, the best first."""

_K1: Final = 1.2
_B: Final = 0.75
_IN_NAME: Final = 10
_IN_TEXT: Final = 2


def _bm25(tools: Sequence[SearchedTool]) -> Ranker:
    """Rank by BM25 over everything that is known of a tool.

    The formula is that of Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), 3.4,
    with the constants and the inverse document frequency of Lucene, which is never negative.
    """
    counts = [Counter(cut(tool.text)) for tool in tools]
    lengths = [count.total() for count in counts]
    usual = sum(lengths) / len(lengths)
    holding = Counter(word for count in counts for word in count)
    rarity = {word: math.log(1 + (len(tools) - many + 0.5) / (many + 0.5)) for word, many in holding.items()}

    def score(at: int, words: Sequence[str]) -> float:
        scale = _K1 * (1 - _B + _B * lengths[at] / usual)
        return sum(
            rarity[word] * counts[at][word] * (_K1 + 1) / (counts[at][word] + scale)
            for word in words
            if word in counts[at]
        )

    return _ranker(tools, score)


def _keywords(tools: Sequence[SearchedTool]) -> Ranker:
    """Rank by the words that occur at all, one in the name of the server or the tool counting five times as much."""
    names = [frozenset(cut(f"{tool.server} {tool.name}")) for tool in tools]
    texts = [frozenset(cut(tool.text)) for tool in tools]

    def score(at: int, words: Sequence[str]) -> float:
        return sum(_IN_NAME if word in names[at] else _IN_TEXT for word in set(words) if word in texts[at])

    return _ranker(tools, score)


def _ranker(tools: Sequence[SearchedTool], score: Callable[[int, Sequence[str]], float]) -> Ranker:
    """Order by a score, and equals as they are listed."""

    def rank(question: str) -> list[SearchedTool]:
        words = cut(question)
        return [tools[at] for at in sorted(range(len(tools)), key=lambda at: -score(at, words))]

    return rank


RANKERS: Final[Mapping[str, Callable[[Sequence[SearchedTool]], Ranker]]] = {"BM25": _bm25, "keywords": _keywords}
